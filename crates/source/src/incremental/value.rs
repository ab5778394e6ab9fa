//! Values of a cursor: where rows stand in time, by number, text, date or moment.
//!
//! They compare as Python compares them, because that decides which rows dlt keeps: numbers of all kinds with one
//! another and exactly, texts by code point, moments only when both have a zone or both have none. Values that cannot be
//! compared are an error that names both. A value that came from a row borrows its text, so that looking costs nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde_json::Value as Json;
use tipple_json::{Timestamp, Value, iso};

use super::number::compare_numbers;

/// Value of a cursor.
#[derive(Debug, Clone)]
pub(crate) enum CursorValue<'a> {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    /// Exact decimal as it was written.
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>),
    Timestamp(Timestamp),
    Date(i32),
    Time(i64),
    /// Anything that has no order: its kind, for the message.
    Unordered(&'static str),
}

impl<'a> CursorValue<'a> {
    /// The value of a tree; `None` for null.
    pub fn from_value(value: Value) -> Option<CursorValue<'static>> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(value) => CursorValue::Bool(value),
            Value::Int(value) => CursorValue::Int(value),
            Value::UInt(value) => CursorValue::UInt(value),
            Value::Float(value) => CursorValue::Float(value),
            Value::Text(text) => CursorValue::Text(Cow::Owned(text)),
            Value::Decimal(text) | Value::Wei(text) => CursorValue::Decimal(Cow::Owned(text)),
            Value::Timestamp(moment) => CursorValue::Timestamp(moment),
            Value::Date(days) => CursorValue::Date(days),
            Value::Time(micros) => CursorValue::Time(micros),
            Value::Binary(_) => CursorValue::Unordered("bytes"),
            Value::List(_) => CursorValue::Unordered("a list"),
            Value::Object(_) => CursorValue::Unordered("an object"),
        })
    }

    /// The value of a document or of a state, where typed values are marked text; `None` for null.
    pub fn from_json(json: &Json) -> Option<CursorValue<'static>> {
        let value = tipple_json::parse_value(json.to_string().as_bytes()).ok()?;
        CursorValue::from_value(super::typed::decode(value))
    }

    /// The value as a document or state holds it.
    pub fn to_json(&self) -> Json {
        match self {
            CursorValue::Bool(value) => Json::Bool(*value),
            CursorValue::Int(value) => Json::from(*value),
            CursorValue::UInt(value) => Json::from(*value),
            CursorValue::Float(value) => Json::from(*value),
            CursorValue::Text(text) => Json::from(text.as_ref()),
            CursorValue::Decimal(text) => Json::from(format!("\u{F026}{text}")),
            CursorValue::Timestamp(_) => Json::from(format!("\u{F027}{self}")),
            CursorValue::Date(_) => Json::from(format!("\u{F028}{self}")),
            CursorValue::Time(_) => Json::from(format!("\u{F02D}{self}")),
            CursorValue::Unordered(_) => Json::Null,
        }
    }

    /// The value with a text of its own.
    pub fn into_owned(self) -> CursorValue<'static> {
        match self {
            CursorValue::Text(text) => CursorValue::Text(Cow::Owned(text.into_owned())),
            CursorValue::Decimal(text) => CursorValue::Decimal(Cow::Owned(text.into_owned())),
            CursorValue::Bool(value) => CursorValue::Bool(value),
            CursorValue::Int(value) => CursorValue::Int(value),
            CursorValue::UInt(value) => CursorValue::UInt(value),
            CursorValue::Float(value) => CursorValue::Float(value),
            CursorValue::Timestamp(moment) => CursorValue::Timestamp(moment),
            CursorValue::Date(days) => CursorValue::Date(days),
            CursorValue::Time(micros) => CursorValue::Time(micros),
            CursorValue::Unordered(kind) => CursorValue::Unordered(kind),
        }
    }

    /// How the value stands to `other`; `None` when the two cannot be compared.
    pub fn compare(&self, other: &CursorValue) -> Option<Ordering> {
        use CursorValue::*;
        match (self, other) {
            (Int(a), Int(b)) => Some(a.cmp(b)),
            (Text(a), Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
            (Timestamp(a), Timestamp(b)) => {
                (a.is_aware() == b.is_aware()).then(|| a.micros.cmp(&b.micros))
            }
            (Date(a), Date(b)) => Some(a.cmp(b)),
            (Time(a), Time(b)) => Some(a.cmp(b)),
            _ => compare_numbers(self, other),
        }
    }

    /// Kind of the value, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            CursorValue::Bool(_) => "a boolean",
            CursorValue::Int(_) | CursorValue::UInt(_) => "an integer",
            CursorValue::Float(_) => "a float",
            CursorValue::Decimal(_) => "a decimal",
            CursorValue::Text(_) => "a text",
            CursorValue::Timestamp(moment) if moment.is_aware() => "a timestamp with a zone",
            CursorValue::Timestamp(_) => "a timestamp without a zone",
            CursorValue::Date(_) => "a date",
            CursorValue::Time(_) => "a time",
            CursorValue::Unordered(kind) => kind,
        }
    }
}

impl fmt::Display for CursorValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CursorValue::Bool(value) => write!(f, "{value}"),
            CursorValue::Int(value) => write!(f, "{value}"),
            CursorValue::UInt(value) => write!(f, "{value}"),
            CursorValue::Float(value) => f.write_str(&tipple_json::float_text(*value)),
            CursorValue::Decimal(text) | CursorValue::Text(text) => f.write_str(text),
            CursorValue::Timestamp(moment) => f.write_str(&iso::timestamp_text(*moment)),
            CursorValue::Date(days) => f.write_str(&iso::date_text(*days)),
            CursorValue::Time(micros) => f.write_str(&iso::time_text(*micros)),
            CursorValue::Unordered(kind) => f.write_str(kind),
        }
    }
}
