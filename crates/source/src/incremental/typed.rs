//! Values that JSON lacks, as marked text (spec/normalize.md §7.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tipple_json::{Value, iso};

/// `value` with every marked text, at every depth, turned into what it stands for. A text that only looks marked stays.
pub(super) fn decode(value: Value) -> Value {
    match value {
        Value::Text(text) => decode_text(text),
        Value::List(elements) => Value::List(elements.into_iter().map(decode).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| (key, decode(value)))
                .collect(),
        ),
        other => other,
    }
}

/// A value of a document or state with its marked texts (dates of TOML, values of cursors) turned into what they stand
/// for.
pub fn typed_value(json: &serde_json::Value) -> Value {
    // Any value of `serde_json` is JSON that the parser reads, except for integers beyond 64 bits.
    let read = tipple_json::parse_value(json.to_string().as_bytes());
    decode(read.unwrap_or(Value::Null))
}

/// True when the text begins with a mark.
pub(super) fn is_marked(text: &str) -> bool {
    text.starts_with(|c| ('\u{F026}'..='\u{F02D}').contains(&c))
}

fn decode_text(text: String) -> Value {
    let mut rest = text.chars();
    let mark = rest.next();
    let rest = rest.as_str();
    let decoded = match mark {
        _ if rest.is_empty() => None,
        Some('\u{F026}') => Some(Value::Decimal(rest.to_owned())),
        Some('\u{F027}') => iso::as_timestamp(rest).map(Value::Timestamp),
        Some('\u{F028}') => iso::as_date(rest).map(Value::Date),
        Some('\u{F029}') => Some(Value::Text(rest.to_owned())),
        Some('\u{F02B}') => STANDARD.decode(rest).ok().map(Value::Binary),
        Some('\u{F02C}') => Some(Value::Wei(rest.to_owned())),
        Some('\u{F02D}') => iso::as_time(rest).map(Value::Time),
        _ => None,
    };
    decoded.unwrap_or(Value::Text(text))
}
