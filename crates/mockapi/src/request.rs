//! What a handler gets and gives: a request with its body read, an answer with the way it is delivered.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::time::http_date;

/// A request whose body was read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path as sent.
    pub(crate) path: String,
    /// Query as sent, without the question mark.
    pub(crate) raw_query: String,
    /// Query, decoded, in the order of the request.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// Parts of the path between slashes, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(|part| decoded(part).into_owned()).collect()
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number of the query; nothing when it is absent or no number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.param(name)?.parse().ok()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as an HTML form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }
}

/// Pairs of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (plus_decoded(key), plus_decoded(value))
        })
        .collect()
}

fn plus_decoded(text: &str) -> String {
    decoded(&text.replace('+', " ")).into_owned()
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// An answer and how it travels.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) delivery: Delivery,
    /// Rows in the body, for the statistics.
    pub(crate) rows: u64,
}

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Delivery {
    #[default]
    Whole,
    /// The length of the whole is announced, only these bytes are sent.
    Truncated(usize),
    /// Chunks without length, these bytes, no last chunk.
    TruncatedChunked(usize),
    /// So many bytes a second.
    Drip(u64),
    /// Headers at once, the body later.
    Late(Duration),
    /// The connection is closed without an answer.
    Closed,
    /// The connection is reset without an answer.
    Reset,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            delivery: Delivery::Whole,
            rows: 0,
        }
    }

    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Answer::new(status, "application/json", body)
    }

    pub(crate) fn value(status: u16, value: &Value) -> Self {
        Answer::json(status, value.to_string())
    }

    pub(crate) fn with_rows(mut self, rows: u64) -> Self {
        self.rows = rows;
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets a header, in place of one that is there.
    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<String>) {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
    }

    /// Sets `Retry-After` in one of the forms that servers use.
    pub(crate) fn set_retry_after(&mut self, form: &str, now_s: i64) {
        let seconds = |text: &str| text.trim_start_matches(['+', '-']).parse::<i64>().ok();
        let value = match form.split_once(':') {
            _ if form == "past" => http_date(now_s - 3600),
            _ if form == "date" => http_date(now_s + 2),
            Some(("date", after)) => http_date(now_s + seconds(after).unwrap_or(2)),
            _ => form.to_owned(),
        };
        self.set_header("retry-after", value);
    }
}
