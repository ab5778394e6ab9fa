//! The cursor against what dlt 1.31 did with the same rows (`fixtures/cursor/incremental.jsonl`), and its speed paths.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::page::{ReadRequest, Resource};
use crate::rows::Rows;

/// What one run kept, read, and left behind.
struct Outcome {
    kept: Vec<Value>,
    page_count: usize,
    error: Option<SourceError>,
}

fn run(resource: &ResourceSpec, state: &mut Map<String, Json>, pages: &[Vec<Value>]) -> Outcome {
    let mut outcome = Outcome {
        kept: Vec::new(),
        page_count: 0,
        error: None,
    };
    if let Err(error) = try_run(resource, state, pages, &mut outcome) {
        outcome.error = Some(error);
    }
    outcome
}

fn try_run(
    resource: &ResourceSpec,
    state: &mut Map<String, Json>,
    pages: &[Vec<Value>],
    outcome: &mut Outcome,
) -> Result<(), SourceError> {
    let mut cursor = Cursor::start(resource, state)?.unwrap();
    let rows = Rows::from_json(resource.clone(), "rows", pages);
    let mut reader = rows.open(&ReadRequest::default())?;
    while !cursor.is_done()
        && let Some(page) = reader.next_page()?
    {
        outcome.page_count += 1;
        let Some(page) = cursor.filter(page)? else {
            continue;
        };
        let Body::Json(chunk) = page.body else {
            panic!("not JSON")
        };
        let items = serde_json::Deserializer::from_slice(&chunk).into_iter::<Value>();
        outcome.kept.extend(items.map(Result::unwrap));
    }
    cursor.write_state(state);
    Ok(())
}

fn hashes_sorted(state: &Value) -> Value {
    let mut state = state.clone();
    for entry in state["incremental"]
        .as_object_mut()
        .into_iter()
        .flat_map(|m| m.values_mut())
    {
        let hashes: BTreeSet<String> = entry["unique_hashes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|hash| hash.as_str().unwrap_or_default().to_owned())
            .collect();
        entry["unique_hashes"] = json!(hashes);
    }
    state
}

/// Errors of dlt that are found before or while rows are read, as our codes.
fn code_of(dlt_error: &str) -> &'static str {
    match dlt_error {
        "IncrementalCursorPathMissing" => "source.cursor.missing",
        "IncrementalCursorPathHasValueNone" => "source.cursor.null",
        "IncrementalCursorInvalidCoercion" => "source.cursor.incomparable",
        _ => "source.cursor",
    }
}

fn check(case: &Value) {
    let mut spec = case["resource"].clone();
    spec["name"] = json!("t");
    let resource = ResourceSpec::from_value(&spec, &[], "case").unwrap();
    let mut state = Map::new();
    for (index, expected) in case["runs"].as_array().unwrap().iter().enumerate() {
        let pages: Vec<Vec<Value>> = serde_json::from_value(expected["pages"].clone()).unwrap();
        if resource.resets_state() {
            state.clear();
        }
        let outcome = run(&resource, &mut state, &pages);
        let context = format!("{} run {index}\n{}", case["name"], expected);
        if let Some(error) = expected.get("error") {
            let found = outcome.error.as_ref().map(SourceError::code);
            assert_eq!(found, Some(code_of(error.as_str().unwrap())), "{context}");
            return;
        }
        assert!(outcome.error.is_none(), "{:?} {context}", outcome.error);
        assert_eq!(Value::from(outcome.kept), expected["kept"], "{context}");
        assert_eq!(
            json!(outcome.page_count),
            expected["pages_read"],
            "{context}"
        );
        let found = hashes_sorted(&Value::Object(state.clone()));
        assert_eq!(found, hashes_sorted(&expected["state"]), "{context}");
    }
}

#[test]
fn rows_and_state_are_those_of_the_golden_file() {
    let golden = include_str!("../../../../fixtures/cursor/incremental.jsonl");
    let cases = golden
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let checked = cases.map(|case| check(&case)).count();
    assert!(checked > 300);
}

fn cursor(incremental: Value) -> Cursor {
    let spec = json!({"name": "t", "incremental": incremental});
    let resource = ResourceSpec::from_value(&spec, &[], "test").unwrap();
    Cursor::start(&resource, &Map::new()).unwrap().unwrap()
}

