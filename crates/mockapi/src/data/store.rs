//! Lists: which rows there are, in which order, with which changes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Number, Value, json};

use super::{Change, Kind, Mutation, World};
use crate::MockError;
use crate::options::Options;
use crate::time::{atom, seconds_of};

/// Rows and changes.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) world: World,
    overlays: HashMap<Kind, Overlay>,
    /// Sorted lists, as long as nothing changes: sorting a million rows for every page would be the slowest part.
    sorted: HashMap<(Kind, Range<u64>, Sort), Arc<[u64]>>,
}

/// Changes to a resource.
#[derive(Debug, Default)]
struct Overlay {
    added: u64,
    deleted: BTreeSet<u64>,
    edits: Vec<(Range<u64>, Change)>,
}

/// Order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) is_descending: bool,
}

/// Row numbers of a list, in its order.
#[derive(Debug)]
pub(crate) enum Listing {
    /// A range of rows with the deleted ones in it, ascending.
    Range(Range<u64>, Vec<u64>),
    Picked(Arc<[u64]>),
}

impl Listing {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Listing::Range(range, deleted) => range.end - range.start - deleted.len() as u64,
            Listing::Picked(rows) => rows.len() as u64,
        }
    }

    /// Row number at a place of the list.
    pub(crate) fn row(&self, place: u64) -> Option<u64> {
        match self {
            Listing::Range(range, deleted) => {
                let mut row = range.start + place;
                for gone in deleted {
                    row += u64::from(*gone <= row);
                }
                (row < range.end).then_some(row)
            }
            Listing::Picked(rows) => rows.get(place as usize).copied(),
        }
    }
}

impl Store {
    pub(crate) fn new(options: &Options) -> Self {
        Store {
            world: World::new(options),
            overlays: HashMap::new(),
            sorted: HashMap::new(),
        }
    }

    /// All rows of a list without parent; `count` in place of the rows that it has by itself.
    pub(crate) fn range(&self, kind: Kind, count: Option<u64>) -> Range<u64> {
        let added = self.overlays.get(&kind).map_or(0, |overlay| overlay.added);
        0..count.unwrap_or_else(|| self.world.row_count(kind)) + added
    }

    /// Rows of a range that are not deleted, in the order of their numbers.
    pub(crate) fn list(&self, kind: Kind, range: Range<u64>) -> Listing {
        let overlay = self.overlays.get(&kind);
        let deleted = overlay.map(|overlay| overlay.deleted.range(range.clone()).copied());
        let deleted = deleted.map(Iterator::collect).unwrap_or_default();
        Listing::Range(range, deleted)
    }

    /// The same in another order.
    pub(crate) fn sorted(&mut self, kind: Kind, range: Range<u64>, sort: &Sort) -> Listing {
        let key = (kind, range.clone(), sort.clone());
        if let Some(rows) = self.sorted.get(&key) {
            return Listing::Picked(Arc::clone(rows));
        }
        let listing = self.list(kind, range);
        let rows = (0..listing.len()).filter_map(|place| listing.row(place));
        let mut rows: Vec<(Key, u64)> = rows
            .map(|row| (self.key(kind, &sort.field, row), row))
            .collect();
        rows.sort();
        if sort.is_descending {
            rows.reverse();
        }
        let rows: Arc<[u64]> = rows.into_iter().map(|(_, row)| row).collect();
        self.sorted.insert(key, Arc::clone(&rows));
        Listing::Picked(rows)
    }

    /// Rows of a listing that satisfy a condition.
    pub(crate) fn filtered(
        &self,
        kind: Kind,
        listing: &Listing,
        holds: impl Fn(&Value) -> bool,
    ) -> Listing {
        let rows = (0..listing.len()).filter_map(|place| listing.row(place));
        let rows = rows.filter(|row| holds(&self.value(kind, *row)));
        Listing::Picked(rows.collect())
    }

    fn key(&self, kind: Kind, field: &str, row: u64) -> Key {
        let time = World::time_of(kind, field, row).filter(|_| !self.is_edited(kind, row));
        match time {
            Some(time) => Key::Number(time),
            None => Key::of(&self.value(kind, row)[field]),
        }
    }

    fn is_edited(&self, kind: Kind, row: u64) -> bool {
        let overlay = self.overlays.get(&kind);
        overlay.is_some_and(|overlay| overlay.edits.iter().any(|(rows, _)| rows.contains(&row)))
    }

    pub(crate) fn is_deleted(&self, kind: Kind, row: u64) -> bool {
        let overlay = self.overlays.get(&kind);
        overlay.is_some_and(|overlay| overlay.deleted.contains(&row))
    }

    /// Writes a row with its changes.
    pub(crate) fn write(&self, kind: Kind, row: u64, out: &mut Vec<u8>) {
        if !self.is_edited(kind, row) {
            self.world.write(kind, row, out);
            return;
        }
        if !matches!(out.last(), None | Some(b'[' | b':' | b'{')) {
            out.push(b',');
        }
        out.extend_from_slice(self.value(kind, row).to_string().as_bytes());
    }

