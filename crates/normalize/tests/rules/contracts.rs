//! Contracts, filters and limits (§7.5, spec/schema.md §5).

use serde_json::json;
use tipple_normalize::{NormalizeError, Reason, RowError};

use crate::support::{Load, Outcome};

/// A schema in which `t` has the column `a` and the child table `t__kids`, with data.
fn known() -> Load {
    let first = Load::new()
        .run(r#"{"a":1,"kids":[{"x":1}]}"#)
        .expect("tables");
    Load::continued(first.normalized.schema)
}

#[track_caller]
fn check(contract: serde_json::Value, items: &str, expected: &str) -> Outcome {
    known()
        .hint("schema_contract", contract)
        .check(items, expected)
}

#[test]
fn a_frozen_column_stops_the_load_and_says_which_row() {
    let load = known()
        .hint("schema_contract", json!("freeze"))
        .column("a", json!({"primary_key": true}));
    let error = load
        .run("{\"a\":1}\n{\"a\":2,\"b\":3}")
        .err()
        .expect("an error");
    let NormalizeError::Row { place, error } = error else {
        panic!("{error}")
    };
    let RowError::Contract { violation, is_root } = *error else {
        panic!("{error}")
    };
    assert!(is_root);
    assert_eq!(place.line, 2);
    assert_eq!(
        (violation.table.as_str(), violation.column.as_deref()),
        ("t", Some("b"))
    );
    assert_eq!(
        (violation.entity.as_str(), violation.mode.as_str()),
        ("columns", "freeze")
    );
    assert_eq!(&*violation.row, "a: 2, _dlt_id: None");
}

#[test]
fn a_discarded_value_leaves_the_row() {
    let outcome = check(
        json!({"columns": "discard_value"}),
        r#"{"a":1,"b":2} {"a":3,"b":4} {"a":5,"b":null}"#,
        "
        t
          a bigint
          1
          3
          5
        t__kids
          x bigint
        ",
    );
    assert_eq!(
        outcome.normalized.rejected.values[&("t".to_owned(), "b".to_owned())],
        2
    );
}

#[test]
fn a_discarded_row_takes_its_children_along() {
    let outcome = check(
        json!({"columns": "discard_row"}),
        r#"{"a":1,"b":2,"kids":[{"x":1}]} {"a":3,"kids":[{"x":4}]} {"a":5,"b":null}"#,
        "
        t
          a bigint
          3
        t__kids
          x bigint
          [0.0] 4
        ",
    );
    assert_eq!(
        outcome.normalized.rejected.rows[&("t".to_owned(), Reason::Column)],
        2
    );
}

#[test]
fn columns_of_a_new_table_are_free() {
    Load::new()
        .hint("schema_contract", json!({"columns": "freeze"}))
        .check(
            r#"{"a":1}"#,
            "
        t
          a bigint
          1
        ",
        );
}

#[test]
fn a_table_in_its_first_load_evolves_once() {
    let load = || {
        Load::new()
            .hint("schema_contract", json!({"columns": "freeze"}))
            .hint("x-normalizer", json!({"evolve-columns-once": true}))
            .column("h", json!({"data_type": "text"}))
    };
    let outcome = load().run(r#"{"a":1} {"b":2}"#).expect("tables");
    let table = &outcome.normalized.schema.tables["t"];
    assert_eq!(table.hints["x-normalizer"], json!({"seen-data": true}));
    let error = Load::continued(outcome.normalized.schema).run(r#"{"c":1}"#);
    assert!(error.is_err());
}

#[test]
fn new_child_tables_follow_the_contract_of_their_parent() {
    for mode in ["discard_row", "discard_value"] {
        let outcome = check(
            json!({"tables": mode}),
            r#"{"a":2,"new":[{"x":[1]},{"x":[2]}],"kids":[{"x":5}]}"#,
            "
            t
              a bigint
              2
            t__kids
              x bigint
              [0.0] 5
            ",
        );
        assert_eq!(
            outcome.normalized.rejected.rows[&("t__new".to_owned(), Reason::Table)],
            2
        );
    }
    known().hint("schema_contract", json!({"tables": "freeze"})).check_error(
        r#"{"a":2,"new":[1]}"#,
        "In schema `s`: In Table: `t__new`  . Contract on `tables` with `contract_mode=freeze` is violated. \
         Can't add table `t__new` because `tables` are frozen. (items:1)",
    );
}

#[test]
fn the_data_type_contract_is_about_variants() {
    check(
        json!({"data_type": "discard_value"}),
        r#"{"a":"x","b":1} {"a":2}"#,
        "
        t
          a bigint | b bigint
          · | 1
          2 | ·
        t__kids
          x bigint
        ",
    );
    check(
        json!({"data_type": "discard_row", "columns": "evolve"}),
        r#"{"a":"x","b":1} {"a":2}"#,
        "
        t
          a bigint | b bigint
          2 | ·
        t__kids
          x bigint
        ",
    );
    let error = known()
        .hint("schema_contract", json!({"data_type": "freeze"}))
        .run(r#"{"a":"x"}"#);
    let Err(NormalizeError::Row { error, .. }) = error else {
        panic!("no error")
    };
    let RowError::Contract { violation, .. } = *error else {
        panic!("{error}")
    };
    assert_eq!(violation.entity.as_str(), "data_type");
    assert_eq!(violation.column.as_deref(), Some("a__v_text"));
}

#[test]
fn a_contract_of_the_settings_counts_where_tables_have_none() {
    let load = known().schema(|schema| schema.settings.schema_contract = Some(json!("freeze")));
    assert!(load.run(r#"{"b":1}"#).is_err());
}

#[test]
fn excluded_fields_and_tables_never_arrive() {
    Load::new()
        .hint(
            "filters",
            json!({"excludes": ["re:^secret", "re:^kids", "only"], "includes": ["re:keep$"]}),
        )
        .check(
            r#"{"a":1,"secret":2,"secret_keep":3,"kids":[{"x":1}],"more":[{"only":2,"x":[3]}]}"#,
            "
            t
              a bigint | secret_keep bigint
              1 | 3
            t__more
              only bigint
              [0.0] 2
            t__more__x
              value bigint
              [0.0] 3
            ",
        );
}

#[test]
fn filters_that_are_declared_later_count_from_then_on() {
    let mut normalizer = Load::new().normalizer().expect("a normalizer");
    let mut batches = Vec::new();
    let mut sink = |batch| -> Result<(), tipple_normalize::SinkError> {
        batches.push(batch);
        Ok(())
    };
    let place = tipple_normalize::Place::start_of("x");
    let chunk = bytes::Bytes::from(r#"{"a":1,"b":2}"#);
    normalizer
        .push_json("t", &chunk, &place, &mut sink)
        .expect("tables");
    let table = Load::new()
        .hint("filters", json!({"excludes": ["b"]}))
        .table;
    normalizer.declare(table).expect("a table");
    normalizer
        .push_json("t", &chunk, &place, &mut sink)
        .expect("tables");
    let normalized = normalizer.finish(&mut sink).expect("an end");
    Outcome {
        normalized,
        batches,
    }
    .assert_renders_data(
        "
        t
          a bigint | b bigint
          1 | 2
          1 | ·
        ",
    );
}

#[test]
fn too_many_columns_are_an_error_that_names_the_key() {
    let load = Load::new().rules(|rules| rules.max_columns = 4);
    load.check_error(
        r#"{"a":{"x":1,"y":2}} {"a":{"z":3}}"#,
        "table `t` would get more than 4 columns, the next one is `a__z` from `$.a.z`: keys of an object \
         seem to be data (items:1)",
    );
}

#[test]
fn rows_that_are_all_dropped_leave_an_empty_job_for_a_table_with_data() {
    let load = known().hint("schema_contract", json!({"columns": "discard_row"}));
    let outcome = load.run(r#"{"a":1,"b":2}"#).expect("tables");
    assert_eq!(outcome.normalized.rows.get("t"), Some(&0));
}
