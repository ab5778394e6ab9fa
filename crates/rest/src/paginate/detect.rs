//! Finding a paginator out from the first answer (spec/rest-api.md §11).
//!
//! dlt's checks in dlt's order; in the corrected mode those of their traps that lose, repeat or never finish rows are
//! avoided. A decision comes with the configuration that would say the same, so that it can be written down.

use tipple_json::{JsonPath, Value};

use crate::http::Answer;
use crate::model::{CursorRule, Detect, PageNumberRule, PageRule, RangeBounds, Target};

use super::link;

/// Keys that hold the number of pages, in lower case.
const TOTALS: [&str; 3] = ["total_pages", "pages", "totalpages"];

/// Further ones that count only beside the number of the present page.
const TOTALS_BESIDE_PAGE: [&str; 2] = ["pagestotal", "page_count"];

/// Keys that hold the number of the present page, in lower case.
const PRESENT: [&str; 5] = [
    "page",
    "current_page",
    "currentpage",
    "number",
    "page_number",
];

/// What was found out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detected {
    pub(crate) rule: PageRule,
    /// The same as configuration, when there is something to write down.
    pub(crate) note: Option<String>,
    /// What may be wrong.
    pub(crate) warning: Option<String>,
}

/// A place in the answer.
struct Found<'a> {
    keys: Vec<String>,
    value: &'a Value,
    /// The object that holds it.
    around: &'a [(String, Value)],
}

/// Decides by the first answer. `has_list`: its rows are a list.
pub(crate) fn detect(answer: &Answer, body: &Value, has_list: bool, mode: Detect) -> Detected {
    let links = answer.headers.get_all("link").iter();
    let joined: Vec<&str> = links.filter_map(|value| value.to_str().ok()).collect();
    if link::find(&joined.join(", "), "next").is_some() {
        let rel = "next".to_owned();
        return noted(PageRule::HeaderLink { rel }, "header_link".to_owned());
    }
    let next = find_next(body, &[]);
    if let Some(found) = next.as_ref().filter(|found| is_link(found.value)) {
        return json_link(JsonPath::of_keys(&found.keys));
    }
    let is_corrected = mode == Detect::Corrected;
    if let Some(detected) =
        find_total(body, &[], is_corrected).map(|found| by_total(&found, is_corrected))
    {
        return detected;
    }
    if is_corrected && let Some(detected) = find_links(body, &[]).map(by_links) {
        return detected;
    }
    match next {
        Some(found) if is_corrected && matches!(found.value, Value::Bool(_)) => {
            by_flag(&found, has_list)
        }
        Some(found) => by_cursor(&found, is_corrected),
        None => single(has_list),
    }
}

fn noted(rule: PageRule, text: String) -> Detected {
    Detected {
        rule,
        note: Some(format!("pages are followed as with `paginator: {text}`")),
        warning: None,
    }
}

fn single(has_list: bool) -> Detected {
    Detected {
        rule: PageRule::SinglePage,
        note: None,
        warning: has_list.then(|| {
            "no paginator was found in the first answer: only its page is loaded. \
             If there are more, set `paginator`; if not, write `paginator: single_page`"
                .to_owned()
        }),
    }
}

fn json_link(path: JsonPath) -> Detected {
    let text = format!(
        "{{type: json_link, next_url_path: {}}}",
        quoted(path.text())
    );
    noted(
        PageRule::JsonLink {
            next_url_path: path,
        },
        text,
    )
}

/// A path as a YAML value.
fn quoted(path: &str) -> String {
    let is_plain = path
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    match is_plain {
        true => path.to_owned(),
        false => format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn is_link(value: &Value) -> bool {
    value
        .as_text()
        .is_some_and(|text| text.starts_with("http") || text.starts_with('/'))
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::List(_) | Value::Object(_))
}

/// A whole number, or a text that holds one.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn joined(path: &[String], key: &str) -> Vec<String> {
    path.iter().cloned().chain([key.to_owned()]).collect()
}

/// The first key that begins with `next`, depth first, lists left out.
fn find_next<'a>(value: &'a Value, path: &[String]) -> Option<Found<'a>> {
    let members = value.as_object()?;
    for (key, value) in members {
        let keys = joined(path, key);
        if key.to_lowercase().starts_with("next")
            && let Some(found) = next_at(keys.clone(), value, members)
        {
            return Some(found);
        }
        if let Some(found) = find_next(value, &keys) {
            return Some(found);
        }
    }
    None
}

fn next_at<'a>(
    keys: Vec<String>,
    value: &'a Value,
    around: &'a [(String, Value)],
) -> Option<Found<'a>> {
    let Some(inner) = value.as_object() else {
        return is_scalar(value).then_some(Found {
            keys,
            value,
            around,
        });
    };
    let is_address = |key: &str| {
        let key = key.to_lowercase();
        key.starts_with("href") || key.starts_with("url")
    };
    let (key, value) = inner
        .iter()
        .find(|(key, value)| is_address(key) && is_scalar(value))?;
    Some(Found {
        keys: joined(&keys, key),
        value,
        around: inner,
    })
}

