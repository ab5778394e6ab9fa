//! Reads objects of a document member by member and collects every mistake.
//!
//! serde stops at the first mistake and knows no lines; users deserve all of them at once, with the nearest spelling of a
//! key that does not exist. Each reader asks an object for the members that it knows; [`Fields::finish`] refuses the
//! rest. Lines are added afterwards by whoever knows them, from the path.

use std::fmt;

use serde_json::{Map, Value};

/// One mistake in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the member, for instance `resources[0].write_disposition`.
    pub path: String,
    /// Line in the document, from 1, when it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// The candidate that is spelled most like `word`, if any is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let similarity = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    let best = candidates
        .iter()
        .copied()
        .min_by_key(|candidate| similarity(candidate))?;
    (similarity(best) <= 1 + best.len() / 4).then_some(best)
}

/// Name of the kind of a JSON value, with its article.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Joins a path and a key.
pub fn join(path: &str, key: &str) -> String {
    let key = if key.contains('.') || key.is_empty() {
        format!("\"{key}\"")
    } else {
        key.to_owned()
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// Collects the mistakes of a document.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds a mistake.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            path: path.into(),
            line: None,
            message: message.into(),
            help: None,
        });
    }

    /// Adds a mistake and what to write instead.
    pub fn add_with_help(
        &mut self,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (path, message) = (path.into(), message.into());
        self.0.push(Problem {
            path,
            line: None,
            message,
            help: Some(help.into()),
        });
    }

    /// Refuses a word that is none of `allowed`.
    pub fn add_unknown_word(&mut self, path: &str, word: &str, allowed: &[&str]) {
        let choices = format!("one of {}", quoted_list(allowed));
        let help = match nearest(word, allowed) {
            Some(near) => format!("did you mean `{near}`? ({choices})"),
            None => format!("write {choices}"),
        };
        self.add_with_help(path, format!("`{word}` is not known here; {help}"), help);
    }
}

/// The words in backticks, with commas between.
pub fn quoted_list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One object that is being read.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    known: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    /// Starts to read `value`, which must be an object.
    pub fn of(value: &'a Value, path: &str, problems: &mut Problems) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Fields {
                map,
                path: path.to_owned(),
                known: Vec::new(),
            }),
            other => {
                problems.add(path, format!("must be an object, not {}", kind_of(other)));
                None
            }
        }
    }

    /// Path of the member `key`.
    pub fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The member `key` unless it is missing or null.
    pub fn value(&mut self, key: &'a str) -> Option<&'a Value> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &mut self,
        key: &'a str,
        wanted: &str,
        problems: &mut Problems,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let read = read(value);
        if read.is_none() {
            let message = format!("must be {wanted}, not {}", shown(value));
            problems.add(self.path_of(key), message);
        }
        read
    }

    /// The text under `key`.
    pub fn text(&mut self, key: &'a str, problems: &mut Problems) -> Option<String> {
        self.typed(key, "a text", problems, |v| v.as_str().map(str::to_owned))
    }

    /// The boolean under `key`.
    pub fn bool(&mut self, key: &'a str, problems: &mut Problems) -> Option<bool> {
        self.typed(key, "`true` or `false`", problems, Value::as_bool)
    }

    /// The whole number under `key`.
    pub fn count(&mut self, key: &'a str, problems: &mut Problems) -> Option<u64> {
        self.typed(key, "a whole number from 0", problems, Value::as_u64)
    }

    /// The number under `key`.
    pub fn number(&mut self, key: &'a str, problems: &mut Problems) -> Option<f64> {
        self.typed(key, "a number", problems, Value::as_f64)
    }

    /// The object under `key`.
    pub fn object(
        &mut self,
        key: &'a str,
        problems: &mut Problems,
    ) -> Option<&'a Map<String, Value>> {
        self.typed(key, "an object", problems, Value::as_object)
    }

    /// The list under `key`.
    pub fn list(&mut self, key: &'a str, problems: &mut Problems) -> Option<&'a Vec<Value>> {
        self.typed(key, "a list", problems, Value::as_array)
    }

    /// A text or a list of texts.
    pub fn texts(&mut self, key: &'a str, problems: &mut Problems) -> Option<Vec<String>> {
        self.typed(key, "a text or a list of texts", problems, texts_of)
    }

    /// One of a few words.
    pub fn word<T: Copy>(
        &mut self,
        key: &'a str,
        words: &[(&'static str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let word = self.text(key, problems)?;
        let found = words
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            problems.add_unknown_word(&self.path_of(key), &word, &names);
        }
        found
    }

    /// Members that somebody else reads.
    pub fn leave(&mut self, keys: &[&'a str]) {
        self.known.extend_from_slice(keys);
    }

    /// Refuses every member that nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        self.finish_except(|_| false, problems);
    }

    /// Refuses every member that nobody asked for, except those that `allowed` names.
    pub fn finish_except(mut self, allowed: impl Fn(&str) -> bool, problems: &mut Problems) {
        // A reader may ask twice for a member.
        let mut seen = std::collections::HashSet::new();
        self.known.retain(|key| seen.insert(*key));
        for key in self.map.keys() {
            if self.known.contains(&key.as_str()) || allowed(key) {
                continue;
            }
            let path = self.path_of(key);
            match nearest(key, &self.known) {
                Some(near) => {
                    let help = format!("did you mean `{near}`?");
                    problems.add_with_help(path, format!("there is no such key; {help}"), help);
                }
                None => {
                    let help = format!("known keys: {}", quoted_list(&self.known));
                    problems.add_with_help(path, "there is no such key", help);
                }
            }
        }
    }
}

fn texts_of(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A value for a message: its kind, and the value itself when it is short and simple.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::Bool(word) => format!("`{word}`"),
        other => kind_of(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_neighbour_and_a_strange_one_does_not() {
        assert_eq!(
            nearest("primry_key", &["primary_key", "merge_key"]),
            Some("primary_key")
        );
        assert_eq!(
            nearest("wirte_disposition", &["write_disposition"]),
            Some("write_disposition")
        );
        assert_eq!(nearest("colour", &["primary_key", "merge_key"]), None);
    }
}
