//! One value of an Arrow array as a tree, for nested columns that become JSON text.
//!
//! Nested columns are rare and small beside the others, so they take the plain way. Start with [`value_at`].

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, MapArray, OffsetSizeTrait, StructArray};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use tipple_json::{Timestamp, Value};

/// The value of `array` at `row`.
pub(crate) fn value_at(array: &ArrayRef, row: usize) -> Value {
    if array.data_type() == &DataType::Null || array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Struct(_) => members(array.as_struct(), row),
        DataType::List(_) => elements(array.as_list::<i32>(), row),
        DataType::LargeList(_) => elements(array.as_list::<i64>(), row),
        DataType::FixedSizeList(..) => all(&array.as_fixed_size_list().value(row)),
        DataType::Map(..) => entries(array.as_map(), row),
        _ => scalar(&array.slice(row, 1)),
    }
}

fn members(array: &StructArray, row: usize) -> Value {
    let columns = array.fields().iter().zip(array.columns());
    Value::Object(
        columns
            .map(|(f, column)| (f.name().clone(), value_at(column, row)))
            .collect(),
    )
}

fn elements<O: OffsetSizeTrait>(array: &GenericListArray<O>, row: usize) -> Value {
    all(&array.value(row))
}

fn all(array: &ArrayRef) -> Value {
    Value::List((0..array.len()).map(|row| value_at(array, row)).collect())
}

fn entries(array: &MapArray, row: usize) -> Value {
    let entries = array.value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    let entry = |row: usize| (text(&keys.slice(row, 1)), value_at(values, row));
    Value::Object((0..entries.len()).map(entry).collect())
}

/// The value of an array of one scalar.
fn scalar(array: &ArrayRef) -> Value {
    use arrow_array::types as t;
    let as_type = |target: &DataType| cast(array, target).ok();
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(0)),
        kind if kind.is_signed_integer() => as_type(&DataType::Int64).map_or(Value::Null, |a| {
            Value::Int(a.as_primitive::<t::Int64Type>().value(0))
        }),
        kind if kind.is_unsigned_integer() => {
            as_type(&DataType::UInt64).map_or(Value::Null, |array| {
                let value = array.as_primitive::<t::UInt64Type>().value(0);
                i64::try_from(value).map_or(Value::UInt(value), Value::Int)
            })
        }
        kind if kind.is_floating() => as_type(&DataType::Float64).map_or(Value::Null, |a| {
            Value::Float(a.as_primitive::<t::Float64Type>().value(0))
        }),
        DataType::Timestamp(_, zone) => {
            let zone = zone.clone().map(|_| "+00:00".into());
            let has_zone = zone.is_some();
            as_type(&DataType::Timestamp(TimeUnit::Microsecond, zone)).map_or(
                Value::Null,
                |array| {
                    let micros = array.as_primitive::<t::TimestampMicrosecondType>().value(0);
                    let at = if has_zone {
                        Timestamp::utc(micros)
                    } else {
                        Timestamp::naive(micros)
                    };
                    Value::Timestamp(at)
                },
            )
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            as_type(&DataType::Binary).map_or(Value::Null, |a| {
                Value::Binary(a.as_binary::<i32>().value(0).to_vec())
            })
        }
        kind if kind.is_decimal() => {
            // A number in JSON, as DuckDB and others make it.
            tipple_json::parse_value(text(array).as_bytes()).unwrap_or(Value::Null)
        }
        DataType::Dictionary(_, values) => {
            as_type(values).map_or(Value::Null, |array| value_at(&array, 0))
        }
        _ => Value::Text(text(array)),
    }
}

/// The text of an array of one scalar.
fn text(array: &ArrayRef) -> String {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(array.as_ref(), &options) {
        Ok(formatter) => formatter.value(0).to_string(),
        Err(_) => String::new(),
    }
}
