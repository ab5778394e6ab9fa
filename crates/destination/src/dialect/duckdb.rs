//! SQL of DuckDB.

use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{SqlDialect, UnsupportedType, data_type, decimal_size, unsupported};
use crate::capabilities::{Capabilities, FileFormat, MergeStrategy, ReplaceStrategy};
use crate::statement::StatementKind;

/// SQL of DuckDB.
#[derive(Debug, Clone, Copy)]
pub struct DuckDb;

const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[
        FileFormat::Arrow,
        FileFormat::InsertValues,
        FileFormat::Parquet,
        FileFormat::Jsonl,
    ],
    timestamp_precision_max: 9,
    ddl_in_transaction: true,
    widens_columns: true,
    transactions: true,
    temporary_tables: true,
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
    ],
    ..Capabilities::POOREST
};

const TEXT: TextRules = TextRules {
    prefix: "E",
    quote: "''",
    escape_controls: false,
    keep_nul: false,
};

impl SqlDialect for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn quote(&self, identifier: &str) -> String {
        literal::double_quoted(identifier)
    }

    fn literal(&self, value: &Literal) -> String {
        let binary = |bytes: &[u8]| format!("from_base64('{}')", literal::base64_text(bytes));
        literal::common(
            value,
            |text| TEXT.text(text),
            |json| TEXT.text(json),
            binary,
        )
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        Ok(match data_type(column) {
            DataType::Text => "VARCHAR".to_owned(),
            DataType::Double => "DOUBLE".to_owned(),
            DataType::Bool => "BOOLEAN".to_owned(),
            DataType::Timestamp => timestamp_type(self, column)?.to_owned(),
            DataType::Bigint => integer_type(self, column)?.to_owned(),
            DataType::Binary => "BLOB".to_owned(),
            DataType::Json => "JSON".to_owned(),
            DataType::Decimal => decimal(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => decimal(decimal_size(column, CAPABILITIES.wei_precision)),
            DataType::Date => "DATE".to_owned(),
            DataType::Time => "TIME".to_owned(),
        })
    }

    fn hint_clause(&self, hint: &str) -> Option<&'static str> {
        (hint == "unique").then_some("UNIQUE")
    }

    fn keeps_precision_with_zone(&self) -> bool {
        false
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some("changes the catalogue only; rows are not rewritten"),
            StatementKind::ChangeType => Some("rewrites the column"),
            StatementKind::DropColumn => Some("the values are gone when it commits"),
            StatementKind::DropTable => Some("the rows are gone when it commits"),
            _ => None,
        }
    }

    fn row_position(&self) -> Option<&'static str> {
        Some("rowid")
    }

    /// DuckDB's own function, because EXTRACT gives a float.
    fn epoch_micros(&self, expression: &str) -> String {
        format!("epoch_us({expression})")
    }
}

fn decimal((precision, scale): (i64, i64)) -> String {
    format!("DECIMAL({precision},{scale})")
}

fn integer_type(dialect: &DuckDb, column: &Column) -> Result<&'static str, UnsupportedType> {
    match column.precision {
        None | Some(33..=64) => Ok("BIGINT"),
        Some(..=8) => Ok("TINYINT"),
        Some(9..=16) => Ok("SMALLINT"),
        Some(17..=32) => Ok("INTEGER"),
        Some(65..=128) => Ok("HUGEINT"),
        Some(_) => Err(unsupported(dialect, column, "at most 128 bits")),
    }
}

fn timestamp_type(dialect: &DuckDb, column: &Column) -> Result<&'static str, UnsupportedType> {
    if column.timezone.unwrap_or(true) {
        return Ok("TIMESTAMP WITH TIME ZONE");
    }
    match column
        .precision
        .unwrap_or(i64::from(CAPABILITIES.timestamp_precision))
    {
        ..=0 => Ok("TIMESTAMP_S"),
        1..=3 => Ok("TIMESTAMP_MS"),
        4..=6 => Ok("TIMESTAMP"),
        7..=9 => Ok("TIMESTAMP_NS"),
        _ => Err(unsupported(dialect, column, "at most 9 fraction digits")),
    }
}
