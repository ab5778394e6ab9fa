//! Incremental cursors: only rows that are new since the last run (spec/load.md §6).
//!
//! A cursor is started from the spec and the stored state of its resource, filters page after page, and gives the state
//! to store. It works on the text of a page: the value is looked up lazily, rows that are kept are passed on as the bytes
//! they were, and a page of which all rows are kept is passed on untouched. Start with [`Cursor`]; the rule itself is
//! in `machine`.

mod arrow;
mod dates;
mod error;
mod filter;
mod hash;
mod lag;
mod machine;
mod number;
mod typed;
mod value;

pub use error::CursorError;
pub use typed::typed_value;

use std::cmp::Ordering;

use arrow_array::RecordBatch;
use bytes::Bytes;
use indexmap::IndexSet;
use serde_json::{Map, Value as Json};

use crate::error::SourceError;
use crate::page::{Body, Page, Place};
use crate::spec::{IncrementalSpec, Key, LastValue, ResourceSpec};
use filter::Finder;
use machine::Machine;
use value::CursorValue;

/// Microseconds of a second and of a day.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Rows at the newest value above which a warning is due: the state holds one hash for each.
const HASHES_WARNED_ABOVE: usize = 200;

/// An incremental cursor over the rows of one resource, for one run.
#[derive(Debug)]
pub struct Cursor {
    resource: String,
    spec: IncrementalSpec,
    /// Key that tells rows apart; the whole row when absent.
    key: Option<Key>,
    finder: Finder,
    machine: Machine,
    entry: Entry,
}

/// The stored entry of a cursor.
#[derive(Debug, Clone)]
struct Entry {
    initial_value: Option<CursorValue<'static>>,
    last_value: Option<CursorValue<'static>>,
    unique_hashes: IndexSet<String>,
    start_value: Option<CursorValue<'static>>,
    /// What `start_value` becomes once a row is kept.
    next_start_value: Option<CursorValue<'static>>,
}

impl Cursor {
    /// The cursor of `resource`, if it has one. `state` is the state object of the resource
    /// (`sources.<source>.resources.<resource>`); it is passed over when the write disposition `replace` resets it.
    ///
    /// # Errors
    /// [`SourceError::Cursor`] when path, range or lag make no sense.
    pub fn start(
        resource: &ResourceSpec,
        state: &Map<String, Json>,
    ) -> Result<Option<Cursor>, SourceError> {
        let Some(spec) = &resource.incremental else {
            return Ok(None);
        };
        let stored = if resource.resets_state() {
            None
        } else {
            stored_entry(spec, state)
        };
        let key = spec.primary_key.clone().or_else(|| {
            resource
                .hints
                .primary_key
                .clone()
                .filter(|key| !key.is_empty())
        });
        Self::build(&resource.name, spec, key, stored)
            .map(Some)
            .map_err(|cause| SourceError::Cursor {
                resource: resource.name.clone(),
                cursor_path: spec.cursor_path.clone(),
                place: None,
                cause: Box::new(cause),
            })
    }

    fn build(
        resource: &str,
        spec: &IncrementalSpec,
        key: Option<Key>,
        stored: Option<&Map<String, Json>>,
    ) -> Result<Cursor, CursorError> {
        let finder = Finder::new(&spec.cursor_path)?;
        let initial = spec.initial_value.as_ref().and_then(CursorValue::from_json);
        let entry = Entry::load(stored, &initial);
        let lag = spec.lag.filter(|lag| *lag != 0.0);
        let start = match (&entry.last_value, lag) {
            (Some(last), Some(lag)) if spec.end_value.is_none() => Some(lag::lagged(
                lag,
                initial.as_ref(),
                last,
                spec.last_value_func,
            )?),
            (last, _) => last.clone(),
        };
        let has_no_key = spec.primary_key.as_ref().is_some_and(Key::is_empty);
        let is_open = spec.range_start == crate::spec::RangeEdge::Open;
        let is_deduplicating =
            !(is_open || spec.end_value.is_some() || lag.is_some() || has_no_key);
        let machine = Machine::new(spec, start, entry.unique_hashes.clone(), is_deduplicating);
        let (resource, spec) = (resource.to_owned(), spec.clone());
        Ok(Cursor {
            resource,
            spec,
            key,
            finder,
            machine,
            entry,
        })
    }

