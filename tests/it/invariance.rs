//! Any items, on any number of threads, in pages of any size: the same schema and the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tipple_normalize::{NormalizeError, Normalizer, Place, RandomIds, Rules, TableBatch};
use tipple_schema::{Naming, Schema};

/// The same ids in the same order, whoever asks.
struct Counter(u64);

impl RandomIds for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// Schema and rows, table by table; or the error.
type Outcome = Result<(Value, BTreeMap<String, RecordBatch>), String>;

fn normalized(items: &[Value], threads: usize, page_sizes: &[usize]) -> Outcome {
    let schema = Schema::new("shop", "snake_case").unwrap();
    let naming = Naming::from_name("snake_case", Some(63)).unwrap();
    let mut rules = Rules::new(naming, "1700000000.5", Box::new(Counter(1)));
    rules.threads = threads;
    let mut normalizer = Normalizer::new(schema, rules).unwrap();
    let mut batches: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    let mut sink = |batch: TableBatch| {
        batches.entry(batch.table).or_default().push(batch.batch);
        Ok(())
    };
    let mut rest = items;
    for size in page_sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (page, later) = rest.split_at((*size).min(rest.len()));
        let text: String = page.iter().map(|item| format!("{item}\n")).collect();
        normalizer
            .push_json(
                "orders",
                &Bytes::from(text),
                &Place::start_of("test"),
                &mut sink,
            )
            .map_err(without_place)?;
        rest = later;
    }
    let schema = normalizer.finish(&mut sink).map_err(without_place)?.schema;
    let whole = |(table, batches): (String, Vec<RecordBatch>)| {
        let last = batches.last().unwrap().schema();
        // Batches made before a column was found do not have it.
        let widened = batches
            .iter()
            .map(|batch| widened(batch, &last))
            .collect::<Vec<_>>();
        (table, concat_batches(&last, &widened).unwrap())
    };
    let tables = batches.into_iter().map(whole).collect();
    Ok((schema.to_document(), with_places_for_ids(tables)))
}

/// Places count lines of pages, which differ with the pages.
fn without_place(error: NormalizeError) -> String {
    let text = error.to_string();
    text.split(" (").next().unwrap_or_default().to_owned()
}

/// Random ids are drawn in another order by several threads: each id is replaced by the place of its row.
fn with_places_for_ids(tables: BTreeMap<String, RecordBatch>) -> BTreeMap<String, RecordBatch> {
    let mut places = HashMap::new();
    for (table, batch) in &tables {
        if let Some(ids) = batch.column_by_name("_dlt_id") {
            let ids = ids.as_string::<i32>().iter().flatten().enumerate();
            places.extend(ids.map(|(row, id)| (id.to_owned(), format!("{table} {row}"))));
        }
    }
    let placed = |(field, column): (&FieldRef, &ArrayRef)| -> ArrayRef {
        if !field.name().ends_with("_id") || field.data_type() != &DataType::Utf8 {
            return Arc::clone(column);
        }
        let place = |id| places.get(id).map_or(id, String::as_str);
        let ids = column.as_string::<i32>().iter();
        Arc::new(ids.map(|id| id.map(place)).collect::<StringArray>())
    };
    let replaced = |(table, batch): (String, RecordBatch)| {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).map(placed);
        (
            table,
            RecordBatch::try_new(schema.clone(), columns.collect()).unwrap(),
        )
    };
    tables.into_iter().map(replaced).collect()
}

fn widened(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => arrow_array::new_null_array(field.data_type(), batch.num_rows()),
    };
    RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect()).unwrap()
}

fn item() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1000.0..1000.0f64).prop_map(Value::from),
        "[a-zé ]{0,6}".prop_map(Value::from),
        Just(json!("2024-01-02T03:04:05Z")),
        Just(json!("12")),
    ];
    let value = scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::vec((key(), value), 0..6)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "id", "a", "b", "aB", "a_b", "a b", "c", "list", "value", "x__y", "",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_result_does_not_depend_on_threads_and_pages(
        items in prop::collection::vec(item(), 0..40),
        sizes in prop::collection::vec(1usize..20, 1..5),
    ) {
        let expected = normalized(&items, 1, &[usize::MAX]);
        for threads in [1, 2, 8] {
            prop_assert_eq!(&normalized(&items, threads, &sizes), &expected, "{} threads", threads);
        }
    }
}
