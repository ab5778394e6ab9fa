//! The fixtures of Pixlee and api.video through the mock server: the tables that dlt made of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tipple_mockapi::{MockApi, Options};

use crate::program::{DATASET, Place, fixtures};

/// A table as `expected.json` tells it.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    rows: u64,
    parent: String,
    /// Type and `not null`, by column.
    columns: BTreeMap<String, String>,
}

fn expected(value: &Value) -> BTreeMap<String, Table> {
    let tables = value["tables"].as_object().unwrap().iter();
    let table = |table: &Value| Table {
        rows: table["rows"].as_u64().unwrap(),
        parent: table["parent"].as_str().unwrap_or_default().to_owned(),
        columns: table["columns"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, kind)| (name.clone(), kind.as_str().unwrap().to_owned()))
            .collect(),
    };
    tables
        .map(|(name, value)| (name.clone(), table(value)))
        .collect()
}

fn loaded(dump: &Value) -> BTreeMap<String, Table> {
    let tables = dump["tables"].as_object().unwrap().iter();
    let own = tables.filter(|(name, _)| !name.starts_with("_dlt"));
    let table = |table: &Value| Table {
        rows: table["rows"].as_array().unwrap().len() as u64,
        parent: table["hints"]["parent"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        columns: table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(column)
            .collect(),
    };
    own.map(|(name, value)| (name.clone(), table(value)))
        .collect()
}

fn column(column: &Value) -> (String, String) {
    let kind = column["data_type"].as_str().unwrap();
    let suffix = match column["nullable"].as_bool() {
        Some(false) => " not null",
        _ => "",
    };
    (
        column["name"].as_str().unwrap().to_owned(),
        format!("{kind}{suffix}"),
    )
}

/// Loads a folder of fixtures with its own configuration and compares with its `expected.json`.
fn check(folder: &str) {
    let api = MockApi::start(Options::fixtures(fixtures("."))).unwrap();
    let place = Place::new();
    let source = std::fs::read_to_string(fixtures(folder).join("source.yaml")).unwrap();
    let source = source.replace("http://127.0.0.1:0", api.url());
    let file = place.write("source.yaml", source);
    let destination = format!("duckdb:{}", place.database().display());
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--dataset",
        DATASET,
        "--destination",
        &destination,
    ];
    let ended = place.ended(place.tipple(&arguments).output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let wanted = std::fs::read_to_string(fixtures(folder).join("expected.json")).unwrap();
    let wanted: Value = serde_json::from_str(&wanted).unwrap();
    assert_eq!(api.stats().requests, wanted["requests"].as_u64().unwrap());
    let (wanted, found) = (expected(&wanted), loaded(&place.dump()));
    let names = |tables: &BTreeMap<String, Table>| tables.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&found), names(&wanted));
    for (name, table) in &wanted {
        assert_eq!(&found[name], table, "{name}");
    }
}

#[test]
fn pixlee_gives_the_tables_of_dlt() {
    check("pixlee");
}

#[test]
fn api_video_gives_the_tables_of_dlt() {
    check("api-video");
}
