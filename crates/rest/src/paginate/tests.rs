//! Every paginator over answers as the documents describe them.

use bytes::Bytes;
use reqwest::header::HeaderMap;

use super::*;
use crate::model::Method;

fn path(text: &str) -> JsonPath {
    text.parse().unwrap()
}

fn bounds() -> RangeBounds {
    RangeBounds {
        total_path: None,
        maximum: None,
        stop_after_empty_page: true,
        has_more_path: None,
        has_more_may_lack: false,
    }
}

fn page_number(base_page: i64, page: i64, bounds: RangeBounds) -> PageRule {
    PageRule::PageNumber(PageNumberRule {
        base_page,
        page,
        target: Target::Param("page".to_owned()),
        bounds,
    })
}

fn offset(bounds: RangeBounds) -> PageRule {
    PageRule::Offset(OffsetRule {
        offset: 0,
        limit: 2,
        offset_target: Target::Param("offset".to_owned()),
        limit_target: Target::Param("limit".to_owned()),
        bounds,
    })
}

fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        map.append(name, value.parse().unwrap());
    }
    Answer {
        status: 200,
        headers: map,
        url: "https://h/items".parse().unwrap(),
        body: Bytes::from(body.to_owned()),
    }
}

fn start() -> Call {
    Call {
        method: Method::Get,
        url: "https://h/items".parse().unwrap(),
        params: vec![("q".to_owned(), "x".to_owned())],
        headers: Vec::new(),
        content: Content::None,
    }
}

/// Requests that a rule makes for these answers: what follows the path, and bodies; and how it ended.
fn requests(rule: PageRule, answers: &[(&[(&str, &str)], &str)]) -> String {
    let (mut pager, mut call) = (Pager::new(&Paginator::from(rule)), start());
    pager.prepare(&mut call);
    let mut shown = Vec::new();
    for (headers, body) in answers {
        let url = call.full_url();
        let content = call
            .body()
            .map(|(bytes, _)| format!(" {}", String::from_utf8_lossy(&bytes)));
        shown.push(format!(
            "{}?{}{}",
            url.path(),
            url.query().unwrap_or_default(),
            content.unwrap_or_default()
        ));
        let answer = answer(headers, body);
        let paths: Vec<JsonPath> = pager.paths().into_iter().cloned().collect();
        let paths: Vec<&JsonPath> = paths.iter().collect();
        let values = JsonPath::find_each(&paths, body).unwrap();
        let is_empty = body.contains(r#""data":[]"#);
        let seen = Seen {
            answer: &answer,
            body,
            values: &values,
            is_empty,
        };
        match pager.advance(seen, &mut call) {
            Ok(true) => {}
            Ok(false) => return shown.join(" | ") + " | end",
            Err(failure) => {
                let error = failure.at("resource `r`");
                return format!("{} | {error}", shown.join(" | "));
            }
        }
    }
    shown.join(" | ") + " | more"
}

fn bodies<'a>(bodies: &[&'a str]) -> Vec<(&'a [(&'a str, &'a str)], &'a str)> {
    bodies.iter().map(|body| (&[][..], *body)).collect()
}

#[test]
fn a_single_page_is_one_request() {
    let shown = requests(PageRule::SinglePage, &bodies(&["{}"]));
    assert_eq!(shown, "/items?q=x | end");
}

#[test]
fn a_json_link_drops_the_parameters_and_ends_without_a_text() {
    let rule = || PageRule::JsonLink {
        next_url_path: path("next"),
    };
    let shown = requests(
        rule(),
        &bodies(&[
            r#"{"next":"/items?page=2"}"#,
            r#"{"next":"https://h/items?page=3"}"#,
            r#"{"next":null}"#,
        ]),
    );
    assert_eq!(shown, "/items?q=x | /items?page=2 | /items?page=3 | end");
    for last in [r#"{"next":""}"#, r#"{"next":false}"#, r#"{"next":7}"#, "{}"] {
        assert_eq!(
            requests(rule(), &bodies(&[last])),
            "/items?q=x | end",
            "{last}"
        );
    }
}

