//! From the hints of a resource to tables of the schema.
//!
//! A transcription of how dlt turns resource hints into partial tables (spec/normalize.md §7.1, spec/load.md §5.3): keys
//! and strategies become properties of columns and tables, nested hints become tables of their own, names pass the
//! naming convention at the end. Pure; the caller merges the result into a schema. Start with [`resource_tables`].

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tipple_destination::ON_TYPE_CHANGE;
use tipple_json::JsonPath;
use tipple_schema::{Column, Naming, NamingError, Table};
use tipple_source::{
    Disposition, Key, NestedHints, ResourceSpec, TableHints, TypeChange, WriteDisposition,
};

/// Columns that scd2 adds when the user names no others.
const VALIDITY_COLUMNS: [&str; 2] = ["_dlt_valid_from", "_dlt_valid_to"];

/// Keys of the merge disposition and the table hints that store them.
const MERGE_HINTS: [(&str, &str); 5] = [
    ("strategy", "x-merge-strategy"),
    ("deduplicated", "x-stage-data-deduplicated"),
    ("source_filter", "x-merge-source-filter"),
    ("destination_scope", "x-merge-destination-scope"),
    ("skip_unchanged_rows", "x-merge-skip-unchanged-rows"),
];

/// A name in hints that the naming convention refuses.
#[derive(Debug, thiserror::Error)]
#[error("resource `{resource}`: {cause}")]
pub struct HintError {
    /// Resource that has the name.
    pub resource: String,
    /// What is wrong with it.
    pub cause: NamingError,
}

/// Tables that a resource declares: its root table first, then nested ones, shorter paths first.
///
/// # Errors
/// [`HintError`] when a name cannot be used.
pub fn resource_tables(spec: &ResourceSpec, naming: &Naming) -> Result<Vec<Table>, HintError> {
    let refused = |cause| HintError {
        resource: spec.name.clone(),
        cause,
    };
    let mut tables = vec![root_table(spec)];
    tables.extend(nested_tables(spec, naming).map_err(refused)?);
    let named = tables.iter().map(|table| table.normalized(naming));
    named.collect::<Result<_, _>>().map_err(refused)
}

/// Name of the root table of a resource, normalized.
///
/// # Errors
/// [`HintError`] when the naming convention refuses it.
pub fn root_table_name(spec: &ResourceSpec, naming: &Naming) -> Result<String, HintError> {
    let refused = |cause| HintError {
        resource: spec.name.clone(),
        cause,
    };
    naming.path(spec.root_table()).map_err(refused)
}

fn root_table(spec: &ResourceSpec) -> Table {
    let mut draft = Draft::new(spec.root_table(), &spec.hints.columns);
    let append = WriteDisposition::from(Disposition::Append);
    draft.common_hints(
        &spec.hints,
        Some(spec.hints.write_disposition.as_ref().unwrap_or(&append)),
    );
    let cursor = spec
        .incremental
        .as_ref()
        .and_then(|cursor| cursor_column(&cursor.cursor_path));
    if let Some(column) = cursor {
        draft
            .column(&column)
            .hints
            .insert("incremental".to_owned(), json!(true));
    }
    if let Some(max_nesting) = spec.max_table_nesting {
        draft.hint("x-normalizer", Some(&json!({"max_nesting": max_nesting})));
    }
    for (key, value) in &spec.table_hints {
        draft.hint(key, Some(value));
    }
    draft.hint("resource", Some(&json!(spec.name)));
    draft.table
}

/// Name of the column that a cursor path means; nothing for a path into an object.
fn cursor_column(path: &str) -> Option<String> {
    path.parse::<JsonPath>()
        .ok()?
        .simple_name()
        .map(str::to_owned)
}

fn nested_tables(spec: &ResourceSpec, naming: &Naming) -> Result<Vec<Table>, NamingError> {
    spec.nested_hints
        .iter()
        .map(|nested| nested_table(spec, nested, naming))
        .collect()
}

fn nested_table(
    spec: &ResourceSpec,
    nested: &NestedHints,
    naming: &Naming,
) -> Result<Table, NamingError> {
    let path = std::iter::once(spec.root_table()).chain(nested.path.iter().map(String::as_str));
    let parts: Vec<String> = path
        .map(|part| naming.identifier(part))
        .collect::<Result<_, _>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let name = naming.fragments(&parts)?;
    let mut draft = Draft::new(&name, &nested.hints.columns);
    draft.common_hints(&nested.hints, nested.hints.write_disposition.as_ref());
    draft.table.parent = match &nested.hints.parent_table_name {
        Some(parent) => Some(parent.clone()),
        // A key makes the child a table of its own (spec/normalize.md §3.2).
        None if draft.has_key() => None,
        None => Some(naming.fragments(&parts[..parts.len() - 1])?),
    };
    if draft.table.parent.is_none() {
        draft.hint("resource", Some(&json!(spec.name)));
    }
    Ok(draft.table)
}

