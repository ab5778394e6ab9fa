//! Batches of job files whose variant columns belong into the columns that they were made for.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, Schema as ArrowSchema, TimeUnit};
use arrow_select::zip::zip;
use indexmap::IndexMap;
use serde_json::Value;
use tipple_schema::{Column, DataType, Table};

/// How the columns of one table come together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fold {
    /// Column with its type → its variants.
    columns: IndexMap<String, (ArrowType, Vec<String>)>,
}

impl Fold {
    /// What the state of a package says about a table; nothing when its batches go as they are.
    ///
    /// `decimal` is precision and scale of a decimal without its own.
    pub fn read(entry: Option<&Value>, table: &Table, decimal: (u32, u32)) -> Option<Self> {
        let variants = entry?.get(&table.name)?.as_object()?;
        let mut fold = Fold::default();
        for (variant, column) in variants {
            let column = table.columns.get(column.as_str()?)?;
            let arrow_type = arrow_type(column, decimal)?;
            let entry = fold.columns.entry(column.name.clone());
            let (_, variants) = entry.or_insert_with(|| (arrow_type, Vec::new()));
            variants.push(variant.clone());
        }
        Some(fold)
    }

    /// The batch with its columns brought together.
    ///
    /// # Errors
    /// A value that the new type does not hold.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let is_variant = |name: &str| {
            let mut all = self.columns.values();
            all.any(|(_, variants)| variants.iter().any(|variant| variant == name))
        };
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if !is_variant(field.name()) && !self.columns.contains_key(field.name()) {
                fields.push(Arc::clone(field));
                arrays.push(Arc::clone(array));
            }
        }
        for (name, (arrow_type, variants)) in &self.columns {
            if let Some(values) = joined(batch, name, variants, arrow_type)? {
                fields.push(Arc::new(Field::new(name, arrow_type.clone(), true)));
                arrays.push(values);
            }
        }
        RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays)
    }
}

/// Values of a column and its variants, of which each row has at most one; nothing if the batch has none of them.
fn joined(
    batch: &RecordBatch,
    name: &str,
    variants: &[String],
    arrow_type: &ArrowType,
) -> Result<Option<ArrayRef>, ArrowError> {
    let names = std::iter::once(name).chain(variants.iter().map(String::as_str));
    let mut values: Option<ArrayRef> = None;
    for array in names.filter_map(|name| batch.column_by_name(name)) {
        let next = converted(array, arrow_type)?;
        values = Some(match values {
            None => next,
            Some(first) => zip(&has_value(&first), &first, &next)?,
        });
    }
    Ok(values)
}

fn has_value(array: &ArrayRef) -> BooleanArray {
    (0..array.len())
        .map(|row| Some(array.is_valid(row)))
        .collect()
}

fn converted(array: &ArrayRef, arrow_type: &ArrowType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == arrow_type {
        return Ok(Arc::clone(array));
    }
    if array.null_count() == array.len() {
        return Ok(new_null_array(arrow_type, array.len()));
    }
    if *arrow_type == ArrowType::Utf8
        && let Some(numbers) = array.as_primitive_opt::<Float64Type>()
    {
        // The shortest text that gives the number again, as JSON has it.
        let texts = numbers
            .iter()
            .map(|number| number.map(|number| format!("{number:?}")));
        return Ok(Arc::new(texts.collect::<StringArray>()));
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let ArrowType::Timestamp(unit, Some(zone)) = arrow_type else {
        return cast_with_options(array, arrow_type, &options);
    };
    // Days begin in UTC; as numbers, times with and without that zone are the same.
    let local = ArrowType::Timestamp(*unit, None);
    let times = cast_with_options(array, &local, &options)?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    Ok(Arc::new(times.clone().with_timezone(Arc::clone(zone))))
}

fn arrow_type(column: &Column, decimal: (u32, u32)) -> Option<ArrowType> {
    Some(match column.data_type? {
        DataType::Double => ArrowType::Float64,
        DataType::Text => ArrowType::Utf8,
        DataType::Decimal => {
            ArrowType::Decimal128(u8::try_from(decimal.0).ok()?, i8::try_from(decimal.1).ok()?)
        }
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, Float64Array, Int64Array, RecordBatch};
    use arrow_cast::display::array_value_to_string;
    use serde_json::json;

    use super::*;

    fn folded(data_type: DataType, batch: &RecordBatch) -> ArrayRef {
        let mut table = Table::new("orders");
        let mut column = Column::incomplete("c");
        column.data_type = Some(data_type);
        table.columns.insert("c".to_owned(), column);
        let entry = json!({"orders": {"c__v_a": "c", "c__v_b": "c"}});
        let fold = Fold::read(Some(&entry), &table, (38, 9)).unwrap();
        let batch = fold.apply(batch).unwrap();
        assert_eq!(batch.num_columns(), 1);
        Arc::clone(batch.column_by_name("c").unwrap())
    }

    fn texts(values: &ArrayRef) -> Vec<String> {
        (0..values.len())
            .map(|row| array_value_to_string(values, row).unwrap())
            .collect()
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
            .unwrap()
    }

    #[test]
    fn each_row_keeps_the_value_that_it_had() {
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, None, None]));
        let real: ArrayRef = Arc::new(Float64Array::from(vec![None, Some(2.5), None, None]));
        let text: ArrayRef = Arc::new(StringArray::from(vec![None, None, Some("x"), None]));
        let both = batch(vec![
            ("c", Arc::clone(&whole)),
            ("c__v_a", Arc::clone(&real)),
        ]);
        assert_eq!(
            texts(&folded(DataType::Double, &both)),
            ["1.0", "2.5", "", ""]
        );
        let all = batch(vec![("c", whole), ("c__v_a", real), ("c__v_b", text)]);
        assert_eq!(texts(&folded(DataType::Text, &all)), ["1", "2.5", "x", ""]);
    }

    #[test]
    fn a_batch_with_only_one_of_the_columns_is_converted_too() {
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![Some(7)]));
        let decimals = folded(DataType::Decimal, &batch(vec![("c", whole)]));
        assert_eq!(texts(&decimals), ["7.000000000"]);
        let day: ArrayRef = Arc::new(Date32Array::from(vec![Some(1)]));
        let times = folded(DataType::Timestamp, &batch(vec![("c__v_a", day)]));
        let times = times.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values(), &[24 * 60 * 60 * 1_000_000]);
    }
}
