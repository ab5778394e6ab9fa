//! Faults on demand: which requests go wrong, and how.
//!
//! Rules are looked at in order and the first that fires decides. Chance is a hash of the seed and the count of matching
//! requests, so that a run with faults can be repeated. What is sent after a retry is what would have been sent at once.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::random::chance;
use crate::request::Request;

/// A list of rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Seed of `rate`.
    pub seed: u64,
    /// Rules, the first that fires decides.
    pub rules: Vec<Rule>,
}

impl Faults {
    /// Reads rules from JSON.
    ///
    /// # Errors
    /// When the text is no JSON or has keys that no rule knows.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Requests to look at, when to act, what to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// `METHOD /path`, where the path may end in `*`; `*` is every request.
    #[serde(rename = "match")]
    pub matches: String,
    /// When it fires; always when empty.
    pub when: When,
    /// What happens.
    #[serde(rename = "do")]
    pub action: Action,
}

/// When a rule fires. All conditions that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The first so many requests that match and satisfy `page` and `id`.
    pub first: Option<u64>,
    /// Every so-manieth of them.
    pub every: Option<u64>,
    /// This share of them.
    pub rate: Option<f64>,
    /// Requests for this page.
    pub page: Option<u64>,
    /// From so many milliseconds after the rules were set.
    pub after_ms: Option<u64>,
    /// Paths that have this part.
    pub id: Option<String>,
}

/// What happens to a request. Several members may be given together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// Status in place of the answer; 200 with `body` replaces the body only.
    pub status: Option<u16>,
    /// Body in place of the error body of that status.
    pub body: Option<Value>,
    /// Headers to add.
    pub headers: serde_json::Map<String, Value>,
    /// `Retry-After`: seconds, `"0"`, `"1.5"`, `"date"`, `"date:10"` or `"past"`.
    pub retry_after: Option<Value>,
    /// Milliseconds before the answer.
    pub delay_ms: Option<u64>,
    /// Milliseconds between headers and body.
    pub delay_headers_ms: Option<u64>,
    /// Bytes a second.
    pub drip: Option<u64>,
    /// Share of the body that is sent although the whole length is announced.
    pub truncate: Option<f64>,
    /// The body is sent in chunks and breaks off half-way.
    pub truncate_chunked: bool,
    /// The connection is closed without an answer.
    pub close_before_answer: bool,
    /// The connection is reset without an answer.
    pub reset: bool,
    /// 200 with a body that is no JSON.
    pub bad_json: bool,
    /// 200 with a page of HTML.
    pub html: bool,
    /// 200 with an empty body.
    pub empty: bool,
    /// The page before the one asked for.
    pub repeat_page: bool,
    /// Rows are skipped, as if so many had been deleted on earlier pages.
    pub skip_rows: Option<u64>,
    /// Rows of the page in another order.
    pub shuffle: bool,
    /// So many new rows before the page is served.
    pub grow: Option<u64>,
    /// The answer names no next page.
    pub drop_next: bool,
    /// The next page is this page.
    pub loop_next: bool,
    /// All access tokens are revoked; the request gets 401.
    pub revoke_token: bool,
}

/// Changes to the page that is served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Twist {
    pub(crate) is_repeated: bool,
    pub(crate) skip_rows: u64,
    pub(crate) is_shuffled: bool,
    pub(crate) drops_next: bool,
    pub(crate) loops_next: bool,
}

impl Action {
    pub(crate) fn twist(&self) -> Twist {
        Twist {
            is_repeated: self.repeat_page,
            skip_rows: self.skip_rows.unwrap_or(0),
            is_shuffled: self.shuffle,
            drops_next: self.drop_next,
            loops_next: self.loop_next,
        }
    }
}

/// Rules with their counts.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    faults: Faults,
    counts: Vec<u64>,
    set_ms: u64,
}

impl Desk {
    pub(crate) fn set(&mut self, faults: Faults, now_ms: u64) {
        self.counts = vec![0; faults.rules.len()];
        self.faults = faults;
        self.set_ms = now_ms;
    }

    /// What happens to a request; nothing in most cases.
    pub(crate) fn decide(&mut self, request: &Request, now_ms: u64) -> Option<Action> {
        let seed = self.faults.seed;
        let age_ms = now_ms.saturating_sub(self.set_ms);
        for (rule, count) in self.faults.rules.iter().zip(&mut self.counts) {
            if rule.concerns(request, age_ms) {
                *count += 1;
                if rule.when.fires(seed, *count) {
                    return Some(rule.action.clone());
                }
            }
        }
        None
    }
}

impl Rule {
    fn concerns(&self, request: &Request, age_ms: u64) -> bool {
        let when = &self.when;
        let is_page = when.page.is_none_or(|page| page_of(request) == page);
        let is_id = when
            .id
            .as_ref()
            .is_none_or(|id| request.segments().contains(id));
        let is_due = when.after_ms.is_none_or(|after_ms| age_ms >= after_ms);
        is_page && is_id && is_due && self.matches_path(request)
    }

    fn matches_path(&self, request: &Request) -> bool {
        let (method, path) = match self.matches.split_once(' ') {
            Some((method, path)) => (Some(method), path),
            None => (None, self.matches.as_str()),
        };
        let is_path = match path.strip_suffix('*') {
            Some(start) => request.path.starts_with(start),
            None => request.path == path,
        };
        is_path && method.is_none_or(|method| method == request.method.as_str())
    }
}

impl When {
    fn fires(&self, seed: u64, count: u64) -> bool {
        self.first.is_none_or(|first| count <= first)
            && self
                .every
                .is_none_or(|every| every > 0 && count.is_multiple_of(every))
            && self.rate.is_none_or(|rate| chance(seed, count) < rate)
    }
}

/// The page that a request asks for, 1 when it names none.
fn page_of(request: &Request) -> u64 {
    let number = request
        .number("currentPage")
        .or_else(|| request.number("page"));
    number.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::pairs;

    fn request(path: &str, query: &str) -> Request {
        Request {
            method: hyper::Method::GET,
            path: path.to_owned(),
            raw_query: query.to_owned(),
            query: pairs(query),
            headers: hyper::HeaderMap::new(),
            body: bytes::Bytes::new(),
        }
    }

    fn fired(rules: &str, requests: &[(&str, &str)]) -> Vec<bool> {
        let mut desk = Desk::default();
        desk.set(Faults::parse(rules).unwrap(), 0);
        let answers = requests
            .iter()
            .map(|(path, query)| desk.decide(&request(path, query), 0).is_some());
        answers.collect()
    }

    #[test]
    fn rules_fire_for_the_first_requests_of_a_page() {
        let rules = r#"{"rules":[{"match":"GET /videos","when":{"page":3,"first":2},"do":{"status":500}}]}"#;
        let page = ("/videos", "currentPage=3");
        let found = fired(
            rules,
            &[
                ("/videos", ""),
                page,
                page,
                page,
                ("/tags", "currentPage=3"),
            ],
        );
        assert_eq!(found, [false, true, true, false, false]);
    }

    #[test]
    fn rules_fire_for_every_second_request_below_a_path() {
        let rules =
            r#"{"rules":[{"match":"GET /videos*","when":{"every":2},"do":{"status":429}}]}"#;
        let found = fired(
            rules,
            &[("/videos", ""), ("/videos/x/status", ""), ("/videos", "")],
        );
        assert_eq!(found, [false, true, false]);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = Faults::parse(r#"{"rules":[{"match":"*","do":{"explode":1}}]}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `explode`"),
            "{error}"
        );
    }
}
