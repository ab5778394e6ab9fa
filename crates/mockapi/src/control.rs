//! The control area: changes, statistics and what to expect, over HTTP for programs that are not written in Rust.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::MockError;
use crate::data::{Mutation, kind_of};
use crate::faults::Faults;
use crate::request::{Answer, Request};
use crate::state::State;

/// Counts and extremes of the rows of a resource that has no parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Rows.
    pub rows: u64,
    /// Sum of the characters of `title` or `name`.
    pub title_length_sum: u64,
    /// Elements of the lists directly in the rows, by field: the rows of the child tables.
    pub list_items: std::collections::BTreeMap<String, u64>,
    /// Least moment of the last change, as the rows have it.
    pub updated_min: String,
    /// Greatest moment of the last change.
    pub updated_max: String,
}

/// Answers a request to the control area.
pub(crate) fn answer(state: &State, request: &Request) -> Answer {
    let body = request.json();
    match request.path.as_str() {
        "/healthz" => Answer::new(200, "text/plain", "ok"),
        "/__stats" => value(&state.log().stats()),
        "/__log" => value(&state.log().since(request.number("since").unwrap_or(0))),
        "/__reset" => {
            state.reset();
            done()
        }
        "/__expected" => match expected(state, request.param("resource").unwrap_or("videos")) {
            Ok(expected) => value(&expected),
            Err(error) => refused(&error),
        },
        "/__control/faults" => match serde_json::from_value::<Faults>(body) {
            Ok(faults) => {
                state.faults().set(faults, state.clock.now_ms());
                done()
            }
            Err(error) => refused(&error),
        },
        "/__control/mutate" => mutate(state, body),
        "/__control/clock" => {
            let seconds = body["advance_s"].as_u64().unwrap_or(0);
            state.clock.advance(Duration::from_secs(seconds));
            done()
        }
        "/__control/latency" => {
            let latency_ms = body["ms"].as_u64().unwrap_or(0);
            state.latency_ms.store(latency_ms, Ordering::Relaxed);
            done()
        }
        "/__control/revoke" => {
            state.tokens().revoke();
            done()
        }
        _ => Answer::value(404, &json!({"error": "there is no such control"})),
    }
}

fn mutate(state: &State, body: Value) -> Answer {
    let mutation: Mutation = match serde_json::from_value(body) {
        Ok(mutation) => mutation,
        Err(error) => return refused(&error),
    };
    match state.store().mutate(&mutation) {
        Ok(()) => done(),
        Err(error) => refused(&error),
    }
}

fn done() -> Answer {
    Answer::value(200, &json!({"done": true}))
}

fn refused(error: &dyn std::error::Error) -> Answer {
    Answer::value(400, &json!({"error": error.to_string()}))
}

fn value(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => Answer::json(200, body),
        Err(error) => Answer::value(500, &json!({"error": error.to_string()})),
    }
}

/// Reads all rows of a list.
pub(crate) fn expected(state: &State, resource: &str) -> Result<Expected, MockError> {
    let kind = kind_of(resource)?;
    let store = state.store();
    let listing = store.list(kind, store.range(kind, None));
    let mut expected = Expected {
        rows: listing.len(),
        title_length_sum: 0,
        list_items: std::collections::BTreeMap::new(),
        updated_min: String::new(),
        updated_max: String::new(),
    };
    let rows = (0..listing.len()).filter_map(|place| listing.row(place));
    for row in rows.map(|row| store.value(kind, row)) {
        expected.add(&row, kind.updated_field());
    }
    Ok(expected)
}

impl Expected {
    fn add(&mut self, row: &Value, updated_field: &str) {
        let title = row["title"].as_str().or_else(|| row["name"].as_str());
        self.title_length_sum += title.map_or(0, |title| title.chars().count()) as u64;
        for (field, value) in row.as_object().into_iter().flatten() {
            if let Value::Array(items) = value {
                *self.list_items.entry(field.clone()).or_default() += items.len() as u64;
            }
        }
        // Moments of one resource have one form, in which order of text is order of time.
        let updated = crate::routes::plain(&row[updated_field]);
        if self.updated_min.is_empty() || updated < self.updated_min {
            self.updated_min.clone_from(&updated);
        }
        if updated > self.updated_max {
            self.updated_max = updated;
        }
    }
}
