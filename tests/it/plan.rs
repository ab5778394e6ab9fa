//! Migrations that are read before they run, and schemas that are locked.

use crate::cli::{check, told};
use crate::program::Place;

const ORDERS: &str = r#"{"id":1,"customer":"Ada","items":[{"sku":"a"}]}
{"id":2,"customer":"Bob","items":[]}
"#;

/// Brings a column, a column of a child table, and a value that does not fit.
const MORE: &str = r#"{"id":"x-3","customer":"Cy","note":"late","items":[{"sku":"b","qty":2}]}
"#;

const PIPELINE: &str = "
dataset: shop
destination: duckdb:elsewhere.duckdb
files:
  resources:
    - { name: orders, path: orders.jsonl, write_disposition: append }
";

fn place() -> Place {
    let place = Place::new();
    place.write("orders.jsonl", ORDERS);
    place.write("shop.yaml", PIPELINE);
    place
}

fn loaded() -> Place {
    let place = place();
    let ended = told(&place, "run shop.yaml -q");
    assert!(!ended.contains("exit code"), "{ended}");
    place
}

#[test]
fn a_plan_shows_what_would_change_and_changes_nothing() {
    let place = place();
    check("plan_first", &told(&place, "plan shop.yaml -q"));
    assert!(!place.path("elsewhere.duckdb").exists());
    told(&place, "run shop.yaml -q");
    check("plan_nothing", &told(&place, "plan shop.yaml -q"));
    place.write("orders.jsonl", format!("{ORDERS}{MORE}"));
    check("plan_changes", &told(&place, "plan shop.yaml -q"));
    check("plan_changes_md", &told(&place, "plan shop.yaml -q -o md"));
    check(
        "plan_changes_json",
        &told(&place, "plan shop.yaml -q -o json"),
    );
    let columns = "SELECT column_name FROM information_schema.columns";
    let columns = crate::cli::told_words(&place, &["query", "shop", columns, "-o", "csv"]);
    assert!(!columns.contains("note"), "{columns}");
}

#[test]
fn a_plan_is_applied_as_it_was_read_or_not_at_all() {
    let place = loaded();
    place.write("orders.jsonl", format!("{ORDERS}{MORE}"));
    told(&place, "plan shop.yaml -q --out plan.json");
    // The settings say another database than the pipeline file did: nothing may be made or changed there.
    check("apply_elsewhere", &told(&place, "apply plan.json"));
    assert!(!place.path("shop.duckdb").exists());
    let apply = "apply plan.json --destination duckdb:elsewhere.duckdb";
    check("apply", &told(&place, apply));
    let columns = place.database_dump("elsewhere.duckdb", "shop")["tables"]["orders"].to_string();
    assert!(columns.contains("note"), "{columns}");
    check("apply_stale", &told(&place, apply));
    check("plan_after_apply", &told(&place, "plan shop.yaml -q"));
    let ended = told(&place, "run shop.yaml -q");
    assert!(!ended.contains("exit code"), "{ended}");

    place.write("broken.json", "{\"version\": 1");
    check("apply_no_plan", &told(&place, "apply broken.json"));
    let plan = std::fs::read_to_string(place.path("plan.json")).unwrap();
    place.write(
        "newer.json",
        plan.replace(
            "\"version\": 1,\n  \"pipeline",
            "\"version\": 9,\n  \"pipeline",
        ),
    );
    check("apply_newer", &told(&place, "apply newer.json"));
}

#[test]
fn a_locked_schema_refuses_what_it_does_not_have() {
    let place = loaded();
    check("not_locked", &told(&place, "run shop.yaml -q --locked"));
    check("pin", &told(&place, "schema pin shop"));
    let ended = told(&place, "run shop.yaml -q --locked");
    assert!(!ended.contains("exit code"), "{ended}");
    place.write("orders.jsonl", format!("{ORDERS}{MORE}"));
    let before = place.database_dump("elsewhere.duckdb", "shop");
    check("locked", &told(&place, "run shop.yaml -q --locked"));
    check("locked_plan", &told(&place, "plan shop.yaml -q --locked"));
    assert_eq!(place.database_dump("elsewhere.duckdb", "shop"), before);
    check("pin_nothing", &told(&place, "schema pin shpo"));
}

#[test]
fn a_plan_names_the_dataset_that_rows_pass_through() {
    let place = place();
    let merged = PIPELINE.replace("append }", "merge, primary_key: id }");
    place.write("shop.yaml", merged);
    check("plan_staged", &told(&place, "plan shop.yaml -q"));
}
