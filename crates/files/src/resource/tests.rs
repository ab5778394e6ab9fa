//! What `resource` promises, one test a promise.

use std::io::Write;
use std::time::{Duration, SystemTime};

use parquet::arrow::ArrowWriter;
use serde_json::json;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// Sets when the file was changed, in seconds since 1970.
    fn touch(&self, name: &str, seconds: u64) {
        let file = std::fs::File::options()
            .append(true)
            .open(self.0.path().join(name))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }

    fn resource(&self, resource: Value) -> FileResource {
        let spec = ResourceSpec::from_value(&resource, &FileSpec::KEYS, "test").unwrap();
        let files = FileSpec::from_value(&resource, "test").unwrap();
        FileResource::new(spec, files, self.0.path())
    }

    fn read(&self, resource: Value) -> Result<Vec<String>, SourceError> {
        let mut state = Map::new();
        self.read_some(&self.resource(resource), &mut state, usize::MAX)
    }

    fn read_some(
        &self,
        resource: &FileResource,
        state: &mut Map<String, Value>,
        page_limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        let request = ReadRequest {
            state: state.clone(),
            ..ReadRequest::default()
        };
        let mut reader = resource.open(&request)?;
        let mut lines = Vec::new();
        for _ in 0..page_limit {
            let Some(page) = reader.next_page()? else {
                break;
            };
            match page.body {
                Body::Json(text) => {
                    lines.extend(
                        String::from_utf8(text.to_vec())
                            .unwrap()
                            .lines()
                            .map(str::to_owned),
                    );
                }
                Body::Arrow(batch) => lines.push(format!("{} rows", batch.num_rows())),
            }
        }
        state.extend(reader.state());
        Ok(lines)
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_of_all_formats_are_read_one_after_another() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"a\":1}\n{\"a\":2}");
    folder.write("b.jsonl.gz", gzip("{\"a\":3}\n"));
    folder.write("c.json", "[{\"a\":4}]");
    folder.write("d.csv", "a\n5\n");
    folder.write(
        "e.json.zst",
        zstd::encode_all(&b"{\"d\":{\"e\":[6]}}"[..], 1).unwrap(),
    );
    let found = folder
        .read(json!({"name": "t", "path": ["*.jsonl*", "c.json", "d.csv"]}))
        .unwrap();
    assert_eq!(
        found,
        [
            "{\"a\":1}",
            "{\"a\":2}",
            "{\"a\":3}",
            "{\"a\":4}",
            "{\"a\":5}"
        ]
    );
    let found = folder
        .read(json!({"name": "t", "path": "e.json.zst", "selector": "d.e"}))
        .unwrap();
    assert_eq!(found, ["6"]);
}

#[test]
fn parquet_comes_in_batches() {
    let folder = Folder::new();
    let column = arrow_array::Int64Array::from_iter_values(0..5000);
    let batch = arrow_array::RecordBatch::try_from_iter([("a", Arc::new(column) as _)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    folder.write("a.parquet", &bytes);
    let found = folder
        .read(json!({"name": "t", "path": "a.parquet"}))
        .unwrap();
    assert_eq!(found, ["5000 rows"]);
    folder.write("b.parquet", &bytes[..bytes.len() - 9]);
    let error = folder
        .read(json!({"name": "t", "path": "b.parquet"}))
        .unwrap_err();
    assert_eq!(error.code(), "source.file.parquet");
}

#[test]
fn types_of_csv_columns_hold_for_all_files() {
    let folder = Folder::new();
    folder.write("a1.csv", "id,zip\n1,99\n");
    folder.write("a2.csv", "zip,id\n01,2\n");
    let found = folder.read(json!({"name": "t", "path": "a*.csv"})).unwrap();
    assert_eq!(found, [r#"{"id":1,"zip":"99"}"#, r#"{"zip":"01","id":2}"#]);
}

#[test]
fn an_unknown_name_is_looked_into() {
    let folder = Folder::new();
    folder.write("dump", " {\"a\":1}\n{\"a\":2}\n");
    assert_eq!(
        folder
            .read(json!({"name": "t", "path": "dump"}))
            .unwrap()
            .len(),
        2
    );
    folder.write("dump", "a,b\n1,2\n");
    let error = folder
        .read(json!({"name": "t", "path": "dump"}))
        .unwrap_err();
    assert_eq!(error.code(), "source.file.format");
    let read = folder
        .read(json!({"name": "t", "path": "dump", "format": "csv"}))
        .unwrap();
    assert_eq!(read, [r#"{"a":1,"b":2}"#]);
}

#[test]
fn only_files_that_changed_are_read_again() {
    let folder = Folder::new();
    for (name, seconds) in [("a", 100), ("b", 200), ("c", 200)] {
        folder.write(&format!("{name}.jsonl"), format!("\"{name}\"\n"));
        folder.touch(&format!("{name}.jsonl"), seconds);
    }
    let resource = folder.resource(json!({"name": "t", "path": "*.jsonl",
        "incremental": {"cursor_path": "modification_date"}}));
    assert!(resource.spec().incremental.is_none());
    let mut state = Map::new();
    // The run stops after two files: only those are remembered.
    let read = folder.read_some(&resource, &mut state, 2).unwrap();
    assert_eq!(read, ["\"a\"", "\"b\""]);
    let entry = &state["incremental"]["modification_date"];
    assert_eq!(
        entry["last_value"],
        json!("\u{F027}1970-01-01T00:03:20+00:00")
    );
    assert_eq!(
        folder.read_some(&resource, &mut state, 9).unwrap(),
        ["\"c\""]
    );
    assert!(
        folder
            .read_some(&resource, &mut state, 9)
            .unwrap()
            .is_empty()
    );
    folder.write("a.jsonl", "\"changed\"\n");
    folder.touch("a.jsonl", 300);
    assert_eq!(
        folder.read_some(&resource, &mut state, 9).unwrap(),
        ["\"changed\""]
    );
}

#[test]
fn a_reader_that_is_dropped_early_ends_its_thread() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"a\":1}\n".repeat(3 << 20));
    let resource = folder.resource(json!({"name": "t", "path": "a.jsonl"}));
    let mut reader = resource.open(&ReadRequest::default()).unwrap();
    let page = reader.next_page().unwrap().unwrap();
    assert!((1 << 20..=4 << 20).contains(&page.body.byte_count()));
    drop(reader);
}

#[test]
fn a_missing_file_is_found_missing_before_anything_is_read() {
    let folder = Folder::new();
    let resource = folder.resource(json!({"name": "t", "path": "no/*.jsonl"}));
    let error = resource.open(&ReadRequest::default()).err().unwrap();
    assert_eq!(error.code(), "source.file.missing");
    assert!(error.to_string().contains("no/*.jsonl"), "{error}");
}
