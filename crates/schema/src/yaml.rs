//! YAML for JSON values: what exported schemas are written in and imported schemas are read from.
//!
//! Writing is done here because it is small and its form is kept stable for version control. Reading resolves plain
//! words as YAML 1.1 does, because that is how dlt reads the same files: `no` is a boolean. Start with [`to_text`] and
//! [`parse`].

mod read;
mod write;

pub use read::{YamlError, parse};
pub use write::to_text;

use serde_json::Value;

/// What a plain word means.
fn resolve(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => number(word).unwrap_or_else(|| word.into()),
    }
}

/// An integer, a hexadecimal integer, or a number with a point.
fn number(word: &str) -> Option<Value> {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    if let Some(hexadecimal) = word.strip_prefix("0x") {
        return i64::from_str_radix(hexadecimal, 16).ok().map(Value::from);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let word = word.strip_prefix('+').unwrap_or(word);
        return word
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| word.parse::<u64>().map(Value::from))
            .ok();
    }
    let is_float = digits.contains('.')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    is_float
        .then(|| word.parse::<f64>().ok().map(Value::from))
        .flatten()
}
