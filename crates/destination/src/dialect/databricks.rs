//! SQL of Databricks.

use serde_json::Value;
use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{
    SqlDialect, TableChange, TableExtras, UnsupportedType, data_type, decimal_size, first_text,
    primary_key, quoted_list, unsupported,
};
use crate::capabilities::{
    AddColumns, Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy,
};
use crate::statement::StatementKind;
use crate::table::{LoadTable, is_system_table};
use crate::verify::Problem;

/// SQL of Databricks.
#[derive(Debug, Clone, Copy)]
pub struct Databricks;

// No temporary tables: every statement is a session of its own.
const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[FileFormat::Parquet, FileFormat::Jsonl],
    staging_file_formats: &[FileFormat::Parquet, FileFormat::Jsonl],
    identifier_len_max: 255,
    column_identifier_len_max: 255,
    case_folding: CaseFolding::Lower,
    text_bytes_max: 16 << 20,
    query_bytes_max: 2 << 20,
    add_columns: AddColumns::OneList,
    truncate: true,
    clone_table: true,
    subqueries_with_or: false,
    nested_subqueries: false,
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

    fn column_options(&self, column: &Column) -> Option<String> {
        let comment = first_text(column, &["x-databricks-column-comment", "description"])?;
        Some(format!("COMMENT {}", TEXT.text(comment)))
    }

    fn table_extras(&self, change: &TableChange<'_>) -> Result<TableExtras, Problem> {
        let clustering = clustering(self, change);
        let mut extras = TableExtras {
            constraints: primary_key(self, change).into_iter().collect(),
            ..TableExtras::default()
        };
        let table = self.qualified(change.at);
        if change.is_new {
            extras.clauses = new_table_clauses(self, change, clustering);
        } else {
            let alter = |clause| format!("ALTER TABLE {table} {clause}");
            extras.after.extend(clustering.map(alter));
        }
        extras.after.extend(comment(self, change));
        let of_table = tags(change.table.table.hints.get("x-databricks-table-tags"));
        extras
            .after
            .extend(of_table.map(|tag| format!("ALTER TABLE {table} SET TAGS ({tag})")));
        for column in change.columns {
            let name = self.quote(&column.name);
            let of_column = tags(column.hints.get("x-databricks-column-tags"));
            extras
                .after
                .extend(of_column.map(|tag| {
                    format!("ALTER TABLE {table} ALTER COLUMN {name} SET TAGS ({tag})")
                }));
        }
        Ok(extras)
    }
}

/// `CLUSTER BY` as the table or its new columns want it. It takes the place of an earlier one, so it names all columns
/// of the table that have the hint; dlt names the new ones only and forgets the others.
fn clustering(dialect: &Databricks, change: &TableChange<'_>) -> Option<String> {
    const HINTS: [&str; 2] = ["cluster", "x-databricks-cluster"];
    if change.table.text_hint("x-databricks-cluster") == Some("AUTO") {
        return Some("CLUSTER BY AUTO".to_owned());
    }
    if change.columns_with(&HINTS).is_empty() {
        return None;
    }
    let columns = change.table.columns.values();
    let columns = columns.filter(|column| HINTS.iter().any(|hint| column.has(hint)));
    let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    Some(format!("CLUSTER BY ({})", quoted_list(dialect, &columns)))
}

/// In the order that the grammar wants: format, partitions, clustering, properties.
fn new_table_clauses(
    dialect: &Databricks,
    change: &TableChange<'_>,
    clustering: Option<String>,
) -> Vec<String> {
    let is_iceberg = change.table.text_hint("table_format") == Some("iceberg");
    let partitions = change.columns_with(&["partition"]);
    let partitions = (!partitions.is_empty())
        .then(|| format!("PARTITIONED BY ({})", quoted_list(dialect, &partitions)));
    let format = is_iceberg.then(|| "USING ICEBERG".to_owned());
    [format, partitions, clustering, properties(change.table)]
        .into_iter()
        .flatten()
        .collect()
}

fn properties(table: &LoadTable) -> Option<String> {
    let properties = table.table.hints.get("x-databricks-table-properties")?;
    let pairs: Vec<String> = properties
        .as_object()?
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => format!("{}={}", TEXT.text(key), TEXT.text(text)),
            other => format!("{}={other}", TEXT.text(key)),
        })
        .collect();
    (!pairs.is_empty()).then(|| format!("TBLPROPERTIES ({})", pairs.join(", ")))
}

fn comment(dialect: &Databricks, change: &TableChange<'_>) -> Option<String> {
    let hints = ["x-databricks-table-comment", "description"];
    let mut texts = hints.iter().filter_map(|hint| change.table.text_hint(hint));
    let comment = texts
        .next()
        .filter(|_| !is_system_table(&change.table.name))?;
    let table = dialect.qualified(change.at);
    Some(format!(
        "COMMENT ON TABLE {table} IS {}",
        TEXT.text(comment)
    ))
}

/// Tags as they stand in SET TAGS: a word, or one pair of key and value.
fn tags(hint: Option<&Value>) -> impl Iterator<Item = String> {
    let tags = hint.and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| match tag {
        Value::String(word) => Some(TEXT.text(word)),
        Value::Object(pair) => {
            let (key, value) = pair.iter().next()?;
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            Some(format!("{}={}", TEXT.text(key), TEXT.text(&value)))
        }
        _ => None,
    })
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
