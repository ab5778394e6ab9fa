//! Canonical dump of a dataset that follows dlt's conventions.
//!
//! The dump says everything about a dataset that a reader of it can see, in a form in which random ids, load ids and clock
//! times have been replaced by what they stand for, so that two programs can be compared row by row. It is taken from the
//! database alone: the system tables, the stored schema document and the data, never from the program that wrote them.
//! Start with [`dump_file`] and [`dump_postgres`]; ids are in `ids`, reading in `duckdb` and `postgres`.

mod duckdb;
mod ids;
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use serde_json::{Map, Value, json};

pub use self::postgres::PostgresError;

/// Version of the form of the dump.
const DUMP_VERSION: u64 = 1;

/// System tables as snake_case names them: schema versions, loads, pipeline states.
const SYSTEM_TABLES: [&str; 3] = ["_dlt_version", "_dlt_loads", "_dlt_pipeline_state"];

/// Column properties that are shown in their own place, or are marks of the program that wrote them.
const NOT_COLUMN_HINTS: [&str; 5] = [
    "name",
    "data_type",
    "nullable",
    "description",
    "x-normalizer",
];

/// The same for tables.
const NOT_TABLE_HINTS: [&str; 6] = [
    "name",
    "columns",
    "description",
    "x-normalizer",
    "x-loader",
    "x-extractor",
];

/// Tables of the database by name, each with its columns in physical order.
type Physical = BTreeMap<String, Vec<PhysicalColumn>>;

/// A row without its nulls.
type Row = Map<String, Value>;

/// Why a dataset could not be dumped.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The database refused something.
    #[error("cannot read the DuckDB file {}: {cause}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What DuckDB said.
        cause: ::duckdb::Error,
    },
    /// The server refused something.
    #[error("cannot read the Postgres database: {0}")]
    Postgres(#[from] PostgresError),
    /// A stored document that is not JSON in any of its forms.
    #[error("the {what} stored in `{table}` cannot be read: {cause}")]
    Document {
        /// `schema` or `state`.
        what: &'static str,
        /// Table that holds it.
        table: String,
        /// What the parser said.
        cause: serde_json::Error,
    },
}

/// A column as the database reports it.
#[derive(Debug, Clone)]
struct PhysicalColumn {
    name: String,
    sql_type: String,
    is_nullable: bool,
}

/// Reads tables as JSON values, without loss.
trait Read {
    /// Tables of the dataset by name, with their columns in physical order.
    fn physical_tables(&self) -> Result<Physical, DumpError>;

    /// All rows of a table in physical order, nulls left out.
    fn rows(&self, table: &str, columns: &[PhysicalColumn]) -> Result<Vec<Row>, DumpError>;
}

/// Dumps the dataset `dataset` of the DuckDB file at `path`. Opens the file read-only.
///
/// # Errors
/// [`DumpError`] when the file cannot be opened or holds documents that cannot be read.
pub fn dump_file(path: &Path, dataset: &str) -> Result<Value, DumpError> {
    dump(Box::new(duckdb::Reader::open(path, dataset)?), dataset)
}

/// Dumps the schema `dataset` of the Postgres database at `url`.
///
/// # Errors
/// [`DumpError`] when the database cannot be read or holds documents that cannot be read.
pub fn dump_postgres(url: &str, dataset: &str) -> Result<Value, DumpError> {
    dump(Box::new(postgres::Reader::open(url, dataset)?), dataset)
}

fn dump(reader: Box<dyn Read>, dataset: &str) -> Result<Value, DumpError> {
    let physical = reader.physical_tables()?;
    let system = SystemRows::read(reader.as_ref(), &physical)?;
    let documents = newest_documents(&system.versions)?;
    let dump = Dump {
        tables: merged_tables(&documents),
        load_names: load_names(&system.loads),
        physical,
        reader,
    };
    Ok(json!({
        "dump_version": DUMP_VERSION,
        "dataset": dataset,
        "schema_versions": system.versions.iter().map(version_entry).collect::<Vec<_>>(),
        "loads": dump.load_entries(&system),
        "schemas": documents.iter().map(|(name, document)| (name.clone(), schema_entry(document)))
            .collect::<Map<_, _>>(),
        "state": dump.state_entries(system.states)?,
        "tables": dump.table_entries()?,
    }))
}

