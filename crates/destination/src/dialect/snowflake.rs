//! SQL of Snowflake.

use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{
    SqlDialect, TableChange, TableExtras, UnsupportedType, data_type, decimal_size, first_text,
    primary_key, quoted_list, with_length,
};
use crate::capabilities::{
    AddColumns, Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy,
};
use crate::statement::StatementKind;
use crate::verify::Problem;

/// SQL of Snowflake.
#[derive(Debug, Clone, Copy)]
pub struct Snowflake;

// No temporary tables: making one ends the transaction, and a merge would not be whole.
const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[FileFormat::Jsonl, FileFormat::Parquet, FileFormat::Csv],
    staging_file_formats: &[FileFormat::Jsonl, FileFormat::Parquet, FileFormat::Csv],
    identifier_len_max: 255,
    column_identifier_len_max: 255,
    case_folding: CaseFolding::Upper,
    timestamp_precision_max: 9,
    text_bytes_max: 16 << 20,
    query_bytes_max: 2 << 20,
    ddl_in_transaction: true,
    transactions: true,
    add_columns: AddColumns::OneList,
    truncate: true,
    clone_table: true,
    subqueries_with_or: false,
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
    escape_controls: true,
    keep_nul: false,
};

impl SqlDialect for Snowflake {
    fn name(&self) -> &'static str {
        "snowflake"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    /// Unless the convention is case sensitive, names are upper case in the database.
    fn quote(&self, identifier: &str) -> String {
        literal::double_quoted(&identifier.to_uppercase())
    }

    fn literal(&self, value: &Literal) -> String {
        let binary = |bytes: &[u8]| format!("X'{}'", literal::hex_text(bytes));
        let json = |json: &str| format!("PARSE_JSON({})", TEXT.text(json));
        literal::common(value, |text| TEXT.text(text), json, binary)
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        Ok(match data_type(column) {
            DataType::Text => with_length("VARCHAR", column.precision),
            DataType::Double => "FLOAT".to_owned(),
            DataType::Bool => "BOOLEAN".to_owned(),
            DataType::Timestamp if column.timezone.unwrap_or(true) => {
                with_length("TIMESTAMP_LTZ", column.precision)
            }
            DataType::Timestamp => with_length("TIMESTAMP_NTZ", column.precision),
            DataType::Bigint => "NUMBER(19,0)".to_owned(),
            DataType::Binary => "BINARY".to_owned(),
            DataType::Json => "VARIANT".to_owned(),
            DataType::Decimal => number(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => number(decimal_size(column, CAPABILITIES.wei_precision)),
            DataType::Date => "DATE".to_owned(),
            DataType::Time => with_length("TIME", column.precision),
        })
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some("changes metadata only; commits at once"),
            StatementKind::DropTable => Some("commits at once; `UNDROP TABLE` can take it back"),
            _ => None,
        }
    }

    fn hint_clause(&self, hint: &str) -> Option<&'static str> {
        (hint == "unique").then_some("UNIQUE")
    }

    fn column_options(&self, column: &Column) -> Option<String> {
        let comment = first_text(column, &["x-snowflake-column-comment", "description"])?;
        Some(format!("COMMENT {}", TEXT.text(comment)))
    }

    /// A clustering key that somebody set by hand stays: dlt drops it whenever columns are added.
    fn table_extras(&self, change: &TableChange<'_>) -> Result<TableExtras, Problem> {
        let mut extras = TableExtras {
            constraints: primary_key(self, change).into_iter().collect(),
            ..TableExtras::default()
        };
        if change.columns_with(&["cluster"]).is_empty() {
            return Ok(extras);
        }
        let columns = change.table.columns_with("cluster");
        let clause = format!("CLUSTER BY ({})", quoted_list(self, &columns));
        match change.is_new {
            true => extras.clauses.push(clause),
            false => extras.after.push(format!(
                "ALTER TABLE {} {clause}",
                self.qualified(change.at)
            )),
        }
        Ok(extras)
    }
}

fn number((precision, scale): (i64, i64)) -> String {
    format!("NUMBER({precision},{scale})")
}
