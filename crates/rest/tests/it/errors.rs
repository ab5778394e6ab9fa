//! Errors as the user reads them; none of them shows a secret (spec/rest-api.md §17).

use crate::lab::Lab;

const KEYED: &str = "params: {api_key: \"${env.CANARY}\", q: x}, paginator: single_page";

#[track_caller]
fn shown(name: &str, lab: &Lab, path: &str, endpoint: &str) {
    let reading = lab.read(&lab.generic_text(path, endpoint, ", max_attempts: 2"));
    insta::assert_snapshot!(name, reading.shown_error(lab));
}

#[test]
fn html_in_place_of_json() {
    shown("html", &Lab::new(), "html", KEYED);
}

#[test]
fn json_that_is_cut_is_asked_for_once_more() {
    let lab =
        Lab::new().faults(r#"{"match": "*", "when": {"first": 1}, "do": {"bad_json": true}}"#);
    assert_eq!(
        lab.generic("page", "paginator: single_page").count("rows"),
        2
    );
    let lab = Lab::new().faults(r#"{"match": "*", "do": {"bad_json": true}}"#);
    shown("bad_json", &lab, "page", KEYED);
    assert_eq!(lab.mock.requests().len(), 2);
}

#[test]
fn a_status_with_its_body_only_when_it_is_wanted() {
    let rule =
        r#"{"match": "*", "do": {"status": 422, "body": {"error": "no canary-key-4711 here"}}}"#;
    let lab = Lab::new().faults(rule);
    shown("status", &lab, "page", KEYED);
}

#[test]
fn an_error_body_with_status_200_is_named() {
    let endpoint = "data_selector: data, paginator: single_page";
    shown("error_200", &Lab::new(), "error-200", endpoint);
    let ignored = format!("{endpoint}, response_actions: [{{content: timed out, action: ignore}}]");
    assert_eq!(Lab::new().generic("error-200", &ignored).count("rows"), 0);
}

#[test]
fn pages_without_an_end() {
    let cursor = "paginator: {type: cursor, cursor_path: next}";
    shown("endless_cursor", &Lab::new(), "same-page-forever", cursor);
    let counted = "paginator: {type: page_number, base_page: 1, total_path: null}";
    shown("endless_pages", &Lab::new(), "same-page-forever", counted);
}

#[test]
fn a_host_that_is_not_there() {
    let lab = Lab::new();
    let text = "client: {base_url: \"http://nowhere.invalid\", http: {backoff_factor: 0.01, max_attempts: 2}}\nresources: [rows]\n";
    let reading = lab.read(text);
    let error = reading.error.unwrap();
    assert_eq!(error.code(), "source.http.dns");
    assert!(
        error
            .to_string()
            .starts_with("the name of the host cannot be resolved"),
        "{error}"
    );
}

#[test]
fn a_port_that_nobody_listens_on() {
    let lab = Lab::new();
    let text = "client: {base_url: \"http://127.0.0.1:1\", http: {backoff_factor: 0.01, max_attempts: 2}}\nresources: [rows]\n";
    insta::assert_snapshot!(lab.read(text).shown_error(&lab));
}

#[test]
fn a_server_that_does_not_speak_tls() {
    let lab = Lab::new();
    let base = lab.mock.url().replace("http:", "https:");
    let text = format!(
        "client: {{base_url: \"{base}\", http: {{backoff_factor: 0.01, max_attempts: 2}}}}\nresources: [rows]\n"
    );
    insta::assert_snapshot!(lab.read(&text).shown_error(&lab));
    assert_eq!(lab.mock.requests().len(), 0);
}

#[test]
fn an_answer_that_does_not_come() {
    let lab = Lab::new().faults(r#"{"match": "*", "do": {"delay_ms": 3000}}"#);
    let text = lab.generic_text(
        "page",
        "paginator: single_page",
        ", max_attempts: 1, timeout: 0.2",
    );
    insta::assert_snapshot!(lab.read(&text).shown_error(&lab));
}

#[test]
fn a_server_that_goes_away_in_the_middle() {
    let lab = Lab::new()
        .faults(r#"{"match": "GET /g/page", "when": {"page": 3}, "do": {"reset": true}}"#);
    let text = lab.generic_text(
        "page",
        "paginator: {type: page_number, base_page: 1}",
        ", max_attempts: 2",
    );
    let reading = lab.read(&text);
    assert_eq!(reading.rows("rows").len(), 4);
    insta::assert_snapshot!(reading.shown_error(&lab));
}

#[test]
fn an_answer_that_is_too_large_for_the_memory() {
    let lab = Lab::new();
    let endpoint = "params: {rows: 9000, page_size: 9000}, paginator: single_page";
    let text =
        |limit: u32| lab.generic_text("list-root", endpoint, &format!(", max_body_mib: {limit}"));
    insta::assert_snapshot!("too_large", lab.read(&text(1)).shown_error(&lab));
    assert_eq!(lab.mock.requests().len(), 1, "it is not asked for again");
    assert_eq!(lab.read(&text(64)).count("rows"), 9000);
}

#[test]
fn a_page_zero_that_is_refused_is_explained() {
    let rule = r#"{"match": "*", "when": {"first": 1}, "do": {"status": 400}}"#;
    let lab = Lab::new().faults(rule);
    let shown = lab
        .generic("page", "paginator: page_number")
        .shown_error(&lab);
    assert!(shown.contains("`base_page: 1`"), "{shown}");
    let lab = Lab::new().faults(rule);
    let from_one = lab.generic("page", "paginator: {type: page_number, base_page: 1}");
    assert!(!from_one.shown_error(&lab).contains("base_page"));
}