    /// Value from which on rows are kept, lag included, in typed form.
    pub fn start_value(&self) -> Option<Json> {
        self.machine.start.as_ref().map(CursorValue::to_json)
    }

    /// Value at which rows are kept no longer, in typed form.
    pub fn end_value(&self) -> Option<Json> {
        self.machine.end.as_ref().map(CursorValue::to_json)
    }

    /// The parameters of the cursor.
    pub fn spec(&self) -> &IncrementalSpec {
        &self.spec
    }

    /// True when the declared order of rows says that no further page can hold rows of the range: stop reading.
    pub fn is_done(&self) -> bool {
        self.machine.is_done
    }

    /// Warnings since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.machine.warnings)
    }

    /// The page with the rows that are kept. `None` when it held rows and none is kept; a page that was empty stays.
    ///
    /// # Errors
    /// [`SourceError::Cursor`] for a row that does not fit, [`SourceError::Malformed`] for text that is not JSON.
    pub fn filter(&mut self, page: Page) -> Result<Option<Page>, SourceError> {
        let Page {
            body,
            place,
            item_count,
        } = page;
        match body {
            Body::Json(chunk) => {
                let Some((kept, count)) = self.filter_json(&chunk, &place)? else {
                    return Ok(None);
                };
                Ok(Some(Page {
                    body: Body::Json(kept),
                    place,
                    item_count: Some(count),
                }))
            }
            Body::Arrow(batch) if batch.num_rows() == 0 => Ok(Some(Page {
                body: Body::Arrow(batch),
                place,
                item_count,
            })),
            Body::Arrow(batch) => {
                let kept = self.filter_arrow(&batch, &place)?;
                let count = kept.num_rows() as u64;
                let page = Page {
                    body: Body::Arrow(kept),
                    place,
                    item_count: Some(count),
                };
                Ok((count > 0).then_some(page))
            }
        }
    }

    /// The kept items of a sequence of JSON values and their number; `None` when it held items and none is kept.
    ///
    /// # Errors
    /// As [`Cursor::filter`].
    pub fn filter_json(
        &mut self,
        chunk: &Bytes,
        place: &Place,
    ) -> Result<Option<(Bytes, u64)>, SourceError> {
        let mut kept = filter::Kept::default();
        filter::filter(self, chunk, &mut kept).map_err(|error| self.locate(error, chunk, place))?;
        if kept.item_count == 0 {
            return Ok(Some((chunk.clone(), 0)));
        }
        self.finish_page(kept.count() > 0);
        Ok((kept.count() > 0).then(|| (kept.bytes_of(chunk), kept.count())))
    }

    /// The kept rows of a batch.
    ///
    /// # Errors
    /// [`SourceError::Cursor`].
    pub fn filter_arrow(
        &mut self,
        batch: &RecordBatch,
        place: &Place,
    ) -> Result<RecordBatch, SourceError> {
        let kept = arrow::filter(self, batch).map_err(|cause| SourceError::Cursor {
            resource: self.resource.clone(),
            cursor_path: self.spec.cursor_path.clone(),
            place: Some(place.clone()),
            cause: Box::new(cause),
        })?;
        self.finish_page(kept.num_rows() > 0);
        Ok(kept)
    }

    /// Writes back what is to be remembered, as after every page of rows in dlt.
    fn finish_page(&mut self, has_kept_rows: bool) {
        if self.spec.lag.is_some_and(|lag| lag != 0.0) {
            self.keep_newest_from_going_back();
        }
        self.entry.last_value = self.machine.newest.clone();
        if has_kept_rows {
            self.entry.start_value = self.entry.next_start_value.clone();
        }
        let count_before = self.entry.unique_hashes.len();
        self.entry.unique_hashes = if self.machine.is_deduplicating {
            self.machine.hashes.clone()
        } else {
            IndexSet::new()
        };
        let count = self.entry.unique_hashes.len();
        if count_before <= HASHES_WARNED_ABOVE && count > HASHES_WARNED_ABOVE {
            self.machine.warnings.push(format!(
                "{count} rows of resource `{}` share the newest value of the cursor `{}`; each is remembered in the state. \
                 A finer cursor field keeps the state small",
                self.resource, self.spec.cursor_path
            ));
        }
    }

    fn keep_newest_from_going_back(&mut self) {
        let Some(last) = &self.entry.last_value else {
            return;
        };
        let is_behind = match &self.machine.newest {
            None => true,
            Some(newest) => self.machine.order(last, newest) == Some(Ordering::Greater),
        };
        if is_behind {
            self.machine.newest = Some(last.clone());
        }
    }

    /// The entry to store under `incremental.<cursor_path>`; `None` for a run with an end value, which leaves no trace.
    pub fn state(&self) -> Option<Json> {
        if self.spec.end_value.is_some() {
            return None;
        }
        let json =
            |value: &Option<CursorValue>| value.as_ref().map_or(Json::Null, CursorValue::to_json);
        let hashes: Vec<Json> = self
            .entry
            .unique_hashes
            .iter()
            .map(|hash| Json::from(hash.as_str()))
            .collect();
        Some(Json::Object(Map::from_iter([
            ("initial_value".to_owned(), json(&self.entry.initial_value)),
            ("last_value".to_owned(), json(&self.entry.last_value)),
            ("unique_hashes".to_owned(), Json::Array(hashes)),
            ("start_value".to_owned(), json(&self.entry.start_value)),
        ])))
    }

    /// Puts the entry to store into the state object of the resource.
    pub fn write_state(&self, state: &mut Map<String, Json>) {
        let Some(entry) = self.state() else { return };
        let cursors = state
            .entry("incremental".to_owned())
            .or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(cursors) = cursors {
            cursors.insert(self.spec.cursor_path.clone(), entry);
        }
    }

    fn locate(&self, error: filter::FilterError, chunk: &[u8], place: &Place) -> SourceError {
        match error {
            filter::FilterError::Json(error) => SourceError::malformed_json(chunk, place, &error),
            filter::FilterError::Cursor { cause, at } => SourceError::Cursor {
                resource: self.resource.clone(),
                cursor_path: self.spec.cursor_path.clone(),
                place: Some(place.moved_to(chunk, at)),
                cause: Box::new(cause),
            },
        }
    }
}

