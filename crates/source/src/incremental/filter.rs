//! Filters the items of a JSON chunk without building them.

use std::borrow::Cow;

use bytes::Bytes;
use tipple_json::{JsonError, JsonPath, Kind, Number, Scanner, Value};

use super::Cursor;
use super::error::{CursorError, shown};
use super::hash::dedup_hash;
use super::machine::Verdict;
use super::typed::is_marked;
use super::value::CursorValue;
use crate::runs::{Runs, Span};
use crate::spec::{Key, MissingValue};

/// How the cursor value of an item is found.
#[derive(Debug)]
pub(super) enum Finder {
    /// A member of the item itself.
    Member(String),
    /// The first value at a path.
    Path(JsonPath),
}

impl Finder {
    pub fn new(cursor_path: &str) -> Result<Finder, CursorError> {
        let path = cursor_path
            .parse::<JsonPath>()
            .map_err(|error| CursorError::Path {
                reason: error.to_string(),
            })?;
        Ok(match path.simple_name() {
            Some(name) => Finder::Member(name.to_owned()),
            None => Finder::Path(path),
        })
    }
}

/// An error with the place where it happened.
#[derive(Debug)]
pub(super) enum FilterError {
    Json(JsonError),
    Cursor { cause: CursorError, at: usize },
}

impl From<JsonError> for FilterError {
    fn from(error: JsonError) -> Self {
        FilterError::Json(error)
    }
}

/// Which items of a chunk are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    items: Runs,
    /// All items.
    pub item_count: u64,
    /// Kept items at the newest value of this page.
    newest: Vec<Span>,
}

impl Kept {
    fn add(&mut self, span: Span, verdict: Verdict) {
        if verdict != Verdict::Drop {
            self.items.add(self.item_count, span);
        }
        self.item_count += 1;
    }

    /// Items that are kept.
    pub fn count(&self) -> u64 {
        self.items.count
    }

    fn remember(&mut self, span: Span, verdict: Verdict) {
        if verdict == Verdict::KeepAsNewest {
            self.newest.clear();
        }
        if matches!(verdict, Verdict::KeepAsNewest | Verdict::KeepAtNewest) {
            self.newest.push(span);
        }
    }

    /// The kept items as a chunk of their own; shares memory with `chunk` when they are neighbours.
    pub fn bytes_of(&self, chunk: &Bytes) -> Bytes {
        if self.items.count == self.item_count {
            return chunk.clone();
        }
        self.items.bytes_of(chunk)
    }
}

/// Judges every item of `chunk`.
pub(super) fn filter(
    cursor: &mut Cursor,
    chunk: &[u8],
    kept: &mut Kept,
) -> Result<(), FilterError> {
    let text = tipple_json::text_of(chunk)?;
    let mut scanner = Scanner::new(text);
    let is_remembering = cursor.machine.is_deduplicating;
    loop {
        scanner.skip_separators();
        if scanner.peek().is_none() {
            break;
        }
        let start = scanner.at();
        let found = find(&cursor.finder, &mut scanner)?;
        let span = (start, scanner.at());
        let verdict = judge(cursor, found, &text[span.0..span.1])
            .map_err(|cause| FilterError::Cursor { cause, at: start })?;
        kept.add(span, verdict);
        if is_remembering {
            kept.remember(span, verdict);
        }
    }
    for span in std::mem::take(&mut kept.newest) {
        let hash = row_hash(
            cursor.key.as_ref(),
            &text[span.0..span.1],
            cursor.machine.is_legacy(),
        )
        .map_err(|cause| FilterError::Cursor { cause, at: span.0 })?;
        cursor.machine.hashes.insert(hash);
    }
    Ok(())
}

fn judge(cursor: &mut Cursor, found: Found, item: &str) -> Result<Verdict, CursorError> {
    let key = cursor.key.as_ref();
    match (found, cursor.spec.on_cursor_value_missing) {
        (Found::Value(value), _) => cursor
            .machine
            .judge(value, |is_legacy| row_hash(key, item, is_legacy)),
        (_, MissingValue::Include) => Ok(Verdict::Keep),
        (_, MissingValue::Exclude) => Ok(Verdict::Drop),
        (Found::Null, MissingValue::Raise) => Err(CursorError::ValueNull { item: shown(item) }),
        (Found::Missing, MissingValue::Raise) => {
            Err(CursorError::PathMissing { item: shown(item) })
        }
    }
}

