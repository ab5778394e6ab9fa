//! The fast path and the reference must give the same tables, whatever the items look like, however the text is cut,
//! and by any number of threads.
//!
//! Items are made to be hostile in the ways that matter: few keys that clash once normalized, repeated keys, values of all
//! kinds in one column, lists in lists, marked texts, names of system columns. They come in runs of one shape, because
//! otherwise the fast path would never be in use.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType as ArrowType;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use tipple_schema::{Column, DataType, Naming, Schema, Table};

use crate::{Normalized, Normalizer, Place, RandomIds, Rules, TableBatch, VariantNote};

/// JSON as text could have it, repeated keys included.
#[derive(Debug, Clone)]
enum Json {
    Scalar(&'static str),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

const KEYS: [&str; 22] = [
    "id",
    "a",
    "A",
    "b",
    "a__b",
    "l",
    "L",
    "list",
    "value",
    "",
    " ",
    "é",
    "c d",
    "a__v_text",
    "a__v_double",
    "ts",
    "j",
    "q\\\"x",
    "\\u0061",
    "_dlt_id",
    "_dlt_load_id",
    "_dlt_root_id",
];

/// Keys that are no names of the system, which would keep tables out of the fast path altogether.
const USUAL_KEYS: usize = 19;

const SCALARS: [&str; 38] = [
    "null",
    "null",
    "1",
    "2",
    "-3",
    "0",
    "-0",
    "2.0",
    "2.5",
    "-0.0",
    "1e3",
    "1e-7",
    "1e300",
    "true",
    "false",
    "\"\"",
    "\"x\"",
    "\"yes\"",
    "\"5\"",
    "\" 7 \"",
    "\"0x1f\"",
    "\"1.5\"",
    "\"12.50\"",
    "\"2024-01-02\"",
    "\"2024-01-02T03:04:05Z\"",
    "\"2024-01-02 03:04:05.5+02:00\"",
    "\"20240102T030405\"",
    "\"12:30:00\"",
    "\"é😀\"",
    "\"a\\nb\\u00e9\\\"\"",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678",
    "1700000000",
    "\"AP8=\"",
    "\"{\\\"k\\\":1}\"",
    "\"\u{f026}1.50\"",
    "\"\\uf0271970-01-01T00:00:01+00:00\"",
];

fn json(depth: u32) -> impl Strategy<Value = Json> {
    let scalar = prop::sample::select(&SCALARS[..]).prop_map(Json::Scalar);
    scalar.prop_recursive(depth, 40, 5, |inner| {
        let key = prop_oneof![
            30 => prop::sample::select(&KEYS[..USUAL_KEYS]),
            1 => prop::sample::select(&KEYS[..]),
        ];
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Json::List),
            3 => prop::collection::vec((key, inner), 0..5).prop_map(Json::Object),
        ]
    })
}

fn item() -> impl Strategy<Value = Json> {
    let key = prop::sample::select(&KEYS[..USUAL_KEYS]);
    prop_oneof![
        20 => prop::collection::vec((key, json(4)), 0..7).prop_map(Json::Object),
        1 => json(3),
    ]
}

/// Items in runs: each shape some times with other scalars.
fn items() -> impl Strategy<Value = Vec<Json>> {
    let shapes = prop::collection::vec(item(), 1..4);
    let picks = prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..150);
    (shapes, picks).prop_map(|(shapes, picks)| {
        picks
            .into_iter()
            .map(|(shape, seed)| varied(shape.get(&shapes), seed))
            .collect()
    })
}

/// `json` with some scalars replaced.
fn varied(json: &Json, seed: u64) -> Json {
    let mut seed = seed | 1;
    vary(json, &mut seed)
}

