//! Lists with every kind of paginator.

use std::ops::Range;

use serde_json::{Value, json};

use super::error;
use crate::data::{Kind, Listing, Sort, children};
use crate::random::mix;
use crate::request::Answer;
use crate::routes::write_rows;
use crate::state::Call;
use crate::time::seconds_of;

const ROWS: u64 = 6;
const PAGE_SIZE: u64 = 2;

/// Where a page is and what is around it.
struct Window<'a> {
    call: &'a Call<'a>,
    kind: Kind,
    listing: Listing,
    places: Range<u64>,
    size: u64,
}

impl<'a> Window<'a> {
    /// The page of a list that starts at a place.
    fn new(call: &'a Call<'a>, kind: Kind, listing: Listing, first: u64) -> Self {
        let size = number(call, "page_size").or_else(|| number(call, "limit"));
        let size = size.unwrap_or(PAGE_SIZE).max(1);
        let first = if call.twist.is_repeated {
            first.saturating_sub(size)
        } else {
            first
        };
        Window {
            call,
            kind,
            listing,
            places: first..first.saturating_add(size),
            size,
        }
    }

    fn rows(call: &'a Call<'a>, first: u64) -> Self {
        let store = call.state.store();
        let count = call.request.number("rows").unwrap_or(ROWS);
        let listing = store.list(Kind::Rows, store.range(Kind::Rows, Some(count)));
        drop(store);
        Window::new(call, Kind::Rows, listing, first)
    }

    fn page(call: &'a Call<'a>, base: u64) -> Self {
        let page = number(call, "page").unwrap_or(base).saturating_sub(base);
        let window = Window::rows(call, 0);
        window.moved_to(page)
    }

    fn moved_to(self, page: u64) -> Self {
        let first = page.saturating_mul(self.size);
        Window::new(self.call, self.kind, self.listing, first)
    }

    fn total(&self) -> u64 {
        self.listing.len()
    }

    fn pages(&self) -> u64 {
        self.total().div_ceil(self.size)
    }

    /// Number of this page from 0.
    fn number(&self) -> u64 {
        self.places.start / self.size
    }

    /// Number of the next page from 0.
    fn next(&self) -> Option<u64> {
        if self.call.twist.loops_next {
            return Some(self.number());
        }
        let has_next = self.places.end < self.total() && !self.call.twist.drops_next;
        has_next.then(|| self.number() + 1)
    }

    /// The rows alone.
    fn list(&self) -> (Vec<u8>, u64) {
        let mut out = Vec::new();
        let count = write_rows(
            self.call,
            self.kind,
            &self.listing,
            self.places.clone(),
            &mut out,
        );
        (out, count)
    }

    fn root(&self) -> Answer {
        let (rows, count) = self.list();
        Answer::json(200, rows).with_rows(count)
    }

    /// `{"data": rows, …}`.
    fn envelope(&self, more: Value) -> Answer {
        let (rows, count) = self.list();
        let mut out = b"{\"data\":".to_vec();
        out.extend_from_slice(&rows);
        for (key, value) in more.as_object().into_iter().flatten() {
            out.extend_from_slice(format!(",{}:{value}", Value::from(key.as_str())).as_bytes());
        }
        out.push(b'}');
        Answer::json(200, out).with_rows(count)
    }

    /// Path and query of the next page; only `rows` and `page_size` are kept, as a link carries what it needs.
    fn link(&self) -> Option<String> {
        let next = self.next()? + 1;
        let mut link = format!("{}?", self.call.request.path);
        for name in ["rows", "page_size"] {
            if let Some(value) = self.call.request.param(name) {
                link.push_str(&format!("{name}={value}&"));
            }
        }
        Some(format!("{link}page={next}"))
    }

    fn url(&self) -> Option<String> {
        Some(format!("{}{}", self.call.state.url, self.link()?))
    }

    /// `c1`, `c2`, …
    fn cursor(&self) -> Option<String> {
        Some(format!("c{}", self.next()?))
    }
}

/// A number of the query, or of the body at the top or below `page`.
fn number(call: &Call<'_>, name: &str) -> Option<u64> {
    call.request.number(name).or_else(|| {
        let body = call.request.json();
        body[name].as_u64().or_else(|| body["page"][name].as_u64())
    })
}

