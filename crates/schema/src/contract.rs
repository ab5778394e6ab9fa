//! Schema contracts: what data may change in a schema, and what happens to data that would change more.
//!
//! A contract is judged on partial tables before they are merged, so that a refused column never reaches the schema.
//! This file decides; dropping values and rows is the normalizer's. Start with [`Schema::contract_for`] and
//! [`Schema::apply_contract`] (spec/schema.md §5).

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::{Column, Schema, SchemaError, Table};

/// What a contract does about one kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContractMode {
    /// The schema changes.
    #[default]
    Evolve,
    /// The load fails.
    Freeze,
    /// The row is dropped, with all rows below it.
    DiscardRow,
    /// The value is dropped, the row stays.
    DiscardValue,
}

impl ContractMode {
    /// All modes.
    pub const ALL: [ContractMode; 4] = [
        ContractMode::Evolve,
        ContractMode::Freeze,
        ContractMode::DiscardRow,
        ContractMode::DiscardValue,
    ];

    /// The word that stands for the mode.
    pub fn as_str(self) -> &'static str {
        match self {
            ContractMode::Evolve => "evolve",
            ContractMode::Freeze => "freeze",
            ContractMode::DiscardRow => "discard_row",
            ContractMode::DiscardValue => "discard_value",
        }
    }
}

impl fmt::Display for ContractMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ContractMode {
    type Err = SchemaError;

    fn from_str(word: &str) -> Result<Self, SchemaError> {
        let mode = ContractMode::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word);
        mode.ok_or_else(|| {
            not_a_contract(
                word,
                "a mode is one of evolve, freeze, discard_row, discard_value",
            )
        })
    }
}

/// What a contract is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContractEntity {
    /// Tables that are new.
    Tables,
    /// Columns that are new.
    Columns,
    /// Variant columns, and other types for known columns.
    DataType,
}

impl ContractEntity {
    /// The word that stands for the entity.
    pub fn as_str(self) -> &'static str {
        match self {
            ContractEntity::Tables => "tables",
            ContractEntity::Columns => "columns",
            ContractEntity::DataType => "data_type",
        }
    }
}

impl fmt::Display for ContractEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The modes of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Contract {
    /// For tables that are new.
    pub tables: ContractMode,
    /// For columns that are new.
    pub columns: ContractMode,
    /// For values that do not fit their column.
    pub data_type: ContractMode,
}

impl Contract {
    /// One mode for everything.
    pub fn uniform(mode: ContractMode) -> Self {
        Contract {
            tables: mode,
            columns: mode,
            data_type: mode,
        }
    }

    /// Reads a contract as it is given: a word for everything, or an object whose missing entities evolve.
    ///
    /// # Errors
    /// [`SchemaError::Contract`] for unknown words and entities.
    pub fn from_value(value: &Value) -> Result<Self, SchemaError> {
        match value {
            Value::Null => Ok(Contract::default()),
            Value::String(word) => Ok(Contract::uniform(word.parse()?)),
            Value::Object(entities) => {
                let mut contract = Contract::default();
                for (entity, mode) in entities.iter().filter(|(_, mode)| !mode.is_null()) {
                    let place = match entity.as_str() {
                        "tables" => &mut contract.tables,
                        "columns" => &mut contract.columns,
                        "data_type" => &mut contract.data_type,
                        other => {
                            let allowed = "its keys are tables, columns, data_type";
                            return Err(not_a_contract(other, allowed));
                        }
                    };
                    *place = mode
                        .as_str()
                        .map_or_else(|| mode.to_string(), str::to_owned)
                        .parse()?;
                }
                Ok(contract)
            }
            other => Err(not_a_contract(
                &other.to_string(),
                "it is a word or an object",
            )),
        }
    }

    /// True when nothing is refused.
    pub fn allows_all(&self) -> bool {
        *self == Contract::default()
    }
}

fn not_a_contract(word: &str, problem: &str) -> SchemaError {
    SchemaError::Contract {
        word: word.to_owned(),
        problem: problem.to_owned(),
    }
}

/// A table that has passed a contract, without the columns that the contract refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedContract {
    /// What may be merged into the schema.
    pub table: Table,
    /// Refused columns, with what becomes of their values: `discard_row` or `discard_value`.
    pub filtered: Vec<(String, ContractMode)>,
}

/// A change that a frozen contract forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractViolation {
    /// Schema whose contract it is.
    pub schema: String,
    /// Table that would change.
    pub table: String,
    /// Column that would be added or changed; absent for a new table.
    pub column: Option<String>,
    /// What the contract is about.
    pub entity: ContractEntity,
    /// Always [`ContractMode::Freeze`].
    pub mode: ContractMode,
    /// The rule in words.
    pub reason: Box<str>,
    /// Values of the keys of the row, to find it by; empty when not known.
    pub row: Box<str>,
}

impl ContractViolation {
    /// Adds the values by which the offending row can be found: keys and unique columns of its table.
    pub fn with_row(mut self, table: &Table, value: impl Fn(&str) -> Option<String>) -> Self {
        let is_key = |column: &&Column| {
            ["primary_key", "merge_key", "unique"]
                .iter()
                .any(|hint| column.has(hint))
        };
        let columns = table.columns.values().filter(is_key);
        let values = columns.map(|column| {
            let value = value(&column.name).unwrap_or_else(|| "None".to_owned());
            format!("{}: {value}", column.name)
        });
        self.row = values.collect::<Vec<_>>().join(", ").into();
        self
    }
}

impl std::error::Error for ContractViolation {}

