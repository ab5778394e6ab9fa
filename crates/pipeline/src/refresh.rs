//! Forgetting: which tables, schema entries and state a refresh or a drop removes (spec/schema.md §7, spec/load.md §8).
//!
//! Pure over schema and state; the removal at the destination is recorded in the load package and happens when it is
//! loaded. Start with [`forget`].

use regex::Regex;
use serde_json::{Map, Value, json};
use tipple_schema::{Schema, SchemaError, Table};

use crate::load::table_names;
use crate::options::Refresh;
use crate::state::PipelineState;

/// Which resources are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All resources of the schema.
    All,
    /// Names, or regular expressions after `re:`.
    Named(Vec<String>),
}

impl Selection {
    /// True when the selection means `resource`.
    pub fn contains(&self, resource: &str) -> bool {
        let Selection::Named(names) = self else {
            return true;
        };
        names.iter().any(|name| match name.strip_prefix("re:") {
            Some(pattern) => {
                Regex::new(&format!("^(?:{pattern})")).is_ok_and(|re| re.is_match(resource))
            }
            None => name == resource,
        })
    }
}

/// What is forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forgotten {
    /// Tables that leave the schema, children first.
    pub tables: Vec<String>,
    /// Those of them that exist at the destination, as documents, children first.
    pub tables_with_data: Vec<Value>,
    /// Resources whose state is removed.
    pub resource_states: Vec<String>,
    /// Keys of the source state that are removed.
    pub state_paths: Vec<String>,
}

impl Forgotten {
    /// True when nothing is removed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.resource_states.is_empty() && self.state_paths.is_empty()
    }
}

/// Names of the tables that a refresh changes at the destination, children first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Refreshed {
    /// Tables that are dropped.
    pub dropped: Vec<String>,
    /// Tables that are emptied.
    pub truncated: Vec<String>,
}

impl Refreshed {
    /// What the state of a load package says.
    pub fn read(package_state: &Map<String, Value>) -> Self {
        let names = |key: &str| {
            let tables = package_state.get(key).and_then(Value::as_array);
            tables.map(|tables| table_names(tables)).unwrap_or_default()
        };
        Refreshed {
            dropped: names("dropped_tables"),
            truncated: names("truncated_tables"),
        }
    }
}

/// Tables of the selected resources with their children, root first, system tables left out.
fn tables_of<'a>(schema: &'a Schema, selection: &Selection) -> Vec<&'a Table> {
    let roots = schema.tables.values().filter(|table| {
        table.parent.is_none()
            && !schema.is_system(&table.name)
            && table
                .text_hint("resource")
                .is_some_and(|resource| selection.contains(resource))
    });
    roots
        .flat_map(|root| schema.chain(&root.name))
        .filter_map(|name| schema.tables.get(name))
        .collect()
}

/// Removes tables and state of the selected resources; with `keep_tables` only the state.
///
/// # Errors
/// [`SchemaError::Orphaned`] when a table of the selection has children that would stay.
pub fn forget(
    schema: &mut Schema,
    state: &mut PipelineState,
    selection: &Selection,
    keep_tables: bool,
) -> Result<Forgotten, SchemaError> {
    let tables = tables_of(schema, selection);
    let with_data = tables.iter().rev().filter(|table| table.has_seen_data());
    let mut forgotten = Forgotten {
        tables: tables
            .iter()
            .rev()
            .map(|table| table.name.clone())
            .collect(),
        tables_with_data: with_data
            .map(|table| Value::Object(table.to_properties()))
            .collect(),
        ..Forgotten::default()
    };
    if !keep_tables {
        let names: Vec<&str> = forgotten.tables.iter().map(String::as_str).collect();
        schema.drop_tables(&names)?;
    }
    forgotten.resource_states = forget_resources(state, &schema.name, selection);
    Ok(forgotten)
}

fn forget_resources(state: &mut PipelineState, source: &str, selection: &Selection) -> Vec<String> {
    // dlt makes the map of sources by looking into it, which changes the hash of the state.
    state.touch_sources();
    if state.source(source).is_none_or(Map::is_empty) {
        return Vec::new();
    }
    let resources = state
        .source(source)
        .and_then(|source| source.get("resources"));
    let known = resources.and_then(Value::as_object).into_iter().flatten();
    let forgotten: Vec<String> = known
        .map(|(name, _)| name.clone())
        .filter(|name| selection.contains(name))
        .collect();
    for name in &forgotten {
        state.reset_resource(source, name);
    }
    forgotten
}

/// What a refresh does to schema and state before a run; entries for the state of the load package.
pub(crate) fn prepare(
    refresh: Refresh,
    schema: &mut Schema,
    state: &mut PipelineState,
    resources: &[String],
) -> Result<Map<String, Value>, SchemaError> {
    let selection = match refresh {
        Refresh::DropSources => Selection::All,
        Refresh::DropResources | Refresh::DropData => Selection::Named(resources.to_vec()),
    };
    let keep_tables = refresh == Refresh::DropData;
    let forgotten = forget(schema, state, &selection, keep_tables)?;
    if refresh == Refresh::DropSources {
        state.clear_source(&schema.name);
    }
    let mut entries = Map::new();
    entries.insert("refresh".to_owned(), json!(refresh.as_str()));
    if !forgotten.tables_with_data.is_empty() {
        let key = if keep_tables {
            "truncated_tables"
        } else {
            "dropped_tables"
        };
        entries.insert(key.to_owned(), Value::Array(forgotten.tables_with_data));
        if !keep_tables {
            state.force_extract();
        }
    }
    Ok(entries)
}
