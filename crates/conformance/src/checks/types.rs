//! Values at the limits of their types.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use serde_json::{Map, Value, json};

use crate::lab::{Lab, of_rows};

/// A resource with one column of a type beside its key.
fn typed(column: Value) -> Value {
    json!({"name": "t", "columns": {"v": column}})
}

fn rows_of(values: &[Value]) -> Vec<Value> {
    let rows = values.iter().enumerate();
    rows.map(|(index, value)| json!({"id": index + 1, "v": value}))
        .collect()
}

/// Loads values into a column and compares what comes back.
#[track_caller]
fn round_trip(lab: &Lab, column: Value, values: &[Value], expected: &[&str]) {
    lab.load(&typed(column), &rows_of(values));
    let lines: Vec<String> = expected
        .iter()
        .enumerate()
        .map(|(index, text)| format!("{} | {text}", index + 1))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lab.expect("t", "id v", &lines);
}

pub(super) fn bigints_at_their_limits(lab: &Lab) {
    let values = [json!(i64::MAX), json!(i64::MIN), json!(0), json!(-1)];
    let expected = ["9223372036854775807", "-9223372036854775808", "0", "-1"];
    round_trip(lab, json!({"data_type": "bigint"}), &values, &expected);
}

pub(super) fn bigints_with_precision(lab: &Lab) {
    let columns = json!({
        "small": {"data_type": "bigint", "precision": 16},
        "medium": {"data_type": "bigint", "precision": 32},
    });
    let rows = [
        json!({"small": i16::MAX, "medium": i32::MAX}),
        json!({"small": i16::MIN, "medium": i32::MIN}),
    ];
    lab.load(&json!({"name": "t", "columns": columns}), &rows);
    lab.expect(
        "t",
        "small medium",
        &["32767 | 2147483647", "-32768 | -2147483648"],
    );
}

pub(super) fn doubles_at_their_limits(lab: &Lab) {
    let values = [
        f64::MAX,
        f64::MIN,
        5e-324,
        0.1,
        123_456_789.123_456_79,
        1e-7,
    ];
    let texts: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    round_trip(
        lab,
        json!({"data_type": "double"}),
        &values.map(Value::from),
        &texts,
    );
}

/// A batch with the key `id` and one more column.
fn batch(column: ArrayRef) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=column.len() as i64));
    RecordBatch::try_from_iter_with_nullable([("id", ids, false), ("v", column, true)]).unwrap()
}

pub(super) fn doubles_that_are_no_numbers(lab: &Lab) {
    let values = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let batch = batch(Arc::new(Float64Array::from(values)));
    lab.setup().load_batch(&json!({"name": "t"}), batch);
    lab.expect("t", "id v", &["1 | nan", "2 | inf", "3 | -inf"]);
}

pub(super) fn bools(lab: &Lab) {
    let values = [json!(true), json!(false)];
    round_trip(
        lab,
        json!({"data_type": "bool"}),
        &values,
        &["true", "false"],
    );
}

pub(super) fn decimals_at_full_precision(lab: &Lab) {
    let values = [
        "12345678901234567890123456789.123456789",
        "-99999999999999999999999999999.999999999",
        "0.000000001",
        "0",
    ];
    round_trip(
        lab,
        json!({"data_type": "decimal"}),
        &values.map(Value::from),
        &values,
    );
}

pub(super) fn decimals_with_precision(lab: &Lab) {
    let column = json!({"data_type": "decimal", "precision": 20, "scale": 4});
    let values = ["1234567890123456.7891", "-0.0001", "1.5"];
    round_trip(lab, column, &values.map(Value::from), &values);
}

pub(super) fn wei_at_full_precision(lab: &Lab) {
    // Larger numbers go to a variant, as in dlt, whatever the destination has.
    let (precision, scale) = lab.destination().capabilities().wei_precision;
    let digits = "9".repeat((precision - scale).min(38) as usize);
    let values = [json!(digits), json!("1"), json!("-1")];
    round_trip(
        lab,
        json!({"data_type": "wei"}),
        &values,
        &[&digits, "1", "-1"],
    );
}

