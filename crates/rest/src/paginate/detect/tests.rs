//! Which paginator is found in which answer.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tipple_json::parse_value;

use super::*;

fn found(body: &str, mode: Detect) -> String {
    let answer = Answer {
        status: 200,
        headers: HeaderMap::new(),
        url: "https://h/".parse().unwrap(),
        body: Bytes::from(body.to_owned()),
    };
    let detected = detect(&answer, &parse_value(body.as_bytes()).unwrap(), true, mode);
    let note = detected.note.unwrap_or_else(|| "single page".to_owned());
    match detected.warning {
        Some(warning) => format!("{note}\n  ! {warning}"),
        None => note,
    }
}

/// Both modes, side by side where they differ.
fn both(bodies: &[&str]) -> String {
    let shown = bodies.iter().map(|body| {
        let (new, old) = (found(body, Detect::Corrected), found(body, Detect::Dlt131));
        match new == old {
            true => format!("{body}\n  {new}"),
            false => format!("{body}\n  {new}\n  dlt-1.31: {old}"),
        }
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_answer_decides() {
    insta::assert_snapshot!(both(&[
        r#"{"next":"https://h/2","data":[]}"#,
        r#"{"_links":{"next":{"href":"/p?page=2"}},"data":[]}"#,
        r#"{"meta":{"next odd":"/2"},"data":[]}"#,
        r#"{"next":null,"total_pages":"4"}"#,
        r#"{"page":1,"pages":3,"data":[]}"#,
        r#"{"page":0,"pages":3,"data":[]}"#,
        r#"{"cursors":{"next_token":"abc"},"data":[]}"#,
        r#"{"data":[{"next":"/inside"}]}"#,
        r#"{"pagination":{"total":60},"data":[]}"#,
    ]));
}

#[test]
fn traps_of_dlt_are_avoided() {
    insta::assert_snapshot!(both(&[
        r#"{"page":1,"per_page":30,"next":true,"data":[]}"#,
        r#"{"page":"1","next":true,"data":[]}"#,
        r#"{"next":true,"data":[]}"#,
        r#"{"next_page":2,"data":[]}"#,
        r#"{"nextUpdate":"2024-01-01","data":[]}"#,
        r#"{"data":[],"pagination":{"currentPage":1,"pagesTotal":2,"links":[{"rel":"next","uri":"/v?currentPage=2"}]}}"#,
        r#"{"items":[],"links":[{"rel":"self","href":"/p"},{"rel":"next","href":"/p?page=2"}]}"#,
    ]));
}
