//! Every merge strategy with its options, with and without children.

use serde_json::{Map, Value, json};
use tipple_destination::Target;

use crate::lab::Lab;

/// A merged resource: `more` are further hints.
fn merged(more: Value) -> Value {
    let mut resource = Map::from_iter([
        ("name".to_owned(), json!("t")),
        ("write_disposition".to_owned(), json!("merge")),
    ]);
    resource.extend(more.as_object().unwrap().clone());
    Value::Object(resource)
}

/// A merge by a strategy with its options.
fn by(strategy: &str, options: Value, more: Value) -> Value {
    let mut disposition = json!({"disposition": "merge", "strategy": strategy});
    let members = disposition.as_object_mut().unwrap();
    members.extend(options.as_object().unwrap().clone());
    let mut resource = merged(more);
    resource["write_disposition"] = disposition;
    resource
}

pub(super) fn delete_insert_by_primary_key(lab: &Lab) {
    let resource = merged(json!({"primary_key": "id"}));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "v": "a", "l": [1, 2]}),
            json!({"id": 2, "v": "b", "l": [3]}),
        ],
    );
    lab.load(
        &resource,
        &[
            json!({"id": 2, "v": "c", "l": [4]}),
            json!({"id": 3, "v": "d"}),
        ],
    );
    lab.expect("t", "id v", &["1 | a", "2 | c", "3 | d"]);
    lab.expect("t__l", "value", &["1", "2", "4"]);
}

pub(super) fn delete_insert_by_compound_key(lab: &Lab) {
    let resource = merged(json!({"primary_key": ["a", "b"]}));
    lab.load(
        &resource,
        &[
            json!({"a": 1, "b": "x", "v": 1}),
            json!({"a": 1, "b": "y", "v": 2}),
        ],
    );
    lab.load(
        &resource,
        &[
            json!({"a": 1, "b": "y", "v": 3}),
            json!({"a": 2, "b": "x", "v": 4}),
        ],
    );
    lab.expect("t", "a b v", &["1 | x | 1", "1 | y | 3", "2 | x | 4"]);
}

pub(super) fn delete_insert_by_merge_key(lab: &Lab) {
    let resource = merged(json!({"merge_key": "day"}));
    lab.load(
        &resource,
        &[
            json!({"day": 1, "v": "a", "l": [1]}),
            json!({"day": 1, "v": "b", "l": [2]}),
            json!({"day": 2, "v": "c", "l": [3]}),
        ],
    );
    lab.load(&resource, &[json!({"day": 1, "v": "d", "l": [4]})]);
    lab.expect("t", "day v", &["1 | d", "2 | c"]);
    lab.expect("t__l", "value", &["3", "4"]);
}

pub(super) fn delete_insert_by_both_keys(lab: &Lab) {
    let resource = merged(json!({"primary_key": "id", "merge_key": "day"}));
    let rows = [
        json!({"id": 1, "day": 1, "l": [1]}),
        json!({"id": 2, "day": 2, "l": [2]}),
        json!({"id": 3, "day": 3, "l": [3]}),
    ];
    lab.load(&resource, &rows);
    // Row 1 by its id, row 2 by its day.
    lab.load(&resource, &[json!({"id": 1, "day": 2, "l": [4]})]);
    lab.expect("t", "id day", &["1 | 2", "3 | 3"]);
    lab.expect("t__l", "value", &["3", "4"]);
}

pub(super) fn delete_insert_without_keys(lab: &Lab) {
    let resource = merged(json!({}));
    lab.load(&resource, &[json!({"v": 1, "l": [1]})]);
    lab.load(&resource, &[json!({"v": 1, "l": [2]})]);
    lab.expect("t", "v", &["1", "1"]);
    lab.expect("t__l", "value", &["1", "2"]);
}

