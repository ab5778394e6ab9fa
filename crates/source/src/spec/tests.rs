//! What `spec` promises, one test a promise.

use serde_json::json;

use super::*;

fn resource(value: Value) -> ResourceSpec {
    ResourceSpec::from_value(&value, &["rows"], "test").unwrap()
}

fn mistakes(value: Value) -> Vec<String> {
    match ResourceSpec::from_value(&value, &["rows"], "test") {
        Err(SourceError::Spec { problems, .. }) => problems.iter().map(|p| p.to_string()).collect(),
        other => panic!("expected mistakes, got {other:?}"),
    }
}

#[test]
fn all_hints_of_a_resource_are_read() {
    let spec = resource(json!({
        "name": "orders", "table_name": "bestellungen", "rows": [],
        "write_disposition": {"disposition": "merge", "strategy": "scd2", "boundary_timestamp": null},
        "primary_key": ["id"], "merge_key": "day",
        "columns": {"amount": {"data_type": "decimal", "precision": 10, "x-mine": 1}},
        "nested_hints": {"kids/toys": {"primary_key": "id"}, "kids": {"columns": [{"name": "age", "data_type": "bigint"}]}},
        "max_table_nesting": 2, "schema_contract": {"columns": "freeze"},
        "incremental": {"cursor_path": "u", "initial_value": 2, "lag": 1.5, "row_order": "desc"},
        "table_hints": {"x-stage-data-deduplicated": true},
    }));
    assert_eq!(spec.root_table(), "bestellungen");
    assert_eq!(spec.disposition(), Disposition::Merge);
    let disposition = spec.hints.write_disposition.as_ref().unwrap();
    assert_eq!(disposition.strategy(), Some("scd2"));
    assert!(disposition.options.contains_key("boundary_timestamp"));
    assert_eq!(spec.hints.primary_key, Some(Key::Many(vec!["id".into()])));
    assert_eq!(spec.hints.merge_key, Some(Key::One("day".into())));
    assert_eq!(spec.hints.columns["amount"]["name"], json!("amount"));
    let paths: Vec<_> = spec.nested_hints.iter().map(|n| n.path.join(".")).collect();
    assert_eq!(paths, ["kids", "kids.toys"]);
    assert!(spec.nested_hints[1].hints.has_key());
    let cursor = spec.incremental.unwrap();
    assert_eq!(
        (cursor.lag, cursor.row_order),
        (Some(1.5), Some(RowOrder::Descending))
    );
}

#[test]
fn every_mistake_is_reported_with_the_nearest_spelling() {
    let found = mistakes(json!({
        "name": "t", "wirte_disposition": "merge", "primary_key": 5,
        "columns": {"a": {"data_type": "txt", "nulable": true}},
        "write_disposition": "apend",
        "incremental": {"cursor_path": "u", "lagg": 3},
        "schema_contract": "freez",
    }));
    insta::assert_snapshot!(found.join("\n"), @r"
    `write_disposition`: `apend` is not known here; did you mean `append`? (one of `append`, `replace`, `merge`, `skip`)
    `primary_key`: must be a text or a list of texts, not the number 5
    `columns.a.data_type`: `txt` is not known here; did you mean `text`? (one of `text`, `double`, `bool`, `timestamp`, `bigint`, `binary`, `json`, `decimal`, `wei`, `date`, `time`)
    `columns.a.nulable`: there is no such key; did you mean `nullable`?
    `schema_contract`: `freez` is not known here; did you mean `freeze`? (one of `evolve`, `freeze`, `discard_row`, `discard_value`)
    `incremental.lagg`: there is no such key; did you mean `lag`?
    `wirte_disposition`: there is no such key; did you mean `write_disposition`?
    ");
}

#[test]
fn an_option_of_another_strategy_is_refused() {
    let found = mistakes(json!({
        "name": "t",
        "write_disposition": {"disposition": "merge", "strategy": "insert-only", "source_filter": "a > 1"},
    }));
    assert_eq!(
        found,
        ["`write_disposition.source_filter`: the strategy `insert-only` does not take it"]
    );
}

#[test]
fn settings_of_a_source_are_read() {
    let value = json!({"source": "shop", "root_key": true, "preferred_types": {"re:_ts$": "timestamp"},
        "default_hints": {"not_null": ["re:id$"]}, "detections_add": ["iso_date"]});
    let spec = SourceSpec::from_value(&value, "x", &[], "test").unwrap();
    assert_eq!((spec.name.as_str(), spec.root_key), ("shop", Some(true)));
    assert_eq!(spec.preferred_types["re:_ts$"], DataType::Timestamp);
    assert_eq!(spec.default_hints["not_null"], ["re:id$"]);
}
