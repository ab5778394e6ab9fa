//! The destination against a server; skipped where `cargo xtask test` has found none.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod errors;
mod load;
mod rows;
mod server;
#[path = "../../../duckdb/tests/it/support.rs"]
mod support;
mod together;
