//! Reads rows from DuckDB as JSON values, without loss.
//!
//! Types that JSON lacks are turned into text inside the query, with functions of DuckDB's core only: the time zone
//! extension may be missing, so times with a zone pass through their microseconds.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duckdb::types::ValueRef;
use duckdb::{AccessMode, Config, Connection};
use serde_json::{Number, Value, json};

use super::{DumpError, Physical, PhysicalColumn, Read, Row};

/// An open database file.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    path: PathBuf,
    /// Name that DuckDB gives the file; without it a dataset of the same name would be ambiguous.
    catalog: String,
    dataset: String,
}

impl Reader {
    pub(super) fn open(path: &Path, dataset: &str) -> Result<Self, DumpError> {
        let error = |cause| DumpError::Database {
            path: path.to_owned(),
            cause,
        };
        let connection = Config::default()
            .access_mode(AccessMode::ReadOnly)
            .and_then(|config| Connection::open_with_flags(path, config))
            .map_err(error)?;
        let catalog = connection
            .query_row("SELECT current_database()", [], |row| row.get(0))
            .map_err(error)?;
        Ok(Reader {
            connection,
            path: path.to_owned(),
            catalog,
            dataset: dataset.to_owned(),
        })
    }

    fn error(&self, cause: duckdb::Error) -> DumpError {
        DumpError::Database {
            path: self.path.clone(),
            cause,
        }
    }

    fn query_columns(&self) -> duckdb::Result<Physical> {
        let mut statement = self.connection.prepare(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns \
             WHERE table_catalog = current_database() AND table_schema = ? ORDER BY table_name, ordinal_position",
        )?;
        let mut tables = Physical::new();
        let mut rows = statement.query([&self.dataset])?;
        while let Some(row) = rows.next()? {
            let nullable: String = row.get(3)?;
            let column = PhysicalColumn {
                name: row.get(1)?,
                sql_type: row.get(2)?,
                is_nullable: nullable == "YES",
            };
            tables.entry(row.get(0)?).or_default().push(column);
        }
        Ok(tables)
    }

    fn query_rows(&self, table: &str, columns: &[PhysicalColumn]) -> duckdb::Result<Vec<Row>> {
        let expressions: Vec<String> = columns.iter().map(select_expression).collect();
        let sql = format!(
            "SELECT {} FROM {}.{}.{}",
            expressions.join(", "),
            quoted(&self.catalog),
            quoted(&self.dataset),
            quoted(table)
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut found = statement.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let mut fields = Row::new();
            for (i, column) in columns.iter().enumerate() {
                if let Some(value) = to_json(row.get_ref(i)?, &column.sql_type) {
                    fields.insert(column.name.clone(), value);
                }
            }
            rows.push(fields);
        }
        Ok(rows)
    }
}

impl Read for Reader {
    fn physical_tables(&self) -> Result<Physical, DumpError> {
        self.query_columns().map_err(|cause| self.error(cause))
    }

    fn rows(&self, table: &str, columns: &[PhysicalColumn]) -> Result<Vec<Row>, DumpError> {
        self.query_rows(table, columns)
            .map_err(|cause| self.error(cause))
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Expression that turns a column into something that JSON can hold.
fn select_expression(column: &PhysicalColumn) -> String {
    let (name, sql_type) = (quoted(&column.name), column.sql_type.to_uppercase());
    let iso = "'%Y-%m-%dT%H:%M:%S.%f'";
    match sql_type.as_str() {
        "TIMESTAMP WITH TIME ZONE" | "TIMESTAMPTZ" => {
            format!("strftime(make_timestamp(epoch_us({name})), {iso}) || 'Z'")
        }
        "TIMESTAMP" => format!("strftime({name}, {iso})"),
        "BLOB" => format!("to_base64({name})"),
        other if is_shown_as_text(other) => format!("CAST({name} AS VARCHAR)"),
        _ => name,
    }
}

fn is_shown_as_text(sql_type: &str) -> bool {
    let names = [
        "DATE",
        "TIME",
        "TIME WITH TIME ZONE",
        "INTERVAL",
        "UUID",
        "JSON",
    ];
    let prefixes = ["TIMESTAMP", "DECIMAL", "STRUCT", "MAP"];
    names.contains(&sql_type)
        || prefixes.iter().any(|prefix| sql_type.starts_with(prefix))
        || sql_type.contains('[')
}

fn to_json(value: ValueRef<'_>, sql_type: &str) -> Option<Value> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Boolean(flag) => json!(flag),
        ValueRef::TinyInt(v) => json!(v),
        ValueRef::SmallInt(v) => json!(v),
        ValueRef::Int(v) => json!(v),
        ValueRef::BigInt(v) => json!(v),
        ValueRef::UTinyInt(v) => json!(v),
        ValueRef::USmallInt(v) => json!(v),
        ValueRef::UInt(v) => json!(v),
        ValueRef::UBigInt(v) => json!(v),
        ValueRef::HugeInt(v) => Number::from_i128(v).map_or_else(|| json!(v as f64), Value::Number),
        ValueRef::Float(v) => float(f64::from(v)),
        ValueRef::Double(v) => float(v),
        ValueRef::Text(text) => text_value(&String::from_utf8_lossy(text), sql_type),
        ValueRef::Blob(bytes) => json!(STANDARD.encode(bytes)),
        other => json!({"$unknown": format!("{other:?}")}),
    })
}

fn text_value(text: &str, sql_type: &str) -> Value {
    match sql_type.eq_ignore_ascii_case("JSON") {
        true => document(text),
        false => json!(text),
    }
}

/// A JSON document, marked as one.
pub(super) fn document(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(document) => json!({"$json": document}),
        Err(_) => json!({"$badjson": text}),
    }
}

/// NaN and infinities under the names that Python gives them.
pub(super) fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => json!({"$float": "nan"}),
        None if value > 0.0 => json!({"$float": "inf"}),
        None => json!({"$float": "-inf"}),
    }
}
