//! What Arrow data needs of the schema: columns merged into it, ids if they are asked for.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use indexmap::IndexMap;
use tipple_schema::{Hints, Naming, Table};

use super::change::root_hints;
use super::{Reference, SystemNames};
use crate::arrow_items::{self, Fitted};
use crate::error::NormalizeError;
use crate::hashes;
use crate::rejected::Reason;
use crate::rules::TypeCaps;

impl Reference {
    /// The naming convention.
    pub(crate) fn naming(&self) -> &Naming {
        self.paths.naming()
    }

    /// Names of the system columns.
    pub(crate) fn system_names(&self) -> &SystemNames {
        &self.paths.names
    }

    /// What the destination's types can do.
    pub(crate) fn capabilities(&self) -> &TypeCaps {
        self.paths.capabilities()
    }

    /// Merges columns of Arrow data that the schema lacks.
    pub(crate) fn merge_arrow(&mut self, table: Table) -> Result<(), NormalizeError> {
        let known = self.schema.tables.get(&table.name);
        let mut partial = Table {
            hints: Hints::new(),
            ..table
        };
        if known.is_none() {
            partial.hints = root_hints(&partial.name);
        }
        if let Some(known) = known {
            partial.parent.clone_from(&known.parent);
            partial.columns.retain(|name, _| {
                known
                    .columns
                    .get(name)
                    .is_none_or(|column| !column.is_complete())
            });
            for (name, column) in &mut partial.columns {
                // What the resource has said of the column wins.
                if let Some(hinted) = known.columns.get(name) {
                    column.merge(hinted);
                }
            }
        }
        if partial.columns.is_empty() && known.is_some() {
            return Ok(());
        }
        self.record(&partial);
        self.declare(partial)?;
        Ok(())
    }

    /// Counts rows of Arrow data that a contract dropped.
    pub(crate) fn count_dropped(&mut self, table: &str, rows: usize) {
        (0..rows).for_each(|_| self.rejected.add_row(table, Reason::Column));
    }

    /// Adds a load id or row ids to Arrow data where that is asked for.
    pub(crate) fn add_arrow_ids(
        &mut self,
        table: &str,
        fitted: &mut Fitted,
        adds_load_id: bool,
        adds_id: bool,
    ) -> Result<(), NormalizeError> {
        let names = self.paths.names.clone();
        let mut columns = IndexMap::new();
        if adds_load_id {
            let load_id = self.load_id.as_text().unwrap_or_default();
            let ids: ArrayRef = Arc::new(StringArray::from(vec![load_id; fitted.row_count]));
            fitted.columns.insert(names.load_id.clone(), ids);
            let column = arrow_items::load_id_column(&names.load_id);
            columns.insert(names.load_id, column);
        }
        if adds_id && !fitted.columns.contains_key(&names.row_id) {
            let mut bytes = vec![0; self.id_bytes];
            let ids = (0..fitted.row_count).map(|_| {
                self.random.fill(&mut bytes);
                Some(hashes::id_text(&bytes))
            });
            let ids: StringArray = ids.collect();
            fitted.columns.insert(names.row_id.clone(), Arc::new(ids));
            let column = arrow_items::row_id_column(&names.row_id);
            columns.insert(names.row_id, column);
        }
        self.merge_arrow(Table {
            columns,
            ..Table::new(table)
        })
    }
}
