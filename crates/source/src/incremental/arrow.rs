//! Filters the rows of an Arrow batch: the same machine as for JSON, values read from columns.
//!
//! The cursor path must be the name of a column; rows without a value are those with null. A start value that was
//! written as text follows the type of the column, because pipeline files have no way to write a date.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use tipple_json::{Timestamp, Value};

use super::Cursor;
use super::DAY;
use super::error::CursorError;
use super::filter::Finder;
use super::hash::dedup_hash;
use super::machine::Verdict;
use super::value::CursorValue;
use crate::spec::{Key, MissingValue};

/// The kept rows of `batch`.
pub(super) fn filter(cursor: &mut Cursor, batch: &RecordBatch) -> Result<RecordBatch, CursorError> {
    let name = match &cursor.finder {
        Finder::Member(name) => name.clone(),
        Finder::Path(_) => cursor.spec.cursor_path.clone(),
    };
    let column = batch
        .column_by_name(&name)
        .ok_or_else(|| CursorError::PathMissing {
            item: format!("columns {}", column_names(batch).join(", ")),
        })?;
    follow_column_type(cursor, column);
    let mut verdicts = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        verdicts.push(judge(cursor, batch, column, row)?);
    }
    remember_newest(cursor, batch, &verdicts)?;
    let mask: BooleanArray = verdicts
        .iter()
        .map(|verdict| Some(*verdict != Verdict::Drop))
        .collect();
    arrow_select::filter::filter_record_batch(batch, &mask).map_err(|error| {
        CursorError::ColumnType {
            data_type: error.to_string(),
        }
    })
}

fn column_names(batch: &RecordBatch) -> Vec<String> {
    batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

fn judge(
    cursor: &mut Cursor,
    batch: &RecordBatch,
    column: &ArrayRef,
    row: usize,
) -> Result<Verdict, CursorError> {
    let Some(value) = CursorValue::from_value(value_at(column, row)?) else {
        return match cursor.spec.on_cursor_value_missing {
            MissingValue::Include => Ok(Verdict::Keep),
            MissingValue::Exclude => Ok(Verdict::Drop),
            MissingValue::Raise => Err(CursorError::ValueNull {
                item: format!("row {row}"),
            }),
        };
    };
    let key = cursor.key.as_ref();
    cursor
        .machine
        .judge(value, |is_legacy| row_hash(key, batch, row, is_legacy))
}

fn remember_newest(
    cursor: &mut Cursor,
    batch: &RecordBatch,
    verdicts: &[Verdict],
) -> Result<(), CursorError> {
    if !cursor.machine.is_deduplicating {
        return Ok(());
    }
    let first = verdicts
        .iter()
        .rposition(|verdict| *verdict == Verdict::KeepAsNewest)
        .unwrap_or(0);
    for (row, verdict) in verdicts.iter().enumerate().skip(first) {
        if matches!(verdict, Verdict::KeepAtNewest | Verdict::KeepAsNewest) {
            let is_legacy = cursor.machine.is_legacy();
            let hash = row_hash(cursor.key.as_ref(), batch, row, is_legacy)?;
            cursor.machine.hashes.insert(hash);
        }
    }
    Ok(())
}

fn row_hash(
    key: Option<&Key>,
    batch: &RecordBatch,
    row: usize,
    is_legacy: bool,
) -> Result<String, CursorError> {
    let column = |name: &String| match batch.column_by_name(name) {
        Some(column) => value_at(column, row),
        None => {
            let item = format!("columns {}", column_names(batch).join(", "));
            Err(CursorError::KeyMissing {
                column: name.clone(),
                item,
            })
        }
    };
    let hashed = match key {
        Some(Key::One(name)) => column(name)?,
        Some(Key::Many(names)) => Value::List(names.iter().map(column).collect::<Result<_, _>>()?),
        None => {
            let names = column_names(batch).into_iter();
            let members = names.map(|name| column(&name).map(|value| (name, value)));
            Value::Object(members.collect::<Result<_, _>>()?)
        }
    };
    Ok(dedup_hash(hashed, is_legacy))
}

/// Turns a start or end that is a text or a date into what the column holds.
fn follow_column_type(cursor: &mut Cursor, column: &ArrayRef) {
    let machine = &mut cursor.machine;
    for bound in [&mut machine.start, &mut machine.newest, &mut machine.end] {
        let followed = bound
            .as_ref()
            .and_then(|value| as_column_value(value, column.data_type()));
        if let Some(followed) = followed {
            *bound = Some(followed);
        }
    }
}

fn as_column_value(value: &CursorValue, data_type: &DataType) -> Option<CursorValue<'static>> {
    let value = match value {
        CursorValue::Text(text) if matches!(data_type, DataType::Date32 | DataType::Date64) => {
            marked('\u{F028}', text)?
        }
        CursorValue::Text(text) if matches!(data_type, DataType::Timestamp(..)) => {
            marked('\u{F027}', text)?
        }
        CursorValue::Date(days) => CursorValue::Date(*days),
        _ => return None,
    };
    match (value, data_type) {
        (CursorValue::Date(days), DataType::Timestamp(..)) => Some(CursorValue::Timestamp(
            Timestamp::naive(i64::from(days) * DAY),
        )),
        (value, _) => Some(value),
    }
}

