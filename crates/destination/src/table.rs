//! A table ready to be loaded: hints of its root filled in, columns without a type left out.
//!
//! Schema documents store dispositions and merge properties at the root table only; everything that plans SQL works on
//! this form instead, so that no planner has to look up parents. Start with [`LoadTable::prepare`].

use indexmap::IndexMap;
use serde_json::Value;
use tipple_schema::{Column, Schema, Table};

use crate::capabilities::WriteDisposition;

/// Hints that a child table takes from its nearest ancestor that has them.
const INHERITED: [&str; 6] = [
    "write_disposition",
    "table_format",
    "file_format",
    "x-merge-strategy",
    ON_TYPE_CHANGE,
    "x-bigquery-table-description",
];

/// Hint of a table whose columns may take wider types in place: `widen`.
pub const ON_TYPE_CHANGE: &str = "x-on-type-change";

/// A table with everything that loading needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadTable {
    /// Normalized name.
    pub name: String,
    /// Name of the parent table; absent for a root table.
    pub parent: Option<String>,
    /// How rows get in.
    pub disposition: WriteDisposition,
    /// Complete columns in schema order.
    pub columns: IndexMap<String, Column>,
    /// The table with its inherited hints; `columns` in it are those of the schema.
    pub table: Table,
}

impl LoadTable {
    /// The table `name` of `schema`, or nothing if there is none.
    pub fn prepare(schema: &Schema, name: &str) -> Option<LoadTable> {
        let mut table = schema.tables.get(name)?.clone();
        for hint in INHERITED {
            if !table.hints.contains_key(hint)
                && let Some(value) = inherited(schema, name, hint)
            {
                table.hints.insert(hint.to_owned(), value.clone());
            }
        }
        let disposition = table
            .text_hint("write_disposition")
            .and_then(|word| word.parse().ok())
            .unwrap_or(WriteDisposition::Append);
        let columns = table
            .complete_columns()
            .map(|c| (c.name.clone(), c.clone()))
            .collect();
        let (name, parent) = (table.name.clone(), table.parent.clone());
        Some(LoadTable {
            name,
            parent,
            disposition,
            columns,
            table,
        })
    }

    /// True for a table that hangs on another.
    pub fn is_child(&self) -> bool {
        self.parent.is_some()
    }

    /// Names of complete columns with the boolean hint `hint`, in schema order.
    pub fn columns_with(&self, hint: &str) -> Vec<&str> {
        self.columns
            .values()
            .filter(|c| c.has(hint))
            .map(|c| c.name.as_str())
            .collect()
    }

    /// First complete column that has the hint `hint` with any value but null and false.
    pub fn first_with(&self, hint: &str) -> Option<&Column> {
        self.columns
            .values()
            .find(|column| is_set(column.hints.get(hint)))
    }

    /// All complete columns that have the hint `hint` with any value but null and false.
    pub fn all_with(&self, hint: &str) -> Vec<&Column> {
        self.columns
            .values()
            .filter(|column| is_set(column.hints.get(hint)))
            .collect()
    }

    /// Text of the table hint `hint`, unless it is empty.
    pub fn text_hint(&self, hint: &str) -> Option<&str> {
        self.table.text_hint(hint).filter(|text| !text.is_empty())
    }

    /// True when columns may take wider types in place.
    pub fn widens(&self) -> bool {
        self.text_hint(ON_TYPE_CHANGE) == Some("widen")
    }

    /// True when the boolean table hint `hint` is set.
    pub fn has(&self, hint: &str) -> bool {
        self.table
            .hints
            .get(hint)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Names of all complete columns, in schema order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }
}

fn is_set(value: Option<&Value>) -> bool {
    !matches!(value, None | Some(Value::Null | Value::Bool(false)))
}

fn inherited<'a>(schema: &'a Schema, name: &str, hint: &str) -> Option<&'a Value> {
    let mut table = schema.tables.get(name)?;
    // A chain is as deep as JSON nests; the count stops a document whose parents form a ring.
    for _ in 0..schema.tables.len() {
        table = schema.tables.get(table.parent.as_deref()?)?;
        if let Some(value) = table.hints.get(hint) {
            return Some(value);
        }
    }
    None
}

/// Name of the root table above `name`; `name` itself if it is one or unknown.
pub fn root_of<'a>(schema: &'a Schema, name: &'a str) -> &'a str {
    let mut root = name;
    for _ in 0..schema.tables.len() {
        match schema
            .tables
            .get(root)
            .and_then(|table| table.parent.as_deref())
        {
            Some(parent) => root = parent,
            None => break,
        }
    }
    root
}

/// Names of `root` and its descendants, every parent before its children, siblings in order of creation.
pub fn chain_of<'a>(schema: &'a Schema, root: &'a str) -> Vec<&'a str> {
    let mut chain = Vec::new();
    if schema.tables.contains_key(root) {
        add_descendants(schema, root, &mut chain);
    }
    chain
}

fn add_descendants<'a>(schema: &'a Schema, name: &'a str, chain: &mut Vec<&'a str>) {
    if chain.contains(&name) {
        return;
    }
    chain.push(name);
    for child in schema
        .tables
        .values()
        .filter(|t| t.parent.as_deref() == Some(name))
    {
        add_descendants(schema, &child.name, chain);
    }
}

/// True for the tables that dlt keeps for itself, by their prefix.
pub fn is_system_table(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("_dlt")
}
