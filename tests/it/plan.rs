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
            "\"version\": 2,\n  \"pipeline",
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

/// Changes tables as somebody would who knows SQL and nothing of loads.
fn by_hand(place: &Place, sql: &str) {
    let database = duckdb::Connection::open(place.path("elsewhere.duckdb")).unwrap();
    database.execute_batch(sql).unwrap();
}

#[test]
fn what_was_changed_by_hand_is_found_and_mended() {
    let place = loaded();
    by_hand(
        &place,
        "ALTER TABLE shop.orders DROP COLUMN customer;
         ALTER TABLE shop.orders ADD COLUMN seen_by VARCHAR;
         ALTER TABLE shop.orders__items ALTER sku TYPE INTEGER USING 1",
    );
    check("drift_plan", &told(&place, "plan shop.yaml -q"));
    check("drift_plan_md", &told(&place, "plan shop.yaml -q -o md"));
    check("drift_doctor", &told(&place, "doctor"));
    check("drift_run", &told(&place, "run shop.yaml -q"));

    by_hand(
        &place,
        "ALTER TABLE shop.orders__items ALTER sku TYPE VARCHAR",
    );
    check(
        "drift_pending",
        &told(&place, "plan shop.yaml -q --out plan.json"),
    );
    let applied = told(
        &place,
        "apply plan.json --destination duckdb:elsewhere.duckdb",
    );
    assert!(!applied.contains("exit code"), "{applied}");
    let ended = told(&place, "run shop.yaml -q");
    assert!(!ended.contains("exit code"), "{ended}");
    check("drift_after", &told(&place, "doctor shop"));
}

#[test]
fn a_refresh_is_planned_and_left_to_the_run() {
    let place = loaded();
    let plan = "plan shop.yaml -q --refresh";
    check(
        "plan_drop",
        &told(&place, &format!("{plan} drop_resources")),
    );
    check("plan_empty", &told(&place, &format!("{plan} drop_data")));
    let out = format!("{plan} drop_data --out plan.json");
    check("plan_refresh_out", &told(&place, &out));
    check("plan_nothing_refreshed", &told(&place, "plan shop.yaml -q"));
}

#[test]
fn schemas_are_compared_wherever_they_are() {
    let place = loaded();
    told(&place, "schema pin shop");
    let first = place.load_id("elsewhere.duckdb", "shop");
    place.write("orders.jsonl", format!("{ORDERS}{MORE}"));
    told(&place, "run shop.yaml -q");
    let lock = "schemas/shop.lock.yaml";
    let diff = |a: &str, b: &str| told(&place, &format!("schema diff {a} {b} --pipeline shop"));
    check("schema_diff", &diff(lock, "destination"));
    check(
        "schema_diff_json",
        &told(&place, &format!("schema diff {lock} {lock} -o json")),
    );
    assert!(diff("local", "destination").contains("no changes"));
    assert!(diff(&first, lock).contains("no changes"));
    check("schema_diff_load", &diff("1000000000.5", "local"));
    check(
        "schema_diff_word",
        &told(&place, "schema diff local destination"),
    );
    check(
        "schema_diff_no_file",
        &told(&place, "schema diff nothing.yaml local"),
    );
}

#[test]
fn the_doctor_tells_what_waits_and_what_others_can_read() {
    let place = loaded();
    std::fs::create_dir_all(place.path(".dlt")).unwrap();
    place.write(
        ".dlt/secrets.toml",
        "[sources.shop]\napi_key = \"CANARY\"\n",
    );
    let pipelines = place.path("data").join("pipelines");
    let newest = pipelines.join("shop/load/loaded");
    std::fs::create_dir_all(newest.join("9999999999.5")).unwrap();
    check("doctor_findings", &told(&place, "doctor --offline"));
    check("doctor_json", &told(&place, "doctor --offline -o json"));
    check("doctor_nobody", &told(&place, "doctor shpo"));
    place.write(".dlt/secrets.toml", "[sources.shop\n");
    check("doctor_settings", &told(&place, "doctor"));
    std::fs::remove_file(place.path(".dlt/secrets.toml")).unwrap();
    std::fs::remove_file(place.path("elsewhere.duckdb")).unwrap();
    check("doctor_no_dataset", &told(&place, "doctor"));
}

const WIDENING: &str = "
dataset: shop
destination: duckdb:elsewhere.duckdb
on_type_change: widen
files:
  resources:
    - { name: orders, path: orders.jsonl, write_disposition: append }
";

