//! Tables that change while they have rows, and contracts that forbid it.

use serde_json::{Value, json};
use tipple_destination::Target;

use crate::lab::{Lab, of_rows};

fn t() -> Value {
    json!({"name": "t"})
}

pub(super) fn new_column(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    lab.load(&t(), &[json!({"id": 2, "name": "new"})]);
    lab.load(&t(), &[json!({"id": 3})]);
    lab.expect("t", "id name", &["1 | ∅", "2 | new", "3 | ∅"]);
}

pub(super) fn new_columns_at_once(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let row =
        json!({"id": 2, "a": 1, "b": 1.5, "c": true, "d": "2024-01-02T00:00:00Z", "e": {"f": "x"}});
    lab.load(&t(), &[row]);
    let second = "2 | 1 | 1.5 | true | 1704153600000000 | x";
    lab.expect("t", "id a b c d e__f", &["1 | ∅ | ∅ | ∅ | ∅ | ∅", second]);
}

pub(super) fn new_table(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    lab.load(&json!({"name": "u"}), &[json!({"id": 2})]);
    assert_eq!(lab.tables(Target::Final), ["t", "u"]);
    lab.expect("u", "id", &["2"]);
}

pub(super) fn variant_column(lab: &Lab) {
    lab.load(&t(), &[json!({"v": 1})]);
    lab.load(
        &t(),
        &[json!({"v": "many"}), json!({"v": 2}), json!({"v": 1.5})],
    );
    let expected = ["1 | ∅ | ∅", "∅ | many | ∅", "2 | ∅ | ∅", "∅ | ∅ | 1.5"];
    lab.expect("t", "v v__v_text v__v_double", &expected);
}

pub(super) fn column_typed_later(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1, "note": null})]);
    assert!(!lab.columns("t").contains(&"note".to_owned()));
    lab.load(&t(), &[json!({"id": 2, "note": "x"})]);
    lab.expect("t", "id note", &["1 | ∅", "2 | x"]);
}

pub(super) fn list_comes_later(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    lab.load(&t(), &[json!({"id": 2, "l": [{"a": 1}]})]);
    lab.load(&t(), &[json!({"id": 3, "l": [{"a": 2, "m": ["x"]}]})]);
    lab.expect("t__l", "a", &["1", "2"]);
    lab.expect("t__l__m", "value", &["x"]);
}

pub(super) fn staged_table_grows(lab: &Lab) {
    let resource = json!({"name": "t", "write_disposition": "merge", "primary_key": "id"});
    lab.load(&resource, &[json!({"id": 1})]);
    lab.load(&resource, &[json!({"id": 1, "name": "new", "l": [1]})]);
    lab.load(&resource, &[json!({"id": 2, "l": [{"a": 1}]})]);
    lab.expect("t", "id name", &["1 | new", "2 | ∅"]);
    lab.expect("t__l", "value a", &["1 | ∅", "∅ | 1"]);
}

pub(super) fn not_null_column(lab: &Lab) {
    let columns = json!({"id": {"data_type": "bigint", "nullable": false}});
    lab.load(
        &json!({"name": "t", "columns": columns}),
        &[json!({"id": 1, "name": "x"})],
    );
    let catalog = lab
        .with_client(async |client| client.read_catalog(Target::Final, &["t"]).await)
        .unwrap();
    let columns = catalog.tables.values().next().unwrap();
    let nullable = |name: &str| {
        let column = columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name));
        column.unwrap().nullable
    };
    assert!(!nullable("id"));
    assert!(nullable("name"));
    assert!(!nullable("_dlt_id"));
}

fn contract(entity: &str, mode: &str) -> Value {
    json!({"name": "t", "schema_contract": {entity: mode}})
}

pub(super) fn frozen_columns(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let rows = [json!({"id": 2}), json!({"id": 3, "name": "new"})];
    let error = lab
        .setup()
        .try_load(&contract("columns", "freeze"), &rows)
        .unwrap_err();
    assert!(error.contract_violation().is_some(), "{error}");
    lab.expect("t", "id", &["1"]);
    assert!(!lab.columns("t").contains(&"name".to_owned()));
}

pub(super) fn discarded_rows(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let rows = [json!({"id": 2}), json!({"id": 3, "name": "new"})];
    lab.load(&contract("columns", "discard_row"), &rows);
    lab.expect("t", "id", &["1", "2"]);
}

pub(super) fn discarded_values(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let rows = [json!({"id": 2}), json!({"id": 3, "name": "new"})];
    lab.load(&contract("columns", "discard_value"), &rows);
    lab.expect("t", "id", &["1", "2", "3"]);
    assert!(!lab.columns("t").contains(&"name".to_owned()));
}

pub(super) fn frozen_tables(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let resource = json!({"name": "u", "schema_contract": {"tables": "freeze"}});
    let resources = vec![
        of_rows(&t(), &[json!({"id": 2})]),
        of_rows(&resource, &[json!({"id": 3})]),
    ];
    let error = lab.setup().run(resources, &Default::default()).unwrap_err();
    assert!(error.contract_violation().is_some(), "{error}");
    assert_eq!(lab.tables(Target::Final), ["t"]);
    lab.expect("t", "id", &["1"]);
}
