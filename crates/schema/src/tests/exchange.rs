//! Exported and imported files.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::schema;
use crate::{ExchangeFormat, ImportError, Schema, follow_import, yaml};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/schema")
        .join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_that_dlt_exported_has_the_hash_that_it_says() {
    let schema = Schema::from_export(&fixture("shop.schema.yaml"), ExchangeFormat::Yaml).unwrap();
    assert_eq!((schema.version, schema.previous_hashes.len()), (1, 0));
    assert_eq!(
        schema.tables["orders"].columns["note"].hints["x-odd"][0],
        "no"
    );
    assert_eq!(
        schema.tables["no"].hints["x-two"]["a"],
        json!([1, {"b": null}])
    );
}

#[test]
fn an_exported_file_is_read_as_the_same_schema() {
    let schema = Schema::from_export(&fixture("shop.schema.yaml"), ExchangeFormat::Yaml).unwrap();
    for format in [ExchangeFormat::Yaml, ExchangeFormat::Json] {
        let text = schema.to_export(format);
        assert_eq!(Schema::from_export(&text, format).unwrap(), schema);
    }
    insta::assert_snapshot!(schema.to_export(ExchangeFormat::Yaml));
}

#[test]
fn an_edited_file_replaces_what_is_stored_once() {
    let tables = json!({"users": {"columns": {"id": {"data_type": "bigint"}}, "resource": "users",
        "write_disposition": "append"}});
    let file = schema(&tables).to_export(ExchangeFormat::Yaml);
    let import = |stored: Option<Schema>, file: &str| {
        follow_import(
            stored,
            Schema::from_export(file, ExchangeFormat::Yaml).unwrap(),
        )
    };
    let first = import(None, &file);
    assert!(first.is_replaced);
    let mut stored = first.schema;
    stored.tables["users"].mark_seen_data();
    stored.bump();
    assert_eq!(stored.version, 2);

    let unchanged = import(Some(stored.clone()), &file);
    assert!(!unchanged.is_replaced);
    assert_eq!(unchanged.schema, stored);

    let edited = file.replace(
        "data_type: bigint\n    resource: users",
        "data_type: text\n    resource: users",
    );
    assert_ne!(edited, file, "{file}");
    let replaced = import(Some(stored.clone()), &edited);
    assert!(replaced.is_replaced);
    assert_eq!(replaced.schema.version, 2);
    assert!(!replaced.schema.tables["users"].has_seen_data());
    assert_eq!(
        replaced.schema.previous_hashes[0],
        stored.version_hash.unwrap()
    );
    assert!(!import(Some(replaced.schema), &edited).is_replaced);
}

#[test]
fn marks_of_runs_are_left_out_of_files_to_import() {
    let tables = json!({"t": {"columns": {"a": {"x-normalizer": {"k": 1}}}, "x-loader": {}}});
    let mut schema = schema(&tables);
    schema.tables["t"].mark_seen_data();
    let text = schema
        .without_processing_hints()
        .to_export(ExchangeFormat::Yaml);
    assert!(!text.contains("x-"), "{text}");
}

#[test]
fn what_is_wrong_with_a_file_is_placed() {
    let error = |text: &str| match yaml::parse(text) {
        Err(error) => error.to_string(),
        Ok(value) => value.to_string(),
    };
    let texts = [
        "a: 1\na: 2",
        "a: [1,",
        "? [a]\n: 1",
        "a: 1\n---\nb: 2",
        "a: &x [*x]",
        &"[".repeat(200),
        "a: *gone",
    ];
    insta::assert_snapshot!(texts.map(error).join("\n"));
    let import = Schema::from_export("{", ExchangeFormat::Json).unwrap_err();
    assert!(matches!(import, ImportError::Json(_)), "{import}");
    assert!(Schema::from_export("", ExchangeFormat::Yaml).is_err());
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]\n");
    for (last, next) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        text += &format!(
            "{next}: &{next} [{}]\n",
            vec![format!("*{last}"); 10].join(", ")
        );
    }
    assert!(yaml::parse(&text).unwrap_err().problem.contains("values"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(yes|no|null|[0-9._+-]{1,6}|~|=|<<)".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let entries = prop::collection::btree_map("[ -~]{0,8}", inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            entries.prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn yaml_is_read_as_it_was_written(value in any_value()) {
        let text = yaml::to_text(&value);
        prop_assert_eq!(yaml::parse(&text), Ok(value), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r"[a-c:\-\[\]{}&*'#?|> \n\t%!]{0,40}") {
        let _ = yaml::parse(&text);
    }
}
