//! The statements that bring a dataset to a schema, per destination.

use tipple_destination::dialect::{BigQuery, Databricks, DuckDb, Postgres, Redshift, Snowflake};
use tipple_destination::{
    Catalog, ColumnChanges, MigrationRequest, SqlDialect, StoredColumn, Target, staging_schema,
};
use tipple_schema::Schema;

use crate::support::{World, schema, table};

const DIALECTS: [&dyn SqlDialect; 6] = [
    &DuckDb,
    &Postgres,
    &Redshift,
    &BigQuery,
    &Snowflake,
    &Databricks,
];

fn shop() -> Schema {
    schema([
        table(
            "orders",
            None,
            "append",
            "id bigint! primary_key\nat timestamp\nprice decimal precision=10 scale=2\nhint ?\n\
             raw json\n_dlt_load_id text!\n_dlt_id text! unique row_key",
        ),
        table(
            "orders__tags",
            Some("orders"),
            "",
            "value text\n_dlt_id text! unique row_key",
        ),
        table("unused", None, "append", "id bigint"),
    ])
}

fn catalog(tables: &[(&str, &[&str])]) -> Catalog {
    let columns = |names: &[&str]| {
        let column = |name: &&str| StoredColumn {
            name: (*name).to_owned(),
            column_type: "VARCHAR".to_owned(),
            nullable: true,
        };
        names.iter().map(column).collect()
    };
    let tables = tables
        .iter()
        .map(|(name, names)| ((*name).to_owned(), columns(names)));
    Catalog {
        exists: true,
        tables: tables.collect(),
    }
}

const VERSION: (&str, &[&str]) = (
    "_dlt_version",
    &[
        "version",
        "engine_version",
        "inserted_at",
        "schema_name",
        "version_hash",
        "schema",
    ],
);
const LOADS: (&str, &[&str]) = (
    "_dlt_loads",
    &[
        "load_id",
        "schema_name",
        "status",
        "inserted_at",
        "schema_version_hash",
    ],
);

fn snapshot_all(case: &str, catalog: &Catalog) {
    for dialect in DIALECTS {
        let mut world = World::new(shop());
        world.dialect = dialect;
        let plan = world
            .migration(catalog, &["orders", "orders__tags"])
            .unwrap();
        insta::assert_snapshot!(format!("{}__{case}", dialect.name()), plan);
    }
}

#[test]
fn the_first_load_makes_everything() {
    snapshot_all("first_load", &Catalog::default());
}

#[test]
fn a_new_child_table_and_new_columns_are_added() {
    let orders: (&str, &[&str]) = ("orders", &["id", "_dlt_load_id", "_dlt_id"]);
    snapshot_all("add_columns", &catalog(&[VERSION, LOADS, orders]));
}

#[test]
fn tables_that_have_everything_only_get_the_version() {
    let orders: (&str, &[&str]) = (
        "ORDERS",
        &[
            "ID",
            "at",
            "price",
            "raw",
            "_dlt_load_id",
            "_dlt_id",
            "other",
        ],
    );
    let plan = World::new(shop())
        .migration(
            &catalog(&[VERSION, LOADS, orders, ("unused", &["x"])]),
            &["orders"],
        )
        .unwrap();
    insta::assert_snapshot!(plan, @r#"
    -- the version of the schema is not stored yet
    INSERT INTO "ds"."_dlt_version"("version", "engine_version", "inserted_at", "schema_name", "version_hash", "schema") VALUES (?, ?, ?, ?, ?, ?); -- values: 2 11 1795291809234917µs shop hash {"version":2}
    "#);
}

fn request<'a>(world: &'a World, catalog: &'a Catalog, tables: &'a [&'a str]) -> Request<'a> {
    Request {
        version: world.version(),
        catalog,
        tables,
    }
}

struct Request<'a> {
    version: tipple_destination::SchemaVersion,
    catalog: &'a Catalog,
    tables: &'a [&'a str],
}

impl Request<'_> {
    fn stored(&self) -> MigrationRequest<'_> {
        MigrationRequest {
            target: Target::Final,
            version: &self.version,
            tables: self.tables,
            catalog: self.catalog,
            is_stored: true,
            drop_tables: &[],
            changes: ColumnChanges::NONE,
            force: false,
        }
    }
}

#[test]
fn nothing_is_done_when_the_version_is_stored() {
    let (world, catalog) = (World::new(shop()), catalog(&[VERSION, LOADS]));
    let request = request(&world, &catalog, &["orders"]);
    assert!(world.migration_of(&request.stored()).unwrap().is_empty());
}