pub(super) fn delete_insert_removes_duplicates(lab: &Lab) {
    let resource = merged(json!({"primary_key": "id"}));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "v": "a", "l": ["a", "a"]}),
            json!({"id": 1, "v": "b", "l": ["b", "b"]}),
            json!({"id": 2, "v": "c"}),
        ],
    );
    let rows = lab.rows("t", "id v");
    assert!(
        rows == ["1 | a", "2 | c"] || rows == ["1 | b", "2 | c"],
        "{rows:?}"
    );
    let winner = rows[0].trim_start_matches("1 | ");
    lab.expect("t__l", "value", &[winner, winner]);
}

pub(super) fn delete_insert_sorts_duplicates(lab: &Lab) {
    for (direction, kept) in [("desc", "3 | c"), ("asc", "1 | a")] {
        let resource = merged(json!({
            "name": format!("t_{direction}"),
            "primary_key": "id",
            "columns": {"at": {"dedup_sort": direction}},
        }));
        let row = |at: i64, v: &str| json!({"id": 1, "at": at, "v": v, "l": [v]});
        lab.load(&resource, &[row(2, "b"), row(3, "c"), row(1, "a")]);
        lab.expect(&format!("t_{direction}"), "at v", &[kept]);
        lab.expect(&format!("t_{direction}__l"), "value", &[&kept[4..]]);
    }
}

pub(super) fn delete_insert_hard_delete(lab: &Lab) {
    let resource = merged(json!({
        "primary_key": "id",
        "columns": {"gone": {"data_type": "bool", "hard_delete": true}},
    }));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "l": [1]}),
            json!({"id": 2, "gone": false, "l": [2]}),
            json!({"id": 3, "gone": true, "l": [3]}),
        ],
    );
    lab.expect("t", "id gone", &["1 | ∅", "2 | false"]);
    lab.load(
        &resource,
        &[
            json!({"id": 1, "gone": true, "l": [9]}),
            json!({"id": 4, "l": [4]}),
        ],
    );
    lab.expect("t", "id", &["2", "4"]);
    lab.expect("t__l", "value", &["2", "4"]);
}

pub(super) fn delete_insert_hard_delete_by_time(lab: &Lab) {
    let resource = merged(json!({
        "primary_key": "id",
        "columns": {"gone_at": {"data_type": "timestamp", "hard_delete": true}},
    }));
    lab.load(&resource, &[json!({"id": 1}), json!({"id": 2})]);
    lab.load(
        &resource,
        &[json!({"id": 1, "gone_at": "2024-01-02T00:00:00Z"})],
    );
    lab.expect("t", "id gone_at", &["2 | ∅"]);
}

pub(super) fn delete_insert_filter(lab: &Lab) {
    let options = json!({"source_filter": "kind = 'sale'"});
    let resource = by("delete-insert", options, json!({"primary_key": "id"}));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "kind": "sale", "v": 1, "l": [1]}),
            json!({"id": 2, "kind": "test", "v": 2, "l": [2]}),
        ],
    );
    lab.load(
        &resource,
        &[json!({"id": 1, "kind": "test", "v": 9, "l": [9]})],
    );
    lab.expect("t", "id kind v", &["1 | sale | 1"]);
    lab.expect("t__l", "value", &["1"]);
}

pub(super) fn delete_insert_scope(lab: &Lab) {
    let options = json!({"destination_scope": "day >= 2"});
    let resource = by("delete-insert", options, json!({"primary_key": "id"}));
    let row = |id: i64, day: i64| json!({"id": id, "day": day, "l": [id]});
    lab.load(&resource, &[row(1, 1), row(2, 2), row(3, 3)]);
    lab.load(&resource, &[row(4, 3)]);
    lab.expect("t", "id day", &["1 | 1", "4 | 3"]);
    lab.expect("t__l", "value", &["1", "4"]);
}

pub(super) fn delete_insert_three_levels(lab: &Lab) {
    let resource = merged(json!({"primary_key": "id"}));
    let row = |id: i64, v: &str| json!({"id": id, "l": [{"m": [v, v]}]});
    lab.load(&resource, &[row(1, "a"), row(2, "b")]);
    lab.load(&resource, &[row(2, "c")]);
    lab.expect("t__l__m", "value", &["a", "a", "c", "c"]);
    let roots = lab.rows("t", "_dlt_id");
    let mut pointers = lab.rows("t__l__m", "_dlt_root_id");
    pointers.dedup();
    assert_eq!(pointers, roots);
}

