//! What was asked: a log of the last requests and counts over all of them.
//!
//! Tests check the exact list of requests, waits before retries and the greatest rate; all of it is derived from one
//! ring of entries, so that recording costs little while a benchmark runs.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::random::hash;
use crate::request::{Answer, Request};

/// Entries that are kept.
const ENTRIES_MAX: usize = 100_000;
/// Characters of a body that are kept.
const BODY_BYTES_MAX: usize = 4096;

/// One request as the server saw it.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Place among all requests since the start or the last reset, from 0.
    pub number: u64,
    /// Milliseconds since the server started when the request was read.
    pub at_ms: f64,
    /// HTTP method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query as sent, secrets included.
    pub query: String,
    /// Headers as sent, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The first 4,096 bytes of the body.
    pub body: String,
    /// Hash of the whole body of the request.
    pub body_hash: u64,
    /// Status of the answer; 0 when the connection was closed instead.
    pub status: u16,
    /// Milliseconds until the answer was ready.
    pub took_ms: f64,
}

impl Entry {
    /// Method, path and query: `GET /videos?currentPage=2`.
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }

    fn same_request(&self, other: &Entry) -> bool {
        self.path == other.path
            && self.query == other.query
            && self.method == other.method
            && self.body_hash == other.body_hash
    }
}

/// Counts over all requests since the start or the last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Requests.
    pub requests: u64,
    /// Requests by method, path with ids left out, and status: `GET /videos/* 200`.
    pub routes: BTreeMap<String, u64>,
    /// Rows in answers.
    pub rows: u64,
    /// Bytes of answers, without headers.
    pub bytes: u64,
    /// Connections that sent a request.
    pub connections: u64,
    /// Requests that were answered at the same time, at most.
    pub concurrent_max: u64,
    /// Requests that began within one second, at most (of the last 100,000).
    pub second_requests_max: u64,
    /// Requests that repeat an earlier one (of the last 100,000).
    pub repeated: u64,
    /// Repeated requests whose predecessor had failed.
    pub retries: u64,
    /// Milliseconds from each failed request to its repetition.
    pub retry_waits_ms: Vec<u64>,
    /// Milliseconds since the server started at the first request.
    pub first_ms: f64,
    /// … and at the last one.
    pub last_ms: f64,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    stats: Stats,
    running: u64,
}

impl Log {
    /// A request begins.
    pub(crate) fn begin(&mut self, is_new_connection: bool) {
        self.running += 1;
        self.stats.concurrent_max = self.stats.concurrent_max.max(self.running);
        self.stats.connections += u64::from(is_new_connection);
    }

    /// The client of a running request has gone.
    pub(crate) fn abandon(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Its answer is ready.
    pub(crate) fn end(&mut self, request: &Request, answer: &Answer, began_us: u64, now_us: u64) {
        self.running = self.running.saturating_sub(1);
        let entry = Entry {
            number: self.stats.requests,
            at_ms: began_us as f64 / 1000.0,
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            headers: headers(request),
            body: String::from_utf8_lossy(&request.body[..request.body.len().min(BODY_BYTES_MAX)])
                .into_owned(),
            body_hash: hash(&request.body),
            status: answer.status,
            took_ms: (now_us - began_us) as f64 / 1000.0,
        };
        self.count(&entry, answer);
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    fn count(&mut self, entry: &Entry, answer: &Answer) {
        let route = format!("{} {} {}", entry.method, route(&entry.path), entry.status);
        *self.stats.routes.entry(route).or_default() += 1;
        if self.stats.requests == 0 {
            self.stats.first_ms = entry.at_ms;
        }
        self.stats.requests += 1;
        self.stats.last_ms = entry.at_ms;
        self.stats.rows += answer.rows;
        self.stats.bytes += answer.body.len() as u64;
    }

    /// Entries from a number on.
    pub(crate) fn since(&self, number: u64) -> Vec<Entry> {
        let entries = self.entries.iter().filter(|entry| entry.number >= number);
        entries.cloned().collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.second_requests_max = self.second_requests_max();
        self.add_repeats(&mut stats);
        stats
    }

    /// Forgets everything but what is running.
    pub(crate) fn reset(&mut self) {
        *self = Log {
            running: self.running,
            ..Log::default()
        };
    }

    fn second_requests_max(&self) -> u64 {
        let mut times: Vec<f64> = self.entries.iter().map(|entry| entry.at_ms).collect();
        times.sort_unstable_by(f64::total_cmp);
        let (mut first, mut most) = (0, 0);
        for (index, time) in times.iter().enumerate() {
            while time - times[first] >= 1000.0 {
                first += 1;
            }
            most = most.max(index + 1 - first);
        }
        most as u64
    }

    fn add_repeats(&self, stats: &mut Stats) {
        let mut seen: BTreeMap<u64, &Entry> = BTreeMap::new();
        for entry in &self.entries {
            let key = hash(format!("{} {}", entry.line(), entry.body_hash).as_bytes());
            if let Some(before) = seen.insert(key, entry).filter(|e| e.same_request(entry)) {
                stats.repeated += 1;
                let has_failed = before.status == 0 || before.status >= 400;
                if has_failed {
                    stats.retries += 1;
                    stats
                        .retry_waits_ms
                        .push((entry.at_ms - before.at_ms) as u64);
                }
            }
        }
    }
}

fn headers(request: &Request) -> BTreeMap<String, String> {
    let pairs = request.headers.iter();
    pairs
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// A path whose ids are stars, so that statistics stay short.
fn route(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let is_id =
            part.len() > 18 || part.bytes().any(|byte| byte.is_ascii_digit()) && part != "v2";
        if is_id { "*" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_no_ids() {
        assert_eq!(route("/videos/viABC123/status"), "/videos/*/status");
        assert_eq!(
            route("/api/v2/albums/7100100/photos"),
            "/api/v2/albums/*/photos"
        );
    }
}
