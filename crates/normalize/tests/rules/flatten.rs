//! Flattening and lists (§1 to §3).

use serde_json::json;

use crate::support::Load;

#[track_caller]
fn check(items: &str, expected: &str) {
    Load::new().check(items, expected);
}

#[test]
fn scalars_come_first_then_objects_last_pushed_first() {
    check(
        r#"{"z":{"a":1,"y":{"k":1},"b":2},"m":1,"c":{"d":1}}"#,
        "
        t
          m bigint | c__d bigint | z__a bigint | z__b bigint | z__y__k bigint
          1 | 1 | 1 | 2 | 1
        ",
    );
}

#[test]
fn a_path_that_is_met_twice_keeps_its_place_and_takes_the_last_value() {
    check(
        r#"{"a":{"b":1},"a__b":2,"c":3}"#,
        "
        t
          a__b bigint | c bigint
          1 | 3
        ",
    );
}

#[test]
fn an_item_that_is_no_object_is_wrapped() {
    check(
        r#"5 [1,2] "x""#,
        "
        t
          value bigint | value__v_text text
          5 | ·
          · | ·
          · | x
        t__value
          value bigint
          [1.0] 1
          [1.1] 2
        ",
    );
}

#[test]
fn an_empty_object_leaves_nothing_and_a_null_no_column() {
    let outcome = Load::new().check(
        r#"{"a":{},"b":null,"c":1}"#,
        "
        t
          c bigint
          1
        ",
    );
    assert_eq!(
        outcome.normalized.null_only,
        [("t".to_owned(), "b".to_owned())]
    );
}

#[test]
fn a_blank_key_has_a_name() {
    check(
        r#"{"":1,"  ":2,"a":{"":3,"__":4}}"#,
        "
        t
          _empty bigint | a___empty bigint | a bigint
          2 | 3 | 4
        ",
    );
}

#[test]
fn elements_of_lists_become_rows_of_child_tables() {
    check(
        r#"{"id":2,"mixed":[1,{"k":"v"},"s",[7],null]}"#,
        "
        t
          id bigint
          2
        t__mixed
          value bigint | k text | value__v_text text
          [0.0] 1 | · | ·
          [0.1] · | v | ·
          [0.2] · | · | s
          [0.3] · | · | ·
          [0.4] · | · | ·
        t__mixed__list
          value bigint
          [3.0] 7
        ",
    );
}

#[test]
fn the_parent_of_a_list_in_an_object_is_the_table_of_the_row() {
    let outcome = Load::new().check(
        r#"{"ship":{"legs":[{"a":1}]}}"#,
        "
        t

        t__ship__legs
          a bigint
          [0.0] 1
        ",
    );
    let legs = &outcome.normalized.schema.tables["t__ship__legs"];
    assert_eq!(legs.parent.as_deref(), Some("t"));
}

#[test]
fn lists_follow_their_row_depth_first() {
    let outcome = Load::new()
        .run(r#"{"a":[{"b":[1]},{"b":[2]}],"c":[3]}"#)
        .expect("tables");
    let tables: Vec<&str> = outcome
        .batches
        .iter()
        .map(|batch| batch.table.as_str())
        .collect();
    assert_eq!(tables, ["t", "t__a", "t__a__b", "t__c"]);
}

#[test]
fn two_lists_of_one_table_count_from_zero_each() {
    check(
        r#"{"a":{"b":[1,2]},"a__b":[3]}"#,
        "
        t

        t__a__b
          value bigint
          [0.0] 3
          [0.0] 1
          [0.1] 2
        ",
    );
}

#[test]
fn two_keys_with_one_name_give_one_list() {
    check(
        r#"{"aB":[1,2],"a_b":[3]}"#,
        "
        t

        t__a_b
          value bigint
          [0.0] 3
        ",
    );
}

const NESTED: &str = r#"{"id":1,"a":{"b":{"c":{"d":1}}},
    "l":[{"x":1,"m":[{"y":2,"n":{"o":1}}]},[1,[2]]],"e":{},"el":[]}"#;

