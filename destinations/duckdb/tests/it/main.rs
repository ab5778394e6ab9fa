//! What a DuckDB file looks like after loads.

#![allow(clippy::unwrap_used)]

mod failure;
mod load;
mod merge;
mod read;
mod rows;
mod support;