fn kept(cursor: &mut Cursor, text: &str) -> Option<String> {
    let chunk = Bytes::copy_from_slice(text.as_bytes());
    let kept = cursor.filter_json(&chunk, &Place::start_of("f")).unwrap();
    kept.map(|(bytes, _)| String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn items_are_passed_on_as_the_bytes_they_were() {
    let text = " {\"u\" : 5, \"b\":1.50} ,\n{\"u\":1}\n{\"\\u0075\":7}{\"u\":6}";
    let found = kept(
        &mut cursor(json!({"cursor_path": "u", "initial_value": 2})),
        text,
    );
    assert_eq!(
        found.unwrap(),
        "{\"u\" : 5, \"b\":1.50}\n{\"\\u0075\":7}{\"u\":6}\n"
    );
}

#[test]
fn a_chunk_that_is_kept_whole_is_the_same_memory() {
    let chunk = Bytes::from_static(b"{\"u\":1}\n{\"u\":2}\n");
    let mut cursor = cursor(json!({"cursor_path": "u"}));
    let (kept, count) = cursor
        .filter_json(&chunk, &Place::start_of("f"))
        .unwrap()
        .unwrap();
    assert_eq!((kept.as_ptr(), count), (chunk.as_ptr(), 2));
}

#[test]
fn a_repeated_key_counts_with_its_last_value() {
    let mut cursor = cursor(json!({"cursor_path": "u", "initial_value": 5}));
    assert_eq!(
        kept(&mut cursor, r#"{"u":9,"u":1} {"u":1,"u":9}"#).unwrap(),
        r#"{"u":1,"u":9}"#
    );
}

#[test]
fn an_error_names_file_line_and_item() {
    let mut cursor = cursor(json!({"cursor_path": "u"}));
    let chunk = Bytes::from_static(b"{\"u\":1}\n\n{\"v\":2}\n");
    let place = Place {
        line: 10,
        ..Place::start_of("a.jsonl")
    };
    let error = cursor.filter_json(&chunk, &place).unwrap_err();
    insta::assert_snapshot!(error, @r#"the cursor `u` of resource `t` stops at a.jsonl:12: an item has nothing at the cursor path: {"v":2}"#);
    let error = cursor
        .filter_json(&Bytes::from_static(b"{\"u\":1}\n{\"u\":}"), &place)
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"
    `a.jsonl` is not valid JSON: a JSON value is expected
      at a.jsonl:11, column 6: {"u":}
    "#);
}

#[test]
fn hashes_from_before_are_recognized_until_the_newest_value_moves() {
    let spec = json!({"name": "t", "primary_key": "id", "incremental": "u"});
    let resource = ResourceSpec::from_value(&spec, &[], "test").unwrap();
    let state = json!({"incremental": {"u": {"initial_value": null, "last_value": 1,
        "unique_hashes": ["669czW83KR00ut4bv/U5"], "start_value": null}}});
    let mut cursor = Cursor::start(&resource, state.as_object().unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(kept(&mut cursor, r#"{"id":1,"u":1}"#), None);
    assert_eq!(
        kept(&mut cursor, r#"{"id":2,"u":1}"#).unwrap(),
        r#"{"id":2,"u":1}"#
    );
    let hashes = cursor.state().unwrap()["unique_hashes"].clone();
    assert!(
        hashes
            .as_array()
            .unwrap()
            .iter()
            .all(|hash| hash.as_str().unwrap().len() == 20)
    );
    kept(&mut cursor, r#"{"id":1,"u":2}"#);
    assert_eq!(
        cursor.state().unwrap()["unique_hashes"],
        json!(["669czW83KR00"])
    );
}

#[test]
fn many_rows_at_the_newest_value_give_one_warning() {
    let mut cursor = cursor(json!({"cursor_path": "u"}));
    for page in 0..3 {
        let rows: String = (0..150)
            .map(|i| format!("{{\"u\":1,\"i\":{i},\"p\":{page}}}\n"))
            .collect();
        kept(&mut cursor, &rows);
    }
    let warnings = cursor.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("300 rows of resource `t`"),
        "{warnings:?}"
    );
}

fn batch_of(rows: &[(Option<i64>, i64)]) -> RecordBatch {
    let column = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable([
        ("u", column(rows.iter().map(|row| row.0).collect()), true),
        (
            "id",
            column(rows.iter().map(|row| Some(row.1)).collect()),
            true,
        ),
    ])
    .unwrap()
}

fn ids_of(batch: &RecordBatch) -> Vec<i64> {
    batch["id"].as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn a_text_in_the_document_meets_a_column_of_moments() {
    let micros = |day: i64| day * DAY;
    let column = TimestampMicrosecondArray::from(vec![micros(18_992), micros(18_993)])
        .with_timezone("+02:00");
    let batch = RecordBatch::try_from_iter([("u", Arc::new(column) as ArrayRef)]).unwrap();
    let mut cursor = cursor(json!({"cursor_path": "u", "initial_value": "2022-01-01"}));
    let kept = cursor.filter_arrow(&batch, &Place::start_of("f")).unwrap();
    assert_eq!(kept.num_rows(), 1);
    let state = cursor.state().unwrap();
    assert_eq!(state["initial_value"], json!("2022-01-01"));
    assert_eq!(
        state["last_value"],
        json!("\u{F027}2022-01-01T02:00:00+02:00")
    );
}

#[test]
fn a_batch_without_the_column_is_refused() {
    let mut cursor = cursor(json!({"cursor_path": "a.b"}));
    let error = cursor
        .filter_arrow(&batch_of(&[(Some(1), 1)]), &Place::start_of("f"))
        .unwrap_err();
    assert_eq!(error.code(), "source.cursor.missing");
}

proptest! {
    #[test]
    fn batches_and_texts_give_the_same_rows_and_state(
        pages in prop::collection::vec(prop::collection::vec((prop::option::of(0..5i64), 0..3i64), 1..6), 1..4),
        start in prop::option::of(0..5i64),
        end in prop::option::of(0..5i64),
        is_min: bool,
        is_open: bool,
        missing in prop::sample::select(vec!["include", "exclude"]),
    ) {
        let mut spec = json!({"cursor_path": "u", "initial_value": start, "on_cursor_value_missing": missing,
            "last_value_func": if is_min { "min" } else { "max" }, "range_start": if is_open { "open" } else { "closed" }});
        if start.is_some() {
            spec["end_value"] = json!(end);
        }
        let (mut by_text, mut by_batch) = (cursor(spec.clone()), cursor(spec));
        for rows in &pages {
            let lines = rows.iter().map(|(u, id)| json!({"u": u, "id": id}).to_string() + "\n");
            let text = kept(&mut by_text, &lines.collect::<String>()).unwrap_or_default();
            let items = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            let ids: Vec<i64> = items.map(|item| item.unwrap()["id"].as_i64().unwrap()).collect();
            let batch = by_batch.filter_arrow(&batch_of(rows), &Place::start_of("f")).unwrap();
            prop_assert_eq!(ids, ids_of(&batch));
        }
        let (text, batch) = (by_text.state().unwrap_or_default(), by_batch.state().unwrap_or_default());
        prop_assert_eq!(
            hashes_sorted(&json!({"incremental": {"u": text}})),
            hashes_sorted(&json!({"incremental": {"u": batch}}))
        );
    }

    #[test]
    fn the_cut_into_pages_changes_nothing(
        values in prop::collection::vec((0..6i64, 0..3i64), 1..40),
        cuts in prop::collection::vec(any::<bool>(), 40),
        start in 0..6i64,
    ) {
        let incremental = json!({"cursor_path": "u", "initial_value": start});
        let lines: Vec<String> =
            values.iter().map(|(u, id)| format!("{{\"u\":{u},\"id\":{id}}}\n")).collect();
        let whole = &mut cursor(incremental.clone());
        let all = kept(whole, &lines.concat()).unwrap_or_default();
        let parts = &mut cursor(incremental);
        let mut joined = String::new();
        let mut page = String::new();
        for (line, is_cut) in lines.iter().zip(cuts) {
            page.push_str(line);
            if is_cut {
                joined.push_str(&kept(parts, &std::mem::take(&mut page)).unwrap_or_default());
                joined.push('\n');
            }
        }
        joined.push_str(&kept(parts, &page).unwrap_or_default());
        let items = |text: &str| -> Vec<String> {
            text.split_whitespace().map(str::to_owned).collect()
        };
        prop_assert_eq!(items(&all), items(&joined));
        let (whole, parts) = (whole.state().unwrap(), parts.state().unwrap());
        prop_assert_eq!(&whole["last_value"], &parts["last_value"]);
        prop_assert_eq!(
            hashes_sorted(&json!({"incremental": {"u": whole}})),
            hashes_sorted(&json!({"incremental": {"u": parts}}))
        );
    }
}
