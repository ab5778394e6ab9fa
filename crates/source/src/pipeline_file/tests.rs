//! What `pipeline_file` promises, one test a promise.

use serde_json::json;

use super::*;
use crate::{Key, ReadRequest, Resource};

fn parse(text: &str) -> Result<PipelineFile, SourceError> {
    PipelineFile::parse(text, Path::new("dir/my shop_pipeline.yaml"), Syntax::Yaml)
}

#[test]
fn a_pipeline_over_files_is_read() {
    let file = parse(
        "
version: 1
dataset: shop_data
root_key: true
files:
  resources:
    - name: orders
      path: data/orders-*.jsonl.gz
      selector: data[*]
      primary_key: id
      write_disposition: merge
      incremental: { cursor_path: updated_at, initial_value: 2024-01-25 }
",
    )
    .unwrap();
    assert_eq!(
        (file.pipeline.as_str(), file.source.name.as_str()),
        ("my_shop_pipeline", "my_shop")
    );
    assert_eq!(
        (file.dataset.as_deref(), file.source.root_key),
        (Some("shop_data"), Some(true))
    );
    assert_eq!(file.folder(), Path::new("dir"));
    let PipelineBody::Files(bodies) = &file.body else {
        panic!("no files")
    };
    assert_eq!(bodies[0].files.paths, ["data/orders-*.jsonl.gz"]);
    assert_eq!(
        bodies[0].spec.hints.primary_key,
        Some(Key::One("id".into()))
    );
    let cursor = bodies[0].spec.incremental.as_ref().unwrap();
    assert_eq!(cursor.initial_value, Some(json!("2024-01-25")));
}

#[test]
fn rows_stand_in_the_file_itself() {
    let text = r#"
pipeline = "colours"
source = "paint"
destination = "duckdb"
[[rows.resources]]
name = "colours"
rows = [{ id = 1, name = "red", at = 2024-01-02 }]
[[rows.resources]]
name = "empty"
pages = [[], [1]]
"#;
    let file = PipelineFile::parse(text, Path::new("x.toml"), Syntax::Toml).unwrap();
    assert_eq!(
        (file.pipeline.as_str(), file.source.name.as_str()),
        ("colours", "paint")
    );
    let PipelineBody::Rows(rows) = &file.body else {
        panic!("no rows")
    };
    let mut reader = rows[0].open(&ReadRequest::default()).unwrap();
    let page = reader.next_page().unwrap().unwrap();
    let Body::Json(text) = page.body else {
        panic!("not JSON")
    };
    assert_eq!(
        text,
        "{\"id\":1,\"name\":\"red\",\"at\":\"\u{F028}2024-01-02\"}\n"
    );
    let names: Vec<_> = file
        .resources()
        .iter()
        .map(|spec| spec.name.clone())
        .collect();
    assert_eq!(names, ["colours", "empty"]);
}

#[test]
fn all_mistakes_are_told_with_line_and_nearest_spelling() {
    let text = "pipline: x
version: 2
files:
  resource: []
  resources:
    - name: orders
      pat: data.jsonl
      wirte_disposition: merge
    - path: [a, b]
      name: orders
      format: jsonn
      columns:
        amount: { data_type: decimals }
      incremental: { cursor_path: u, initial_value: 5, end_value: 3 }
";
    let error = parse(text).unwrap_err();
    insta::assert_snapshot!(error);
    assert!(
        error
            .help()
            .contains(&"did you mean `pipeline`?".to_owned())
    );
}

#[test]
fn a_file_needs_exactly_one_kind_of_source() {
    let found = [
        parse("pipeline: x").unwrap_err().to_string(),
        parse("files: {resources: []}\nrows: {resources: []}")
            .unwrap_err()
            .to_string(),
        parse("- x").unwrap_err().to_string(),
        parse("rows: {resources: []}").unwrap_err().to_string(),
        PipelineFile::load(Path::new("x.txt"))
            .unwrap_err()
            .to_string(),
    ];
    insta::assert_snapshot!(found.join("\n"));
}
