//! Arrow batches from rows, with the types that `pyarrow.Table.from_pylist` would infer.
//!
//! Columns are the keys of the first row; a column's type comes from all its values. Scalars are built as text and cast,
//! which is slow and short: cases are small.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, NullArray,
    RecordBatch, RecordBatchOptions, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::typed::typed_parts;

/// One batch of all rows.
pub(super) fn batch_from_rows(rows: &[Value], is_typed: bool) -> Result<RecordBatch, String> {
    let keys: Vec<&String> = match rows.first() {
        Some(Value::Object(first)) => first.keys().collect(),
        Some(other) => return Err(format!("an Arrow row must be an object, not {other}")),
        None => Vec::new(),
    };
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for key in keys {
        let values: Vec<Option<&Value>> = rows
            .iter()
            .map(|row| row.get(key).filter(|value| !value.is_null()))
            .collect();
        let inference = Inference { is_typed };
        let data_type = inference.data_type(&values)?;
        columns.push(inference.build(&values, &data_type)?);
        fields.push(Field::new(key, data_type, true));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(|error| error.to_string())
}

#[derive(Clone, Copy)]
struct Inference {
    /// Whether objects such as `{"$date": …}` stand for values that JSON lacks.
    is_typed: bool,
}

impl Inference {
    fn typed(self, value: &Value) -> Option<(&str, &str)> {
        typed_parts(value).filter(|_| self.is_typed)
    }

    fn data_type(self, values: &[Option<&Value>]) -> Result<DataType, String> {
        let mut found = DataType::Null;
        for value in values.iter().copied().flatten() {
            found = unified(found, self.type_of(value)?)?;
        }
        Ok(match found {
            DataType::Struct(_) => self.struct_type(values)?,
            DataType::List(_) => self.list_type(values)?,
            other => other,
        })
    }

    /// Type of one value; the inside of objects and lists is looked at later, over all values.
    fn type_of(self, value: &Value) -> Result<DataType, String> {
        if let Some((kind, text)) = self.typed(value) {
            return typed_type(kind, text);
        }
        Ok(match value {
            Value::Null => DataType::Null,
            Value::Bool(_) => DataType::Boolean,
            Value::Number(number) if number.is_i64() => DataType::Int64,
            Value::Number(number) if number.is_u64() => {
                return Err(format!("{number} is too large for an Arrow integer"));
            }
            Value::Number(_) => DataType::Float64,
            Value::String(_) => DataType::Utf8,
            Value::Array(_) => DataType::List(Arc::new(Field::new("item", DataType::Null, true))),
            Value::Object(_) => DataType::Struct(Fields::empty()),
        })
    }

    fn struct_type(self, values: &[Option<&Value>]) -> Result<DataType, String> {
        let mut keys: Vec<&String> = Vec::new();
        for key in values
            .iter()
            .flatten()
            .filter_map(|value| value.as_object())
            .flat_map(|o| o.keys())
        {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let field = |key: &String| {
            let data_type = self.data_type(&members(values, key))?;
            Ok::<_, String>(Field::new(key, data_type, true))
        };
        Ok(DataType::Struct(
            keys.into_iter().map(field).collect::<Result<_, _>>()?,
        ))
    }

    fn list_type(self, values: &[Option<&Value>]) -> Result<DataType, String> {
        let item_type = self.data_type(&list_items(values))?;
        Ok(DataType::List(Arc::new(Field::new(
            "item", item_type, true,
        ))))
    }

    fn build(self, values: &[Option<&Value>], data_type: &DataType) -> Result<ArrayRef, String> {
        Ok(match data_type {
            DataType::Null => Arc::new(NullArray::new(values.len())),
            DataType::Boolean => Arc::new(
                values
                    .iter()
                    .map(|v| (*v)?.as_bool())
                    .collect::<BooleanArray>(),
            ),
            DataType::Int64 => Arc::new(
                values
                    .iter()
                    .map(|v| (*v)?.as_i64())
                    .collect::<Int64Array>(),
            ),
            DataType::Float64 => Arc::new(
                values
                    .iter()
                    .map(|v| self.float((*v)?))
                    .collect::<Float64Array>(),
            ),
            DataType::Binary => {
                let bytes: Vec<Option<Vec<u8>>> =
                    values.iter().map(|v| self.bytes((*v)?)).collect();
                Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
            }
            DataType::Struct(fields) => self.build_struct(values, fields)?,
            DataType::List(item) => self.build_list(values, item)?,
            scalar => self.build_text(values, scalar)?,
        })
    }

    fn float(self, value: &Value) -> Option<f64> {
        match self.typed(value) {
            Some((_, text)) => text.parse().ok(),
            None => value.as_f64(),
        }
    }

    fn bytes(self, value: &Value) -> Option<Vec<u8>> {
        STANDARD.decode(self.typed(value)?.1).ok()
    }

    fn build_text(self, values: &[Option<&Value>], to: &DataType) -> Result<ArrayRef, String> {
        let text = |value: &Option<&Value>| -> Option<String> {
            let value = (*value)?;
            let plain = || {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            Some(
                self.typed(value)
                    .map_or_else(plain, |(_, text)| text.to_owned()),
            )
        };
        let texts: StringArray = values.iter().map(text).collect();
        let DataType::Timestamp(unit, Some(zone)) = to else {
            return cast(&texts, to).map_err(|error| error.to_string());
        };
        // Instants are read in UTC by its offset; named zones need a database that nothing else here needs.
        let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
        let instants = cast(&texts, &utc).map_err(|error| error.to_string())?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>().clone();
        Ok(Arc::new(instants.with_timezone(zone.clone())))
    }

    fn build_struct(self, values: &[Option<&Value>], fields: &Fields) -> Result<ArrayRef, String> {
        let column =
            |field: &Arc<Field>| self.build(&members(values, field.name()), field.data_type());
        let columns: Vec<ArrayRef> = fields.iter().map(column).collect::<Result<_, _>>()?;
        let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
        let array =
            StructArray::try_new_with_length(fields.clone(), columns, Some(nulls), values.len());
        Ok(Arc::new(array.map_err(|error| error.to_string())?))
    }

    fn build_list(self, values: &[Option<&Value>], item: &Arc<Field>) -> Result<ArrayRef, String> {
        let lengths = values
            .iter()
            .map(|v| v.and_then(Value::as_array).map_or(0, Vec::len));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let items = self.build(&list_items(values), item.data_type())?;
        let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
        let array = ListArray::try_new(item.clone(), offsets, items, Some(nulls));
        Ok(Arc::new(array.map_err(|error| error.to_string())?))
    }
}

fn members<'a>(values: &[Option<&'a Value>], key: &str) -> Vec<Option<&'a Value>> {
    let member = |value: &Option<&'a Value>| (*value)?.get(key).filter(|value| !value.is_null());
    values.iter().map(member).collect()
}