/// A table under construction, with names as the user wrote them.
struct Draft {
    table: Table,
}

impl Draft {
    fn new(name: &str, columns: &IndexMap<String, Map<String, Value>>) -> Self {
        let mut table = Table::new(name);
        for (column, properties) in columns {
            table
                .columns
                .insert(column.clone(), Column::from_properties(column, properties));
        }
        Draft { table }
    }

    fn hint(&mut self, key: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.table.hints.insert(key.to_owned(), value.clone());
        }
    }

    fn column(&mut self, name: &str) -> &mut Column {
        self.table
            .columns
            .entry(name.to_owned())
            .or_insert_with(|| Column::incomplete(name))
    }

    /// A key given for the table replaces the same key of single columns, and makes its columns not nullable.
    fn keys(&mut self, hint: &str, key: Option<&Key>) {
        let Some(key) = key else { return };
        for column in self.table.columns.values_mut() {
            column.hints.shift_remove(hint);
        }
        for name in key.names().iter().filter(|name| !name.is_empty()) {
            let column = self.column(name);
            column.hints.insert(hint.to_owned(), json!(true));
            column.nullable = Some(column.nullable.unwrap_or(false));
        }
    }

    fn common_hints(&mut self, hints: &TableHints, disposition: Option<&WriteDisposition>) {
        self.keys("primary_key", hints.primary_key.as_ref());
        self.keys("merge_key", hints.merge_key.as_ref());
        if let Some(disposition) = disposition {
            self.write_disposition(disposition);
        }
        self.hint("schema_contract", hints.schema_contract.as_ref());
        let word = match hints.on_type_change {
            Some(TypeChange::Widen) => Some(json!("widen")),
            Some(TypeChange::Variant) => Some(json!("variant")),
            Some(TypeChange::Refuse) | None => None,
        };
        self.hint(ON_TYPE_CHANGE, word.as_ref());
        self.hint(
            "table_format",
            hints.table_format.clone().map(Value::String).as_ref(),
        );
        self.hint(
            "file_format",
            hints.file_format.clone().map(Value::String).as_ref(),
        );
        self.hint(
            "references",
            hints.references.clone().map(Value::Array).as_ref(),
        );
    }

    fn has_key(&self) -> bool {
        let mut columns = self.table.columns.values();
        columns.any(|column| column.has("primary_key") || column.has("merge_key"))
    }

    fn write_disposition(&mut self, given: &WriteDisposition) {
        if given.disposition == Disposition::Merge {
            self.merge_options(given);
        }
        self.hint(
            "write_disposition",
            Some(&json!(given.disposition.as_str())),
        );
    }

    fn merge_options(&mut self, given: &WriteDisposition) {
        let options = &given.options;
        for (option, hint) in MERGE_HINTS {
            self.hint(hint, options.get(option).filter(|value| is_given(value)));
        }
        if given.strategy() == Some("scd2") {
            self.scd2_options(options);
        } else if let Some(version) = text(options, "row_version_column_name")
            && options.get("skip_unchanged_rows").is_some_and(is_given)
        {
            let column = self.column(version);
            column.nullable = Some(false);
            column.hints.insert("x-row-version".to_owned(), json!(true));
        }
    }

    /// Validity columns come with their type; the row version may repeat (spec/load.md §5.7).
    fn scd2_options(&mut self, options: &Map<String, Value>) {
        self.hint("x-boundary-timestamp", options.get("boundary_timestamp"));
        let names = options
            .get("validity_column_names")
            .and_then(Value::as_array);
        let name = |index: usize| {
            let given = names
                .and_then(|names| names.get(index))
                .and_then(Value::as_str);
            given.unwrap_or(VALIDITY_COLUMNS[index]).to_owned()
        };
        let active = options
            .get("active_record_timestamp")
            .cloned()
            .unwrap_or(Value::Null);
        self.replace_column(
            &name(0),
            json!({"data_type": "timestamp", "nullable": true, "x-valid-from": true}),
        );
        self.replace_column(
            &name(1),
            json!({"data_type": "timestamp", "nullable": true, "x-valid-to": true, "x-active-record-timestamp": active}),
        );
        self.replace_column(
            text(options, "row_version_column_name").unwrap_or("_dlt_id"),
            json!({"nullable": false, "x-row-version": true, "unique": false, "row_key": false}),
        );
    }

    fn replace_column(&mut self, name: &str, properties: Value) {
        if let Value::Object(properties) = properties {
            self.table
                .columns
                .insert(name.to_owned(), Column::from_properties(name, &properties));
        }
    }
}

fn text<'a>(options: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    options.get(key).and_then(Value::as_str)
}

/// What Python counts as true.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(given) => *given,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}