/// What an item has at the cursor path.
enum Found<'a> {
    Missing,
    Null,
    Value(CursorValue<'a>),
}

impl Found<'_> {
    fn into_owned(self) -> Found<'static> {
        match self {
            Found::Missing => Found::Missing,
            Found::Null => Found::Null,
            Found::Value(value) => Found::Value(value.into_owned()),
        }
    }
}

/// Steps over one item and finds its cursor value.
fn find<'a>(finder: &Finder, scanner: &mut Scanner<'a>) -> Result<Found<'a>, JsonError> {
    match finder {
        Finder::Member(name) => find_member(name, scanner),
        Finder::Path(path) => {
            let item = scanner.skip_value()?;
            match path.find_first(item)? {
                None => Ok(Found::Missing),
                Some(Cow::Borrowed(value)) => read_value(&mut Scanner::new(value)),
                Some(Cow::Owned(made)) => Ok(read_value(&mut Scanner::new(&made))?.into_owned()),
            }
        }
    }
}

fn find_member<'a>(name: &str, scanner: &mut Scanner<'a>) -> Result<Found<'a>, JsonError> {
    let mut found = Found::Missing;
    if scanner.kind()? != Kind::Object {
        scanner.skip_value()?;
        return Ok(found);
    }
    if !scanner.opens(b'}') {
        return Ok(found);
    }
    loop {
        let key = scanner.key()?;
        let is_cursor = match key.has_escapes() {
            false => key.raw() == name,
            true => key.unescape() == name,
        };
        if is_cursor {
            found = read_value(scanner)?;
        } else {
            scanner.skip_value()?;
        }
        if !scanner.has_more(b'}')? {
            return Ok(found);
        }
    }
}

fn read_value<'a>(scanner: &mut Scanner<'a>) -> Result<Found<'a>, JsonError> {
    Ok(Found::Value(match scanner.kind()? {
        Kind::Null => {
            scanner.null()?;
            return Ok(Found::Null);
        }
        Kind::Bool => CursorValue::Bool(scanner.boolean()?),
        Kind::Number => match scanner.number()? {
            Number::Int(value) => CursorValue::Int(value),
            Number::UInt(value) => CursorValue::UInt(value),
            Number::Float(value) => CursorValue::Float(value),
        },
        Kind::Text => text_value(scanner.string()?.unescape()),
        Kind::List => {
            scanner.skip_value()?;
            CursorValue::Unordered("a list")
        }
        Kind::Object => {
            scanner.skip_value()?;
            CursorValue::Unordered("an object")
        }
    }))
}

/// A text, or the typed value that its mark announces.
fn text_value(text: Cow<'_, str>) -> CursorValue<'_> {
    if !is_marked(&text) {
        return CursorValue::Text(text);
    }
    let value = super::typed::decode(Value::Text(text.into_owned()));
    CursorValue::from_value(value).unwrap_or(CursorValue::Unordered("null"))
}

/// Hash of the key of `item`, or of all of it.
fn row_hash(key: Option<&Key>, item: &str, is_legacy: bool) -> Result<String, CursorError> {
    let row = tipple_json::parse_value(item.as_bytes()).map_err(|error| CursorError::Path {
        reason: error.to_string(),
    })?;
    let row = super::typed::decode(row);
    let column = |name: &String| {
        row.get(name)
            .cloned()
            .ok_or_else(|| CursorError::KeyMissing {
                column: name.clone(),
                item: shown(item),
            })
    };
    let hashed = match key {
        None => row,
        Some(Key::One(name)) => column(name)?,
        Some(Key::Many(names)) => Value::List(names.iter().map(column).collect::<Result<_, _>>()?),
    };
    Ok(dedup_hash(hashed, is_legacy))
}