    /// A row as a value, with its changes.
    pub(crate) fn value(&self, kind: Kind, row: u64) -> Value {
        let mut out = Vec::new();
        self.world.write(kind, row, &mut out);
        // What is written here is JSON; the null would be seen by every test.
        let mut value = serde_json::from_slice(&out).unwrap_or(Value::Null);
        let edits = self.overlays.get(&kind).map(|overlay| &overlay.edits);
        for (rows, change) in edits.into_iter().flatten() {
            if rows.contains(&row) {
                change.apply(kind, &mut value);
            }
        }
        value
    }

    /// Changes data.
    pub(crate) fn mutate(&mut self, mutation: &Mutation) -> Result<(), MockError> {
        let kind = kind_of(&mutation.resource)?;
        self.sorted.clear();
        let rows = mutation.from..mutation.to.unwrap_or(mutation.from + 1);
        let overlay = self.overlays.entry(kind).or_default();
        overlay.added += mutation.add;
        if mutation.delete {
            overlay.deleted.extend(rows);
        } else if let Some(change) = Change::of(mutation) {
            overlay.edits.push((rows, change));
        }
        Ok(())
    }

    /// New rows at the end of a list.
    pub(crate) fn grow(&mut self, kind: Kind, rows: u64) {
        self.sorted.clear();
        self.overlays.entry(kind).or_default().added += rows;
    }
}

/// The kind with this name.
pub(crate) fn kind_of(name: &str) -> Result<Kind, MockError> {
    Kind::named(name).ok_or_else(|| MockError::UnknownResource {
        name: name.to_owned(),
        known: Kind::names(),
    })
}

/// What a list is sorted by; rows with equal keys keep the order of their numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Nothing,
    Number(i64),
    Text(String),
}

impl Key {
    fn of(value: &Value) -> Key {
        match value {
            Value::Number(number) => Key::Number(number.as_i64().unwrap_or_default()),
            Value::String(text) => match seconds_of(text) {
                Some(seconds) if text.len() >= 19 => Key::Number(seconds),
                _ => Key::Text(text.clone()),
            },
            _ => Key::Nothing,
        }
    }
}

impl Change {
    fn of(mutation: &Mutation) -> Option<Change> {
        let change = Change {
            set: mutation.set.clone(),
            at: mutation.at.clone(),
            drop_field: mutation.drop_field.clone(),
            retype: mutation.retype.clone(),
        };
        let is_empty = change.set.is_empty()
            && change.at.is_none()
            && change.drop_field.is_none()
            && change.retype.is_none();
        (!is_empty).then_some(change)
    }

    fn apply(&self, kind: Kind, row: &mut Value) {
        for (field, value) in &self.set {
            set(row, field, value.clone());
        }
        if let Some(at) = self.at.as_deref().and_then(seconds_of) {
            let moment = if kind.has_milliseconds() {
                json!(at * 1000)
            } else {
                json!(atom(at))
            };
            set(row, kind.updated_field(), moment);
        }
        if let Some(field) = &self.drop_field {
            at_field(row, field, &mut |holder, key| {
                holder.shift_remove(key);
            });
        }
        if let Some(retype) = &self.retype {
            at_field(row, &retype.field, &mut |holder, key| {
                if let Some(value) = holder.get_mut(key) {
                    *value = retyped(value, &retype.to);
                }
            });
        }
    }
}

fn set(row: &mut Value, field: &str, value: Value) {
    at_field(row, field, &mut |holder, key| {
        holder.insert(key.to_owned(), value.clone());
    });
}

/// Visits the objects that hold a dotted field; lists on the way are visited element by element.
fn at_field(
    value: &mut Value,
    field: &str,
    visit: &mut dyn FnMut(&mut serde_json::Map<String, Value>, &str),
) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| at_field(item, field, visit)),
        Value::Object(holder) => match field.split_once('.') {
            Some((first, rest)) => {
                if let Some(inner) = holder.get_mut(first) {
                    at_field(inner, rest, visit);
                }
            }
            None => visit(holder, field),
        },
        _ => {}
    }
}

/// A value of another type that is made from this one.
fn retyped(value: &Value, to: &str) -> Value {
    let number = match value {
        Value::Number(number) => number.as_f64().unwrap_or_default(),
        Value::String(text) => text.parse().unwrap_or(text.len() as f64),
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        _ => 0.0,
    };
    match to {
        "int" => json!(number as i64),
        "float" => Number::from_f64(number + 0.5).map_or(Value::Null, Value::Number),
        "bool" => json!(number != 0.0),
        _ => match value {
            Value::String(text) => json!(text),
            other => json!(other.to_string()),
        },
    }
}
