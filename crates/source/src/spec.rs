//! What a user wishes for a source, its resources and their tables, as plain data.
//!
//! The names and meanings are dlt's (`dlt.resource`, `dlt.source`, nested hints). Hints stay JSON where the schema keeps
//! them as JSON; what this program decides on is typed. Reading a document reports every mistake at once. Start with
//! [`ResourceSpec::from_value`].

mod disposition;
mod files;
mod incremental;
mod table_name;
mod type_change;

pub use disposition::{Disposition, WriteDisposition};
pub use files::{Compression, FileSpec, Format};
pub use incremental::{IncrementalSpec, LastValue, MissingValue, RangeEdge, RowOrder};
pub use table_name::{Piece, TableTemplate, TemplateError};
pub use type_change::TypeChange;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use tipple_schema::DataType;

use crate::error::SourceError;
use crate::fields::{Fields, Problems, join, quoted_list};

/// Column properties that dlt knows; any `x-…` may be added.
const COLUMN_PROPERTIES: [&str; 20] = [
    "name",
    "description",
    "data_type",
    "nullable",
    "precision",
    "scale",
    "timezone",
    "partition",
    "cluster",
    "unique",
    "sort",
    "primary_key",
    "merge_key",
    "row_key",
    "parent_key",
    "root_key",
    "variant",
    "hard_delete",
    "dedup_sort",
    "incremental",
];

const CONTRACT_ENTITIES: [&str; 3] = ["tables", "columns", "data_type"];
const CONTRACT_MODES: [&str; 4] = ["evolve", "freeze", "discard_row", "discard_value"];
const TABLE_FORMATS: [&str; 4] = ["iceberg", "delta", "hive", "native"];
const DETECTIONS: [&str; 6] = [
    "timestamp",
    "iso_timestamp",
    "iso_date",
    "large_integer",
    "hexbytes_to_text",
    "wei_to_double",
];

/// One or several column names. A list of one name is not the same as a name: hashes of incremental cursors differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A name alone.
    One(String),
    /// A list of names; empty means "explicitly none".
    Many(Vec<String>),
}

impl Key {
    /// The names in order.
    pub fn names(&self) -> &[String] {
        match self {
            Key::One(name) => std::slice::from_ref(name),
            Key::Many(names) => names,
        }
    }

    /// True when there is no name.
    pub fn is_empty(&self) -> bool {
        self.names().iter().all(String::is_empty)
    }

    pub(crate) fn read(
        fields: &mut Fields,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Key> {
        let is_list = matches!(fields.value(key), Some(Value::Array(_)));
        let mut names = fields.texts(key, problems)?;
        if is_list {
            Some(Key::Many(names))
        } else {
            names.pop().map(Key::One)
        }
    }
}

/// Hints for one table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableHints {
    /// How rows get into the table; append when absent (child tables follow their root).
    pub write_disposition: Option<WriteDisposition>,
    /// Columns that identify a row.
    pub primary_key: Option<Key>,
    /// Columns by whose values old rows are deleted in a merge.
    pub merge_key: Option<Key>,
    /// Column name (as in the data) → properties, in the order of the document; each has its `name`.
    pub columns: IndexMap<String, Map<String, Value>>,
    /// Word or object, validated.
    pub schema_contract: Option<Value>,
    /// What to do with values of another type; that of the source when absent.
    pub on_type_change: Option<TypeChange>,
    /// Links to other tables.
    pub references: Option<Vec<Value>>,
    /// `iceberg`, `delta`, `hive` or `native`.
    pub table_format: Option<String>,
    /// File format of load jobs.
    pub file_format: Option<String>,
    /// Explicit parent table.
    pub parent_table_name: Option<String>,
}

impl TableHints {
    fn read(fields: &mut Fields, problems: &mut Problems) -> Self {
        TableHints {
            write_disposition: WriteDisposition::read(fields, problems),
            primary_key: Key::read(fields, "primary_key", problems),
            merge_key: Key::read(fields, "merge_key", problems),
            columns: read_columns(fields, problems),
            schema_contract: read_contract(fields, problems),
            on_type_change: TypeChange::read(fields, problems),
            references: read_references(fields, problems),
            table_format: read_table_format(fields, problems),
            file_format: fields.text("file_format", problems),
            parent_table_name: fields.text("parent_table_name", problems),
        }
    }

    /// True when the hints make a child table a root of its own: it has a key.
    pub fn has_key(&self) -> bool {
        let filled = |key: &Option<Key>| key.as_ref().is_some_and(|key| !key.is_empty());
        filled(&self.primary_key) || filled(&self.merge_key)
    }
}

