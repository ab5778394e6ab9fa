//! Pixlee: the key in the query, signed writes, an envelope whose numbers are texts on every second page.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use ring::hmac;
use serde_json::{Value, json};

use crate::data::{Kind, Listing, PHOTO_FIRST, Sort, album_index};
use crate::fixtures;
use crate::options::Scenario;
use crate::random::mix;
use crate::request::Answer;
use crate::routes::write_rows;
use crate::state::Call;
use crate::time::seconds_of;
use crate::write::Writer;

const FOLDER: &str = "pixlee";
/// Pages are cut to this size without a word.
const PAGE_SIZE_MAX: u64 = 200;
const PAGE_SIZE: u64 = 30;

const ERRORS: [(u16, &str); 7] = [
    (400, include_str!("../../../fixtures/pixlee/error.400.json")),
    (401, include_str!("../../../fixtures/pixlee/error.401.json")),
    (403, include_str!("../../../fixtures/pixlee/error.403.json")),
    (404, include_str!("../../../fixtures/pixlee/error.404.json")),
    (409, include_str!("../../../fixtures/pixlee/error.409.json")),
    (429, include_str!("../../../fixtures/pixlee/error.429.json")),
    (500, include_str!("../../../fixtures/pixlee/error.500.json")),
];

/// The error body of a status.
pub(crate) fn error(status: u16) -> Answer {
    match ERRORS.iter().find(|(known, _)| *known == status) {
        Some((_, body)) => Answer::json(status, *body),
        None => bad(status, "Error."),
    }
}

fn bad(status: u16, message: &str) -> Answer {
    Answer::value(status, &json!({"status": status, "error": message}))
}

/// Answers a path below `/api/v2`.
pub(crate) fn answer(call: &Call<'_>, path: &[&str]) -> Answer {
    if call.state.use_allowance().is_over {
        return error(429);
    }
    let is_post = call.request.method == Method::POST;
    let key = call.request.param("api_key");
    let key = key.or_else(|| call.request.param("API_KEY").filter(|_| is_post));
    if key != Some(&call.state.options.key) {
        return error(401);
    }
    match call.request.method {
        Method::GET if call.state.options.cdn => {
            let url = format!("{}?{}", call.request.path, call.request.raw_query);
            let answer = call.state.cached(url, || read(call, path));
            answer.header("cache-control", "max-age=120")
        }
        Method::GET => read(call, path).header("cache-control", "max-age=120"),
        Method::POST => write(call, path),
        _ => bad(405, "Method not allowed."),
    }
}

/// A list and where its rows are.
struct List {
    kind: Kind,
    fixture: String,
    album: Option<String>,
    range: Option<Range<u64>>,
}

fn read(call: &Call<'_>, path: &[&str]) -> Answer {
    let plain = |kind, fixture: &str| List {
        kind,
        fixture: fixture.to_owned(),
        album: None,
        range: None,
    };
    match path {
        ["albums"] => list(call, &plain(Kind::Albums, "albums")),
        ["albums", "from_sku"] => match call.request.param("sku") {
            Some(_) => photos(call, "7100100"),
            None => bad(400, "sku is required"),
        },
        ["albums", id, "photos"] => photos(call, id),
        ["media"] => list(call, &plain(Kind::Media, "media")),
        ["media", id] => single(call, id),
        ["tags"] => list(call, &plain(Kind::Tags, "tags")),
        ["categories"] => list(call, &plain(Kind::Categories, "categories")),
        ["statistics"] => list(call, &plain(Kind::Statistics, "statistics")),
        _ => bad(404, "Not found."),
    }
}

fn photos(call: &Call<'_>, id: &str) -> Answer {
    let mut photos = List {
        kind: Kind::AlbumPhotos,
        fixture: format!("album_photos.{id}"),
        album: Some(id.to_owned()),
        range: None,
    };
    if call.state.options.scenario != Scenario::Fixtures {
        let store = call.state.store();
        let album = album_index(id).filter(|album| store.range(Kind::Albums, None).contains(album));
        let Some(album) = album.filter(|album| !store.is_deleted(Kind::Albums, *album)) else {
            return error(404);
        };
        photos.range = Some(store.world.photos(album));
    }
    list(call, &photos)
}

fn single(call: &Call<'_>, id: &str) -> Answer {
    let options = &call.state.options;
    if options.scenario == Scenario::Fixtures {
        let found = fixtures::single(
            &options.fixtures.join(FOLDER),
            &format!("media_single.{id}"),
        );
        return found.unwrap_or_else(|| error(404));
    }
    let row = id
        .parse::<u64>()
        .ok()
        .and_then(|id| id.checked_sub(PHOTO_FIRST));
    let store = call.state.store();
    let Some(row) = row.filter(|row| store.range(Kind::Media, None).contains(row)) else {
        return error(404);
    };
    let mut out = br#"{"status":200,"message":"ok","data":"#.to_vec();
    store.write(Kind::Media, row, &mut out);
    out.push(b'}');
    Answer::json(200, out).with_rows(1)
}

fn list(call: &Call<'_>, list: &List) -> Answer {
    let (page, size) = match page(call) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let (sort, filters) = match (json_param(call, "sort"), json_param(call, "filters")) {
        (Ok(sort), Ok(filters)) => (sort, filters),
        _ => return error(400),
    };
    if call.state.options.scenario == Scenario::Fixtures {
        let folder = call.state.options.fixtures.join(FOLDER);
        return fixtures::page(&folder, &list.fixture, page).unwrap_or_else(|| error(404));
    }
    let listing = rows(call, list, &sort, &filters);
    page_of_rows(call, list, (page, size), &listing)
}

