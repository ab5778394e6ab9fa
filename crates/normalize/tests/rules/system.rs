//! System columns and row ids (§4).

use serde_json::{Value as Json, json};
use tipple_schema::Table;

use crate::support::Load;

const IDS: &str = include_str!("../../../../fixtures/golden/ids.jsonl");

fn merged(strategy: &str) -> Load {
    Load::new()
        .hint("write_disposition", json!("merge"))
        .hint("x-merge-strategy", json!(strategy))
}

fn keyed(strategy: &str, columns: &[&str]) -> Load {
    columns.iter().fold(merged(strategy), |load, column| {
        load.column(column, json!({"primary_key": true, "nullable": false}))
    })
}

fn row_hashed() -> Load {
    merged("scd2").column("_dlt_id", json!({"x-row-version": true, "nullable": false}))
}

#[test]
fn system_columns_follow_the_data_in_fixed_order() {
    Load::new().with_system().check(
        r#"{"a":1,"l":[2]}"#,
        "
        t
          a bigint | _dlt_load_id text | _dlt_id text
          1 | 1700000000.5 | AAAAAAAAAAAAAQ
        t__l
          value bigint | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
          2 | AAAAAAAAAAAAAQ | 0 | CtJaX4BnEt0n2Q
        ",
    );
}