#[test]
fn a_forced_migration_looks_at_the_tables_and_writes_no_version() {
    let (world, catalog) = (World::new(shop()), catalog(&[VERSION, LOADS]));
    let request = request(&world, &catalog, &["orders__tags"]);
    let forced = MigrationRequest {
        force: true,
        ..request.stored()
    };
    insta::assert_snapshot!(world.migration_of(&forced).unwrap(), @r#"
    -- the table is not there
    CREATE TABLE "ds"."orders__tags" (
        "value" VARCHAR,
        "_dlt_id" VARCHAR NOT NULL
    );
    "#);
}

#[test]
fn dropped_tables_take_the_stored_versions_with_them() {
    let world = World::new(shop());
    let catalog = catalog(&[
        VERSION,
        LOADS,
        ("orders__tags", &["value"]),
        ("old", &["x"]),
    ]);
    let request = request(&world, &catalog, &["orders__tags"]);
    let drop_tables = ["orders__tags", "old"];
    let dropping = MigrationRequest {
        drop_tables: &drop_tables,
        changes: ColumnChanges::NONE,
        ..request.stored()
    };
    insta::assert_snapshot!(world.migration_of(&dropping).unwrap(), @r#"
    -- a refresh or the locked schema drops the table
    DROP TABLE IF EXISTS "ds"."old";
    -- a refresh or the locked schema drops the table
    DROP TABLE IF EXISTS "ds"."orders__tags";
    -- stored versions end with what is dropped or renamed
    DELETE FROM "ds"."_dlt_version" WHERE "schema_name" = ?; -- values: shop
    -- the table is not there
    CREATE TABLE "ds"."orders__tags" (
        "value" VARCHAR,
        "_dlt_id" VARCHAR NOT NULL
    );
    -- the version of the schema is not stored yet
    INSERT INTO "ds"."_dlt_version"("version", "engine_version", "inserted_at", "schema_name", "version_hash", "schema") VALUES (?, ?, ?, ?, ?, ?); -- values: 2 11 1795291809234917µs shop hash {"version":2}
    "#);
}

#[test]
fn the_staging_dataset_has_only_staged_tables_and_versions() {
    let mut schema = shop();
    schema.tables["orders"]
        .hints
        .insert("write_disposition".into(), "merge".into());
    let world = World::new(schema);
    let trimmed = staging_schema(&world.context());
    assert_eq!(
        trimmed.tables.keys().collect::<Vec<_>>(),
        ["_dlt_version", "_dlt_loads", "orders", "orders__tags"]
    );
    let catalog = Catalog::default();
    let staged = world.context().staged_tables();
    let request = request(&world, &catalog, &staged);
    let staging = MigrationRequest {
        target: Target::Staging,
        is_stored: false,
        ..request.stored()
    };
    let plan = world.migration_of(&staging).unwrap();
    assert_eq!(
        plan.added.keys().collect::<Vec<_>>(),
        ["_dlt_version", "orders", "orders__tags"]
    );
    assert!(
        plan.statements
            .iter()
            .all(|statement| statement.sql.contains("ds_staging"))
    );
}

#[test]
fn unique_becomes_a_constraint_where_settings_ask_for_it() {
    let mut world = World::new(shop());
    world.settings.create_indexes = Some(true);
    let plan = world
        .migration(&Catalog::default(), &["orders__tags"])
        .unwrap();
    assert!(
        plan.to_string()
            .contains(r#""_dlt_id" VARCHAR UNIQUE NOT NULL"#),
        "{plan}"
    );
}

#[test]
fn a_long_document_is_packed_only_where_it_does_not_fit() {
    let world = |dialect: &'static dyn SqlDialect| {
        let mut world = World::new(shop());
        world.dialect = dialect;
        world
    };
    let stored = |world: &World| {
        let catalog = Catalog::default();
        let mut request = request(world, &catalog, &[]);
        request.version.document = format!(r#"{{"long":"{}"}}"#, "x".repeat(70_000));
        let first = MigrationRequest {
            is_stored: false,
            ..request.stored()
        };
        let plan = world.migration_of(&first).unwrap();
        let insert = plan.statements.last().unwrap().clone();
        match insert.params.last() {
            Some(tipple_destination::Param::Text(text)) => text.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stored(&world(&DuckDb)), 70_011);
    assert!(stored(&world(&Redshift)) < 500);
}

#[test]
fn added_columns_that_may_fail_or_lose_their_hint_are_told() {
    let mut world = World::new(schema([table(
        "t",
        None,
        "append",
        "a bigint\nb text! unique\nc timestamp precision=3",
    )]));
    world.dialect = &DuckDb;
    let plan = world
        .migration(&catalog(&[VERSION, LOADS, ("t", &["a"])]), &["t"])
        .unwrap();
    let warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    column `b` with NOT NULL is added to table `t`; this fails if the table has rows
    column `b` with hint `unique` is added to table `t`, which is there already; the hint may have no effect
    column `c` of table `t` has both a time zone and a precision; the precision is ignored unless `timezone` is false
    ");
}

#[test]
fn all_columns_without_a_type_are_named() {
    let mut world = World::new(schema([table(
        "t",
        None,
        "append",
        "a bigint precision=128\nb timestamp precision=9\nc text",
    )]));
    world.dialect = &Postgres;
    let error = world.migration(&Catalog::default(), &["t"]).unwrap_err();
    insta::assert_snapshot!(error, @r"
    schema `shop` cannot be loaded into postgres
    - column `a` of table `t`: postgres has no type for `bigint` with precision 128: at most 64 bits
    - column `b` of table `t`: postgres has no type for `timestamp` with precision 9: at most 6 fraction digits
    ");
}
