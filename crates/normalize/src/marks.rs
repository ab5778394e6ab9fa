//! Marked text: how values that JSON lacks travel inside JSON (spec/normalize.md §7.4).
//!
//! A text that begins with one of eight private-use characters is a decimal, a time, bytes or a wei number. At the top of
//! a row the mark makes a typed value; inside of JSON columns it is only taken off. Start with [`decode`].

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tipple_json::iso::{self, Iso};
use tipple_json::{Timestamp, Value};

use crate::coerce::hex_bytes;
use crate::decimal::Decimal;
use crate::zone::DAY_MICROS;

/// First of the eight marks.
const FIRST_MARK: u32 = 0xF026;
/// One behind the last mark that is taken off; dlt counts one too many and so do we.
const BEHIND_MARKS: u32 = 0xF02F;

/// The text behind a mark and the number of the mark; `None` for plain text.
fn split_mark(text: &str) -> Option<(u32, &str)> {
    // All marks begin with this byte in UTF-8, hardly any other text does.
    if text.as_bytes().first() != Some(&0xEF) {
        return None;
    }
    let mark = text.chars().next()?;
    let rest = &text[mark.len_utf8()..];
    let is_mark = (FIRST_MARK..BEHIND_MARKS).contains(&u32::from(mark)) && !rest.is_empty();
    is_mark.then(|| (u32::from(mark) - FIRST_MARK, rest))
}

/// The typed value of a marked text; `None` when it has no mark or the rest is not what the mark says.
pub fn decode(text: &str) -> Option<Value> {
    let (mark, rest) = split_mark(text)?;
    match mark {
        0 => Decimal::parse(rest.trim()).map(|decimal| Value::Decimal(decimal.to_string())),
        1 => match iso::parse(rest)? {
            Iso::Timestamp(at) => Some(Value::Timestamp(at)),
            Iso::Date(days) => Some(Value::Timestamp(midnight(days))),
            Iso::Time { .. } => None,
        },
        2 => match iso::parse(rest)? {
            Iso::Date(days) => Some(Value::Date(days)),
            _ => None,
        },
        3 => Some(Value::Text(rest.to_owned())),
        4 => hex_bytes(rest.strip_prefix("0x").unwrap_or(rest)).map(Value::Binary),
        5 => STANDARD.decode(rest).ok().map(Value::Binary),
        6 => Decimal::parse(rest.trim()).map(|decimal| Value::Wei(decimal.to_string())),
        7 => match iso::parse(rest)? {
            Iso::Time { micros, .. } => Some(Value::Time(micros)),
            _ => None,
        },
        _ => None,
    }
}

fn midnight(days: i32) -> Timestamp {
    Timestamp::naive(i64::from(days) * DAY_MICROS)
}

/// `value` with the marks of all texts inside of it taken off.
pub fn without_marks(value: &Value) -> Cow<'_, Value> {
    if has_marks(value) {
        Cow::Owned(strip_marks(value))
    } else {
        Cow::Borrowed(value)
    }
}

fn has_marks(value: &Value) -> bool {
    match value {
        Value::Text(text) => split_mark(text).is_some(),
        Value::List(elements) => elements.iter().any(has_marks),
        Value::Object(members) => members.iter().any(|(_, value)| has_marks(value)),
        _ => false,
    }
}

fn strip_marks(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(
            split_mark(text)
                .map_or(text.as_str(), |(_, rest)| rest)
                .to_owned(),
        ),
        Value::List(elements) => Value::List(elements.iter().map(strip_marks).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(k, v)| (k.clone(), strip_marks(v)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_makes_its_type() {
        for (text, expected) in [
            ("\u{f026}1.50", Value::Decimal("1.50".into())),
            (
                "\u{f027}1970-01-01T00:00:01+00:00",
                Value::Timestamp(Timestamp::utc(1_000_000)),
            ),
            (
                "\u{f027}1970-01-01T00:00:01",
                Value::Timestamp(Timestamp::naive(1_000_000)),
            ),
            ("\u{f028}1970-01-02", Value::Date(1)),
            ("\u{f029}7f", Value::Text("7f".into())),
            ("\u{f02a}0x00ff", Value::Binary(vec![0, 255])),
            ("\u{f02b}AP8=", Value::Binary(vec![0, 255])),
            ("\u{f02c}7", Value::Wei("7".into())),
            ("\u{f02d}00:00:01", Value::Time(1_000_000)),
        ] {
            assert_eq!(decode(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_mark_does_not_fit_stays_text() {
        for text in [
            "plain",
            "",
            "\u{f026}",
            "\u{f026}x",
            "\u{f028}x",
            "\u{f02e}1",
            "\u{f025}1",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn marks_inside_of_lists_and_objects_are_taken_off() {
        let marked = Value::List(vec![Value::Object(vec![(
            "a".into(),
            Value::Text("\u{f026}1.5".into()),
        )])]);
        let plain = Value::List(vec![Value::Object(vec![(
            "a".into(),
            Value::Text("1.5".into()),
        )])]);
        assert_eq!(*without_marks(&marked), plain);
        assert!(matches!(without_marks(&plain), Cow::Borrowed(_)));
    }
}
