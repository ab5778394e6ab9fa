//! How rows get in: append and replace.

use serde_json::{Value, json};
use tipple_destination::Target;

use crate::lab::{Lab, Setup, of_rows};

pub(super) fn append(lab: &Lab) {
    let resource = json!({"name": "t"});
    lab.load(&resource, &[json!({"id": 1}), json!({"id": 2})]);
    lab.load(&resource, &[json!({"id": 2})]);
    lab.expect("t", "id", &["1", "2", "2"]);
}

pub(super) fn append_nested(lab: &Lab) {
    let row = json!({"id": 1, "items": [
        {"sku": "a", "notes": ["x", "y"]},
        {"sku": "b"},
    ]});
    lab.load(&json!({"name": "orders"}), &[row]);
    lab.load(
        &json!({"name": "orders"}),
        &[json!({"id": 2, "items": [{"sku": "c", "notes": ["z"]}]})],
    );
    lab.expect(
        "orders__items",
        "sku _dlt_list_idx",
        &["a | 0", "b | 1", "c | 0"],
    );
    lab.expect(
        "orders__items__notes",
        "value _dlt_list_idx",
        &["x | 0", "y | 1", "z | 0"],
    );
    let parents = lab.rows("orders", "_dlt_id");
    let mut pointers = lab.rows("orders__items", "_dlt_parent_id");
    pointers.dedup();
    assert_eq!(pointers, parents);
}

/// Two replaced loads with children, the second without, and a third with children again.
fn replace(lab: &Lab, setup: &Setup) {
    let resource = json!({"name": "orders", "write_disposition": "replace"});
    let first = [
        json!({"id": 1, "tags": ["a", "b"]}),
        json!({"id": 2, "tags": ["c"]}),
    ];
    setup.load(&resource, &first);
    setup.load(&resource, &[json!({"id": 3})]);
    lab.expect("orders", "id", &["3"]);
    assert_eq!(lab.count(Target::Final, "orders__tags"), 0);
    setup.load(
        &resource,
        &[json!({"id": 4, "tags": ["d"]}), json!({"id": 5})],
    );
    lab.expect("orders", "id", &["4", "5"]);
    lab.expect("orders__tags", "value", &["d"]);
}

fn by(lab: &Lab, strategy: &str) -> Setup {
    lab.setup()
        .with(|settings| settings.replace_strategy = Some(strategy.to_owned()))
}

pub(super) fn replace_truncate_and_insert(lab: &Lab) {
    replace(lab, &by(lab, "truncate-and-insert"));
}

pub(super) fn replace_insert_from_staging(lab: &Lab) {
    replace(lab, &by(lab, "insert-from-staging"));
}

pub(super) fn replace_staging_optimized(lab: &Lab) {
    replace(lab, &by(lab, "staging-optimized"));
}

pub(super) fn replace_by_nothing(lab: &Lab) {
    let resource = json!({"name": "orders", "write_disposition": "replace"});
    lab.load(&resource, &[json!({"id": 1, "tags": ["a"]})]);
    lab.load(&resource, &[]);
    assert_eq!(lab.count(Target::Final, "orders"), 0);
    assert_eq!(lab.count(Target::Final, "orders__tags"), 0);
}

pub(super) fn replace_grows_a_column(lab: &Lab) {
    let setup = by(lab, "insert-from-staging");
    let resource = json!({"name": "t", "write_disposition": "replace"});
    setup.load(&resource, &[json!({"id": 1})]);
    setup.load(&resource, &[json!({"id": 2, "name": "new"})]);
    lab.expect("t", "id name", &["2 | new"]);
}

pub(super) fn three_dispositions_in_one_load(lab: &Lab) {
    let load = |events: Value, rates: Value, users: Value| {
        let resources = vec![
            of_rows(&json!({"name": "events"}), &[events]),
            of_rows(
                &json!({"name": "rates", "write_disposition": "replace"}),
                &[rates],
            ),
            of_rows(
                &json!({"name": "users", "write_disposition": "merge", "primary_key": "id"}),
                &[users],
            ),
        ];
        lab.setup().run(resources, &Default::default()).unwrap();
    };
    load(
        json!({"n": 1}),
        json!({"c": "EUR"}),
        json!({"id": 1, "name": "Ada"}),
    );
    load(
        json!({"n": 2}),
        json!({"c": "USD"}),
        json!({"id": 1, "name": "Ada L."}),
    );
    lab.expect("events", "n", &["1", "2"]);
    lab.expect("rates", "c", &["USD"]);
    lab.expect("users", "id name", &["1 | Ada L."]);
}
