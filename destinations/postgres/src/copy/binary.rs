//! COPY's binary form: two bytes of column count, then for each value four bytes of length and the value in the form of
//! the type's `recv` function, all big endian.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, UInt64Type,
};
use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::DataType;

use super::Misfit;
use super::numeric::{write_decimal, write_text_decimal, write_units};

/// Microseconds from 1970-01-01 to 2000-01-01, where Postgres begins to count.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The same in days.
const EPOCH_DAYS: i32 = 10_957;
/// Length of a null.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// Version of the binary form of `jsonb`.
const JSONB_VERSION: u8 = 1;

/// A column of a batch with the form in which its values go out.
pub(crate) struct BinaryColumn {
    name: String,
    values: Values,
}

enum Values {
    Bool(BooleanArray),
    Int2(Int64Array),
    Int4(Int64Array),
    Int8(Int64Array),
    Unsigned(UInt64Array),
    IntAsDouble(Int64Array),
    IntAsNumeric(Int64Array),
    Double(Float64Array),
    Text(StringArray),
    Jsonb(StringArray),
    Bytes(BinaryArray),
    Timestamp(TimestampMicrosecondArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    Numeric(Decimal128Array, u8),
    SpelledNumeric(StringArray),
}

impl BinaryColumn {
    /// The column, or nothing when its type and the stored one are no pair that has a binary form.
    pub fn new(name: &str, array: &ArrayRef, stored: &str) -> Option<Self> {
        let values = values(array, stored)?;
        Some(BinaryColumn {
            name: name.to_owned(),
            values,
        })
    }

    fn misfit(&self, why: String) -> Misfit {
        Misfit {
            column: self.name.clone(),
            why,
        }
    }
}

fn values(array: &ArrayRef, stored: &str) -> Option<Values> {
    let ints = || array.as_primitive::<Int64Type>().clone();
    let texts = || array.as_string::<i32>().clone();
    Some(match (array.data_type(), stored) {
        (DataType::Boolean, "boolean") => Values::Bool(array.as_boolean().clone()),
        (DataType::Int64, "bigint") => Values::Int8(ints()),
        (DataType::Int64, "integer") => Values::Int4(ints()),
        (DataType::Int64, "smallint") => Values::Int2(ints()),
        (DataType::Int64, "double precision") => Values::IntAsDouble(ints()),
        (DataType::Int64, "numeric") => Values::IntAsNumeric(ints()),
        (DataType::UInt64, "bigint") => {
            Values::Unsigned(array.as_primitive::<UInt64Type>().clone())
        }
        (DataType::Float64, "double precision") => {
            Values::Double(array.as_primitive::<Float64Type>().clone())
        }
        (DataType::Utf8, "character varying" | "text" | "json") => Values::Text(texts()),
        (DataType::Utf8, "jsonb") => Values::Jsonb(texts()),
        (DataType::Utf8, "numeric") => Values::SpelledNumeric(texts()),
        (DataType::Binary, "bytea") => Values::Bytes(array.as_binary::<i32>().clone()),
        (DataType::Timestamp(..), stored) if is_timestamp(stored) => {
            Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone())
        }
        (DataType::Date32, "date") => Values::Date(array.as_primitive::<Date32Type>().clone()),
        (DataType::Time64(_), "time without time zone") => {
            Values::Time(array.as_primitive::<Time64MicrosecondType>().clone())
        }
        (DataType::Decimal128(_, scale), "numeric") => {
            let scale = u8::try_from(*scale).ok()?;
            Values::Numeric(array.as_primitive::<Decimal128Type>().clone(), scale)
        }
        _ => return None,
    })
}

fn is_timestamp(stored: &str) -> bool {
    ["timestamp with time zone", "timestamp without time zone"].contains(&stored)
}

/// Writes one row of all columns.
#[inline]
pub(super) fn write_row(
    columns: &[BinaryColumn],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    // A table has at most 1,600 columns.
    out.extend_from_slice(&(columns.len() as u16).to_be_bytes());
    for column in columns {
        column.write(row, out)?;
    }
    Ok(())
}

impl BinaryColumn {
    #[inline]
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        /// The value at the row, or the end of it all.
        macro_rules! at {
            ($array:expr) => {
                match $array.is_null(row) {
                    true => {
                        out.extend_from_slice(&NULL);
                        return Ok(());
                    }
                    false => $array.value(row),
                }
            };
        }
        match &self.values {
            Values::Bool(values) => fixed([u8::from(at!(values))], out),
            Values::Int8(values) => fixed(at!(values).to_be_bytes(), out),
            Values::Int4(values) => {
                let value = self.narrowed::<i32>(at!(values), "integer")?;
                fixed(value.to_be_bytes(), out);
            }
            Values::Int2(values) => {
                let value = self.narrowed::<i16>(at!(values), "smallint")?;
                fixed(value.to_be_bytes(), out);
            }
            Values::Unsigned(values) => {
                let value = at!(values);
                let fits = i64::try_from(value);
                let value = fits.map_err(|_| self.out_of_range(value, "bigint"))?;
                fixed(value.to_be_bytes(), out);
            }
            Values::IntAsDouble(values) => fixed((at!(values) as f64).to_be_bytes(), out),
            Values::IntAsNumeric(values) => write_units(i128::from(at!(values)), 0, out),
            Values::Double(values) => fixed(at!(values).to_be_bytes(), out),
            Values::Text(values) => bytes(at!(values).as_bytes(), out),
            Values::Jsonb(values) => jsonb(at!(values), out),
            Values::Bytes(values) => bytes(at!(values), out),
            Values::Timestamp(values) => {
                let micros = at!(values);
                let since = micros.checked_sub(EPOCH_MICROS);
                let since = since.ok_or_else(|| self.out_of_range(micros, "timestamp"))?;
                fixed(since.to_be_bytes(), out);
            }
            Values::Date(values) => {
                let days = at!(values);
                let since = days.checked_sub(EPOCH_DAYS);
                let since = since.ok_or_else(|| self.out_of_range(days, "date"))?;
                fixed(since.to_be_bytes(), out);
            }
            Values::Time(values) => fixed(at!(values).to_be_bytes(), out),
            Values::Numeric(values, scale) => write_decimal(at!(values), *scale, out),
            Values::SpelledNumeric(values) => {
                let text = at!(values);
                write_text_decimal(text, out)
                    .ok_or_else(|| self.misfit(format!("`{}` is no number", shortened(text))))?;
            }
        }
        Ok(())
    }

    fn narrowed<T: TryFrom<i64>>(&self, value: i64, stored: &str) -> Result<T, Misfit> {
        T::try_from(value).map_err(|_| self.out_of_range(value, stored))
    }

    #[cold]
    fn out_of_range(&self, value: impl std::fmt::Display, stored: &str) -> Misfit {
        self.misfit(format!("{value} is out of range for {stored}"))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[inline]
fn fixed<const N: usize>(value: [u8; N], out: &mut Vec<u8>) {
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&value);
}

/// Arrow's offsets are 31 bits wide, so a length always fits.
#[inline]
fn bytes(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(value.len() as i32).to_be_bytes());
    out.extend_from_slice(value);
}

fn jsonb(text: &str, out: &mut Vec<u8>) {
    let text = super::plain::without_escaped_nul(text);
    out.extend_from_slice(&(text.len() as i32 + 1).to_be_bytes());
    out.push(JSONB_VERSION);
    out.extend_from_slice(text.as_bytes());
}
