//! Hints of resources that arrive while rows are made already.

use tipple_schema::{SchemaError, Table};

use super::Reference;

impl Reference {
    /// Merges a table that a resource declares into the schema; identifiers must be normalized.
    ///
    /// What was looked up in the schema before is forgotten, so that rows from here on follow the new hints.
    ///
    /// # Errors
    /// As [`tipple_schema::Schema::update_table_hints`].
    pub fn declare(&mut self, table: Table) -> Result<(), SchemaError> {
        let name = table.name.clone();
        if self.schema.update_table_hints(table)?.is_none() {
            return Ok(());
        }
        let index = self.paths.table_index(&self.schema, &name);
        let declared = self.schema.tables.get(&name);
        let columns: Vec<String> = declared
            .into_iter()
            .flat_map(|table| table.columns.keys().cloned())
            .collect();
        self.paths.refresh(&self.schema, index, columns.iter());
        if declared.is_some_and(|table| table.hints.contains_key("filters")) {
            self.paths.reload_filters(&self.schema)?;
        }
        self.roots.clear();
        self.root_names.clear();
        self.epoch += 1;
        self.facts_epoch += 1;
        Ok(())
    }
}