pub(super) fn null_keys_match_nothing(lab: &Lab) {
    let columns = json!({"day": {"data_type": "bigint", "nullable": true}});
    let resource = merged(json!({"merge_key": "day", "columns": columns}));
    lab.load(
        &resource,
        &[json!({"day": null, "v": 1}), json!({"day": 1, "v": 2})],
    );
    lab.load(
        &resource,
        &[json!({"day": null, "v": 3}), json!({"day": 1, "v": 4})],
    );
    lab.expect("t", "day v", &["∅ | 1", "∅ | 3", "1 | 4"]);
}

pub(super) fn upsert(lab: &Lab) {
    let resource = by("upsert", json!({}), json!({"primary_key": "id"}));
    lab.load(
        &resource,
        &[json!({"id": 1, "v": "a"}), json!({"id": 2, "v": "b"})],
    );
    let before = lab.rows("t", "_dlt_id");
    lab.load(
        &resource,
        &[
            json!({"id": 2, "v": null, "w": 5}),
            json!({"id": 3, "v": "c"}),
        ],
    );
    lab.expect("t", "id v w", &["1 | a | ∅", "2 | ∅ | 5", "3 | c | ∅"]);
    let after = lab.rows("t", "_dlt_id");
    assert!(
        before.iter().all(|id| after.contains(id)),
        "row ids changed"
    );
}

pub(super) fn upsert_nested(lab: &Lab) {
    let resource = by("upsert", json!({}), json!({"primary_key": "id"}));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "l": ["a", "b", "c"]}),
            json!({"id": 2, "l": ["d"]}),
        ],
    );
    lab.load(&resource, &[json!({"id": 1, "l": ["A", "b"]})]);
    lab.expect("t__l", "value _dlt_list_idx", &["A | 0", "b | 1", "d | 0"]);
}

pub(super) fn upsert_hard_delete(lab: &Lab) {
    let more = json!({
        "primary_key": "id",
        "columns": {"gone": {"data_type": "bool", "hard_delete": true}},
    });
    let resource = by("upsert", json!({}), more);
    lab.load(
        &resource,
        &[json!({"id": 1, "l": [1]}), json!({"id": 2, "l": [2]})],
    );
    lab.load(&resource, &[json!({"id": 1, "gone": true, "l": [1]})]);
    lab.expect("t", "id", &["2"]);
    lab.expect("t__l", "value", &["2"]);
}

pub(super) fn upsert_unchanged_rows(lab: &Lab) {
    let options = json!({"skip_unchanged_rows": true});
    let more = json!({"primary_key": "id", "columns": {"raw": {"data_type": "json"}}});
    let resource = by("upsert", options, more);
    let row = |id: i64, v: &str| json!({"id": id, "v": v, "raw": {"a": [1]}, "n": null});
    lab.load(&resource, &[row(1, "a"), row(2, "b")]);
    let first = lab.rows("t", "_dlt_load_id");
    lab.load(&resource, &[row(1, "a"), row(2, "c")]);
    lab.expect("t", "id v", &["1 | a", "2 | c"]);
    let second = lab.rows("t", "id _dlt_load_id");
    assert_eq!(second[0], format!("1 | {}", first[0]));
    assert_ne!(second[1], format!("2 | {}", first[0]));
}

pub(super) fn insert_only(lab: &Lab) {
    let resource = by("insert-only", json!({}), json!({"primary_key": "id"}));
    lab.load(&resource, &[json!({"id": 1, "v": "a", "l": ["a"]})]);
    lab.load(
        &resource,
        &[
            json!({"id": 1, "v": "b", "l": ["b"]}),
            json!({"id": 2, "v": "c", "l": ["c"]}),
        ],
    );
    lab.expect("t", "id v", &["1 | a", "2 | c"]);
    lab.expect("t__l", "value", &["a", "c"]);
}

