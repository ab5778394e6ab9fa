//! Pixlee: the key in the query, signatures, the envelope.

use serde_json::json;
use tipple_mockapi::{MockApi, Options};

use super::client::{get, send};
use super::{fixtures, small};

fn page(api: &MockApi, path: &str) -> serde_json::Value {
    let mark = if path.contains('?') { '&' } else { '?' };
    get(api.url(), &format!("/api/v2/{path}{mark}api_key=mock-key")).json()
}

#[test]
fn the_key_is_taken_from_the_query_alone() {
    let api = small();
    let status =
        |path: &str, headers: &[(&str, &str)]| send(api.url(), "GET", path, headers, "").unwrap();
    let refused = status("/api/v2/albums", &[("authorization", "mock-key")]);
    assert_eq!(
        (refused.status, refused.json()),
        (
            401,
            json!({"status": 401, "message": "Auth failed.", "photos": []})
        )
    );
    assert_eq!(status("/api/v2/albums?api_key=wrong", &[]).status, 401);
    assert_eq!(status("/api/v2/albums?api_key=mock-key", &[]).status, 200);
}

#[test]
fn numbers_of_the_envelope_are_texts_on_every_second_page() {
    let api = small();
    let (first, second) = (page(&api, "albums?page=1"), page(&api, "albums?page=2"));
    assert_eq!((&first["page"], &second["page"]), (&json!(1), &json!("2")));
    assert_eq!(
        (&first["next"], &second["next"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(first["total"], 30);
    let api = MockApi::start(Options {
        strict_types: true,
        ..Options::default()
    })
    .unwrap();
    assert_eq!(page(&api, "albums?page=2")["page"], 2);
}

#[test]
fn page_sizes_are_cut_and_pages_checked() {
    let api = small();
    assert_eq!(page(&api, "albums?per_page=1000")["per_page"], 200);
    assert_eq!(page(&api, "albums?page=0")["status"], 400);
    assert_eq!(page(&api, "albums?sort={broken")["status"], 400);
}

#[test]
fn photos_belong_to_their_album() {
    let api = small();
    let albums = page(&api, "albums?per_page=3");
    let id = &albums["data"][2]["id"];
    let photos = page(
        &api,
        &format!("albums/{id}/photos?sort=%7B%22recency%22%3Atrue%2C%22desc%22%3Atrue%7D"),
    );
    assert_eq!(photos["data"].as_array().unwrap().len(), 5);
    assert_eq!(photos["data"][0]["album_id"], *id);
    assert!(photos["data"][0]["created_at"].as_i64() > photos["data"][1]["created_at"].as_i64());
    assert_eq!(
        page(&api, "albums/1/photos"),
        json!({"error": "Album does not exist.", "status": "404"})
    );
}

#[test]
fn writes_need_a_signature_of_the_exact_bytes() {
    let api = MockApi::start(Options {
        secret: "tipple-secret".to_owned(),
        ..Options::default()
    })
    .unwrap();
    let body = r#"{"album_id":4711,"title":"Grüße/aus Köln","approved":false,"photo_uri":"https://img.example.org/a/b.jpg"}"#;
    let post = |body: &str, headers: &[(&str, &str)]| {
        send(
            api.url(),
            "POST",
            "/api/v2/media?api_key=mock-key",
            headers,
            body,
        )
        .unwrap()
        .status
    };
    let (sha1, sha256) = (
        "TQHFs2damAbk3QBHhqOx36dQzv8=",
        "G4aJjIjM2KkKnWsh6h8jbzH1CzyA6rtgFIR4uv1bzOE=",
    );
    assert_eq!(post(body, &[("signature", sha1)]), 200);
    assert_eq!(
        post(
            body,
            &[
                ("signature", sha256),
                ("signature-algorithm", "hmac-sha256")
            ]
        ),
        200
    );
    assert_eq!(post(body, &[("signature", sha256)]), 403);
    assert_eq!(post(&body.replace(':', ": "), &[("signature", sha1)]), 403);
    assert_eq!(post(body, &[]), 403);
}

#[test]
fn fixtures_end_with_an_empty_page() {
    let api = fixtures();
    let get = |path: &str| get(api.url(), &format!("/api/v2/{path}api_key=fixture-key"));
    let file = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/pixlee/albums.page1.json"
    ));
    assert_eq!(get("albums?").body, file.unwrap());
    let beyond = get("albums?page=4&").json();
    assert_eq!(
        (&beyond["data"], &beyond["next"]),
        (&json!([]), &json!(false))
    );
    assert_eq!(get("albums/4711/photos?").status, 404);
}

#[test]
fn the_cache_is_passed_by_a_unique_id_or_after_two_minutes() {
    let options = Options {
        cdn: true,
        ..Options::default()
    };
    let api = MockApi::start(options).unwrap();
    let name = |path: &str| page(&api, path)["data"][0]["name"].take();
    let before = name("tags");
    let mutation = r#"{"resource":"tags","from":0,"set":{"name":"changed"}}"#;
    api.mutate(&serde_json::from_str(mutation).unwrap())
        .unwrap();
    assert_eq!(name("tags"), before);
    assert_eq!(name("tags?unique_id=1"), "changed");
    api.advance(std::time::Duration::from_secs(121));
    assert_eq!(name("tags"), "changed");
}
