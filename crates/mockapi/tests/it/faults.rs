//! Faults, the control area and the statistics.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tipple_mockapi::{Faults, MockApi};

use super::client::{get, get_video, send};
use super::small;

fn with_fault(api: &MockApi, action: &str) {
    let text =
        format!(r#"{{"rules":[{{"match":"GET /g/*","when":{{"first":1}},"do":{action}}}]}}"#);
    api.set_faults(Faults::parse(&text).unwrap());
}

/// What a fault does to the first request; the second must be as if nothing had happened.
fn faulty(action: &str) -> Option<super::client::Reply> {
    let api = small();
    let path = "/g/page?page=2";
    let whole = get(api.url(), path);
    with_fault(&api, action);
    let reply = send(api.url(), "GET", path, &[], "");
    assert_eq!(get(api.url(), path).body, whole.body, "{action}");
    reply
}

#[test]
fn answers_are_replaced() {
    let error =
        faulty(r#"{"status":503,"retry_after":2,"headers":{"X-RateLimit-Reset":9}}"#).unwrap();
    assert_eq!(
        (
            error.status,
            error.header("retry-after"),
            error.header("x-ratelimit-reset")
        ),
        (503, Some("2"), Some("9"))
    );
    let body = faulty(r#"{"body":{"status":500}}"#).unwrap();
    assert_eq!((body.status, body.json()), (200, json!({"status": 500})));
    assert!(
        faulty(r#"{"html":true}"#)
            .unwrap()
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        serde_json::from_slice::<Value>(&faulty(r#"{"bad_json":true}"#).unwrap().body).is_err()
    );
    assert!(faulty(r#"{"empty":true}"#).unwrap().body.is_empty());
}

#[test]
fn retry_after_comes_in_every_form() {
    for (form, expected) in [("\"0\"", "0"), ("\"1.5\"", "1.5"), ("3", "3")] {
        let reply = faulty(&format!(r#"{{"status":429,"retry_after":{form}}}"#)).unwrap();
        assert_eq!(reply.header("retry-after"), Some(expected));
    }
    for form in ["date", "date:10", "past"] {
        let reply = faulty(&format!(r#"{{"status":429,"retry_after":"{form}"}}"#)).unwrap();
        assert!(
            reply.header("retry-after").unwrap().ends_with("GMT"),
            "{form}"
        );
    }
}

#[test]
fn bodies_break_off_and_connections_close() {
    assert!(faulty(r#"{"truncate":0.5}"#).unwrap().is_cut);
    assert!(faulty(r#"{"truncate_chunked":true}"#).unwrap().is_cut);
    assert!(faulty(r#"{"close_before_answer":true}"#).is_none());
    assert!(faulty(r#"{"reset":true}"#).is_none());
}

#[test]
fn answers_come_late() {
    for action in [
        r#"{"delay_ms":120}"#,
        r#"{"delay_headers_ms":120}"#,
        r#"{"drip":2000}"#,
    ] {
        let start = Instant::now();
        let reply = faulty(action).unwrap();
        assert!(!reply.is_cut);
        assert!(start.elapsed() >= Duration::from_millis(100), "{action}");
    }
}

#[test]
fn pages_change_while_they_are_read() {
    let ids = |action: &str| {
        let page = faulty(action).unwrap().json();
        let ids = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_i64().unwrap());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(r#"{"repeat_page":true}"#), [1, 2]);
    assert_eq!(ids(r#"{"skip_rows":1}"#), [4, 5]);
    assert_eq!(ids(r#"{"shuffle":true}"#).len(), 2);
    let api = small();
    with_fault(&api, r#"{"grow":2}"#);
    assert_eq!(get(api.url(), "/g/page").json()["total"], 4);
    with_fault(&api, r#"{"drop_next":true}"#);
    assert_eq!(get(api.url(), "/g/json-link").json()["next"], Value::Null);
    with_fault(&api, r#"{"loop_next":true}"#);
    assert!(
        get(api.url(), "/g/json-link").json()["next"]
            .as_str()
            .unwrap()
            .ends_with("page=1")
    );
}

#[test]
fn one_request_can_bring_its_own_fault() {
    let api = small();
    let header = ("x-mock-fault", r#"{"status":418}"#);
    assert_eq!(
        send(api.url(), "GET", "/g/page", &[header], "")
            .unwrap()
            .status,
        418
    );
}

#[test]
fn revoked_tokens_are_refused_until_a_new_one_is_fetched() {
    let api = small();
    let form = "grant_type=client_credentials&client_id=mock-client&client_secret=mock-secret";
    let token = || {
        send(api.url(), "POST", "/g/oauth/token", &[], form)
            .unwrap()
            .json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let status = |access: &str| {
        send(
            api.url(),
            "GET",
            "/g/oauth/data",
            &[("authorization", &format!("Bearer {access}"))],
            "",
        )
        .unwrap()
        .status
    };
    let first = token();
    with_fault(&api, r#"{"revoke_token":true}"#);
    assert_eq!(
        (status(&first), status(&first), status(&token())),
        (401, 401, 200)
    );
}

#[test]
fn chance_hits_its_share_and_can_be_repeated() {
    let run = || {
        let api = small();
        let rules = r#"{"seed":7,"rules":[{"match":"*","when":{"rate":0.2},"do":{"status":500}}]}"#;
        api.set_faults(Faults::parse(rules).unwrap());
        (0..100)
            .map(|_| get(api.url(), "/g/page").status)
            .collect::<Vec<_>>()
    };
    let first = run();
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((8..35).contains(&failed), "{failed}");
    assert_eq!(first, run());
}

#[test]
fn the_log_and_the_statistics_tell_what_was_asked() {
    let api = small();
    with_fault(&api, r#"{"status":500}"#);
    get(api.url(), "/g/page?page=2");
    get(api.url(), "/g/page?page=2");
    get_video(api.url(), "/videos");
    let lines: Vec<_> = api
        .requests()
        .iter()
        .map(|entry| format!("{} {}", entry.line(), entry.status))
        .collect();
    assert_eq!(
        lines,
        [
            "GET /g/page?page=2 500",
            "GET /g/page?page=2 200",
            "GET /videos 200"
        ]
    );
    let stats = get(api.url(), "/__stats").json();
    assert_eq!(
        (&stats["requests"], &stats["retries"], &stats["repeated"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(stats["rows"], 27);
    assert_eq!(stats["routes"]["GET /videos 200"], 1);
    assert_eq!(
        get(api.url(), "/__log?since=2").json()[0]["headers"]["authorization"],
        "Basic bW9jay1rZXk6"
    );
    assert_eq!(
        send(api.url(), "POST", "/__reset", &[], "").unwrap().status,
        200
    );
    assert_eq!(api.stats().requests, 0);
}

#[test]
fn the_control_area_does_what_the_handle_does() {
    let api = small();
    let post = |path: &str, body: &str| send(api.url(), "POST", path, &[], body).unwrap();
    assert_eq!(
        post("/__control/mutate", r#"{"resource":"rows","add":3}"#).status,
        200
    );
    assert_eq!(api.expected("rows").unwrap().rows, 9);
    let unknown = post("/__control/mutate", r#"{"resource":"cats"}"#);
    assert!(
        unknown.json()["error"]
            .as_str()
            .unwrap()
            .starts_with("there is no resource `cats`; known are videos, ")
    );
    assert_eq!(
        post(
            "/__control/faults",
            r#"{"rules":[{"match":"*","do":{"status":500}}]}"#
        )
        .status,
        200
    );
    assert_eq!(get(api.url(), "/g/page").status, 500);
    let refused = post(
        "/__control/faults",
        r#"{"rules":[{"match":"*","do":{"explode":1}}]}"#,
    );
    assert_eq!(refused.status, 400);
    assert_eq!(post("/__control/latency", r#"{"ms":1}"#).status, 200);
    assert_eq!(
        get(api.url(), "/__expected?resource=rows").json()["rows"],
        9
    );
}

#[test]
fn a_stopped_server_frees_its_port() {
    let api = small();
    let port: u16 = api.url().rsplit(':').next().unwrap().parse().unwrap();
    drop(api);
    let again = MockApi::start(tipple_mockapi::Options {
        port,
        ..Default::default()
    })
    .unwrap();
    let taken = MockApi::start(tipple_mockapi::Options {
        port,
        ..Default::default()
    })
    .unwrap_err();
    assert!(
        taken
            .to_string()
            .starts_with(&format!("cannot listen on 127.0.0.1:{port}: "))
    );
    drop(again);
}
