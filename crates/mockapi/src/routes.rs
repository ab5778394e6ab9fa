//! Who answers which path, and answers that a fault puts in the place of the real ones.

use serde_json::Value;

use crate::data::Kind;
use crate::faults::Action;
use crate::request::{Answer, Request};
use crate::state::{Call, State};
use crate::{api_video, control, generic, pixlee};

/// The parts of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Pixlee,
    Admin,
    Generic,
    ApiVideo,
}

impl Area {
    fn of(path: &str) -> Area {
        let is_below = |folder: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_below("/api/v2") {
            Area::Pixlee
        } else if is_below("/admin") {
            Area::Admin
        } else if is_below("/g") {
            Area::Generic
        } else {
            Area::ApiVideo
        }
    }
}

/// Answers of the control area, which know no faults and leave no trace in the log.
pub(crate) fn control(state: &State, request: &Request) -> Answer {
    control::answer(state, request)
}

/// The answer of the API that a path belongs to.
pub(crate) fn answer(call: &Call<'_>) -> Answer {
    let segments = call.request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match Area::of(&call.request.path) {
        Area::Pixlee => pixlee::answer(call, &parts[2..]),
        Area::Admin => api_video::admin(call, &parts[1..]),
        Area::Generic => generic::answer(call, &parts[1..]),
        Area::ApiVideo => api_video::answer(call, &parts),
    }
}

/// What a fault answers in place of the API.
pub(crate) fn replaced(call: &Call<'_>, action: &Action) -> Option<Answer> {
    if action.html {
        return Some(Answer::new(200, "text/html; charset=utf-8", HTML));
    }
    if action.bad_json {
        return Some(Answer::json(200, r#"{"data": [{"id": 1}, {"id":"#));
    }
    if action.empty {
        return Some(Answer::json(200, ""));
    }
    let status = match action.status {
        Some(status) => status,
        None if action.revoke_token => 401,
        None => action.body.is_some().then_some(200)?,
    };
    Some(match &action.body {
        Some(Value::String(text)) => Answer::new(status, "text/plain; charset=utf-8", text.clone()),
        Some(value) => Answer::value(status, value),
        None => error(&call.request.path, status),
    })
}

/// A page that stands in for JSON when a proxy answers.
const HTML: &str = "<!DOCTYPE html><html><head><title>Just a moment</title></head>\
     <body><h1>Checking your browser</h1></body></html>";

/// The error body that an API gives with a status.
fn error(path: &str, status: u16) -> Answer {
    match Area::of(path) {
        Area::Pixlee => pixlee::error(status),
        Area::ApiVideo | Area::Admin => api_video::error(status),
        Area::Generic => generic::error(status, "on_demand", "This error was asked for."),
    }
}

/// New rows in the list that a request is about to read.
pub(crate) fn grow(state: &State, request: &Request, rows: u64) {
    let segments = request.segments();
    let last = segments.last().map(String::as_str).unwrap_or_default();
    let kind = match (Area::of(&request.path), last) {
        (Area::Pixlee, "tags") => Some(Kind::Tags),
        (Area::ApiVideo, "tags") => Some(Kind::VideoTags),
        (Area::Generic, "parents") => Some(Kind::Parents),
        (Area::Generic, "events") => Some(Kind::Events),
        (Area::Generic, _) => Some(Kind::Rows),
        (_, name) => Kind::named(&name.replace('-', "_")),
    };
    if let Some(kind) = kind {
        state.store().grow(kind, rows);
    }
}

/// A value without the quotes of a text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes a list of the rows at these places as JSON, and says how many there were.
pub(crate) fn write_rows(
    call: &Call<'_>,
    kind: Kind,
    listing: &crate::data::Listing,
    places: std::ops::Range<u64>,
    out: &mut Vec<u8>,
) -> u64 {
    let skip = call.twist.skip_rows;
    let mut rows: Vec<u64> = (places.start + skip..places.end + skip)
        .map_while(|place| listing.row(place))
        .collect();
    if call.twist.is_shuffled {
        rows.sort_by_key(|row| crate::random::mix(*row + 1));
    }
    let store = call.state.store();
    out.push(b'[');
    for row in &rows {
        store.write(kind, *row, out);
    }
    out.push(b']');
    rows.len() as u64
}
