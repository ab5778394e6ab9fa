//! Lists of api.video: parameters are checked, sorted and filtered as its OpenAPI file says.

use std::ops::Range;

use serde_json::Value;

use crate::data::{Kind, Listing, Sort, child_range};
use crate::fixtures;
use crate::options::Scenario;
use crate::request::Answer;
use crate::routes::write_rows;
use crate::state::Call;
use crate::time::seconds_of;
use crate::write::Writer;

/// A list and what may be asked of it.
struct List {
    kind: Kind,
    /// Name of its fixture files.
    fixture: String,
    parameters: &'static [&'static str],
    sort: &'static [&'static str],
    /// Whether links are whole URLs without page size, as for some lists of the real API.
    has_full_links: bool,
    /// Rows; all of the kind when not given.
    range: Option<Range<u64>>,
    /// What the answer says about itself before the rows.
    context: Vec<(&'static str, String)>,
}

const VIDEO_FILTERS: &[&str] = &["title", "tags", "metadata", "description", "liveStreamId"];
const DATA_FILTERS: &[&str] = &[
    "from",
    "to",
    "unique",
    "viewDuration",
    "filterBy",
    "interval",
];
const VIDEO_SORT: &[&str] = &["title", "createdAt", "publishedAt", "updatedAt"];
const NAME_SORT: &[&str] = &["name", "createdAt", "updatedAt"];

/// Answers when the path is a list.
pub(super) fn answer(call: &Call<'_>, path: &[&str]) -> Option<Answer> {
    let list = match top_list(path) {
        Some(list) => list,
        None => match nested_list(call, path)? {
            Ok(list) => list,
            Err(answer) => return Some(answer),
        },
    };
    Some(checked(call, &list))
}

fn plain(kind: Kind, fixture: &str, sort: &'static [&'static str]) -> List {
    List {
        kind,
        fixture: fixture.to_owned(),
        parameters: &[],
        sort,
        has_full_links: false,
        range: None,
        context: Vec::new(),
    }
}

fn top_list(path: &[&str]) -> Option<List> {
    Some(match path {
        ["videos"] => List {
            parameters: VIDEO_FILTERS,
            ..plain(Kind::Videos, "videos", VIDEO_SORT)
        },
        ["discarded", "videos"] => List {
            parameters: VIDEO_FILTERS,
            ..plain(Kind::DiscardedVideos, "discarded_videos", VIDEO_SORT)
        },
        ["summaries"] => List {
            parameters: &["videoId", "origin", "sourceStatus"],
            has_full_links: true,
            ..plain(
                Kind::Summaries,
                "summaries",
                &["createdAt", "updatedAt", "videoId"],
            )
        },
        ["live-streams"] => List {
            parameters: &["streamKey", "name"],
            ..plain(Kind::LiveStreams, "live_streams", NAME_SORT)
        },
        ["players"] => List {
            has_full_links: true,
            ..plain(Kind::Players, "players", NAME_SORT)
        },
        ["watermarks"] => List {
            has_full_links: true,
            ..plain(Kind::Watermarks, "watermarks", &["createdAt"])
        },
        ["tags"] => List {
            parameters: &["value"],
            ..plain(Kind::VideoTags, "tags", &["value", "videoCount"])
        },
        ["upload-tokens"] => plain(Kind::UploadTokens, "upload_tokens", &["createdAt", "ttl"]),
        ["webhooks"] => List {
            parameters: &["events"],
            has_full_links: true,
            ..plain(Kind::Webhooks, "webhooks", &[])
        },
        ["data", "buckets", metric, breakdown] => List {
            parameters: DATA_FILTERS,
            context: vec![
                ("metric", (*metric).to_owned()),
                ("breakdown", (*breakdown).to_owned()),
            ],
            ..plain(
                Kind::Buckets,
                &format!("buckets.{metric}.{breakdown}"),
                &["metricValue", "dimensionValue"],
            )
        },
        ["data", "timeseries", metric] => List {
            parameters: DATA_FILTERS,
            context: vec![("metric", (*metric).to_owned())],
            ..plain(
                Kind::Timeseries,
                &format!("timeseries.{metric}"),
                &["metricValue", "emittedAt"],
            )
        },
        _ => return None,
    })
}

