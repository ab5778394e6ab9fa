//! JSON values as YAML text.
//!
//! A value from JSON needs a small part of YAML only: block style, plain or quoted scalars. Quotes are used whenever a
//! plain text could be read as something else, in YAML 1.1 or 1.2.

use serde_json::Value;

/// A YAML document with a line end.
pub fn to_text(value: &Value) -> String {
    let mut text = String::new();
    write_block(value, 0, &mut text);
    text
}

fn write_block(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (index, (key, member)) in members.iter().enumerate() {
                indent(if index == 0 { 0 } else { depth }, out);
                out.push_str(&scalar(key));
                out.push(':');
                write_member(member, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                indent(if index == 0 { 0 } else { depth }, out);
                out.push_str("- ");
                write_block(item, depth + 1, out);
            }
        }
        other => {
            out.push_str(&flow(other));
            out.push('\n');
        }
    }
}

fn write_member(member: &Value, depth: usize, out: &mut String) {
    match member {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            indent(depth + 1, out);
            write_block(member, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            indent(depth, out);
            write_block(member, depth, out);
        }
        other => {
            out.push(' ');
            out.push_str(&flow(other));
            out.push('\n');
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text as a scalar that is read as the same text.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
    {
        Value::String(text.to_owned()).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", ".nan", ".inf",
    ];
    let Some(first) = text.chars().next() else {
        return false;
    };
    let may_begin = first.is_alphabetic() || matches!(first, '_' | '/');
    may_begin
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|c| {
            c.is_control()
                || matches!(
                    c,
                    '"' | '\'' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
                )
        })
        && !WORDS.contains(&text.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_in_block_style() {
        let value = json!({
            "name": "a", "empty": {}, "none": [], "number": 1.5, "t": true, "nothing": null,
            "list": [1, "x", {"a": 1, "b": [2, [3, 4]]}, []],
            "deep": {"one": {"two": "yes"}},
        });
        insta::assert_snapshot!(to_text(&value), @r"
        name: a
        empty: {}
        none: []
        number: 1.5
        t: true
        nothing: null
        list:
        - 1
        - x
        - a: 1
          b:
          - 2
          - - 3
            - 4
        - []
        deep:
          one:
            two: 'yes'
        ");
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        let texts = [
            "",
            "no",
            "1",
            "1e3",
            "-",
            "- a",
            "a: b",
            "a #b",
            "it's",
            "#",
            "@x",
            "a\nb",
            "2020-01-01",
            " a",
            "a:",
        ];
        let quoted: Vec<String> = texts.iter().map(|text| scalar(text)).collect();
        insta::assert_snapshot!(quoted.join("\n"), @r#"
        ''
        'no'
        '1'
        '1e3'
        '-'
        '- a'
        'a: b'
        'a #b'
        'it''s'
        '#'
        '@x'
        "a\nb"
        '2020-01-01'
        ' a'
        'a:'
        "#);
    }
}
