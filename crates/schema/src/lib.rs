//! The schema of a dataset: tables, columns, types, names, contracts, and how one version differs from another.
//!
//! Pure values and functions; no I/O. The rules are those of dlt 1.31, so that a stored schema can be continued by
//! either program. Start with [`Schema`], then [`Schema::from_document`] and [`Schema::update_table`].

mod contract;
mod defaults;
mod document;
mod error;
pub mod evolution;
mod exchange;
mod hash;
mod lookup;
mod merge;
mod migrations;
mod model;
mod naming;
mod properties;
mod renaming;
pub mod yaml;

pub use contract::{AppliedContract, Contract, ContractEntity, ContractMode, ContractViolation};
pub use defaults::{
    LIST_INDEX, LOAD_ID, LOADS_TABLE, PARENT_ID, ROOT_ID, ROW_ID, STATE_TABLE, SYSTEM_PREFIX,
    VERSION_TABLE, check_name, loads_table, normalize_schema_name, state_table, version_table,
};
pub use error::SchemaError;
pub use exchange::{ExchangeFormat, Import, ImportError, follow_import};
pub use hash::{document_hash, is_document_intact};
pub use lookup::{HintRules, Pattern, RowFilter, SystemTables};
pub use merge::diff_table;
pub use model::*;
pub use naming::{Naming, NamingError, NamingKind, is_decimal_digit};
pub use properties::{is_compound_property, is_default_value};
pub use renaming::normalize_pattern;

#[cfg(test)]
mod tests;
