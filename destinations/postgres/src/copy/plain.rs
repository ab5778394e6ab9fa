//! COPY's text form: one line per row, tabs between values, `\N` for null.
//!
//! Each value is written as dlt's literal of it would read without its quotes, and the server reads it with the input
//! function of the column's type.

use std::borrow::Cow;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};
use tipple_destination::iso_utc;

use super::Misfit;

/// NUL inside a JSON text.
const ESCAPED_NUL: &str = r"\u0000";

/// A column of a batch whose values go out as text.
pub(crate) struct PlainColumn {
    name: String,
    array: ArrayRef,
    stored: Stored,
}

/// What the type of the table does to the text of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// A whole number: fractions are rounded away from zero, as the server rounds literals.
    Whole,
    /// JSON that cannot hold NUL.
    Jsonb,
    /// Text: decimals have the digits of their value only.
    Text,
    Other,
}

impl PlainColumn {
    /// The column.
    ///
    /// # Errors
    /// A type that has no text form.
    pub fn new(name: &str, array: &ArrayRef, stored: &str) -> Result<Self, ArrowError> {
        if !matches!(array.data_type(), DataType::Timestamp(..)) {
            ArrayFormatter::try_new(array, &FormatOptions::new())?;
        }
        Ok(PlainColumn {
            name: name.to_owned(),
            array: ArrayRef::clone(array),
            stored: match stored {
                "smallint" | "integer" | "bigint" => Stored::Whole,
                "jsonb" => Stored::Jsonb,
                "character varying" | "text" | "json" => Stored::Text,
                _ => Stored::Other,
            },
        })
    }

    fn text(&self, row: usize) -> Result<Cow<'_, str>, Misfit> {
        let array = &self.array;
        Ok(match array.data_type() {
            DataType::Utf8 if self.stored == Stored::Jsonb => {
                without_escaped_nul(array.as_string::<i32>().value(row))
            }
            DataType::Utf8 => array.as_string::<i32>().value(row).into(),
            DataType::Boolean => array.as_boolean().value(row).to_string().into(),
            DataType::Int64 => array
                .as_primitive::<Int64Type>()
                .value(row)
                .to_string()
                .into(),
            DataType::UInt64 => array
                .as_primitive::<UInt64Type>()
                .value(row)
                .to_string()
                .into(),
            DataType::Float64 => self
                .double(array.as_primitive::<Float64Type>().value(row))
                .into(),
            DataType::Decimal128(..) => {
                let text = array.as_primitive::<Decimal128Type>().value_as_string(row);
                self.decimal(text).into()
            }
            DataType::Binary => hex(array.as_binary::<i32>().value(row)).into(),
            DataType::Timestamp(_, zone) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                iso(micros, zone.is_some()).into()
            }
            _ => self.shown(row)?.into(),
        })
    }

    fn double(&self, value: f64) -> String {
        match self.stored {
            Stored::Whole => format!("{:.0}", value.round()),
            _ if value.is_infinite() && value > 0.0 => "Infinity".to_owned(),
            _ if value.is_infinite() => "-Infinity".to_owned(),
            _ if value.is_nan() => "NaN".to_owned(),
            _ => ryu::Buffer::new().format_finite(value).to_owned(),
        }
    }

    fn decimal(&self, text: String) -> String {
        let has_fraction = text.contains('.');
        match self.stored {
            Stored::Text | Stored::Jsonb if has_fraction => {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Stored::Whole if has_fraction => rounded(&text),
            _ => text,
        }
    }

    fn shown(&self, row: usize) -> Result<String, Misfit> {
        let misfit = |error: ArrowError| Misfit {
            column: self.name.clone(),
            why: error.to_string(),
        };
        let options = FormatOptions::new();
        let formatter = ArrayFormatter::try_new(&self.array, &options).map_err(misfit)?;
        formatter.value(row).try_to_string().map_err(misfit)
    }
}

/// A decimal text without its fraction, rounded away from zero.
fn rounded(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_up = fraction.bytes().next().is_some_and(|digit| digit >= b'5');
    match (is_up, whole.parse::<i128>()) {
        (true, Ok(number)) if text.starts_with('-') => (number - 1).to_string(),
        (true, Ok(number)) => (number + 1).to_string(),
        _ => whole.to_owned(),
    }
}

/// ISO text, without a fraction that is zero.
fn iso(micros: i64, has_zone: bool) -> String {
    let text = iso_utc(micros).replace(".000000+", "+");
    match has_zone {
        true => text,
        false => text.trim_end_matches("+00:00").to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// JSON text without escaped NUL characters, which `jsonb` refuses; as NUL characters are left out of texts.
pub(super) fn without_escaped_nul(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), ESCAPED_NUL.as_bytes()).is_none() {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(ESCAPED_NUL) {
            rest = after;
            continue;
        }
        // A backslash and what it protects go together, so that `\\u0000` stays.
        let protected = rest.chars().take(2).map(char::len_utf8).sum();
        clean.push_str(&rest[..protected]);
        rest = &rest[protected..];
    }
    clean.push_str(rest);
    clean.into()
}

/// Writes one row of all columns.
pub(super) fn write_row(
    columns: &[PlainColumn],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        match column.array.is_null(row) {
            true => out.extend_from_slice(b"\\N"),
            false => escape(&column.text(row)?, out),
        }
    }
    out.push(b'\n');
    Ok(())
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_escaped_nul_characters_leave_a_json_text() {
        for (text, expected) in [
            (r#"{"a":"x\u0000y"}"#, r#"{"a":"xy"}"#),
            (r#"{"a":"x\\u0000y"}"#, r#"{"a":"x\\u0000y"}"#),
            (r#"{"a":"\\\u0000é\n"}"#, r#"{"a":"\\é\n"}"#),
            (r#"["\u0000","\u00001"]"#, r#"["","1"]"#),
        ] {
            assert_eq!(without_escaped_nul(text), expected);
        }
    }

    #[test]
    fn fractions_are_rounded_away_from_zero() {
        for (text, expected) in [("2.5", "3"), ("-2.5", "-3"), ("2.49", "2"), ("-0.5", "-1")] {
            assert_eq!(rounded(text), expected);
        }
    }
}
