//! The statements of each merge strategy with each of its options.

use serde_json::json;
use tipple_destination::dialect::Postgres;
use tipple_schema::{Schema, Table};

use crate::support::{World, schema, table};

const CHILD: &str = "value text\n_dlt_root_id text! root_key\n_dlt_parent_id text! parent_key\n\
    _dlt_list_idx bigint!\n_dlt_id text! unique row_key";

fn root(columns: &str) -> Table {
    let system = "_dlt_load_id text!\n_dlt_id text! unique row_key";
    table("o", None, "merge", &format!("{columns}\n{system}"))
}

fn with(mut table: Table, hints: &[(&str, serde_json::Value)]) -> Table {
    for (hint, value) in hints {
        table.hints.insert((*hint).to_owned(), value.clone());
    }
    table
}

fn strategy(table: Table, strategy: &str) -> Table {
    with(table, &[("x-merge-strategy", json!(strategy))])
}

fn alone(root: Table) -> String {
    World::new(schema([root])).follow_ups(&["o"])
}

fn with_child(root: Table) -> String {
    World::new(chain(root)).follow_ups(&["o", "o__t"])
}

fn chain(root: Table) -> Schema {
    schema([root, table("o__t", Some("o"), "", CHILD)])
}

#[test]
fn delete_insert_by_primary_key() {
    insta::assert_snapshot!(alone(root("id bigint! primary_key\nv text")));
}

#[test]
fn delete_insert_by_both_kinds_of_keys() {
    insta::assert_snapshot!(alone(root(
        "id bigint! primary_key\nat timestamp primary_key\nday date merge_key"
    )));
}

#[test]
fn delete_insert_without_keys_adds_rows() {
    insta::assert_snapshot!(alone(root("v text")));
}

#[test]
fn delete_insert_with_everything() {
    insta::assert_snapshot!(alone(root(
        "id bigint! primary_key\nat timestamp dedup_sort=desc\ndel bool hard_delete"
    )));
}

#[test]
fn delete_insert_of_a_chain() {
    insta::assert_snapshot!(with_child(root("id bigint! primary_key\nv text")));
}

#[test]
fn delete_insert_of_a_chain_with_everything() {
    insta::assert_snapshot!(with_child(root(
        "id bigint! primary_key\nat timestamp dedup_sort=desc\ndel bool hard_delete"
    )));
}

#[test]
fn delete_insert_of_a_chain_by_merge_key_with_hard_delete() {
    insta::assert_snapshot!(with_child(root(
        "day date merge_key\ndel timestamp hard_delete"
    )));
}

#[test]
fn delete_insert_of_a_chain_without_keys() {
    insta::assert_snapshot!(with_child(root("v text")));
}

#[test]
fn delete_insert_of_deduplicated_rows() {
    let root = root("id bigint! primary_key\nv text");
    insta::assert_snapshot!(with_child(with(
        root,
        &[("x-stage-data-deduplicated", json!(true))]
    )));
}

#[test]
fn delete_insert_of_filtered_rows() {
    let root = root("id bigint! primary_key\nv bigint");
    let root = with(root, &[("x-merge-source-filter", json!("v > 1"))]);
    insta::assert_snapshot!("alone", alone(root.clone()));
    insta::assert_snapshot!("chain", with_child(root));
}

#[test]
fn delete_insert_in_a_scope() {
    let scope = "day >= (SELECT min(day) FROM {staging_table}) AND {table}.kind <> '{{x}}'";
    let root = with(
        root("id bigint! primary_key\nday date merge_key\nkind text"),
        &[("x-merge-destination-scope", json!(scope))],
    );
    insta::assert_snapshot!(with_child(root));
}

#[test]
fn delete_insert_on_postgres() {
    let mut world = World::new(chain(root(
        "id bigint! primary_key\nat timestamp dedup_sort=desc",
    )));
    world.dialect = &Postgres;
    insta::assert_snapshot!(world.follow_ups(&["o", "o__t"]));
}

