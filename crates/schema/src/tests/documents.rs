//! Documents: hashes, upgrades, and that nothing is lost.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{cases, schema};
use crate::{Schema, document_hash, is_document_intact};

#[test]
fn hashes_are_those_of_dlt() {
    let cases = cases("golden/schema_hash.jsonl");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let hash = document_hash(case["schema"].as_object().unwrap());
        assert_eq!(hash, case["out"].as_str().unwrap());
    }
}

#[test]
fn a_new_schema_is_that_of_dlt() {
    let mut schema = Schema::new("abc", "snake_case").unwrap();
    assert!(schema.bump());
    assert_eq!(schema.version, 1);
    let hash = "yQszpbV1YfXQ+t5UKqKWgvXuMgrGnzP68RQfAQa4NPI=";
    assert_eq!(schema.version_hash.as_deref(), Some(hash));
    assert!(!schema.bump());
}

#[test]
fn documents_of_old_engines_are_upgraded_as_dlt_does_it() {
    for case in cases("schema/engines.jsonl") {
        let schema = Schema::from_document(&case["in"]).unwrap();
        let upgraded = schema.to_document();
        let hash = document_hash(upgraded.as_object().unwrap());
        if hash != document_hash(case["out"].as_object().unwrap()) {
            pretty_assertions(&upgraded, &case["out"]);
        }
    }
}

#[track_caller]
fn pretty_assertions(left: &Value, right: &Value) {
    let text = |value: &Value| {
        let mut value = value.clone();
        value.sort_all_objects();
        serde_json::to_string_pretty(&value).unwrap()
    };
    assert_eq!(text(left), text(right));
}

#[test]
fn a_newer_engine_is_refused() {
    let mut document = Schema::new("abc", "snake_case").unwrap().to_document();
    document["engine_version"] = json!(12);
    let error = Schema::from_document(&document).unwrap_err();
    insta::assert_snapshot!(error, @"schema `abc` was stored by engine 12, but this program reads engines up to 11: a newer version of tipple or dlt has loaded this dataset");
}

#[test]
fn what_is_wrong_with_a_document_is_named() {
    let valid = Schema::new("abc", "snake_case").unwrap().to_document();
    let error = |path: &str, value: Value| {
        let mut document = valid.clone();
        *document.pointer_mut(path).unwrap() = value;
        Schema::from_document(&document).unwrap_err().to_string()
    };
    let errors = [
        error("", json!(1)),
        error("/name", json!("")),
        error("/version", json!("x")),
        error("/tables", json!([])),
        error("/previous_hashes", json!([1])),
        error("/tables", json!({})),
        error("/settings", json!(3)),
        error("/normalizers/names", json!("mine")),
        error("/tables/_dlt_loads", json!(1)),
        error("/tables/_dlt_loads/columns/status/data_type", json!("int")),
        error("/tables/_dlt_loads/columns/status/nullable", json!("no")),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_changed_document_is_noticed() {
    let mut schema = Schema::new("abc", "snake_case").unwrap();
    schema.bump();
    let mut document = schema.to_document();
    assert!(is_document_intact(document.as_object().unwrap()));
    document["settings"]["detections"] = json!([]);
    assert!(!is_document_intact(document.as_object().unwrap()));
}

#[test]
fn a_save_counts_changes_and_remembers_ten_hashes() {
    let mut schema = Schema::new("abc", "snake_case").unwrap();
    schema.bump();
    let first = schema.version_hash.clone().unwrap();
    for load in 0..12 {
        schema.description = Some(load.to_string());
        assert!(schema.bump());
    }
    assert_eq!(schema.version, 13);
    assert_eq!(schema.previous_hashes.len(), 10);
    assert!(!schema.previous_hashes.contains(&first));
}

#[test]
fn unknown_properties_survive() {
    let mut document = schema(&json!({
        "t": {
            "columns": {"c": {"data_type": "text", "precision": null, "x-mine": {"a": [1]}}},
            "write_disposition": "append", "resource": "t", "x-mine": 1.5, "schema_contract": null,
        },
        "t__k": {"columns": {}, "parent": "t"},
    }))
    .to_document();
    document["new_property"] = json!({"z": 1, "a": 2});
    document["settings"]["new_setting"] = json!(true);
    document["settings"]["detections"] = json!("odd");
    let mut read = Schema::from_document(&document).unwrap().to_document();
    for name in ["t", "t__k"] {
        document["tables"][name]["name"] = json!(name);
    }
    document["tables"]["t"]["columns"]["c"]["name"] = json!("c");
    read.sort_all_objects();
    document.sort_all_objects();
    pretty_assertions(&read, &document);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z-]{1,5}", inner), 0..4)
                .prop_map(|entries| entries.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn any_column() -> impl Strategy<Value = Value> {
    let typed = (
        prop::option::of(prop::sample::select(&crate::DataType::ALL[..])),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::option::of(any::<i64>())),
    );
    (
        typed,
        prop::collection::vec(("x-[a-z]{1,3}", any_json()), 0..3),
    )
        .prop_map(|(typed, hints)| {
            let (data_type, nullable, precision) = typed;
            let mut column: Map<String, Value> = hints.into_iter().collect();
            data_type.map(|word| column.insert("data_type".into(), word.as_str().into()));
            nullable.map(|is_nullable| column.insert("nullable".into(), is_nullable.into()));
            precision.map(|digits| column.insert("precision".into(), digits.into()));
            column.into()
        })
}

proptest! {
    #[test]
    fn reading_what_was_written_changes_nothing(
        columns in prop::collection::vec(("[a-z]{1,3}", any_column()), 0..5),
        hints in prop::collection::vec(("x-[a-z]{1,3}", any_json()), 0..3),
        other in prop::collection::vec(("y[a-z]{1,3}", any_json()), 0..3),
    ) {
        let mut document = schema(&json!({"t": {"write_disposition": "skip", "resource": "r"}})).to_document();
        let table = document["tables"]["t"].as_object_mut().unwrap();
        table.insert("columns".into(), columns.into_iter().collect::<Map<_, _>>().into());
        table.extend(hints);
        document.as_object_mut().unwrap().extend(other);

        let read = Schema::from_document(&document).unwrap();
        let written = read.to_document();
        prop_assert_eq!(&Schema::from_document(&written).unwrap(), &read);
        for (property, value) in document["tables"]["t"].as_object().unwrap() {
            if property != "columns" {
                prop_assert_eq!(&written["tables"]["t"][property], value);
            }
        }
        for (name, column) in document["tables"]["t"]["columns"].as_object().unwrap() {
            for (property, value) in column.as_object().unwrap() {
                prop_assert_eq!(&written["tables"]["t"]["columns"][name][property], value);
            }
        }
    }

    #[test]
    fn no_document_makes_the_reader_panic(document in any_json()) {
        let _ = Schema::from_document(&document);
        let mut wrapped = Schema::new("abc", "snake_case").unwrap().to_document();
        wrapped["tables"]["t"] = document.clone();
        wrapped["settings"] = document;
        for engine in 1..=11 {
            wrapped["engine_version"] = json!(engine);
            let _ = Schema::from_document(&wrapped);
        }
    }
}
