//! Requests as they leave: parts, bodies, headers, redirects, and what answers are turned into (spec/rest-api.md §§4, 7, 8, 15, 20).

use serde_json::{Value, json};

use crate::lab::{KEY, Lab, Reading};

/// What the server saw of one request to `/g/echo`.
#[track_caller]
fn echo(endpoint: &str, http: &str) -> Value {
    let lab = Lab::new();
    let more = format!("data_selector: $, paginator: single_page, {endpoint}");
    let reading = lab.read(&lab.generic_text("echo", &more, http));
    assert_eq!(reading.count("rows"), 1);
    reading.rows("rows")[0].clone()
}

#[test]
fn parameters_are_written_as_dlt_writes_them() {
    let params = "params: {q: 'a b&ü', list: [1, x, 2.0], flag: true, none: null, f: 1.5e-7, big: 1e16, empty: ''}";
    assert_eq!(
        echo(params, "")["query"],
        "q=a+b%26%C3%BC&list=1&list=x&list=2.0&flag=True&f=1.5e-07&big=1e%2B16&empty="
    );
    assert_eq!(
        echo("params: {flag: false}", ", bool_params: json")["query"],
        "flag=false"
    );
    let filters = "params: {filters: {$json: {has_product: true, tags: ['{{x}}', 1]}}}";
    assert_eq!(
        echo(filters, "")["query"],
        "filters=%7B%22has_product%22%3Atrue%2C%22tags%22%3A%5B%22%7Bx%7D%22%2C1%5D%7D"
    );
    assert_eq!(echo("params: {q: '{{x}}'}", "")["query"], "q=%7Bx%7D");
}

#[test]
fn methods_may_be_written_in_any_case_and_bodies_have_their_type() {
    for (method, body, kind, seen) in [
        (
            "post",
            "json: {a: [1, null]}",
            "application/json",
            json!({"a": [1, null]}),
        ),
        (
            "PUT",
            "json: [1, {b: true}]",
            "application/json",
            json!([1, {"b": true}]),
        ),
        (
            "patch",
            "data: {a: 'x y', b: 1}",
            "application/x-www-form-urlencoded",
            json!("a=x+y&b=1"),
        ),
        ("Post", "data: 'raw {{text}}'", "", json!("raw {text}")),
    ] {
        let row = echo(&format!("method: {method}, {body}"), "");
        assert_eq!(row["method"], method.to_uppercase());
        assert_eq!(
            row["headers"]["content-type"].as_str().unwrap_or_default(),
            kind,
            "{body}"
        );
        assert_eq!(row["body"], seen);
    }
}

#[test]
fn headers_of_the_endpoint_win_without_regard_to_case() {
    let row = echo(
        "headers: {USER-AGENT: mine, X-One: 'a'}",
        ", user_agent: other",
    );
    assert_eq!(row["headers"]["user-agent"], "mine");
    assert_eq!(row["headers"]["x-one"], "a");
    assert_eq!(
        echo("params: {}", ", user_agent: other")["headers"]["user-agent"],
        "other"
    );
    let usual = echo("params: {}", "");
    let agent = usual["headers"]["user-agent"].as_str().unwrap();
    assert!(agent.starts_with("tipple/"), "{agent}");
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let accepted = usual["headers"]["accept-encoding"].as_str().unwrap();
        assert!(accepted.contains(encoding), "{accepted}");
    }
}

#[test]
fn a_key_alone_is_the_user_of_basic() {
    let lab = Lab::new();
    let text = lab
        .generic_text("echo", "data_selector: $, paginator: single_page, auth: {type: http_basic, api_key: \"${env.CANARY}\"}", "");
    let reading = lab.read(&text);
    let header = reading.rows("rows")[0]["headers"]["authorization"].clone();
    assert_eq!(header, "Basic Y2FuYXJ5LWtleS00NzExOg==");
    assert_eq!(KEY, "canary-key-4711");
}

/// Paths that were asked for below the parents.
fn paths(lab: &Lab) -> Vec<String> {
    let requests = lab.mock.requests();
    let paths = requests.iter().map(|entry| entry.path.clone());
    paths.filter(|path| path.contains("/x/")).collect()
}

fn seeded(lab: &Lab, value: &str, endpoint: &str) -> Reading {
    lab.read(&format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  - {{name: seeds, selected: false, rows: [{{v: {value}, deep: {{k: 7}}}}]}}\n  \
         - {{name: kids, endpoint: {{data_selector: $, paginator: single_page, {endpoint}}}}}\n",
        lab.mock.url()
    ))
}

