//! tipple: DuckDB destination.
