//! Locked schemas: what a run may bring is what a file in version control has.
//!
//! The file is an exported schema ([`Schema::to_export`]). New tables, new columns and other types count; hints and
//! what is gone do not, because no destination changes for them. What no data can say stands in the file as well: that a
//! column has another name now (`renamed_from`), and that a column or table goes (`dropped: true`). Start with
//! [`Lock::parse`].

use serde_json::{Map, Value, json};
use tipple_destination::{ColumnChanges, RenamedColumn, is_system_table};
use tipple_package::PackageDocument;
use tipple_schema::evolution::{self, ColumnChange, ColumnDiff, TableChange, TableDiff};
use tipple_schema::{Schema, SchemaError, yaml};

use crate::plan::StoredChanges;

/// Key of the package state: columns that the load renames or drops.
pub(crate) const CHANGES: &str = "tipple_column_changes";

const RENAMED_FROM: &str = "renamed_from";
const DROPPED: &str = "dropped";

/// A locked schema with what it says about the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// All that may be there.
    pub schema: Schema,
    /// Columns with another name than before, and columns that go.
    pub changes: ColumnChanges,
    /// Tables that go, with the tables below them.
    pub dropped_tables: Vec<String>,
}

/// Why a file is no locked schema.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is no YAML.
    #[error(transparent)]
    Yaml(#[from] yaml::YamlError),
    /// It is no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement about the past has another form.
    #[error("`{property}` of `{place}` must be {expected}")]
    Property {
        /// `renamed_from` or `dropped`.
        property: &'static str,
        /// Table, or table and column.
        place: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The old name of a column is still in the file.
    #[error(
        "column `{column}` of `{table}` is renamed from `{from}`, which is in the file as well"
    )]
    StillThere {
        /// The table.
        table: String,
        /// New name.
        column: String,
        /// Old name.
        from: String,
    },
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let mut document = yaml::parse(text)?;
        let mut changes = ColumnChanges::default();
        let mut dropped_tables = Vec::new();
        if let Some(tables) = document.get_mut("tables").and_then(Value::as_object_mut) {
            for (name, table) in tables.iter_mut() {
                let Some(table) = table.as_object_mut() else {
                    continue;
                };
                if take_dropped(table, name)? {
                    dropped_tables.push(name.clone());
                } else {
                    read_columns(table, name, &mut changes)?;
                }
            }
            tables.retain(|name, _| !dropped_tables.contains(name));
        }
        let mut schema = Schema::from_document(&document)?;
        schema.bump();
        Ok(Lock {
            schema,
            changes,
            dropped_tables,
        })
    }

    /// Brings a stored schema to what the file says about the past, and notes in the state of the package what the load
    /// must do for it. What was done before is not noted again.
    ///
    /// # Errors
    /// A dropped table has children that stay.
    pub(crate) fn apply(
        &self,
        schema: &mut Schema,
        package_state: &mut Map<String, Value>,
    ) -> Result<(), SchemaError> {
        let mut changes = ColumnChanges::default();
        for change in &self.changes.renamed {
            if rename(schema, change) {
                changes.renamed.push(change.clone());
            }
        }
        for (table, column) in &self.changes.dropped {
            let known = schema.tables.get_mut(table);
            if known.is_some_and(|table| table.columns.shift_remove(column).is_some()) {
                changes.dropped.push((table.clone(), column.clone()));
            }
        }
        if !changes.is_empty() {
            package_state.insert(CHANGES.to_owned(), changes_document(&changes));
        }
        self.drop_tables(schema, package_state)
    }

    fn drop_tables(
        &self,
        schema: &mut Schema,
        package_state: &mut Map<String, Value>,
    ) -> Result<(), SchemaError> {
        let there = self.dropped_tables.iter().map(String::as_str);
        let there: Vec<&str> = there
            .filter(|name| schema.tables.contains_key(*name))
            .collect();
        let gone = schema.drop_tables(&there)?;
        // Children first, as the statements run in reverse.
        let gone = gone.iter().rev().filter(|table| table.has_seen_data());
        let gone: Vec<Value> = gone
            .map(|table| Value::Object(table.to_properties()))
            .collect();
        if !gone.is_empty() {
            let dropped = package_state
                .entry("dropped_tables")
                .or_insert_with(|| json!([]));
            if let Value::Array(dropped) = dropped {
                dropped.extend(gone);
            }
        }
        Ok(())
    }
}

fn take_dropped(properties: &mut Map<String, Value>, place: &str) -> Result<bool, LockError> {
    match properties.shift_remove(DROPPED) {
        None => Ok(false),
        Some(Value::Bool(is_dropped)) => Ok(is_dropped),
        Some(_) => Err(LockError::Property {
            property: DROPPED,
            place: place.to_owned(),
            expected: "true or false",
        }),
    }
}

