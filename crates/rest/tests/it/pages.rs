//! Every paginator: rows and the exact list of requests (spec/rest-api.md §§10, 11, 23).

use crate::lab::Lab;

#[track_caller]
fn check(path: &str, endpoint: &str, rows: usize, queries: &str) {
    let lab = Lab::new();
    let reading = lab.generic(path, endpoint);
    assert_eq!(reading.count("rows"), rows, "{path}");
    assert_eq!(lab.queries(), queries, "{path}");
}

#[test]
fn header_links() {
    for path in [
        "header-link",
        "header-link-multi-rel",
        "header-link-two-headers",
    ] {
        check(path, "paginator: header_link", 6, " | page=2 | page=3");
    }
}

#[test]
fn json_links() {
    let limited = "params: {page_size: 2, x: 1}, paginator: {type: json_link, next_url_path: next}";
    check(
        "json-link-relative",
        limited,
        6,
        "page_size=2&x=1 | page_size=2&page=2 | page_size=2&page=3",
    );
    check(
        "json-link-empty-string",
        "paginator: json_link",
        6,
        " | page=2 | page=3",
    );
    check(
        "json-link-hal",
        "paginator: {type: json_link, next_url_path: _links.next.href}",
        6,
        " | page=2 | page=3",
    );
}

#[test]
fn cursors() {
    check(
        "header-cursor",
        "paginator: header_cursor",
        6,
        " | cursor=c1 | cursor=c2",
    );
    check("cursor", "paginator: cursor", 6, " | cursor=c1 | cursor=c2");
    let number = "paginator: {type: cursor, cursor_path: next}";
    check("cursor-number", number, 6, " | cursor=1 | cursor=2");
    let more = "paginator: {type: cursor, cursor_path: next, has_more_path: has_more}";
    check("cursor-has-more", more, 6, " | cursor=c1 | cursor=c2");
}

#[test]
fn a_cursor_in_the_body() {
    let endpoint = "method: post, json: {query: q}, paginator: {type: cursor, cursor_path: next, cursor_body_path: page.cursor}";
    check(
        "cursor-body",
        endpoint,
        6,
        r#"{"query":"q"} | {"query":"q","page":{"cursor":"c1"}} | {"query":"q","page":{"cursor":"c2"}}"#,
    );
}

#[test]
fn page_numbers() {
    check(
        "page",
        "paginator: {type: page_number, base_page: 1}",
        6,
        "page=1 | page=2 | page=3",
    );
    check(
        "page",
        "paginator: {type: page_number, base_page: 1, maximum_page: 3, total_path: null}",
        4,
        "page=1 | page=2",
    );
    check(
        "page",
        "paginator: {type: page_number, base_page: 1, page: 2}",
        4,
        "page=2 | page=3",
    );
    check(
        "page",
        "paginator: {type: page_number, base_page: 1, total_path: null}",
        6,
        "page=1 | page=2 | page=3 | page=4",
    );
    check(
        "page-zero",
        "paginator: page_number",
        6,
        "page=0 | page=1 | page=2",
    );
}

#[test]
fn offsets() {
    let rows = "params: {rows: 5}, ";
    check(
        "total-string",
        &format!("{rows}paginator: {{type: offset, limit: 2}}"),
        5,
        "rows=5&offset=0&limit=2 | rows=5&offset=2&limit=2 | rows=5&offset=4&limit=2",
    );
    let none = "paginator: {type: offset, limit: 2, total_path: null}";
    check(
        "offset",
        none,
        6,
        "offset=0&limit=2 | offset=2&limit=2 | offset=4&limit=2 | offset=6&limit=2",
    );
    check(
        "offset",
        "paginator: {type: offset, limit: 2, maximum_offset: 4}",
        4,
        "offset=0&limit=2 | offset=2&limit=2",
    );
    let more = "paginator: {type: offset, limit: 2, total_path: null, has_more_path: has_more}";
    check(
        "has-more-string",
        more,
        6,
        "offset=0&limit=2 | offset=2&limit=2 | offset=4&limit=2",
    );
}