fn vary(json: &Json, seed: &mut u64) -> Json {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let roll = *seed >> 40;
    match json {
        Json::Scalar(_) if roll.is_multiple_of(23) => {
            Json::Scalar(SCALARS[(roll / 23) as usize % SCALARS.len()])
        }
        Json::Scalar(scalar) => Json::Scalar(scalar),
        Json::List(elements) => Json::List(elements.iter().map(|e| vary(e, seed)).collect()),
        Json::Object(members) => Json::Object(
            members
                .iter()
                .filter(|_| !roll.is_multiple_of(31))
                .map(|(key, value)| (*key, vary(value, seed)))
                .collect(),
        ),
    }
}

fn write_json(json: &Json, is_spaced: bool, out: &mut String) {
    let blank = if is_spaced { " " } else { "" };
    let (open, close) = if matches!(json, Json::List(_)) {
        ('[', ']')
    } else {
        ('{', '}')
    };
    match json {
        Json::Scalar(scalar) => return out.push_str(scalar),
        Json::List(elements) => {
            out.push(open);
            for (i, element) in elements.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { blank });
                write_json(element, is_spaced, out);
            }
        }
        Json::Object(members) => {
            out.push(open);
            for (i, (key, value)) in members.iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{blank}\"{key}\"{blank}:{blank}");
                write_json(value, is_spaced, out);
            }
        }
    }
    out.push_str(blank);
    out.push(close);
}

fn text_of(items: &[Json]) -> Vec<String> {
    let text = |(i, item): (usize, &Json)| {
        let mut text = String::new();
        write_json(item, i % 5 == 0, &mut text);
        text.push_str(if i % 3 == 0 { "\n" } else { " , " });
        text
    };
    items.iter().enumerate().map(text).collect()
}

/// Random ids that are always the same.
struct Numbers(u64);

impl RandomIds for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// What a resource may have said of its table.
const SETUPS: usize = 10;

fn declared(setup: usize) -> Table {
    let mut table = Table::new("t");
    let mut hint = |name: &str, value: serde_json::Value| {
        table.hints.insert(name.to_owned(), value);
    };
    hint("write_disposition", "append".into());
    hint("resource", "t".into());
    match setup {
        1 => hint("x-normalizer", json!({"max_nesting": 1})),
        2 => hint("schema_contract", json!({"columns": "discard_value"})),
        3 => hint(
            "schema_contract",
            json!({"columns": "discard_row", "tables": "discard_row"}),
        ),
        4 => hint("schema_contract", json!({"data_type": "discard_value"})),
        5 => hint("x-normalizer", json!({"max_nesting": 2})),
        6 => hint("write_disposition", "merge".into()),
        7 => hint("x-merge-strategy", "upsert".into()),
        _ => {}
    }
    let mut column = |name: &str, data_type: DataType| {
        table
            .columns
            .insert(name.to_owned(), Column::new(name, data_type));
    };
    match setup {
        8 => {
            column("j", DataType::Json);
            column("a", DataType::Text);
            column("b", DataType::Decimal);
        }
        9 => {
            column("a", DataType::Double);
            column("ts", DataType::Timestamp);
            column("value", DataType::Bool);
            column("l", DataType::Json);
        }
        7 => {
            column("id", DataType::Text);
            if let Some(id) = table.columns.get_mut("id") {
                id.hints.insert("primary_key".to_owned(), true.into());
            }
            table
                .hints
                .insert("write_disposition".to_owned(), "merge".into());
        }
        _ => {}
    }
    table
}

fn schema(setup: usize) -> Schema {
    let mut schema = Schema::new("s", "snake_case").expect("a good name");
    if setup == 6 {
        let propagation = json!({"tables": {"t": {"_dlt_id": "_dlt_root_id"}}});
        let json = json!({"module": "dlt.common.normalizers.json.relational",
            "config": {"propagation": propagation}});
        schema.normalizers.insert("json".to_owned(), json);
    }
    schema
}

/// How a text is normalized.
#[derive(Debug, Clone, Copy)]
struct Way {
    is_reference: bool,
    threads: usize,
    /// Items per page.
    page: usize,
    batch_bytes_max: usize,
}

