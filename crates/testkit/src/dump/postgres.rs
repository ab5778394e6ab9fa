//! Reads rows from Postgres as JSON values, without loss.
//!
//! Everything comes as text, made inside the query, and is read back by the type of its column.

use std::cell::RefCell;
use std::fmt;

use postgres::{Client, NoTls};
use serde_json::{Number, Value, json};

use super::duckdb::{document, float, quoted};
use super::{DumpError, Physical, PhysicalColumn, Read, Row};

/// Why a Postgres database could not be read.
#[derive(Debug)]
pub struct PostgresError(postgres::Error);

impl std::error::Error for PostgresError {}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match self.0.as_db_error() {
            Some(said) => write!(f, ": {}", said.message()),
            None => Ok(()),
        }
    }
}

impl From<postgres::Error> for PostgresError {
    fn from(error: postgres::Error) -> Self {
        PostgresError(error)
    }
}

/// A session at the server.
pub(super) struct Reader {
    client: RefCell<Client>,
    dataset: String,
}

impl Reader {
    pub(super) fn open(url: &str, dataset: &str) -> Result<Self, PostgresError> {
        Ok(Reader {
            client: RefCell::new(Client::connect(url, NoTls)?),
            dataset: dataset.to_owned(),
        })
    }

    fn query_columns(&self) -> Result<Physical, PostgresError> {
        let sql = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull \
                   FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   JOIN pg_attribute AS a ON a.attrelid = c.oid \
                   WHERE n.nspname = $1 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
                   ORDER BY c.relname COLLATE \"C\", a.attnum";
        let mut tables = Physical::new();
        for row in self.client.borrow_mut().query(sql, &[&self.dataset])? {
            let column = PhysicalColumn {
                name: row.try_get(1)?,
                sql_type: row.try_get(2)?,
                is_nullable: row.try_get(3)?,
            };
            tables.entry(row.try_get(0)?).or_default().push(column);
        }
        Ok(tables)
    }

    fn query_rows(
        &self,
        table: &str,
        columns: &[PhysicalColumn],
    ) -> Result<Vec<Row>, PostgresError> {
        let expressions: Vec<String> = columns.iter().map(select_expression).collect();
        let sql = format!(
            "SELECT {} FROM {}.{} ORDER BY ctid",
            expressions.join(", "),
            quoted(&self.dataset),
            quoted(table)
        );
        let mut rows = Vec::new();
        for found in self.client.borrow_mut().query(&sql, &[])? {
            let mut fields = Row::new();
            for (index, column) in columns.iter().enumerate() {
                let text: Option<String> = found.try_get(index)?;
                if let Some(text) = text {
                    fields.insert(column.name.clone(), to_json(text, &column.sql_type));
                }
            }
            rows.push(fields);
        }
        Ok(rows)
    }
}

impl Read for Reader {
    fn physical_tables(&self) -> Result<Physical, DumpError> {
        Ok(self.query_columns()?)
    }

    fn rows(&self, table: &str, columns: &[PhysicalColumn]) -> Result<Vec<Row>, DumpError> {
        Ok(self.query_rows(table, columns)?)
    }
}

/// Expression that turns a column into text.
fn select_expression(column: &PhysicalColumn) -> String {
    let name = quoted(&column.name);
    let iso = "'YYYY-MM-DD\"T\"HH24:MI:SS.US'";
    match column.sql_type.as_str() {
        kind if kind.starts_with("timestamp") && kind.ends_with("with time zone") => {
            format!("to_char({name} AT TIME ZONE 'UTC', {iso}) || 'Z'")
        }
        kind if kind.starts_with("timestamp") => format!("to_char({name}, {iso})"),
        "bytea" => format!("replace(encode({name}, 'base64'), E'\\n', '')"),
        _ => format!("{name}::text"),
    }
}

fn to_json(text: String, sql_type: &str) -> Value {
    match sql_type {
        "smallint" | "integer" | "bigint" => text
            .parse::<i64>()
            .map_or_else(|_| json!(text), |number| json!(number)),
        "double precision" => text.parse().map_or_else(|_| json!(text), float),
        "boolean" => json!(text == "true"),
        "json" | "jsonb" => document(&text),
        // A whole number beyond 64 bits is one in DuckDB's dump, too.
        "numeric" => text
            .parse()
            .map_or_else(|_| json!(text), |number: Number| Value::Number(number)),
        _ => json!(text),
    }
}