#[test]
fn header_links_are_joined_and_relative_ones_resolved() {
    let rule = PageRule::HeaderLink {
        rel: "next".to_owned(),
    };
    let first: &[(&str, &str)] = &[
        ("link", "</a>; rel=\"prev\""),
        ("link", "</items?page=2>; rel=\"last NEXT\""),
    ];
    let shown = requests(rule, &[(first, "[]"), (&[], "[]")]);
    assert_eq!(shown, "/items?q=x | /items?page=2 | end");
}

#[test]
fn a_header_cursor_ends_when_it_is_empty() {
    let rule = PageRule::HeaderCursor {
        header: "X-Next".to_owned(),
        param: "cursor".to_owned(),
    };
    let shown = requests(
        rule,
        &[(&[("x-next", "c1")], "[]"), (&[("x-next", "")], "[]")],
    );
    assert_eq!(shown, "/items?q=x | /items?q=x&cursor=c1 | end");
}

fn cursor(target: Target) -> CursorRule {
    CursorRule {
        cursor_path: path("next"),
        target,
        stop_after_empty_page: false,
        has_more_path: None,
    }
}

#[test]
fn a_cursor_goes_into_the_query_as_python_writes_it() {
    let rule = || PageRule::Cursor(cursor(Target::Param("cursor".to_owned())));
    let shown = requests(
        rule(),
        &bodies(&[
            r#"{"next":"c1"}"#,
            r#"{"next":1.5}"#,
            r#"{"next":12}"#,
            r#"{"next":0}"#,
        ]),
    );
    assert_eq!(
        shown,
        "/items?q=x | /items?q=x&cursor=c1 | /items?q=x&cursor=1.5 | /items?q=x&cursor=12 | end"
    );
}