fn read_columns(
    table: &mut Map<String, Value>,
    name: &str,
    changes: &mut ColumnChanges,
) -> Result<(), LockError> {
    let Some(columns) = table.get_mut("columns").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let mut gone = Vec::new();
    for (column, properties) in columns.iter_mut() {
        let Some(properties) = properties.as_object_mut() else {
            continue;
        };
        let place = format!("{name}.{column}");
        if take_dropped(properties, &place)? {
            gone.push(column.clone());
        }
        if let Some(from) = take_old_name(properties, &place)? {
            changes.renamed.push(RenamedColumn {
                table: name.to_owned(),
                from,
                to: column.clone(),
            });
        }
    }
    columns.retain(|column, _| !gone.contains(column));
    let renamed = changes.renamed.iter().filter(|change| change.table == name);
    for change in renamed {
        if columns.contains_key(&change.from) {
            return Err(LockError::StillThere {
                table: name.to_owned(),
                column: change.to.clone(),
                from: change.from.clone(),
            });
        }
    }
    let gone = gone.into_iter().map(|column| (name.to_owned(), column));
    changes.dropped.extend(gone);
    Ok(())
}

fn take_old_name(
    properties: &mut Map<String, Value>,
    place: &str,
) -> Result<Option<String>, LockError> {
    match properties.shift_remove(RENAMED_FROM) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(LockError::Property {
            property: RENAMED_FROM,
            place: place.to_owned(),
            expected: "the name that the column had",
        }),
    }
}

/// Renames a column in its place; false if there is no such column or the new name is taken.
fn rename(schema: &mut Schema, change: &RenamedColumn) -> bool {
    let Some(table) = schema.tables.get_mut(&change.table) else {
        return false;
    };
    if table.columns.contains_key(&change.to) {
        return false;
    }
    let Some((place, _, mut column)) = table.columns.shift_remove_full(&change.from) else {
        return false;
    };
    column.name.clone_from(&change.to);
    table.columns.shift_insert(place, change.to.clone(), column);
    true
}

fn changes_document(changes: &ColumnChanges) -> Value {
    let renamed = changes.renamed.iter();
    let renamed = renamed.map(|change| json!([change.table, change.from, change.to]));
    json!({"renamed": renamed.collect::<Vec<_>>(), "dropped": changes.dropped})
}

/// What the state of a package says about columns.
pub(crate) fn changes_of(package_state: &Map<String, Value>) -> ColumnChanges {
    let stored = package_state.get(CHANGES).cloned();
    let stored = stored.and_then(|stored| serde_json::from_value::<StoredChanges>(stored).ok());
    stored
        .map(|stored| ColumnChanges::from(&stored))
        .unwrap_or_default()
}

/// As [`changes_of`], for a package that is sealed.
pub(crate) fn column_changes(state: &PackageDocument) -> ColumnChanges {
    changes_of(state.as_map())
}

/// A run would change a schema that is locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run would change the locked schema `{schema}`: {}", .changes.join("; "))]
pub struct LockedSchema {
    /// Name of the schema.
    pub schema: String,
    /// What it does not have, one line each; at least one.
    pub changes: Vec<String>,
}

/// What `schema` has beyond `locked`, one line each.
pub(crate) fn beyond(locked: &Schema, schema: &Schema) -> Vec<String> {
    let diff = evolution::diff(locked, schema).without_tables(is_system_table);
    diff.tables.iter().flat_map(table_changes).collect()
}

fn table_changes(table: &TableDiff) -> Vec<String> {
    let mut changes = Vec::new();
    if matches!(table.change, TableChange::Added { .. }) {
        changes.push(format!("new table `{}`", table.table));
    }
    changes.extend(
        table
            .columns
            .iter()
            .filter_map(|column| column_change(&table.table, column)),
    );
    changes
}

fn column_change(table: &str, column: &ColumnDiff) -> Option<String> {
    let name = format!("`{table}.{}`", column.column);
    let type_of = |column: &tipple_schema::Column| {
        column
            .data_type
            .map_or("no type", tipple_schema::DataType::as_str)
    };
    match &column.change {
        ColumnChange::Added(added) => Some(format!("new column {name} {}", type_of(added))),
        ColumnChange::VariantAdded { of, column } => Some(format!(
            "new column {name} {} for values that do not fit `{of}`",
            type_of(column)
        )),
        ColumnChange::Changed {
            data_type: Some(change),
            ..
        } => Some(format!(
            "column {name} {} instead of {}",
            type_of(&change.new),
            type_of(&change.old)
        )),
        ColumnChange::Changed { .. } | ColumnChange::Removed => None,
    }
}