/// The typed value that `text` stands for under `mark`.
fn marked(mark: char, text: &str) -> Option<CursorValue<'static>> {
    let value = super::typed::decode(Value::Text(format!("{mark}{text}")));
    CursorValue::from_value(value).filter(|value| !matches!(value, CursorValue::Text(_)))
}

/// One value of a column as a tree.
fn value_at(column: &dyn Array, row: usize) -> Result<Value, CursorError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    if let Some(number) = integer_at(column, row) {
        return Ok(number);
    }
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Float16 => Value::Float(column.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => {
            Value::Float(f64::from(column.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => Value::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            Value::Decimal(column.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Value::Text(column.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Value::Text(column.as_string_view().value(row).to_owned()),
        DataType::Binary => Value::Binary(column.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary => Value::Binary(column.as_binary::<i64>().value(row).to_vec()),
        DataType::Date32 => Value::Date(column.as_primitive::<Date32Type>().value(row)),
        DataType::Date64 => {
            let millis = column.as_primitive::<Date64Type>().value(row);
            Value::Date(millis.div_euclid(DAY / 1000) as i32)
        }
        DataType::Timestamp(unit, zone) => {
            let micros = timestamp_micros(column, row, unit);
            let offset_seconds = zone.as_deref().map(offset_of);
            Value::Timestamp(Timestamp {
                micros,
                offset_seconds,
            })
        }
        DataType::Time32(_) | DataType::Time64(_) => Value::Time(time_micros(column, row)),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            value_at(dictionary.values(), dictionary.normalized_keys()[row])?
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            let members = columns.map(|(field, column)| {
                value_at(column, row).map(|value| (field.name().clone(), value))
            });
            Value::Object(members.collect::<Result<_, _>>()?)
        }
        DataType::List(_) => list_of(&column.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list_of(&column.as_list::<i64>().value(row))?,
        other => {
            return Err(CursorError::ColumnType {
                data_type: other.to_string(),
            });
        }
    })
}

fn list_of(elements: &ArrayRef) -> Result<Value, CursorError> {
    (0..elements.len())
        .map(|row| value_at(elements, row))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

fn integer_at(column: &dyn Array, row: usize) -> Option<Value> {
    let signed = match column.data_type() {
        DataType::Int8 => i64::from(column.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => i64::from(column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => i64::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row),
        DataType::UInt8 => i64::from(column.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => i64::from(column.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => i64::from(column.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => {
            let number = column.as_primitive::<UInt64Type>().value(row);
            return Some(i64::try_from(number).map_or(Value::UInt(number), Value::Int));
        }
        _ => return None,
    };
    Some(Value::Int(signed))
}

fn timestamp_micros(column: &dyn Array, row: usize, unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => column
            .as_primitive::<TimestampSecondType>()
            .value(row)
            .saturating_mul(1_000_000),
        TimeUnit::Millisecond => column
            .as_primitive::<TimestampMillisecondType>()
            .value(row)
            .saturating_mul(1_000),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => column
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
            .div_euclid(1_000),
    }
}

fn time_micros(column: &dyn Array, row: usize) -> i64 {
    match column.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            i64::from(column.as_primitive::<Time32SecondType>().value(row)) * 1_000_000
        }
        DataType::Time32(_) => {
            i64::from(column.as_primitive::<Time32MillisecondType>().value(row)) * 1_000
        }
        DataType::Time64(TimeUnit::Nanosecond) => column
            .as_primitive::<Time64NanosecondType>()
            .value(row)
            .div_euclid(1_000),
        _ => column.as_primitive::<Time64MicrosecondType>().value(row),
    }
}

/// Seconds of a fixed offset such as `+02:00`; a named zone is shown at UTC.
fn offset_of(zone: &str) -> i32 {
    let (sign, digits) = match zone.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return 0,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let number = |text: &str| text.parse::<i32>().unwrap_or(0);
    sign * (number(hours) * 3600 + number(minutes) * 60)
}