#[test]
fn a_cursor_goes_into_the_body_with_its_type() {
    let target = Target::Body(vec!["page".to_owned(), "cursor".to_owned()]);
    let shown = requests(
        PageRule::Cursor(cursor(target)),
        &bodies(&[r#"{"next":7}"#, r#"{"next":null}"#]),
    );
    assert_eq!(
        shown,
        r#"/items?q=x | /items?q=x {"page":{"cursor":7}} | end"#
    );
}

#[test]
fn a_cursor_that_was_used_ends_in_an_error() {
    let rule = PageRule::Cursor(cursor(Target::Param("cursor".to_owned())));
    let shown = requests(
        rule,
        &bodies(&[r#"{"next":"a"}"#, r#"{"next":"b"}"#, r#"{"next":"a"}"#]),
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn pages_are_counted_as_dlt_counts_them() {
    let total = |path_text: &str| RangeBounds {
        total_path: Some(path(path_text)),
        ..bounds()
    };
    let full = r#"{"total":3,"data":[1]}"#;
    let three = bodies(&[full; 4]);
    assert_eq!(
        requests(page_number(1, 1, total("total")), &three),
        "/items?q=x&page=1 | /items?q=x&page=2 | /items?q=x&page=3 | end"
    );
    assert_eq!(
        requests(page_number(1, 2, total("total")), &three),
        "/items?q=x&page=2 | /items?q=x&page=3 | end"
    );
    let maximum = RangeBounds {
        maximum: Some(3),
        ..bounds()
    };
    assert_eq!(
        requests(
            page_number(1, 1, maximum),
            &bodies(&[r#"{"data":[1]}"#, r#"{"data":[2]}"#])
        ),
        "/items?q=x&page=1 | /items?q=x&page=2 | end"
    );
    let by_emptiness = bodies(&[r#"{"data":[1]}"#, r#"{"data":[2]}"#, r#"{"data":[]}"#]);
    assert_eq!(
        requests(page_number(1, 1, bounds()), &by_emptiness),
        "/items?q=x&page=1 | /items?q=x&page=2 | /items?q=x&page=3 | end"
    );
}

#[test]
fn offsets_stop_at_total_maximum_or_flag() {
    let full = |extra: &str| format!(r#"{{{extra},"data":[1]}}"#);
    let total = RangeBounds {
        total_path: Some(path("total")),
        ..bounds()
    };
    let five = full(r#""total":"5""#);
    let shown = requests(offset(total), &bodies(&[five.as_str(); 4]));
    assert_eq!(
        shown,
        "/items?q=x&offset=0&limit=2 | /items?q=x&offset=2&limit=2 | /items?q=x&offset=4&limit=2 | end"
    );
    let maximum = RangeBounds {
        maximum: Some(4),
        ..bounds()
    };
    let shown = requests(
        offset(maximum),
        &bodies(&[r#"{"data":[1]}"#, r#"{"data":[2]}"#]),
    );
    assert_eq!(
        shown,
        "/items?q=x&offset=0&limit=2 | /items?q=x&offset=2&limit=2 | end"
    );
    let flag = RangeBounds {
        has_more_path: Some(path("more")),
        ..bounds()
    };
    let (yes, other, no) = (
        full(r#""more":"Yes""#),
        full(r#""more":true"#),
        full(r#""more":"no""#),
    );
    let shown = requests(offset(flag), &bodies(&[&yes, &other, &no]));
    assert_eq!(
        shown,
        "/items?q=x&offset=0&limit=2 | /items?q=x&offset=2&limit=2 | /items?q=x&offset=4&limit=2 | end"
    );
}

#[test]
fn an_answer_without_what_the_rule_needs_is_an_error() {
    let total = RangeBounds {
        total_path: Some(path("meta.total")),
        ..bounds()
    };
    let flag = RangeBounds {
        has_more_path: Some(path("more")),
        ..bounds()
    };
    let shown = [
        requests(
            page_number(0, 0, total.clone()),
            &bodies(&[r#"{"data":[1],"count":7}"#]),
        ),
        requests(
            page_number(0, 0, total),
            &bodies(&[r#"{"data":[1],"meta":{"total":"many"}}"#]),
        ),
        requests(
            page_number(0, 0, flag.clone()),
            &bodies(&[r#"{"data":[1]}"#]),
        ),
        requests(
            page_number(0, 0, flag),
            &bodies(&[r#"{"data":[1],"more":1}"#]),
        ),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn an_empty_page_ends_before_a_bad_total_is_looked_at() {
    let total = RangeBounds {
        total_path: Some(path("total")),
        ..bounds()
    };
    assert_eq!(
        requests(page_number(0, 0, total), &bodies(&[r#"{"data":[]}"#])),
        "/items?q=x&page=0 | end"
    );
}

#[test]
fn an_api_that_passes_over_the_page_is_noticed() {
    let same = r#"{"data":[1]}"#;
    let shown = requests(page_number(1, 1, bounds()), &bodies(&[same; 9]));
    insta::assert_snapshot!(shown);
}

#[test]
fn pages_ahead_end_at_the_total() {
    let rule = page_number(
        1,
        1,
        RangeBounds {
            total_path: Some(path("total")),
            ..bounds()
        },
    );
    let (mut pager, mut call) = (Pager::new(&Paginator::from(rule)), start());
    pager.prepare(&mut call);
    assert_eq!(pager.ahead(&call, 1), None, "the total is not known yet");
    let body = r#"{"total":4,"data":[1]}"#;
    let (paths, answer) = (path("total"), answer(&[], body));
    let values = JsonPath::find_each(&[&paths], body).unwrap();
    let seen = Seen {
        answer: &answer,
        body,
        values: &values,
        is_empty: false,
    };
    assert!(pager.advance(seen, &mut call).unwrap());
    let ahead: Vec<Option<String>> = (0..4)
        .map(|distance| {
            pager
                .ahead(&call, distance)
                .map(|call| call.full_url().query().unwrap().to_owned())
        })
        .collect();
    let query = |page: u32| Some(format!("q=x&page={page}"));
    assert_eq!(ahead, [query(2), query(3), query(4), None]);
}

#[test]
fn maximum_pages_ends_every_sequence() {
    let paginator = Paginator {
        maximum_pages: Some(1),
        ..Paginator::from(PageRule::JsonLink {
            next_url_path: path("next"),
        })
    };
    let (mut pager, mut call) = (Pager::new(&paginator), start());
    let body = r#"{"next":"/x"}"#;
    let answer = answer(&[], body);
    let next = path("next");
    let values = JsonPath::find_each(&[&next], body).unwrap();
    let seen = Seen {
        answer: &answer,
        body,
        values: &values,
        is_empty: false,
    };
    assert!(!pager.advance(seen, &mut call).unwrap());
}
