//! What a DuckDB file looks like after loads.

mod failure;
mod load;
mod merge;
mod read;
mod rows;
mod support;
