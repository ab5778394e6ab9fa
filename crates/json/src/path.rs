//! JSONPath in dlt's dialect, looked up in raw text (spec/rest-api.md §9.4): `id`, `page.next`, `$.data[*]`, `a[?(@.b>1)].c`.
//!
//! dlt uses the extended grammar of `jsonpath-ng`, not RFC 9535: `a.b` needs no `$`, names may hold dashes, `['x']` stands
//! at the root, `|` binds tighter than `.`. Cursors, selectors, paginators and templates all speak it. Values are found as
//! slices of the text long before it is normalized; nothing is built beside them. Plain dotted names, which nearly all
//! configurations use, are walked without the general machine. Start with [`JsonPath::find_first`].

mod eval;
mod parse;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::JsonError;
use crate::scan::{Kind, Scanner};
use crate::string::RawText;

/// A compiled path.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
    kind: PathKind,
}

#[derive(Debug, Clone)]
enum PathKind {
    /// Names from the outside in; none is the whole value.
    Keys(Vec<String>),
    Query(Query),
}

/// One step from a value to some of its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The member of an object.
    Key(String),
    /// All elements of a list or all members of an object.
    Every,
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path: {reason} at character {at}")]
pub struct PathError {
    /// The text.
    pub path: String,
    /// What is wrong.
    pub reason: String,
    /// Where, counted from 1.
    pub at: usize,
}

/// The general form.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    Root,
    This,
    Fields(Vec<String>),
    Every,
    Index(Vec<i64>),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Child(Box<Query>, Box<Query>),
    Descendants(Box<Query>, Box<Query>),
    Union(Box<Query>, Box<Query>),
    Filter(Box<Logic>),
    /// Queries by which elements are sorted, each with "descending".
    Sort(Vec<(Query, bool)>),
    Len,
    Keys,
    Sorted,
}

/// A condition on a row or element.
#[derive(Debug, Clone)]
pub struct Condition(pub(crate) Logic);

#[derive(Debug, Clone)]
pub(crate) enum Logic {
    All(Vec<Logic>),
    Any(Vec<Logic>),
    /// Something is there.
    Exists(Query),
    /// Nothing is there.
    Lacks(Query),
    Compare(Query, Comparison, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Pattern(regex::Regex),
    Query(Query),
}

impl FromStr for JsonPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let query = parse::query(text)?;
        let mut steps = Vec::new();
        let keys = query
            .push_steps(&mut steps)
            .then(|| keys_of(&steps))
            .flatten();
        let kind = keys.map_or(PathKind::Query(query), PathKind::Keys);
        Ok(JsonPath {
            text: text.to_owned(),
            kind,
        })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl FromStr for Condition {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::condition(text).map(Condition)
    }
}

impl Condition {
    /// True when the condition holds for the value `text`.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn holds(&self, text: &str) -> Result<bool, JsonError> {
        self.0.holds(text, text)
    }
}

impl Query {
    /// Adds the steps of a path of names and wildcards. False when it is another one.
    fn push_steps(&self, steps: &mut Vec<PathStep>) -> bool {
        match self {
            Query::Root | Query::This => true,
            Query::Fields(names) if names.len() == 1 => {
                steps.push(PathStep::Key(names[0].clone()));
                true
            }
            Query::Every => {
                steps.push(PathStep::Every);
                true
            }
            Query::Child(left, right) => {
                !matches!(**right, Query::Root) && left.push_steps(steps) && right.push_steps(steps)
            }
            _ => false,
        }
    }
}

/// The names, when there is nothing but names.
fn keys_of(steps: &[PathStep]) -> Option<Vec<String>> {
    let keys = steps.iter().map(|step| match step {
        PathStep::Key(key) => Some(key.clone()),
        PathStep::Every => None,
    });
    keys.collect()
}

impl JsonPath {
    /// The path of exactly these names, whatever they hold.
    pub fn of_keys<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Self {
        let keys: Vec<String> = keys
            .into_iter()
            .map(|key| key.as_ref().to_owned())
            .collect();
        let text = match keys.is_empty() {
            true => "$".to_owned(),
            false => keys
                .iter()
                .map(|key| shown_key(key))
                .collect::<Vec<_>>()
                .join("."),
        };
        JsonPath {
            text,
            kind: PathKind::Keys(keys),
        }
    }

    /// The whole value.
    pub fn root() -> Self {
        JsonPath::of_keys::<&str>([])
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names, when the path only goes down through objects; none for the whole value.
    pub fn keys(&self) -> Option<&[String]> {
        match &self.kind {
            PathKind::Keys(keys) => Some(keys),
            PathKind::Query(_) => None,
        }
    }

    /// The name, when the path is one name without `$`.
    pub fn simple_name(&self) -> Option<&str> {
        match self.keys()? {
            [name] if !self.text.trim_start().starts_with(['$', '@', '`']) => Some(name),
            _ => None,
        }
    }

    /// The steps of a path of names and wildcards; nothing for any other.
    pub fn steps(&self) -> Option<Vec<PathStep>> {
        match &self.kind {
            PathKind::Keys(keys) => Some(keys.iter().cloned().map(PathStep::Key).collect()),
            PathKind::Query(query) => {
                let mut steps = Vec::new();
                query.push_steps(&mut steps).then_some(steps)
            }
        }
    }

    /// The names that lead to a list, when the path only goes down through objects to a list or to its elements
    /// (`data.items`, `data.items[*]`).
    pub fn list_keys(&self) -> Option<Vec<String>> {
        let steps = self.steps()?;
        keys_of(steps.strip_suffix(&[PathStep::Every]).unwrap_or(&steps))
    }

    /// Text of the first value at this path; `text` is one JSON value. All of it is checked unless it was checked before
    /// and is an element of what was.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn find_first<'a>(&self, text: &'a str) -> Result<Option<Cow<'a, str>>, JsonError> {
        match &self.kind {
            PathKind::Keys(keys) => Ok(find_key_path(text, keys)?.map(Cow::Borrowed)),
            PathKind::Query(query) => Ok(query.find(text, text)?.into_iter().next()),
        }
    }

