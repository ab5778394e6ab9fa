//! Names of tables, columns and datasets.

use serde_json::{Map, Value, json};
use tipple_destination::Target;

use crate::lab::{Lab, Setup};

fn direct(lab: &Lab) -> Setup {
    lab.setup()
        .with(|settings| settings.naming = Some("direct".to_owned()))
}

pub(super) fn names_in_snake_case(lab: &Lab) {
    let row = json!({"CustomerName": 1, "e-mail (home)": 2, "2nd": 3, "Ärger": 4});
    lab.load(&json!({"name": "Order Items"}), &[row]);
    assert_eq!(lab.tables(Target::Final), ["order_items"]);
    lab.expect(
        "order_items",
        "customer_name e_mail_homex _2nd _rger",
        &["1 | 2 | 3 | 4"],
    );
}

pub(super) fn names_as_they_are(lab: &Lab) {
    let names = [
        "Mixed Case",
        "back\\slash",
        "tick`s",
        "dot.ted",
        "100%",
        "日本語",
    ];
    let fields = names
        .iter()
        .enumerate()
        .map(|(index, name)| ((*name).to_owned(), json!(index)));
    let row = Value::Object(Map::from_iter(fields));
    let resource =
        json!({"name": "The Table", "write_disposition": "merge", "primary_key": "Mixed Case"});
    direct(lab).load(&resource, std::slice::from_ref(&row));
    direct(lab).load(&resource, &[row]);
    assert_eq!(lab.tables(Target::Final), ["the table"]);
    for (index, name) in names.iter().enumerate() {
        assert_eq!(
            lab.rows_of("The Table", &[name]),
            [index.to_string()],
            "{name}"
        );
    }
}

pub(super) fn reserved_words(lab: &Lab) {
    let row = |v: i64| {
        json!({"select": 1, "from": v, "table": v, "order": v, "user": v, "group": v, "primary": v,
               "timestamp": v, "values": [v]})
    };
    let resource = json!({"name": "order", "write_disposition": "merge", "primary_key": "select"});
    lab.load(&resource, &[row(1)]);
    lab.load(&resource, &[row(2)]);
    lab.expect(
        "order",
        "select from table order user group primary timestamp",
        &["1 | 2 | 2 | 2 | 2 | 2 | 2 | 2"],
    );
    lab.expect("order__values", "value", &["2"]);
}

pub(super) fn names_that_are_too_long(lab: &Lab) {
    let capabilities = lab.destination().capabilities();
    let limit = capabilities
        .column_identifier_len_max
        .min(capabilities.identifier_len_max);
    let start = "x".repeat(limit);
    let (first, second) = (format!("{start}_one"), format!("{start}_two"));
    let row = Map::from_iter([(first, json!(1)), (second, json!(2))]);
    lab.load(&json!({"name": "t"}), &[Value::Object(row)]);
    let columns = lab.columns("t");
    let long: Vec<&String> = columns
        .iter()
        .filter(|name| name.starts_with('x'))
        .collect();
    assert_eq!(long.len(), 2);
    assert!(long.iter().all(|name| name.chars().count() <= limit));
    lab.expect("t", &format!("{} {}", long[0], long[1]), &["1 | 2"]);
}

pub(super) fn names_that_differ_by_case(lab: &Lab) {
    let rows = [json!({"id": 1, "ID": 2})];
    let error = direct(lab)
        .try_load(&json!({"name": "t"}), &rows)
        .unwrap_err();
    assert!(
        error.to_string().contains("same name at the destination"),
        "{error}"
    );
    assert_eq!(lab.tables(Target::Final), [""; 0]);
}

pub(super) fn names_that_differ_by_case_alone(lab: &Lab) {
    direct(lab).load(&json!({"name": "t"}), &[json!({"id": 1, "ID": 2})]);
    lab.expect("t", "id ID", &["1 | 2"]);
}

pub(super) fn dataset_with_capitals(lab: &Lab) {
    let mut setup = lab.setup();
    let plain = setup.options.dataset_name.clone().unwrap();
    setup.options.dataset_name = Some(plain.replace('_', " ").to_uppercase());
    setup.load(&json!({"name": "t"}), &[json!({"id": 1})]);
    lab.expect("t", "id", &["1"]);
}
