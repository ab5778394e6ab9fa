//! Pages of a resource, from the text of a case.
//!
//! Rows without typed values are cut out of the text, never parsed and written again: what the normaliser gets is what the
//! case says, to the last digit.

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tipple_source::Body;

use super::arrow::batch_from_rows;
use super::{Case, CaseError};
use crate::typed::marked;

/// The texts of all rows of a case, by number of run and resource.
pub(super) type RowTexts = HashMap<(usize, usize), Vec<Vec<String>>>;

#[derive(Deserialize)]
struct RawCase<'a> {
    #[serde(borrow)]
    runs: Vec<RawRun<'a>>,
}

#[derive(Deserialize)]
struct RawRun<'a> {
    #[serde(borrow)]
    resources: Vec<RawResource<'a>>,
}

#[derive(Deserialize)]
struct RawResource<'a> {
    #[serde(borrow, default)]
    rows: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pages: Option<Vec<Vec<&'a RawValue>>>,
}

/// Cuts all rows out of the text of a case.
pub(super) fn row_texts(case: &Case) -> Result<RowTexts, CaseError> {
    let raw: RawCase<'_> = serde_json::from_str(&case.text).map_err(|cause| CaseError::Format {
        path: case.path.clone(),
        problem: cause.to_string(),
    })?;
    let mut texts = RowTexts::new();
    for (run_index, run) in raw.runs.into_iter().enumerate() {
        for (index, resource) in run.resources.into_iter().enumerate() {
            let pages = resource
                .pages
                .or(resource.rows.map(|rows| vec![rows]))
                .unwrap_or_default();
            let text = |row: &RawValue| row.get().to_owned();
            let pages = pages
                .into_iter()
                .map(|page| page.into_iter().map(text).collect());
            texts.insert((run_index, index), pages.collect());
        }
    }
    Ok(texts)
}

/// Pages of a resource. JSON pages are cut into smaller ones of `page_rows` rows when that is given.
pub(super) fn pages(
    resource: &Value,
    texts: &[Vec<String>],
    page_rows: Option<usize>,
) -> Result<Vec<Body>, String> {
    let is_typed = resource["typed"].as_bool() == Some(true);
    if resource["format"].as_str() == Some("arrow") {
        let rows =
            |page: &Vec<String>| -> Vec<Value> { page.iter().map(|text| parsed(text)).collect() };
        return texts
            .iter()
            .map(|page| batch_from_rows(&rows(page), is_typed).map(Body::Arrow))
            .collect();
    }
    let mut bodies = Vec::new();
    for page in texts {
        let size = page_rows.unwrap_or(usize::MAX).max(1);
        let parts: Vec<&[String]> = if page.is_empty() {
            vec![&[]]
        } else {
            page.chunks(size.min(page.len())).collect()
        };
        bodies.extend(parts.into_iter().map(|rows| json_body(rows, is_typed)));
    }
    Ok(bodies)
}

fn json_body(rows: &[String], is_typed: bool) -> Body {
    let mut text = String::new();
    for row in rows {
        if is_typed {
            text.push_str(&marked(&parsed(row)).to_string());
        } else {
            text.push_str(row);
        }
        text.push('\n');
    }
    Body::Json(Bytes::from(text))
}

/// A row that was part of a valid document is valid itself.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
