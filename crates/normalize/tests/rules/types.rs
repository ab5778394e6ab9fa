//! Types, coercion, nulls and variants (§5).

use serde_json::json;

use crate::support::Load;

#[track_caller]
fn check(items: &str, expected: &str) {
    Load::new().check(items, expected);
}

#[test]
fn the_first_value_gives_the_type() {
    check(
        r#"{"t":"x","i":1,"f":1.5,"b":true,"ts":"2024-01-02T03:04:05+02:00","d":"2024-01-02"}"#,
        "
        t
          t text | i bigint | f double | b bool | ts timestamp | d text
          x | 1 | 1.5 | true | 2024-01-02T01:04:05Z | 2024-01-02
        ",
    );
}

#[test]
fn detections_of_the_settings_are_tried_in_order() {
    Load::new()
        .schema(|schema| {
            for name in ["iso_date", "timestamp", "large_integer"] {
                schema.add_detection(name);
            }
        })
        .check(
            r#"{"d":"2024-01-02","n":1700000000,"w":18446744073709551615}"#,
            "
            t
              d date | n timestamp | w wei
              2024-01-02 | 2023-11-14T22:13:20Z | 18446744073709551615
            ",
        );
    Load::new()
        .schema(|schema| schema.remove_detection("iso_timestamp"))
        .check(
            r#"{"ts":"2024-01-02T03:04:05Z"}"#,
            "
        t
          ts text
          2024-01-02T03:04:05Z
        ",
        );
}

#[test]
fn preferred_types_win_over_detections() {
    Load::new()
        .schema(|schema| {
            let types = [
                ("re:_ts$".into(), "timestamp".into()),
                ("id".into(), "text".into()),
            ];
            schema.merge_preferred_types(types.into());
        })
        .check(
            r#"{"a":{"id":0,"ts":0},"id":7,"x_ts":"no"}"#,
            "
            t
              id text | x_ts__v_text text | a__id bigint | a__ts timestamp
              7 | no | 0 | 1970-01-01T00:00:00Z
            ",
        );
}

#[test]
fn integers_beyond_64_bits_signed_stay_whole() {
    check(
        r#"{"a":1} {"a":18446744073709551615}"#,
        "
        t
          a bigint
          1
          18446744073709551615
        ",
    );
}

#[test]
fn marked_texts_are_typed_values() {
    check(
        "{\"d\":\"\u{f026}1.50\",\"at\":\"\u{f027}2024-01-02T03:04:05+02:00\",\"day\":\"\u{f028}2024-01-02\",\
         \"b\":\"\u{f02b}AP8=\",\"time\":\"\u{f02d}01:02:03\",\"w\":\"\u{f02c}7\",\"o\":[{\"x\":[\"\u{f026}1\"]}]}",
        "
        t
          d decimal | at timestamp | day date | b binary | time time | w wei
          1.500000000 | 2024-01-02T01:04:05Z | 2024-01-02 | 00ff | 01:02:03 | 7
        t__o

        t__o__x
          value decimal
          [0.0] 1.000000000
        ",
    );
}

#[test]
fn a_column_without_time_zone_holds_the_wall_clock_of_utc() {
    Load::new()
        .column("at", json!({"data_type": "timestamp", "timezone": false}))
        .check(
            r#"{"at":"2024-01-02T03:04:05+02:00"} {"at":"2024-01-02T03:04:05"}"#,
            "
        t
          at timestamp
          2024-01-02T01:04:05
          2024-01-02T03:04:05
        ",
        );
}

#[test]
fn another_time_zone_is_that_of_naive_times() {
    Load::new()
        .rules(|rules| rules.zone = tipple_normalize::Zone::from_name("Europe/Berlin").expect("a zone"))
        .column("wall", json!({"data_type": "timestamp", "timezone": false}))
        .column("day", json!({"data_type": "date"}))
        .check(
            r#"{"at":"2024-01-02T03:04:05","wall":"2024-07-02T03:04:05Z","day":"2024-01-01T23:30:00Z"}
               {"at":"2024-01-02T03:04:05Z","wall":"2024-07-02T03:04:05","day":"2024-01-02"}"#,
            "
            t
              wall timestamp | day date | at timestamp
              2024-07-02T05:04:05 | 2024-01-02 | 2024-01-02T02:04:05Z
              2024-07-02T03:04:05 | 2024-01-02 | 2024-01-02T03:04:05Z
            ",
        );
}

