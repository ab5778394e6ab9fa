//! Load step of 200,000 orders (three tables, 900,000 rows, 110 MB of Arrow) into a DuckDB file, and the ways it could
//! have gone: the appender and the table function of the `duckdb` crate.
//!
//! `cargo bench -p tipple-destination-duckdb` prints wall and CPU time, the best of some runs, from opening the file to
//! closing it, checkpoint included. `LOAD_ORDERS`, `LOAD_THREADS`, `LOAD_DIR`, `LOAD_RUNS` and `LOAD_MEMORY` (bytes)
//! change the work, `LOAD_DISPOSITION=merge` loads twice. On a shared machine run it under `chrt -r 1`; the figures are in
//! docs/decisions/0007-duckdb-arrow-scan.md.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "../tests/it/support.rs"]
#[allow(dead_code)]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use duckdb::Connection;
use duckdb::vtab::arrow::{ArrowBatchRegistration, ArrowVTab};
use tipple_destination_duckdb::{DuckDb, DuckDbSettings, Location};
use tipple_schema::{Schema, Table};

use crate::support::{Shop, jobs_of, schema, table};

/// Rows of one batch, about 8 MiB, as the normalizer cuts them.
const BATCH_ROWS: usize = 38_000;

const IDS: &str = "_dlt_root_id text! root_key\n_dlt_parent_id text! parent_key\n\
    _dlt_list_idx bigint!\n_dlt_id text! unique row_key";

/// A way to load, by name.
type Way = (&'static str, fn(&Work));

struct Work {
    schema: Schema,
    tables: Vec<(&'static str, Vec<RecordBatch>)>,
    path: PathBuf,
    threads: usize,
    memory: Option<u64>,
}

fn main() {
    let setting = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let folder = tempfile::tempdir().unwrap();
    let dir = std::env::var("LOAD_DIR")
        .map(PathBuf::from)
        .unwrap_or(folder.path().to_owned());
    let disposition = std::env::var("LOAD_DISPOSITION").unwrap_or("append".to_owned());
    let work = Work {
        schema: schema(tables(&disposition)),
        tables: rows(setting("LOAD_ORDERS", 200_000) as usize),
        path: dir.join("load.duckdb"),
        threads: setting("LOAD_THREADS", 2) as usize,
        memory: Some(setting("LOAD_MEMORY", 0)).filter(|bytes| *bytes > 0),
    };
    let ways: [Way; 3] = [
        ("this crate", load),
        ("table function", table_function),
        ("appender", appender),
    ];
    let only = std::env::var("LOAD_WAY").unwrap_or_default();
    for (name, way) in ways.into_iter().filter(|(name, _)| name.contains(&only)) {
        measure(name, &work, setting("LOAD_RUNS", 5), way);
    }
}

fn measure(name: &str, work: &Work, runs: u64, way: fn(&Work)) {
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..runs {
        for suffix in ["", ".wal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", work.path.display()));
        }
        let (cpu, started) = (cpu_seconds(), Instant::now());
        way(work);
        let wall = started.elapsed().as_secs_f64();
        best = (
            f64::min(best.0, wall),
            f64::min(best.1, cpu_seconds() - cpu),
        );
    }
    let bytes = std::fs::metadata(&work.path).unwrap().len();
    println!(
        "{name:16} wall {:5.0} ms  cpu {:5.0} ms  file {:5.1} MB",
        best.0 * 1e3,
        best.1 * 1e3,
        bytes as f64 / 1e6
    );
}

/// CPU time of the process, threads that ended included, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    fields
        .get(11..13)
        .map_or(0.0, |ticks| ticks.iter().sum::<f64>() / 100.0)
}

