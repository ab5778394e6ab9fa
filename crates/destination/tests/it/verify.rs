//! What is found before anything runs.

use serde_json::json;
use tipple_destination::dialect::{BigQuery, DuckDb, Postgres, Redshift};
use tipple_destination::{Problem, SqlDialect, verify};
use tipple_schema::{Schema, Table};

use crate::support::{World, schema, table};

/// Problems, then warnings, one a line.
fn check(schema: Schema, dialect: &'static dyn SqlDialect) -> String {
    let mut world = World::new(schema);
    world.dialect = dialect;
    let tables: Vec<&str> = world.schema.tables.keys().map(String::as_str).collect();
    let findings = verify(&world.context(), &tables);
    let problems = findings
        .problems
        .iter()
        .map(|problem| format!("{}: {problem}", problem.code()));
    let warnings = findings
        .warnings
        .iter()
        .map(|warning| format!("warning: {warning}"));
    problems.chain(warnings).collect::<Vec<_>>().join("\n")
}

fn merge(columns: &str, hints: &[(&str, serde_json::Value)]) -> Table {
    let mut table = table("t", None, "merge", columns);
    for (hint, value) in hints {
        table.hints.insert((*hint).to_owned(), value.clone());
    }
    table
}

fn on_duckdb(table: Table) -> String {
    check(schema([table]), &DuckDb)
}

#[test]
fn a_good_schema_has_no_findings() {
    let t = merge(
        "id bigint! primary_key\nat timestamp dedup_sort=desc\ndel bool hard_delete",
        &[],
    );
    assert_eq!(on_duckdb(t), "");
}

#[test]
fn names_that_are_one_at_the_destination_are_all_named() {
    let tables = || {
        schema([
            table("Orders", None, "append", "Id bigint\nid bigint\nID bigint"),
            table("orders", None, "append", "x bigint"),
        ])
    };
    insta::assert_snapshot!(check(tables(), &DuckDb), @r"
    destination.schema.name_collision: column `id` of table `Orders` and `Id` are the same name at the destination, which takes upper and lower case as the same; rename one, or use a naming convention that ignores case
    destination.schema.name_collision: column `ID` of table `Orders` and `id` are the same name at the destination, which takes upper and lower case as the same; rename one, or use a naming convention that ignores case
    destination.schema.name_collision: table `orders` of schema `shop` and `Orders` are the same name at the destination, which takes upper and lower case as the same; rename one, or use a naming convention that ignores case
    ");
    assert_eq!(check(tables(), &BigQuery), "");
}

#[test]
fn names_that_are_too_long_are_all_named() {
    let (long, longer) = ("c".repeat(64), "t".repeat(70));
    let tables = schema([table(
        &longer,
        None,
        "append",
        &format!("{long} bigint\nshort text"),
    )]);
    insta::assert_snapshot!(check(tables, &Postgres), @r"
    destination.schema.name_too_long: table `tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt` has 70 characters; the destination takes at most 63
    destination.schema.name_too_long: column `tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc` has 64 characters; the destination takes at most 63
    ");
}

#[test]
fn a_type_that_the_destination_lacks_is_a_problem() {
    insta::assert_snapshot!(on_duckdb(table("t", None, "append", "n bigint precision=256")), @"destination.schema.unsupported_type: column `n` of table `t`: duckdb has no type for `bigint` with precision 256: at most 128 bits");
}

#[test]
fn strategies_need_their_keys() {
    for strategy in ["upsert", "insert-only", "cdc"] {
        let t = merge("id bigint", &[("x-merge-strategy", json!(strategy))]);
        assert_eq!(
            on_duckdb(t),
            format!(
                "destination.schema.no_primary_key: table `t` has no primary key, which merge \
                 strategy `{strategy}` needs"
            )
        );
    }
}

#[test]
fn strategies_that_the_destination_lacks_are_refused() {
    let t = || {
        merge(
            "id bigint primary_key",
            &[("x-merge-strategy", json!("upsert"))],
        )
    };
    insta::assert_snapshot!(check(schema([t()]), &Redshift), @"destination.schema.merge_strategy: table `t` cannot be merged by `upsert`; the destination has `delete-insert`, `scd2`");
    let t = merge(
        "id bigint primary_key",
        &[("x-merge-strategy", json!("magic"))],
    );
    insta::assert_snapshot!(on_duckdb(t), @"destination.schema.merge_strategy: table `t` cannot be merged by `magic`; the destination has `delete-insert`, `upsert`, `scd2`, `insert-only`, `cdc`");
}

#[test]
fn hints_of_which_there_can_be_one_are_counted() {
    let columns = "id bigint primary_key\na bool hard_delete\nb bool hard_delete\n\
        c bigint dedup_sort=asc\nd bigint dedup_sort=desc";
    insta::assert_snapshot!(on_duckdb(merge(columns, &[])), @r"
    destination.schema.several_columns: columns `a`, `b` of table `t` have the hint `hard_delete`; only one may have it
    destination.schema.several_columns: columns `c`, `d` of table `t` have the hint `dedup_sort`; only one may have it
    ");
}

#[test]
fn conditions_are_checked_before_they_run() {
    let hints = [
        ("x-merge-source-filter", json!("a > {limit}")),
        (
            "x-merge-destination-scope",
            json!("{table}.a > {other} AND } x"),
        ),
    ];
    insta::assert_snapshot!(on_duckdb(merge("id bigint primary_key", &hints)), @r"
    destination.schema.condition: `source_filter` of table `t` is not usable: it takes no placeholders, but has `{limit}`
      condition: a > {limit}
    destination.schema.condition: `destination_scope` of table `t` is not usable: placeholder `{other}` is unknown; known are `{table}`, `{staging_table}`
      condition: {table}.a > {other} AND } x
    ");
}

#[test]
fn what_has_no_effect_is_a_warning() {
    insta::assert_snapshot!("no_keys", on_duckdb(merge("a bigint dedup_sort=asc", &[])));
    let upsert = [
        ("x-merge-strategy", json!("upsert")),
        ("x-merge-destination-scope", json!("a > 1")),
    ];
    insta::assert_snapshot!(
        "upsert",
        on_duckdb(merge("id bigint primary_key merge_key", &upsert))
    );
    let insert_only = [
        ("x-merge-strategy", json!("insert-only")),
        ("x-merge-source-filter", json!("a > 1")),
        ("x-merge-skip-unchanged-rows", json!(true)),
    ];
    let columns = "id bigint primary_key\nv text x-row-version";
    insta::assert_snapshot!("insert_only", on_duckdb(merge(columns, &insert_only)));
    let scope = [("x-merge-destination-scope", json!("a > 1"))];
    insta::assert_snapshot!("scope", on_duckdb(merge("a bigint merge_key", &scope)));
    let deduplicated = [("x-stage-data-deduplicated", json!(true))];
    let columns = "id bigint primary_key\na bigint dedup_sort=asc";
    insta::assert_snapshot!("deduplicated", on_duckdb(merge(columns, &deduplicated)));
    let append = table(
        "t",
        None,
        "append",
        "a bigint dedup_sort=asc\nb bool hard_delete",
    );
    insta::assert_snapshot!("append", on_duckdb(append));
}

#[test]
fn problems_know_the_class_that_dlt_raises() {
    let unknown = Problem::UnknownTable {
        table: "t".to_owned(),
    };
    assert_eq!(unknown.dlt_class(), "SchemaCorruptedException");
}
