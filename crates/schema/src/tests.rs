//! Tests of whole rules: cases that dlt made, properties, and what people read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod contracts;
mod documents;
mod evolution;
mod exchange;
mod merging;
mod names;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Schema, Table};

/// Cases of one fixture, one JSON value per line.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn table(properties: &Value) -> Table {
    let name = properties["name"].as_str().unwrap();
    Table::from_properties(name, properties.as_object().unwrap())
}

/// A new schema with these tables.
fn schema(tables: &Value) -> Schema {
    let mut schema = Schema::new("s", "snake_case").unwrap();
    for (name, properties) in tables.as_object().unwrap() {
        let table = Table::from_properties(name, properties.as_object().unwrap());
        schema.tables.insert(name.clone(), table);
    }
    schema
}
