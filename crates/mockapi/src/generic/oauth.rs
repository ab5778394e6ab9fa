//! Authentication of the generic area: OAuth2 with client credentials and signed assertions, keys in other places.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{hmac, signature};
use serde_json::{Value, json};

use super::{error, lists};
use crate::request::Answer;
use crate::state::Call;
use crate::tokens::Worth;

/// Client id of `/g/oauth/token`; the secret is the secret of the server.
const CLIENT_ID: &str = "mock-client";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Answers below `/g/oauth`.
pub(super) fn answer(call: &Call<'_>, step: &str) -> Answer {
    match step {
        "token" => token(call),
        "jwt" => assertion(call),
        "data" => data(call),
        _ => error(404, "not_found", "There is no such route."),
    }
}

fn field(form: &[(String, String)], name: &str) -> String {
    let found = form.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn token(call: &Call<'_>) -> Answer {
    let form = call.request.form();
    if field(&form, "grant_type") != "client_credentials" {
        return error(
            400,
            "unsupported_grant_type",
            "grant_type must be client_credentials.",
        );
    }
    let secret = &call.state.options.secret;
    if field(&form, "client_id") != CLIENT_ID || field(&form, "client_secret") != *secret {
        return error(401, "invalid_client", "Client id or secret is wrong.");
    }
    issued(call)
}

/// A new token; `expires_in` and `omit` of the query change the answer.
fn issued(call: &Call<'_>) -> Answer {
    let ttl_s = call
        .request
        .number("expires_in")
        .unwrap_or(call.state.options.token_ttl_s);
    let pair = call.state.tokens().issue(call.state.clock.now_ms(), ttl_s);
    let mut body =
        json!({"access_token": pair.access, "token_type": "Bearer", "expires_in": ttl_s});
    if let (Some(name), Value::Object(members)) = (call.request.param("omit"), &mut body) {
        members.remove(name);
    }
    Answer::value(200, &body)
}

fn data(call: &Call<'_>) -> Answer {
    let header = call.request.header("authorization").unwrap_or_default();
    let token = header.strip_prefix("Bearer ").unwrap_or_default();
    let worth = call.state.tokens().worth(token, call.state.clock.now_ms());
    match worth {
        Worth::Valid => rows(call),
        Worth::Expired => error(401, "invalid_token", "The access token expired."),
        Worth::Unknown => error(401, "invalid_token", "The access token is unknown."),
    }
}

fn rows(call: &Call<'_>) -> Answer {
    lists::answer(call, "page").unwrap_or_else(|| error(404, "not_found", "There is no such list."))
}

fn assertion(call: &Call<'_>) -> Answer {
    let form = call.request.form();
    if field(&form, "grant_type") != JWT_GRANT {
        return error(
            400,
            "unsupported_grant_type",
            "grant_type must be that of a JWT bearer.",
        );
    }
    match checked(call, &field(&form, "assertion")) {
        Ok(()) => issued(call),
        Err(reason) => error(400, "invalid_grant", reason),
    }
}

fn checked(call: &Call<'_>, assertion: &str) -> Result<(), &'static str> {
    let (signed, signature) = assertion
        .rsplit_once('.')
        .ok_or("The assertion has no signature.")?;
    let (header, claims) = signed
        .split_once('.')
        .ok_or("The assertion has no claims.")?;
    let part = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let header = part(header).ok_or("The header is no JSON.")?;
    let claims = part(claims).ok_or("The claims are no JSON.")?;
    if header["alg"] != "RS256" {
        return Err("The algorithm must be RS256.");
    }
    if claims["iss"] != CLIENT_ID || claims["sub"] != CLIENT_ID {
        return Err("iss and sub must be the client id.");
    }
    let audience = claims["aud"].as_str().unwrap_or_default();
    if !audience.contains(call.request.path.as_str()) {
        return Err("aud must be this endpoint.");
    }
    let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    if expires
        .zip(issued)
        .is_none_or(|(expires, issued)| expires <= issued)
    {
        return Err("exp must be later than iat.");
    }
    verified(call, signed, signature)
}

fn verified(call: &Call<'_>, signed: &str, signature: &str) -> Result<(), &'static str> {
    let Some(key) = &call.state.options.jwt_public_key else {
        return Ok(());
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| "The signature is no base64.")?;
    let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pkcs1(key));
    key.verify(signed.as_bytes(), &bytes)
        .map_err(|_| "The signature does not fit.")
}

/// The inner key of a `SubjectPublicKeyInfo` of an RSA key; a PKCS #1 key as it is.
fn pkcs1(key: &[u8]) -> &[u8] {
    // SEQUENCE, AlgorithmIdentifier (15 bytes for RSA), BIT STRING: 24 bytes in all for keys from 2048 to 4096 bits.
    const WRAPPING: usize = 24;
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let is_wrapped =
        key.len() > WRAPPING && key[..WRAPPING].windows(RSA.len()).any(|part| part == RSA);
    if is_wrapped { &key[WRAPPING..] } else { key }
}

/// Lists behind keys that are not bearer tokens of OAuth.
pub(super) fn guarded(call: &Call<'_>, name: &str) -> Answer {
    let key = &call.state.options.key;
    let header = |name: &str| call.request.header(name).unwrap_or_default();
    let is_let_in = match name {
        "api-key-header" => header("x-api-key") == key,
        "api-key-cookie" => header("cookie")
            .split("; ")
            .any(|pair| pair.strip_prefix("api_key=") == Some(key)),
        "bearer" => header("authorization") == format!("Bearer {key}"),
        "basic" => {
            let pair = STANDARD.encode(format!("{key}:{}", call.state.options.secret));
            header("authorization") == format!("Basic {pair}")
        }
        _ => is_signed(call, header("signature")),
    };
    if is_let_in {
        return rows(call);
    }
    error(401, "unauthorized", "Credentials are missing or wrong.")
}

/// HMAC over the body, SHA-1 or SHA-256, in base64 or hex.
fn is_signed(call: &Call<'_>, given: &str) -> bool {
    let secret = call.state.options.secret.as_bytes();
    [hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA256]
        .iter()
        .any(|algorithm| {
            let tag = hmac::sign(&hmac::Key::new(*algorithm, secret), &call.request.body);
            let hex: String = tag
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            given == STANDARD.encode(tag.as_ref()) || given == hex
        })
}
