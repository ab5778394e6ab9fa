//! Golden hashes: ids of rows, and of rows at the start of an incremental range.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tipple_json::shake;
use tipple_source::{Body, Cursor, IncrementalSpec, Key, Page, Place, ResourceSpec};

use super::{expect, text};
use crate::typed::marked;

/// `ids`: ids of child rows, and of rows whose id is computed from their content.
pub(super) fn ids(line: &Value) -> Result<(), String> {
    match text(line, "fn") {
        "nested" => {
            let index = line["idx"].as_i64().ok_or("`idx` is no integer")?;
            let id = shake::child_id(text(line, "parent").as_bytes(), text(line, "table"), index);
            expect(line, Some(json!(String::from_utf8_lossy(&id))))
        }
        other => Err(format!("there is no function `{other}`")),
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