#[test]
fn values_stand_in_a_path_as_they_are_or_as_one_segment() {
    let ignore = "response_actions: [{status_code: 404, action: ignore}]";
    let path = |value: &str, template: &str| {
        let lab = Lab::new();
        let reading = seeded(&lab, value, &format!("path: \"x/{template}/y\", {ignore}"));
        assert!(reading.error.is_none(), "{:?}", reading.error);
        (paths(&lab), reading.warnings)
    };
    let (plain, warnings) = path("'a/b c'", "{resources.seeds.v}");
    assert_eq!(plain, ["/g/x/a/b%20c/y"]);
    assert!(warnings.is_empty(), "{warnings:?}");
    let (segment, _) = path("'a/b c?#ü'", "{resources.seeds.v:segment}");
    assert_eq!(segment, ["/g/x/a%2Fb%20c%3F%23%C3%BC/y"]);
    let (risky, warnings) = path("'a?b'", "{resources.seeds.v}");
    assert_eq!(risky, ["/g/x/a"]);
    assert!(warnings[0].contains(":segment"), "{warnings:?}");
    assert_eq!(
        path("1", "{{x}}{resources.seeds.deep.k}").0,
        ["/g/x/%7Bx%7D7/y"]
    );
}

#[test]
fn a_null_in_a_path_is_an_error_or_passed_over_and_in_a_parameter_left_out() {
    let lab = Lab::new();
    let error = seeded(&lab, "null", "path: \"x/{resources.seeds.v}/y\"").error;
    assert_eq!(error.unwrap().code(), "source.rest.request");
    let ignoring =
        "path: \"x/{resources.seeds.v}/y\", response_actions: [{status_code: 404, action: ignore}]";
    let reading = seeded(&lab, "null", ignoring);
    assert!(
        reading.error.is_none() && reading.warnings.len() == 1,
        "{reading:?}"
    );
    assert!(lab.mock.requests().is_empty());
    let row = seeded(
        &lab,
        "null",
        "path: echo, params: {a: \"{resources.seeds.v}\", b: \"{resources.seeds.deep.k}\"}",
    );
    assert_eq!(row.rows("kids")[0]["query"], "b=7");
}

