//! Record batches as a sheet: a text for people and a JSON value for programs per cell.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use serde_json::{Map, Value};

use super::{Align, Sheet};

/// Rows of a query, with at most `rows_max` of them.
///
/// # Errors
/// A type that cannot be shown.
pub fn to_sheet(batches: &[RecordBatch], rows_max: Option<usize>) -> Result<Sheet, ArrowError> {
    let Some(first) = batches.first() else {
        return Ok(Sheet::default());
    };
    let schema = first.schema();
    let mut sheet = Sheet::of_columns(
        schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), side(field.data_type()))),
    );
    let mut left = rows_max.unwrap_or(usize::MAX);
    let options = FormatOptions::new()
        .with_null("")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    for batch in batches {
        let arrays: Vec<ArrayRef> = batch.columns().iter().map(with_offset).collect();
        let columns = arrays
            .iter()
            .map(|column| Ok((column, ArrayFormatter::try_new(column, &options)?)));
        let columns: Vec<(&ArrayRef, ArrayFormatter<'_>)> =
            columns.collect::<Result<_, ArrowError>>()?;
        for row in 0..batch.num_rows().min(left) {
            let cells = columns.iter().map(|(column, formatter)| {
                Ok((text(column, formatter, row)?, value(column, row)?))
            });
            sheet.push(cells.collect::<Result<_, ArrowError>>()?);
        }
        left = left.saturating_sub(batch.num_rows());
    }
    Ok(sheet)
}

/// The engine names the zone `UTC`; Arrow can show offsets only.
fn with_offset(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            Arc::new(times.clone().with_timezone_utc())
        }
        _ => Arc::clone(column),
    }
}

fn side(data_type: &DataType) -> Align {
    if data_type.is_numeric() {
        Align::Right
    } else {
        Align::Left
    }
}

fn text(
    column: &ArrayRef,
    formatter: &ArrayFormatter<'_>,
    row: usize,
) -> Result<String, ArrowError> {
    Ok(match column.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            formatter.value(row).try_to_string().map(|hex| {
                if hex.is_empty() {
                    hex
                } else {
                    format!("\\x{hex}")
                }
            })?
        }
        _ => formatter.value(row).try_to_string()?,
    })
}

/// One cell for programs. Numbers that JSON would round become texts.
fn value(column: &ArrayRef, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => float(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            decimal(&column.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Decimal256(..) => {
            decimal(&column.as_primitive::<Decimal256Type>().value_as_string(row))
        }
        DataType::List(_) => list(&column.as_list::<i32>().value(row))?,
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns().iter();
            let members = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok((field.name().clone(), value(column, row)?)));
            Value::Object(members.collect::<Result<Map<_, _>, ArrowError>>()?)
        }
        _ => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::new())?;
            Value::String(text(column, &formatter, row)?)
        }
    })
}

fn list(items: &ArrayRef) -> Result<Value, ArrowError> {
    (0..items.len())
        .map(|index| value(items, index))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

fn float(number: f64) -> Value {
    serde_json::Number::from_f64(number)
        .map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// A number if JSON holds it exactly, else its text.
fn decimal(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    match text.parse::<f64>() {
        Ok(number) if number.to_string() == text.trim_end_matches('0').trim_end_matches('.') => {
            float(number)
        }
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };

    use super::*;
    use crate::args::OutputForm;

    #[test]
    fn cells_are_exact_for_programs() {
        let decimals = Decimal128Array::from(vec![Some(1_250), Some(10_i128.pow(20) + 1)])
            .with_precision_and_scale(38, 2);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![1, 2]))),
            (
                "name",
                Arc::new(StringArray::from(vec![Some("é|,\""), None])),
            ),
            ("x", Arc::new(Float64Array::from(vec![1.5, f64::NAN]))),
            ("d", Arc::new(decimals.unwrap())),
            (
                "at",
                Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("UTC")),
            ),
            ("id", Arc::new(Int64Array::from(vec![None, Some(7)]))),
        ];
        let sheet = to_sheet(&[RecordBatch::try_from_iter(columns).unwrap()], None).unwrap();
        insta::assert_snapshot!(sheet.render(OutputForm::Jsonl), @r#"
        {"id":1,"name":"é|,\"","x":1.5,"d":12.5,"at":"1970-01-01T00:00:00Z","id_2":null}
        {"id":2,"name":null,"x":"NaN","d":"1000000000000000000.01","at":"1970-01-01T00:00:01.500Z","id_2":7}
        "#);
    }
}