#[test]
fn a_null_never_creates_a_column_and_later_values_do() {
    let outcome = Load::new().check(
        r#"{"a":null,"b":null} {"a":1}"#,
        "
        t
          a bigint
          ·
          1
        ",
    );
    assert_eq!(
        outcome.normalized.null_only,
        [("t".to_owned(), "b".to_owned())]
    );
}

#[test]
fn a_null_in_a_column_that_is_not_nullable_is_an_error() {
    Load::new()
        .column("a", json!({"data_type": "bigint", "nullable": false}))
        .check_error(
            "{\"a\":1}\n{\"a\":null}",
            "Cannot coerce NULL in table `t` column `a` which is not nullable (items:2)",
        );
    let load = Load::new().schema(|schema| {
        schema.merge_default_hints([("not_null".into(), vec!["re:^id$".into()])].into());
    });
    load.check_error(
        r#"{"id":null}"#,
        "Cannot coerce NULL in table `t` column `id` which is not nullable (items:1)",
    );
}

#[test]
fn a_key_without_type_that_gets_no_data_is_an_error() {
    Load::new()
        .column("id", json!({"primary_key": true, "nullable": false}))
        .check_error(
            r#"{"a":1}"#,
            "The following columns in table `t` did not receive any data during this load: id. \
         They are keys or not nullable, and have no data type.",
        );
}

