//! What is tried again, how long is waited, and what ends a load (spec/rest-api.md §§15, 16, 23).

use std::time::Duration;

use tipple_source::SourceEvent;

use crate::lab::{Lab, Reading};

fn waits(reading: &Reading) -> Vec<Duration> {
    let waits = reading.events.iter().filter_map(|event| match event {
        SourceEvent::Retrying { wait, .. } => Some(*wait),
        _ => None,
    });
    waits.collect()
}

const PAGES: &str = "paginator: {type: page_number, base_page: 1}";

#[test]
fn a_server_that_fails_twice_is_asked_three_times() {
    for action in [
        "\"status\": 500",
        "\"truncate\": 0.5",
        "\"truncate_chunked\": true",
        "\"close_before_answer\": true",
        "\"reset\": true",
    ] {
        let rule = format!(
            "{{\"match\": \"GET /g/page\", \"when\": {{\"page\": 1, \"first\": 2}}, \"do\": {{{action}}}}}"
        );
        let lab = Lab::new().faults(&rule);
        let reading = lab.generic("page", PAGES);
        assert_eq!(reading.count("rows"), 6, "{action}");
        assert_eq!(lab.mock.requests().len(), 5, "{action}");
    }
}

#[test]
fn five_failures_end_the_load_after_doubling_waits() {
    let lab = Lab::new().faults(r#"{"match": "*", "do": {"status": 503}}"#);
    let reading = lab.generic("page", PAGES);
    assert_eq!(lab.mock.requests().len(), 5);
    let waits: Vec<u128> = waits(&reading)
        .iter()
        .map(|wait| wait.as_millis())
        .collect();
    let within = |wait: u128, least: u128| (least..=least + least / 10 + 1).contains(&wait);
    let least = [10, 20, 40, 80];
    assert!(
        waits.len() == 4
            && waits
                .iter()
                .zip(least)
                .all(|(wait, least)| within(*wait, least)),
        "{waits:?}"
    );
    insta::assert_snapshot!(reading.shown_error(&lab));
}

#[test]
fn the_server_says_how_long_to_wait() {
    for (headers, millis) in [
        (r#""headers": {"Retry-After": "1"}"#, 1_000),
        (r#""headers": {"X-RateLimit-Retry-After": "0.3"}"#, 300),
        (r#""headers": {"Retry-After": "0.2"}"#, 200),
    ] {
        let rule = format!(
            "{{\"match\": \"*\", \"when\": {{\"first\": 1}}, \"do\": {{\"status\": 429, {headers}}}}}"
        );
        let lab = Lab::new().faults(&rule);
        let reading = lab.generic("page", PAGES);
        assert_eq!(reading.count("rows"), 6);
        assert_eq!(
            waits(&reading),
            [Duration::from_millis(millis)],
            "{headers}"
        );
    }
}

#[test]
fn waits_of_the_server_are_no_attempts_but_their_sum_is_bounded() {
    let rule = |count: u32| {
        format!(
            "{{\"match\": \"*\", \"when\": {{\"first\": {count}}}, \"do\": {{\"status\": 429, \"headers\": {{\"Retry-After\": \"0.01\"}}}}}}"
        )
    };
    let lab = Lab::new().faults(&rule(12));
    assert_eq!(lab.generic("page", PAGES).count("rows"), 6);
    let lab = Lab::new().faults(&rule(1_000));
    let text = lab.generic_text("page", PAGES, ", max_total_wait: 0.05, max_attempts: 2");
    let reading = lab.read(&text);
    assert_eq!(
        reading.error.as_ref().unwrap().code(),
        "source.http.rate_limited"
    );
    assert_eq!(lab.mock.requests().len(), 7);
}

#[test]
fn a_quota_that_is_used_up_is_waited_for() {
    let lab = Lab::with(tipple_mockapi::Options {
        rate_limit: Some(4),
        window_s: 1,
        ..tipple_mockapi::Options::default()
    });
    let text = format!(
        "client: {{base_url: \"{}\", auth: {{type: http_basic, username: \"${{env.CANARY}}\", password: \"\"}}}}\n\
         resources:\n  - name: videos\n    endpoint: {{path: videos, params: {{pageSize: 10}}, data_selector: data, \
         paginator: {{type: page_number, base_page: 1, page_param: currentPage, total_path: pagination.pagesTotal}}}}\n",
        lab.mock.url()
    );
    let reading = lab.read(&text);
    assert_eq!(reading.count("videos"), 120);
    let refused = lab
        .mock
        .requests()
        .iter()
        .filter(|entry| entry.status == 429)
        .count();
    assert_eq!(refused, 0, "no request is sent while the quota is used up");
    let waiting = |event: &&SourceEvent| matches!(event, SourceEvent::Waiting { .. });
    assert!(reading.events.iter().filter(waiting).count() >= 2);
}

#[test]
fn the_rate_is_never_above_the_budget() {
    let lab = Lab::new();
    let text = lab.generic_text(
        "page",
        "params: {rows: 50}, paginator: {type: page_number, base_page: 1}",
        ", max_rps: 20",
    );
    assert_eq!(lab.read(&text).count("rows"), 50);
    let stats = lab.mock.stats();
    assert!(
        stats.second_requests_max <= 20,
        "{}",
        stats.second_requests_max
    );
    let seconds = (stats.last_ms - stats.first_ms) / 1_000.0;
    assert!(
        (1.2..1.2 * 1.15).contains(&seconds),
        "24 gaps of 50 ms took {seconds} s"
    );
}

#[test]
fn actions_decide_about_answers() {
    let action = |status: u16, action: &str| {
        let rule = format!(
            "{{\"match\": \"GET /g/page\", \"when\": {{\"page\": 2, \"first\": 1}}, \"do\": {{\"status\": {status}, \"body\": {{\"error\": \"odd text\"}}}}}}"
        );
        let lab = Lab::new().faults(&rule);
        let endpoint = format!("{PAGES}, response_actions: [{{{action}}}]");
        let reading = lab.generic("page", &endpoint);
        let rows = reading.rows("rows").len();
        let code = reading.error.map(|error| error.code());
        (rows, lab.mock.requests().len(), code)
    };
    assert_eq!(
        action(404, "status_code: 404, action: ignore"),
        (2, 2, None)
    );
    assert_eq!(
        action(500, "status_code: 500, action: ignore"),
        (2, 2, None)
    );
    assert_eq!(
        action(200, "content: odd text, action: ignore"),
        (2, 2, None)
    );
    assert_eq!(
        action(200, "content: odd text, action: retry"),
        (6, 4, None)
    );
    assert_eq!(
        action(500, "status_code: 500, action: raise"),
        (2, 2, Some("source.http.status"))
    );
    assert_eq!(
        action(404, "status_code: 500, action: ignore"),
        (2, 2, Some("source.http.not_found"))
    );
}

#[test]
fn random_faults_leave_the_rows_alone() {
    let rules = r#"{"match": "*", "when": {"rate": 0.05}, "do": {"status": 500}},
        {"match": "*", "when": {"rate": 0.05}, "do": {"status": 429, "headers": {"Retry-After": "0.01"}}},
        {"match": "*", "when": {"rate": 0.05}, "do": {"close_before_answer": true}},
        {"match": "*", "when": {"rate": 0.05}, "do": {"truncate": 0.5}}"#;
    let lab = Lab::new().faults(rules);
    let reading = lab.generic(
        "page",
        "params: {rows: 400}, paginator: {type: page_number, base_page: 1}",
    );
    let ids: Vec<i64> = reading
        .rows("rows")
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (1..=400).collect::<Vec<_>>());
    assert!(lab.mock.requests().len() > 210);
}
