//! What resources declare, merged into the schema of a run while their first pages arrive.
//!
//! dlt does this at extract, per item format: hints of a table are taken from the first resource that gives a page for
//! it, contracts are applied, the result is merged. The schema kept here is the one *after extract*: its version is one
//! of the numbers that dlt counts (spec/schema.md §2), while inferred columns arrive later, in the normaliser's copy.

use std::collections::{HashMap, HashSet};

use arrow_array::RecordBatch;
use serde_json::json;
use tipple_normalize::{Rules, TypeCaps, arrow_table};
use tipple_schema::{Contract, ContractMode, Naming, Schema, Table};
use tipple_source::{Body, ResourceSpec};

use crate::error::Cause;
use crate::hints::{resource_tables, root_table_name};

/// Form of a page: hints are taken once per form, as dlt's extractors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
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
    capabilities: TypeCaps,
    /// Arrow data gets a load id.
    adds_load_id: bool,
    /// Tables whose hints are known, per form.
    known: HashSet<(Form, String)>,
    filtered: HashSet<(Form, String)>,
    /// Columns that a contract keeps out, per table.
    pub filtered_columns: HashMap<String, HashMap<String, ContractMode>>,
}

impl Declarations {
    /// Nothing declared yet.
    pub(crate) fn new(schema: Schema, rules: &Rules) -> Self {
        Declarations {
            schema,
            naming: rules.naming,
            capabilities: rules.capabilities.clone(),
            adds_load_id: rules.adds_load_id_to_arrow,
            known: HashSet::new(),
            filtered: HashSet::new(),
            filtered_columns: HashMap::new(),
        }
    }

    /// Takes the hints of a resource whose first page has arrived.
    ///
    /// # Errors
    /// [`Cause::Contract`] when a frozen contract forbids a table or column, [`Cause::Hints`] for names.
    pub(crate) fn declare(&mut self, spec: &ResourceSpec, body: &Body) -> Result<Declared, Cause> {
        let table = root_table_name(spec, &self.naming)?;
        let tables = match body {
            Body::Json(_) => self.declare_json(spec, &table)?,
            Body::Arrow(batch) => self.declare_arrow(spec, &table, batch)?,
        };
        let is_filtered = self.filtered.contains(&(form_of(body), table.clone()));
        Ok(Declared {
            table,
            is_filtered,
            tables,
        })
    }

    /// Hints of the first resource that has a page for the table.
    fn declare_json(&mut self, spec: &ResourceSpec, table: &str) -> Result<Vec<Table>, Cause> {
        let mut tables = Vec::new();
        if self.known.insert((Form::Json, table.to_owned())) {
            for declared in resource_tables(spec, &self.naming)? {
                tables.extend(self.merge(declared, Form::Json)?);
            }
        }
        Ok(tables)
    }

    /// Hints and Arrow columns, judged anew for each batch.
    fn declare_arrow(
        &mut self,
        spec: &ResourceSpec,
        table: &str,
        batch: &RecordBatch,
    ) -> Result<Vec<Table>, Cause> {
        self.filtered.remove(&(Form::Arrow, table.to_owned()));
        self.filtered_columns.remove(table);
        let (capabilities, adds_load_id) = (&self.capabilities, self.adds_load_id);
        let mut tables = Vec::new();
        for declared in resource_tables(spec, &self.naming)? {
            let declared = match declared.name == table {
                true => arrow_table(
                    &declared,
                    batch.schema_ref(),
                    &self.naming,
                    capabilities,
                    adds_load_id,
                )?,
                false => declared,
            };
            tables.push(declared);
        }
        let merged = tables
            .into_iter()
            .map(|declared| self.merge(declared, Form::Arrow));
        Ok(merged
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
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

fn form_of(body: &Body) -> Form {
    match body {
        Body::Json(_) => Form::Json,
        Body::Arrow(_) => Form::Arrow,
    }
}
