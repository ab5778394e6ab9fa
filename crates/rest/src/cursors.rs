//! Cursors of a resource: one for all its rows as in dlt, or one for each row of the parent (spec/rest-api.md §13.4).
//!
//! A parent row is told apart by the values that its request uses. What its cursor remembers lies below `parents` in the
//! state of the resource, in the form of a state of its own, so that the same code reads and writes both. Start with
//! [`values_of`] and [`OwnCursors`].

use serde_json::{Map, Value as Json};
use tipple_json::{Value, write_compact};
use tipple_source::{Cursor, ResourceSpec, SourceError, typed_value};

use crate::convert::Convert;
use crate::error::Failure;
use crate::fill::CursorValues;

/// Member of the state of a resource that holds the states of its parents.
const PARENTS: &str = "parents";

/// What the placeholders of a cursor stand for in this run.
///
/// # Errors
/// A value that the conversion of the endpoint does not take.
pub(crate) fn values_of(
    spec: &ResourceSpec,
    convert: Option<&Convert>,
    cursor: Option<&Cursor>,
) -> Result<CursorValues, SourceError> {
    let Some(cursor) = cursor else {
        return Ok(CursorValues::default());
    };
    let typed = |value: Option<Json>| value.as_ref().map(typed_value);
    let initial = cursor.spec().initial_value.clone();
    CursorValues::new(
        typed(cursor.start_value()),
        typed(initial),
        typed(cursor.end_value()),
        convert,
    )
    .map_err(|error| {
        let failure = Failure::Request {
            reason: format!("`convert` of the cursor: {error}"),
            help: "choose a conversion that fits the values of the cursor".to_owned(),
        };
        failure.at(&format!("resource `{}`", spec.name))
    })
}

/// Makes the cursors of the rows of a parent.
pub(crate) struct OwnCursors {
    spec: ResourceSpec,
    convert: Option<Convert>,
    /// States by key, as they were before this run.
    stored: Map<String, Json>,
}

impl OwnCursors {
    /// Cursors of a resource that continue `state`, its state object.
    pub(crate) fn new(
        spec: &ResourceSpec,
        convert: Option<&Convert>,
        state: &Map<String, Json>,
    ) -> Self {
        let stored = state.get(PARENTS).and_then(Json::as_object);
        OwnCursors {
            spec: spec.clone(),
            convert: convert.cloned(),
            stored: stored.cloned().unwrap_or_default(),
        }
    }

    /// The cursor of one parent row.
    ///
    /// # Errors
    /// A cursor that makes no sense.
    pub(crate) fn start(&self, key: &str) -> Result<Option<Cursor>, SourceError> {
        let none = Map::new();
        let state = self.stored.get(key).and_then(Json::as_object);
        Cursor::start(&self.spec, state.unwrap_or(&none))
    }

    /// What the placeholders stand for in the requests of one parent row.
    ///
    /// # Errors
    /// As [`values_of`] and [`OwnCursors::start`].
    pub(crate) fn values(&self, key: &str) -> Result<CursorValues, SourceError> {
        let cursor = self.start(key)?;
        values_of(&self.spec, self.convert.as_ref(), cursor.as_ref())
    }
}

/// By what a parent row is known: the values that its request uses, as JSON.
pub(crate) fn key_of(values: &[Value]) -> String {
    let mut key = String::new();
    match values {
        [one] => write_compact(one, &mut key),
        many => write_compact(&Value::List(many.to_vec()), &mut key),
    }
    key
}

/// Members of the state of a resource in which these cursors are remembered; nothing when they leave no trace.
pub(crate) fn members_of<'c>(
    cursors: impl IntoIterator<Item = (&'c str, &'c Cursor)>,
) -> Option<Map<String, Json>> {
    let mut parents = Map::new();
    for (key, cursor) in cursors {
        let mut state = Map::new();
        cursor.write_state(&mut state);
        if !state.is_empty() {
            parents.insert(key.to_owned(), Json::Object(state));
        }
    }
    let members = Map::from_iter([(PARENTS.to_owned(), Json::Object(parents))]);
    members[PARENTS]
        .as_object()
        .is_some_and(|parents| !parents.is_empty())
        .then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_known_by_the_values_of_its_request() {
        assert_eq!(key_of(&[Value::Int(7)]), "7");
        assert_eq!(key_of(&[Value::Text("7".to_owned())]), "\"7\"");
        assert_eq!(key_of(&[Value::Int(7), Value::Null]), "[7,null]");
    }
}
