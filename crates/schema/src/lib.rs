//! The schema of a dataset: tables, columns, types, names, contracts, and how one version differs from another.
//!
//! Pure values and functions; no I/O. The rules are those of dlt 1.31, so that a stored schema can be continued by
//! either program.

mod model;

pub use model::*;
