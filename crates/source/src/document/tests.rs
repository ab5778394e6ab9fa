//! What `document` promises, one test a promise.

use serde_json::json;

use super::*;

fn parse(text: &str, syntax: Syntax) -> Document {
    Document::parse(text, "f", syntax).unwrap()
}

fn mistake(text: &str, syntax: Syntax) -> String {
    Document::parse(text, "f", syntax).unwrap_err().to_string()
}

#[test]
fn the_same_document_in_three_syntaxes_is_the_same_value() {
    let yaml =
        "a: [1, -2.5, 'x', \"\\u00e9\", true, ~]\nb:\n  c: |\n    two\n    lines\n  \"d.e\": {}\n";
    let toml = "a = [1, -2.5, 'x', \"\\u00e9\", true, \"@null\"]\n[b]\nc = \"two\\nlines\\n\"\n\"d.e\" = {}\n";
    let json = "{\"a\": [1, -2.5, \"x\", \"\\u00e9\", true, null],\n\"b\": {\"c\": \"two\\nlines\\n\",\n\"d.e\": {}}}";
    let expected =
        json!({"a": [1, -2.5, "x", "é", true, null], "b": {"c": "two\nlines\n", "d.e": {}}});
    let documents = [
        (yaml, Syntax::Yaml),
        (toml, Syntax::Toml),
        (json, Syntax::Json),
    ];
    for (text, syntax) in documents {
        assert_eq!(parse(text, syntax).value, expected, "{syntax:?}");
    }
    let lines = documents.map(|(text, syntax)| parse(text, syntax).line_of("b.\"d.e\".x[3]"));
    assert_eq!(lines, [Some(6), Some(4), Some(3)]);
}

#[test]
fn yaml_is_read_as_version_1_2() {
    let text = "[no, on, 1_000, 012, 0x1F, 0o17, 2024-01-25, 2024-01-25T10:00:00Z, +7, 1e3, .5, 5., '5', !!str 5, 12:30, 1.2.3]";
    let expected = json!([
        "no",
        "on",
        "1_000",
        12,
        31,
        15,
        "2024-01-25",
        "2024-01-25T10:00:00Z",
        7,
        1000.0,
        0.5,
        5.0,
        "5",
        "5",
        "12:30",
        "1.2.3"
    ]);
    assert_eq!(parse(text, Syntax::Yaml).value, expected);
    let keys = "1: a\ntrue: b\n? c\n: d\n";
    assert_eq!(
        parse(keys, Syntax::Yaml).value,
        json!({"1": "a", "true": "b", "c": "d"})
    );
    assert_eq!(
        parse("a: &x {b: 1}\nc: *x", Syntax::Yaml).value,
        json!({"a": {"b": 1}, "c": {"b": 1}})
    );
    assert_eq!(parse("", Syntax::Yaml).value, json!(null));
}

#[test]
fn toml_dates_are_typed() {
    let text =
        "a = 2024-01-02T03:04:05Z\nb = 2024-01-02\nc = 03:04:05\nd = 2024-01-02T03:04:05.5+02:00";
    let expected = json!({"a": "\u{F027}2024-01-02T03:04:05+00:00", "b": "\u{F028}2024-01-02",
        "c": "\u{F02D}03:04:05", "d": "\u{F027}2024-01-02T03:04:05.5+02:00"});
    assert_eq!(parse(text, Syntax::Toml).value, expected);
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let found = [
        mistake("a: 1\nb: [1", Syntax::Yaml),
        mistake("a: 1\n  b: 2", Syntax::Yaml),
        mistake("a: 1\nb: 2\na: 3", Syntax::Yaml),
        mistake("a: 123456789012345678901234567890", Syntax::Yaml),
        mistake("a: 1\n---\nb: 2", Syntax::Yaml),
        mistake("? [a]\n: 1", Syntax::Yaml),
        mistake("a = 1\nb = = 2", Syntax::Toml),
        mistake("a = 1\na = 2", Syntax::Toml),
        mistake("a = nan", Syntax::Toml),
        mistake("{\"a\": 1,\n \"b\" 2}", Syntax::Json),
        mistake("{\"a\": 1,\n \"a\": 2}", Syntax::Json),
        mistake("{} {}", Syntax::Json),
        mistake(&"[".repeat(100), Syntax::Json),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn aliases_cannot_grow_without_end() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let names = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{names}]\n"));
    }
    assert!(mistake(&text, Syntax::Yaml).contains("grow too large"));
}
