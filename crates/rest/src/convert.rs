//! Conversions of values before they are sent (spec/rest-api.md §21.3), and dates as texts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use tipple_json::{Timestamp, Value, iso, plain_text};

use crate::jq::Jq;

/// A conversion of one value.
#[derive(Debug, Clone)]
pub enum Convert {
    /// Seconds since 1970, a whole number.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// `2024-01-02T03:04:05+00:00`
    Iso8601,
    /// The same with `Z` for UTC.
    Iso8601Z,
    /// `2024-01-02`
    Date,
    /// `Tue, 02 Jan 2024 03:04:05 +0000`
    Rfc2822,
    /// Any form of `strftime`.
    Strftime(String),
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// A number more.
    Add(f64),
    /// Output of a program.
    Jq(Jq),
}

const WORDS: [(&str, Convert); 8] = [
    ("epoch_s", Convert::EpochSeconds),
    ("epoch_ms", Convert::EpochMillis),
    ("iso8601", Convert::Iso8601),
    ("iso8601_z", Convert::Iso8601Z),
    ("date", Convert::Date),
    ("rfc2822", Convert::Rfc2822),
    ("int", Convert::Int),
    ("str", Convert::Text),
];

/// A word that names no conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no conversion `{0}`")]
pub struct NoConversion(pub String);

/// A value that cannot be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the value `{value}` cannot be converted by `{convert}`: {reason}")]
pub struct ConvertError {
    /// Shortened text of the value.
    pub value: String,
    /// The conversion.
    pub convert: String,
    /// Why not.
    pub reason: String,
}

impl Convert {
    /// The words that name a conversion, for messages.
    pub fn words() -> Vec<&'static str> {
        let words = WORDS.iter().map(|(word, _)| *word);
        words.chain(["strftime:<format>", "add:<number>"]).collect()
    }

    /// The converted value. Null stays null.
    ///
    /// # Errors
    /// A value of another kind, or one that is out of range.
    pub fn apply(&self, value: &Value) -> Result<Value, ConvertError> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let no = |reason: &str| ConvertError {
            value: plain_text(value)
                .unwrap_or_default()
                .chars()
                .take(80)
                .collect(),
            convert: self.to_string(),
            reason: reason.to_owned(),
        };
        let moment = || moment(value).ok_or_else(|| no("it is no date or time"));
        Ok(match self {
            Convert::EpochSeconds => Value::Int(moment()?.micros.div_euclid(1_000_000)),
            Convert::EpochMillis => Value::Int(moment()?.micros.div_euclid(1_000)),
            Convert::Iso8601 => Value::Text(iso::timestamp_text(zoned(moment()?))),
            Convert::Iso8601Z => {
                let text = iso::timestamp_text(zoned(moment()?));
                Value::Text(
                    text.strip_suffix("+00:00")
                        .map_or(text.clone(), |start| format!("{start}Z")),
                )
            }
            Convert::Date => Value::Text(iso::date_text(day(moment()?))),
            Convert::Rfc2822 => {
                strftime("%a, %d %b %Y %H:%M:%S %z", zoned(moment()?)).map_err(|e| no(&e))?
            }
            Convert::Strftime(format) => strftime(format, moment()?).map_err(|e| no(&e))?,
            Convert::Int => int(value)
                .map(Value::Int)
                .ok_or_else(|| no("it is no number"))?,
            Convert::Text => plain_text(value)
                .map(Value::Text)
                .ok_or_else(|| no("it is a list or an object"))?,
            Convert::Add(number) => add(value, *number).ok_or_else(|| no("it is no number"))?,
            Convert::Jq(program) => program
                .first(value)
                .map_err(|error| no(&error.to_string()))?,
        })
    }
}

impl FromStr for Convert {
    type Err = NoConversion;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if let Some((_, convert)) = WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(convert.clone());
        }
        if let Some(format) = word.strip_prefix("strftime:") {
            return Ok(Convert::Strftime(format.to_owned()));
        }
        let number = word
            .strip_prefix("add:")
            .and_then(|number| number.trim().parse().ok());
        number
            .map(Convert::Add)
            .ok_or_else(|| NoConversion(word.to_owned()))
    }
}

impl fmt::Display for Convert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Convert::EpochSeconds => f.write_str("epoch_s"),
            Convert::EpochMillis => f.write_str("epoch_ms"),
            Convert::Iso8601 => f.write_str("iso8601"),
            Convert::Iso8601Z => f.write_str("iso8601_z"),
            Convert::Date => f.write_str("date"),
            Convert::Rfc2822 => f.write_str("rfc2822"),
            Convert::Strftime(format) => write!(f, "strftime:{format}"),
            Convert::Int => f.write_str("int"),
            Convert::Text => f.write_str("str"),
            Convert::Add(number) => write!(f, "add:{number}"),
            Convert::Jq(program) => write!(f, "jq: {}", program.text()),
        }
    }
}