/// Hints for the table of a list inside the items.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedHints {
    /// Keys that lead to the list, from the root table down, as in the data.
    pub path: Vec<String>,
    /// Hints of its table.
    pub hints: TableHints,
}

/// Name and hints of one resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceSpec {
    /// Name; key of its state.
    pub name: String,
    /// Name of the root table when it is not the resource's.
    pub table_name: Option<String>,
    /// Rule for the name of the root table when it depends on the item; `table_name` is absent then.
    pub table_by_item: Option<TableTemplate>,
    /// Hints of the root table.
    pub hints: TableHints,
    /// Hints of child tables, shorter paths first.
    pub nested_hints: Vec<NestedHints>,
    /// Levels of child tables that are made; deeper lists become JSON.
    pub max_table_nesting: Option<u64>,
    /// Cursor over the rows.
    pub incremental: Option<IncrementalSpec>,
    /// Further table hints, kept as they are (`x-…` and others).
    pub table_hints: Map<String, Value>,
}

impl ResourceSpec {
    /// A resource without hints.
    pub fn named(name: impl Into<String>) -> Self {
        ResourceSpec {
            name: name.into(),
            ..ResourceSpec::default()
        }
    }

    /// Name of the root table before normalization.
    pub fn root_table(&self) -> &str {
        self.table_name.as_deref().unwrap_or(&self.name)
    }

    /// How rows get into the root table.
    pub fn disposition(&self) -> Disposition {
        self.hints
            .write_disposition
            .as_ref()
            .map_or(Disposition::Append, |w| w.disposition)
    }

    /// True when a run forgets what the resource remembered: with the disposition `replace`, given as a word. The object
    /// form does not reset, as in dlt 1.31.
    pub fn resets_state(&self) -> bool {
        let disposition = self.hints.write_disposition.as_ref();
        disposition.is_some_and(|w| w.disposition == Disposition::Replace && w.is_word())
    }

    /// Reads one resource of a document. Members in `others` belong to somebody else and are passed over.
    ///
    /// # Errors
    /// [`SourceError::Spec`] with all mistakes.
    pub fn from_value(value: &Value, others: &[&str], origin: &str) -> Result<Self, SourceError> {
        collect(origin, |problems| {
            ResourceSpec::read(value, others, "", problems)
        })
    }

    pub(crate) fn read(
        value: &Value,
        others: &[&str],
        path: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Fields::of(value, path, problems)?;
        let name = fields.text("name", problems);
        if name.as_deref().is_none_or(str::is_empty) {
            let help = "give the resource a `name`; its table is named after it";
            problems.add_with_help(path, "the resource has no name", help);
        }
        let (table_name, table_by_item) = read_table_name(&mut fields, problems);
        let spec = ResourceSpec {
            name: name.unwrap_or_default(),
            table_name,
            table_by_item,
            hints: TableHints::read(&mut fields, problems),
            nested_hints: read_nested_hints(&mut fields, problems),
            max_table_nesting: fields.count("max_table_nesting", problems),
            incremental: IncrementalSpec::read(&mut fields, problems),
            table_hints: fields
                .object("table_hints", problems)
                .cloned()
                .unwrap_or_default(),
        };
        fields.leave(others);
        fields.finish(problems);
        Some(spec)
    }
}

/// Name and settings of a source; they hold for all its resources.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceSpec {
    /// Name of the source, of its schema, of its state and of its section of the settings.
    pub name: String,
    /// Levels of child tables that are made, unless a resource says otherwise.
    pub max_table_nesting: Option<u64>,
    /// Whether child rows carry the id of their root row (merge needs it; it comes by itself then).
    pub root_key: Option<bool>,
    /// Contract of all tables.
    pub schema_contract: Option<Value>,
    /// What to do with values of another type, unless a resource says otherwise.
    pub on_type_change: Option<TypeChange>,
    /// Type detections to add to those of the schema.
    pub detections_add: Vec<String>,
    /// Type detections to remove.
    pub detections_remove: Vec<String>,
    /// Pattern of a column name → data type.
    pub preferred_types: IndexMap<String, DataType>,
    /// Hint → patterns of column names.
    pub default_hints: IndexMap<String, Vec<String>>,
}

impl SourceSpec {
    /// A source without settings.
    pub fn named(name: impl Into<String>) -> Self {
        SourceSpec {
            name: name.into(),
            ..SourceSpec::default()
        }
    }