#[test]
fn fields_of_the_parent_may_lie_deeper() {
    let lab = Lab::new();
    let text = format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  - {{name: parents, endpoint: {{path: parents, data_selector: data, paginator: single_page}}}}\n  \
         - {{name: kids, include_from_parent: [id, owner.city, '$.labels'], endpoint: {{path: \"parents/{{resources.parents.id}}/children\", data_selector: data, paginator: single_page}}}}\n",
        lab.mock.url()
    );
    let row = &lab.read(&text).rows("kids")[0];
    assert_eq!(
        (&row["_parents_id"], &row["_parents_owner_city"]),
        (&json!(1), &json!("Köln"))
    );
    assert!(row["_parents_labels"].is_array(), "{row}");
}

#[test]
fn rows_from_files_seed_children() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("s.jsonl", "{\"id\": 1}\n{\"id\": 3}\n"),
        ("s.csv", "id\n1\n3\n"),
        ("s.yaml", "- {id: 1}\n- {id: 3}\n"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let lab = Lab::new();
        let text = format!(
            "client: {{base_url: \"{}/g\"}}\nresources:\n  - {{name: seeds, rows_from: {}, selected: false}}\n  \
             - {{name: kids, endpoint: {{path: \"parents/{{resources.seeds.id}}/children\", data_selector: data, paginator: single_page}}}}\n",
            lab.mock.url(),
            file.display()
        );
        assert_eq!(lab.read(&text).count("kids"), 4, "{name}");
    }
}

#[test]
fn redirects_share_the_attempts_of_their_request() {
    let rule = r#"{"match": "GET /g/redirect/0", "do": {"status": 503}}"#;
    let lab = Lab::new().faults(rule);
    let reading =
        lab.read(&lab.generic_text("redirect/2", "paginator: single_page", ", max_attempts: 3"));
    assert_eq!(
        reading.error.as_ref().map(|error| error.code()),
        Some("source.http.status")
    );
    assert_eq!(lab.mock.requests().len(), 9, "three attempts of three hops");
    let lab = Lab::new();
    assert_eq!(
        lab.generic("redirect/3", "data_selector: $, paginator: single_page")
            .count("rows"),
        2
    );
    let none = lab.generic_text(
        "redirect/1",
        "paginator: single_page",
        ", follow_redirects: false",
    );
    assert!(lab.read(&none).rows("rows").is_empty());
}

#[test]
fn actions_replace_bodies_pass_over_pages_and_match_in_many_ways() {
    let pages = "data_selector: data, paginator: {type: page_number, base_page: 1}";
    let act = |fault: &str, action: &str| {
        let rule = format!(
            "{{\"match\": \"*\", \"when\": {{\"page\": 2, \"first\": 1}}, \"do\": {fault}}}"
        );
        let lab = Lab::new().faults(&rule);
        let reading = lab.generic("page", &format!("{pages}, response_actions: [{action}]"));
        let code = reading.error.as_ref().map(|error| error.code());
        let ids = reading.rows("rows");
        let ids: Vec<i64> = ids
            .iter()
            .map(|row| row["id"].as_i64().unwrap_or(-1))
            .collect();
        (ids, code)
    };
    let gone = r#"{"status": 404, "body": {"error": "no such thing 17"}}"#;
    for action in [
        "{status_code: '404', action: ignore}",
        "{status_code: '400-499', action: ignore}",
        "{status_code: [401, 404], action: ignore}",
        "{content_regex: 'thing [0-9]+', action: ignore}",
    ] {
        assert_eq!(act(gone, action), (vec![1, 2], None), "{action}");
    }
    let broken = r#"{"status": 404, "body": {"data": [{"id": 99}], "total": 3}}"#;
    let skipped = act(broken, "{status_code: 404, action: skip_page}");
    assert_eq!(skipped, (vec![1, 2, 5, 6], None));
    let replaced = act(
        r#"{"delay_ms": 1}"#,
        "{status_code: 200, action: {jq: '.data |= map(select(.id != 4))'}}",
    );
    assert_eq!(replaced, (vec![1, 2, 3, 5, 6], None));
}

#[test]
fn every_paginator_may_be_bounded() {
    for (path, paginator) in [
        ("json-link", "{type: json_link, maximum_pages: 2}"),
        ("header-link", "{type: header_link, maximum_pages: 2}"),
        ("header-cursor", "{type: header_cursor, maximum_pages: 2}"),
        ("cursor", "{type: cursor, maximum_pages: 2}"),
        (
            "page",
            "{type: page_number, base_page: 1, maximum_pages: 2}",
        ),
        ("offset", "{type: offset, limit: 2, maximum_pages: 2}"),
    ] {
        let lab = Lab::new();
        let reading = lab.generic(path, &format!("paginator: {paginator}"));
        assert_eq!(reading.count("rows"), 4, "{path}");
        assert_eq!(lab.mock.requests().len(), 2, "{path}");
    }
}

#[test]
fn detect_is_automatic_whatever_the_client_says_and_auto_is_not() {
    let text = |lab: &Lab, paginator: &str| {
        format!(
            "client: {{base_url: \"{}/g\", paginator: single_page}}\nresources:\n  - {{name: rows, endpoint: {{path: header-link, paginator: {paginator}}}}}\n",
            lab.mock.url()
        )
    };
    let lab = Lab::new();
    assert_eq!(lab.read(&text(&lab, "detect")).count("rows"), 6);
    let lab = Lab::new();
    let reading = lab.read(&text(&lab, "auto"));
    assert_eq!(reading.count("rows"), 2);
}

#[test]
fn the_rules_of_dlt_are_there_for_who_wants_them() {
    let lab = Lab::new();
    let text = lab.generic_text("next-bool", "data_selector: data", ", detect: dlt-1.31");
    let reading = lab.read(&text);
    // dlt takes the flag for a cursor and never ends; the guard does.
    assert_eq!(
        reading.error.as_ref().map(|error| error.code()),
        Some("source.rest.endless")
    );
    assert!(lab.queries().contains("cursor=True"), "{}", lab.queries());
}

#[test]
fn values_of_a_seed_keep_their_type_in_json_and_become_text_elsewhere() {
    let lab = Lab::new();
    let text = format!(
        "client: {{base_url: \"{}/g\"}}\nresources:\n  \
         - {{name: p, selected: false, rows: [{{id: 10, f: true, n: 1.5, z: null, o: {{a: [1]}}}}]}}\n  \
         - name: kids\n    endpoint:\n      path: echo\n      method: POST\n      data_selector: $\n      paginator: single_page\n      \
         params: {{pid: \"{{resources.p.id}}\", f: \"{{resources.p.f}}\", mix: \"a-{{resources.p.id}}-b\"}}\n      \
         json: {{ids: [\"{{resources.p.id}}\"], f: \"{{resources.p.f}}\", n: \"{{resources.p.n}}\", s: \"x{{resources.p.id}}\", \
         z: \"{{resources.p.z}}\", o: \"{{resources.p.o}}\", \"k{{resources.p.id}}\": 1}}\n",
        lab.mock.url()
    );
    let row = &lab.read(&text).rows("kids")[0];
    assert_eq!(row["query"], "pid=10&f=True&mix=a-10-b");
    let sent =
        json!({"ids": [10], "f": true, "n": 1.5, "s": "x10", "z": null, "o": {"a": [1]}, "k10": 1});
    assert_eq!(row["body"], sent);
    let unfit = text.replace("pid: \"{resources.p.id}\"", "pid: \"{resources.p.o}\"");
    let error = lab.read(&unfit).error.unwrap();
    assert!(error.to_string().contains("an object"), "{error}");
}

#[test]
fn pages_of_api_video_are_found_without_a_paginator() {
    let lab = Lab::new();
    let text = format!(
        "client: {{base_url: \"{}\", auth: {{type: http_basic, api_key: \"${{env.CANARY}}\"}}}}\nresources: [videos]\n",
        lab.mock.url()
    );
    let reading = lab.read(&text);
    assert_eq!(reading.count("videos"), 120);
    assert!(reading.pages.len() > 1, "{}", lab.queries());
}
