//! api.video: lists with `currentPage` and `pageSize`, single objects, two ways to authenticate, rate limits; and its
//! admin API, which looks different in every respect.

mod admin;
mod auth;
mod lists;

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::data::{Kind, child_range, summary_status};
use crate::fixtures;
use crate::options::Scenario;
use crate::request::Answer;
use crate::state::{Allowance, Call};
use crate::write::Writer;

pub(crate) use admin::answer as admin;

/// Folder of the fixtures.
const FOLDER: &str = "api-video";

/// Error bodies by status.
const ERRORS: [(u16, &str); 9] = [
    (
        400,
        include_str!("../../../fixtures/api-video/error.400.json"),
    ),
    (
        401,
        include_str!("../../../fixtures/api-video/error.401.json"),
    ),
    (
        403,
        include_str!("../../../fixtures/api-video/error.403.json"),
    ),
    (
        404,
        include_str!("../../../fixtures/api-video/error.404.json"),
    ),
    (
        405,
        include_str!("../../../fixtures/api-video/error.405.json"),
    ),
    (
        409,
        include_str!("../../../fixtures/api-video/error.409.json"),
    ),
    (
        429,
        include_str!("../../../fixtures/api-video/error.429.json"),
    ),
    (
        500,
        include_str!("../../../fixtures/api-video/error.500.json"),
    ),
    (
        502,
        include_str!("../../../fixtures/api-video/error.502.html"),
    ),
];
const UNKNOWN_ROUTE: &str = include_str!("../../../fixtures/api-video/error.404_route.json");

/// The error body of a status.
pub(crate) fn error(status: u16) -> Answer {
    let known = ERRORS.iter().find(|(known, _)| *known == status);
    match known {
        Some((502, body)) => Answer::new(502, "text/html", *body),
        Some((_, body)) => Answer::new(status, "application/problem+json", *body),
        None => Answer::value(
            status,
            &json!({"type": null, "title": "Error", "status": status}),
        ),
    }
}

/// The body of "resource not found", with the parameter that names it.
fn not_found(name: &str) -> Answer {
    let body = json!({
        "type": "https://docs.api.video/reference/resource-not-found",
        "title": "The requested resource does not exist.",
        "name": name,
        "status": 404,
    });
    Answer::new(404, "application/problem+json", body.to_string())
}

fn unknown_route() -> Answer {
    Answer::new(404, "application/problem+json", UNKNOWN_ROUTE)
}

/// Answers a request; every answer says how much of the rate limit is left.
pub(crate) fn answer(call: &Call<'_>, path: &[&str]) -> Answer {
    let allowance = call.state.use_allowance();
    let answer = if allowance.is_over {
        error(429)
    } else {
        checked(call, path)
    };
    with_allowance(answer, allowance)
}

fn with_allowance(answer: Answer, allowance: Allowance) -> Answer {
    answer
        .header("x-ratelimit-limit", allowance.limit.to_string())
        .header("x-ratelimit-remaining", allowance.remaining.to_string())
        .header("x-ratelimit-retry-after", allowance.reset_s.to_string())
}

fn checked(call: &Call<'_>, path: &[&str]) -> Answer {
    if let ["auth", step] = path {
        return auth::exchange(call, step);
    }
    // The fixtures read the admin resources from the same host.
    if let ["projects", ..] = path {
        return admin::routed(call, path, "");
    }
    if let Err(refusal) = auth::check(call) {
        return refusal;
    }
    match (&call.request.method, path) {
        (&Method::GET, _) => read(call, path),
        (&Method::POST, ["summaries"]) => new_summary(call),
        (&Method::PATCH, ["summaries", id, "source"]) => summary_source(call, id),
        _ => error(405),
    }
}

fn read(call: &Call<'_>, path: &[&str]) -> Answer {
    if let Some(answer) = lists::answer(call, path) {
        return answer;
    }
    if call.state.options.scenario == Scenario::Fixtures {
        return single_fixture(call, path);
    }
    match path {
        ["videos", id] => object(call, Kind::Videos, "vi", id),
        ["videos", id, "status"] => video_status(call, id),
        ["videos", id, kind @ ("captions" | "chapters"), language] => {
            translation(call, id, kind, language)
        }
        ["discarded", "videos", id] => object(call, Kind::DiscardedVideos, "vi", id),
        ["live-streams", id] => object(call, Kind::LiveStreams, "li", id),
        ["players", id] => object(call, Kind::Players, "pl", id),
        ["upload-tokens", id] => object(call, Kind::UploadTokens, "to", id),
        ["webhooks", id] => object(call, Kind::Webhooks, "webhook_", id),
        ["summaries", id, "source"] => summary_source(call, id),
        ["data", "metrics", metric, aggregation] => metrics(call, metric, aggregation),
        _ => unknown_route(),
    }
}

