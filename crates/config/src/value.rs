//! Values as they come from variables and files, and the types that settings want (spec/config.md §2, "Values").

use serde_json::Value;

/// Type of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Anything, as it comes.
    Any,
    /// Text; numbers become text.
    Text,
    /// True or false.
    Bool,
    /// Whole number.
    Int,
    /// Number.
    Float,
    /// List, or JSON text of one.
    List,
    /// Object, or JSON text of one.
    Object,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// The name of the type in messages, as dlt writes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Kind::Any => "typing.Any".to_owned(),
            Kind::Text => "<class 'str'>".to_owned(),
            Kind::Bool => "<class 'bool'>".to_owned(),
            Kind::Int => "<class 'int'>".to_owned(),
            Kind::Float => "<class 'float'>".to_owned(),
            Kind::List => "<class 'list'>".to_owned(),
            Kind::Object => "<class 'dict'>".to_owned(),
            Kind::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                format!("typing.Literal[{}]", words.join(", "))
            }
        }
    }

    /// What a person may write.
    pub(crate) fn help(&self) -> String {
        match self {
            Kind::Any => "any value".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Bool => "yes, true, t, y, 1 or no, false, f, n, 0".to_owned(),
            Kind::Int => "a whole number".to_owned(),
            Kind::Float => "a number".to_owned(),
            Kind::List => "a list, or JSON text of one".to_owned(),
            Kind::Object => "a table, or JSON text of an object".to_owned(),
            Kind::Choice(words) => format!("one of: {}", words.join(", ")),
        }
    }

    /// The value in this type; `None` if it is none.
    pub(crate) fn coerce(&self, value: Value) -> Option<Value> {
        match self {
            Kind::Any => Some(value),
            Kind::Text => text(value).map(Value::String),
            Kind::Bool => bool(&value).map(Value::Bool),
            Kind::Int => int(&value).map(Value::from),
            Kind::Float => float(&value).map(Value::from),
            Kind::List => json(value).filter(Value::is_array),
            Kind::Object => json(value).filter(Value::is_object),
            Kind::Choice(words) => text(value)
                .filter(|word| words.contains(&word.as_str()))
                .map(Value::String),
        }
    }
}

fn text(value: Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => text,
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) if number.is_f64() => format!("{:?}", number.as_f64()?),
        other => other.to_string(),
    })
}

fn bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => match text.to_lowercase().as_str() {
            "yes" | "true" | "t" | "y" | "1" => Some(true),
            "no" | "false" | "f" | "n" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
            // Exact: whole and within 2^63.
            (number.abs() < 9.2e18).then_some(number as i64)
        }),
        Value::String(text) => match text.trim().strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => without_underscores(text.trim())?.parse().ok(),
        },
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.trim().strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16)
                .ok()
                .map(|number| number as f64),
            None => without_underscores(text.trim())?.parse().ok(),
        },
        _ => None,
    }
}

/// Python allows one underscore between digits.
fn without_underscores(text: &str) -> Option<String> {
    let is_bad = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!is_bad).then(|| text.replace('_', ""))
}

fn json(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(&text).ok(),
        other => Some(other),
    }
}

/// The value that an untyped text reads as: bool, whole number, number, JSON list or object, else itself.
pub(crate) fn read_untyped(value: Value) -> Value {
    let Value::String(text) = &value else {
        return value;
    };
    match text.to_lowercase().as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Some(number) = int(&value) {
        return number.into();
    }
    if let Some(number) = float(&value).filter(|number| number.is_finite()) {
        return number.into();
    }
    let parsed = serde_json::from_str::<Value>(text).ok();
    parsed
        .filter(|parsed| parsed.is_array() || parsed.is_object())
        .unwrap_or(value)
}

/// A TOML value as JSON; dates and times become text.
pub(crate) fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, from_toml(value)))
            .collect(),
    }
}

/// Placeholders that dlt's `init` writes: they warn, and count as the value.
pub(crate) fn is_placeholder(value: &Value) -> bool {
    const PLACEHOLDERS: [&str; 3] = [
        "<configure me>",
        "1768-07-21T02:56:07.000003Z",
        "1768-07-21",
    ];
    value
        .as_str()
        .is_some_and(|text| PLACEHOLDERS.contains(&text))
}

/// Placeholders that tipple's `init` writes for secrets (`<paste your … key>`): nothing can be done with them.
pub(crate) fn is_unfilled(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with("<paste ") && text.ends_with('>'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(kind: Kind, value: Value, expected: Option<Value>) {
        assert_eq!(
            kind.coerce(value.clone()),
            expected,
            "{value} as {}",
            kind.help()
        );
    }

    #[test]
    fn values_become_what_is_wanted_as_in_dlt() {
        check(Kind::Text, json!(5), Some(json!("5")));
        check(Kind::Text, json!(5.0), Some(json!("5.0")));
        check(Kind::Text, json!(true), Some(json!("True")));
        for yes in ["yes", "TRUE", "t", "Y", "1"] {
            check(Kind::Bool, json!(yes), Some(json!(true)));
        }
        check(Kind::Bool, json!("off"), None);
        check(Kind::Int, json!(" 0x10 "), Some(json!(16)));
        check(Kind::Int, json!("1_000"), Some(json!(1000)));
        check(Kind::Int, json!("5.0"), None);
        check(Kind::Int, json!(5.0), Some(json!(5)));
        check(Kind::Int, json!(true), None);
        check(Kind::Float, json!(" 1e5 "), Some(json!(100_000.0)));
        check(Kind::Float, json!(3), Some(json!(3.0)));
        check(Kind::List, json!("[1,2]"), Some(json!([1, 2])));
        check(Kind::List, json!("a,b"), None);
        check(Kind::Object, json!("{\"a\":1}"), Some(json!({"a": 1})));
        check(Kind::Object, json!("[1]"), None);
        check(Kind::Choice(&["x", "y"]), json!("x"), Some(json!("x")));
        check(Kind::Choice(&["x", "y"]), json!("z"), None);
    }

    #[test]
    fn untyped_text_is_read_as_what_it_looks_like() {
        for (text, value) in [
            ("True", json!(true)),
            ("12", json!(12)),
            ("1.5", json!(1.5)),
            ("[1]", json!([1])),
            ("\"a\"", json!("\"a\"")),
            ("plain", json!("plain")),
        ] {
            assert_eq!(read_untyped(json!(text)), value);
        }
    }

    #[test]
    fn toml_dates_become_text() {
        let table: toml::Table = toml::from_str("at = 2024-01-02T03:04:05Z").unwrap();
        assert_eq!(
            from_toml(toml::Value::Table(table)),
            json!({"at": "2024-01-02T03:04:05Z"})
        );
    }
}