#[test]
fn hints_of_system_columns_come_from_the_settings() {
    let outcome = merged("delete-insert").run(r#"{"l":[1]}"#).expect("tables");
    let schema = &outcome.normalized.schema;
    let shown = |table: &str, column: &str| {
        Json::Object(schema.tables[table].columns[column].to_properties())
    };
    assert_eq!(
        shown("t", "_dlt_load_id"),
        json!({"name": "_dlt_load_id", "data_type": "text", "nullable": false})
    );
    assert_eq!(
        shown("t__l", "_dlt_id"),
        json!({"name": "_dlt_id", "data_type": "text", "nullable": false, "unique": true, "row_key": true})
    );
    assert_eq!(
        shown("t__l", "_dlt_root_id"),
        json!({"name": "_dlt_root_id", "data_type": "text", "nullable": false, "root_key": true})
    );
    assert_eq!(
        shown("t__l", "_dlt_parent_id"),
        json!({"name": "_dlt_parent_id", "data_type": "text", "nullable": false, "parent_key": true})
    );
    assert_eq!(
        shown("t__l", "_dlt_list_idx"),
        json!({"name": "_dlt_list_idx", "data_type": "bigint", "nullable": false})
    );
}

#[test]
fn names_of_system_columns_pass_the_naming_convention() {
    let mut load = Load::with_naming("s3_tables", None).with_system();
    load.table
        .hints
        .insert("write_disposition".into(), json!("append"));
    let outcome = load.run(r#"{"a":1}"#).expect("tables");
    let columns: Vec<&String> = outcome.normalized.schema.tables["t"]
        .columns
        .keys()
        .collect();
    assert_eq!(columns, ["a", "_dlt_load_id", "_dlt_id"]);
}

#[test]
fn merged_tables_hand_the_id_of_the_root_row_down() {
    merged("delete-insert").with_system().check(
        r#"{"a":[{"b":[1]}]}"#,
        "
        t
          _dlt_load_id text | _dlt_id text
          1700000000.5 | AAAAAAAAAAAAAQ
        t__a
          _dlt_root_id text | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
          AAAAAAAAAAAAAQ | AAAAAAAAAAAAAQ | 0 | O929KZD2ZUEeaQ
        t__a__b
          value bigint | _dlt_root_id text | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
          1 | AAAAAAAAAAAAAQ | O929KZD2ZUEeaQ | 0 | zCWRkgobXmEP6A
        ",
    );
}

#[test]
fn scd2_hands_no_root_id_down() {
    let outcome = merged("scd2").run(r#"{"a":[1]}"#).expect("tables");
    assert!(
        !outcome.normalized.schema.tables["t__a"]
            .columns
            .contains_key("_dlt_root_id")
    );
}

#[test]
fn any_column_can_be_handed_down() {
    let config = json!({"propagation": {"root": {"id": "root_id"},
        "tables": {"t__a": {"x": "from_a", "_dlt_list_idx": "a_index"}}}});
    Load::new()
        .schema(|schema| {
            schema
                .normalizers
                .insert("json".into(), json!({"module": "m", "config": config}));
        })
        .check(
            r#"{"id":7,"a":[{"x":"y","b":[1]}]}"#,
            "
            t
              id bigint
              7
            t__a
              x text | root_id bigint
              [0.0] y | 7
            t__a__b
              value bigint | root_id bigint | from_a text | a_index bigint
              [0.0] 1 | 7 | y | 0
            ",
        );
}

#[test]
fn an_id_of_the_data_is_kept_and_children_are_made_from_it() {
    Load::new().with_system().check(
        r#"{"_dlt_id":"abc","items":[1]}"#,
        "
        t
          _dlt_id text | _dlt_load_id text
          abc | 1700000000.5
        t__items
          value bigint | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
          1 | abc | 0 | 59f3Z23qrv2mOg
        ",
    );
}

#[test]
fn an_id_that_is_a_number_gives_numeric_columns() {
    Load::new().with_system().check(
        r#"{"_dlt_id":5,"l":[1]} {"a":1}"#,
        "
        t
          _dlt_id bigint | _dlt_load_id text | a bigint | _dlt_id__v_text text
          5 | 1700000000.5 | · | ·
          · | 1700000000.5 | 1 | AAAAAAAAAAAAAQ
        t__l
          value bigint | _dlt_parent_id bigint | _dlt_list_idx bigint | _dlt_id text
          1 | 5 | 0 | 8fZ4aY5KaHArbg
        ",
    );
}

#[test]
fn an_empty_id_of_the_data_is_replaced() {
    Load::new().with_system().check(
        r#"{"_dlt_id":"","a":1} {"_dlt_id":null}"#,
        "
        t
          _dlt_id text | a bigint | _dlt_load_id text
          AAAAAAAAAAAAAQ | 1 | 1700000000.5
          AAAAAAAAAAAAAg | · | 1700000000.5
        ",
    );
}

#[test]
fn a_child_with_an_id_of_its_own_has_no_parent() {
    Load::new().with_system().check(
        r#"{"l":[{"a":1},{"_dlt_id":"x","a":2}]}"#,
        "
        t
          _dlt_load_id text | _dlt_id text
          1700000000.5 | AAAAAAAAAAAAAQ
        t__l
          a bigint | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
          1 | AAAAAAAAAAAAAQ | 0 | CtJaX4BnEt0n2Q
          2 | · | · | x
        ",
    );
}

#[test]
fn a_load_id_of_the_data_is_overwritten_in_its_place() {
    Load::new().with_system().check(
        r#"{"_dlt_load_id":"x","a":1}"#,
        "
        t
          _dlt_load_id text | a bigint | _dlt_id text
          1700000000.5 | 1 | AAAAAAAAAAAAAQ
        ",
    );
}

#[test]
fn ids_of_upserted_rows_are_hashes_of_their_key() {
    for (strategy, columns, item, id) in [
        (
            "upsert",
            &["id"][..],
            r#"{"id":1,"b":"x"}"#,
            "z5jIxXIbUnmbKw",
        ),
        (
            "insert-only",
            &["b", "id"],
            r#"{"id":1,"b":"x"}"#,
            "NERjR2NVtHIbDA",
        ),
        ("cdc", &["id"], r#"{"id":"1"}"#, "34mTpKkIs8DCig"),
        ("upsert", &["id"], r#"{"Id":1.0}"#, "cvXT4XHjvZjFxg"),
        (
            "upsert",
            &["ts"],
            "{\"ts\":\"\u{f027}2024-01-02T03:04:05.120000+02:00\"}",
            "IbJP6KkXIo+lJA",
        ),
    ] {
        let outcome = keyed(strategy, columns).run(item).expect("tables");
        assert_eq!(outcome.value("t", "_dlt_id", 0), id, "{item}");
    }
}

#[test]
fn a_row_without_its_key_is_an_error() {
    keyed("upsert", &["id"]).check_error(
        "{\"id\":1}\n{\"b\":2}",
        "the key column `id` of table `t` is missing in a row (items:2)",
    );
}

#[test]
fn ids_of_versioned_rows_are_hashes_of_the_item() {
    for line in IDS.lines() {
        let case: Json = serde_json::from_str(line).expect("JSON");
        let is_plain = !case["row"].to_string().contains('$');
        if case["fn"] != "row" || !case["subset"].is_null() || !is_plain {
            continue;
        }
        let outcome = row_hashed().run(&case["row"].to_string()).expect("tables");
        assert_eq!(
            outcome.value("t", "_dlt_id", 0),
            case["out"].as_str().expect("text"),
            "{line}"
        );
    }
}

#[test]
fn ids_may_have_another_length() {
    let load = Load::new().rules(|rules| rules.id_bytes = 15);
    let outcome = load.run(r#"{"l":[1]}"#).expect("tables");
    assert_eq!(outcome.value("t", "_dlt_id", 0), "AAAAAAAAAAAAAAAAAAAB");
    assert_eq!(outcome.value("t__l", "_dlt_id", 0).len(), 20);
}

#[test]
fn key_columns_of_nested_objects_are_found_by_their_path() {
    let outcome = keyed("upsert", &["k__id"])
        .run(r#"{"k":{"id":1}}"#)
        .expect("tables");
    let again = keyed("upsert", &["k__id"])
        .run(r#"{"x":2,"k":{"id":1}}"#)
        .expect("tables");
    assert_eq!(
        outcome.value("t", "_dlt_id", 0),
        again.value("t", "_dlt_id", 0)
    );
}

#[test]
fn two_tables_may_share_a_child_table() {
    let mut load = Load::new();
    let mut other = Table::new("t__a");
    other.hints.insert("resource".into(), json!("other"));
    other
        .hints
        .insert("write_disposition".into(), json!("append"));
    load = load.schema(|schema| {
        schema.update_table_hints(other).expect("an update");
    });
    load.check(
        r#"{"a":{"b":[1]},"a__b":[2]}"#,
        "
        t__a

        t

        t__a__b
          value bigint
          [0.0] 2
          [0.0] 1
        ",
    );
}