/// The point in time that a value stands for: a typed one, a text in ISO form, seconds (or, from 10^11 on, milliseconds)
/// since 1970.
fn moment(value: &Value) -> Option<Timestamp> {
    const MILLIS_FROM: f64 = 1e11;
    match value {
        Value::Timestamp(at) => Some(*at),
        Value::Date(days) => Some(Timestamp::naive(i64::from(*days) * 86_400_000_000)),
        Value::Text(text) => iso::as_timestamp(text),
        Value::Int(number) if (*number as f64).abs() >= MILLIS_FROM => {
            Some(Timestamp::utc(number.checked_mul(1_000)?))
        }
        Value::Int(number) => Some(Timestamp::utc(number.checked_mul(1_000_000)?)),
        Value::Float(seconds) => iso::timestamp_of_seconds(*seconds),
        _ => None,
    }
}

/// A moment without an offset counts as UTC.
fn zoned(at: Timestamp) -> Timestamp {
    Timestamp {
        offset_seconds: at.offset_seconds.or(Some(0)),
        ..at
    }
}

fn day(at: Timestamp) -> i32 {
    // Days of any ISO date fit.
    at.wall_micros().div_euclid(86_400_000_000) as i32
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(word) => Some(i64::from(*word)),
        Value::Float(number) if number.abs() < 9.2e18 => Some(number.trunc() as i64),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Timestamp(at) => Some(at.micros.div_euclid(1_000_000)),
        _ => None,
    }
}

fn add(value: &Value, more: f64) -> Option<Value> {
    match value {
        Value::Int(number) if more.fract() == 0.0 => {
            number.checked_add(more as i64).map(Value::Int)
        }
        Value::Int(number) => Some(Value::Float(*number as f64 + more)),
        Value::Float(number) => Some(Value::Float(number + more)),
        _ => None,
    }
}

fn strftime(format: &str, at: Timestamp) -> Result<Value, String> {
    // Python's `%f` always has six digits.
    let format = format.replace("%f", "%6f");
    let instant =
        |at: Timestamp| Instant::from_microsecond(at.micros).map_err(|error| error.to_string());
    let text = match at.offset_seconds {
        Some(seconds) => {
            let offset = Offset::from_seconds(seconds).map_err(|error| error.to_string())?;
            let zoned = instant(at)?.to_zoned(TimeZone::fixed(offset));
            strtime::format(&format, &zoned)
        }
        None => {
            // A wall clock has no zone: Python writes nothing for it.
            let format = format.replace("%z", "").replace("%Z", "");
            let wall: DateTime = instant(at)?.to_zoned(TimeZone::UTC).datetime();
            match format.contains("%s") {
                true => strtime::format(&format, &instant(at)?.to_zoned(TimeZone::UTC)),
                false => strtime::format(&format, wall),
            }
        }
    };
    text.map(Value::Text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(word: &str, value: Value) -> String {
        let convert: Convert = word.parse().unwrap();
        match convert.apply(&value) {
            Ok(value) => plain_text(&value).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn dates_become_what_the_api_wants() {
        let at = text("2024-01-02T03:04:05Z");
        assert_eq!(apply("epoch_s", at.clone()), "1704164645");
        assert_eq!(apply("epoch_ms", at.clone()), "1704164645000");
        assert_eq!(apply("iso8601", at.clone()), "2024-01-02T03:04:05+00:00");
        assert_eq!(apply("iso8601_z", at.clone()), "2024-01-02T03:04:05Z");
        assert_eq!(apply("date", at.clone()), "2024-01-02");
        assert_eq!(
            apply("rfc2822", at.clone()),
            "Tue, 02 Jan 2024 03:04:05 +0000"
        );
        assert_eq!(apply("strftime:%Y/%m/%d %f", at), "2024/01/02 000000");
        assert_eq!(
            apply("iso8601", Value::Int(1_704_164_645_000)),
            "2024-01-02T03:04:05+00:00"
        );
        assert_eq!(apply("strftime:%Y%z", text("2024-01-02T03:04:05")), "2024");
    }

    #[test]
    fn numbers_and_texts_are_converted() {
        assert_eq!(apply("add:1", Value::Int(41)), "42");
        assert_eq!(apply("int", text(" 7 ")), "7");
        assert_eq!(apply("str", Value::Bool(true)), "True");
        assert_eq!(apply("epoch_s", Value::Null), "None");
    }

    #[test]
    fn what_cannot_be_converted_is_told() {
        insta::assert_snapshot!(apply("epoch_s", text("soon")), @r"the value `soon` cannot be converted by `epoch_s`: it is no date or time");
        assert!("epoch".parse::<Convert>().is_err());
    }
}
