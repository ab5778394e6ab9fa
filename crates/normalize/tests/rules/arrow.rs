//! Arrow data (§7.3).

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int32Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow_schema::{DataType as ArrowType, Field, Schema as ArrowSchema};
use serde_json::{Value as Json, json};
use tipple_normalize::{SinkError, TableBatch, TypeCaps, arrow_table};
use tipple_schema::{ContractMode, Naming};

use crate::support::{Load, Outcome};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .expect("a batch")
}

fn run(load: &Load, filtered: &[(&str, ContractMode)], batches: &[RecordBatch]) -> Outcome {
    let mut normalizer = load.normalizer().expect("a normalizer");
    let filtered: HashMap<String, ContractMode> = filtered
        .iter()
        .map(|(name, mode)| ((*name).to_owned(), *mode))
        .collect();
    let mut out = Vec::new();
    let mut sink = |batch: TableBatch| -> Result<(), SinkError> {
        out.push(batch);
        Ok(())
    };
    for batch in batches {
        normalizer
            .push_arrow("t", batch, &filtered, &mut sink)
            .expect("tables");
    }
    let normalized = normalizer.finish(&mut sink).expect("an end");
    Outcome {
        normalized,
        batches: out,
    }
}

#[track_caller]
fn check(load: &Load, batches: &[RecordBatch], expected: &str) -> Outcome {
    let outcome = run(load, &[], batches);
    outcome.assert_renders(expected);
    outcome
}

fn list() -> ArrayRef {
    let mut list = ListBuilder::new(Int64Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    Arc::new(list.finish())
}

fn structs() -> ArrayRef {
    let a: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let d: ArrayRef = Arc::new(Date32Array::from(vec![1, 2]));
    let n: ArrayRef = Arc::new(NullArray::new(2));
    let fields = [("a", a), ("d", d), ("n", n)].map(|(name, array)| {
        (
            Arc::new(Field::new(name, array.data_type().clone(), true)),
            array,
        )
    });
    Arc::new(StructArray::from(fields.to_vec()))
}

fn wide() -> RecordBatch {
    let decimal = Decimal128Array::from(vec![150, 5]).with_precision_and_scale(3, 2);
    let dictionary: DictionaryArray<Int32Type> = vec!["red", "red"].into_iter().collect();
    batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        (
            "Name",
            Arc::new(LargeStringArray::from(vec![Some("x"), None])),
        ),
        ("n", Arc::new(NullArray::new(2))),
        ("f", Arc::new(Float32Array::from(vec![1.5, 2.0]))),
        ("small", Arc::new(Int32Array::from(vec![1, 2]))),
        ("big", Arc::new(UInt64Array::from(vec![1, u64::MAX]))),
        ("s", structs()),
        ("l", list()),
        (
            "ts",
            Arc::new(TimestampMillisecondArray::from(vec![0, 1000]).with_timezone("UTC")),
        ),
        (
            "naive",
            Arc::new(TimestampNanosecondArray::from(vec![0, 1])),
        ),
        ("dec", Arc::new(decimal.expect("a precision"))),
        ("colour", Arc::new(dictionary)),
    ])
}