pub(super) fn timestamps_with_zone(lab: &Lab) {
    let values = [
        json!("2024-01-02T03:04:05.678901+02:00"),
        json!("2024-01-02T01:04:05.678901Z"),
        json!("1969-12-31T23:59:59.999999Z"),
    ];
    let expected = ["1704157445678901", "1704157445678901", "-1"];
    round_trip(lab, json!({"data_type": "timestamp"}), &values, &expected);
}

pub(super) fn timestamps_at_their_limits(lab: &Lab) {
    let values = [
        json!("0001-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59.999999Z"),
    ];
    let expected = ["-62135596800000000", "253402300799999999"];
    round_trip(lab, json!({"data_type": "timestamp"}), &values, &expected);
}

pub(super) fn timestamps_without_zone(lab: &Lab) {
    let column = json!({"data_type": "timestamp", "timezone": false});
    let values = [
        json!("2024-01-02T03:04:05.678901"),
        json!("0001-01-01T00:00:00"),
    ];
    let expected = ["1704164645678901", "-62135596800000000"];
    round_trip(lab, column, &values, &expected);
}

pub(super) fn timestamps_with_nanoseconds(lab: &Lab) {
    let moments = vec![1_704_164_645_123_456_789, 1_704_164_645_123_456_788];
    let column = json!({"data_type": "timestamp", "timezone": false, "precision": 9});
    let batch = batch(Arc::new(TimestampNanosecondArray::from(moments)));
    lab.setup().load_batch(&typed(column), batch);
    assert_eq!(lab.count_distinct("t", "v"), 2);
}

pub(super) fn dates_at_their_limits(lab: &Lab) {
    let values = ["0001-01-01", "9999-12-31", "2024-02-29"];
    round_trip(
        lab,
        json!({"data_type": "date"}),
        &values.map(Value::from),
        &values,
    );
}

pub(super) fn times(lab: &Lab) {
    let values = [
        json!("00:00:00"),
        json!("23:59:59.999999"),
        json!("12:34:56.5"),
    ];
    let expected = ["0", "86399999999", "45296500000"];
    round_trip(lab, json!({"data_type": "time"}), &values, &expected);
}

pub(super) fn binary(lab: &Lab) {
    let all: Vec<u8> = (0..=255).collect();
    let hexadecimal: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
    let batch = batch(Arc::new(BinaryArray::from(vec![all.as_slice(), b""])));
    lab.setup().load_batch(&json!({"name": "t"}), batch);
    lab.expect("t", "id v", &[&format!("1 | {hexadecimal}"), "2 | "]);
}

pub(super) fn json(lab: &Lab) {
    let documents = [
        json!({"a": [1, {"b": null}], "é": "😀", "empty": {}}),
        json!([1, "two", [3.5, false]]),
        json!({"quote": "it's \"so\" \\ far", "big": 1_234_567_890_123_i64}),
    ];
    let sorted = documents.clone().map(|mut document| {
        document.sort_all_objects();
        document.to_string()
    });
    let sorted: Vec<&str> = sorted.iter().map(String::as_str).collect();
    round_trip(lab, json!({"data_type": "json"}), &documents, &sorted);
}

pub(super) fn text_of_every_kind(lab: &Lab) {
    let values = [
        "žluťoučký kůň 日本語 עברית",
        "😀👩‍👩‍👧‍👦 𝒳",
        "it's \"quoted\" and `ticked`",
        "back\\slash \\n \\' %s {} $1 ?",
        "two\nlines\r\nand a\ttab",
        "  blanks around  ",
        "NULL",
        "\u{1}\u{7f}\u{feff}",
        "cafe\u{301}",
    ];
    round_trip(
        lab,
        json!({"data_type": "text"}),
        &values.map(Value::from),
        &values,
    );
}

pub(super) fn text_with_nul(lab: &Lab) {
    let expected = match lab.destination().capabilities().nul_in_text {
        true => "a\0b",
        false => "ab",
    };
    round_trip(
        lab,
        json!({"data_type": "text"}),
        &[json!("a\0b")],
        &[expected],
    );
}

