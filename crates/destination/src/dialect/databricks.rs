//! SQL of Databricks.

use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{SqlDialect, UnsupportedType, data_type, decimal_size, unsupported};
use crate::capabilities::{Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy};
use crate::statement::StatementKind;

/// SQL of Databricks.
#[derive(Debug, Clone, Copy)]
pub struct Databricks;

const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[FileFormat::Parquet, FileFormat::Jsonl],
    staging_file_formats: &[FileFormat::Parquet, FileFormat::Jsonl],
    identifier_len_max: 255,
    column_identifier_len_max: 255,
    case_folding: CaseFolding::Lower,
    text_bytes_max: 16 << 20,
    query_bytes_max: 2 << 20,
    add_many_columns: true,
    truncate: true,
    clone_table: true,
    merge_strategies: &[
        MergeStrategy::DeleteInsert,
        MergeStrategy::Upsert,
        MergeStrategy::Scd2,
        MergeStrategy::InsertOnly,
        MergeStrategy::Cdc,
    ],
    replace_strategies: &[
        ReplaceStrategy::TruncateAndInsert,
        ReplaceStrategy::InsertFromStaging,
        ReplaceStrategy::StagingOptimized,
    ],
    ..Capabilities::POOREST
};

const TEXT: TextRules = TextRules {
    prefix: "",
    quote: "\\'",
    escape_controls: false,
    keep_nul: false,
};

impl SqlDialect for Databricks {
    fn name(&self) -> &'static str {
        "databricks"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn literal(&self, value: &Literal) -> String {
        let binary = |bytes: &[u8]| format!("X'{}'", literal::hex_text(bytes));
        literal::common(
            value,
            |text| TEXT.text(text),
            |json| TEXT.text(json),
            binary,
        )
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        Ok(match data_type(column) {
            DataType::Text | DataType::Json | DataType::Time => "STRING".to_owned(),
            DataType::Double => "DOUBLE".to_owned(),
            DataType::Bool => "BOOLEAN".to_owned(),
            DataType::Timestamp if column.timezone.unwrap_or(true) => "TIMESTAMP".to_owned(),
            DataType::Timestamp => "TIMESTAMP_NTZ".to_owned(),
            DataType::Bigint => integer_type(self, column)?.to_owned(),
            DataType::Binary => "BINARY".to_owned(),
            DataType::Decimal => decimal(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => decimal(decimal_size(column, CAPABILITIES.wei_precision)),
            DataType::Date => "DATE".to_owned(),
        })
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some("changes metadata only; takes effect at once"),
            StatementKind::DropTable => {
                Some("takes effect at once; `UNDROP TABLE` can take it back")
            }
            _ => None,
        }
    }
}

fn decimal((precision, scale): (i64, i64)) -> String {
    format!("DECIMAL({precision},{scale})")
}

fn integer_type(dialect: &Databricks, column: &Column) -> Result<&'static str, UnsupportedType> {
    match column.precision {
        None | Some(33..=64) => Ok("BIGINT"),
        Some(..=8) => Ok("TINYINT"),
        Some(9..=16) => Ok("SMALLINT"),
        Some(17..=32) => Ok("INT"),
        Some(_) => Err(unsupported(dialect, column, "at most 64 bits")),
    }
}
