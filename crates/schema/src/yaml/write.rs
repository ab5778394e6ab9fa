//! JSON values as YAML text, in block style.
//!
//! Lists stand under their key without indentation, as PyYAML writes them, so that files which both programs write do
//! not change back and forth. Start with [`to_text`].

use serde_json::Value;

use super::resolve;

/// A document with a line end.
pub fn to_text(value: &Value) -> String {
    let mut text = String::new();
    write_block(value, 0, &mut text);
    text
}

/// Writes a value whose first line is already indented.
fn write_block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (index, (key, entry)) in entries.iter().enumerate() {
                indent(if index == 0 { 0 } else { depth }, text);
                text.push_str(&scalar(key));
                text.push(':');
                write_entry(entry, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                indent(if index == 0 { 0 } else { depth }, text);
                text.push_str("- ");
                write_block(item, depth + 1, text);
            }
        }
        Value::String(word) => text.extend([&scalar(word), "\n"]),
        other => text.extend([&other.to_string(), "\n"]),
    }
}

fn write_entry(entry: &Value, depth: usize, text: &mut String) {
    let depth = match entry {
        Value::Object(entries) if !entries.is_empty() => depth + 1,
        Value::Array(items) if !items.is_empty() => depth,
        _ => {
            text.push(' ');
            return write_block(entry, depth, text);
        }
    };
    text.push('\n');
    indent(depth, text);
    write_block(entry, depth, text);
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// A text as a scalar that is read as the same text.
fn scalar(word: &str) -> String {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}'
            )
    };
    if is_plain(word) {
        word.to_owned()
    } else if word.contains(is_odd) {
        quoted(word, is_odd)
    } else {
        format!("'{}'", word.replace('\'', "''"))
    }
}

/// True when no reader takes the plain word for anything but a text.
fn is_plain(word: &str) -> bool {
    let starts_plain = |c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '$' | '(' | '^');
    let is_inner = |c: char| c.is_alphanumeric() || " _-./$()^+=*;,<>?|~&@!%\\".contains(c);
    word.starts_with(starts_plain)
        && !word.ends_with(' ')
        && resolve(word).is_string()
        && word.char_indices().all(|(index, c)| {
            // A colon or number sign means something only before or after a blank.
            let next = word[index + c.len_utf8()..].chars().next();
            is_inner(c) || (c == ':' && next.is_some_and(|next| next != ' '))
        })
}

/// A double-quoted scalar in which unusual characters are escaped.
fn quoted(word: &str, is_odd: impl Fn(char) -> bool) -> String {
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if is_odd(c) && u32::from(c) <= 0xff => text += &format!("\\x{:02x}", u32::from(c)),
            c if is_odd(c) => text += &format!("\\u{:04x}", u32::from(c)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
