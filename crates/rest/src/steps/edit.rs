//! Changing the fields of one row.

use std::fmt;
use std::str::FromStr;

use tipple_json::{JsonPath, PathError, PathStep, Value, plain_text, python_repr};

use super::CastType;
use crate::convert::Convert;

/// A field of a row: `email`, `meta.ip`, `restreams[*].streamKey`, `'odd name'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    keys: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    /// All elements of a list.
    Every,
}

/// A text that names no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no field: {reason}")]
pub struct FieldError {
    text: String,
    reason: String,
}

impl FromStr for FieldPath {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason: String| FieldError {
            text: text.to_owned(),
            reason,
        };
        let path: JsonPath = text
            .parse()
            .map_err(|error: PathError| wrong(error.reason))?;
        let steps = path.steps();
        let steps = steps.ok_or_else(|| wrong("only names and `[*]` can be in it".to_owned()))?;
        let keys: Vec<Part> = steps
            .into_iter()
            .map(|step| match step {
                PathStep::Key(key) => Part::Key(key),
                PathStep::Every => Part::Every,
            })
            .collect();
        match keys.first() {
            Some(Part::Key(_)) => Ok(FieldPath { keys }),
            _ => Err(wrong("it must begin with a name".to_owned())),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.keys.iter().enumerate() {
            match part {
                Part::Key(key) if index == 0 => f.write_str(key)?,
                Part::Key(key) => write!(f, ".{key}")?,
                Part::Every => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

impl FieldPath {
    /// The last name.
    pub fn last_name(&self) -> &str {
        self.keys
            .iter()
            .rev()
            .find_map(|part| match part {
                Part::Key(key) => Some(key.as_str()),
                Part::Every => None,
            })
            .unwrap_or_default()
    }

    /// Calls `change` for every value of the field.
    pub fn each(&self, row: &mut Value, change: &mut dyn FnMut(&mut Value)) {
        each(row, &self.keys, change);
    }

    /// Calls `change` for the members of every object that may hold the last name.
    fn each_owner(&self, row: &mut Value, mut change: impl FnMut(&mut Vec<(String, Value)>, &str)) {
        let Some((Part::Key(name), owners)) = self.keys.split_last() else {
            return;
        };
        each(row, owners, &mut |owner| {
            if let Value::Object(members) = owner {
                change(members, name);
            }
        });
    }

    pub(super) fn remove(&self, row: &mut Value) {
        self.each_owner(row, |members, name| members.retain(|(key, _)| key != name));
    }

    pub(super) fn rename(&self, row: &mut Value, new: &str) {
        self.each_owner(row, |members, name| {
            let Some(at) = members.iter().position(|(key, _)| key == name) else {
                return;
            };
            members[at].0 = new.to_owned();
            let mut index = 0;
            members.retain(|(key, _)| {
                index += 1;
                key != new || index - 1 == at
            });
        });
    }

    pub(super) fn set(&self, row: &mut Value, value: &Value) {
        self.each_owner(row, |members, name| {
            match members.iter_mut().find(|(key, _)| key == name) {
                Some(member) => member.1 = value.clone(),
                None => members.push((name.to_owned(), value.clone())),
            }
        });
    }

    pub(super) fn flatten(&self, row: &mut Value) {
        self.each_owner(row, |members, name| {
            let at = members
                .iter()
                .position(|(key, value)| key == name && matches!(value, Value::Object(_)));
            let Some(at) = at else {
                return;
            };
            let Value::Object(inner) = members.remove(at).1 else {
                return;
            };
            let new: Vec<(String, Value)> = inner
                .into_iter()
                .filter(|(key, _)| members.iter().all(|(known, _)| known != key))
                .collect();
            members.splice(at..at, new);
        });
    }
}

fn each(value: &mut Value, keys: &[Part], change: &mut dyn FnMut(&mut Value)) {
    let Some((first, rest)) = keys.split_first() else {
        change(value);
        return;
    };
    match (first, value) {
        (Part::Key(name), Value::Object(members)) => {
            if let Some((_, value)) = members.iter_mut().find(|(key, _)| key == name) {
                each(value, rest, change);
            }
        }
        (Part::Every, Value::List(elements)) => {
            elements
                .iter_mut()
                .for_each(|element| each(element, rest, change));
        }
        _ => {}
    }
}

/// The row with only these fields, in its own order.
pub(super) fn select(row: &Value, fields: &[FieldPath]) -> Value {
    let paths: Vec<&[Part]> = fields.iter().map(|field| field.keys.as_slice()).collect();
    select_paths(row, &paths)
}

fn select_paths(value: &Value, paths: &[&[Part]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value.clone();
    }
    match value {
        Value::Object(members) => {
            let chosen = members.iter().filter_map(|(key, value)| {
                let below: Vec<&[Part]> = paths
                    .iter()
                    .filter(|path| path[0] == Part::Key(key.clone()))
                    .map(|path| &path[1..])
                    .collect();
                (!below.is_empty()).then(|| (key.clone(), select_paths(value, &below)))
            });
            Value::Object(chosen.collect())
        }
        Value::List(elements) => {
            let below: Vec<&[Part]> = paths
                .iter()
                .filter(|path| path[0] == Part::Every)
                .map(|path| &path[1..])
                .collect();
            Value::List(
                elements
                    .iter()
                    .map(|element| select_paths(element, &below))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// One row for each element of the list.
pub(super) fn explode(row: Value, field: &FieldPath, target: &str, out: &mut Vec<Value>) {
    let mut elements = Vec::new();
    let mut emptied = row;
    field.each(&mut emptied, &mut |value| {
        if let Value::List(found) = std::mem::replace(value, Value::Null) {
            elements.extend(found);
        }
    });
    for element in elements {
        let mut row = emptied.clone();
        field.set(&mut row, &element);
        if field.last_name() != target {
            field.rename(&mut row, target);
        }
        out.push(row);
    }
}

/// The value in another type.
pub(super) fn cast(value: &Value, kind: CastType) -> Result<Value, String> {
    let cast = match kind {
        CastType::Text => Some(Value::Text(text_of(value))),
        CastType::Bigint => bigint(value),
        CastType::Double => double(value),
        CastType::Bool => boolean(value),
        CastType::Timestamp => Convert::Iso8601.apply(value).ok(),
        CastType::Date => Convert::Date.apply(value).ok(),
    };
    cast.ok_or_else(|| {
        let shown: String = text_of(value).chars().take(80).collect();
        format!("`{shown}` is no {}", kind.word())
    })
}

impl CastType {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, CastType); 6] = [
        ("text", CastType::Text),
        ("bigint", CastType::Bigint),
        ("double", CastType::Double),
        ("bool", CastType::Bool),
        ("timestamp", CastType::Timestamp),
        ("date", CastType::Date),
    ];

    fn word(self) -> &'static str {
        CastType::WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("value", |(word, _)| word)
    }
}

fn text_of(value: &Value) -> String {
    plain_text(value).unwrap_or_else(|| {
        let mut text = String::new();
        tipple_json::write_compact(value, &mut text);
        text
    })
}

fn bigint(value: &Value) -> Option<Value> {
    match value {
        Value::Int(_) | Value::UInt(_) => Some(value.clone()),
        Value::Bool(word) => Some(Value::Int(i64::from(*word))),
        // Exact: whole and within the range of a double's integers.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
            Some(Value::Int(*number as i64))
        }
        Value::Text(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .map(Value::Int)
                .or_else(|| bigint(&Value::Float(text.parse().ok()?)))
        }
        _ => None,
    }
}

fn double(value: &Value) -> Option<Value> {
    match value {
        Value::Int(number) => Some(Value::Float(*number as f64)),
        Value::UInt(number) => Some(Value::Float(*number as f64)),
        Value::Float(_) => Some(value.clone()),
        Value::Bool(word) => Some(Value::Float(f64::from(u8::from(*word)))),
        Value::Text(text) => {
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then_some(Value::Float(number))
        }
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Bool(_) => return Some(value.clone()),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => python_repr(*number),
        Value::Text(text) => text.trim().to_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(Value::Bool(true)),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Some(Value::Bool(false)),
        _ => None,
    }
}
