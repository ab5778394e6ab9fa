//! What a DuckDB file looks like after loads.

mod load;
mod merge;
mod rows;
mod support;
