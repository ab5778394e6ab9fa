//! Values that JSON lacks, as cases write them (`{"$decimal": "1.5"}`), and as items carry them: text with a mark in front.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::{Map, Value, json};
use tipple_json::iso;

/// Unused bits of the last character do not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A value of a case that JSON lacks: its kind and its text.
pub(crate) fn typed_parts(value: &Value) -> Option<(&str, &str)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (kind, text) = fields.iter().next()?;
    let kind = kind.strip_prefix('$')?;
    let known = [
        "decimal", "datetime", "date", "time", "bytes", "uuid", "float",
    ];
    known.contains(&kind).then_some((kind, text.as_str()?))
}

/// The same value with every typed one replaced by its marked text.
pub(crate) fn marked(value: &Value) -> Value {
    if let Some((kind, text)) = typed_parts(value) {
        return marked_text(kind, text);
    }
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), marked(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(marked).collect()),
        other => other.clone(),
    }
}

/// Text with the mark of its kind (spec/normalize.md §7.4); times are written as Python's `isoformat` does.
fn marked_text(kind: &str, text: &str) -> Value {
    match kind {
        "decimal" => json!(format!("\u{F026}{text}")),
        "datetime" => {
            let text = iso::as_timestamp(text)
                .map(iso::timestamp_text)
                .unwrap_or(text.to_owned());
            json!(format!("\u{F027}{text}"))
        }
        "date" => json!(format!("\u{F028}{text}")),
        "time" => {
            let text = iso::as_time(text)
                .map(iso::time_text)
                .unwrap_or(text.to_owned());
            json!(format!("\u{F02D}{text}"))
        }
        // Bytes are read as leniently as Python reads them, and written anew.
        "bytes" => {
            let text = LENIENT
                .decode(text)
                .map_or(text.to_owned(), |bytes| STANDARD.encode(bytes));
            json!(format!("\u{F02B}{text}"))
        }
        // NaN and infinities are written as null.
        "float" => text
            .parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
            .into(),
        _ => json!(text.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_values_become_marked_text_at_any_depth() {
        let value = json!({"a": [{"$decimal": "1.50"}], "b": {"$float": "nan"}, "c": {"$other": 1},
            "d": {"$datetime": "2024-01-02T03:04:05.5"}, "e": {"$uuid": "AB"}});
        let expected = json!({"a": ["\u{F026}1.50"], "b": null, "c": {"$other": 1},
            "d": "\u{F027}2024-01-02T03:04:05.500000", "e": "ab"});
        assert_eq!(marked(&value), expected);
    }
}