fn load(work: &Work) {
    let mut settings = DuckDbSettings::new(Location::File(work.path.clone()));
    settings.threads = Some(work.threads);
    settings.memory_bytes_max = work.memory;
    let duckdb = DuckDb::new(settings);
    let shop = Shop::new(&duckdb, work.schema.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let is_merge = work.schema.tables["orders"].text_hint("write_disposition") == Some("merge");
    for load_id in if is_merge {
        &["1.1", "1.2"][..]
    } else {
        &["1.1"]
    } {
        let jobs = work
            .tables
            .iter()
            .map(|(name, batches)| jobs_of(name, batches.clone()));
        let started = Instant::now();
        runtime
            .block_on(shop.load(load_id, jobs.collect()))
            .unwrap();
        if is_merge {
            eprintln!(
                "  load {load_id}: {:.0} ms",
                started.elapsed().as_secs_f64() * 1e3
            );
        }
    }
}

/// Opens the file with the tables that `load` makes.
fn prepared(work: &Work) -> Connection {
    let empty = Work {
        schema: work.schema.clone(),
        tables: Vec::new(),
        path: work.path.clone(),
        threads: work.threads,
        memory: None,
    };
    load(&empty);
    let connection = open(&work.path);
    let settings = format!("SET threads = {}; USE ds; BEGIN", work.threads);
    connection.execute_batch(&settings).unwrap();
    connection
}

fn open(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn table_function(work: &Work) {
    let connection = prepared(work);
    connection
        .register_table_function::<ArrowVTab>("arrow")
        .unwrap();
    for (name, batches) in &work.tables {
        for batch in batches {
            let batch = ArrowBatchRegistration::new(batch.clone());
            let sql = format!("INSERT INTO {name} SELECT * FROM arrow(?)");
            connection.execute(&sql, [&batch]).unwrap();
        }
    }
    connection.execute_batch("COMMIT").unwrap();
    connection.close().unwrap();
}

fn appender(work: &Work) {
    let connection = prepared(work);
    for (name, batches) in &work.tables {
        let mut appender = connection.appender_to_db(name, "ds").unwrap();
        for batch in batches {
            appender.append_record_batch(batch.clone()).unwrap();
        }
        appender.flush().unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    connection.close().unwrap();
}

fn tables(disposition: &str) -> [Table; 3] {
    let orders = "id bigint primary_key\nuuid text\ncreated_at timestamp\nstatus text\ntotal double\n\
        quantity bigint\nis_gift bool\ncustomer__id bigint\ncustomer__email text\n\
        customer__address__city text\ncustomer__address__zip text\n\
        customer__address__geo__lat double\ncustomer__address__geo__lon double\nnote text\n\
        coupon__code text\ncoupon__percent bigint\n_dlt_load_id text!\n_dlt_id text! unique row_key";
    let items = format!(
        "sku text\nqty bigint\nprice double\nattributes__color text\nattributes__weight_g bigint\n{IDS}"
    );
    [
        table("orders", None, disposition, orders),
        table("orders__items", Some("orders"), "append", &items),
        table(
            "orders__tags",
            Some("orders"),
            "append",
            &format!("value text\n{IDS}"),
        ),
    ]
}

/// Numbers without a pattern (splitmix64), the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> i64 {
        (self.roll() % limit) as i64
    }

    fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn word(&mut self) -> &'static str {
        const WORDS: [&str; 15] = [
            "amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "hazel", "indigo",
            "jasper", "krill", "lotus", "maple", "nectar", "onyx",
        ];
        WORDS[self.below(15) as usize]
    }

    fn row_id(&mut self) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..14)
            .map(|_| DIGITS[self.below(64) as usize] as char)
            .collect()
    }
}

/// The three tables of `count` orders, in batches.
fn rows(count: usize) -> Vec<(&'static str, Vec<RecordBatch>)> {
    let mut dice = Dice(7);
    let ids: Vec<String> = (0..count).map(|_| dice.row_id()).collect();
    let children = |each: fn(usize) -> usize| {
        (0..count)
            .flat_map(move |i| (0..each(i)).map(move |n| (i, n)))
            .collect::<Vec<_>>()
    };
    vec![
        ("orders", cut(orders(&ids, &mut dice))),
        (
            "orders__items",
            cut(items(&ids, &children(|i| 1 + i % 3), &mut dice)),
        ),
        (
            "orders__tags",
            cut(tags(&ids, &children(|i| i % 4), &mut dice)),
        ),
    ]
}

fn cut(rows: RecordBatch) -> Vec<RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(BATCH_ROWS);
    starts
        .map(|at| rows.slice(at, BATCH_ROWS.min(rows.num_rows() - at)))
        .collect()
}