fn limited(limit: i64) -> Load {
    Load::new().hint("x-normalizer", json!({"max_nesting": limit}))
}

#[test]
fn with_limit_0_nothing_is_dissolved() {
    limited(0).check(
        NESTED,
        r#"
        t
          id bigint | a json | l json | e json | el json
          1 | {"b":{"c":{"d":1}}} | [{"x":1,"m":[{"y":2,"n":{"o":1}}]},[1,[2]]] | {} | []
        "#,
    );
}

#[test]
fn with_limit_1_one_level_is_dissolved() {
    limited(1).check(
        NESTED,
        r#"
        t
          id bigint | a__b json
          1 | {"c":{"d":1}}
        t__l
          x bigint | m json | list json
          [0.0] 1 | [{"y":2,"n":{"o":1}}] | ·
          [0.1] · | · | [1,[2]]
        "#,
    );
}

#[test]
fn with_limit_2_and_3_more_is_dissolved() {
    limited(2).check(
        NESTED,
        r#"
        t
          id bigint | a__b__c json
          1 | {"d":1}
        t__l
          x bigint | list json
          [0.0] 1 | ·
          [0.1] · | [1,[2]]
        t__l__m
          y bigint | n json
          [0.0] 2 | {"o":1}
        "#,
    );
    limited(3).check(
        NESTED,
        "
        t
          id bigint | a__b__c__d bigint
          1 | 1
        t__l
          x bigint
          [0.0] 1
          [0.1] ·
        t__l__m
          y bigint | n__o bigint
          [0.0] 2 | 1
        t__l__list
          value bigint | list json
          [1.0] 1 | ·
          [1.1] · | [2]
        ",
    );
}

#[test]
fn the_limit_of_the_source_counts_when_the_table_has_none() {
    Load::new()
        .schema(|schema| {
            schema.normalizers.insert(
                "json".into(),
                json!({"module": "m", "config": {"max_nesting": 0}}),
            );
        })
        .check(
            r#"{"a":{"b":1}}"#,
            r#"
            t
              a json
              {"b":1}
            "#,
        );
}

#[test]
fn a_json_column_keeps_objects_and_lists_even_empty_ones() {
    Load::new()
        .column("a__j", json!({"data_type": "json"}))
        .check(
            r#"{"a":{"j":{"x": [1, 2.0, "ä\n"]}}} {"a":{"j":[]}} {"a":{"j":{}}}"#,
            r#"
        t
          a__j json
          {"x":[1,2.0,"ä\n"]}
          []
          {}
        "#,
        );
}

#[test]
fn a_preferred_type_of_json_keeps_them_too() {
    Load::new()
        .schema(|schema| schema.merge_preferred_types([("re:_doc$".into(), "json".into())].into()))
        .check(
            r#"{"a_doc":{"x":1},"b":{"x":1}}"#,
            r#"
            t
              a_doc json | b__x bigint
              {"x":1} | 1
            "#,
        );
}

#[test]
fn a_declared_table_on_the_path_of_a_list_is_a_root_table() {
    Load::new()
        .schema(|schema| {
            let mut table = tipple_schema::Table::new("t__kids");
            table.hints.insert("resource".into(), "t".into());
            table
                .hints
                .insert("write_disposition".into(), "append".into());
            schema.update_table_hints(table).expect("an update");
        })
        .with_system()
        .check(
            r#"{"kids":[{"a":1,"toys":[2]},3]}"#,
            "
            t__kids
              a bigint | _dlt_load_id text | _dlt_id text | value bigint
              1 | 1700000000.5 | AAAAAAAAAAAAAg | ·
              · | · | AAAAAAAAAAAAAw | 3
            t
              _dlt_load_id text | _dlt_id text
              1700000000.5 | AAAAAAAAAAAAAQ
            t__kids__toys
              value bigint | _dlt_parent_id text | _dlt_list_idx bigint | _dlt_id text
              2 | AAAAAAAAAAAAAg | 0 | Qv/Aid8QVHy+dw
            ",
        );
}
