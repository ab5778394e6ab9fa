//! Append and replace from the first load on.

use tipple_destination_duckdb::DuckDb;

use crate::support::{Shop, ints, job, schema, table, texts};

const COLOURS: &str = "id bigint\nname text\n_dlt_load_id text!\n_dlt_id text! unique row_key";

fn colours(ids: &[i64]) -> tipple_destination::LoadJob {
    let count = ids.len();
    job(
        "colours",
        vec![
            ("id", ints(ids.iter().copied())),
            ("name", texts(vec!["red"; count])),
            ("_dlt_load_id", texts(vec!["1"; count])),
            ("_dlt_id", texts(vec!["x"; count])),
        ],
    )
}

#[tokio::test]
async fn appended_rows_and_their_receipt_are_there_after_the_database_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = DuckDb::at(folder.path().join("shop.duckdb"));
    let shop = Shop::new(&duckdb, schema([table("colours", None, "append", COLOURS)]));
    let receipt = shop.load("1.1", vec![colours(&[1, 2])]).await.unwrap();
    assert_eq!(receipt.rows["colours.1a2b3c4d5e"], 2);
    shop.load("1.2", vec![colours(&[3])]).await.unwrap();
    insta::assert_snapshot!(shop.rows("SELECT id, name FROM ds.colours").await, @r"
    1 | red
    2 | red
    3 | red
    ");
    let loads = "SELECT load_id, schema_name, status, inserted_at::VARCHAR, schema_version_hash FROM ds._dlt_loads";
    insta::assert_snapshot!(shop.rows(loads).await, @r"
    1.1 | shop | 0 | 2026-11-21 20:10:09.234917+00 | hash 1
    1.2 | shop | 0 | 2026-11-21 20:10:09.234917+00 | hash 1
    ");
    let versions = "SELECT version, schema_name, version_hash FROM ds._dlt_version";
    insta::assert_snapshot!(shop.rows(versions).await, @"2 | shop | hash 1");
}

#[tokio::test]
async fn the_same_load_twice_is_one() {
    let duckdb = DuckDb::in_memory();
    let shop = Shop::new(&duckdb, schema([table("colours", None, "append", COLOURS)]));
    shop.load("1.1", vec![colours(&[1])]).await.unwrap();
    let again = shop.load("1.1", vec![colours(&[1])]).await.unwrap();
    assert!(again.was_complete);
    assert_eq!(shop.rows("SELECT count(*) FROM ds.colours").await, "1");
}

#[tokio::test]
async fn replaced_tables_hold_only_the_new_rows() {
    let duckdb = DuckDb::in_memory();
    for settings in ["truncate-and-insert", "insert-from-staging"] {
        let mut shop = Shop::new(
            &duckdb,
            schema([table("colours", None, "replace", COLOURS)]),
        );
        shop.settings.replace_strategy = Some(settings.parse().unwrap());
        shop.hash = settings.to_owned();
        shop.load(&format!("{settings} 1"), vec![colours(&[1, 2])])
            .await
            .unwrap();
        shop.load(&format!("{settings} 2"), vec![colours(&[3])])
            .await
            .unwrap();
        assert_eq!(
            shop.rows("SELECT id FROM ds.colours").await,
            "3",
            "{settings}"
        );
    }
}