impl fmt::Display for ContractViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ContractViolation {
            schema,
            table,
            entity,
            mode,
            reason,
            row,
            ..
        } = self;
        write!(f, "In schema `{schema}`: In Table: `{table}` ")?;
        if let Some(column) = &self.column {
            write!(f, "Column: `{column}`")?;
        }
        write!(
            f,
            " . Contract on `{entity}` with `contract_mode={mode}` is violated. {reason}"
        )?;
        if row.is_empty() {
            Ok(())
        } else {
            write!(f, " Offending data item: {row}")
        }
    }
}

impl Schema {
    /// The contract of a table: its own, else that of the nearest table above, else that of the settings.
    ///
    /// System tables have none. What cannot be read counts as absent; [`Schema::update_table`] refuses it.
    pub fn contract_for(&self, table: &str) -> Contract {
        if self.is_system(table) {
            return Contract::default();
        }
        self.read_contract(self.inherited(table, "schema_contract"))
    }

    /// As [`Schema::contract_for`], for a table as it would be after `partial` replaced it.
    pub fn contract_with(&self, partial: &Table) -> Contract {
        if self.is_system(&partial.name) {
            return Contract::default();
        }
        let above = || self.inherited(partial.parent.as_deref()?, "schema_contract");
        self.read_contract(partial.hints.get("schema_contract").or_else(above))
    }

    fn read_contract(&self, found: Option<&Value>) -> Contract {
        let found = found.or(self.settings.schema_contract.as_ref());
        found
            .and_then(|value| Contract::from_value(value).ok())
            .unwrap_or_default()
    }

    /// Judges what `partial` would change. `None` when the whole table is to be dropped with its rows.
    ///
    /// # Errors
    /// [`ContractViolation`] for a change that is frozen.
    pub fn apply_contract(
        &self,
        contract: &Contract,
        partial: Table,
    ) -> Result<Option<AppliedContract>, ContractViolation> {
        let mut applied = AppliedContract {
            table: partial,
            filtered: Vec::new(),
        };
        if contract.allows_all() {
            return Ok(Some(applied));
        }
        let name = &applied.table.name;
        let is_new = self.is_new_table(name);
        if is_new && contract.tables != ContractMode::Evolve {
            if contract.tables == ContractMode::Freeze {
                let reason = format!("Can't add table `{name}` because `tables` are frozen.");
                return Err(self.violation(name, None, ContractEntity::Tables, reason));
            }
            return Ok(None);
        }
        let mut rules = *contract;
        let known = self.tables.get(name);
        if is_new || known.is_some_and(evolves_once) {
            rules.columns = ContractMode::Evolve;
        }
        for column in applied.table.columns.values() {
            let known = known.and_then(|table| table.columns.get(&column.name));
            match self.judge(&rules, name, known, column) {
                None => {}
                Some((entity, ContractMode::Freeze, reason)) => {
                    return Err(self.violation(name, Some(column), entity, reason));
                }
                Some((_, mode, _)) => applied.filtered.push((column.name.clone(), mode)),
            }
        }
        for (column, _) in &applied.filtered {
            applied.table.columns.shift_remove(column);
        }
        Ok(Some(applied))
    }

    /// What a contract has against a column, if anything.
    fn judge(
        &self,
        rules: &Contract,
        table: &str,
        known: Option<&Column>,
        column: &Column,
    ) -> Option<(ContractEntity, ContractMode, String)> {
        let name = &column.name;
        if self.is_system(name) {
            return None;
        }
        let known = known.filter(|known| known.is_complete());
        let (entity, mode, reason) = if column.has("variant") {
            let reason = format!(
                "Can't add variant column `{name}` for table `{table}` because `data_types` are frozen."
            );
            (ContractEntity::DataType, rules.data_type, reason)
        } else if let Some(known) = known {
            if !changes_type(known, column) {
                return None;
            }
            let reason = format!(
                "Can't evolve column type of `{name}` in table `{table}` because `data_types` are frozen. Existing \
                 column: {}. Incoming column: {}.",
                Value::Object(known.to_properties()),
                Value::Object(column.to_properties()),
            );
            (ContractEntity::DataType, rules.data_type, reason)
        } else {
            let reason = format!(
                "Can't add table column `{name}` to table `{table}` because `columns` are frozen."
            );
            (ContractEntity::Columns, rules.columns, reason)
        };
        (mode != ContractMode::Evolve).then_some((entity, mode, reason))
    }

    fn violation(
        &self,
        table: &str,
        column: Option<&Column>,
        entity: ContractEntity,
        reason: String,
    ) -> ContractViolation {
        ContractViolation {
            schema: self.name.clone(),
            table: table.to_owned(),
            column: column.map(|column| column.name.clone()),
            entity,
            mode: ContractMode::Freeze,
            reason: reason.into(),
            row: "".into(),
        }
    }
}

/// True for a table in its first load, whose columns may still change.
fn evolves_once(table: &Table) -> bool {
    let mark = table.normalizer_mark("evolve-columns-once");
    mark.and_then(Value::as_bool).unwrap_or(false)
}

/// True when `column` says something else about the type than `known`.
fn changes_type(known: &Column, column: &Column) -> bool {
    ["data_type", "nullable", "precision", "scale", "timezone"]
        .iter()
        .any(|property| {
            let new = column.property(property);
            new.is_some() && new != known.property(property).or_else(|| null_for(&new))
        })
}

/// An explicit `null` equals an absent property.
fn null_for(new: &Option<Value>) -> Option<Value> {
    new.clone().filter(Value::is_null)
}
