//! What is said when the database cannot be used.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tipple_destination::{Destination as _, DestinationError, ErrorKind};
use tipple_destination_duckdb::{DuckDb, DuckDbSettings, Location};

use crate::support::{Shop, ints, job, schema, table};

const HELD_FILE: &str = "TIPPLE_TEST_HELD_FILE";

fn duckdb(path: &Path, lock_wait: Duration) -> DuckDb {
    let mut settings = DuckDbSettings::new(Location::File(path.to_owned()));
    settings.lock_wait = lock_wait;
    DuckDb::new(settings)
}

async fn connect_error(duckdb: &DuckDb) -> DestinationError {
    duckdb
        .connect(&duckdb.dataset_names("ds"))
        .await
        .err()
        .unwrap()
}

/// Not a test of its own: the process that [`hold`] starts keeps the file open until its input ends.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the path comes from the test that starts the process"
)]
async fn holder() {
    let Some(path) = std::env::var_os(HELD_FILE) else {
        return;
    };
    let duckdb = DuckDb::at(path);
    let _client = duckdb.connect(&duckdb.dataset_names("ds")).await.unwrap();
    eprintln!("held");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Another process that holds `path`.
fn hold(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failure::holder", "--nocapture"])
        .env(HELD_FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    assert!(
        errors
            .lines()
            .map_while(Result::ok)
            .any(|line| line == "held")
    );
    child
}

#[tokio::test]
async fn a_file_held_by_another_process_names_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let mut holder = hold(&path);
    let error = connect_error(&duckdb(&path, Duration::from_millis(120))).await;
    assert_eq!(
        (error.code(), error.kind()),
        ("destination.locked", ErrorKind::Transient)
    );
    let text = error.to_string();
    assert!(text.contains(&format!("(PID {})", holder.id())), "{text}");
    let DestinationError::Locked { waited_ms, .. } = error else {
        panic!("{text}")
    };
    assert!(waited_ms >= 120, "{waited_ms}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

#[tokio::test]
async fn a_load_waits_until_another_process_lets_the_file_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let mut holder = hold(&path);
    let release = std::thread::spawn(move || {
        drop(holder.stdin.take());
        holder.wait().unwrap();
    });
    let duckdb = duckdb(&path, Duration::from_secs(60));
    duckdb.connect(&duckdb.dataset_names("ds")).await.unwrap();
    release.join().unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    std::fs::write(&path, "hello ".repeat(10_000)).unwrap();
    let error = connect_error(&DuckDb::at(&path)).await;
    assert_eq!(
        (error.code(), error.kind()),
        ("destination.corrupt", ErrorKind::Terminal)
    );
}

#[tokio::test]
async fn a_damaged_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let t = || schema([table("t", None, "append", "n bigint")]);
    let good = DuckDb::at(&path);
    let rows = job(
        "t",
        vec![("n", ints((0..100_000).map(|i| i * 7919 % 1_000_003)))],
    );
    Shop::new(&good, t()).load("1.1", vec![rows]).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length]
        .iter_mut()
        .step_by(64)
        .for_each(|byte| *byte ^= 0xff);
    std::fs::write(&path, bytes).unwrap();
    let error = match good.connect(&good.dataset_names("ds")).await {
        Ok(mut client) => client.query("SELECT sum(n) FROM ds.t").await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), "destination.corrupt", "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = connect_error(&DuckDb::at(folder.path().join("none/shop.duckdb"))).await;
    assert_eq!(
        (error.code(), error.kind()),
        ("destination.unreachable", ErrorKind::Terminal)
    );
    assert!(
        error.to_string().contains("No such file or directory"),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_opened_for_reading_cannot_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let t = || schema([table("t", None, "append", "n bigint")]);
    Shop::new(&DuckDb::at(&path), t())
        .load("1.1", vec![])
        .await
        .unwrap();
    let mut settings = DuckDbSettings::new(Location::File(path));
    settings.read_only = true;
    let duckdb = DuckDb::new(settings);
    let shop = Shop::new(&duckdb, t());
    let error = shop
        .load("1.2", vec![job("t", vec![("n", ints([1]))])])
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.kind()),
        ("destination.read_only", ErrorKind::Terminal)
    );
}

#[tokio::test]
async fn a_migration_that_fails_names_the_table_and_changes_nothing() {
    let duckdb = DuckDb::in_memory();
    let mut shop = Shop::new(&duckdb, schema([table("t", None, "append", "n bigint")]));
    shop.load("1.1", vec![job("t", vec![("n", ints([1]))])])
        .await
        .unwrap();
    let columns = "n bigint\nok text\n_dlt_root_id text!";
    shop.schema = schema([table("t", None, "append", columns)]);
    shop.hash = "hash 2".into();
    let error = shop.load("1.2", vec![]).await.unwrap_err();
    insta::assert_snapshot!(error, @"table `t` in dataset `ds` cannot be brought to schema `shop`: Constraint Error: NOT NULL constraint failed: t._dlt_root_id");
    assert_eq!(error.kind(), ErrorKind::Terminal);
    let columns = "SELECT column_name FROM duckdb_columns() WHERE table_name = 't'";
    assert_eq!(shop.rows(columns).await, "n");
    assert_eq!(
        shop.rows("SELECT version_hash FROM ds._dlt_version").await,
        "hash 1"
    );
}

#[tokio::test]
async fn too_little_memory_is_told() {
    let mut settings = DuckDbSettings::new(Location::Memory);
    settings.memory_bytes_max = Some(20 << 20);
    settings
        .global_config
        .insert("temp_directory".into(), "".into());
    let duckdb = DuckDb::new(settings);
    let shop = Shop::new(&duckdb, schema([table("t", None, "append", "n bigint")]));
    let rows = job(
        "t",
        vec![("n", ints((0..6_000_000).map(|i| i * 7919 % 1_000_003)))],
    );
    let error = shop.load("1.1", vec![rows]).await.unwrap_err();
    assert_eq!(error.code(), "destination.out_of_memory", "{error}");
}