/// Rows of the system tables with lower-case keys, in order of insertion.
struct SystemRows {
    versions: Vec<Row>,
    loads: Vec<Row>,
    states: Vec<Row>,
}

impl SystemRows {
    fn read(reader: &dyn Read, physical: &Physical) -> Result<Self, DumpError> {
        let read = |table: &str| -> Result<Vec<Row>, DumpError> {
            // A naming convention may have changed the case of the table and its columns.
            let Some((name, columns)) = physical
                .iter()
                .find(|(name, _)| name.to_lowercase() == table)
            else {
                return Ok(Vec::new());
            };
            let rows = reader.rows(name, columns)?;
            Ok(rows.into_iter().map(lower_keys).collect())
        };
        let [mut versions, mut loads, mut states] = [
            read(SYSTEM_TABLES[0])?,
            read(SYSTEM_TABLES[1])?,
            read(SYSTEM_TABLES[2])?,
        ];
        versions.sort_by_key(|row| (text(row, "inserted_at"), number(row, "version")));
        loads.sort_by_key(|row| text(row, "load_id"));
        states.sort_by_key(|row| (text(row, "_dlt_load_id"), number(row, "version")));
        Ok(SystemRows {
            versions,
            loads,
            states,
        })
    }
}

fn lower_keys(row: Row) -> Row {
    row.into_iter()
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect()
}

fn text(row: &Row, key: &str) -> String {
    row.get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(row: &Row, key: &str) -> i64 {
    row.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn version_entry(row: &Row) -> Value {
    json!({
        "schema_name": row.get("schema_name"),
        "version": row.get("version"),
        "engine_version": row.get("engine_version"),
        "version_hash": row.get("version_hash"),
    })
}

fn schema_entry(document: &Value) -> Value {
    let member = |key: &str| document.get(key).cloned();
    json!({
        "version": member("version"),
        "engine_version": member("engine_version"),
        "settings": member("settings").unwrap_or_else(|| json!({})),
        "normalizers": member("normalizers").unwrap_or_else(|| json!({})),
    })
}

fn load_names(loads: &[Row]) -> BTreeMap<String, String> {
    let named = |(i, row): (usize, &Row)| (text(row, "load_id"), format!("load:{i}"));
    loads.iter().enumerate().map(named).collect()
}

/// The newest stored document of every schema.
fn newest_documents(versions: &[Row]) -> Result<BTreeMap<String, Value>, DumpError> {
    let mut documents = BTreeMap::new();
    for row in versions {
        let stored = text(row, "schema");
        let document =
            serde_json::from_str(&decompressed(&stored).unwrap_or(stored)).map_err(|cause| {
                DumpError::Document {
                    what: "schema",
                    table: SYSTEM_TABLES[0].to_owned(),
                    cause,
                }
            })?;
        documents.insert(text(row, "schema_name"), document);
    }
    Ok(documents)
}

/// Base64 of zlib, or nothing when the text is neither.
fn decompressed(stored: &str) -> Option<String> {
    let bytes = STANDARD.decode(stored).ok()?;
    let mut plain = String::new();
    ZlibDecoder::new(bytes.as_slice())
        .read_to_string(&mut plain)
        .ok()?;
    Some(plain)
}

/// Tables of all schemas by name; a data table that several schemas know has the columns of all of them.
fn merged_tables(documents: &BTreeMap<String, Value>) -> Map<String, Value> {
    let mut tables: Map<String, Value> = Map::new();
    let named = documents
        .values()
        .filter_map(|document| document.get("tables")?.as_object())
        .flatten();
    for (name, table) in named {
        let met = tables.get_mut(name).filter(|_| !is_system(name));
        match met.and_then(|met| met.get_mut("columns")?.as_object_mut()) {
            Some(columns) => columns.extend(columns_of(table).clone()),
            None => {
                tables.insert(name.clone(), table.clone());
            }
        }
    }
    tables
}

fn is_system(table: &str) -> bool {
    SYSTEM_TABLES.contains(&table.to_lowercase().as_str())
}

/// Columns of a table of the schema document.
fn columns_of(table: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    table
        .get("columns")
        .and_then(Value::as_object)
        .unwrap_or(&NONE)
}

/// What Python counts as true, for the values that hints have.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
    }
}