/// The cursor of a request: `cursor` in the query or the body, `page.cursor` in the body.
fn cursor(call: &Call<'_>) -> Option<u64> {
    let body = call.request.json();
    let value = [&body["cursor"], &body["page"]["cursor"], &body["after"]]
        .into_iter()
        .find(|value| !value.is_null())
        .map(crate::routes::plain);
    let value = value.or_else(|| call.request.param("cursor").map(str::to_owned))?;
    value.trim_start_matches('c').parse().ok()
}

/// Answers the lists that have one segment.
pub(super) fn answer(call: &Call<'_>, name: &str) -> Option<Answer> {
    links(call, name)
        .or_else(|| cursors(call, name))
        .or_else(|| numbers(call, name))
}

fn links(call: &Call<'_>, name: &str) -> Option<Answer> {
    let window = Window::page(call, 1);
    let url = window.url();
    Some(match (name, url) {
        ("header-link", Some(url)) => window
            .root()
            .header("link", format!("<{url}>; rel=\"next\"")),
        ("header-link-multi-rel", Some(url)) => window
            .root()
            .header("link", format!("<{url}>; rel=\"next last\"")),
        ("header-link-two-headers", Some(url)) => window
            .root()
            .header(
                "link",
                format!("<{}/g/header-link>; rel=\"first\"", call.state.url),
            )
            .header("link", format!("<{url}>; rel=\"next\"")),
        ("header-link" | "header-link-multi-rel" | "header-link-two-headers", None) => {
            window.root()
        }
        ("json-link", url) => window.envelope(json!({"next": url})),
        ("json-link-hal", Some(url)) => window.envelope(
            json!({"_links": {"self": {"href": call.request.path}, "next": {"href": url}}}),
        ),
        ("json-link-hal", None) => {
            window.envelope(json!({"_links": {"self": {"href": call.request.path}}}))
        }
        ("json-link-relative", _) => window.envelope(json!({"next": window.link()})),
        ("json-link-empty-string", url) => {
            window.envelope(json!({"next": url.unwrap_or_default()}))
        }
        _ => return None,
    })
}

fn cursors(call: &Call<'_>, name: &str) -> Option<Answer> {
    let page = cursor(call).unwrap_or(0);
    let window = Window::rows(call, 0).moved_to(page);
    let next = window.cursor();
    Some(match name {
        "header-cursor" => {
            let header = call.request.param("header").unwrap_or("next");
            match next {
                Some(next) => window.root().header(header, next),
                None => window.root(),
            }
        }
        "cursor" => window.envelope(json!({"cursors": {"next": next}})),
        "cursor-next" | "cursor-body" => {
            let query = &call.request.json()["query"];
            window.envelope(json!({"next": next, "query": query}))
        }
        "cursor-has-more" => {
            let has_more = next.is_some();
            // The cursor of the last page is not empty: only `has_more` ends the list.
            window.envelope(json!({"next": next.unwrap_or("end".to_owned()), "has_more": has_more}))
        }
        "cursor-number" => window.envelope(json!({"next": window.next().unwrap_or(0)})),
        "same-page-forever" => Window::rows(call, 0).envelope(json!({"next": "c1", "total": 1000})),
        _ => return None,
    })
}

fn numbers(call: &Call<'_>, name: &str) -> Option<Answer> {
    let offset = Window::rows(call, number(call, "offset").unwrap_or(0));
    let by_offset = call.request.param("page").is_none() && number(call, "offset").is_some();
    let one = Window::page(call, 1);
    let either = if by_offset { &offset } else { &one };
    Some(match name {
        "offset" | "offset-body" => offset.envelope(json!({"total": offset.total()})),
        "page" => one.envelope(json!({"total": one.pages(), "page": one.number() + 1})),
        "page-body" | "search" => {
            let page =
                Window::rows(call, 0).moved_to(number(call, "page").unwrap_or(1).saturating_sub(1));
            page.envelope(json!({"total": page.pages(), "query": call.request.json()["query"]}))
        }
        "page-zero" => {
            let zero = Window::page(call, 0);
            zero.envelope(json!({"total": zero.pages()}))
        }
        "has-more-string" => {
            let has_more = if either.next().is_some() { "yes" } else { "no" };
            either.envelope(json!({"has_more": has_more}))
        }
        "total-missing" => either.envelope(json!({})),
        "total-string" => either.envelope(json!({"total": either.total().to_string()})),
        "next-bool" => {
            one.envelope(json!({"next": one.next().is_some(), "page": one.number() + 1}))
        }
        "next-update-key" => {
            one.envelope(json!({"next_update": "2030-01-01", "total_pages": one.pages()}))
        }
        "pages-one-based" => {
            if call.request.param("page") == Some("0") {
                return Some(error(400, "bad_page", "Pages start at 1."));
            }
            one.envelope(json!({"page": one.number() + 1, "total_pages": one.pages()}))
        }
        "list-root" => one.root(),
        _ => return None,
    })
}