#[test]
fn a_direct_child_without_root_key_is_found_by_its_parent() {
    let child = CHILD.replace("_dlt_root_id text! root_key\n", "");
    let tables = [
        root("id bigint! primary_key"),
        table("o__t", Some("o"), "", &child),
    ];
    let statements = World::new(schema(tables)).follow_ups(&["o", "o__t"]);
    assert!(
        statements.contains(r#"WHERE "_dlt_parent_id" IN (SELECT * FROM"#),
        "{statements}"
    );
}

#[test]
fn a_deeper_child_without_root_key_cannot_be_merged() {
    let child = CHILD.replace("_dlt_root_id text! root_key\n", "");
    let tables = [
        root("id bigint! primary_key"),
        table("o__t", Some("o"), "", CHILD),
        table("o__t__x", Some("o__t"), "", &child),
    ];
    insta::assert_snapshot!(World::new(schema(tables)).follow_ups(&["o", "o__t", "o__t__x"]), @"schema `shop` cannot be loaded into duckdb: table `o__t__x` has no root key (`_dlt_root_id`) that leads to table `o`; load it once with write disposition `merge` from the start, or set `root_key`");
}

#[test]
fn upsert() {
    let root = root("id bigint! primary_key\nv text");
    insta::assert_snapshot!("upsert_alone", alone(strategy(root.clone(), "upsert")));
    insta::assert_snapshot!("upsert_chain", with_child(strategy(root, "upsert")));
}

#[test]
fn upsert_with_hard_delete_and_filter() {
    let root = root("id bigint! primary_key\nv text\ndel bool hard_delete");
    let root = with(
        strategy(root, "upsert"),
        &[("x-merge-source-filter", json!("v IS NOT NULL"))],
    );
    insta::assert_snapshot!(with_child(root));
}

#[test]
fn upsert_of_changed_rows_only() {
    let root = root("id bigint! primary_key\nv text\nw double\ndel bool hard_delete");
    let hints = [("x-merge-skip-unchanged-rows", json!(true))];
    insta::assert_snapshot!(with_child(with(strategy(root, "upsert"), &hints)));
}

#[test]
fn upsert_of_rows_with_another_version_only() {
    let root = root("id bigint! primary_key\nv text\nversion text! x-row-version");
    let hints = [("x-merge-skip-unchanged-rows", json!(true))];
    insta::assert_snapshot!(alone(with(strategy(root, "upsert"), &hints)));
}

#[test]
fn insert_only() {
    let root = root("id bigint! primary_key\nv text\ndel bool hard_delete");
    let hints = [("x-merge-source-filter", json!("ignored"))];
    insta::assert_snapshot!(with_child(with(strategy(root, "insert-only"), &hints)));
}

#[test]
fn cdc() {
    let root = root("id bigint! primary_key\nv text\ndel bool hard_delete");
    insta::assert_snapshot!(with_child(strategy(root, "cdc")));
}

#[test]
fn cdc_in_partitions() {
    let root = root("id bigint! primary_key\nsub bigint! primary_key\npart text merge_key");
    let hints = [("x-merge-source-filter", json!("id > 0"))];
    insta::assert_snapshot!(
        "cdc_merge_key",
        with_child(with(strategy(root.clone(), "cdc"), &hints))
    );
    let hints = [("x-merge-destination-scope", json!("part = 'x'"))];
    insta::assert_snapshot!("cdc_scope", alone(with(strategy(root, "cdc"), &hints)));
}

fn history(more: &str) -> Table {
    let columns = format!(
        "_dlt_valid_from timestamp x-valid-from\n_dlt_valid_to timestamp x-valid-to\n{more}\n\
         _dlt_load_id text!\n_dlt_id text! unique row_key x-row-version"
    );
    strategy(table("o", None, "merge", &columns), "scd2")
}

#[test]
fn scd2() {
    insta::assert_snapshot!(with_child(history("id bigint\nv text")));
}

#[test]
fn scd2_with_merge_keys() {
    insta::assert_snapshot!("scd2_merge_key", alone(history("id bigint merge_key")));
    insta::assert_snapshot!(
        "scd2_merge_keys",
        alone(history("a bigint merge_key\nb text merge_key"))
    );
}

#[test]
fn scd2_with_times_scope_and_filter() {
    let mut root = with(
        history("id bigint"),
        &[
            ("x-boundary-timestamp", json!("2024-08-21T12:15:00+00:00")),
            ("x-merge-destination-scope", json!("id < 10")),
            ("x-merge-source-filter", json!("id > 0")),
        ],
    );
    let to = root.columns.get_mut("_dlt_valid_to").unwrap();
    to.hints.insert(
        "x-active-record-timestamp".into(),
        json!("9999-12-31T00:00:00+00:00"),
    );
    let child = CHILD.replace("_dlt_root_id text! root_key\n", "");
    let tables = [
        root,
        table("o__t", Some("o"), "", &child),
        table("o__t__x", Some("o__t"), "", &child),
    ];
    insta::assert_snapshot!(World::new(schema(tables)).follow_ups(&["o", "o__t", "o__t__x"]));
}

#[test]
fn scd2_with_a_version_column_of_the_user() {
    let columns = "_dlt_valid_from timestamp x-valid-from\n_dlt_valid_to timestamp x-valid-to\n\
        hash text x-row-version\n_dlt_load_id text!\n_dlt_id text! unique row_key";
    let root = strategy(table("o", None, "merge", columns), "scd2");
    insta::assert_snapshot!(with_child(root));
}

#[test]
fn names_of_temporary_tables_fit_the_destination() {
    let name = "a".repeat(63);
    let mut root = root("id bigint! primary_key");
    root.name = name.clone();
    let mut child = table("c", Some("x"), "", CHILD);
    child.parent = Some(name.clone());
    let mut world = World::new(schema([root, child]));
    world.dialect = &Postgres;
    let plan = world.load(&[&name, "c"]).unwrap();
    let create = plan.follow_ups[0].statements[0].sql.clone();
    let temporary = create.split('"').nth(1).unwrap();
    assert_eq!(temporary.len(), 63, "{create}");
}

#[test]
fn a_chain_is_merged_with_tables_that_get_no_rows_but_not_with_those_that_never_had_any() {
    let mut never = table("o__u", Some("o"), "", CHILD);
    never.hints.clear();
    let tables = [
        root("id bigint! primary_key"),
        table("o__t", Some("o"), "", CHILD),
        never,
    ];
    let plan = World::new(schema(tables)).load(&["o"]).unwrap();
    let text = plan.to_string();
    assert!(text.contains("o__t") && !text.contains("o__u"), "{text}");
}
