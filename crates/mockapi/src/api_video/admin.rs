//! The admin API of api.video: another key, other names, links at the top.

use std::ops::Range;

use hyper::Method;
use serde_json::json;

use crate::data::{Kind, child_range};
use crate::fixtures;
use crate::options::Scenario;
use crate::request::Answer;
use crate::routes::write_rows;
use crate::state::Call;
use crate::write::Writer;

use super::{FOLDER, auth, error, not_found, out_of_range, unknown_route};

/// Answers below `/admin`.
pub(crate) fn answer(call: &Call<'_>, path: &[&str]) -> Answer {
    routed(call, path, "/admin")
}

/// Answers a path that starts at `projects`; `base` is where the API is mounted.
pub(super) fn routed(call: &Call<'_>, path: &[&str], base: &str) -> Answer {
    let options = &call.state.options;
    let key = if base.is_empty() {
        &options.key
    } else {
        &options.admin_key
    };
    if let Err(refusal) = auth::check_key(call, key) {
        return refusal;
    }
    if call.request.method != Method::GET {
        return error(405);
    }
    if options.scenario == Scenario::Fixtures {
        return fixture(call, path);
    }
    match path {
        ["projects"] => list(call, Kind::Projects, None),
        ["projects", "count"] => {
            let range = call.state.store().range(Kind::Projects, None);
            count(range)
        }
        ["projects", id, rest @ ..] => match super::row_of(call, Kind::Projects, "project_", id) {
            Some(project) => of_project(call, project, rest),
            None => not_found("project_id"),
        },
        _ => unknown_route(),
    }
}

fn of_project(call: &Call<'_>, project: u64, path: &[&str]) -> Answer {
    let keys = child_range(&call.state.store().world, Kind::ApiKeys, project);
    match path {
        [] => super::whole(call, Kind::Projects, project),
        ["api-keys"] => list(call, Kind::ApiKeys, Some(keys)),
        ["api-keys", "count"] => count(keys),
        ["api-keys", id] => {
            let row = call
                .state
                .store()
                .world
                .index_of(Kind::ApiKeys, "api_key_", id);
            match row.filter(|row| keys.contains(row)) {
                Some(row) => super::whole(call, Kind::ApiKeys, row),
                None => not_found("api_key_id"),
            }
        }
        ["delivery-usage"] => usage(call, Kind::DeliveryUsage),
        ["hosting-usage"] => usage(call, Kind::HostingUsage),
        _ => unknown_route(),
    }
}

fn count(rows: Range<u64>) -> Answer {
    Answer::value(200, &json!({"count": rows.end - rows.start}))
}

fn usage(call: &Call<'_>, kind: Kind) -> Answer {
    match call.request.param("interval") {
        Some("month" | "week") => {}
        _ => return super::bad_parameter("interval", "It is required: month or week."),
    }
    let store = call.state.store();
    let listing = store.list(kind, store.range(kind, None));
    drop(store);
    let mut out = b"{\"items\":".to_vec();
    let count = write_rows(call, kind, &listing, 0..listing.len(), &mut out);
    out.push(b'}');
    Answer::json(200, out).with_rows(count)
}

fn list(call: &Call<'_>, kind: Kind, range: Option<Range<u64>>) -> Answer {
    let page = call.request.number("page").unwrap_or(1);
    let size = call.request.number("page_size").unwrap_or(20);
    if page == 0 {
        return out_of_range("page", 1, None);
    }
    if !(1..=100).contains(&size) {
        return out_of_range("page_size", 1, Some(100));
    }
    let store = call.state.store();
    let range = range.unwrap_or_else(|| store.range(kind, None));
    let listing = store.list(kind, range);
    drop(store);
    let first = (page - 1) * size;
    let mut out = Vec::new();
    let writer = &mut Writer::new(&mut out);
    writer.open(b'{').key("items");
    let count = write_rows(call, kind, &listing, first..first + size, writer.out);
    writer
        .key("pagination")
        .open(b'{')
        .key("page")
        .int(page as i64);
    writer
        .key("page_size")
        .int(size as i64)
        .key("item_count")
        .int(listing.len() as i64)
        .close(b'}');
    writer.key("links").open(b'[');
    let mut link = |rel: &str, page: u64| {
        let href = format!("{}?page_size={size}&page={page}", call.request.path);
        writer
            .open(b'{')
            .key("rel")
            .plain(rel)
            .key("href")
            .text(&href)
            .close(b'}');
    };
    if page > 1 {
        link("previous", page - 1);
    }
    link("self", page);
    if page * size < listing.len() && !call.twist.drops_next {
        link(
            "next",
            if call.twist.loops_next {
                page
            } else {
                page + 1
            },
        );
    }
    writer.close(b']').close(b'}');
    Answer::json(200, out).with_rows(count)
}

fn fixture(call: &Call<'_>, path: &[&str]) -> Answer {
    let folder = call.state.options.fixtures.join(FOLDER);
    let page = call.request.number("page").unwrap_or(1);
    let (found, parameter) = match path {
        ["projects"] => (fixtures::page(&folder, "projects", page), "page"),
        ["projects", id, "api-keys"] => {
            let name = format!("projects_api_keys.{id}");
            (fixtures::page(&folder, &name, page), "project_id")
        }
        ["projects", id, usage @ ("delivery-usage" | "hosting-usage")] => {
            let name = format!("{}.{id}", usage.replace('-', "_"));
            (fixtures::single(&folder, &name), "project_id")
        }
        _ => return unknown_route(),
    };
    found.unwrap_or_else(|| not_found(parameter))
}