    /// Texts of all values at this path, in order.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn find_all<'a>(&self, text: &'a str) -> Result<Vec<Cow<'a, str>>, JsonError> {
        match &self.kind {
            PathKind::Keys(keys) => {
                let found = find_key_path(text, keys)?.map(Cow::Borrowed);
                Ok(found.into_iter().collect())
            }
            PathKind::Query(query) => query.find(text, text),
        }
    }

    /// First values at several paths, in one walk over `text` as far as the paths are plain.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn find_each<'a>(
        paths: &[&JsonPath],
        text: &'a str,
    ) -> Result<Vec<Option<Cow<'a, str>>>, JsonError> {
        let mut found: Vec<Option<Cow<'a, str>>> = vec![None; paths.len()];
        let plain: Vec<(usize, &[String])> = paths
            .iter()
            .enumerate()
            .filter_map(|(index, path)| path.keys().map(|keys| (index, keys)))
            .collect();
        if !plain.is_empty() {
            let mut scanner = Scanner::new(text);
            scanner.skip_blanks();
            walk(&mut scanner, &plain, &mut |index, value| {
                found[index] = value.map(Cow::Borrowed);
            })?;
        }
        for (index, path) in paths.iter().enumerate() {
            if let PathKind::Query(query) = &path.kind {
                found[index] = query.find(text, text)?.into_iter().next();
            }
        }
        Ok(found)
    }
}

/// How a name is written in a path.
fn shown_key(key: &str) -> String {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_word = ["true", "false", "null", "where", "wherenot"].contains(&key);
    if key.starts_with(is_start) && key.chars().all(is_inside) && !is_word {
        return key.to_owned();
    }
    let escaped = key.replace('\\', "\\\\").replace('\'', "\\'");
    format!("'{escaped}'")
}

/// True when the key of a member is `name`.
pub(crate) fn is_key(key: RawText<'_>, name: &str) -> bool {
    match key.has_escapes() {
        true => key.unescape() == name,
        false => key.raw() == name,
    }
}

fn find_key_path<'a>(text: &'a str, keys: &[String]) -> Result<Option<&'a str>, JsonError> {
    let mut scanner = Scanner::new(text);
    scanner.skip_blanks();
    walk_keys(&mut scanner, keys)
}

/// Steps over one value and gives what lies at `keys` in it. Of a repeated key the last value counts.
fn walk_keys<'a>(scanner: &mut Scanner<'a>, keys: &[String]) -> Result<Option<&'a str>, JsonError> {
    let Some((name, below)) = keys.split_first() else {
        return scanner.skip_value().map(Some);
    };
    if scanner.kind()? != Kind::Object {
        return scanner.skip_value().map(|_| None);
    }
    let mut found = None;
    let mut has_member = scanner.opens(b'}');
    while has_member {
        match is_key(scanner.key()?, name) {
            true => found = walk_keys(scanner, below)?,
            false => drop(scanner.skip_value()?),
        }
        has_member = scanner.has_more(b'}')?;
    }
    Ok(found)
}

/// Steps over one value and tells what lies at each of `wanted`: index and names that are left. Of a repeated key the
/// last value counts, so a path can be told to be without a value after all.
fn walk<'a>(
    scanner: &mut Scanner<'a>,
    wanted: &[(usize, &[String])],
    tell: &mut impl FnMut(usize, Option<&'a str>),
) -> Result<(), JsonError> {
    let start = scanner.at();
    let deeper: Vec<(usize, &[String])> = wanted
        .iter()
        .filter(|(_, keys)| !keys.is_empty())
        .copied()
        .collect();
    if deeper.is_empty() || scanner.kind()? != Kind::Object {
        scanner.skip_value()?;
    } else {
        walk_members(scanner, &deeper, tell)?;
    }
    let value = &scanner.text()[start..scanner.at()];
    for (index, _) in wanted.iter().filter(|(_, keys)| keys.is_empty()) {
        tell(*index, Some(value));
    }
    Ok(())
}

fn walk_members<'a>(
    scanner: &mut Scanner<'a>,
    wanted: &[(usize, &[String])],
    tell: &mut impl FnMut(usize, Option<&'a str>),
) -> Result<(), JsonError> {
    let mut has_member = scanner.opens(b'}');
    while has_member {
        let key = scanner.key()?;
        let below: Vec<(usize, &[String])> = wanted
            .iter()
            .filter(|(_, keys)| is_key(key, &keys[0]))
            .map(|(index, keys)| (*index, &keys[1..]))
            .collect();
        below.iter().for_each(|(index, _)| tell(*index, None));
        walk(scanner, &below, tell)?;
        has_member = scanner.has_more(b'}')?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