/// Captions and chapters of a video.
fn nested_list(call: &Call<'_>, path: &[&str]) -> Option<Result<List, Answer>> {
    let (id, kind, name) = match path {
        ["videos", id, "captions"] => (id, Kind::Captions, "captions"),
        ["videos", id, "chapters"] => (id, Kind::Chapters, "chapters"),
        _ => return None,
    };
    let list = plain(kind, &format!("{name}.{id}"), &[]);
    if call.state.options.scenario == Scenario::Fixtures {
        return Some(Ok(list));
    }
    let Some(video) = super::row_of(call, Kind::Videos, "vi", id) else {
        return Some(Err(super::not_found("videoId")));
    };
    let range = child_range(&call.state.store().world, kind, video);
    Some(Ok(List {
        range: Some(range),
        ..list
    }))
}

/// Page number and page size.
#[derive(Debug, Clone, Copy)]
struct Page {
    number: u64,
    size: u64,
}

fn checked(call: &Call<'_>, list: &List) -> Answer {
    let (page, sort) = match parameters(call, list) {
        Ok(parameters) => parameters,
        Err(refusal) => return refusal,
    };
    if call.state.options.scenario == Scenario::Fixtures {
        return fixture(call, list, page);
    }
    let listing = rows(call, list, sort.as_ref());
    page_of_rows(call, list, page, &listing)
}

fn parameters(call: &Call<'_>, list: &List) -> Result<(Page, Option<Sort>), Answer> {
    for (name, _) in &call.request.query {
        let base = name.split('[').next().unwrap_or_default();
        let is_known = ["currentPage", "pageSize"].contains(&base)
            || list.parameters.contains(&base)
            || !list.sort.is_empty() && ["sortBy", "sortOrder"].contains(&base);
        if !is_known {
            return Err(super::bad_parameter(name, "There is no such parameter."));
        }
    }
    let page = Page {
        number: number(call, "currentPage", 1, None, 1)?,
        size: number(call, "pageSize", 10, Some(100), 25)?,
    };
    Ok((page, sort(call, list)?))
}

fn number(
    call: &Call<'_>,
    name: &str,
    min: u64,
    max: Option<u64>,
    default: u64,
) -> Result<u64, Answer> {
    let Some(text) = call.request.param(name) else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| *number >= min);
    let number = number.filter(|number| max.is_none_or(|max| *number <= max));
    number.ok_or_else(|| super::out_of_range(name, min, max))
}

fn sort(call: &Call<'_>, list: &List) -> Result<Option<Sort>, Answer> {
    let order = call.request.param("sortOrder").unwrap_or("asc");
    if !["asc", "desc"].contains(&order) {
        return Err(super::bad_parameter("sortOrder", "Unknown sort order."));
    }
    let Some(field) = call.request.param("sortBy") else {
        return Ok(None);
    };
    if !list.sort.contains(&field) {
        return Err(super::bad_parameter("sortBy", "Unknown sort key."));
    }
    Ok(Some(Sort {
        field: field.to_owned(),
        is_descending: order == "desc",
    }))
}

fn fixture(call: &Call<'_>, list: &List, page: Page) -> Answer {
    let folder = call.state.options.fixtures.join(super::FOLDER);
    let found = fixtures::page(&folder, &list.fixture, page.number);
    found.unwrap_or_else(|| match list.kind {
        Kind::Captions => fixtures::single(&folder, "captions.empty")
            .unwrap_or_else(|| super::not_found("videoId")),
        _ => super::not_found("videoId"),
    })
}

fn rows(call: &Call<'_>, list: &List, sort: Option<&Sort>) -> Listing {
    let mut store = call.state.store();
    let range = list
        .range
        .clone()
        .unwrap_or_else(|| store.range(list.kind, None));
    let listing = match sort {
        Some(sort) => store.sorted(list.kind, range, sort),
        None => store.list(list.kind, range),
    };
    let filters: Vec<(&str, &str)> = call
        .request
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| list.parameters.iter().any(|known| name.starts_with(known)))
        .collect();
    if filters.is_empty() {
        return listing;
    }
    store.filtered(list.kind, &listing, |row| {
        filters
            .iter()
            .all(|(name, value)| satisfies(row, name, value))
    })
}

