//! What a DuckDB file looks like after loads.

mod load;
mod rows;
mod support;
