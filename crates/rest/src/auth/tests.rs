//! Every kind of authentication, with its headers and its renewal.

use bytes::Bytes;
use reqwest::header::HeaderMap;

use super::*;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// Signs a POST with these settings and returns URL and headers.
fn sign(auths: Vec<Auth>, body: &str) -> (String, HeaderMap) {
    let authenticator = Authenticator::new(Arc::from(auths));
    let mut request = Signed {
        method: Method::Post,
        url: "https://h/p?a=1".parse().unwrap(),
        headers: HeaderMap::new(),
        body: Some(Bytes::from(body.to_owned())),
    };
    let credentials = Credentials {
        auths: &authenticator.auths,
        tokens: vec![None; authenticator.auths.len()],
    };
    credentials.sign(&mut request).unwrap();
    (request.url.to_string(), request.headers)
}

fn key(location: KeyLocation) -> Auth {
    Auth::ApiKey {
        name: "X-Key".to_owned(),
        key: secret("canary key"),
        location,
    }
}

#[test]
fn a_key_goes_where_the_settings_say() {
    assert_eq!(
        sign(vec![key(KeyLocation::Header)], "").1["x-key"],
        "canary key"
    );
    assert_eq!(
        sign(vec![key(KeyLocation::Query)], "").0,
        "https://h/p?a=1&X-Key=canary+key"
    );
    let both = vec![key(KeyLocation::Cookie), key(KeyLocation::Cookie)];
    assert_eq!(
        sign(both, "").1["cookie"],
        "X-Key=canary key; X-Key=canary key"
    );
}

#[test]
fn basic_takes_an_empty_password_and_any_character() {
    let basic = |username: &str, password: &str| {
        let auth = Auth::Basic {
            username: secret(username),
            password: secret(password),
        };
        sign(vec![auth], "").1["authorization"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(basic("canary-key", ""), "Basic Y2FuYXJ5LWtleTo=");
    assert_eq!(basic("ü", "p:w"), "Basic w7w6cDp3");
}

#[test]
fn a_signature_is_over_the_exact_bytes() {
    // The vectors of the sources document, §1.2.
    let body = r#"{"album_id":4711,"title":"Grüße/aus Köln","approved":false,"photo_uri":"https://img.example.org/a/b.jpg"}"#;
    let hmac = |algorithm, encoding| {
        Auth::Hmac(Hmac {
            algorithm,
            secret_key: secret("tipple-secret"),
            header: "Signature".to_owned(),
            encoding,
        })
    };
    let signed =
        |algorithm, encoding| sign(vec![hmac(algorithm, encoding)], body).1["signature"].clone();
    assert_eq!(
        signed(HmacAlgorithm::Sha1, HmacEncoding::Base64),
        "TQHFs2damAbk3QBHhqOx36dQzv8="
    );
    assert_eq!(
        signed(HmacAlgorithm::Sha256, HmacEncoding::Base64),
        "G4aJjIjM2KkKnWsh6h8jbzH1CzyA6rtgFIR4uv1bzOE="
    );
    let hex = signed(HmacAlgorithm::Sha1, HmacEncoding::Hex);
    assert_eq!(hex, "4d01c5b3675a9806e4dd004786a3b1dfa750ceff");
}

#[test]
fn several_auths_sign_one_after_another() {
    let bearer = Auth::Bearer {
        token: secret("canary-bearer"),
    };
    let (url, headers) = sign(vec![bearer, key(KeyLocation::Query)], "");
    assert_eq!(headers["authorization"], "Bearer canary-bearer");
    assert!(headers["authorization"].is_sensitive());
    assert!(url.ends_with("X-Key=canary+key"));
}

fn credentials() -> ClientCredentials {
    ClientCredentials {
        access_token: None,
        access_token_url: "https://h/token".to_owned(),
        client_id: secret("id"),
        client_secret: secret("canary-client"),
        request_data: vec![
            ("grant_type".to_owned(), secret("other")),
            ("audience".to_owned(), secret("api")),
        ],
        default_expiration: Duration::from_secs(3_600),
    }
}

#[test]
fn request_data_is_merged_over_the_usual_fields() {
    let call = client_credentials_call(&credentials()).unwrap();
    let (body, _) = call.body().unwrap();
    assert_eq!(
        body,
        "client_id=id&client_secret=canary-client&grant_type=other&audience=api"
    );
}

fn token_answer(status: u16, body: &str) -> Result<Token, Failure> {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        url: "https://h/token".parse().unwrap(),
        body: Bytes::from(body.to_owned()),
    };
    read_token(&answer, Duration::from_secs(3_600))
}

#[test]
fn a_token_error_shows_only_what_oauth_defines() {
    let refused = token_answer(
        400,
        r#"{"error":"invalid_client","error_description":"no","x":"canary"}"#,
    );
    let reason = |result: Result<Token, Failure>| match result {
        Err(Failure::Token { reason }) => reason,
        _ => panic!("no token error"),
    };
    assert_eq!(
        reason(refused),
        "https://h/token answered 400: invalid_client: no"
    );
    let empty = token_answer(200, "{}");
    assert_eq!(
        reason(empty),
        "https://h/token answered 200: the answer has no `access_token`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_early() {
    let life = |expires: &str| {
        let body = format!(r#"{{"access_token":"canary-token","expires_in":{expires}}}"#);
        let token = token_answer(200, &body).unwrap_or_else(|_| panic!("no token"));
        token.renew_at.unwrap() - Instant::now()
    };
    assert_eq!(life("3600").as_secs(), 3_570);
    assert_eq!(life("\"100\"").as_secs(), 70);
    assert_eq!(life("10").as_secs(), 5);
}

#[test]
fn secrets_of_auth_are_known_to_the_redactor() {
    sign(
        vec![Auth::Basic {
            username: secret("canary-user-4712"),
            password: secret(""),
        }],
        "",
    );
    let text = "canary-user-4712 Y2FuYXJ5LXVzZXItNDcxMjo=";
    assert_eq!(tipple_config::redact(text), "*** ***");
}
