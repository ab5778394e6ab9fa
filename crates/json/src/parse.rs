//! JSON text to a [`Value`] tree, without recursion.
//!
//! The parser keeps its own stack of open containers, so that hostile nesting gives an error instead of a crash.
//! A repeated key keeps its first place and takes its last value, as in Python.

use std::collections::HashMap;

use crate::error::{DEPTH_MAX, JsonError, JsonErrorKind};
use crate::number::Number;
use crate::scan::{Kind, Scanner, text_of};
use crate::value::Value;

/// Objects with more members look for repeated keys with a hash map.
const FEW_MEMBERS_MAX: usize = 16;

/// Reads the one value that `bytes` hold.
///
/// # Errors
/// Any [`JsonErrorKind`]; `TrailingText` when there is more than one value.
pub fn parse_value(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut scanner = Scanner::new(text_of(bytes)?);
    scanner.skip_blanks();
    let value = scanner.value()?;
    scanner.skip_blanks();
    if scanner.peek().is_some() {
        return Err(scanner.error(JsonErrorKind::TrailingText));
    }
    Ok(value)
}

/// A container whose end has not been met.
enum Open {
    List(Vec<Value>),
    /// Members so far, and the key whose value comes next.
    Object(Vec<(String, Value)>, String),
}

impl Scanner<'_> {
    /// Reads one value and stops after it.
    ///
    /// # Errors
    /// Any [`JsonErrorKind`].
    pub fn value(&mut self) -> Result<Value, JsonError> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            let Some(mut value) = self.scalar_or_open(&mut stack)? else {
                continue;
            };
            loop {
                let Some(container) = stack.last_mut() else {
                    return Ok(value);
                };
                if self.add(container, value)? {
                    break;
                }
                value = close(stack.pop());
            }
        }
    }

    /// A scalar or an empty container; `None` when a container was opened.
    fn scalar_or_open(&mut self, stack: &mut Vec<Open>) -> Result<Option<Value>, JsonError> {
        let value = match self.kind()? {
            Kind::Text => Value::Text(self.string()?.unescape().into_owned()),
            Kind::Number => self.number()?.into(),
            Kind::Bool => Value::Bool(self.boolean()?),
            Kind::Null => self.null().map(|()| Value::Null)?,
            Kind::List => {
                if self.opens(b']') {
                    self.check_depth(stack.len())?;
                    stack.push(Open::List(Vec::new()));
                    return Ok(None);
                }
                Value::List(Vec::new())
            }
            Kind::Object => {
                if self.opens(b'}') {
                    self.check_depth(stack.len())?;
                    let key = self.key()?.unescape().into_owned();
                    stack.push(Open::Object(Vec::new(), key));
                    return Ok(None);
                }
                Value::Object(Vec::new())
            }
        };
        Ok(Some(value))
    }

    fn check_depth(&self, depth: usize) -> Result<(), JsonError> {
        if depth == DEPTH_MAX {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        Ok(())
    }

    /// Puts `value` into the innermost container; false when the container ends after it.
    fn add(&mut self, container: &mut Open, value: Value) -> Result<bool, JsonError> {
        match container {
            Open::List(elements) => {
                elements.push(value);
                self.has_more(b']')
            }
            Open::Object(members, key) => {
                members.push((std::mem::take(key), value));
                let has_more = self.has_more(b'}')?;
                if has_more {
                    *key = self.key()?.unescape().into_owned();
                }
                Ok(has_more)
            }
        }
    }
}

/// The value of a container that has ended.
fn close(container: Option<Open>) -> Value {
    match container {
        Some(Open::List(elements)) => Value::List(elements),
        Some(Open::Object(members, _)) => Value::Object(without_repeated_keys(members)),
        None => Value::Null,
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(value) => Value::Int(value),
            Number::UInt(value) => Value::UInt(value),
            Number::Float(value) => Value::Float(value),
        }
    }
}

fn without_repeated_keys(members: Vec<(String, Value)>) -> Vec<(String, Value)> {
    if has_repeated_key(&members) {
        merge_repeated_keys(members)
    } else {
        members
    }
}

