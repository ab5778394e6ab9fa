//! How fast files become pages, and how fast a cursor filters them.
//!
//! `cargo bench -p tipple-files --profile quick`
//!
//! Prints megabytes of (decompressed) text per second of CPU time of the whole process, best of several runs; CPU time
//! so that a busy machine does not matter.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use tipple_files::{FileResource, FileSpec};
use tipple_source::{Cursor, ReadRequest, Resource, ResourceSpec};

const FILE_BYTES: usize = 48 << 20;
const RUNS: usize = 4;
/// Of the clock in `/proc/self/stat`.
const TICKS_PER_SECOND: f64 = 100.0;

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn orders() -> String {
    let mut text = String::with_capacity(FILE_BYTES + 1000);
    let mut id = 0_u64;
    while text.len() < FILE_BYTES {
        id += 1;
        let (minute, second) = (id / 60 % 60, id % 60);
        let _infallible = writeln!(
            text,
            r#"{{"id":{id},"customer":{{"name":"amber hazel {}","email":"c{id}@example.com"}},"amount":{}.{:02},"tags":["onyx","jasper"],"note":"cedar delta ember fjord garnet","lines":[{{"sku":"s{}","qty":{}}},{{"sku":"s{}","qty":1}}],"updated_at":"2024-03-{:02}T{:02}:{minute:02}:{second:02}Z","meta":{{"ts":{id}}}}}"#,
            id % 97,
            id % 1000,
            id % 100,
            id % 31,
            id % 7,
            id % 13,
            1 + id / 86_400 % 28,
            id / 3600 % 24,
        );
    }
    text
}

fn measure(name: &str, folder: &Path, resource: &Value, byte_count: usize) -> std::io::Result<()> {
    let mut best = f64::MAX;
    let mut kept = 0;
    for _ in 0..RUNS {
        let start = cpu_seconds();
        kept = read(folder, resource).map_err(std::io::Error::other)?;
        best = best.min((cpu_seconds() - start).max(1.0 / TICKS_PER_SECOND));
    }
    let megabytes = byte_count as f64 / 1e6;
    println!(
        "{name:<44} {:>7.0} MB/s   {kept:>12} bytes in pages",
        megabytes / best
    );
    Ok(())
}

fn read(folder: &Path, resource: &Value) -> Result<usize, tipple_source::SourceError> {
    let spec = ResourceSpec::from_value(resource, &FileSpec::KEYS, "bench")?;
    let mut cursor = Cursor::start(&spec, &Map::new())?;
    let files = FileResource::new(spec, FileSpec::from_value(resource, "bench")?, folder);
    let mut reader = files.open(&ReadRequest::default())?;
    let mut byte_count = 0;
    while let Some(page) = reader.next_page()? {
        let page = match &mut cursor {
            Some(cursor) => cursor.filter(page)?,
            None => Some(page),
        };
        byte_count += page.map_or(0, |page| page.body.byte_count());
    }
    Ok(byte_count)
}

fn main() -> std::io::Result<()> {
    let folder = std::env::temp_dir().join(format!("tipple-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = run(&folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &Path) -> std::io::Result<()> {
    let text = orders();
    let list = format!("[{}]", text.trim_end().replace('\n', ",\n"));
    let csv: String = (0..FILE_BYTES / 40)
        .map(|i| format!("{i},amber hazel {i},{}.5,2024-03-01,0{i}\n", i % 100))
        .collect();
    let csv = format!("id,name,amount,day,code\n{csv}");
    fs::write(folder.join("a.jsonl"), &text)?;
    fs::write(folder.join("a.json"), &list)?;
    fs::write(
        folder.join("b.json"),
        format!("{{\"meta\":{{\"x\":[1]}},\"data\":{list}}}"),
    )?;
    fs::write(folder.join("a.csv"), &csv)?;
    let mut gzip = flate2::write::GzEncoder::new(
        fs::File::create(folder.join("a.jsonl.gz"))?,
        flate2::Compression::default(),
    );
    gzip.write_all(text.as_bytes())?;
    gzip.finish()?;
    fs::write(
        folder.join("a.jsonl.zst"),
        zstd::encode_all(text.as_bytes(), 3)?,
    )?;
    let size = text.len();
    measure(
        "jsonl",
        folder,
        &json!({"name": "t", "path": "a.jsonl"}),
        size,
    )?;
    measure(
        "jsonl.gz",
        folder,
        &json!({"name": "t", "path": "a.jsonl.gz"}),
        size,
    )?;
    measure(
        "jsonl.zst",
        folder,
        &json!({"name": "t", "path": "a.jsonl.zst"}),
        size,
    )?;
    measure(
        "json, one list",
        folder,
        &json!({"name": "t", "path": "a.json"}),
        size,
    )?;
    measure(
        "json, selector",
        folder,
        &json!({"name": "t", "path": "b.json", "selector": "data"}),
        size,
    )?;
    measure(
        "csv, surveyed",
        folder,
        &json!({"name": "t", "path": "a.csv"}),
        csv.len(),
    )?;
    let all_text = json!({"name": "t", "path": "a.csv", "all_text": true});
    measure("csv, all text", folder, &all_text, csv.len())?;
    for (name, cursor) in [
        (
            "jsonl, cursor over a text",
            json!({"cursor_path": "updated_at"}),
        ),
        (
            "jsonl, cursor over a number, all new",
            json!({"cursor_path": "id"}),
        ),
        (
            "jsonl, cursor over a number, all old",
            json!({"cursor_path": "id", "initial_value": 1_u64 << 40}),
        ),
        (
            "jsonl, cursor over a path",
            json!({"cursor_path": "meta.ts"}),
        ),
        (
            "jsonl, lag",
            json!({"cursor_path": "updated_at", "lag": 10, "initial_value": "2024-03-05T00:00:00Z"}),
        ),
    ] {
        let resource = json!({"name": "t", "path": "a.jsonl", "incremental": cursor});
        measure(name, folder, &resource, size)?;
    }
    Ok(())
}
