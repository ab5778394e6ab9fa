//! Locked schemas: what a run may bring is what a file in version control has.
//!
//! The file is an exported schema ([`Schema::to_export`]). New tables, new columns and other types count; hints and
//! what is gone do not, because no destination changes for them.

use tipple_destination::is_system_table;
use tipple_schema::Schema;
use tipple_schema::evolution::{self, ColumnChange, ColumnDiff, TableChange, TableDiff};

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