fn page(call: &Call<'_>) -> Result<(u64, u64), Answer> {
    let number = |name: &str, default: u64| match call.request.param(name) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|number| *number >= 1),
    };
    let page = number("page", 1).ok_or_else(|| bad(400, "page must be at least 1"))?;
    let size =
        number("per_page", PAGE_SIZE).ok_or_else(|| bad(400, "per_page must be at least 1"))?;
    Ok((page, size.min(PAGE_SIZE_MAX)))
}

fn json_param(call: &Call<'_>, name: &str) -> Result<Value, serde_json::Error> {
    call.request
        .param(name)
        .map_or(Ok(Value::Null), serde_json::from_str)
}

fn rows(call: &Call<'_>, list: &List, sort: &Value, filters: &Value) -> Listing {
    let mut store = call.state.store();
    let range = list
        .range
        .clone()
        .unwrap_or_else(|| store.range(list.kind, None));
    let listing = if sort["recency"] == true {
        let sort = Sort {
            field: "created_at".to_owned(),
            is_descending: sort["asc"] != true,
        };
        store.sorted(list.kind, range, &sort)
    } else {
        store.list(list.kind, range)
    };
    let listing = if filters.as_object().is_none_or(serde_json::Map::is_empty) {
        listing
    } else {
        store.filtered(list.kind, &listing, |row| passes(row, filters))
    };
    drop(store);
    if sort["random"] == true {
        shuffled(call, &listing)
    } else {
        listing
    }
}

/// Another order for every request, as `random` does it.
fn shuffled(call: &Call<'_>, listing: &Listing) -> Listing {
    let salt = call.state.clock.real_us();
    let mut rows: Vec<u64> = (0..listing.len())
        .filter_map(|place| listing.row(place))
        .collect();
    rows.sort_by_key(|row| mix(*row ^ salt));
    Listing::Picked(rows.into())
}

fn passes(row: &Value, filters: &Value) -> bool {
    let created = row["created_at"].as_i64().unwrap_or_default();
    let moment = |name: &str| {
        filters[name]
            .as_str()
            .and_then(seconds_of)
            .map(|seconds| seconds * 1000)
    };
    let has_products = row["products"]
        .as_array()
        .is_some_and(|products| !products.is_empty());
    let types = filters["content_type"].as_array();
    filters["has_product"]
        .as_bool()
        .is_none_or(|wanted| wanted == has_products)
        && types.is_none_or(|types| types.contains(&row["content_type"]))
        && moment("submitted_date_start").is_none_or(|start| created >= start)
        && moment("submitted_date_end").is_none_or(|end| created <= end)
}

fn page_of_rows(
    call: &Call<'_>,
    list: &List,
    (page, size): (u64, u64),
    listing: &Listing,
) -> Answer {
    let served = if call.twist.is_repeated {
        page.saturating_sub(1).max(1)
    } else {
        page
    };
    let first = (served - 1).saturating_mul(size);
    let mut rows = Vec::with_capacity(size as usize * 1400);
    let count = write_rows(call, list.kind, listing, first..first + size, &mut rows);
    let mut out = Vec::with_capacity(rows.len() + 256);
    let writer = &mut Writer::new(&mut out);
    writer.open(b'{');
    // Texts in place of numbers on every second page, as the recordings have it.
    let is_text = page.is_multiple_of(2) && !call.state.options.strict_types;
    let mut number = |name: &str, value: &str| {
        writer.key(name);
        if is_text {
            writer.plain(value)
        } else {
            writer.raw(value)
        };
    };
    number("account_id", "2210");
    if let Some(album) = &list.album {
        number("album_id", album);
    }
    number("page", &page.to_string());
    number("per_page", &size.to_string());
    number("total", &count.to_string());
    let has_next = first + size < listing.len() && !call.twist.drops_next;
    writer.key("next").flag(has_next || call.twist.loops_next);
    writer.key("data").out.extend_from_slice(&rows);
    writer.key("message").plain("ok").key("status").int(200);
    writer.close(b'}');
    Answer::json(200, out).with_rows(count)
}

fn write(call: &Call<'_>, path: &[&str]) -> Answer {
    if !is_signed(call) {
        return error(403);
    }
    let body = call.request.json();
    match path {
        ["albums"] => match body["title"].as_str() {
            None => bad(400, "title is required"),
            Some("Spring lookbook 0") => error(409),
            Some(title) => Answer::value(
                200,
                &json!({"status": 200, "message": "ok", "data": {"id": "7200000", "title": title}}),
            ),
        },
        ["media"] if body["photo_uri"].is_null() => Answer::json(
            400,
            include_str!("../../../fixtures/pixlee/error.400_string_body.json"),
        ),
        ["media"] | ["media", "file"] => Answer::value(
            200,
            &json!({"status": 200, "message": "ok", "data": {"album_photo_id": "930001", "connected_user_id": 76_000_001}}),
        ),
        _ => bad(404, "Not found."),
    }
}

/// Whether the header `Signature` fits the exact bytes of the body.
fn is_signed(call: &Call<'_>) -> bool {
    let algorithm = match call.request.header("signature-algorithm") {
        Some("hmac-sha256") => hmac::HMAC_SHA256,
        _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let signature = call.request.header("signature").unwrap_or_default();
    let key = hmac::Key::new(algorithm, call.state.options.secret.as_bytes());
    let signature = STANDARD.decode(signature).unwrap_or_default();
    hmac::verify(&key, &call.request.body, &signature).is_ok()
}
