//! Documents that users write: YAML 1.2, TOML or JSON, as one tree of JSON values that remembers its lines.
//!
//! Everything above works on JSON values and reports mistakes by path; the document adds the line. Dates stay texts in
//! YAML, because dlt's users have texts there; in TOML, where a bare date is a value of its own, it becomes a typed
//! value (spec/normalize.md §7.4). Start with [`Document::parse`].

mod json;
mod toml;
mod yaml;

use std::collections::HashMap;

use serde_json::{Map, Value};
use tipple_json::locate;

use crate::error::SourceError;
use crate::fields::{Problems, join};
use crate::page::Place;

/// Levels of lists and objects in a document.
const DEPTH_MAX: usize = 64;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.2.
    Yaml,
    /// TOML 1.
    Toml,
    /// JSON.
    Json,
}

impl Syntax {
    /// What the name of a file says.
    pub fn of_name(name: &str) -> Option<Syntax> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Syntax::Yaml),
            "toml" => Some(Syntax::Toml),
            "json" => Some(Syntax::Json),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Syntax::Yaml => "YAML",
            Syntax::Toml => "TOML",
            Syntax::Json => "JSON",
        }
    }
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// Name in messages.
    pub origin: String,
    /// Its content.
    pub value: Value,
    /// Path of a member or element → its line.
    lines: HashMap<String, usize>,
}

impl Document {
    /// Reads `text`; `origin` is named in messages.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] at the first place that cannot be read.
    pub fn parse(text: &str, origin: &str, syntax: Syntax) -> Result<Self, SourceError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read = match syntax {
            Syntax::Yaml => yaml::parse(text),
            Syntax::Toml => toml::parse(text),
            Syntax::Json => json::parse(text),
        };
        let node = read.map_err(|mistake| mistake.into_error(text, origin, syntax))?;
        let mut lines = HashMap::new();
        let value = flatten(node, "", &mut lines);
        Ok(Document {
            origin: origin.to_owned(),
            value,
            lines,
        })
    }

    /// Runs `read` over the content and turns its mistakes, with their lines, into one error.
    ///
    /// # Errors
    /// [`SourceError::Spec`] with all mistakes, in the order of lines, or when `read` gave nothing.
    pub fn read<T>(
        &self,
        read: impl FnOnce(&Value, &mut Problems) -> Option<T>,
    ) -> Result<T, SourceError> {
        let mut problems = Problems::default();
        let result = read(&self.value, &mut problems);
        if let (Some(value), true) = (result, problems.0.is_empty()) {
            return Ok(value);
        }
        for problem in &mut problems.0 {
            problem.line = self.line_of(&problem.path);
        }
        problems.0.sort_by_key(|problem| problem.line);
        Err(SourceError::Spec {
            origin: self.origin.clone(),
            problems: problems.0,
        })
    }

    /// Line of the member at `path`, or of the nearest one around it.
    pub fn line_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// A value with its line.
#[derive(Debug, Clone)]
struct Node {
    line: usize,
    tree: Tree,
}

#[derive(Debug, Clone)]
enum Tree {
    Scalar(Value),
    List(Vec<Node>),
    /// Keys with their lines.
    Object(Vec<(String, usize, Node)>),
}

/// A place that cannot be read.
#[derive(Debug)]
struct Mistake {
    /// Byte offset.
    at: usize,
    reason: String,
}

impl Mistake {
    fn new(at: usize, reason: impl Into<String>) -> Self {
        Mistake {
            at,
            reason: reason.into(),
        }
    }

    fn into_error(self, text: &str, origin: &str, syntax: Syntax) -> SourceError {
        let found = locate(text.as_bytes(), self.at);
        SourceError::Malformed {
            format: syntax.name(),
            place: Place::start_of(origin).moved_to(text.as_bytes(), self.at),
            column: found.column as u64,
            reason: self.reason,
            excerpt: found.excerpt,
        }
    }
}

fn repeated_key(key: &str) -> String {
    format!("the key `{key}` stands twice in one object")
}

fn too_deep() -> String {
    format!("more than {DEPTH_MAX} levels are nested")
}

/// Lines of byte offsets.
struct LineIndex {
    newlines: Vec<usize>,
}

impl LineIndex {
    fn of(text: &str) -> Self {
        LineIndex {
            newlines: memchr::memchr_iter(b'\n', text.as_bytes()).collect(),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }
}

fn flatten(node: Node, path: &str, lines: &mut HashMap<String, usize>) -> Value {
    lines.entry(path.to_owned()).or_insert(node.line);
    match node.tree {
        Tree::Scalar(value) => value,
        Tree::List(elements) => {
            let elements = elements.into_iter().enumerate();
            elements
                .map(|(index, node)| flatten(node, &format!("{path}[{index}]"), lines))
                .collect()
        }
        Tree::Object(members) => {
            let mut map = Map::with_capacity(members.len());
            for (key, line, node) in members {
                let path = join(path, &key);
                lines.insert(path.clone(), line);
                map.insert(key, flatten(node, &path, lines));
            }
            Value::Object(map)
        }
    }
}

#[cfg(test)]
mod tests;