fn int(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn double(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn text(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn orders(ids: &[String], dice: &mut Dice) -> RecordBatch {
    let count = 0..ids.len();
    let statuses = ["paid", "open", "void", "refunded"];
    let micros = |i: usize| 1_767_225_600_000_000 + i as i64 * 86_417_000_000 % 31_536_000_000_000;
    let note = |i: usize, dice: &mut Dice| {
        i.is_multiple_of(5)
            .then(|| (0..12).map(|_| dice.word()).collect::<Vec<_>>().join(" "))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", int(count.clone().map(|i| i as i64))),
        (
            "uuid",
            text(
                count
                    .clone()
                    .map(|_| format!("{:016x}{:016x}", dice.roll(), dice.roll())),
            ),
        ),
        (
            "created_at",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(count.clone().map(micros))
                    .with_timezone("UTC"),
            ),
        ),
        (
            "status",
            text(
                count
                    .clone()
                    .map(|_| statuses[dice.below(4) as usize].to_owned()),
            ),
        ),
        (
            "total",
            double(count.clone().map(|_| dice.below(100_000) as f64 / 100.0)),
        ),
        ("quantity", int(count.clone().map(|_| 1 + dice.below(49)))),
        (
            "is_gift",
            Arc::new(BooleanArray::from_iter(
                count.clone().map(|_| Some(dice.below(10) == 0)),
            )),
        ),
        (
            "customer__id",
            int(count.clone().map(|_| 1 + dice.below(100_000))),
        ),
        (
            "customer__email",
            text(
                count
                    .clone()
                    .map(|i| format!("{}.{}{}@example.com", dice.word(), dice.word(), i % 9973)),
            ),
        ),
        (
            "customer__address__city",
            text(count.clone().map(|_| dice.word().to_owned())),
        ),
        (
            "customer__address__zip",
            text(count.clone().map(|_| format!("{:05}", dice.below(99_999)))),
        ),
        (
            "customer__address__geo__lat",
            double(count.clone().map(|_| dice.share() * 180.0 - 90.0)),
        ),
        (
            "customer__address__geo__lon",
            double(count.clone().map(|_| dice.share() * 360.0 - 180.0)),
        ),
        (
            "note",
            Arc::new(
                count
                    .clone()
                    .map(|i| note(i, dice))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "coupon__code",
            Arc::new(
                count
                    .clone()
                    .map(|i| i.is_multiple_of(7).then(|| dice.word().to_uppercase()))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "coupon__percent",
            Arc::new(
                count
                    .clone()
                    .map(|i| i.is_multiple_of(7).then(|| 5 + dice.below(45)))
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "_dlt_load_id",
            text(count.clone().map(|_| "1795291809.2349176".to_owned())),
        ),
        ("_dlt_id", text(ids.iter().cloned())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn child_ids(
    ids: &[String],
    rows: &[(usize, usize)],
    dice: &mut Dice,
) -> Vec<(&'static str, ArrayRef)> {
    vec![
        (
            "_dlt_root_id",
            text(rows.iter().map(|(i, _)| ids[*i].clone())),
        ),
        (
            "_dlt_parent_id",
            text(rows.iter().map(|(i, _)| ids[*i].clone())),
        ),
        ("_dlt_list_idx", int(rows.iter().map(|(_, n)| *n as i64))),
        ("_dlt_id", text(rows.iter().map(|_| dice.row_id()))),
    ]
}

fn items(ids: &[String], rows: &[(usize, usize)], dice: &mut Dice) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (
            "sku",
            text(
                rows.iter()
                    .map(|_| format!("SKU-{:06}", dice.below(999_999))),
            ),
        ),
        ("qty", int(rows.iter().map(|_| 1 + dice.below(8)))),
        (
            "price",
            double(rows.iter().map(|_| dice.below(10_000) as f64 / 100.0)),
        ),
        (
            "attributes__color",
            text(rows.iter().map(|_| dice.word().to_owned())),
        ),
        (
            "attributes__weight_g",
            int(rows.iter().map(|_| 1 + dice.below(4999))),
        ),
    ];
    columns.extend(child_ids(ids, rows, dice));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn tags(ids: &[String], rows: &[(usize, usize)], dice: &mut Dice) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("value", text(rows.iter().map(|_| dice.word().to_owned())))];
    columns.extend(child_ids(ids, rows, dice));
    RecordBatch::try_from_iter(columns).unwrap()
}
