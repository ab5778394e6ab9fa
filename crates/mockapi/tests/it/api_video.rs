//! api.video: lists, objects, auth, rate limits, changes.

use std::time::Duration;

use serde_json::{Value, json};
use tipple_mockapi::{MockApi, Mutation, Options};

use super::client::{get, get_video, send};
use super::{fixtures, small};

fn ids(reply: &Value) -> Vec<String> {
    let rows = reply["data"].as_array().unwrap();
    rows.iter()
        .map(|row| row["videoId"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pages_hold_every_row_once() {
    let api = small();
    let mut found = Vec::new();
    for page in 1..=5 {
        let reply = get_video(
            api.url(),
            &format!("/videos?pageSize=25&currentPage={page}"),
        )
        .json();
        assert_eq!(reply["pagination"]["pagesTotal"], 5);
        assert_eq!(reply["pagination"]["itemsTotal"], 120);
        found.extend(ids(&reply));
    }
    let beyond = get_video(api.url(), "/videos?pageSize=25&currentPage=6").json();
    assert_eq!(beyond["data"], json!([]));
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 120);
}

#[test]
fn links_are_paths_for_some_lists_and_urls_for_others() {
    let api = small();
    let next = |path: &str| {
        let links = get_video(api.url(), path).json()["pagination"]["links"].take();
        let next = links
            .as_array()
            .unwrap()
            .iter()
            .find(|link| link["rel"] == "next");
        next.unwrap()["uri"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        next("/videos?pageSize=10"),
        "/videos?currentPage=2&pageSize=10"
    );
    assert_eq!(
        next("/summaries?pageSize=10"),
        format!("{}/summaries?currentPage=2", api.url())
    );
}

#[test]
fn an_empty_list_has_no_pages_and_no_last_link() {
    let api = small();
    let reply = get_video(api.url(), "/videos?title=nobody").json();
    assert_eq!(reply["pagination"]["pagesTotal"], 0);
    let rels: Vec<_> = reply["pagination"]["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| &link["rel"])
        .collect();
    assert_eq!(rels, ["self", "first"]);
}

#[test]
fn parameters_are_checked() {
    let api = small();
    for (query, name) in [
        ("page=2", "page"),
        ("pageSize=9", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("currentPage=0", "currentPage"),
        ("sortBy=size", "sortBy"),
        ("sortOrder=up", "sortOrder"),
    ] {
        let reply = get_video(api.url(), &format!("/videos?{query}"));
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["problems"][0]["name"], name);
    }
}

#[test]
fn lists_are_sorted_and_filtered() {
    let api = small();
    let updated = |order: &str| {
        let path = format!("/videos?sortBy=updatedAt&sortOrder={order}&pageSize=100");
        let rows = get_video(api.url(), &path).json()["data"].take();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["updatedAt"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(updated("asc").is_sorted());
    assert!(updated("desc").is_sorted_by(|one, other| one >= other));
    let completed = get_video(api.url(), "/summaries?sourceStatus=completed").json();
    assert_eq!(completed["pagination"]["itemsTotal"], 8);
}

#[test]
fn objects_are_found_by_the_ids_of_the_list() {
    let api = small();
    for (list, id, status) in [
        ("/videos", "videoId", true),
        ("/live-streams", "liveStreamId", false),
        ("/players", "playerId", false),
    ] {
        let row = get_video(api.url(), list).json()["data"][3].take();
        let id = row[id].as_str().unwrap().to_owned();
        assert_eq!(get_video(api.url(), &format!("{list}/{id}")).json(), row);
        if status {
            let reply = get_video(api.url(), &format!("{list}/{id}/status"));
            assert_eq!(reply.json()["ingest"]["status"], "ingested");
        }
    }
    let missing = get_video(api.url(), "/videos/viNobody");
    assert_eq!(
        (missing.status, missing.json()["name"].take()),
        (404, json!("videoId"))
    );
    let unknown = get_video(api.url(), "/nothing");
    assert_eq!(
        (unknown.status, unknown.json().get("name").cloned()),
        (404, None)
    );
}

#[test]
fn only_completed_summaries_have_a_source() {
    let api = small();
    let rows = get_video(api.url(), "/summaries?pageSize=10").json()["data"].take();
    for row in rows.as_array().unwrap() {
        let path = format!("/summaries/{}/source", row["summaryId"].as_str().unwrap());
        let wanted = if row["sourceStatus"] == "completed" {
            200
        } else {
            404
        };
        assert_eq!(get_video(api.url(), &path).status, wanted);
    }
}

#[test]
fn wrong_credentials_are_told_apart() {
    let api = small();
    let title = |header: Option<&str>| {
        let headers: Vec<_> = header
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let reply = send(api.url(), "GET", "/videos", &headers, "").unwrap();
        (
            reply.status,
            reply.json()["title"].as_str().unwrap().to_owned(),
        )
    };
    let found = [
        title(None),
        title(Some("Digest x")),
        title(Some("Basic d3Jvbmc6")),
        title(Some("Bearer nothing")),
        title(Some("Basic bW9jay1rZXktb3RoZXI6")),
        title(Some("Basic bW9jay1rZXktc3VzcGVuZGVkOg==")),
    ];
    let statuses = found.each_ref().map(|(status, _)| *status);
    assert_eq!(statuses, [401, 401, 401, 401, 401, 403]);
    let mut titles: Vec<_> = found.iter().map(|(_, title)| title).collect();
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), 6);
}

#[test]
fn tokens_expire_and_are_renewed_once() {
    let api = small();
    let post =
        |path: &str, body: Value| send(api.url(), "POST", path, &[], &body.to_string()).unwrap();
    let pair = post("/auth/api-key", json!({"apiKey": "mock-key"})).json();
    let status = |pair: &Value| {
        let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
        send(
            api.url(),
            "GET",
            "/videos",
            &[("authorization", &bearer)],
            "",
        )
        .unwrap()
        .status
    };
    assert_eq!(status(&pair), 200);
    api.advance(Duration::from_secs(3601));
    assert_eq!(status(&pair), 401);
    let refresh = json!({"refreshToken": pair["refresh_token"]});
    let fresh = post("/auth/refresh", refresh.clone()).json();
    assert_eq!(status(&fresh), 200);
    assert_eq!(post("/auth/refresh", refresh).status, 400);
    assert_eq!(
        post("/auth/api-key", json!({"apiKey": "wrong"})).status,
        400
    );
}

#[test]
fn the_rate_limit_counts_down_and_starts_again() {
    let api = MockApi::start(Options {
        rate_limit: Some(2),
        ..Options::default()
    })
    .unwrap();
    let found: Vec<_> = (0..3).map(|_| get_video(api.url(), "/tags")).collect();
    let statuses: Vec<_> = found.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(found[0].header("x-ratelimit-limit"), Some("2"));
    assert_eq!(found[0].header("x-ratelimit-remaining"), Some("1"));
    assert_eq!(found[2].header("retry-after"), None);
    let wait: u64 = found[2]
        .header("x-ratelimit-retry-after")
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    api.advance(Duration::from_secs(wait));
    assert_eq!(get_video(api.url(), "/tags").status, 200);
}

#[test]
fn data_changes_on_demand() {
    let api = small();
    let change = |text: &str| {
        let mutation: Mutation = serde_json::from_str(text).unwrap();
        api.mutate(&mutation).unwrap();
    };
    change(
        r#"{"resource":"videos","from":1,"to":3,"set":{"title":"changed"},"at":"2025-06-01T00:00:00+00:00"}"#,
    );
    change(r#"{"resource":"videos","from":0,"delete":true}"#);
    change(r#"{"resource":"videos","add":2}"#);
    change(r#"{"resource":"videos","from":2,"drop_field":"description"}"#);
    change(
        r#"{"resource":"videos","from":3,"to":60,"retype":{"field":"metadata.value","to":"int"}}"#,
    );
    let reply = get_video(api.url(), "/videos?pageSize=100").json();
    assert_eq!(reply["pagination"]["itemsTotal"], 121);
    assert_eq!(reply["data"][0]["title"], "changed");
    assert_eq!(reply["data"][1]["updatedAt"], "2025-06-01T00:00:00+00:00");
    assert_eq!(reply["data"][1].get("description"), None);
    let rows = reply["data"].as_array().unwrap()[2..40].iter();
    let mut pairs = rows.flat_map(|row| row["metadata"].as_array().unwrap());
    assert!(pairs.all(|pair| pair["value"].is_i64()));
    let newest = get_video(
        api.url(),
        "/videos?sortBy=updatedAt&sortOrder=desc&pageSize=10",
    )
    .json();
    assert_eq!(newest["data"][1]["title"], "changed");
    api.reset();
    assert_eq!(api.expected("videos").unwrap().rows, 120);
}

#[test]
fn the_admin_api_has_its_own_key_and_envelope() {
    let api = small();
    let base = api.admin_url();
    let (base, path) = (api.url(), base.strip_prefix(api.url()).unwrap());
    assert_eq!(get_video(base, &format!("{path}/projects")).status, 401);
    let header = ("authorization", "Basic bW9jay1hZG1pbi1rZXk6");
    let page = send(
        base,
        "GET",
        &format!("{path}/projects?page=2&page_size=10"),
        &[header],
        "",
    )
    .unwrap()
    .json();
    assert_eq!(
        page["pagination"],
        json!({"page": 2, "page_size": 10, "item_count": 22})
    );
    let hrefs: Vec<_> = page["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["href"].as_str().unwrap())
        .collect();
    assert_eq!(hrefs[2], "/admin/projects?page_size=10&page=3");
    let id = page["items"][1]["project_id"].as_str().unwrap();
    let keys = send(
        base,
        "GET",
        &format!("{path}/projects/{id}/api-keys"),
        &[header],
        "",
    )
    .unwrap()
    .json();
    assert_eq!(keys["items"][0]["project_id"], id);
}

#[test]
fn fixtures_are_served_byte_for_byte() {
    let api = fixtures();
    let header = ("authorization", "Basic Zml4dHVyZS1rZXk6");
    let get = |path: &str| send(api.url(), "GET", path, &[header], "").unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/api-video");
    let file = std::fs::read(format!("{folder}/videos.page2.json")).unwrap();
    assert_eq!(get("/videos?pageSize=10&currentPage=2").body, file);
    let beyond = get("/videos?pageSize=10&currentPage=9").json();
    assert_eq!(beyond["data"], json!([]));
    assert_eq!(
        get("/videos/viNobody/captions").json()["pagination"]["pagesTotal"],
        0
    );
    assert_eq!(get("/videos/viNobody/chapters").status, 404);
    assert_eq!(get("/videos/viNobody/status").status, 404);
}

#[test]
fn a_million_rows_cost_no_more_than_a_few() {
    let api = MockApi::start(Options::load(1_000_000)).unwrap();
    let last = get_video(api.url(), "/videos?pageSize=100&currentPage=10000").json();
    assert_eq!(ids(&last).len(), 100);
    assert_eq!(last["pagination"]["itemsTotal"], 1_000_000);
    let sorted = get_video(
        api.url(),
        "/videos?pageSize=100&sortBy=updatedAt&sortOrder=desc",
    )
    .json();
    assert_eq!(sorted["data"].as_array().unwrap().len(), 100);
    assert_eq!(get(api.url(), "/healthz").body, b"ok");
}
