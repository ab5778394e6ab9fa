//! Answers from files, byte for byte.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::request::Answer;

/// The file of a page. After the last page: its envelope without rows and without a next page. Nothing when the list has
/// no file at all.
pub(crate) fn page(folder: &Path, name: &str, page: u64) -> Option<Answer> {
    let path = |page: u64| folder.join(format!("{name}.page{page}.json"));
    if let Some(answer) = file(&path(page)) {
        return Some(answer);
    }
    let mut last = 0;
    while path(last + 1).exists() {
        last += 1;
    }
    let bytes = std::fs::read(path(last)).ok()?;
    let mut value: Value = serde_json::from_slice(&bytes).ok()?;
    empty(&mut value);
    Some(Answer::value(200, &value))
}

/// A file whose name is given without its ending.
pub(crate) fn single(folder: &Path, name: &str) -> Option<Answer> {
    file(&folder.join(format!("{name}.json")))
}

fn file(path: &PathBuf) -> Option<Answer> {
    let bytes = std::fs::read(path).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let rows = ["data", "items"]
        .iter()
        .find_map(|key| value[key].as_array());
    Some(Answer::json(200, bytes).with_rows(rows.map_or(0, Vec::len) as u64))
}

fn empty(page: &mut Value) {
    let Value::Object(page) = page else { return };
    for key in ["data", "items"] {
        if let Some(rows) = page.get_mut(key) {
            *rows = Value::Array(Vec::new());
        }
    }
    if let Some(next) = page.get_mut("next") {
        *next = Value::Bool(false);
    }
    let links = ["/links", "/pagination/links"];
    let mut whole = Value::Object(std::mem::take(page));
    for place in links {
        if let Some(Value::Array(links)) = whole.pointer_mut(place) {
            links.retain(|link| link["rel"] != "next");
        }
    }
    if let Value::Object(filled) = whole {
        *page = filled;
    }
}