/// A dataset, read but not yet described.
struct Dump {
    reader: Box<dyn Read>,
    physical: Physical,
    /// Tables of the newest documents of all schemas.
    tables: Map<String, Value>,
    /// Load ids and what they are shown as.
    load_names: BTreeMap<String, String>,
}

impl Dump {
    fn load_entries(&self, system: &SystemRows) -> Vec<Value> {
        let versions: BTreeMap<String, i64> = system
            .versions
            .iter()
            .map(|row| (text(row, "version_hash"), number(row, "version")))
            .collect();
        let entry = |row: &Row| {
            let version = versions.get(&text(row, "schema_version_hash"));
            json!({
                "load": self.load_name(&text(row, "load_id")),
                "schema_name": row.get("schema_name"),
                "status": row.get("status"),
                "schema_version": version.map_or_else(|| json!("?"), |version| json!(version)),
            })
        };
        system.loads.iter().map(entry).collect()
    }

    fn load_name(&self, load_id: &str) -> &str {
        self.load_names.get(load_id).map_or("?", String::as_str)
    }

    /// The newest state per pipeline, without what changes from run to run.
    fn state_entries(&self, states: Vec<Row>) -> Result<Map<String, Value>, DumpError> {
        let mut entries: Map<String, Value> = Map::new();
        for row in states {
            let stored = text(&row, "state");
            let mut document: Map<String, Value> = serde_json::from_str(
                &decompressed(&stored).unwrap_or(stored),
            )
            .map_err(|cause| DumpError::Document {
                what: "state",
                table: SYSTEM_TABLES[2].to_owned(),
                cause,
            })?;
            document.shift_remove("_version_hash");
            let pipeline = text(&row, "pipeline_name");
            let before = entries
                .get(&pipeline)
                .and_then(|entry| entry.get("rows")?.as_u64());
            let entry = json!({
                "rows": before.unwrap_or(0) + 1,
                "version": row.get("version"),
                "engine_version": row.get("engine_version"),
                "load": self.load_name(&text(&row, "_dlt_load_id")),
                "doc": document,
            });
            entries.insert(pipeline, entry);
        }
        Ok(entries)
    }

    fn table_entries(&self) -> Result<Map<String, Value>, DumpError> {
        let mut data = self.data_rows()?;
        let mut entries = Map::new();
        for (name, columns) in &self.physical {
            let mut entry = self.table_entry(name, columns);
            match data.remove(name) {
                Some(rows) => entry.insert("rows".to_owned(), json!(rows)),
                None => {
                    let row_count = self.reader.rows(name, columns)?.len();
                    entry.insert("row_count".to_owned(), json!(row_count))
                }
            };
            entries.insert(name.clone(), Value::Object(entry));
        }
        let mut ghosts: Vec<&String> = self
            .tables
            .keys()
            .filter(|name| !self.physical.contains_key(*name))
            .collect();
        ghosts.sort();
        if !ghosts.is_empty() {
            entries.insert("$not_in_database".to_owned(), json!(ghosts));
        }
        Ok(entries)
    }

    /// Rows of all data tables, sorted, with everything random replaced.
    fn data_rows(&self) -> Result<BTreeMap<String, Vec<Row>>, DumpError> {
        let mut data = BTreeMap::new();
        for (name, columns) in self.physical.iter().filter(|(name, _)| !is_system(name)) {
            let mut rows = self.reader.rows(name, columns)?;
            self.rank_validity(name, &mut rows);
            if let Some(load_id) = self.column_like(name, "_dlt_load_id") {
                for value in rows.iter_mut().filter_map(|row| row.get_mut(load_id)) {
                    *value = json!(self.load_name(value.as_str().unwrap_or_default()));
                }
            }
            data.insert(name.clone(), rows);
        }
        Ok(self.with_canonical_ids(data))
    }

