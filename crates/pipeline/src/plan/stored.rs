//! A plan as a file holds it, and why one is not applied.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tipple_destination::{
    Catalog, ColumnChanges, MigrationPlan, RenamedColumn, SqlDialect, StoredColumn,
};

/// Version of the form of a stored plan.
pub(crate) const FORM_VERSION: u32 = 2;

/// Tables with their columns as `name type`.
pub type Seen = IndexMap<String, Vec<String>>;

/// A plan as a file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredPlan {
    /// Version of this form.
    pub version: u32,
    /// Pipeline that the plan is for.
    pub pipeline: String,
    /// Destination by name.
    pub destination: String,
    /// Its address without secrets: a plan is for one database only.
    pub location: String,
    /// Dataset that would change.
    pub dataset: String,
    /// Statements in order; one transaction where the destination can roll back DDL.
    pub statements: Vec<PlannedStatement>,
    /// Statements for the dataset through which rows pass; empty when none do.
    pub staging_statements: Vec<PlannedStatement>,
    /// Tables that get rows, so that the staging dataset can be planned again.
    pub tables: Vec<String>,
    /// Columns that the locked schema renames or drops.
    pub changes: StoredChanges,
    /// The schema after the change.
    pub schema: Value,
    /// What the destination had at the time of the plan; absent when there was no dataset.
    pub seen: Option<Seen>,
}

/// Columns that the locked schema renames or drops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredChanges {
    /// Table, old name, new name.
    pub renamed: Vec<(String, String, String)>,
    /// Table, column.
    pub dropped: Vec<(String, String)>,
}

impl From<&ColumnChanges> for StoredChanges {
    fn from(changes: &ColumnChanges) -> Self {
        let renamed = changes.renamed.iter().cloned();
        StoredChanges {
            renamed: renamed
                .map(|change| (change.table, change.from, change.to))
                .collect(),
            dropped: changes.dropped.clone(),
        }
    }
}

impl From<&StoredChanges> for ColumnChanges {
    fn from(stored: &StoredChanges) -> Self {
        let renamed = stored.renamed.iter().cloned();
        ColumnChanges {
            renamed: renamed
                .map(|(table, from, to)| RenamedColumn { table, from, to })
                .collect(),
            dropped: stored.dropped.clone(),
        }
    }
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStatement {
    /// Table it is about.
    pub table: String,
    /// The statement in the dialect of the destination.
    pub sql: String,
    /// Why it would run.
    pub why: String,
    /// What it locks or rewrites while it runs; absent when nobody would notice.
    pub impact: Option<String>,
}

/// Why a stored plan is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The file was written by another version.
    #[error("the plan has the form {found}, this version knows the form {FORM_VERSION}")]
    Form {
        /// Form in the file.
        found: u32,
    },
    /// The plan is for something else.
    #[error("the plan is for {what} `{planned}`, not for `{found}`")]
    Elsewhere {
        /// `database` or `dataset`.
        what: &'static str,
        /// In the plan.
        planned: String,
        /// Now.
        found: String,
    },
    /// The destination is not what the plan has seen.
    #[error("the destination has moved since the plan was made: {}", .differences.join("; "))]
    Moved {
        /// What differs, at least one.
        differences: Vec<String>,
    },
}

/// The statements of a migration as a plan shows them.
pub(crate) fn planned(
    migration: &MigrationPlan,
    dialect: &dyn SqlDialect,
) -> Vec<PlannedStatement> {
    let statements = migration.statements.iter();
    statements
        .map(|statement| PlannedStatement {
            table: statement.table.clone(),
            sql: statement.sql.clone(),
            why: statement.why.clone(),
            impact: dialect.impact(statement.kind).map(str::to_owned),
        })
        .collect()
}

/// What a catalogue has; nothing for a dataset that is not there.
pub(crate) fn seen_tables(catalog: &Catalog) -> Option<Seen> {
    let columns = |columns: &Vec<StoredColumn>| {
        let columns = columns.iter();
        columns
            .map(|column| format!("{} {}", column.name, column.column_type))
            .collect()
    };
    let tables = catalog.tables.iter();
    catalog.exists.then(|| {
        tables
            .map(|(name, stored)| (name.clone(), columns(stored)))
            .collect()
    })
}

/// What differs between the tables that were seen and those that are there.
pub(crate) fn moved(before: Option<&Seen>, now: Option<&Seen>) -> Vec<String> {
    let empty = Seen::new();
    if before.is_some() != now.is_some() {
        return vec![match now {
            Some(_) => "the dataset is there now".to_owned(),
            None => "the dataset is gone".to_owned(),
        }];
    }
    let (before, now) = (before.unwrap_or(&empty), now.unwrap_or(&empty));
    let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| before.get(**name) != now.get(**name);
    names
        .iter()
        .filter(differs)
        .map(
            |name| match (before.contains_key(*name), now.contains_key(*name)) {
                (true, false) => format!("table `{name}` is gone"),
                (false, true) => format!("table `{name}` is new"),
                _ => format!("table `{name}` has other columns"),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(tables: &[(&str, &[&str])]) -> Seen {
        let owned = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect();
        tables
            .iter()
            .map(|(name, columns)| ((*name).to_owned(), owned(columns)))
            .collect()
    }

    #[test]
    fn every_move_of_the_destination_is_named() {
        let before = seen(&[("a", &["id BIGINT"]), ("b", &[]), ("c", &["x DOUBLE"])]);
        let now = seen(&[("a", &["id VARCHAR"]), ("c", &["x DOUBLE"]), ("d", &[])]);
        assert_eq!(
            moved(Some(&before), Some(&now)),
            [
                "table `a` has other columns",
                "table `b` is gone",
                "table `d` is new"
            ]
        );
        assert!(moved(Some(&before), Some(&before)).is_empty());
        assert_eq!(moved(None, Some(&now)), ["the dataset is there now"]);
        assert_eq!(moved(Some(&now), None), ["the dataset is gone"]);
        assert!(moved(None, None).is_empty());
    }
}
