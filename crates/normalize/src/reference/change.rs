//! New columns and tables on their way into the schema, past the contract.
//!
//! Contracts are looked at only when a row would change the schema (spec/schema.md §5). What a contract refuses once is
//! remembered as a filter, so that the next row does not ask again. Start with [`Reference::change_schema`].

use tipple_schema::{Column, ContractMode, Hints, Table};

use super::typing::Typed;
use super::{ColumnCause, Input, Reference};
use crate::builders::Datum;
use crate::error::RowError;
use crate::rejected::Reason;

/// Properties of a column on which row ids and propagation depend.
const STRUCTURAL: [&str; 4] = ["primary_key", "x-row-version", "root_key", "row_key"];

impl Reference {
    /// Merges the new columns of a row into the schema; false when the contract drops the row.
    ///
    /// Values that the contract refuses are taken out of the row.
    pub(super) fn change_schema(
        &mut self,
        root: usize,
        typed: &mut Typed<'_>,
        input: &Input<'_>,
    ) -> Result<bool, RowError> {
        let partial = self.partial_table(typed, input);
        let contract = self.contract(root, typed.table, partial.parent.as_deref());
        let applied = self
            .schema
            .apply_contract(&contract, partial)
            .map_err(|violation| self.violation(root, typed, violation))?;
        let Some(applied) = applied else {
            self.roots[root].filtered_tables.insert(typed.table);
            self.rejected
                .add_row(&self.paths.table(typed.table).name, Reason::Table);
            return Ok(false);
        };
        if !applied.table.columns.is_empty() {
            self.check_limit(typed, &applied.table)?;
            self.add_causes(root, typed, &applied.table);
            self.update(typed.table, applied.table)?;
        }
        Ok(applied.filtered.is_empty() || self.filter(root, typed, applied.filtered))
    }

    /// The table with only the columns that it lacks.
    fn partial_table(&self, typed: &mut Typed<'_>, input: &Input<'_>) -> Table {
        let name = &self.paths.table(typed.table).name;
        let columns = std::mem::take(&mut typed.columns);
        if let Some(known) = self.schema.tables.get(name) {
            let (name, parent) = (known.name.clone(), known.parent.clone());
            return Table {
                name,
                parent,
                columns,
                hints: known.hints.clone(),
            };
        }
        let mut table = Table {
            columns,
            ..Table::new(name)
        };
        match &input.parent {
            Some(parent) => table.parent = Some(self.paths.table(parent.table).name.clone()),
            None => table.hints = root_hints(name),
        }
        table
    }

    fn contract(
        &mut self,
        root: usize,
        table: u32,
        parent: Option<&str>,
    ) -> tipple_schema::Contract {
        if let Some(contract) = self.roots[root].contracts.get(&table) {
            return *contract;
        }
        let name = &self.paths.table(table).name;
        let is_known = self.schema.tables.contains_key(name);
        let asked = if is_known {
            name
        } else {
            parent.unwrap_or(name)
        };
        let contract = self.schema.contract_for(asked);
        self.roots[root].contracts.insert(table, contract);
        contract
    }

    fn violation(
        &self,
        root: usize,
        typed: &Typed<'_>,
        violation: tipple_schema::ContractViolation,
    ) -> RowError {
        let state = self.paths.table(typed.table);
        let is_root = self.roots[root].table == typed.table;
        let value = |column: &str| {
            let slot = state.find(column)?;
            let (_, datum) = typed.values.iter().find(|(met, _)| *met == slot)?;
            Some(shown(datum))
        };
        let violation = match self.schema.tables.get(&state.name) {
            Some(table) => violation.with_row(table, value),
            None => violation,
        };
        RowError::Contract {
            violation: Box::new(violation),
            is_root,
        }
    }

    fn check_limit(&self, typed: &Typed<'_>, partial: &Table) -> Result<(), RowError> {
        let known = self.schema.tables.get(&partial.name);
        let is_new = |name: &str| known.is_none_or(|table| !table.columns.contains_key(name));
        let room = self
            .max_columns
            .saturating_sub(known.map_or(0, |table| table.columns.len()));
        match partial.columns.keys().filter(|name| is_new(name)).nth(room) {
            None => Ok(()),
            Some(column) => {
                let slot = self.paths.table(typed.table).find(column);
                let path = slot.and_then(|slot| self.paths.json_path(typed.table, slot));
                Err(RowError::TooManyColumns {
                    table: partial.name.clone(),
                    limit: self.max_columns,
                    column: column.clone(),
                    path: path.unwrap_or_default(),
                })
            }
        }
    }

