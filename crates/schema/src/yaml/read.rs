//! YAML text as a JSON value.
//!
//! The parser's events are folded over a stack instead of by recursion, and nesting, aliases and repeated keys are
//! limited or refused, because these files are written by hand and come from version control. Start with [`parse`].

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Value};

use super::resolve;

/// Levels of nesting that a document may have.
const DEPTH_MAX: usize = 100;

/// Scalars and collections that a document may have once its aliases are written out.
const NODE_COUNT_MAX: usize = 1_000_000;

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

/// Reads the only document of a text; an empty text is `null`.
///
/// # Errors
/// [`YamlError`] for text that is not YAML, more than one document, keys that are repeated or no scalars, and
/// documents that are too deep or too large.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        builder.take(event, span)?;
    }
    Ok(builder.document.unwrap_or_default())
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        let place = error.marker();
        YamlError {
            line: place.line(),
            column: place.col() + 1,
            problem: error.info().to_owned(),
        }
    }
}

fn refused(span: Span, problem: impl Into<String>) -> YamlError {
    let problem = problem.into();
    YamlError {
        line: span.start.line(),
        column: span.start.col() + 1,
        problem,
    }
}

/// A collection whose end has not come yet.
enum Open {
    List {
        anchor: usize,
        items: Vec<Value>,
    },
    Map {
        anchor: usize,
        entries: Map<String, Value>,
        key: Option<String>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    document: Option<Value>,
    node_count: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(word, style, anchor, _) => {
                let value = match style {
                    ScalarStyle::Plain if !self.expects_key() => resolve(&word),
                    _ => Value::from(word.into_owned()),
                };
                self.put(value, anchor, span)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value.ok_or_else(|| refused(span, "an alias refers to itself"))?;
                self.node_count += size(&value);
                self.put(value, 0, span)
            }
            Event::SequenceStart(anchor, _) => self.enter(
                Open::List {
                    anchor,
                    items: Vec::new(),
                },
                span,
            ),
            Event::MappingStart(anchor, _) => self.enter(
                Open::Map {
                    anchor,
                    entries: Map::new(),
                    key: None,
                },
                span,
            ),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { anchor, items }) => self.put(items.into(), anchor, span),
                Some(Open::Map {
                    anchor, entries, ..
                }) => self.put(entries.into(), anchor, span),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn enter(&mut self, open: Open, span: Span) -> Result<(), YamlError> {
        if self.expects_key() {
            return Err(refused(span, "a key is a list or a mapping"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(refused(
                span,
                format!("more than {DEPTH_MAX} levels of nesting"),
            ));
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, value: Value, anchor: usize, span: Span) -> Result<(), YamlError> {
        self.node_count += 1;
        if self.node_count > NODE_COUNT_MAX {
            return Err(refused(span, format!("more than {NODE_COUNT_MAX} values")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None if self.document.is_some() => return Err(refused(span, "a second document")),
            None => self.document = Some(value),
            Some(Open::List { items, .. }) => items.push(value),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => {
                    let name = value.as_str().unwrap_or_default().to_owned();
                    if entries.contains_key(&name) {
                        return Err(refused(span, format!("the key `{name}` is there twice")));
                    }
                    *key = Some(name);
                }
            },
        }
        Ok(())
    }
}

/// Scalars and collections in a value.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}