/// Whether a row satisfies one filter of the query.
fn satisfies(row: &Value, name: &str, value: &str) -> bool {
    let has = |list: &Value, holds: &dyn Fn(&Value) -> bool| {
        list.as_array().is_some_and(|items| items.iter().any(holds))
    };
    let time = |field: &str| row[field].as_str().and_then(seconds_of);
    match name {
        "tags[]" | "tags" => has(&row["tags"], &|tag| tag == value),
        "events" => has(&row["events"], &|event| event == value),
        "title" | "description" | "name" => {
            row[name].as_str().is_some_and(|text| text.contains(value))
        }
        "liveStreamId" => row["source"]["liveStream"]["liveStreamId"] == value,
        "from" => {
            time("emittedAt").is_none_or(|at| seconds_of(value).is_none_or(|from| at >= from))
        }
        "to" => time("emittedAt").is_none_or(|at| seconds_of(value).is_none_or(|to| at <= to)),
        "interval" | "unique" | "viewDuration" => true,
        _ => match name
            .strip_prefix("metadata[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(key) => has(&row["metadata"], &|pair| {
                pair["key"] == key && pair["value"] == value
            }),
            None => name.starts_with("filterBy") || row[name] == value,
        },
    }
}

fn page_of_rows(call: &Call<'_>, list: &List, page: Page, listing: &Listing) -> Answer {
    let total = listing.len();
    let pages = total.div_ceil(page.size);
    let served = if call.twist.is_repeated {
        page.number.saturating_sub(1).max(1)
    } else {
        page.number
    };
    let first = (served - 1).saturating_mul(page.size);
    let mut out = Vec::with_capacity(page.size as usize * 1400 + 1024);
    let writer = &mut Writer::new(&mut out);
    writer.open(b'{');
    if !list.context.is_empty() {
        let context: Vec<_> = list
            .context
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        write_context(call, &context, writer);
    }
    writer.key("data");
    let count = write_rows(
        call,
        list.kind,
        listing,
        first..first + page.size,
        writer.out,
    );
    writer.key("pagination").open(b'{');
    writer
        .key("currentPage")
        .int(page.number as i64)
        .key("currentPageItems")
        .int(count as i64);
    writer
        .key("pageSize")
        .int(page.size as i64)
        .key("pagesTotal")
        .int(pages as i64);
    writer
        .key("itemsTotal")
        .int(total as i64)
        .key("links")
        .open(b'[');
    write_links(call, list, page, pages, writer);
    writer.close(b']').close(b'}').close(b'}');
    Answer::json(200, out).with_rows(count)
}

fn write_links(call: &Call<'_>, list: &List, page: Page, pages: u64, out: &mut Writer<'_>) {
    let mut start = String::new();
    if list.has_full_links {
        start.push_str(&call.state.url);
    }
    start.push_str(&call.request.path);
    start.push('?');
    let others = call.request.raw_query.split('&').filter(|pair| {
        !pair.is_empty() && !pair.starts_with("currentPage=") && !pair.starts_with("pageSize=")
    });
    for pair in others {
        start.push_str(pair);
        start.push('&');
    }
    let mut link = |rel: &str, number: u64| {
        let mut uri = format!("{start}currentPage={number}");
        if !list.has_full_links {
            uri.push_str(&format!("&pageSize={}", page.size));
        }
        out.open(b'{')
            .key("rel")
            .plain(rel)
            .key("uri")
            .text(&uri)
            .close(b'}');
    };
    link("self", page.number);
    link("first", 1);
    if page.number > 1 {
        link("previous", page.number - 1);
    }
    if page.number < pages && !call.twist.drops_next {
        link(
            "next",
            if call.twist.loops_next {
                page.number
            } else {
                page.number + 1
            },
        );
    }
    if pages > 0 {
        link("last", pages);
    }
}

/// What analytics say about themselves.
pub(super) fn write_context(call: &Call<'_>, members: &[(&str, &str)], out: &mut Writer<'_>) {
    out.key("context").open(b'{');
    for (key, value) in members {
        out.key(key).text(value);
    }
    out.key("timeframe").open(b'{');
    let (from, to) = (call.request.param("from"), call.request.param("to"));
    out.key("from")
        .text(from.unwrap_or("2025-01-01T00:00:00+00:00"));
    out.key("to")
        .text(to.unwrap_or("2025-02-01T00:00:00+00:00"));
    out.close(b'}').close(b'}');
}
