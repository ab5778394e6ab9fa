//! Golden hashes: ids of rows, and of rows at the start of an incremental range.

use arrow_array::cast::AsArray;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tipple_json::shake;
use tipple_normalize::{Normalizer, RandomIds, Rules, TableBatch};
use tipple_schema::{Naming, Schema, Table};
use tipple_source::{Body, Cursor, IncrementalSpec, Key, Page, Place, ResourceSpec};

use super::{Given, expect, text};
use crate::typed::marked;

/// `ids`: ids of child rows, and of rows whose id is computed from their content.
pub(super) fn ids(line: &Value) -> Result<(), String> {
    match text(line, "fn") {
        "nested" => {
            let index = line["idx"].as_i64().ok_or("`idx` is no integer")?;
            let id = shake::child_id(text(line, "parent").as_bytes(), text(line, "table"), index);
            expect(line, Some(json!(String::from_utf8_lossy(&id))))
        }
        "row" => expect(line, row_id(line)?),
        other => Err(format!("there is no function `{other}`")),
    }
}

/// Id of the root row in a table that is merged by key, or by the whole row when there is no `subset`.
fn row_id(line: &Value) -> Result<Given, String> {
    let problem = |error: &dyn std::fmt::Display| error.to_string();
    // Names stay as they are.
    let (naming, key) = ("direct", line["subset"].as_array());
    let mut schema = Schema::new("golden", naming).map_err(|error| problem(&error))?;
    schema
        .tables
        .insert("t".to_owned(), hashed_table(key.map(Vec::as_slice)));
    let naming = Naming::from_name(naming, None).map_err(|error| problem(&error))?;
    let rules = Rules::new(naming, "1", Box::new(NoIds));
    let mut normalizer = Normalizer::new(schema, rules).map_err(|error| problem(&error))?;
    let row = Bytes::from(marked(&line["row"]).to_string());
    let mut ids = None;
    let mut sink = |batch: TableBatch| {
        if batch.table == "t" {
            ids = batch.batch.column_by_name("_dlt_id").cloned();
        }
        Ok(())
    };
    let place = tipple_normalize::Place::start_of("golden");
    let pushed = normalizer.push_json("t", &row, &place, &mut sink);
    if pushed
        .and_then(|()| normalizer.finish(&mut sink).map(drop))
        .is_err()
    {
        return Ok(None);
    }
    let ids = ids.ok_or("no row came out")?;
    let ids = ids.as_string_opt::<i32>().ok_or("ids are no text")?;
    Ok(Some(json!(ids.value(0))))
}

fn hashed_table(key: Option<&[Value]>) -> Table {
    let mut columns = Map::new();
    for name in key.into_iter().flatten().filter_map(Value::as_str) {
        columns.insert(
            name.to_owned(),
            json!({"nullable": true, "primary_key": true}),
        );
    }
    if key.is_none() {
        columns.insert(
            "_dlt_id".to_owned(),
            json!({"nullable": false, "x-row-version": true}),
        );
    }
    let strategy = if key.is_some() { "upsert" } else { "scd2" };
    let properties =
        json!({"columns": columns, "write_disposition": "merge", "x-merge-strategy": strategy});
    Table::from_properties("t", properties.as_object().unwrap_or(&Map::new()))
}

/// For tables whose ids are computed.
struct NoIds;

impl RandomIds for NoIds {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// `dedup`: the hash by which a cursor recognizes a row with this key.
pub(super) fn dedup(line: &Value) -> Result<(), String> {
    let spec = ResourceSpec {
        incremental: Some(IncrementalSpec {
            primary_key: Some(Key::One("key".to_owned())),
            ..IncrementalSpec::over("at")
        }),
        ..ResourceSpec::named("golden")
    };
    let cursor = Cursor::start(&spec, &Map::new()).map_err(|error| error.to_string())?;
    let mut cursor = cursor.ok_or("there is no cursor")?;
    let row = json!({"key": marked(&line["value"]), "at": 1});
    let page = Page {
        body: Body::Json(Bytes::from(row.to_string())),
        place: Place::start_of("golden"),
        item_count: None,
    };
    cursor.filter(page).map_err(|error| error.to_string())?;
    let state = cursor.state().unwrap_or_default();
    expect(line, Some(state["unique_hashes"][0].clone()))
}
