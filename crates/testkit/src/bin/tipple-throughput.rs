//! Measures single stages for `cargo xtask bench`, and is the peer that shows what DuckDB alone can do.
//!
//! `normalize [--brief] [--threads N] FILE` turns the lines of a file into finished batches, in memory; `duckdb FILE DB`
//! lets DuckDB itself read orders and build the same three tables; `content DB DATASET` gives rows and a hash per table.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use duckdb::Connection;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Map, Value, json};
use tipple_normalize::{Normalizer, Place, RandomIds, Rules, TableBatch};
use tipple_schema::{Naming, Schema, Table};

type Problem = Box<dyn std::error::Error>;

/// Text is pushed in chunks of this size, cut at line ends, as sources do.
const CHUNK_BYTES: usize = 4 << 20;

/// Runs of a measurement; the middle one counts.
const RUNS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["normalize", rest @ ..] => normalize(rest),
        ["duckdb", file, database] => build_with_duckdb(file, database),
        ["content", database, dataset] => content(database, dataset),
        _ => Err(
            "usage: normalize [--brief] [--threads N] FILE | duckdb FILE DB | content DB DATASET"
                .into(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("tipple-throughput: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Quick and random enough for a measurement.
struct Counter(u64);

impl RandomIds for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
    }
}

fn normalize(arguments: &[&str]) -> Result<(), Problem> {
    let (mut is_brief, mut threads, mut file) = (false, 1, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--brief" => is_brief = true,
            "--threads" => threads = words.next().ok_or("--threads wants a number")?.parse()?,
            path => file = Some(path),
        }
    }
    let text = Bytes::from(std::fs::read(file.ok_or("a file is needed")?)?);
    let chunks = chunks_of(&text);
    let fast = measured(&chunks, threads, false)?;
    let rate = |seconds: f64| text.len() as f64 / 1e6 / seconds;
    if is_brief {
        println!(
            "{:8.1} MB/s  {} rows, {:.1} MB",
            rate(fast.cpu),
            fast.rows,
            text.len() as f64 / 1e6
        );
        return Ok(());
    }
    let reference = measured(&chunks, threads, true)?;
    for (name, outcome) in [("fast path", fast), ("reference", reference)] {
        println!(
            "  {name}: {:7.1} MB/s of CPU, {:7.1} MB/s of wall time ({:.3} s); {} rows in {} batches",
            rate(outcome.cpu),
            rate(outcome.wall),
            outcome.wall,
            outcome.rows,
            outcome.batches
        );
    }
    Ok(())
}

fn chunks_of(text: &Bytes) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut rest = text.clone();
    while rest.len() > CHUNK_BYTES {
        let line_end = rest[..CHUNK_BYTES].iter().rposition(|byte| *byte == b'\n');
        chunks.push(rest.split_to(line_end.map_or(CHUNK_BYTES, |at| at + 1)));
    }
    chunks.push(rest);
    chunks
}

#[derive(Clone, Copy)]
struct Outcome {
    wall: f64,
    cpu: f64,
    rows: u64,
    batches: u64,
}

/// The middle one of several runs.
fn measured(chunks: &[Bytes], threads: usize, by_reference: bool) -> Result<Outcome, Problem> {
    let runs = if by_reference { 1 } else { RUNS };
    let outcomes: Result<Vec<_>, _> = (0..runs)
        .map(|_| once(chunks, threads, by_reference))
        .collect();
    let mut outcomes = outcomes?;
    outcomes.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    Ok(outcomes[outcomes.len() / 2])
}