#[test]
fn an_offset_in_the_body() {
    let endpoint = "method: POST, json: {q: 1}, paginator: {type: offset, limit: 2, offset_body_path: offset, limit_body_path: limit}";
    let lab = Lab::new();
    assert_eq!(lab.generic("offset-body", endpoint).count("rows"), 6);
    assert!(
        lab.queries().ends_with(r#"{"q":1,"offset":4,"limit":2}"#),
        "{}",
        lab.queries()
    );
}

#[test]
fn detection_gives_all_pages_and_says_what_it_did() {
    for (path, queries) in [
        ("header-link", " | page=2 | page=3"),
        ("json-link", " | page=2 | page=3"),
        ("json-link-hal", " | page=2 | page=3"),
        ("cursor", " | cursor=c1 | cursor=c2"),
        ("next-bool", " | page=2 | page=3"),
        ("pages-one-based", " | page=2 | page=3"),
    ] {
        let lab = Lab::new();
        let reading = lab.generic(path, "");
        assert_eq!(reading.count("rows"), 6, "{path}");
        assert_eq!(lab.queries(), queries, "{path}");
        let notes = format!("{:?}", reading.events);
        assert!(notes.contains("paginator: "), "{path}: {notes}");
    }
}

#[test]
fn detection_without_a_hint_loads_one_page_and_warns() {
    let lab = Lab::new();
    let reading = lab.generic("total-missing", "");
    assert_eq!(reading.count("rows"), 2);
    assert!(
        reading.warnings[0].contains("no paginator was found"),
        "{:?}",
        reading.warnings
    );
}

#[test]
fn rows_are_found_in_every_shape() {
    for (path, endpoint, rows) in [
        ("list-root", "paginator: single_page", 2),
        ("object", "", 1),
        ("object-with-list", "paginator: single_page", 2),
        ("two-lists", "paginator: single_page", 1),
        ("deep-list", "paginator: single_page", 2),
        ("scalars", "paginator: single_page", 5),
        ("null", "", 0),
        ("empty-204", "", 0),
        ("empty-200", "", 0),
        ("ndjson", "paginator: single_page", 2),
        ("bom", "paginator: single_page", 2),
        ("latin1", "paginator: single_page", 1),
        ("gzip", "paginator: single_page", 2),
        ("deflate", "paginator: single_page", 2),
        ("br", "paginator: single_page", 2),
        ("zstd", "paginator: single_page", 2),
        ("odd-keys", "paginator: single_page", 1),
    ] {
        let lab = Lab::new();
        let reading = lab.generic(path, endpoint);
        assert!(reading.error.is_none(), "{path}: {:?}", reading.error);
        let count: usize = reading.pages.iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(count, rows, "{path}");
    }
}

#[test]
fn a_selector_that_finds_nothing_warns_or_fails() {
    let lab = Lab::new();
    let reading = lab.generic("page", "data_selector: items, paginator: single_page");
    assert_eq!(reading.count("rows"), 0);
    insta::assert_snapshot!(reading.warnings.join("\n"));
    let strict = lab.generic_text(
        "page",
        "data_selector: items, paginator: single_page",
        ", strict_selector: true",
    );
    insta::assert_snapshot!(lab.read(&strict).shown_error(&lab));
}

#[test]
fn an_endless_api_ends_within_three_requests() {
    for endpoint in [
        "paginator: {type: cursor, cursor_path: next}",
        "paginator: {type: page_number, base_page: 1, total_path: null}",
    ] {
        let lab = Lab::new();
        let reading = lab.generic("same-page-forever", endpoint);
        assert_eq!(
            reading.error.as_ref().map(|error| error.code()),
            Some("source.rest.endless")
        );
        assert!(lab.mock.requests().len() <= 3, "{}", lab.queries());
    }
}

#[test]
fn known_pages_are_fetched_side_by_side_and_come_in_order() {
    let lab = Lab::new();
    lab.mock.set_latency(std::time::Duration::from_millis(20));
    let base = lab.mock.url();
    let text = format!(
        "client: {{base_url: \"{base}/g\", http: {{max_concurrency: 4}}}}\n\
         resources:\n  - name: rows\n    parallelized: true\n    endpoint: {{path: page, params: {{rows: 40}}, \
         paginator: {{type: page_number, base_page: 1}}}}\n"
    );
    let reading = lab.read(&text);
    let ids: Vec<i64> = reading
        .rows("rows")
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (1..=40).collect::<Vec<_>>());
    let stats = lab.mock.stats();
    assert_eq!(stats.requests, 20);
    assert!(
        (2..=4).contains(&stats.concurrent_max),
        "{}",
        stats.concurrent_max
    );
}

#[test]
fn a_limit_reads_so_many_pages_and_asks_for_no_more() {
    let lab = Lab::new();
    let text = lab.generic_text("page", "paginator: {type: page_number, base_page: 1}", "");
    let reading = lab.read_with(&text, &[], Some(2));
    assert_eq!(reading.count("rows"), 4);
    assert_eq!(lab.queries(), "page=1 | page=2");
}
