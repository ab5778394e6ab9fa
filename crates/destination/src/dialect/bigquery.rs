//! SQL of BigQuery.

use serde_json::Value;
use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{
    SqlDialect, TableChange, TableExtras, UnsupportedType, data_type, decimal_size, first_text,
    quoted_list, with_length,
};
use crate::capabilities::{
    AddColumns, Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy,
};
use crate::names::TableRef;
use crate::statement::StatementKind;
use crate::table::LoadTable;
use crate::verify::Problem;

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
    add_columns: AddColumns::ManyClauses,
    truncate: true,
    clone_table: true,
    temporary_tables: true,
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

    fn column_options(&self, column: &Column) -> Option<String> {
        let rounding =
            |hint: &str, mode: &str| column.has(hint).then(|| format!("rounding_mode='{mode}'"));
        let options: Vec<String> = [
            rounding("x-bigquery-round-half-even", "ROUND_HALF_EVEN"),
            rounding(
                "x-bigquery-round-half-away-from-zero",
                "ROUND_HALF_AWAY_FROM_ZERO",
            ),
            first_text(column, &["description"])
                .map(|text| format!("description={}", TEXT.text(text))),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!options.is_empty()).then(|| format!("OPTIONS ({})", options.join(", ")))
    }

    /// Partitions, clustering and options exist from the beginning or not at all.
    fn table_extras(&self, change: &TableChange<'_>) -> Result<TableExtras, Problem> {
        if !change.is_new {
            return Ok(TableExtras::default());
        }
        let parts = [
            partitioning(self, change)?,
            clustering(self, change),
            options(change.table),
        ];
        Ok(TableExtras {
            clauses: parts.into_iter().flatten().collect(),
            ..TableExtras::default()
        })
    }

    /// A path cannot stand before a column; the last name of a table is its alias.
    fn column_qualifier(&self, at: &TableRef) -> String {
        self.quote(&at.table)
    }

    /// JSON cannot be compared.
    fn comparable(&self, column: &Column, expression: String) -> String {
        match column.data_type {
            Some(DataType::Json) => format!("TO_JSON_STRING({expression})"),
            _ => expression,
        }
    }
}

/// `PARTITION BY` from a hint on one column, or from an expression of the user.
fn partitioning(dialect: &BigQuery, change: &TableChange<'_>) -> Result<Option<String>, Problem> {
    let expression = |column: &str, expression: &str| {
        expression.replace("{column_name}", &dialect.quote(column))
    };
    let several = |columns: Vec<&str>| Problem::SeveralColumns {
        table: change.table.name.clone(),
        hint: "partition",
        columns: columns.into_iter().map(str::to_owned).collect(),
    };
    let given = change.table.table.hints.get("x-bigquery-partition");
    let given: Vec<(&str, &str)> = given
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(column, text)| Some((column.as_str(), text.as_str()?)))
        .collect();
    let marked = change.columns_with(&["partition", "x-bigquery-partition"]);
    let by = match (marked.as_slice(), given.as_slice()) {
        ([], []) => None,
        ([], [(column, text)]) => Some(expression(column, text)),
        ([column], []) => change
            .table
            .columns
            .get(*column)
            .and_then(column_partition)
            .map(|text| expression(column, text)),
        _ => {
            let given = given.iter().map(|(column, _)| *column);
            return Err(several(marked.into_iter().chain(given).collect()));
        }
    };
    Ok(by.map(|by| format!("PARTITION BY {by}")))
}

/// How a column of this type makes partitions; whole numbers are seconds since 1970 and make one partition a day.
fn column_partition(column: &Column) -> Option<&'static str> {
    match column.data_type? {
        DataType::Date => Some("{column_name}"),
        DataType::Timestamp => Some("DATE({column_name})"),
        DataType::Bigint => {
            Some("RANGE_BUCKET({column_name}, GENERATE_ARRAY(-172800000, 691200000, 86400))")
        }
        _ => None,
    }
}

/// `CLUSTER BY` in the order of the table's list, else in schema order.
fn clustering(dialect: &BigQuery, change: &TableChange<'_>) -> Option<String> {
    let list = change.table.table.hints.get("x-bigquery-cluster-columns");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let mut columns: Vec<&str> = list.filter_map(Value::as_str).collect();
    if columns.is_empty() {
        columns = change.columns_with(&["cluster", "x-bigquery-cluster"]);
    }
    (!columns.is_empty()).then(|| format!("CLUSTER BY {}", quoted_list(dialect, &columns)))
}

fn options(table: &LoadTable) -> Option<String> {
    let description = table
        .text_hint("x-bigquery-table-description")
        .map(|text| format!("description={}", TEXT.text(text)));
    let expiration = table
        .text_hint("x-bigquery-table-expiration")
        .map(|moment| format!("expiration_timestamp=TIMESTAMP {}", TEXT.text(moment)));
    let days = table
        .table
        .hints
        .get("x-bigquery-partition-expiration-days");
    let days = days
        .filter(|days| days.is_number())
        .map(|days| format!("partition_expiration_days={days}"));
    let options: Vec<String> = [description, expiration, days]
        .into_iter()
        .flatten()
        .collect();
    (!options.is_empty()).then(|| format!("OPTIONS ({})", options.join(", ")))
}

/// NUMERIC holds 29 digits before and 9 after the point; the rest is BIGNUMERIC.
fn decimal((precision, scale): (i64, i64)) -> String {
    let is_big = (scale == 0 && precision > 29) || precision > 38 || scale > 9;
    let name = if is_big { "BIGNUMERIC" } else { "NUMERIC" };
    format!("{name}({precision},{scale})")
}