fn list_items<'a>(values: &[Option<&'a Value>]) -> Vec<Option<&'a Value>> {
    let lists = values.iter().copied().flatten().filter_map(Value::as_array);
    lists
        .flatten()
        .map(|item| Some(item).filter(|item| !item.is_null()))
        .collect()
}

fn typed_type(kind: &str, text: &str) -> Result<DataType, String> {
    Ok(match kind {
        "decimal" => decimal_type(text),
        "datetime" => DataType::Timestamp(TimeUnit::Microsecond, zone(text)),
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "bytes" => DataType::Binary,
        "float" => DataType::Float64,
        _ => return Err("Arrow does not take a UUID".to_owned()),
    })
}

/// Digits of a decimal as pyarrow counts them: 0.05 has two.
fn decimal_type(text: &str) -> DataType {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let fraction = mantissa
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len() as i64);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').len().max(1) as i64;
    let exponent = exponent.parse::<i64>().unwrap_or(0) - fraction;
    let (precision, scale) = if exponent < 0 {
        (digits.max(-exponent), -exponent)
    } else {
        (digits + exponent, 0)
    };
    decimal(precision, scale)
}

fn decimal(precision: i64, scale: i64) -> DataType {
    let (precision, scale) = (precision.clamp(1, 76) as u8, scale.clamp(0, 76) as i8);
    if precision > 38 {
        DataType::Decimal256(precision, scale)
    } else {
        DataType::Decimal128(precision, scale)
    }
}

/// Zone of a timestamp as its text names it.
fn zone(text: &str) -> Option<Arc<str>> {
    let time = text.get(10..)?;
    if time.ends_with('Z') {
        return Some("UTC".into());
    }
    let start = time.rfind(['+', '-'])?;
    let offset = &time[start..];
    Some(if offset.trim_matches(['+', '-', '0', ':']).is_empty() {
        "UTC".into()
    } else {
        offset.into()
    })
}

/// One type for two values of a column.
fn unified(a: DataType, b: DataType) -> Result<DataType, String> {
    use DataType::{Decimal128, Decimal256, Float64, Int64, Null};
    let places = |data_type: &DataType| match data_type {
        Decimal128(precision, scale) | Decimal256(precision, scale) => {
            Some((i64::from(*precision) - i64::from(*scale), i64::from(*scale)))
        }
        Int64 => Some((19, 0)),
        _ => None,
    };
    Ok(match (&a, &b) {
        (Null, _) => b,
        (_, Null) => a,
        (Int64, Float64) | (Float64, Int64) => Float64,
        (DataType::Struct(_), DataType::Struct(_)) | (DataType::List(_), DataType::List(_)) => a,
        (DataType::Timestamp(..), DataType::Timestamp(..)) => a,
        _ if a == b => a,
        _ => match (places(&a), places(&b)) {
            (Some((whole_a, scale_a)), Some((whole_b, scale_b))) => decimal(
                whole_a.max(whole_b) + scale_a.max(scale_b),
                scale_a.max(scale_b),
            ),
            _ => {
                return Err(format!(
                    "values of one Arrow column have the types {a} and {b}"
                ));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_those_that_pyarrow_infers() {
        let rows = vec![
            json!({"i": 1, "f": 1, "d": {"$decimal": "1.50"}, "t": {"$datetime": "2024-01-02T03:04:05+00:00"},
                "s": {"a": 1}, "l": [1, null], "n": null, "b": {"$bytes": "AA=="}}),
            json!({"i": 2, "f": 1.5, "d": {"$decimal": "100.00"}, "s": {"b": "x"}, "extra": true}),
        ];
        let batch = batch_from_rows(&rows, true).unwrap();
        let types: Vec<String> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        assert_eq!(
            types[..4],
            [
                "i Int64",
                "f Float64",
                "d Decimal128(5, 2)",
                "t Timestamp(µs, \"UTC\")"
            ]
        );
        assert_eq!((types.len(), batch.num_rows()), (8, 2));
    }

    #[test]
    fn texts_and_numbers_do_not_mix() {
        assert!(batch_from_rows(&[json!({"a": 1}), json!({"a": "x"})], false).is_err());
    }
}
