//! What a client reads back: catalog, stored schemas, states, receipts; and what a reader cannot do.

use std::time::Duration;

use tipple_destination::{Client, Destination as _, LoadJob, SystemNames, Target, pack_document};
use tipple_destination_duckdb::{DuckDb, DuckDbSettings, Location};
use tipple_schema::{Schema, Table};

use crate::support::{NOW, Shop, ints, job, schema, table, texts};

fn state_table() -> Table {
    table(
        "_dlt_pipeline_state",
        None,
        "append",
        "version bigint!\nengine_version bigint!\npipeline_name text!\nstate text!\n\
         created_at timestamp!\nversion_hash text\n_dlt_load_id text! precision=64\n\
         _dlt_id text! unique row_key",
    )
}

fn shop_schema() -> Schema {
    schema([
        state_table(),
        table("t", None, "append", "id bigint!\nwhen timestamp"),
    ])
}

fn state(load_id: &str, version: i64, document: &str) -> LoadJob {
    let packed = pack_document(document);
    job(
        "_dlt_pipeline_state",
        vec![
            ("version", ints([version])),
            ("engine_version", ints([4])),
            ("pipeline_name", texts(["shop"])),
            ("state", texts([packed.as_str()])),
            ("created_at", texts(["2024-01-02T03:04:05.000006+00:00"])),
            ("version_hash", texts(["h"])),
            ("_dlt_load_id", texts([load_id])),
            ("_dlt_id", texts(["x"])),
        ],
    )
}

#[tokio::test]
async fn a_new_database_has_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let names = SystemNames::default();
    for file in ["shop.duckdb", "ds.duckdb"] {
        let duckdb = DuckDb::at(folder.path().join(file));
        let mut client = duckdb.connect(&duckdb.dataset_names("ds")).await.unwrap();
        assert!(!client.dataset_exists(Target::Final).await.unwrap());
        assert_eq!(
            client.read_catalog(Target::Final, &[]).await.unwrap(),
            Default::default()
        );
        assert!(
            !client
                .has_schema_version(Target::Staging, &names, "h")
                .await
                .unwrap()
        );
        assert_eq!(client.read_stored_schema(&names, None).await.unwrap(), None);
        assert_eq!(client.read_state(&names, "shop").await.unwrap(), None);
        assert!(!client.has_receipt(&names, "1.1").await.unwrap());
    }
}