fn single_fixture(call: &Call<'_>, path: &[&str]) -> Answer {
    let (name, parameter) = match path {
        ["videos", id] => (format!("video.{id}"), "videoId"),
        ["videos", id, "status"] => (format!("video_status.{id}"), "videoId"),
        ["summaries", id, "source"] => (format!("summary_source.{id}"), "summaryId"),
        ["data", "metrics", metric, aggregation] => {
            (format!("metrics.{metric}.{aggregation}"), "metric")
        }
        _ => return unknown_route(),
    };
    let folder = call.state.options.fixtures.join(FOLDER);
    fixtures::single(&folder, &name).unwrap_or_else(|| not_found(parameter))
}

/// The row of an id, unless there is none (any more).
fn row_of(call: &Call<'_>, kind: Kind, prefix: &str, id: &str) -> Option<u64> {
    let store = call.state.store();
    let row = store.world.index_of(kind, prefix, id)?;
    let is_there = store.range(kind, None).contains(&row) && !store.is_deleted(kind, row);
    is_there.then_some(row)
}

fn object(call: &Call<'_>, kind: Kind, prefix: &str, id: &str) -> Answer {
    let parameter = match kind {
        Kind::LiveStreams => "liveStreamId",
        Kind::Players => "playerId",
        Kind::UploadTokens => "uploadToken",
        Kind::Webhooks => "webhookId",
        _ => "videoId",
    };
    match row_of(call, kind, prefix, id) {
        Some(row) => whole(call, kind, row),
        None => not_found(parameter),
    }
}

fn whole(call: &Call<'_>, kind: Kind, row: u64) -> Answer {
    let mut out = Vec::new();
    call.state.store().write(kind, row, &mut out);
    Answer::json(200, out).with_rows(1)
}

fn video_status(call: &Call<'_>, id: &str) -> Answer {
    match row_of(call, Kind::Videos, "vi", id) {
        Some(row) => whole(call, Kind::VideoStatus, row),
        None => not_found("videoId"),
    }
}

fn translation(call: &Call<'_>, id: &str, kind: &str, language: &str) -> Answer {
    let Some(video) = row_of(call, Kind::Videos, "vi", id) else {
        return not_found("videoId");
    };
    let kind = if kind == "captions" {
        Kind::Captions
    } else {
        Kind::Chapters
    };
    let field = if kind == Kind::Captions {
        "srclang"
    } else {
        "language"
    };
    let store = call.state.store();
    let mut rows = child_range(&store.world, kind, video);
    let found = rows.find(|row| store.value(kind, *row)[field] == language);
    drop(store);
    match found {
        Some(row) => whole(call, kind, row),
        None => not_found("language"),
    }
}

fn summary_source(call: &Call<'_>, id: &str) -> Answer {
    match row_of(call, Kind::Summaries, "summary_", id) {
        Some(row) if summary_status(row) == "completed" => whole(call, Kind::SummarySource, row),
        _ => not_found("summaryId"),
    }
}

fn new_summary(call: &Call<'_>) -> Answer {
    let body = call.request.json();
    let id = body["videoId"].as_str().unwrap_or_default();
    match row_of(call, Kind::Videos, "vi", id) {
        None => not_found("videoId"),
        // Every video below the number of summaries has one.
        Some(row) if row < call.state.store().world.row_count(Kind::Summaries) => error(409),
        Some(_) => Answer::value(
            201,
            &json!({"videoId": id, "origin": "api", "sourceStatus": "waiting"}),
        ),
    }
}

fn metrics(call: &Call<'_>, metric: &str, aggregation: &str) -> Answer {
    let mut out = Vec::new();
    let writer = &mut Writer::new(&mut out);
    writer.open(b'{');
    lists::write_context(
        call,
        &[("metric", metric), ("aggregation", aggregation)],
        writer,
    );
    writer.key("data").raw(if aggregation == "sum" {
        "9007199254740993"
    } else {
        "346.5"
    });
    writer.close(b'}');
    Answer::json(200, Bytes::from(out)).with_rows(1)
}

/// A refusal of a query parameter.
fn bad_parameter(name: &str, detail: &str) -> Answer {
    let kind = "https://docs.api.video/reference/invalid-query-parameter";
    let title = "A query parameter is invalid.";
    let body = json!({
        "type": kind, "title": title, "name": name, "status": 400, "detail": detail,
        "problems": [{"type": kind, "title": title, "name": name}],
    });
    problem(&body)
}

/// A refusal of a number outside its range, in the older form that the API still uses for it.
fn out_of_range(name: &str, min: u64, max: Option<u64>) -> Answer {
    let title = "This parameter is out of the allowed range.";
    let range = json!({"min": min, "max": max});
    let body = json!({
        "title": title, "name": name, "status": 400, "range": range,
        "problems": [{"title": title, "name": name, "range": range}],
    });
    problem(&body)
}

fn problem(body: &Value) -> Answer {
    Answer::new(400, "application/problem+json", body.to_string())
}
