//! The generic area: each paginator is walked to its end, the way a client would.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Reply, get, send};
use super::small;

/// Ids of all pages; `next` says where the next page is, from an answer and how many came before.
fn walk(base: &str, first: &str, next: impl Fn(&Reply, usize) -> Option<String>) -> Vec<i64> {
    let (mut path, mut ids) = (first.to_owned(), Vec::new());
    for count in 1..10 {
        let reply = get(base, &path);
        assert_eq!(reply.status, 200, "{path}");
        let body = reply.json();
        let rows = body.as_array().or_else(|| body["data"].as_array()).unwrap();
        ids.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
        match next(&reply, count) {
            Some(next) => path = next,
            None => return ids,
        }
    }
    panic!("{first} has no end");
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

#[test]
fn every_list_is_walked_to_its_end() {
    let api = small();
    let base = api.url();
    let local = |url: String| url.strip_prefix(base).unwrap_or(&url).to_owned();
    let expected: Vec<i64> = (1..=6).collect();
    let header_link = |reply: &Reply, _| {
        let links = reply.headers.iter().filter(|(name, _)| name == "link");
        let link = links
            .map(|(_, value)| value)
            .find(|value| value.contains("next"))?;
        let url = link.split_once('<')?.1.split_once('>')?.0;
        Some(local(url.to_owned()))
    };
    for name in [
        "header-link",
        "header-link-multi-rel",
        "header-link-two-headers",
    ] {
        assert_eq!(
            walk(base, &format!("/g/{name}"), header_link),
            expected,
            "{name}"
        );
    }
    for name in ["json-link", "json-link-relative", "json-link-empty-string"] {
        let found = walk(base, &format!("/g/{name}"), |reply, _| {
            text(&reply.json()["next"]).map(local)
        });
        assert_eq!(found, expected, "{name}");
    }
    let hal = |reply: &Reply, _| text(&reply.json()["_links"]["next"]["href"]).map(local);
    assert_eq!(walk(base, "/g/json-link-hal", hal), expected);
    let header_cursor =
        |reply: &Reply, _| Some(format!("/g/header-cursor?cursor={}", reply.header("next")?));
    assert_eq!(walk(base, "/g/header-cursor", header_cursor), expected);
    let cursor = |reply: &Reply, _| {
        Some(format!(
            "/g/cursor?cursor={}",
            text(&reply.json()["cursors"]["next"])?
        ))
    };
    assert_eq!(walk(base, "/g/cursor", cursor), expected);
    let number = |reply: &Reply, _| {
        let next = reply.json()["next"].as_i64().filter(|next| *next != 0)?;
        Some(format!("/g/cursor-number?cursor={next}"))
    };
    assert_eq!(walk(base, "/g/cursor-number", number), expected);
    for (name, first) in [
        ("page", 1),
        ("page-zero", 0),
        ("next-bool", 1),
        ("pages-one-based", 1),
        ("list-root", 1),
    ] {
        let path = |page: usize| format!("/g/{name}?page={page}");
        let found = walk(base, &path(first), |_, count| {
            (count < 3).then(|| path(first + count))
        });
        assert_eq!(found, expected, "{name}");
    }
    for name in ["offset", "total-missing", "total-string", "has-more-string"] {
        let path = |offset: usize| format!("/g/{name}?offset={offset}&limit=2");
        let found = walk(base, &path(0), |_, count| {
            (count < 3).then(|| path(count * 2))
        });
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn bodies_carry_cursors_offsets_and_pages() {
    let api = small();
    let post = |path: &str, body: Value| {
        let reply = send(api.url(), "POST", path, &[], &body.to_string()).unwrap();
        reply.json()["data"][0]["id"].as_i64()
    };
    assert_eq!(post("/g/cursor-body", json!({"query": "q"})), Some(1));
    assert_eq!(
        post(
            "/g/cursor-body",
            json!({"query": "q", "page": {"cursor": "c1"}})
        ),
        Some(3)
    );
    assert_eq!(
        post("/g/offset-body", json!({"offset": 4, "limit": 2})),
        Some(5)
    );
    assert_eq!(post("/g/page-body", json!({"page": 2})), Some(3));
    assert_eq!(post("/g/search", json!({"query": {}, "page": 3})), Some(5));
    assert_eq!(get(api.url(), "/g/search").status, 405);
}

#[test]
fn rows_and_page_size_are_told_in_the_url() {
    let api = small();
    let reply = get(api.url(), "/g/page?rows=7&page_size=3&page=3").json();
    assert_eq!(
        (reply["data"].as_array().unwrap().len(), &reply["total"]),
        (1, &json!(3))
    );
    let link = get(
        api.url(),
        "/g/json-link-relative?rows=7&page_size=3&extra=1",
    )
    .json();
    assert_eq!(
        link["next"],
        "/g/json-link-relative?rows=7&page_size=3&page=2"
    );
}

#[test]
fn families_nest_three_levels() {
    let api = small();
    let parents = get(api.url(), "/g/parents?page=2").json();
    assert_eq!(parents["data"][0]["id"], 3);
    assert_eq!(get(api.url(), "/g/parents/3").json(), parents["data"][0]);
    let children = get(api.url(), "/g/parents/3/children?children=3&page=2").json();
    assert_eq!(
        (&children["data"][0]["cid"], &children["total"]),
        (&json!(130), &json!(2))
    );
    let toys = get(api.url(), "/g/parents/3/children/130/toys").json();
    assert_eq!(toys["data"].as_array().unwrap().len(), 2);
    assert_eq!(get(api.url(), "/g/parents/99").status, 404);
}

#[test]
fn events_are_asked_by_time_and_by_number() {
    let api = small();
    let get = |query: &str| {
        get(api.url(), &format!("/g/events?page_size=50&{query}")).json()["data"].take()
    };
    assert_eq!(get("").as_array().unwrap().len(), 20);
    assert_eq!(get("by=seq&since=18").as_array().unwrap().len(), 3);
    let late = get("since=2025-01-01T00:10:00%2B00:00&order=desc");
    assert_eq!(late[0]["id"], 20);
    assert_eq!(late.as_array().unwrap().len(), 10);
    assert_ne!(get("order=none")[0]["id"], 1);
}

#[test]
fn tokens_of_oauth_expire_and_are_revoked() {
    let api = small();
    let form = "grant_type=client_credentials&client_id=mock-client&client_secret=mock-secret";
    let token =
        |form: &str| send(api.url(), "POST", "/g/oauth/token?expires_in=60", &[], form).unwrap();
    let access = token(form).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let status = |access: &str| {
        let bearer = format!("Bearer {access}");
        send(
            api.url(),
            "GET",
            "/g/oauth/data",
            &[("authorization", &bearer)],
            "",
        )
        .unwrap()
        .status
    };
    assert_eq!(status(&access), 200);
    api.advance(Duration::from_secs(61));
    assert_eq!(status(&access), 401);
    let access = token(form).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    api.revoke_tokens();
    assert_eq!(status(&access), 401);
    assert_eq!(token(&form.replace("mock-secret", "x")).status, 401);
    assert_eq!(token("grant_type=password").status, 400);
}

#[test]
fn keys_are_taken_from_headers_cookies_and_signatures() {
    let api = small();
    let status = |method: &str, path: &str, header: (&str, &str)| {
        send(api.url(), method, path, &[header], "{}")
            .unwrap()
            .status
    };
    assert_eq!(
        status("GET", "/g/api-key-header", ("x-api-key", "mock-key")),
        200
    );
    assert_eq!(
        status("GET", "/g/api-key-header", ("x-api-key", "wrong")),
        401
    );
    assert_eq!(
        status(
            "GET",
            "/g/api-key-cookie",
            ("cookie", "a=b; api_key=mock-key")
        ),
        200
    );
    assert_eq!(
        status("GET", "/g/bearer", ("authorization", "Bearer mock-key")),
        200
    );
    assert_eq!(
        status(
            "GET",
            "/g/basic",
            ("authorization", "Basic bW9jay1rZXk6bW9jay1zZWNyZXQ=")
        ),
        200
    );
    // HMAC-SHA256 of the body `{}` with the key `mock-secret`.
    let signature = "5f26c85af802c7399077d7bbc9c4a0b5676f05b5a50e473fc660cd38966dccca";
    assert_eq!(status("POST", "/g/hmac", ("signature", signature)), 200);
    assert_eq!(
        status("POST", "/g/hmac", ("signature", &signature[2..])),
        401
    );
}

#[test]
fn shapes_are_what_they_are_called() {
    let api = small();
    assert_eq!(get(api.url(), "/g/empty-204").status, 204);
    assert_eq!(get(api.url(), "/g/null").json(), Value::Null);
    assert!(get(api.url(), "/g/bom").body.starts_with(b"\xef\xbb\xbf"));
    assert_eq!(
        get(api.url(), "/g/gzip").header("content-encoding"),
        Some("gzip")
    );
    for encoding in ["br", "zstd", "deflate"] {
        assert_eq!(
            get(api.url(), &format!("/g/{encoding}")).header("content-encoding"),
            Some(encoding)
        );
    }
    let echo = send(api.url(), "POST", "/g/echo?a=b%20c", &[("x-a", "1")], "[1]")
        .unwrap()
        .json();
    assert_eq!(
        (
            &echo[0]["query"],
            &echo[0]["headers"]["x-a"],
            &echo[0]["body"]
        ),
        (&json!("a=b%20c"), &json!("1"), &json!([1]))
    );
    assert_eq!(
        get(api.url(), "/g/redirect/2").header("location"),
        Some("/g/redirect/1")
    );
    let other = get(api.url(), "/g/redirect-other-host");
    assert!(
        other
            .header("location")
            .unwrap()
            .starts_with("http://localhost:")
    );
    assert_eq!(get(api.url(), "/g/status/503").status, 503);
    assert_eq!(get(api.url(), "/g/nothing").status, 404);
}