    /// Replaces the times that scd2 takes from the clock by their rank.
    fn rank_validity(&self, table: &str, rows: &mut [Row]) {
        let document = self.table(table);
        if is_true(document.get("x-boundary-timestamp")) {
            return;
        }
        let marked = |hint: &str| {
            let mut columns = columns_of(document).iter();
            columns.find(|(_, column)| is_true(column.get(hint)))
        };
        let (from, to) = (marked("x-valid-from"), marked("x-valid-to"));
        let literal = from
            .and(to)
            .and_then(|(_, column)| column.get("x-active-record-timestamp"));
        let literal = literal
            .filter(|literal| is_true(Some(literal)))
            .map(active_prefix);
        let columns: Vec<&String> = [from, to]
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        let is_clock = |value: &str| {
            literal
                .as_ref()
                .is_none_or(|literal| !value.starts_with(literal))
        };
        let clock_times = |row: &Row| -> Vec<String> {
            columns
                .iter()
                .map(|column| text(row, column))
                .filter(|v| !v.is_empty() && is_clock(v))
                .collect()
        };
        let seen: BTreeSet<String> = rows.iter().flat_map(clock_times).collect();
        let rank: BTreeMap<String, String> = seen
            .into_iter()
            .enumerate()
            .map(|(i, time)| (time, format!("ts:{i}")))
            .collect();
        for row in rows {
            for column in &columns {
                if let Some(name) = row
                    .get(*column)
                    .and_then(Value::as_str)
                    .and_then(|time| rank.get(time))
                {
                    row.insert((*column).clone(), json!(name));
                }
            }
        }
    }

    fn table(&self, name: &str) -> &Value {
        self.tables.get(name).unwrap_or(&Value::Null)
    }

    /// Physical name of a system column under any naming convention.
    fn column_like(&self, table: &str, name: &str) -> Option<&str> {
        let mut columns = self.physical.get(table)?.iter();
        columns
            .find(|column| column.name.to_lowercase() == name)
            .map(|column| column.name.as_str())
    }

    fn table_entry(&self, name: &str, physical: &[PhysicalColumn]) -> Map<String, Value> {
        let table = self.table(name);
        let columns: Vec<Value> = physical
            .iter()
            .map(|column| column_entry(column, columns_of(table).get(&column.name)))
            .collect();
        let missing: BTreeMap<&String, &Value> = columns_of(table)
            .iter()
            .filter(|(column, _)| !physical.iter().any(|p| p.name == **column))
            .collect();
        let mut entry = Map::new();
        entry.insert("hints".to_owned(), hints(table, &NOT_TABLE_HINTS));
        entry.insert(
            "in_schema".to_owned(),
            json!(self.tables.contains_key(name)),
        );
        entry.insert("columns".to_owned(), json!(columns));
        if !missing.is_empty() {
            entry.insert("schema_only_columns".to_owned(), json!(missing));
        }
        entry
    }
}

/// The first 19 characters of the time that marks active rows, as the database shows it.
fn active_prefix(literal: &Value) -> String {
    let text = literal
        .as_str()
        .map_or_else(|| literal.to_string(), str::to_owned);
    text.chars().take(19).collect::<String>().replace(' ', "T")
}

fn column_entry(physical: &PhysicalColumn, stored: Option<&Value>) -> Value {
    let stored = stored.unwrap_or(&Value::Null);
    let is_known = stored
        .as_object()
        .is_some_and(|properties| !properties.is_empty());
    let nullable = stored.get("nullable").cloned().unwrap_or(json!(true));
    json!({
        "name": physical.name,
        "data_type": stored.get("data_type"),
        "sql_type": physical.sql_type,
        "nullable": physical.is_nullable,
        "schema_nullable": if is_known { nullable } else { Value::Null },
        "hints": hints(stored, &NOT_COLUMN_HINTS),
    })
}

/// Properties by name, without those in `hidden`.
fn hints(document: &Value, hidden: &[&str]) -> Value {
    let properties = document.as_object().into_iter().flatten();
    let shown: BTreeMap<_, _> = properties
        .filter(|(key, _)| !hidden.contains(&key.as_str()))
        .collect();
    json!(shown)
}
