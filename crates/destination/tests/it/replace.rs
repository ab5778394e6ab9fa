//! Replacing tables with each strategy.

use tipple_destination::SqlDialect;
use tipple_destination::dialect::{DuckDb, Postgres, Snowflake};

use crate::support::{World, schema, table};

fn world(strategy: &str, dialect: &'static dyn SqlDialect) -> World {
    let mut world = World::new(schema([
        table("o", None, "replace", "id bigint\n_dlt_id text!"),
        table("o__t", Some("o"), "", "value text\n_dlt_id text!"),
    ]));
    world.settings.replace_strategy = Some(strategy.parse().unwrap());
    world.dialect = dialect;
    world
}

#[test]
fn truncate_and_insert_empties_the_whole_chain() {
    insta::assert_snapshot!(world("truncate-and-insert", &DuckDb).load(&["o"]).unwrap());
}

#[test]
fn insert_from_staging_copies_rows() {
    insta::assert_snapshot!(
        world("insert-from-staging", &DuckDb)
            .load(&["o", "o__t"])
            .unwrap()
    );
}

#[test]
fn the_staging_dataset_can_be_emptied_afterwards() {
    let mut world = world("insert-from-staging", &DuckDb);
    world.settings.truncate_staging = true;
    let plan = world.load(&["o"]).unwrap();
    let cleanup: Vec<&str> = plan
        .cleanup
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect();
    assert_eq!(
        cleanup,
        [
            r#"DELETE FROM "ds_staging"."o""#,
            r#"DELETE FROM "ds_staging"."o__t""#
        ]
    );
}

#[test]
fn staging_optimized_moves_or_clones_tables() {
    insta::assert_snapshot!(
        "postgres",
        world("staging-optimized", &Postgres).follow_ups(&["o"])
    );
    insta::assert_snapshot!(
        "snowflake",
        world("staging-optimized", &Snowflake).follow_ups(&["o"])
    );
}

#[test]
fn a_strategy_that_the_destination_lacks_is_refused() {
    insta::assert_snapshot!(world("staging-optimized", &DuckDb).follow_ups(&["o"]), @"schema `shop` cannot be loaded into duckdb: table `o` cannot be replaced by `staging-optimized`; the destination has `truncate-and-insert`, `insert-from-staging`");
}
