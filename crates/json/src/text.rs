//! Values as text: compact JSON, canonical JSON for hashes, numbers as Python prints them.
//!
//! JSON columns, row hashes and text columns must hold byte for byte what dlt writes, so every form follows the
//! Python library behind it: orjson for JSON (`1e+16`, `0.00001`, `1.5e-6`), `str` for floats in text columns
//! (`1e+16`, `1e-05`). Start with [`write_compact`] and [`write_sorted`].

use std::fmt::Write;

use crate::error::JsonError;
use crate::iso;
use crate::scan::{Kind, Scanner};
use crate::value::Value;

/// Objects with more members are rewritten through a tree, which finds repeated keys by hashing.
const REWRITTEN_MEMBERS_MAX: usize = 64;

/// Appends `value` as JSON without blanks, keys in their order, nothing escaped that need not be.
///
/// Values that JSON lacks are written as text: decimals as they were written, times in ISO form, bytes in base64.
pub fn write_compact(value: &Value, out: &mut String) {
    write_json(value, false, out);
}

/// Appends `value` as JSON without blanks, keys of every object sorted by code point.
pub fn write_sorted(value: &Value, out: &mut String) {
    write_json(value, true, out);
}

fn write_json(value: &Value, is_sorted: bool, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(value) => write_int(*value, out),
        Value::UInt(value) => write_uint(*value, out),
        Value::Float(value) => write_float(*value, out),
        Value::List(elements) => write_list(elements, is_sorted, out),
        Value::Object(members) => write_object(members, is_sorted, out),
        other => write_string(&scalar_text(other), out),
    }
}

fn write_list(elements: &[Value], is_sorted: bool, out: &mut String) {
    out.push('[');
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_json(element, is_sorted, out);
    }
    out.push(']');
}

fn write_object(members: &[(String, Value)], is_sorted: bool, out: &mut String) {
    let mut order: Vec<&(String, Value)> = members.iter().collect();
    if is_sorted {
        // Bytes of UTF-8 sort like code points.
        order.sort_by(|a, b| a.0.cmp(&b.0));
    }
    out.push('{');
    for (i, (key, value)) in order.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        write_json(value, is_sorted, out);
    }
    out.push('}');
}

/// The text of a value that JSON writes as a string.
fn scalar_text(value: &Value) -> std::borrow::Cow<'_, str> {
    use base64::Engine;
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Wei(text) => text.as_str().into(),
        Value::Timestamp(at) => iso::timestamp_text(*at).into(),
        Value::Date(days) => iso::date_text(*days).into(),
        Value::Time(micros) => iso::time_text(*micros).into(),
        Value::Binary(bytes) => base64::engine::general_purpose::STANDARD
            .encode(bytes)
            .into(),
        _ => "".into(),
    }
}

/// Appends `text` as a JSON string in quotes.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        out.push_str(&rest[..at]);
        write_escape(rest.as_bytes()[at], out);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        8 => out.push_str("\\b"),
        12 => out.push_str("\\f"),
        _ => {
            // Writing into a string cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        }
    }
}

/// Appends a decimal integer.
pub fn write_int(value: i64, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    write_uint(value.unsigned_abs(), out);
}

/// Appends a decimal integer.
pub fn write_uint(mut value: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits[first..].iter().map(|&digit| char::from(digit)));
}

/// Appends a float as JSON has it: `1.0`, `0.00001`, `1.5e-6`, `1e+16`; `null` when it is not finite.
pub fn write_float(value: f64, out: &mut String) {
    if !value.is_finite() {
        out.push_str("null");
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value);
    match shortest.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            out.push_str(digits);
            out.push_str("e+");
            out.push_str(exponent);
        }
        _ => out.push_str(shortest),
    }
}

/// A float as JSON has it, see [`write_float`].
pub fn float_text(value: f64) -> String {
    let mut text = String::new();
    write_float(value, &mut text);
    text
}

/// A float as Python prints it: `1.0`, `1e-05`, `1e+16`, `inf`, `nan`.
pub fn python_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        // Rust's plain form has the same digits; whole numbers lack the point.
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A float as Python's `float` reads it: blanks around it, `_` between digits, `inf`, `nan`, `1e3`, `.5`.
pub fn python_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let first = text.trim_start_matches(['+', '-']).bytes().next()?;
    if text.contains('_') {
        return without_underscores(text)?.parse().ok();
    }
    // Rust's grammar is Python's, but for the words.
    let is_number = first.is_ascii_digit() || first == b'.';
    let is_word = ["inf", "infinity", "nan"].iter().any(|word| {
        text.trim_start_matches(['+', '-'])
            .eq_ignore_ascii_case(word)
    });
    (is_number || is_word).then(|| text.parse().ok())?
}