    /// Reads the settings of a source from the members of an object. `name` is used when the object has no member
    /// `source`; members in `others` belong to somebody else.
    ///
    /// # Errors
    /// [`SourceError::Spec`] with all mistakes.
    pub fn from_value(
        value: &Value,
        name: &str,
        others: &[&str],
        origin: &str,
    ) -> Result<Self, SourceError> {
        collect(origin, |problems| {
            let mut fields = Fields::of(value, "", problems)?;
            let spec = SourceSpec::read(&mut fields, name, problems);
            fields.leave(others);
            fields.finish(problems);
            Some(spec)
        })
    }

    pub(crate) fn read(fields: &mut Fields, name: &str, problems: &mut Problems) -> Self {
        SourceSpec {
            name: fields
                .text("source", problems)
                .unwrap_or_else(|| name.to_owned()),
            max_table_nesting: fields.count("max_table_nesting", problems),
            root_key: fields.bool("root_key", problems),
            schema_contract: read_contract(fields, problems),
            on_type_change: TypeChange::read(fields, problems),
            detections_add: read_detections(fields, "detections_add", problems),
            detections_remove: read_detections(fields, "detections_remove", problems),
            preferred_types: read_preferred_types(fields, problems),
            default_hints: read_default_hints(fields, problems),
        }
    }
}

/// The name of the root table, or the rule that gives one for each item.
fn read_table_name(
    fields: &mut Fields,
    problems: &mut Problems,
) -> (Option<String>, Option<TableTemplate>) {
    let name = fields.text("table_name", problems);
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return (None, None);
    };
    match name.parse::<TableTemplate>() {
        Ok(template) => match template.constant() {
            Some(name) => (Some(name.to_owned()), None),
            None => (None, Some(template)),
        },
        Err(error) => {
            let help = "put a field of the item in braces: `table_name: \"event_{type}\"`";
            problems.add_with_help(fields.path_of("table_name"), error.to_string(), help);
            (None, None)
        }
    }
}

/// Runs `read` and turns its mistakes into one error.
///
/// # Errors
/// [`SourceError::Spec`] with all mistakes, or when `read` gave nothing.
pub fn collect<T>(
    origin: &str,
    read: impl FnOnce(&mut Problems) -> Option<T>,
) -> Result<T, SourceError> {
    let mut problems = Problems::default();
    match read(&mut problems) {
        Some(value) if problems.0.is_empty() => Ok(value),
        _ => Err(SourceError::Spec {
            origin: origin.to_owned(),
            problems: problems.0,
        }),
    }
}

fn read_columns(
    fields: &mut Fields,
    problems: &mut Problems,
) -> IndexMap<String, Map<String, Value>> {
    let path = fields.path_of("columns");
    let mut columns = IndexMap::new();
    match fields.value("columns") {
        None => {}
        Some(Value::Object(map)) => {
            for (name, value) in map {
                add_column(&mut columns, name, value, &join(&path, name), problems);
            }
        }
        Some(Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                let path = format!("{path}[{index}]");
                match value.get("name").and_then(Value::as_str) {
                    Some(name) => add_column(&mut columns, name, value, &path, problems),
                    None => problems.add(path, "a column in a list needs a `name`"),
                }
            }
        }
        Some(_) => problems.add(path, "must be an object or a list of columns"),
    }
    columns
}

fn add_column(
    columns: &mut IndexMap<String, Map<String, Value>>,
    name: &str,
    value: &Value,
    path: &str,
    problems: &mut Problems,
) {
    let Some(mut fields) = Fields::of(value, path, problems) else {
        return;
    };
    fields.leave(&COLUMN_PROPERTIES);
    check_data_type(
        fields.text("data_type", problems),
        &join(path, "data_type"),
        problems,
    );
    fields.finish_except(|key| key.starts_with("x-"), problems);
    let mut column = value.as_object().cloned().unwrap_or_default();
    column.insert("name".to_owned(), Value::String(name.to_owned()));
    columns.insert(name.to_owned(), column);
}

fn check_data_type(word: Option<String>, path: &str, problems: &mut Problems) -> Option<DataType> {
    let word = word?;
    // The name that older versions of dlt used.
    if word == "complex" {
        return Some(DataType::Json);
    }
    let read = word.parse().ok();
    if read.is_none() {
        problems.add_unknown_word(path, &word, &DataType::ALL.map(DataType::as_str));
    }
    read
}