fn has_repeated_key(members: &[(String, Value)]) -> bool {
    if members.len() <= FEW_MEMBERS_MAX {
        let is_repeated = |i: usize| members[..i].iter().any(|(key, _)| *key == members[i].0);
        return (1..members.len()).any(is_repeated);
    }
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    members.iter().any(|(key, _)| !seen.insert(key.as_str()))
}

#[cold]
fn merge_repeated_keys(members: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(members.len());
    let mut merged: Vec<(String, Value)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        if let Some(&place) = places.get(&key) {
            merged[place].1 = value;
        } else {
            places.insert(key.clone(), merged.len());
            merged.push((key, value));
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::write_compact;

    fn from_serde(value: &serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(list) => Value::List(list.iter().map(from_serde).collect()),
            serde_json::Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), from_serde(value)))
                    .collect(),
            ),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Value::Int(value),
                (None, Some(value)) => Value::UInt(value),
                (None, None) => Value::Float(number.as_f64().unwrap()),
            },
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::Array),
                prop::collection::vec((any::<String>(), inner), 0..20)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
        let value = parse_value(br#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
        let expected = vec![("a".into(), Value::Int(3)), ("b".into(), Value::Int(2))];
        assert_eq!(value, Value::Object(expected));
    }

    #[test]
    fn a_repeated_key_is_found_in_a_large_object() {
        let members: Vec<String> = (0..1000).map(|i| format!("\"k{}\":{i}", i % 500)).collect();
        let text = format!("{{{}}}", members.join(","));
        let value = parse_value(text.as_bytes()).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 500);
        assert_eq!(value.get("k7"), Some(&Value::Int(507)));
    }

    #[test]
    fn more_than_one_value_is_refused() {
        let error = parse_value(b" {} {}").unwrap_err();
        assert_eq!((error.kind, error.at), (JsonErrorKind::TrailingText, 4));
    }

    #[test]
    fn a_hundred_thousand_levels_are_an_error() {
        for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
            assert_eq!(
                parse_value(deep.as_bytes()).unwrap_err().kind,
                JsonErrorKind::TooDeep
            );
        }
        let fits = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(parse_value(fits.as_bytes()).is_ok());
        assert!(Scanner::new(&fits).skip_value().is_ok());
        let over = format!("[{fits}]");
        assert!(
            parse_value(over.as_bytes()).is_ok(),
            "the innermost list is empty"
        );
        assert!(parse_value(format!("[{over}]").as_bytes()).is_err());
        assert!(Scanner::new(&format!("[{over}]")).skip_value().is_err());
    }

    proptest! {
        #[test]
        fn every_document_is_read_as_serde_json_reads_it(json in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            let value = parse_value(text.as_bytes()).unwrap();
            prop_assert_eq!(&value, &from_serde(&json));
            prop_assert_eq!(Scanner::new(&text).skip_value().unwrap(), text.as_str());
            let mut written = String::new();
            write_compact(&value, &mut written);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
            prop_assert_eq!(parse_value(written.as_bytes()).unwrap(), value);
        }

        #[test]
        fn broken_documents_are_refused_by_all_readers_alike(json in any_json(), at: prop::sample::Index, byte: u8) {
            let mut text = serde_json::to_vec(&json).unwrap();
            let at = at.index(text.len());
            text[at] = byte;
            let ours = parse_value(&text);
            let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
            let theirs = serde_json::from_str::<serde_json::Value>(text);
            let is_known_difference = matches!(&ours, Err(e) if e.kind == JsonErrorKind::IntegerOutOfRange);
            prop_assert!(is_known_difference || ours.is_ok() == theirs.is_ok(), "{} {:?} {:?}", text, ours, theirs);
            let mut scanner = Scanner::new(text);
            scanner.skip_blanks();
            let skipped = scanner.skip_value();
            scanner.skip_blanks();
            prop_assert_eq!(ours.is_ok(), skipped.is_ok() && scanner.peek().is_none());
        }
    }
}