const PLAIN: Way = Way {
    is_reference: true,
    threads: 1,
    page: 1000,
    batch_bytes_max: 8 << 20,
};

/// Everything that may differ, as text.
fn normalized(texts: &[String], setup: usize, way: Way) -> String {
    match outcome(texts, setup, way) {
        Ok((batches, outcome)) => rendered(&batches, &outcome),
        Err(error) => error,
    }
}

/// All batches, byte for byte; random ids are those of one seed.
fn batches(texts: &[String], setup: usize, way: Way) -> Result<Vec<(String, RecordBatch)>, String> {
    let (batches, _) = outcome(texts, setup, way)?;
    Ok(batches
        .into_iter()
        .map(|batch| (batch.table, batch.batch))
        .collect())
}

/// Tables, columns and row counts of batches.
fn forms(batches: &[(String, RecordBatch)]) -> Vec<String> {
    let form = |(table, batch): &(String, RecordBatch)| {
        format!("{table} {} {:?}", batch.num_rows(), batch.schema())
    };
    batches.iter().map(form).collect()
}

fn outcome(
    texts: &[String],
    setup: usize,
    way: Way,
) -> Result<(Vec<TableBatch>, Normalized), String> {
    let naming = Naming::from_name("snake_case", None).expect("a known name");
    let mut rules = Rules::new(naming, "1700000000.5", Box::new(Numbers(5)));
    rules.threads = way.threads;
    rules.batch_bytes_max = way.batch_bytes_max;
    rules.process_start = 1.7e9;
    let mut normalizer = Normalizer::new(schema(setup), rules).expect("good settings");
    normalizer.declare(declared(setup)).expect("a good table");
    if way.is_reference {
        normalizer.use_reference_only();
    }
    let mut batches: Vec<TableBatch> = Vec::new();
    let mut sink = |batch| {
        batches.push(batch);
        Ok(())
    };
    let place = Place::start_of("test");
    for page in texts.chunks(way.page) {
        let page = Bytes::from(page.concat());
        let result = normalizer.push_json("t", &page, &place, &mut sink);
        result.map_err(|error| without_place(&error.to_string()))?;
    }
    let outcome = normalizer.finish(&mut sink);
    let outcome = outcome.map_err(|error| without_place(&error.to_string()))?;
    Ok((batches, outcome))
}

/// Places count lines and items of pages, which differ with the pages.
fn without_place(error: &str) -> String {
    error.split(" (test").next().unwrap_or(error).to_owned()
}

fn rendered(batches: &[TableBatch], outcome: &Normalized) -> String {
    let mut out = String::new();
    let mut names: Vec<&str> = outcome.schema.tables.keys().map(String::as_str).collect();
    names.retain(|name| batches.iter().any(|batch| batch.table == *name));
    let mut ids = Ids::new();
    for name in &names {
        // A table can come before that of its parent, so all ids are known before the first row is written.
        each_value(batches, name, |row, column, text| {
            if is_id(column) {
                ids.entry(text).or_insert_with(|| format!("{name}#{row}"));
            }
        });
    }
    for name in &names {
        let mut last = None;
        each_value(batches, name, |row, column, text| {
            if last.replace(row) != Some(row) {
                let _ = writeln!(out, "{name} {row}");
            }
            let place = ids.get(&text).filter(|_| column.starts_with("_dlt"));
            let _ = writeln!(out, "  {column} {}", place.unwrap_or(&text));
        });
    }
    let _ = writeln!(out, "{:#}", outcome.schema.to_document());
    let _ = writeln!(out, "{:?}", outcome.updates);
    let _ = writeln!(out, "{:?} {:?}", outcome.rows, outcome.null_only);
    let _ = writeln!(out, "{:?} {:?}", outcome.unbound, outcome.causes);
    let variants: Vec<VariantNote> = outcome
        .variants
        .iter()
        .map(|note| with_place(note, &ids))
        .collect();
    let _ = writeln!(out, "{variants:?} {:?}", outcome.rejected);
    out
}