/// Takes away each `_` that stands between two digits; `None` when one stands elsewhere.
pub fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let is_fine = |(at, &byte): (usize, &u8)| {
        byte != b'_' || (is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
    };
    bytes
        .iter()
        .enumerate()
        .all(is_fine)
        .then(|| text.replace('_', ""))
}

/// Appends the value that `raw` holds as compact JSON, without building a tree where that is possible.
///
/// # Errors
/// Those of the scanner, with offsets into `raw`.
pub fn rewrite_compact(raw: &str, out: &mut String) -> Result<(), JsonError> {
    let start = out.len();
    let mut scanner = Scanner::new(raw);
    scanner.skip_blanks();
    let checkpoint = scanner.clone();
    if !Rewriter::default().value(&mut scanner, out)? {
        out.truncate(start);
        let mut scanner = checkpoint;
        write_compact(&scanner.value()?, out);
    }
    Ok(())
}

/// Open containers of a text that is being rewritten: `None` for a list, the keys so far for an object.
#[derive(Default)]
struct Rewriter<'a> {
    open: Vec<Option<Vec<&'a str>>>,
}

impl<'a> Rewriter<'a> {
    /// Copies one value; false when the text needs a tree (repeated, escaped or very many keys, great depth).
    fn value(&mut self, scanner: &mut Scanner<'a>, out: &mut String) -> Result<bool, JsonError> {
        loop {
            if self.open.len() > REWRITTEN_MEMBERS_MAX {
                return Ok(false);
            }
            match scanner.kind()? {
                Kind::List if scanner.opens(b']') => {
                    out.push('[');
                    self.open.push(None);
                    continue;
                }
                Kind::List => out.push_str("[]"),
                Kind::Object if scanner.opens(b'}') => {
                    out.push('{');
                    self.open.push(Some(Vec::new()));
                    if !self.key(scanner, out)? {
                        return Ok(false);
                    }
                    continue;
                }
                Kind::Object => out.push_str("{}"),
                _ => copy_scalar(scanner, out)?,
            }
            match self.after_value(scanner, out)? {
                After::Value => {}
                After::End => return Ok(true),
                After::NeedsTree => return Ok(false),
            }
        }
    }

    fn key(&mut self, scanner: &mut Scanner<'a>, out: &mut String) -> Result<bool, JsonError> {
        let key = scanner.key()?;
        let Some(Some(keys)) = self.open.last_mut() else {
            return Ok(false);
        };
        let is_hard =
            key.has_escapes() || keys.len() == REWRITTEN_MEMBERS_MAX || keys.contains(&key.raw());
        keys.push(key.raw());
        out.push('"');
        out.push_str(key.raw());
        out.push_str("\":");
        Ok(!is_hard)
    }

    fn after_value(
        &mut self,
        scanner: &mut Scanner<'a>,
        out: &mut String,
    ) -> Result<After, JsonError> {
        while let Some(container) = self.open.last() {
            let is_object = container.is_some();
            let end = if is_object { '}' } else { ']' };
            if !scanner.has_more(end as u8)? {
                out.push(end);
                self.open.pop();
                continue;
            }
            out.push(',');
            if is_object && !self.key(scanner, out)? {
                return Ok(After::NeedsTree);
            }
            return Ok(After::Value);
        }
        Ok(After::End)
    }
}

enum After {
    Value,
    End,
    NeedsTree,
}

fn copy_scalar(scanner: &mut Scanner<'_>, out: &mut String) -> Result<(), JsonError> {
    use crate::number::Number;
    match scanner.kind()? {
        Kind::Text => {
            let text = scanner.string()?;
            if text.has_escapes() {
                write_string(&text.unescape(), out);
            } else {
                out.push('"');
                out.push_str(text.raw());
                out.push('"');
            }
        }
        Kind::Number => match scanner.number()? {
            Number::Int(value) => write_int(value, out),
            Number::UInt(value) => write_uint(value, out),
            Number::Float(value) => write_float(value, out),
        },
        Kind::Bool => out.push_str(if scanner.boolean()? { "true" } else { "false" }),
        _ => {
            scanner.null()?;
            out.push_str("null");
        }
    }
    Ok(())
}