impl Entry {
    fn load(stored: Option<&Map<String, Json>>, initial: &Option<CursorValue<'static>>) -> Entry {
        let Some(stored) = stored else {
            return Entry {
                initial_value: initial.clone(),
                last_value: initial.clone(),
                unique_hashes: IndexSet::new(),
                start_value: initial.clone(),
                next_start_value: initial.clone(),
            };
        };
        let value = |key: &str| stored.get(key).and_then(CursorValue::from_json);
        let hashes = stored
            .get("unique_hashes")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        Entry {
            initial_value: value("initial_value"),
            last_value: value("last_value"),
            unique_hashes: hashes
                .filter_map(|hash| hash.as_str().map(str::to_owned))
                .collect(),
            start_value: value("start_value"),
            next_start_value: value("last_value"),
        }
    }
}

/// The stored entry, unless an end value makes the run stateless.
fn stored_entry<'a>(
    spec: &IncrementalSpec,
    state: &'a Map<String, Json>,
) -> Option<&'a Map<String, Json>> {
    if spec.end_value.is_some() {
        return None;
    }
    let entry = state
        .get("incremental")?
        .get(&spec.cursor_path)?
        .as_object()?;
    (!entry.is_empty()).then_some(entry)
}

/// Checks that the range of a cursor makes sense. dlt does so only where it resolves a cursor from configuration;
/// [`Cursor::start`] therefore takes any range, and whoever reads a document of a user calls this.
///
/// # Errors
/// [`CursorError::Range`].
pub fn check_range(spec: &IncrementalSpec) -> Result<(), CursorError> {
    let value = |json: &Option<Json>| json.as_ref().and_then(CursorValue::from_json);
    let Some(end) = value(&spec.end_value) else {
        return Ok(());
    };
    let Some(start) = value(&spec.initial_value) else {
        return Err(CursorError::RangeWithoutStart {
            end: end.to_string(),
        });
    };
    let reason = match (end.compare(&start), spec.last_value_func) {
        (None, _) => "the two cannot be compared",
        (Some(Ordering::Less), LastValue::Max) | (Some(Ordering::Greater), LastValue::Min) => {
            "the end lies before the start"
        }
        _ => return Ok(()),
    };
    let (start, end) = (start.to_string(), end.to_string());
    Err(CursorError::Range { start, end, reason })
}

#[cfg(test)]
mod tests;