fn read_contract(fields: &mut Fields, problems: &mut Problems) -> Option<Value> {
    let path = fields.path_of("schema_contract");
    let value = fields.value("schema_contract")?;
    match value {
        Value::String(word) => check_mode(word, &path, problems),
        Value::Object(_) => {
            let mut contract = Fields::of(value, &path, problems)?;
            for entity in CONTRACT_ENTITIES {
                if let Some(word) = contract.text(entity, problems) {
                    check_mode(&word, &join(&path, entity), problems);
                }
            }
            contract.finish(problems);
        }
        _ => problems.add(
            path,
            "must be a word or an object with `tables`, `columns`, `data_type`",
        ),
    }
    Some(value.clone())
}

fn check_mode(word: &str, path: &str, problems: &mut Problems) {
    if !CONTRACT_MODES.contains(&word) {
        problems.add_unknown_word(path, word, &CONTRACT_MODES);
    }
}

fn read_table_format(fields: &mut Fields, problems: &mut Problems) -> Option<String> {
    let word = fields.text("table_format", problems)?;
    if !TABLE_FORMATS.contains(&word.as_str()) {
        problems.add_unknown_word(&fields.path_of("table_format"), &word, &TABLE_FORMATS);
    }
    Some(word)
}

fn read_references(fields: &mut Fields, problems: &mut Problems) -> Option<Vec<Value>> {
    let path = fields.path_of("references");
    let list = fields.list("references", problems)?;
    for (index, value) in list.iter().enumerate() {
        check_reference(value, &format!("{path}[{index}]"), problems);
    }
    Some(list.clone())
}

fn check_reference(value: &Value, path: &str, problems: &mut Problems) {
    let Some(mut fields) = Fields::of(value, path, problems) else {
        return;
    };
    let columns = fields.texts("columns", problems).unwrap_or_default();
    let referenced = fields
        .texts("referenced_columns", problems)
        .unwrap_or_default();
    if fields
        .text("referenced_table", problems)
        .is_none_or(|table| table.is_empty())
    {
        problems.add(path, "a reference needs a `referenced_table`");
    }
    if columns.is_empty() || columns.len() != referenced.len() {
        let message = "`columns` and `referenced_columns` must be lists of the same length";
        problems.add(path, message);
    }
    fields.leave(&["label", "cardinality", "table"]);
    fields.finish(problems);
}

fn read_nested_hints(fields: &mut Fields, problems: &mut Problems) -> Vec<NestedHints> {
    let path = fields.path_of("nested_hints");
    let Some(map) = fields.object("nested_hints", problems) else {
        return Vec::new();
    };
    let mut nested = Vec::new();
    for (key, value) in map {
        let Some(mut fields) = Fields::of(value, &join(&path, key), problems) else {
            continue;
        };
        let hints = TableHints::read(&mut fields, problems);
        fields.finish(problems);
        nested.push(NestedHints {
            path: key.split('/').map(str::to_owned).collect(),
            hints,
        });
    }
    nested.sort_by_key(|nested| nested.path.len());
    nested
}

fn read_detections(fields: &mut Fields, key: &'static str, problems: &mut Problems) -> Vec<String> {
    let words = fields.texts(key, problems).unwrap_or_default();
    for word in words
        .iter()
        .filter(|word| !DETECTIONS.contains(&word.as_str()))
    {
        problems.add_unknown_word(&fields.path_of(key), word, &DETECTIONS);
    }
    words
}

fn read_preferred_types(
    fields: &mut Fields,
    problems: &mut Problems,
) -> IndexMap<String, DataType> {
    let path = fields.path_of("preferred_types");
    let mut types = IndexMap::new();
    for (pattern, value) in fields
        .object("preferred_types", problems)
        .into_iter()
        .flatten()
    {
        let path = join(&path, pattern);
        match value.as_str() {
            Some(word) => {
                if let Some(read) = check_data_type(Some(word.to_owned()), &path, problems) {
                    types.insert(pattern.clone(), read);
                }
            }
            None => {
                let words = quoted_list(&DataType::ALL.map(DataType::as_str));
                problems.add(path, format!("must be one of {words}"));
            }
        }
    }
    types
}

fn read_default_hints(
    fields: &mut Fields,
    problems: &mut Problems,
) -> IndexMap<String, Vec<String>> {
    let path = fields.path_of("default_hints");
    let Some(map) = fields.object("default_hints", problems) else {
        return IndexMap::new();
    };
    let value = Value::Object(map.clone());
    let Some(mut hints) = Fields::of(&value, &path, problems) else {
        return IndexMap::new();
    };
    map.keys()
        .filter_map(|hint| {
            hints
                .texts(hint, problems)
                .map(|patterns| (hint.clone(), patterns))
        })
        .collect()
}

#[cfg(test)]
mod tests;