pub(super) fn cdc(lab: &Lab) {
    let more = json!({
        "primary_key": "id",
        "merge_key": "part",
        "columns": {"gone": {"data_type": "bool", "hard_delete": true}},
    });
    let resource = by("cdc", json!({}), more);
    let row = |id: i64, part: &str| json!({"id": id, "part": part, "gone": false, "l": [id]});
    lab.load(&resource, &[row(1, "x"), row(2, "x"), row(3, "y")]);
    let deleted = json!({"id": 9, "part": "x", "gone": true});
    lab.load(
        &resource,
        &[
            json!({"id": 1, "part": "x", "gone": false, "l": [10]}),
            deleted,
        ],
    );
    lab.expect("t", "id part", &["1 | x", "3 | y"]);
    lab.expect("t__l", "value", &["10", "3"]);
}

/// Versions of the table as `columns`, and whether each is still true.
fn versions(lab: &Lab, columns: &str) -> Vec<String> {
    let rows = lab.rows("t", &format!("{columns} _dlt_valid_to"));
    let mut versions: Vec<String> = rows
        .iter()
        .map(|row| match row.strip_suffix(" | ∅") {
            Some(version) => format!("{version} now"),
            None => format!("{} then", row.rsplit_once(" | ").unwrap().0),
        })
        .collect();
    versions.sort();
    versions
}

fn history(more: Value) -> Value {
    by("scd2", json!({}), more)
}

pub(super) fn scd2(lab: &Lab) {
    let resource = history(json!({}));
    lab.load(
        &resource,
        &[
            json!({"id": 1, "v": "a"}),
            json!({"id": 2, "v": "b"}),
            json!({"id": 3, "v": "c"}),
        ],
    );
    lab.load(
        &resource,
        &[json!({"id": 1, "v": "a"}), json!({"id": 2, "v": "B"})],
    );
    let expected = ["1 | a now", "2 | B now", "2 | b then", "3 | c then"];
    assert_eq!(versions(lab, "id v"), expected);
    // A version ends where the next one begins.
    let begins = lab.rows("t", "_dlt_valid_from");
    let mut ends = lab.rows("t", "_dlt_valid_to");
    ends.retain(|end| end != "∅");
    assert!(
        ends.iter().all(|end| begins.contains(end)),
        "{begins:?} {ends:?}"
    );
}

pub(super) fn scd2_value_returns(lab: &Lab) {
    let resource = history(json!({}));
    for value in ["a", "b", "a"] {
        lab.load(&resource, &[json!({"id": 1, "v": value})]);
    }
    assert_eq!(
        versions(lab, "id v"),
        ["1 | a now", "1 | a then", "1 | b then"]
    );
}

pub(super) fn scd2_nested(lab: &Lab) {
    let resource = history(json!({}));
    lab.load(
        &resource,
        &[json!({"id": 1, "l": ["a"]}), json!({"id": 2, "l": ["b"]})],
    );
    lab.load(
        &resource,
        &[
            json!({"id": 1, "l": ["a", "c"]}),
            json!({"id": 2, "l": ["b"]}),
        ],
    );
    assert_eq!(versions(lab, "id"), ["1 now", "1 then", "2 now"]);
    lab.expect("t__l", "value", &["a", "a", "b", "c"]);
}

pub(super) fn scd2_merge_key(lab: &Lab) {
    let resource = history(json!({"merge_key": "id"}));
    lab.load(
        &resource,
        &[json!({"id": 1, "v": "a"}), json!({"id": 2, "v": "b"})],
    );
    lab.load(&resource, &[json!({"id": 1, "v": "A"})]);
    assert_eq!(
        versions(lab, "id v"),
        ["1 | A now", "1 | a then", "2 | b now"]
    );
    assert_eq!(lab.count(Target::Final, "t"), 3);
}
