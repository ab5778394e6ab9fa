//! What a load as a whole does: marks, empty data, batches, places of errors (§7.2).

use bytes::Bytes;
use serde_json::json;
use tipple_normalize::{Place, SinkError, TableBatch};

use crate::support::Load;

#[test]
fn tables_that_got_rows_are_marked() {
    let outcome = Load::new().run(r#"{"a":1,"l":[1]}"#).expect("tables");
    let schema = &outcome.normalized.schema;
    assert!(schema.tables["t"].has_seen_data() && schema.tables["t__l"].has_seen_data());
    assert_eq!(outcome.normalized.rows["t__l"], 1);
    let updates: Vec<&String> = outcome.normalized.updates.keys().collect();
    assert_eq!(updates, ["t", "t__l"]);
}

#[test]
fn no_items_leave_a_new_table_without_columns_and_job() {
    let outcome = Load::new().check("", "t");
    assert!(outcome.normalized.rows.is_empty());
    assert!(!outcome.normalized.schema.tables["t"].has_seen_data());
}

#[test]
fn no_items_leave_a_table_with_data_without_a_job() {
    let first = Load::new().run(r#"{"a":1}"#).expect("tables");
    let outcome = Load::continued(first.normalized.schema)
        .run(" \n")
        .expect("tables");
    assert!(outcome.normalized.rows.is_empty());
}

#[test]
fn an_empty_object_is_a_row() {
    Load::new().with_system().check(
        "{}",
        "
        t
          _dlt_load_id text | _dlt_id text
          1700000000.5 | AAAAAAAAAAAAAQ
        ",
    );
}

#[test]
fn a_touched_table_gets_its_system_columns_and_an_empty_job() {
    let mut normalizer = Load::new().normalizer().expect("a normalizer");
    normalizer.touch("t");
    let mut sink = |_: TableBatch| -> Result<(), SinkError> { panic!("no rows") };
    let normalized = normalizer.finish(&mut sink).expect("an end");
    let columns: Vec<&String> = normalized.schema.tables["t"].columns.keys().collect();
    assert_eq!(columns, ["_dlt_load_id", "_dlt_id"]);
    assert_eq!(normalized.rows["t"], 0);
}

#[test]
fn any_cut_of_chunks_and_batches_gives_the_same_rows() {
    let items: Vec<String> = (0..50)
        .map(|i| format!(r#"{{"i":{i},"l":[{{"x":{i}}},{i}],"t{}":"x"}}"#, i % 7))
        .collect();
    let run = |chunk_items: usize, bytes_max: usize| {
        let load = Load::new().rules(move |rules| rules.batch_bytes_max = bytes_max);
        let mut normalizer = load.normalizer().expect("a normalizer");
        let mut batches = Vec::new();
        let mut sink = |batch: TableBatch| -> Result<(), SinkError> {
            batches.push(batch);
            Ok(())
        };
        for chunk in items.chunks(chunk_items) {
            let chunk = Bytes::from(chunk.join("\n"));
            normalizer
                .push_json("t", &chunk, &Place::start_of("x"), &mut sink)
                .expect("tables");
        }
        let normalized = normalizer.finish(&mut sink).expect("an end");
        let count = batches.len();
        (
            crate::support::Outcome {
                normalized,
                batches,
            }
            .render(true),
            count,
        )
    };
    let (whole, whole_count) = run(50, 1 << 20);
    let (pieces, pieces_count) = run(3, 2000);
    assert!(pieces_count > whole_count);
    assert_eq!(whole, pieces);
}

#[test]
fn items_may_stand_in_lines_or_behind_commas() {
    let lines = Load::new().run("{\"a\":1}\n{\"a\":2}").expect("tables");
    let commas = Load::new().run("{\"a\":1},{\"a\":2}").expect("tables");
    assert_eq!(lines.render(true), commas.render(true));
}

#[test]
fn malformed_text_is_an_error_with_its_place() {
    Load::new().check_error(
        "{\"a\":1}\n{\"a\":",
        "malformed JSON in items: the JSON text ends too early at byte 13",
    );
}

#[test]
fn a_later_load_continues_the_schema() {
    let first = Load::new().run(r#"{"a":1}"#).expect("tables");
    let second = Load::continued(first.normalized.schema).check(
        r#"{"b":2,"a":"x"}"#,
        "
        t
          a bigint | b bigint | a__v_text text
          · | 2 | x
        ",
    );
    let updates = &second.normalized.updates["t"];
    let columns: Vec<&String> = updates.columns.keys().collect();
    assert_eq!(columns, ["b", "a__v_text"]);
}

#[test]
fn causes_name_resource_path_and_kind() {
    let outcome = Load::new()
        .hint("resource", json!("orders"))
        .run(r#"{"a":{"some key":[{"b":1.5}]}}"#)
        .expect("tables");
    let causes: Vec<String> = outcome
        .normalized
        .causes
        .iter()
        .map(|c| {
            format!(
                "{}.{} {} {} {}",
                c.table, c.column, c.resource, c.json_path, c.value_kind
            )
        })
        .collect();
    assert_eq!(
        causes,
        [r#"t__a__some_key.b orders $.a["some key"][*].b double"#]
    );
}

#[test]
fn long_names_are_shortened() {
    Load::with_naming("snake_case", Some(20)).check(
        r#"{"aVeryLongKeyOfAnObject":{"andAnother":[1]},"averyverylongkeyofanitem":1}"#,
        "
        t
          averyver0cg0afanitem bigint
          1
        t__a_vefpa79aanother
          value bigint
          [0.0] 1
        ",
    );
}
