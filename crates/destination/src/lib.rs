//! What a destination is, what it can do, and what a load does to it.
//!
//! Planning is here and is pure: [`plan_migration`] gives the DDL, [`plan_load`] the truncates, places of rows, merges
//! and the receipt, both as printable values. Doing is in the crate of each destination, behind [`Destination`] and
//! [`Client`]. This crate knows no source and does no I/O.

mod capabilities;
mod catalog;
mod client;
mod context;
pub mod dialect;
mod drift;
mod error;
mod layout;
mod load;
mod merge;
mod migrate;
mod moment;
mod names;
mod replace;
mod rows;
mod statement;
mod system;
mod table;
mod verify;

pub use capabilities::*;
pub use catalog::*;
pub use client::*;
pub use context::*;
pub use dialect::SqlDialect;
pub use drift::*;
pub use error::*;
pub use layout::*;
pub use load::*;
pub use migrate::{
    ColumnChanges, MigrationPlan, MigrationRequest, RenamedColumn, SchemaVersion, plan_migration,
    staging_schema,
};
pub use moment::iso_utc;
pub use names::*;
pub use rows::*;
pub use statement::*;
pub use system::*;
pub use table::*;
pub use verify::*;