#[tokio::test]
async fn the_newest_state_of_a_complete_load_is_read() {
    let duckdb = DuckDb::in_memory();
    let names = SystemNames::default();
    let shop = Shop::new(&duckdb, shop_schema());
    shop.load("10.1", vec![state("10.1", 1, r#"{"n":1}"#)])
        .await
        .unwrap();
    shop.load("10.3", vec![state("10.3", 2, r#"{"n":2}"#)])
        .await
        .unwrap();
    shop.load(
        "10.2",
        vec![state("10.9", 3, r#"{"n":"of no complete load"}"#)],
    )
    .await
    .unwrap();
    let mut client = shop.client().await;
    let stored = client.read_state(&names, "shop").await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.document.as_str()),
        (2, r#"{"n":2}"#)
    );
    assert_eq!(
        (stored.created_at, stored.load_id.as_str()),
        (1_704_164_645_000_006, "10.3")
    );
    assert_eq!(client.read_state(&names, "other").await.unwrap(), None);
    assert!(client.has_receipt(&names, "10.2").await.unwrap());
    assert!(!client.has_receipt(&names, "10.9").await.unwrap());
}

#[tokio::test]
async fn stored_schemas_and_the_catalog_are_read() {
    let duckdb = DuckDb::in_memory();
    let names = SystemNames::default();
    let mut shop = Shop::new(&duckdb, shop_schema());
    shop.load("1.1", vec![]).await.unwrap();
    shop.hash = "hash 2".into();
    shop.schema.version = 3;
    shop.load("1.2", vec![]).await.unwrap();
    let mut client = shop.client().await;
    let stored = client
        .read_stored_schema(&names, Some("shop"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.version, stored.version_hash.as_str()),
        (3, "hash 2")
    );
    assert_eq!((stored.inserted_at, stored.document.as_str()), (NOW, "{}"));
    assert_eq!(
        client
            .read_stored_schema(&names, Some("other"))
            .await
            .unwrap(),
        None
    );
    assert!(
        client
            .has_schema_version(Target::Final, &names, "hash 1")
            .await
            .unwrap()
    );
    let catalog = client
        .read_catalog(Target::Final, &["T", "absent"])
        .await
        .unwrap();
    let columns: Vec<String> = catalog.tables["t"]
        .iter()
        .map(|column| format!("{} {} {}", column.name, column.column_type, column.nullable))
        .collect();
    assert_eq!(
        columns,
        ["id BIGINT false", "when TIMESTAMP WITH TIME ZONE true"]
    );
    assert_eq!(catalog.tables.len(), 1);
}

/// A file with one table of one row, closed, and a secret in a file beside it.
async fn filled(folder: &std::path::Path) -> DuckDb {
    let duckdb = DuckDb::at(folder.join("shop.duckdb"));
    let shop = Shop::new(&duckdb, shop_schema());
    shop.load("1.1", vec![job("t", vec![("id", ints([7]))])])
        .await
        .unwrap();
    std::fs::write(folder.join("secret.csv"), "canary\n1\n").unwrap();
    duckdb
}

async fn reader(duckdb: &DuckDb) -> Box<dyn Client> {
    duckdb
        .connect_read_only(&duckdb.dataset_names("ds"))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_reader_reads() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = filled(folder.path()).await;
    let mut client = reader(&duckdb).await;
    assert!(
        client
            .has_receipt(&SystemNames::default(), "1.1")
            .await
            .unwrap()
    );
    let batches = client
        .query("SELECT id FROM ds.t ORDER BY id")
        .await
        .unwrap();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        1
    );
    let error = client.query("SELECT nothing FROM ds.t").await.unwrap_err();
    assert_eq!(error.code(), "destination.query");
    client.query("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_reader_can_do_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = filled(folder.path()).await;
    let (secret, out) = (folder.path().join("secret.csv"), folder.path().join("out"));
    let (secret, out) = (secret.display(), out.display());
    let mut client = reader(&duckdb).await;
    for hostile in [
        "INSERT INTO ds.t (id) VALUES (1)".to_owned(),
        "UPDATE ds.t SET id = 1".to_owned(),
        "DELETE FROM ds.t".to_owned(),
        "DROP TABLE ds.t".to_owned(),
        "CREATE TABLE ds.x (a INT)".to_owned(),
        format!("SELECT * FROM read_csv('{secret}')"),
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM read_text('{secret}')"),
        format!("SELECT * FROM read_blob('{secret}')"),
        format!("WITH a AS (SELECT * FROM read_csv('{secret}')) SELECT * FROM a"),
        format!("SELECT (SELECT count(*) FROM read_csv('{secret}'))"),
        format!("SELECT * FROM ds.t, LATERAL (SELECT * FROM read_text('{secret}'))"),
        "SELECT * FROM glob('/*')".to_owned(),
        format!("COPY ds.t TO '{out}'"),
        format!("COPY (SELECT 1) TO '{out}' (FORMAT parquet)"),
        format!("EXPORT DATABASE '{out}'"),
        format!("ATTACH '{out}' AS other"),
        format!("IMPORT DATABASE '{out}'"),
        "INSTALL httpfs".to_owned(),
        "LOAD httpfs".to_owned(),
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')".to_owned(),
        "SET enable_external_access = true".to_owned(),
        "SET lock_configuration = false".to_owned(),
        "RESET enable_external_access".to_owned(),
        "PRAGMA enable_external_access = true".to_owned(),
        format!("PRAGMA enable_profiling = 'json'; PRAGMA profiling_output = '{out}'"),
        format!("SET profiling_output = '{out}'"),
        format!("SET log_query_path = '{out}'"),
        format!("CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b', SCOPE 's3://{out}')"),
        "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')".to_owned(),
        format!("SELECT 1; COPY (SELECT 1) TO '{out}'"),
        "SELECT getenv('HOME')".to_owned(),
    ] {
        let result = client.query(&hostile).await;
        assert!(result.is_err(), "{hostile} was allowed: {result:?}");
    }
    assert!(!folder.path().join("out").exists());
    let batches = client.query("SELECT id FROM ds.t").await.unwrap();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        1
    );
}

#[tokio::test]
async fn a_reader_does_not_make_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = DuckDb::at(folder.path().join("none.duckdb"));
    let error = duckdb
        .connect_read_only(&duckdb.dataset_names("ds"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), "destination.undefined");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_reader_waits_for_no_load_of_the_same_process() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = filled(folder.path()).await;
    let writer = duckdb.connect(&duckdb.dataset_names("ds")).await.unwrap();
    let error = duckdb
        .connect_read_only(&duckdb.dataset_names("ds"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), "destination.locked");
    drop(writer);
    reader(&duckdb).await.query("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn settings_of_the_connection_are_applied() {
    let mut settings = DuckDbSettings::new(Location::Memory);
    settings
        .global_config
        .insert("default_null_order".into(), "nulls_first".into());
    settings
        .local_config
        .insert("search_path".into(), "main".into());
    settings
        .pragmas
        .push("disable_checkpoint_on_shutdown".into());
    settings
        .statements
        .push("CREATE MACRO main.twice(x) AS x * 2".into());
    settings.session_timezone = Some("Europe/Berlin".into());
    settings.threads = Some(1);
    settings.memory_bytes_max = Some(64 << 20);
    settings.lock_wait = Duration::ZERO;
    let duckdb = DuckDb::new(settings);
    let shop = Shop::new(&duckdb, shop_schema());
    let sql = "SELECT twice(21)::BIGINT, current_setting('default_null_order')::VARCHAR, \
               current_setting('TimeZone'), current_setting('threads')::BIGINT, \
               current_setting('max_memory')";
    assert_eq!(
        shop.rows(sql).await,
        "42 | NULLS_FIRST | Europe/Berlin | 1 | 64.0 MiB"
    );
}

#[tokio::test]
async fn times_are_stored_in_utc_whatever_the_time_zone_of_the_session() {
    let mut settings = DuckDbSettings::new(Location::Memory);
    settings.session_timezone = Some("Asia/Tokyo".into());
    let duckdb = DuckDb::new(settings);
    let shop = Shop::new(&duckdb, shop_schema());
    shop.load("1.1", vec![]).await.unwrap();
    let micros = shop
        .rows("SELECT epoch_us(inserted_at) FROM ds._dlt_loads")
        .await;
    assert_eq!(micros, NOW.to_string());
}
