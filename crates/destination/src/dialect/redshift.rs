//! SQL of Redshift: Postgres' grammar with its own types and limits.

use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::postgres::{integer_type, numeric};
use super::{SqlDialect, UnsupportedType, data_type, decimal_size, with_length};
use crate::capabilities::{Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy};
use crate::statement::StatementKind;

/// SQL of Redshift.
#[derive(Debug, Clone, Copy)]
pub struct Redshift;

// No TRUNCATE: it ends the transaction, and a load would not be whole.
const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[FileFormat::InsertValues],
    staging_file_formats: &[FileFormat::Jsonl, FileFormat::Parquet],
    identifier_len_max: 127,
    column_identifier_len_max: 127,
    case_folding: CaseFolding::Lower,
    text_bytes_max: 65535,
    query_bytes_max: 16 << 20,
    ddl_in_transaction: true,
    transactions: true,
    temporary_tables: true,
    delete_alias: false,
    subqueries_with_or: false,
    merge_strategies: &[MergeStrategy::DeleteInsert, MergeStrategy::Scd2],
    replace_strategies: &[
        ReplaceStrategy::TruncateAndInsert,
        ReplaceStrategy::InsertFromStaging,
    ],
    ..Capabilities::POOREST
};

const TEXT: TextRules = TextRules {
    prefix: "",
    quote: "''",
    escape_controls: false,
    keep_nul: false,
};

impl SqlDialect for Redshift {
    fn name(&self) -> &'static str {
        "redshift"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn quote(&self, identifier: &str) -> String {
        literal::double_quoted(identifier)
    }

    fn literal(&self, value: &Literal) -> String {
        let binary = |bytes: &[u8]| format!("from_hex('{}')", literal::hex_text(bytes));
        let json = |json: &str| format!("json_parse({})", TEXT.text(json));
        literal::common(value, |text| TEXT.text(text), json, binary)
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        Ok(match data_type(column) {
            DataType::Text => match column.precision {
                Some(precision) => format!("varchar({precision})"),
                None => "varchar(max)".to_owned(),
            },
            DataType::Double => "double precision".to_owned(),
            DataType::Bool => "boolean".to_owned(),
            DataType::Timestamp if column.timezone.unwrap_or(true) => {
                "timestamp with time zone".to_owned()
            }
            DataType::Timestamp => "timestamp without time zone".to_owned(),
            DataType::Bigint => integer_type(self, column)?.to_owned(),
            DataType::Binary => with_length("varbinary", column.precision),
            DataType::Json => "super".to_owned(),
            DataType::Decimal => numeric(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => numeric(decimal_size(column, CAPABILITIES.wei_precision)),
            DataType::Date => "date".to_owned(),
            DataType::Time => "time without time zone".to_owned(),
        })
    }

    fn placeholder(&self, index: usize) -> String {
        format!("${}", index + 1)
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some(
                "locks the table against reads and writes until the migration commits; rows are not rewritten",
            ),
            StatementKind::DropTable => {
                Some("locks the table against everything; the rows are gone when it commits")
            }
            _ => None,
        }
    }

    fn hint_clause(&self, hint: &str) -> Option<&'static str> {
        match hint {
            "cluster" => Some("DISTKEY"),
            "sort" => Some("SORTKEY"),
            _ => None,
        }
    }

    /// CONCAT takes two texts and no more.
    fn concatenation(&self, columns: &[String]) -> String {
        let texts = columns
            .iter()
            .map(|column| format!("CAST({column} AS varchar)"));
        texts.collect::<Vec<_>>().join(" || ")
    }
}
