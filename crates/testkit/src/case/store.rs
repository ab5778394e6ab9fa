//! Where a case loads to: a file of its own, or a database of its own on a server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tipple_destination::{Destination, SqlDialect, dialect};
use tipple_destination_duckdb::DuckDb;
use tipple_destination_postgres::{Postgres, PostgresSettings, fields_of};
use tipple_schema::{Column, DataType};

use super::CaseError;
use crate::dump::{DumpError, dump_file, dump_postgres};
use crate::server::Database;

/// The destination that cases are judged over.
#[derive(Debug, Clone, Default)]
pub enum StoreKind {
    /// A file in the folder of the case.
    #[default]
    DuckDb,
    /// A new database on the server at this URL, whose user may make databases.
    Postgres(String),
}

/// A place for one case.
pub(super) enum Store {
    DuckDb(PathBuf),
    Postgres(Database),
}

fn destination(url: &str) -> Result<Postgres, CaseError> {
    let fields = fields_of(url).map_err(CaseError::Unsupported)?;
    let settings = PostgresSettings::parse("postgres", &fields);
    settings
        .map(Postgres::new)
        .map_err(|error| CaseError::Unsupported(error.to_string()))
}

impl StoreKind {
    /// An empty place for a case in `folder`.
    pub(super) fn open(&self, folder: &Path) -> Result<Store, CaseError> {
        Ok(match self {
            StoreKind::DuckDb => Store::DuckDb(folder.join("data.duckdb")),
            StoreKind::Postgres(server) => {
                Store::Postgres(Database::create(server).map_err(DumpError::from)?)
            }
        })
    }
}

impl Store {
    pub(super) fn destination(&self) -> Result<Arc<dyn Destination>, CaseError> {
        Ok(match self {
            Store::DuckDb(path) => Arc::new(DuckDb::at(path)),
            Store::Postgres(database) => Arc::new(destination(&database.url())?),
        })
    }

    /// What the case has left; nothing where dlt would not even have opened the database.
    pub(super) fn dump(&self, dataset: &str, has_begun: bool) -> Result<Option<Value>, DumpError> {
        match self {
            Store::DuckDb(path) => {
                // dlt opens the database before it reads a source; a case whose hints it refuses does not get that far.
                if !path.exists() && has_begun {
                    let opened = duckdb::Connection::open(path);
                    opened.map_err(|cause| DumpError::Database {
                        path: path.clone(),
                        cause,
                    })?;
                }
                path.exists().then(|| dump_file(path, dataset)).transpose()
            }
            Store::Postgres(database) => has_begun
                .then(|| dump_postgres(&database.url(), dataset))
                .transpose(),
        }
    }

    /// What dlt left in DuckDB, as it would be here: types and the name of the destination differ.
    pub(super) fn translate(&self, mut expected: Value) -> Value {
        if let Store::DuckDb(_) = self {
            return expected;
        }
        for (_, state) in members(&mut expected["state"]) {
            state["doc"]["destination_type"] = json!("dlt.destinations.postgres");
        }
        for (_, table) in members(&mut expected["tables"]) {
            round_times(table);
            let columns = table.get_mut("columns").and_then(Value::as_array_mut);
            for column in columns.into_iter().flatten() {
                column["sql_type"] = json!(postgres_type(column));
            }
        }
        expected
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// DuckDB keeps all digits of a timestamp with a zone, whatever its precision.
fn round_times(table: &mut Value) {
    let columns = table["columns"].as_array().into_iter().flatten();
    let digits: Vec<(String, u32)> = columns
        .filter(|column| column["data_type"] == "timestamp")
        .filter_map(|column| {
            let precision = column["hints"]["precision"].as_u64()?;
            Some((column["name"].as_str()?.to_owned(), precision as u32))
        })
        .collect();
    let rows = table.get_mut("rows").and_then(Value::as_array_mut);
    for row in rows.into_iter().flatten() {
        for (name, precision) in &digits {
            if let Some(rounded) = row[name]
                .as_str()
                .and_then(|time| rounded(time, *precision))
            {
                row[name] = json!(rounded);
            }
        }
    }
}

/// `2024-01-02T03:04:05.123456Z` with so many digits that are not zero; nothing for other text.
fn rounded(time: &str, digits: u32) -> Option<String> {
    let (whole, fraction) = time.split_once('.')?;
    let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let micros: u32 = fraction.strip_suffix(zone)?.parse().ok()?;
    let unit = 10_u32.pow(6_u32.checked_sub(digits)?);
    let micros = (micros + unit / 2) / unit * unit;
    (micros < 1_000_000).then(|| format!("{whole}.{micros:06}{zone}"))
}

/// The type in Postgres of a column whose type in DuckDB and whose hints are known.
fn postgres_type(entry: &Value) -> String {
    let mut properties = entry["hints"].as_object().cloned().unwrap_or_default();
    properties.insert("data_type".to_owned(), entry["data_type"].clone());
    let column = Column::from_properties("c", &properties);
    let stored = entry["sql_type"].as_str().unwrap_or_default();
    let is_stored = |column: &Column| {
        dialect::DuckDb
            .column_type(column)
            .is_ok_and(|name| name == stored)
    };
    // A type that changed in the schema alone is that of a column without hints.
    let plain = || {
        DataType::ALL
            .iter()
            .map(|data_type| plain_column(*data_type))
            .find(&is_stored)
    };
    let column = Some(column).filter(&is_stored).or_else(plain);
    let name = column.and_then(|column| dialect::Postgres.column_type(&column).ok());
    reported(&name.unwrap_or_default())
}

fn plain_column(data_type: DataType) -> Column {
    let properties = Map::from_iter([("data_type".to_owned(), json!(data_type.to_string()))]);
    Column::from_properties("c", &properties)
}

/// A type as the server's catalog spells it.
fn reported(name: &str) -> String {
    name.replace("varchar", "character varying")
        .replace(" (", "(")
}