/// `/g/parents`, `/g/parents/{id}`, `…/children`, `…/children/{cid}/toys`.
pub(super) fn family(call: &Call<'_>, path: &[&str]) -> Answer {
    let store = call.state.store();
    let parents = store.range(Kind::Parents, call.request.number("rows"));
    let is_there = |row: &u64| !store.is_deleted(Kind::Parents, *row);
    let parent = path
        .first()
        .and_then(|id| id.parse::<u64>().ok()?.checked_sub(1))
        .filter(is_there);
    let count = call.request.number("children").unwrap_or(2);
    let (kind, range) = match (path, parent) {
        ([], _) => (Kind::Parents, parents),
        ([_], Some(row)) => return one(call, store, Kind::Parents, row),
        ([_, "children"], Some(row)) => (Kind::Children, children(row, count)),
        ([_, "children", child, "toys"], Some(_)) => {
            let child = child.parse().unwrap_or(0);
            (Kind::Toys, children(child, count))
        }
        _ => return error(404, "not_found", "There is no such parent."),
    };
    let listing = store.list(kind, range);
    drop(store);
    let page = number(call, "page").unwrap_or(1).saturating_sub(1);
    let window = Window::new(call, kind, listing, 0).moved_to(page);
    window.envelope(json!({"total": window.pages()}))
}

fn one(
    call: &Call<'_>,
    store: std::sync::MutexGuard<'_, crate::data::Store>,
    kind: Kind,
    row: u64,
) -> Answer {
    if !store
        .range(kind, call.request.number("rows"))
        .contains(&row)
    {
        return error(404, "not_found", "There is no such row.");
    }
    let mut out = Vec::new();
    store.write(kind, row, &mut out);
    Answer::json(200, out).with_rows(1)
}

/// `/g/events?since=&until=&order=`: rows whose `updated_at` (or `seq`, for a number) lies in the range.
pub(super) fn events(call: &Call<'_>) -> Answer {
    let mut store = call.state.store();
    let range = store.range(Kind::Events, call.request.number("rows"));
    let field = match call.request.param("by") {
        Some("seq") => "seq",
        _ => "updated_at",
    };
    let listing = match call.request.param("order") {
        Some("none") => {
            let mut rows: Vec<u64> = range.collect();
            rows.sort_by_key(|row| mix(*row + 1));
            Listing::Picked(rows.into())
        }
        order => {
            let sort = Sort {
                field: field.to_owned(),
                is_descending: order == Some("desc"),
            };
            store.sorted(Kind::Events, range, &sort)
        }
    };
    let (since, until) = (call.request.param("since"), call.request.param("until"));
    let listing = if since.or(until).is_none() {
        listing
    } else {
        store.filtered(Kind::Events, &listing, |row| {
            since.is_none_or(|since| compare(row, since) >= 0)
                && until.is_none_or(|until| compare(row, until) < 0)
        })
    };
    drop(store);
    let page = number(call, "page").unwrap_or(1).saturating_sub(1);
    let window = Window::new(call, Kind::Events, listing, 0).moved_to(page);
    window.envelope(json!({"total": window.pages()}))
}

/// Whether a row lies before (negative), at (0) or after a limit; a limit that is neither number nor date is before all.
fn compare(row: &Value, limit: &str) -> i64 {
    if let Ok(limit) = limit.parse::<i64>() {
        return row["seq"].as_i64().unwrap_or_default() - limit;
    }
    let updated = row["updated_at"].as_str().and_then(seconds_of);
    updated.unwrap_or_default() - seconds_of(limit).unwrap_or(i64::MIN / 2)
}