/// Rows of a table as they are in the database, in order of `id`.
fn rows(place: &Place, columns: &str) -> String {
    let database = duckdb::Connection::open(place.path("elsewhere.duckdb")).unwrap();
    let sql = format!(
        "SELECT string_agg(concat_ws(' ', {columns}), ', ' ORDER BY id::DOUBLE) FROM shop.orders"
    );
    database.query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_column_widens_in_place_and_keeps_every_value() {
    let place = Place::new();
    place.write("shop.yaml", WIDENING);
    place.write(
        "orders.jsonl",
        "{\"id\":1,\"price\":1,\"code\":7,\"big\":9007199254740993,\"items\":[{\"qty\":1}]}\n",
    );
    told(&place, "run shop.yaml -q");
    place.write(
        "orders.jsonl",
        "{\"id\":2,\"price\":2,\"code\":8,\"big\":3}
{\"id\":3,\"price\":3.5,\"code\":\"x9\",\"big\":0.5,\"items\":[{\"qty\":2.5}]}
{\"id\":4,\"price\":4,\"code\":1.5}
",
    );
    check("widen_plan", &told(&place, "plan shop.yaml -q"));
    check("widen_run", &told(&place, "run shop.yaml"));
    assert_eq!(
        rows(&place, "id, price, code, big, big__v_double"),
        "1 1.0 7 9007199254740993, 2 2.0 8 3, 3 3.5 x9 0.5, 4 4.0 1.5"
    );
    check("widen_after", &told(&place, "plan shop.yaml -q"));
    assert!(told(&place, "doctor").contains("0 errors, 0 warnings"));
}

#[test]
fn a_merged_table_widens_with_its_staging_table() {
    let place = Place::new();
    let merged = WIDENING.replace("append }", "merge, primary_key: id }");
    place.write("shop.yaml", merged);
    place.write(
        "orders.jsonl",
        "{\"id\":1,\"price\":1}\n{\"id\":2,\"price\":2}\n",
    );
    told(&place, "run shop.yaml -q");
    place.write(
        "orders.jsonl",
        "{\"id\":2,\"price\":2.5}\n{\"id\":3,\"price\":3}\n",
    );
    let ended = told(&place, "run shop.yaml -q");
    assert!(!ended.contains("exit code"), "{ended}");
    assert_eq!(rows(&place, "id, price"), "1 1.0, 2 2.5, 3 3.0");
}

#[test]
fn a_type_change_can_be_refused() {
    let place = Place::new();
    place.write("shop.yaml", WIDENING.replace("widen", "refuse"));
    place.write("orders.jsonl", "{\"id\":1,\"price\":1}\n");
    told(&place, "run shop.yaml -q");
    place.write("orders.jsonl", "{\"id\":2,\"price\":\"much\",\"new\":1}\n");
    check("refuse_run", &told(&place, "run shop.yaml -q"));
    place.write("orders.jsonl", "{\"id\":2,\"price\":3,\"new\":1}\n");
    let ended = told(&place, "run shop.yaml -q");
    assert!(!ended.contains("exit code"), "{ended}");
    place.write("shop.yaml", WIDENING.replace("widen", "widne"));
    check("type_change_word", &told(&place, "run shop.yaml -q"));
}

#[test]
fn a_locked_schema_renames_and_drops() {
    let place = loaded();
    told(&place, "schema pin shop");
    let lock = place.path("schemas").join("shop.lock.yaml");
    let text = std::fs::read_to_string(&lock).unwrap();
    let renamed = text.replace(
        "      customer:\n",
        "      buyer:\n        renamed_from: customer\n",
    );
    let renamed = renamed.replace(
        "  orders__items:\n",
        "  orders__items:\n    dropped: true\n",
    );
    assert_ne!(renamed, text);
    std::fs::write(&lock, &renamed).unwrap();
    place.write("orders.jsonl", "{\"id\":3,\"buyer\":\"Cy\"}\n");
    check("rename_plan", &told(&place, "plan shop.yaml -q --locked"));
    check("rename_run", &told(&place, "run shop.yaml -q --locked"));
    assert_eq!(rows(&place, "id, buyer"), "1 Ada, 2 Bob, 3 Cy");
    check("rename_after", &told(&place, "plan shop.yaml -q --locked"));

    let dropped = renamed.replace("renamed_from: customer", "dropped: true");
    std::fs::write(&lock, dropped).unwrap();
    place.write("orders.jsonl", "{\"id\":4}\n");
    told(&place, "plan shop.yaml -q --locked --out plan.json");
    check(
        "drop_apply",
        &told(
            &place,
            "apply plan.json --destination duckdb:elsewhere.duckdb",
        ),
    );
    check("drop_run", &told(&place, "run shop.yaml -q --locked"));

    // It comes back and goes again, which gives a schema that the destination has stored before.
    place.write("orders.jsonl", "{\"id\":5,\"buyer\":\"Dee\"}\n");
    told(&place, "run shop.yaml -q");
    place.write("orders.jsonl", "{\"id\":6}\n");
    let ended = told(&place, "run shop.yaml -q --locked");
    assert!(!ended.contains("exit code"), "{ended}");
    let columns = place.database_dump("elsewhere.duckdb", "shop")["tables"]["orders"].to_string();
    assert!(!columns.contains("buyer"), "{columns}");
    assert!(told(&place, "doctor").contains("0 errors, 0 warnings"));

    std::fs::write(
        &lock,
        renamed.replace("renamed_from: customer", "renamed_from: [a]"),
    )
    .unwrap();
    check("rename_wrong", &told(&place, "run shop.yaml -q --locked"));
    std::fs::write(
        &lock,
        renamed.replace("renamed_from: customer", "renamed_from: id"),
    )
    .unwrap();
    check("rename_twice", &told(&place, "run shop.yaml -q --locked"));
}