fn once(chunks: &[Bytes], threads: usize, by_reference: bool) -> Result<Outcome, Problem> {
    let mut schema = Schema::new("bench", "snake_case")?;
    let table = Table::from_properties("orders", &orders_hints());
    schema.tables.insert(table.name.clone(), table);
    let naming = Naming::from_name("snake_case", Some(65_536))?;
    let mut rules = Rules::new(naming, "1700000000.1", Box::new(Counter(7)));
    rules.threads = threads;
    let mut normalizer = Normalizer::new(schema, rules)?;
    if by_reference {
        normalizer.use_reference_only();
    }
    let (mut rows, mut batches) = (0, 0);
    let mut sink = |batch: TableBatch| {
        rows += batch.batch.num_rows() as u64;
        batches += 1;
        Ok(())
    };
    let (begun, cpu_begun) = (Instant::now(), cpu_seconds()?);
    let place = Place::start_of("bench");
    for chunk in chunks {
        normalizer.push_json("orders", chunk, &place, &mut sink)?;
    }
    normalizer.finish(&mut sink)?;
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds()? - cpu_begun);
    Ok(Outcome {
        wall,
        cpu,
        rows,
        batches,
    })
}

fn orders_hints() -> Map<String, Value> {
    let hints = json!({"columns": {}, "write_disposition": "append", "resource": "orders"});
    hints.as_object().cloned().unwrap_or_default()
}

fn cpu_seconds() -> Result<f64, Problem> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(micros as f64 / 1e6)
}

/// The floor that a loader can hope for.
fn build_with_duckdb(file: &str, database: &str) -> Result<(), Problem> {
    let connection = Connection::open(database)?;
    let file = file.replace('\'', "''");
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS rn, *
           FROM read_json_auto('{file}', format = 'newline_delimited');
         CREATE TABLE orders AS SELECT rn, id, uuid, created_at, status, total, quantity, is_gift,
           customer.id AS customer__id, customer.email AS customer__email,
           customer.address.city AS customer__address__city, customer.address.zip AS customer__address__zip,
           customer.address.geo.lat AS customer__address__geo__lat, customer.address.geo.lon AS customer__address__geo__lon,
           note, coupon.code AS coupon__code, coupon.percent AS coupon__percent FROM raw;
         CREATE TABLE orders__tags AS
           SELECT rn, unnest(tags) AS value, generate_subscripts(tags, 1) AS idx FROM raw;
         CREATE TABLE orders__items AS
           SELECT rn, i.sku AS sku, i.qty AS qty, i.price AS price, i.attributes.color AS attributes__color,
             i.attributes.weight_g AS attributes__weight_g, idx
           FROM (SELECT rn, unnest(items) AS i, generate_subscripts(items, 1) AS idx FROM raw);
         CHECKPOINT;"
    ))?;
    Ok(())
}

/// Rows and a hash of all values per table; columns that only one of the programs has are left out.
fn content(database: &str, dataset: &str) -> Result<(), Problem> {
    let connection = Connection::open(Path::new(database))?;
    let mut statement = connection.prepare(
        "SELECT table_name, string_agg(CASE WHEN data_type LIKE 'TIMESTAMP%'
             THEN 'epoch_us(\"' || column_name || '\")' ELSE '\"' || column_name || '\"' END, ', ' ORDER BY column_name)
         FROM information_schema.columns
         WHERE table_schema = ? AND table_name NOT LIKE '\\_dlt%' ESCAPE '\\'
           AND column_name NOT LIKE '\\_dlt%' ESCAPE '\\' AND column_name NOT IN ('rn', 'idx')
         GROUP BY table_name ORDER BY table_name",
    )?;
    let mut tables = statement.query([dataset])?;
    while let Some(table) = tables.next()? {
        let (name, columns): (String, String) = (table.get(0)?, table.get(1)?);
        let sql = format!(
            "SELECT count(*), CAST(bit_xor(hash({columns})) AS VARCHAR) || '/' || CAST(sum(hash({columns})) AS VARCHAR)
             FROM \"{dataset}\".\"{name}\""
        );
        let (rows, hash): (i64, Option<String>) =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        println!("  {name}: {rows} rows, {}", hash.unwrap_or_default());
    }
    Ok(())
}