/// Random ids and the places of their rows.
type Ids = std::collections::HashMap<String, String>;

/// True for the columns that hold the id of a row: one that does not fit a column of the data stands in a variant.
fn is_id(column: &str) -> bool {
    ["_dlt_id", "_dlt_id__v_text"].contains(&column)
}

/// A note whose first value is a random id names the place of its row, as the rows do.
fn with_place(note: &VariantNote, ids: &Ids) -> VariantNote {
    let mut note = note.clone();
    if let Some(place) = ids
        .get(&note.first)
        .filter(|_| note.column.starts_with("_dlt"))
    {
        note.first.clone_from(place);
    }
    note
}

/// Gives each value of a table that is not null: number of the row, column, text.
fn each_value(batches: &[TableBatch], table: &str, mut take: impl FnMut(usize, &str, String)) {
    let options = FormatOptions::default();
    let mut row_number = 0;
    for batch in batches.iter().filter(|batch| batch.table == table) {
        let schema = batch.batch.schema();
        for row in 0..batch.batch.num_rows() {
            for (field, array) in schema.fields().iter().zip(batch.batch.columns()) {
                if array.is_null(row) {
                    continue;
                }
                let plain = match array.data_type() {
                    // The formatter knows no time zones.
                    ArrowType::Timestamp(..) => cast(array, &ArrowType::Int64).expect("numbers"),
                    _ => Arc::clone(array),
                };
                let formatter =
                    ArrayFormatter::try_new(&plain, &options).expect("a printable type");
                take(row_number, field.name(), formatter.value(row).to_string());
            }
            row_number += 1;
        }
    }
}

#[track_caller]
fn check_same(texts: &[String], setup: usize, way: Way) {
    let expected = normalized(texts, setup, PLAIN);
    let actual = normalized(texts, setup, way);
    assert!(
        expected == actual,
        "{way:?} {setup}\n{}\n{}",
        texts.concat(),
        diff(&expected, &actual)
    );
}

fn diff(expected: &str, actual: &str) -> String {
    let different = expected
        .lines()
        .zip(actual.lines())
        .enumerate()
        .find(|(_, (a, b))| a != b);
    let Some((line, (expected, actual))) = different else {
        return format!("{} and {} characters", expected.len(), actual.len());
    };
    format!("line {line}\nreference: {expected}\nfast:      {actual}")
}

proptest! {
    #[test]
    fn fast_equals_reference(items in items(), setup in 0..SETUPS, page in 1usize..200) {
        check_same(&text_of(&items), setup, Way { is_reference: false, page, ..PLAIN });
    }

    #[test]
    fn batches_of_any_size_hold_the_same_rows(
        items in items(),
        setup in 0..SETUPS,
        page in 1usize..200,
        batch_bytes_max in 1usize..5_000,
        is_reference: bool,
    ) {
        let way = Way { is_reference, threads: 1, page, batch_bytes_max };
        check_same(&text_of(&items), setup, way);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_rows(
        items in items(),
        setup in 0..SETUPS,
        page in 1usize..100,
        threads in prop::sample::select(&[2usize, 8][..]),
        batch_bytes_max in 1usize..5_000,
    ) {
        let way = Way { is_reference: false, threads, page, batch_bytes_max };
        check_same(&text_of(&items), setup, way);
    }

    #[test]
    fn batches_do_not_depend_on_the_number_of_threads(
        items in items(),
        setup in 0..SETUPS,
        page in 1usize..100,
        batch_bytes_max in 1usize..5_000,
    ) {
        let texts = text_of(&items);
        let batches = |threads| {
            batches(&texts, setup, Way { is_reference: false, threads, page, batch_bytes_max })
        };
        let (one, two, eight) = (batches(1), batches(2), batches(8));
        prop_assert_eq!(&two, &eight);
        // Random ids are drawn in another way.
        prop_assert_eq!(one.map(|batches| forms(&batches)), two.map(|batches| forms(&batches)));
    }
}