/// A value as Python's `str` writes it; nothing for lists and objects.
pub fn plain_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => python_repr(*number),
        Value::Text(text) | Value::Decimal(text) | Value::Wei(text) => text.clone(),
        Value::Timestamp(at) => iso::timestamp_text(*at).replacen('T', " ", 1),
        Value::Date(days) => iso::date_text(*days),
        Value::Time(micros) => iso::time_text(*micros),
        Value::List(_) | Value::Object(_) | Value::Binary(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::parse_value;
    use crate::value::Timestamp;

    fn compact(text: &str) -> String {
        let mut out = String::new();
        write_compact(&parse_value(text.as_bytes()).unwrap(), &mut out);
        out
    }

    #[test]
    fn compact_json_keeps_the_order_and_escapes_little() {
        assert_eq!(
            compact(
                r#" { "b" : [ 1.0 , 1e3, "\u00e9\/\u2028\u007f" ] , "a" : "\u0000\u001f\n\b" } "#
            ),
            "{\"b\":[1.0,1000.0,\"é/\u{2028}\u{7f}\"],\"a\":\"\\u0000\\u001f\\n\\b\"}"
        );
    }

    #[test]
    fn sorted_json_sorts_every_level_by_code_point() {
        let value = parse_value(r#"{"ä":1,"a":{"z":1,"B":2},"Z":3}"#.as_bytes()).unwrap();
        let mut out = String::new();
        write_sorted(&value, &mut out);
        assert_eq!(out, r#"{"Z":3,"a":{"B":2,"z":1},"ä":1}"#);
    }

    #[test]
    fn floats_are_written_as_orjson_and_as_python_do() {
        for (value, json, python) in [
            (1.0, "1.0", "1.0"),
            (-0.0, "-0.0", "-0.0"),
            (0.1, "0.1", "0.1"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "0.00001", "1e-05"),
            (0.00001234, "0.00001234", "1.234e-05"),
            (1.5e-6, "1.5e-6", "1.5e-06"),
            (1e-7, "1e-7", "1e-07"),
            (5e-324, "5e-324", "5e-324"),
            (1e15, "1000000000000000.0", "1000000000000000.0"),
            (1e16, "1e+16", "1e+16"),
            (
                12345678901234567.0,
                "1.2345678901234568e+16",
                "1.2345678901234568e+16",
            ),
            (1e22, "1e+22", "1e+22"),
            (1e300, "1e+300", "1e+300"),
            (123456789.123, "123456789.123", "123456789.123"),
            (f64::NAN, "null", "nan"),
            (f64::INFINITY, "null", "inf"),
            (f64::NEG_INFINITY, "null", "-inf"),
        ] {
            assert_eq!(float_text(value), json);
            assert_eq!(python_repr(value), python);
        }
    }

    #[test]
    fn floats_are_read_as_python_does() {
        for (text, value) in [
            (" 1.5\n", Some(1.5)),
            ("1_000.5e1_0", Some(1000.5e10)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("+.5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1e", None),
            ("0x10", None),
            ("--1", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(python_float(text), value, "{text}");
        }
        assert!(python_float("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn values_that_json_lacks_become_text() {
        let value = Value::List(vec![
            Value::Decimal("1.50".into()),
            Value::Timestamp(Timestamp::utc(0)),
            Value::Date(1),
            Value::Time(1),
            Value::Binary(vec![0, 255]),
            Value::Wei("7".into()),
        ]);
        let mut out = String::new();
        write_compact(&value, &mut out);
        assert_eq!(
            out,
            r#"["1.50","1970-01-01T00:00:00+00:00","1970-01-02","00:00:00.000001","AP8=","7"]"#
        );
    }

    #[test]
    fn text_is_rewritten_as_its_tree_would_be() {
        let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
        let wide: Vec<String> = (0..200).map(|i| format!("\"k{i}\" : {i}")).collect();
        for text in [
            r#" { "a" : [ 1 , 2.50 , { } , [ ] , null , true ] , "b" : "x\u0041\n" } "#,
            r#"{"a":1,"b":2,"a":{"c":3}}"#,
            r#"{"a":1,"\u0061":2}"#,
            "[1.0e5, -0, 18446744073709551615, -12]",
            "\"x\"",
            &deep,
            &format!("{{{}}}", wide.join(" , ")),
        ] {
            let mut out = String::from(">");
            rewrite_compact(text, &mut out).unwrap();
            assert_eq!(out[1..], compact(text));
        }
        assert!(rewrite_compact("{\"a\":}", &mut String::new()).is_err());
    }

    proptest! {
        #[test]
        fn a_float_survives_its_text(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(float_text(value).parse::<f64>().unwrap().to_bits(), bits);
            prop_assert_eq!(python_repr(value).parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn an_integer_is_written_in_decimal(value: i64) {
            let mut text = String::new();
            write_int(value, &mut text);
            prop_assert_eq!(text, value.to_string());
        }

        #[test]
        fn any_text_survives_its_json_form(text: String) {
            let mut json = String::new();
            write_string(&text, &mut json);
            prop_assert_eq!(parse_value(json.as_bytes()).unwrap(), Value::Text(text));
        }
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        let cases = [
            (Value::Float(100.0), "100.0"),
            (Value::Float(1e16), "1e+16"),
            (Value::Float(1.5e-7), "1.5e-07"),
            (Value::Bool(false), "False"),
            (
                Value::Timestamp(Timestamp::utc(1_704_153_600_000_000)),
                "2024-01-02 00:00:00+00:00",
            ),
            (Value::Date(19724), "2024-01-02"),
        ];
        for (value, expected) in cases {
            assert_eq!(plain_text(&value).as_deref(), Some(expected));
        }
    }
}