    fn add_causes(&mut self, root: usize, typed: &Typed<'_>, partial: &Table) {
        let root_name = &self.paths.table(self.roots[root].table).name;
        let resource = self
            .schema
            .tables
            .get(root_name)
            .and_then(|t| t.text_hint("resource"));
        let resource = resource.unwrap_or(root_name).to_owned();
        for (slot, kind) in &typed.kinds {
            let name = &self.paths.table(typed.table).slot(*slot).name;
            let Some(column) = partial.columns.get(name) else {
                continue;
            };
            // System columns have no path.
            let Some(json_path) = self.paths.json_path(typed.table, *slot) else {
                continue;
            };
            self.causes.push(ColumnCause {
                table: partial.name.clone(),
                column: name.clone(),
                resource: resource.clone(),
                json_path,
                value_kind: *kind,
                is_variant: column.has("variant"),
            });
        }
    }

    fn update(&mut self, table: u32, partial: Table) -> Result<(), RowError> {
        let names: Vec<String> = partial.columns.keys().cloned().collect();
        self.record(&partial);
        let depends = |column: &Column| STRUCTURAL.iter().any(|hint| column.has_property(hint));
        let is_structural = !self.schema.tables.contains_key(&partial.name)
            || partial.columns.values().any(depends);
        let is_plain = !is_structural && self.has_none_of(&partial);
        match self.schema.tables.get_mut(&partial.name) {
            // Columns that nothing depends on are added in place: a merge would copy a wide table for each of them.
            Some(known) if is_plain => known.columns.extend(partial.columns),
            _ => {
                self.schema
                    .update_table(partial)
                    .map_err(RowError::Schema)?;
            }
        }
        self.epoch += 1;
        if is_structural {
            self.facts_epoch += 1;
        }
        self.paths.refresh(&self.schema, table, names.iter());
        Ok(())
    }

    fn has_none_of(&self, partial: &Table) -> bool {
        let known = self.schema.tables.get(&partial.name);
        known.is_some_and(|known| {
            partial
                .columns
                .keys()
                .all(|c| !known.columns.contains_key(c))
        })
    }

    /// Adds a partial table to what the load has changed.
    pub(super) fn record(&mut self, partial: &Table) {
        match self.updates.get_mut(&partial.name) {
            None => {
                self.updates.insert(partial.name.clone(), partial.clone());
            }
            Some(known) => {
                let columns = partial.columns.iter().map(|(n, c)| (n.clone(), c.clone()));
                known.columns.extend(columns);
            }
        }
    }

    /// Remembers refused columns and takes their values out of the row; false when the row goes.
    fn filter(
        &mut self,
        root: usize,
        typed: &mut Typed<'_>,
        filtered: Vec<(String, ContractMode)>,
    ) -> bool {
        let table = typed.table;
        for (name, mode) in filtered {
            let slot = self.paths.slot(&self.schema, table, &name);
            self.roots[root].filtered_slots.insert((table, slot), mode);
        }
        let state = self.paths.table(table);
        let slots = &self.roots[root].filtered_slots;
        let mode = |slot: u32| slots.get(&(table, slot)).copied();
        if typed
            .values
            .iter()
            .any(|(slot, _)| mode(*slot) == Some(ContractMode::DiscardRow))
        {
            self.rejected.add_row(&state.name, Reason::Column);
            return false;
        }
        typed.values.retain(|(slot, _)| {
            let is_kept = mode(*slot).is_none();
            if !is_kept {
                self.rejected
                    .add_value(&state.name, &state.slot(*slot).name);
            }
            is_kept
        });
        true
    }
}

/// Hints of a root table that nobody has declared.
pub(super) fn root_hints(table: &str) -> Hints {
    let hints = [("write_disposition", "append"), ("resource", table)];
    hints
        .into_iter()
        .map(|(hint, value)| (hint.to_owned(), value.into()))
        .collect()
}

/// A value for a message.
fn shown(datum: &Datum<'_>) -> String {
    match datum {
        Datum::Bool(value) => value.to_string(),
        Datum::Bigint(value) => value.to_string(),
        Datum::WideInteger(digits) => digits.clone(),
        Datum::Double(value) => tipple_json::python_repr(*value),
        Datum::Text(text) => crate::error::shorten(text),
        Datum::Binary(bytes) => format!("{} bytes", bytes.len()),
        Datum::Timestamp(micros) => {
            tipple_json::iso::timestamp_text(tipple_json::Timestamp::utc(*micros))
        }
        Datum::Date(days) => tipple_json::iso::date_text(*days),
        Datum::Time(micros) => tipple_json::iso::time_text(*micros),
        Datum::Decimal(value) => value.to_string(),
        Datum::Units(units) => units.to_string(),
    }
}