/// The first key that holds a number of pages.
fn find_total<'a>(value: &'a Value, path: &[String], is_corrected: bool) -> Option<Found<'a>> {
    let members = value.as_object()?;
    for (key, value) in members {
        let keys = joined(path, key);
        let lower = key.to_lowercase();
        let is_total = TOTALS.contains(&lower.as_str())
            || (is_corrected
                && TOTALS_BESIDE_PAGE.contains(&lower.as_str())
                && present_page(members).is_some());
        if is_total && whole(value).is_some() {
            return Some(Found {
                keys,
                value,
                around: members,
            });
        }
        if let Some(found) = find_total(value, &keys, is_corrected) {
            return Some(found);
        }
    }
    None
}

/// Key and number of the present page.
fn present_page(members: &[(String, Value)]) -> Option<(&str, i64)> {
    PRESENT.iter().find_map(|wanted| {
        let (key, value) = members
            .iter()
            .find(|(key, _)| key.to_lowercase() == *wanted)?;
        Some((key.as_str(), whole(value)?))
    })
}

fn by_total(found: &Found<'_>, is_corrected: bool) -> Detected {
    let present = present_page(found.around).filter(|_| is_corrected);
    let last = found
        .keys
        .last()
        .map(|key| key.to_lowercase())
        .unwrap_or_default();
    let is_beside = TOTALS_BESIDE_PAGE.contains(&last.as_str());
    let (param, base) = match present {
        // The parameter bears the name of what the answer calls the page.
        Some((key, number)) if is_beside => (key.to_owned(), number),
        Some((_, 1)) => ("page".to_owned(), 1),
        _ => ("page".to_owned(), 0),
    };
    let path = JsonPath::of_keys(&found.keys);
    let text = format!(
        "{{type: page_number, base_page: {base}, page_param: {param}, total_path: {}}}",
        quoted(path.text())
    );
    let detected = noted(page_number(base, &param, Some(path), None), text);
    let is_unsure = is_corrected && present.is_none();
    Detected {
        warning: is_unsure.then(|| {
            "the answer does not say whether its first page is 0 or 1; 0 is assumed. \
             If pages come twice or are missing, set `paginator: {type: page_number, base_page: 1, …}`"
                .to_owned()
        }),
        ..detected
    }
}

fn page_number(
    base: i64,
    param: &str,
    total: Option<JsonPath>,
    has_more: Option<JsonPath>,
) -> PageRule {
    PageRule::PageNumber(PageNumberRule {
        base_page: base,
        page: base,
        target: Target::Param(param.to_owned()),
        bounds: RangeBounds {
            total_path: total,
            maximum: None,
            stop_after_empty_page: true,
            has_more_path: has_more,
            has_more_may_lack: true,
        },
    })
}

/// A list of objects with `rel` and an address, under the key `links`.
fn find_links(value: &Value, path: &[String]) -> Option<(Vec<String>, &'static str)> {
    for (key, value) in value.as_object()? {
        let keys = joined(path, key);
        if key.to_lowercase() == "links"
            && let Some(address) = address_of(value.as_list()?)
        {
            return Some((keys, address));
        }
        if let Some(found) = find_links(value, &keys) {
            return Some(found);
        }
    }
    None
}

fn address_of(links: &[Value]) -> Option<&'static str> {
    let next = links
        .iter()
        .find(|link| link.get("rel").and_then(Value::as_text) == Some("next"))?;
    ["uri", "href"]
        .into_iter()
        .find(|key| next.get(key).is_some_and(|value| value.as_text().is_some()))
}

fn by_links((keys, address): (Vec<String>, &'static str)) -> Detected {
    let list = JsonPath::of_keys(&keys);
    let text = format!("{}[?(@.rel=='next')].{address}", list.text());
    match text.parse::<JsonPath>() {
        Ok(path) => json_link(path),
        Err(_) => single(true),
    }
}

/// `next: true` says that there is more, not where.
fn by_flag(found: &Found<'_>, has_list: bool) -> Detected {
    let Some((key, number)) = present_page(found.around) else {
        return single(has_list);
    };
    let path = JsonPath::of_keys(&found.keys);
    let text = format!(
        "{{type: page_number, base_page: {number}, page_param: {key}, total_path: null, has_more_path: {}}}",
        quoted(path.text())
    );
    noted(page_number(number, key, None, Some(path)), text)
}

fn by_cursor(found: &Found<'_>, is_corrected: bool) -> Detected {
    let is_page = found
        .keys
        .last()
        .is_some_and(|key| key.to_lowercase().replace('_', "") == "nextpage");
    let is_number = matches!(found.value, Value::Int(_));
    // The number of the next page is asked for as a page.
    let param = match is_corrected && is_page && is_number {
        true => "page",
        false => "cursor",
    };
    let path = JsonPath::of_keys(&found.keys);
    let text = format!(
        "{{type: cursor, cursor_path: {}, cursor_param: {param}}}",
        quoted(path.text())
    );
    let rule = CursorRule {
        cursor_path: path,
        target: Target::Param(param.to_owned()),
        stop_after_empty_page: false,
        has_more_path: None,
    };
    noted(PageRule::Cursor(rule), text)
}

#[cfg(test)]
mod tests;
