//! Authentication of api.video: Basic with the key as user name, or a token that the key was exchanged for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::json;

use crate::options::Scenario;
use crate::request::Answer;
use crate::state::Call;
use crate::tokens::{Pair, Worth};

/// Checks the header `Authorization` against the key of the API.
pub(super) fn check(call: &Call<'_>) -> Result<(), Answer> {
    check_key(call, &call.state.options.key)
}

/// Checks it against a key.
pub(super) fn check_key(call: &Call<'_>, key: &str) -> Result<(), Answer> {
    let Some(header) = call.request.header("authorization") else {
        return Err(refused(
            "authorization-header-missing",
            "The Authorization header is missing.",
        ));
    };
    let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => check_basic(value, key),
        "bearer" => check_bearer(call, value),
        _ => Err(refused(
            "authorization-header-invalid",
            "The value of the Authorization header is invalid.",
        )),
    }
}

fn check_basic(value: &str, key: &str) -> Result<(), Answer> {
    let pair = STANDARD.decode(value).unwrap_or_default();
    let pair = String::from_utf8_lossy(&pair);
    let (name, password) = pair.split_once(':').unwrap_or((&pair, ""));
    if name == format!("{key}-suspended") {
        return Err(super::error(403));
    }
    if name == format!("{key}-other") {
        let title = "The API key belongs to the other environment.";
        return Err(refused("authentication-invalid-environment", title));
    }
    if name == key && password.is_empty() {
        return Ok(());
    }
    Err(super::error(401))
}

fn check_bearer(call: &Call<'_>, token: &str) -> Result<(), Answer> {
    let worth = call.state.tokens().worth(token, call.state.clock.now_ms());
    let is_fixture =
        call.state.options.scenario == Scenario::Fixtures && token == "fixture.access.token";
    match worth {
        _ if is_fixture => Ok(()),
        Worth::Valid => Ok(()),
        Worth::Expired => Err(refused(
            "authentication-token-expired",
            "The access token has expired.",
        )),
        Worth::Unknown => Err(refused(
            "authentication-invalid-token",
            "The access token is invalid.",
        )),
    }
}

fn refused(kind: &str, title: &str) -> Answer {
    let kind = format!("https://docs.api.video/reference/{kind}");
    let body = json!({"type": kind, "title": title, "status": 401});
    Answer::new(401, "application/problem+json", body.to_string())
}

/// `POST /auth/api-key` and `POST /auth/refresh`.
pub(super) fn exchange(call: &Call<'_>, step: &str) -> Answer {
    if call.request.method != Method::POST {
        return super::error(405);
    }
    let body = call.request.json();
    let (now_ms, ttl_s) = (call.state.clock.now_ms(), call.state.options.token_ttl_s);
    let pair = match step {
        "api-key" if body["apiKey"] == call.state.options.key => {
            Some(call.state.tokens().issue(now_ms, ttl_s))
        }
        "refresh" => {
            let refresh = body["refreshToken"].as_str().unwrap_or_default();
            call.state.tokens().renew(refresh, now_ms, ttl_s)
        }
        "api-key" => None,
        _ => return super::unknown_route(),
    };
    match pair {
        Some(pair) => tokens(&pair, ttl_s),
        None => bad_credentials(),
    }
}

fn tokens(pair: &Pair, ttl_s: u64) -> Answer {
    let body = json!({
        "token_type": "Bearer", "expires_in": ttl_s,
        "access_token": pair.access, "refresh_token": pair.refresh,
    });
    Answer::value(200, &body)
}

fn bad_credentials() -> Answer {
    let body = json!({
        "type": "https://docs.api.video/reference/authentication-incorrect-credentials",
        "title": "The user credentials were incorrect.",
        "status": 400,
    });
    super::problem(&body)
}
