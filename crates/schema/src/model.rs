//! The schema as a value: data types, columns, tables, settings.
//!
//! A column or table is a handful of typed properties that the core decides on, and a bag of hints that is kept as it
//! came. dlt treats both as dictionaries and lets every destination add its own `x-…` hints, so a closed struct would
//! lose what a newer program wrote. Start with [`Schema`].

use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Hints of a column or table that are kept as they came, in order.
pub type Hints = Map<String, Value>;

/// Version of the stored schema document that this program writes (dlt 1.31: spec/schema.md §1).
pub const ENGINE_VERSION: i64 = 11;

/// Type of a column, independent of any destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// Unicode text.
    Text,
    /// 64-bit float.
    Double,
    /// True or false.
    Bool,
    /// Microseconds; with or without a time zone.
    Timestamp,
    /// Signed integer, 64 bits unless a precision says otherwise.
    Bigint,
    /// Bytes.
    Binary,
    /// JSON document.
    Json,
    /// Exact number with precision and scale.
    Decimal,
    /// Exact integer of 256 bits or as many as the destination has.
    Wei,
    /// Calendar date.
    Date,
    /// Time of day.
    Time,
}

impl DataType {
    /// All types, in the order in which dlt lists them.
    pub const ALL: [DataType; 11] = [
        DataType::Text,
        DataType::Double,
        DataType::Bool,
        DataType::Timestamp,
        DataType::Bigint,
        DataType::Binary,
        DataType::Json,
        DataType::Decimal,
        DataType::Wei,
        DataType::Date,
        DataType::Time,
    ];

    /// The word that stands for the type in schema documents.
    pub fn as_str(self) -> &'static str {
        match self {
            DataType::Text => "text",
            DataType::Double => "double",
            DataType::Bool => "bool",
            DataType::Timestamp => "timestamp",
            DataType::Bigint => "bigint",
            DataType::Binary => "binary",
            DataType::Json => "json",
            DataType::Decimal => "decimal",
            DataType::Wei => "wei",
            DataType::Date => "date",
            DataType::Time => "time",
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no data type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a data type (text, double, bool, timestamp, bigint, binary, json, decimal, wei, date, time)"
)]
pub struct UnknownDataType(pub String);

impl FromStr for DataType {
    type Err = UnknownDataType;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        DataType::ALL
            .into_iter()
            .find(|data_type| data_type.as_str() == word)
            .ok_or_else(|| UnknownDataType(word.to_owned()))
    }
}

/// One column. Without a data type it is *incomplete*: known from a hint only, never created in a destination.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Column {
    /// Normalized name.
    pub name: String,
    /// Absent for an incomplete column.
    pub data_type: Option<DataType>,
    /// Absent means nullable.
    pub nullable: Option<bool>,
    /// Digits of a decimal, bits of a bigint, characters of a text, fraction digits of a timestamp or time.
    pub precision: Option<i64>,
    /// Digits after the point.
    pub scale: Option<i64>,
    /// `false` for a naive timestamp.
    pub timezone: Option<bool>,
    /// Everything else, for instance `primary_key`, `unique`, `variant`, `description`, `x-…`.
    pub hints: Hints,
}

impl Column {
    /// A column without a type.
    pub fn incomplete(name: impl Into<String>) -> Self {
        Column {
            name: name.into(),
            ..Column::default()
        }
    }

    /// A column with a type.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Column {
            name: name.into(),
            data_type: Some(data_type),
            ..Column::default()
        }
    }

    /// True when the column has a data type.
    pub fn is_complete(&self) -> bool {
        self.data_type.is_some()
    }

    /// True unless the column says otherwise.
    pub fn is_nullable(&self) -> bool {
        self.nullable.unwrap_or(true)
    }

    /// True when the boolean hint `hint` is set.
    pub fn has(&self, hint: &str) -> bool {
        self.hints
            .get(hint)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Text of the hint `hint`.
    pub fn text_hint(&self, hint: &str) -> Option<&str> {
        self.hints.get(hint).and_then(Value::as_str)
    }
}

/// One table with its columns in schema order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Normalized name.
    pub name: String,
    /// Name of the table of the parent row; absent for root tables.
    pub parent: Option<String>,
    /// Columns by name; order is the order of creation.
    pub columns: IndexMap<String, Column>,
    /// Everything else, for instance `write_disposition`, `resource`, `schema_contract`, `x-normalizer`, `x-…`.
    pub hints: Hints,
}

impl Table {
    /// A table without columns.
    pub fn new(name: impl Into<String>) -> Self {
        Table {
            name: name.into(),
            ..Table::default()
        }
    }

    /// Text of the hint `hint`.
    pub fn text_hint(&self, hint: &str) -> Option<&str> {
        self.hints.get(hint).and_then(Value::as_str)
    }

    /// Names of the columns that carry the boolean hint `hint`, in schema order.
    pub fn columns_with(&self, hint: &str) -> Vec<&str> {
        self.columns
            .values()
            .filter(|c| c.has(hint))
            .map(|c| c.name.as_str())
            .collect()
    }

    /// Columns that have a data type, in schema order.
    pub fn complete_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.values().filter(|c| c.is_complete())
    }

    /// Value of the mark `mark` in `x-normalizer` (`seen-data`, `max_nesting`, `evolve-columns-once`).
    pub fn normalizer_mark(&self, mark: &str) -> Option<&Value> {
        self.hints
            .get("x-normalizer")
            .and_then(|marks| marks.get(mark))
    }

    /// True when rows of this table have passed normalize before.
    pub fn has_seen_data(&self) -> bool {
        self.normalizer_mark("seen-data")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}

/// Settings of a schema: how new columns get types and hints (spec/schema.md §1.3).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaSettings {
    /// Type detections in the order in which they are tried.
    pub detections: Option<Vec<String>>,
    /// Hint → patterns of column names.
    pub default_hints: Option<IndexMap<String, Vec<String>>>,
    /// Pattern of a column name → data type.
    pub preferred_types: Option<IndexMap<String, String>>,
    /// Contract of all tables: a word or an object.
    pub schema_contract: Option<Value>,
    /// Settings that this program does not know.
    pub other: Hints,
}

/// All tables that one source has made, with what is needed to go on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// Name of the source, normalized.
    pub name: String,
    /// Counts stored changes, from 1.
    pub version: i64,
    /// Hash of the content that was stored last; absent before the first save.
    pub version_hash: Option<String>,
    /// See [`ENGINE_VERSION`].
    pub engine_version: i64,
    /// Tables in order of creation.
    pub tables: IndexMap<String, Table>,
    /// How new columns get types and hints.
    pub settings: SchemaSettings,
    /// Naming convention and JSON normalizer with their configuration, as stored.
    pub normalizers: Hints,
    /// Hashes of earlier versions, newest first, at most ten.
    pub previous_hashes: Vec<String>,
    /// Hash of the imported file that this schema follows.
    pub imported_version_hash: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Properties that this program does not know.
    pub other: Hints,
}
