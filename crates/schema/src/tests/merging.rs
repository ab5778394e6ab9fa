//! Merging tables: sequences of updates that dlt made, and what holds for all of them.

use serde_json::{Value, json};

use super::{cases, schema, table};
use crate::{Schema, SchemaError, Table};

/// Column names of all data tables, in order.
fn order(tables: &Value) -> Vec<(String, Vec<String>)> {
    let columns = |table: &Value| {
        table["columns"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let tables = tables.as_object().unwrap().iter();
    tables
        .filter(|(name, _)| !name.starts_with("_dlt"))
        .map(|(name, table)| (name.clone(), columns(table)))
        .collect()
}

#[test]
fn schemas_grow_as_those_of_dlt() {
    for case in cases("schema/updates.jsonl") {
        let mut schema = Schema::new("s", "snake_case").unwrap();
        for step in case["steps"].as_array().unwrap() {
            let partial = table(&step["table"]);
            let updated = if step["is_hints"].as_bool().unwrap() {
                schema.update_table_hints(partial)
            } else {
                schema.update_table(partial)
            };
            assert_eq!(
                updated.is_err(),
                step["error"].is_string(),
                "{step} {updated:?}"
            );
        }
        let document = schema.to_document();
        assert_eq!(
            order(&document["tables"]),
            order(&case["out"]["tables"]),
            "{case}"
        );
        assert_eq!(
            document["normalizers"], case["out"]["normalizers"],
            "{case}"
        );
        for (name, table) in case["out"]["tables"].as_object().unwrap() {
            assert_eq!(document["tables"][name], *table, "{case}");
        }
        assert_eq!(
            schema.content_hash(),
            case["out"]["hash"].as_str().unwrap(),
            "{case}"
        );
    }
}

#[test]
fn a_column_that_becomes_complete_moves_to_the_end() {
    let mut schema = schema(&json!({"t": {"columns": {"b": {"primary_key": true}}}}));
    for column in ["a", "b"] {
        let partial = json!({"name": "t", "columns": {column: {"data_type": "text"}}});
        schema.update_table(table(&partial)).unwrap();
    }
    let columns: Vec<&String> = schema.tables["t"].columns.keys().collect();
    assert_eq!(columns, ["a", "b"]);
    assert!(schema.tables["t"].columns["b"].has("primary_key"));
}

#[test]
fn an_update_returns_what_it_changed() {
    let mut schema = schema(&json!({"t": {"columns": {"a": {"data_type": "text"}}}}));
    let partial = json!({"name": "t", "columns": {
        "a": {"data_type": "text"}, "b": {"data_type": "bool"},
    }});
    let applied = schema.update_table(table(&partial)).unwrap().unwrap();
    assert_eq!(applied.columns.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(schema.update_table(table(&partial)).unwrap(), None);
}

#[test]
fn a_refused_update_changes_nothing() {
    let tables = json!({"t": {"columns": {}}, "t__k": {"columns": {}, "parent": "t"}});
    let mut schema = schema(&tables);
    let before = schema.clone();
    for partial in [
        json!({"name": "t__k", "columns": {"a": {"data_type": "text"}}}),
        json!({"name": "t__k", "columns": {}, "parent": "t", "resource": "t"}),
        json!({"name": "x", "columns": {}, "parent": "nowhere"}),
        json!({"name": "t", "columns": {}, "schema_contract": {"rows": "freeze"}}),
    ] {
        schema.update_table(table(&partial)).unwrap_err();
        assert_eq!(schema, before);
    }
}

#[test]
fn tables_are_dropped_with_their_chain() {
    let mut schema = schema(&json!({
        "t": {"columns": {}, "write_disposition": "merge"},
        "t__k": {"columns": {}, "parent": "t"},
        "u": {"columns": {}},
    }));
    schema.propagate_root_keys();
    assert_eq!(
        schema.propagated_columns("t"),
        [("_dlt_id", "_dlt_root_id")]
    );
    let refused = schema.drop_tables(&["t"]).unwrap_err();
    assert!(matches!(refused, SchemaError::Orphaned { .. }), "{refused}");
    let dropped = schema.drop_tables(&["t__k", "t"]).unwrap();
    assert_eq!(
        dropped
            .iter()
            .map(|table| table.name.as_str())
            .collect::<Vec<_>>(),
        ["t__k", "t"]
    );
    assert!(schema.propagated_columns("t").is_empty());
    assert!(schema.tables.contains_key("u"));
}

#[test]
fn columns_that_become_one_are_merged() {
    let naming = crate::Naming::from_name("snake_case", None).unwrap();
    let raw = json!({"name": "MyTable", "columns": {
        "UserID": {"data_type": "text", "primary_key": true},
        "userId": {"data_type": "bigint", "nullable": true, "primary_key": false},
    }});
    let normalized = table(&raw).normalized(&naming).unwrap();
    assert_eq!(normalized.name, "my_table");
    let expected = json!({"name": "user_id", "data_type": "bigint", "primary_key": true});
    assert_eq!(
        Value::Object(normalized.columns["user_id"].to_properties()),
        expected
    );
}

#[test]
fn a_convention_that_would_rename_data_is_refused() {
    let tables = json!({"users": {"columns": {"id": {"data_type": "text"}}, "resource": "users"}});
    let mut fresh = schema(&tables);
    fresh.change_naming("direct").unwrap();
    assert_eq!(fresh.normalizers["names"], "direct");

    let mut loaded = schema(&tables);
    loaded.tables["users"].mark_seen_data();
    let error = loaded.change_naming("direct").unwrap_err();
    insta::assert_snapshot!(error, @"In schema `s`: changing the naming convention from `snake_case` to `direct` would change identifiers of table `-`, which already received data: the names of the source are not known any more. Set `schema.allow_identifier_change_on_table_with_data` to allow it; old tables and columns stay as they are");
    assert_eq!(loaded.normalizers["names"], "snake_case");

    let allow = "allow_identifier_change_on_table_with_data".to_owned();
    loaded.normalizers.insert(allow, json!(true));
    loaded.change_naming("direct").unwrap();
}

#[test]
fn chains_are_read_from_the_root_down() {
    let schema = schema(&json!({
        "a__c": {"columns": {}, "parent": "a"},
        "a": {"columns": {}, "x-merge-strategy": "scd2", "write_disposition": "merge"},
        "a__b": {"columns": {}, "parent": "a"},
        "a__c__d": {"columns": {}, "parent": "a__c"},
        "loop": {"columns": {}, "parent": "loop"},
    }));
    assert_eq!(schema.chain("a"), ["a", "a__c", "a__c__d", "a__b"]);
    assert_eq!(schema.chain("nowhere"), [""; 0]);
    assert_eq!(schema.chain("loop"), ["loop"]);
    assert_eq!(schema.root_of("a__c__d"), "a");
    assert_eq!(schema.root_of("loop"), "loop");
    assert_eq!(schema.merge_strategy("a__c__d"), Some("scd2"));
    assert_eq!(schema.inherited("a__b", "file_format"), None);
}

#[test]
fn new_columns_get_types_and_hints_by_pattern() {
    let mut schema = Schema::new("s", "snake_case").unwrap();
    schema.merge_default_hints([("primary_key".to_owned(), vec!["re:^id$".to_owned()])].into());
    schema.merge_default_hints([("primary_key".to_owned(), vec!["id".to_owned()])].into());
    schema.merge_preferred_types(
        [
            ("re:^ts_".to_owned(), "timestamp".to_owned()),
            ("re:_n$".to_owned(), "bigint".to_owned()),
        ]
        .into(),
    );
    let hints = schema.settings.default_hints.as_ref().unwrap();
    assert_eq!(hints["primary_key"], ["re:^id$"]);
    let rules = schema.hint_rules().unwrap();
    assert_eq!(
        rules.preferred_type("ts_n"),
        Some(crate::DataType::Timestamp)
    );
    assert_eq!(rules.preferred_type("x_n"), Some(crate::DataType::Bigint));
    assert_eq!(rules.preferred_type("my_ts_"), None);
    assert!(
        rules.default_hints_for("id")["primary_key"]
            .as_bool()
            .unwrap()
    );
    let row_id: Vec<String> = rules.default_hints_for("_dlt_id").keys().cloned().collect();
    assert_eq!(row_id, ["unique", "row_key"]);
    assert!(rules.has_hint("not_null", "_dlt_id"));

    schema.merge_preferred_types([("re:(?<!a)b".to_owned(), "text".to_owned())].into());
    let error = schema.hint_rules().unwrap_err().to_string();
    assert!(
        error.contains("`preferred_types`") && error.contains("(?<!a)b"),
        "{error}"
    );
}

#[test]
fn filters_exclude_what_is_not_included_again() {
    let filters = json!({"excludes": ["re:^secret", "x"], "includes": ["re:^secret_not"]});
    let schema = schema(&json!({"t": {"columns": {}, "filters": filters}}));
    let filters = schema.filters().unwrap();
    let filter = &filters["t"];
    let excluded = ["secret", "secret_not", "x", "xy"].map(|path| filter.is_excluded(path));
    assert_eq!(excluded, [true, false, true, false]);
}

#[test]
fn marks_of_the_first_load_give_way() {
    let mut table = Table::new("t");
    table.set_normalizer_mark("evolve-columns-once", true.into());
    table.set_normalizer_mark("max_nesting", 2.into());
    table.mark_seen_data();
    assert_eq!(
        table.hints["x-normalizer"],
        json!({"max_nesting": 2, "seen-data": true})
    );
}