pub(super) fn text_that_is_very_long(lab: &Lab) {
    let long = "0123456789".repeat(1_000_000);
    lab.load(
        &typed(json!({"data_type": "text"})),
        &rows_of(&[json!(long)]),
    );
    let rows = lab.rows("t", "v");
    assert!(
        rows == [long],
        "{} texts, the first of {} bytes",
        rows.len(),
        rows[0].len()
    );
}

pub(super) fn empty_text_is_not_null(lab: &Lab) {
    let values = [json!(""), Value::Null, json!(" ")];
    round_trip(lab, json!({"data_type": "text"}), &values, &["", "∅", " "]);
}

pub(super) fn nulls_of_every_type(lab: &Lab) {
    let samples = [
        ("text", json!("x")),
        ("double", json!(1.5)),
        ("bool", json!(true)),
        ("timestamp", json!("1970-01-01T00:00:01Z")),
        ("bigint", json!(7)),
        ("json", json!([1])),
        ("decimal", json!("2.5")),
        ("wei", json!("3")),
        ("date", json!("2024-01-02")),
        ("time", json!("00:00:01")),
    ];
    let mut columns = Map::new();
    let mut row = Map::from_iter([("id".to_owned(), json!(1))]);
    for (data_type, value) in samples {
        columns.insert(format!("a_{data_type}"), json!({"data_type": data_type}));
        row.insert(format!("a_{data_type}"), value);
    }
    let names: Vec<String> = columns.keys().cloned().collect();
    let resource = json!({"name": "t", "columns": columns});
    lab.load(&resource, &[Value::Object(row), json!({"id": 2})]);
    let nulls = vec!["∅"; names.len()].join(" | ");
    let full = "x | 1.5 | true | 1000000 | 7 | [1] | 2.5 | 3 | 2024-01-02 | 1000000";
    lab.expect("t", &names.join(" "), &[full, &nulls]);
}

/// Rows that fill a hundred columns each, so that all of them together need `count` columns and none is a wide row.
fn narrow_rows(count: usize) -> Vec<Value> {
    let row = |start: usize| {
        let columns = start..start + 100;
        let fields = columns.map(|number| (format!("c{number}"), json!(number)));
        Value::Object(fields.collect())
    };
    (0..count).step_by(100).map(row).collect()
}

pub(super) fn columns_by_the_thousand(lab: &Lab) {
    let resource = json!({"name": "wide"});
    lab.load(&resource, &narrow_rows(1400));
    lab.load(&resource, &narrow_rows(1500)[14..]);
    assert_eq!(lab.columns("wide").len(), 1502);
    let rows = lab.rows("wide", "c0 c1399 c1499");
    assert_eq!(rows.len(), 15);
    for expected in ["0 | ∅ | ∅", "∅ | 1399 | ∅", "∅ | ∅ | 1499"] {
        assert!(rows.contains(&expected.to_owned()), "{rows:?}");
    }
}

pub(super) fn rows_in_many_batches(lab: &Lab) {
    let resource = json!({"name": "many"});
    let pages: Vec<_> = (0..10)
        .map(|page| {
            let rows = (0..10_000).map(|row| json!({"n": page * 10_000 + row, "tags": [row]}));
            rows.collect::<Vec<Value>>()
        })
        .collect();
    let rows: Vec<Value> = pages.into_iter().flatten().collect();
    lab.setup()
        .run(vec![of_rows(&resource, &rows)], &Default::default())
        .unwrap();
    let target = tipple_destination::Target::Final;
    assert_eq!(lab.count(target, "many"), 100_000);
    assert_eq!(lab.count(target, "many__tags"), 100_000);
    assert_eq!(lab.count_distinct("many", "n"), 100_000);
}

pub(super) fn arrow_rows(lab: &Lab) {
    let texts = StringArray::from(vec![Some("é"), None]);
    let resource = json!({"name": "t"});
    lab.setup().load_batch(&resource, batch(Arc::new(texts)));
    lab.setup()
        .load_batch(&resource, batch(Arc::new(StringArray::from(vec!["more"]))));
    lab.expect("t", "id v", &["1 | é", "2 | ∅", "1 | more"]);
}