#[test]
fn a_nullable_hint_without_type_and_data_is_told() {
    let load = Load::new().column("x", json!({"description": "d"}));
    let outcome = load.run(r#"{"a":1}"#).expect("tables");
    assert_eq!(
        outcome.normalized.unbound,
        [("t".to_owned(), "x".to_owned())]
    );
}

#[test]
fn values_that_do_not_fit_go_to_variants_of_their_kind() {
    let outcome = Load::new().check(
        r#"{"a":1} {"a":"x"} {"a":"5"} {"a":1.5} {"a":2.0} {"a":true} {"a":[1]} {"a":{"z":1}} {"a":"y"}"#,
        "
        t
          a bigint | a__v_text text | a__v_double double | a__v_bool bool | a__z bigint
          1 | · | · | · | ·
          · | x | · | · | ·
          5 | · | · | · | ·
          · | · | 1.5 | · | ·
          2 | · | · | · | ·
          · | · | · | true | ·
          · | · | · | · | ·
          · | · | · | · | 1
          · | y | · | · | ·
        t__a
          value bigint
          [6.0] 1
        ",
    );
    let column = &outcome.normalized.schema.tables["t"].columns["a__v_text"];
    assert_eq!(
        serde_json::Value::Object(column.to_properties()),
        json!({"name": "a__v_text", "data_type": "text", "nullable": true, "variant": true,
            "description": "Variant of column a__v_text generated by dlt"})
    );
    let note = &outcome.normalized.variants[0];
    assert_eq!(
        (note.column.as_str(), note.count, note.first.as_str()),
        ("a", 2, "x")
    );
    let cause = outcome
        .normalized
        .causes
        .iter()
        .find(|c| c.column == "a__v_text")
        .expect("a cause");
    assert_eq!((cause.json_path.as_str(), cause.is_variant), ("$.a", true));
}

#[test]
fn text_columns_take_everything() {
    check(
        r#"{"a":"x"} {"a":1} {"a":1.5} {"a":true} {"a":1e16}"#,
        "
        t
          a text
          x
          1
          1.5
          True
          1e+16
        ",
    );
}

#[test]
fn a_variant_column_may_be_a_timestamp_and_then_refuses_other_texts() {
    check(
        r#"{"a":1} {"a":"2024-01-02T03:04:05Z"} {"a":"2024"}"#,
        "
        t
          a bigint | a__v_text timestamp
          1 | ·
          · | 2024-01-02T03:04:05Z
          2024 | ·
        ",
    );
    Load::new().check_error(
        r#"{"a":1} {"a":"2024-01-02T03:04:05Z"} {"a":"x"}"#,
        "Cannot coerce type `text` to `timestamp` for value `x` in table `t` column `a__v_text` (items:1)",
    );
}

#[test]
fn a_wei_number_beyond_the_limit_goes_to_a_text_variant() {
    Load::new().column("w", json!({"data_type": "wei"})).check(
        r#"{"w":"1"} {"w":"578960446186580977117854925043439539267"}"#,
        "
        t
          w wei | w__v_str text
          1 | ·
          · | 578960446186580977117854925043439539267
        ",
    );
}

#[test]
fn objects_and_lists_that_are_kept_whole_have_variants_of_json() {
    let load = Load::new().hint("x-normalizer", json!({"max_nesting": 0}));
    load.check(
        r#"{"a":1} {"a":[1]} {"a":{"b":2}}"#,
        r#"
        t
          a bigint | a__v_json json
          1 | ·
          · | [1]
          · | {"b":2}
        "#,
    );
}

#[test]
fn an_old_complex_variant_is_used_for_json() {
    Load::new()
        .hint("x-normalizer", json!({"max_nesting": 0}))
        .column("a", json!({"data_type": "bigint"}))
        .column(
            "a__v_complex",
            json!({"data_type": "json", "variant": true}),
        )
        .check(
            r#"{"a":[1]}"#,
            "
            t
              a bigint | a__v_complex json
              · | [1]
            ",
        );
}

#[test]
fn hinted_columns_with_a_type_come_first_and_others_where_their_data_arrives() {
    Load::new()
        .column("id", json!({"primary_key": true, "nullable": false}))
        .column("s", json!({"dedup_sort": "desc"}))
        .column("deleted", json!({"data_type": "bool", "hard_delete": true}))
        .check(
            r#"{"id":1,"s":2,"x":3}"#,
            "
            t
              deleted bool | id bigint | s bigint | x bigint
              · | 1 | 2 | 3
            ",
        );
}

#[test]
fn hints_win_over_what_is_inferred() {
    let load = Load::new().column("a", json!({"nullable": false, "precision": 10, "x-own": 1}));
    let outcome = load.run(r#"{"a":1}"#).expect("tables");
    assert_eq!(
        serde_json::Value::Object(
            outcome.normalized.schema.tables["t"].columns["a"].to_properties()
        ),
        json!({"name": "a", "data_type": "bigint", "nullable": false, "precision": 10, "x-own": 1})
    );
}

#[test]
fn decimals_have_precision_and_scale_of_their_column() {
    Load::new()
        .column(
            "a",
            json!({"data_type": "decimal", "precision": 6, "scale": 2}),
        )
        .check(
            r#"{"a":1.5} {"a":"2"}"#,
            "
        t
          a decimal
          1.50
          2.00
        ",
        );
    Load::new()
        .column(
            "a",
            json!({"data_type": "decimal", "precision": 6, "scale": 2}),
        )
        .check(
            r#"{"a":1.5} {"a":"2.345"} {"a":123456}"#,
            "
        t
          a decimal
          1.50
          2.345
          123456
        ",
        );
}

#[test]
fn a_json_column_takes_text_that_parses() {
    Load::new().column("j", json!({"data_type": "json"})).check(
        r#"{"j":"{\"a\": 1}"} {"j":"5"} {"j":"null"} {"j":"x"} {"j":7}"#,
        r#"
        t
          j json | j__v_text text | j__v_bigint bigint
          {"a":1} | · | ·
          5 | · | ·
          · | · | ·
          · | x | ·
          · | · | 7
        "#,
    );
}