#[test]
fn fields_become_columns_of_their_type_without_system_columns() {
    let outcome = check(
        &Load::new().with_system(),
        &[wide()],
        r#"
        t
          id bigint | name text | f double | small bigint | big bigint | s json | l json | ts timestamp | naive timestamp | dec decimal | colour text
          1 | x | 1.5 | 1 | 1 | {"a":1,"d":"1970-01-02","n":null} | [1,null] | 1970-01-01T00:00:00Z | 1970-01-01T00:00:00Z | 1.50 | red
          2 | · | 2.0 | 2 | 18446744073709551615 | {"a":null,"d":"1970-01-03","n":null} | · | 1970-01-01T00:00:01Z | 1970-01-01T00:00:00.000000001Z | 0.05 | red
        "#,
    );
    let table = &outcome.normalized.schema.tables["t"];
    let shown = |column: &str| Json::Object(table.columns[column].to_properties());
    assert_eq!(shown("small")["precision"], json!(32));
    assert_eq!(
        shown("ts"),
        json!({"name": "ts", "data_type": "timestamp", "nullable": true, "precision": 3})
    );
    assert_eq!(shown("naive")["precision"], json!(9));
    assert_eq!(shown("naive").get("timezone"), None);
    assert_eq!(
        (&shown("dec")["precision"], &shown("dec")["scale"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        outcome.normalized.null_only,
        [("t".to_owned(), "n".to_owned())]
    );
    assert!(table.has_seen_data());
}

#[test]
fn later_batches_are_ordered_by_the_schema_and_filled_with_nulls() {
    check(
        &Load::new(),
        &[
            batch(vec![
                ("a", Arc::new(Int64Array::from(vec![1]))),
                ("b", Arc::new(StringArray::from(vec!["x"]))),
            ]),
            batch(vec![
                ("c", Arc::new(Int64Array::from(vec![3]))),
                ("a", Arc::new(Int64Array::from(vec![2]))),
            ]),
        ],
        "
        t
          a bigint | b text | c bigint
          1 | x | ·
          2 | · | 3
        ",
    );
}

#[test]
fn a_hint_of_no_time_zone_gives_wall_clock_times() {
    let at = TimestampMillisecondArray::from(vec![0]).with_timezone("+02:00");
    check(
        &Load::new().column("at", json!({"data_type": "timestamp", "timezone": false})),
        &[batch(vec![("at", Arc::new(at))])],
        "
        t
          at timestamp
          1970-01-01T00:00:00
        ",
    );
}

#[test]
fn ids_are_added_when_asked_for() {
    let load = Load::new().with_system().rules(|rules| {
        rules.adds_id_to_arrow = true;
        rules.adds_load_id_to_arrow = true;
    });
    let outcome = check(
        &load,
        &[batch(vec![("a", Arc::new(Int64Array::from(vec![1, 2])))])],
        "
        t
          a bigint | _dlt_load_id text | _dlt_id text
          1 | 1700000000.5 | AAAAAAAAAAAAAQ
          2 | 1700000000.5 | AAAAAAAAAAAAAg
        ",
    );
    let column = &outcome.normalized.schema.tables["t"].columns["_dlt_id"];
    assert_eq!(
        Json::Object(column.to_properties()),
        json!({"name": "_dlt_id", "data_type": "text", "nullable": false, "precision": 64, "unique": true,
            "row_key": true, "description": "Unique identifier for this row, generated by dlt"})
    );
}

#[test]
fn a_contract_removes_columns_and_rows() {
    let data = || {
        batch(vec![
            ("a", Arc::new(Int64Array::from(vec![1, 2]))),
            ("New", Arc::new(Int64Array::from(vec![None, Some(2)]))),
        ])
    };
    let expected_value = "
        t
          a bigint
          1
          2
        ";
    run(
        &Load::new(),
        &[("new", ContractMode::DiscardValue)],
        &[data()],
    )
    .assert_renders(expected_value);
    let expected_row = "
        t
          a bigint
          1
        ";
    let outcome = run(
        &Load::new(),
        &[("new", ContractMode::DiscardRow)],
        &[data()],
    );
    outcome.assert_renders(expected_row);
    assert_eq!(outcome.normalized.rejected.rows.values().sum::<u64>(), 1);
}

#[test]
fn hints_of_the_resource_win_and_data_gives_the_order() {
    let hints = Load::new()
        .column(
            "b",
            json!({"data_type": "text", "primary_key": true, "nullable": false}),
        )
        .column("z", json!({"data_type": "bool"}))
        .table;
    let fields = ["a", "b"].map(|name| Field::new(name, ArrowType::Int64, true));
    let naming = Naming::from_name("snake_case", None).expect("a naming");
    let schema = ArrowSchema::new(fields.to_vec());
    let table =
        arrow_table(&hints, &schema, &naming, &TypeCaps::default(), false).expect("a table");
    let columns: Vec<&String> = table.columns.keys().collect();
    assert_eq!(columns, ["a", "b", "z"]);
    assert_eq!(
        Json::Object(table.columns["b"].to_properties()),
        json!({"name": "b", "data_type": "text", "nullable": false, "primary_key": true})
    );
}

#[test]
fn fields_that_get_one_name_are_an_error() {
    let fields = ["aB", "a_b"].map(|name| Field::new(name, ArrowType::Int64, true));
    let naming = Naming::from_name("snake_case", None).expect("a naming");
    let schema = ArrowSchema::new(fields.to_vec());
    let error = arrow_table(
        &Load::new().table,
        &schema,
        &naming,
        &TypeCaps::default(),
        false,
    );
    assert_eq!(
        error.expect_err("an error").to_string(),
        "arrow data for table `t`: fields `aB` and `a_b` both get the name `a_b`"
    );
}

#[test]
fn large_batches_are_cut() {
    let load = Load::new().rules(|rules| rules.batch_bytes_max = 1000);
    let outcome = run(
        &load,
        &[],
        &[batch(vec![(
            "a",
            Arc::new(Int64Array::from_iter_values(0..1000)),
        )])],
    );
    let rows: Vec<usize> = outcome
        .batches
        .iter()
        .map(|batch| batch.batch.num_rows())
        .collect();
    assert!(
        rows.len() > 4 && rows.iter().sum::<usize>() == 1000,
        "{rows:?}"
    );
    assert_eq!(outcome.normalized.rows["t"], 1000);
}
