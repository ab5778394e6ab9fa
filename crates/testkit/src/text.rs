//! JSON text exactly as Python's `json.dumps` writes it.
//!
//! The canonical dump sorts rows by their JSON text, and recorded dumps were sorted by Python. So the text has to be the
//! same to the last character: blanks after `,` and `:`, floats as Python's `repr`, no escapes beyond the needed ones.

use serde_json::{Map, Number, Value};

/// Whether the keys of objects are sorted by code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// In the order of the document.
    AsTheyAre,
    /// By code point, at every level.
    Sorted,
}

/// JSON text of `value` as `json.dumps(value, ensure_ascii=False)` gives it.
pub fn python_json(value: &Value, keys: Keys) -> String {
    let mut out = String::new();
    write_value(value, keys, &mut out);
    out
}

fn write_value(value: &Value, keys: Keys, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_value(item, keys, out);
            }
            out.push(']');
        }
        Value::Object(fields) => write_object(fields, keys, out),
    }
}

fn write_object(fields: &Map<String, Value>, keys: Keys, out: &mut String) {
    let mut entries: Vec<_> = fields.iter().collect();
    if keys == Keys::Sorted {
        entries.sort_by(|a, b| a.0.cmp(b.0));
    }
    out.push('{');
    for (i, (key, value)) in entries.into_iter().enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        write_string(key, out);
        out.push_str(": ");
        write_value(value, keys, out);
    }
    out.push('}');
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float_repr(float),
        _ => number.to_string(),
    }
}

/// Python's `repr` of a finite float: positional between 1e-4 and 1e16, else with an exponent of two digits.
fn float_repr(float: f64) -> String {
    let shortest = format!("{float:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    // Rust's positional form has the same digits; only the `.0` of whole numbers is missing.
    let positional = float.to_string();
    if positional.contains('.') {
        positional
    } else {
        format!("{positional}.0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: Value, expected: &str) {
        assert_eq!(python_json(&value, Keys::Sorted), expected);
    }

    #[test]
    fn blanks_follow_commas_and_colons_and_keys_are_sorted() {
        check(
            json!({"b": [1, 2], "a": null, "B": true}),
            r#"{"B": true, "a": null, "b": [1, 2]}"#,
        );
    }

    #[test]
    fn floats_are_written_as_python_does() {
        for (float, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e300, "1e+300"),
        ] {
            check(json!(float), text);
        }
    }

    #[test]
    fn only_quotes_backslashes_and_control_characters_are_escaped() {
        check(json!("é\"\\\u{1}\n\u{7f}"), "\"é\\\"\\\\\\u0001\\n\u{7f}\"");
    }
}
