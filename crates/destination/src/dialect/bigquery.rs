//! SQL of BigQuery.

use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{SqlDialect, UnsupportedType, data_type, decimal_size, with_length};
use crate::capabilities::{Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy};
use crate::statement::StatementKind;

/// SQL of BigQuery.
#[derive(Debug, Clone, Copy)]
pub struct BigQuery;

const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[FileFormat::Jsonl, FileFormat::Parquet],
    staging_file_formats: &[FileFormat::Parquet, FileFormat::Jsonl],
    identifier_len_max: 1024,
    column_identifier_len_max: 300,
    case_folding: CaseFolding::Keep,
    case_sensitive: true,
    wei_precision: (76, 38),
    naive_timestamps: false,
    text_bytes_max: 10 << 20,
    query_bytes_max: 1 << 20,
    nul_in_text: true,
    transactions: true,
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
    file_bytes_recommended: Some(1 << 30),
    ..Capabilities::POOREST
};

const TEXT: TextRules = TextRules {
    prefix: "",
    quote: "\\'",
    escape_controls: true,
    keep_nul: true,
};

impl SqlDialect for BigQuery {
    fn name(&self) -> &'static str {
        "bigquery"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn literal(&self, value: &Literal) -> String {
        if let Literal::Bool(value) = value {
            return if *value {
                "TRUE".to_owned()
            } else {
                "FALSE".to_owned()
            };
        }
        let binary = |bytes: &[u8]| format!("FROM_BASE64('{}')", literal::base64_text(bytes));
        literal::common(
            value,
            |text| TEXT.text(text),
            |json| TEXT.text(json),
            binary,
        )
    }

    fn timestamp_literal(&self, text: &str) -> String {
        format!(
            "TIMESTAMP {}",
            self.literal(&Literal::Moment(text.to_owned()))
        )
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        Ok(match data_type(column) {
            DataType::Text => with_length("STRING", column.precision),
            DataType::Double => "FLOAT64".to_owned(),
            DataType::Bool => "BOOL".to_owned(),
            DataType::Timestamp => "TIMESTAMP".to_owned(),
            DataType::Bigint => "INT64".to_owned(),
            DataType::Binary => with_length("BYTES", column.precision),
            DataType::Json => "JSON".to_owned(),
            DataType::Decimal => decimal(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => "BIGNUMERIC".to_owned(),
            DataType::Date => "DATE".to_owned(),
            DataType::Time => "TIME".to_owned(),
        })
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some(
                "changes metadata only; BigQuery allows five such changes of a table in ten seconds",
            ),
            StatementKind::DropTable => Some("takes effect at once and cannot be rolled back"),
            _ => None,
        }
    }
}

/// NUMERIC holds 29 digits before and 9 after the point; the rest is BIGNUMERIC.
fn decimal((precision, scale): (i64, i64)) -> String {
    let is_big = (scale == 0 && precision > 29) || precision > 38 || scale > 9;
    let name = if is_big { "BIGNUMERIC" } else { "NUMERIC" };
    format!("{name}({precision},{scale})")
}
