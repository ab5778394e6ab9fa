//! What resources declare, merged into the schema of a run while their first pages arrive.
//!
//! dlt does this at extract, per item format: hints of a table are taken from the first resource that gives a page for
//! it, contracts are applied, the result is merged. The schema kept here is the one *after extract*: its version is one
//! of the numbers that dlt counts (spec/schema.md §2), while inferred columns arrive later, in the normaliser's copy.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use tipple_schema::{Contract, ContractMode, Naming, Schema, Table};
use tipple_source::ResourceSpec;

use crate::error::Cause;
use crate::hints::{resource_tables, root_table_name};

/// Form of a page: hints are taken once per form, as dlt's extractors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Json,
    Arrow,
}

/// What a resource has declared.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    /// Root table of the resource.
    pub table: String,
    /// True when a contract keeps the whole table out.
    pub is_filtered: bool,
    /// Tables to merge into the normaliser's schema.
    pub tables: Vec<Table>,
}

/// Collects declarations of one run.
pub(crate) struct Declarations {
    /// Schema after extract.
    pub schema: Schema,
    naming: Naming,
    /// Tables whose hints are known, per form.
    known: HashSet<(Form, String)>,
    filtered: HashSet<(Form, String)>,
    /// Columns that a contract keeps out, per table.
    pub filtered_columns: HashMap<String, HashMap<String, ContractMode>>,
}

impl Declarations {
    /// Nothing declared yet.
    pub(crate) fn new(schema: Schema, naming: Naming) -> Self {
        Declarations {
            schema,
            naming,
            known: HashSet::new(),
            filtered: HashSet::new(),
            filtered_columns: HashMap::new(),
        }
    }

    /// Takes the hints of a resource whose first page has arrived.
    ///
    /// # Errors
    /// [`Cause::Contract`] when a frozen contract forbids a table or column, [`Cause::Hints`] for names.
    pub(crate) fn declare(&mut self, spec: &ResourceSpec, form: Form) -> Result<Declared, Cause> {
        let table = root_table_name(spec, &self.naming)?;
        let mut tables = Vec::new();
        if self.known.insert((form, table.clone())) {
            for declared in resource_tables(spec, &self.naming)? {
                tables.extend(self.merge(declared, form)?);
            }
        }
        let is_filtered = self.filtered.contains(&(form, table.clone()));
        Ok(Declared {
            table,
            is_filtered,
            tables,
        })
    }

    /// Names a table as it is named in this schema.
    pub(crate) fn table_name(&self, spec: &ResourceSpec) -> Result<String, Cause> {
        Ok(root_table_name(spec, &self.naming)?)
    }

    fn merge(&mut self, mut table: Table, form: Form) -> Result<Option<Table>, Cause> {
        self.known.insert((form, table.name.clone()));
        let contract = self.schema.contract_with(&table);
        if contract.columns != ContractMode::Evolve && self.schema.is_new_table(&table.name) {
            table.hints.insert(
                "x-normalizer".to_owned(),
                json!({"evolve-columns-once": true}),
            );
        }
        let Some(table) = self.apply(contract, table, form)? else {
            return Ok(None);
        };
        self.schema.update_table_hints(table.clone())?;
        Ok(Some(table))
    }

    fn apply(
        &mut self,
        contract: Contract,
        table: Table,
        form: Form,
    ) -> Result<Option<Table>, Cause> {
        let name = table.name.clone();
        let applied = self.schema.apply_contract(&contract, table)?;
        let Some(applied) = applied else {
            self.filtered.insert((form, name));
            return Ok(None);
        };
        if !applied.filtered.is_empty() {
            self.filtered_columns
                .entry(name)
                .or_default()
                .extend(applied.filtered);
        }
        Ok(Some(applied.table))
    }
}
