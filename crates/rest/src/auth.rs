//! Who signs requests: keys, passwords, tokens, signatures (spec/rest-api.md §12).
//!
//! What is fetched (OAuth tokens) is fetched before a request takes its place in the budget, by one task at a time, and
//! kept until shortly before it expires or until a 401. Signing itself is pure. Resources with equal settings share an
//! [`Authenticator`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE};
use serde_json::{Value, json};
use tipple_config::{Secret, hide};
use tokio::time::Instant;
use url::Url;

use crate::error::Failure;
use crate::http::{Answer, Call, Client, Content, Sender, Signed, Verdict, header, shown_url};
use crate::model::{
    Auth, ClientCredentials, Hmac, HmacAlgorithm, HmacEncoding, JwtBearer, KeyLocation, Method,
};

mod jwt;

pub(crate) use jwt::rsa_key;

use jwt::signed_jwt;

/// A token is renewed this long before it expires.
const EARLY: Duration = Duration::from_secs(30);

/// Life of a signed JWT.
const JWT_SECONDS: u64 = 3_600;

/// Signs the requests of resources with equal `auth`.
pub(crate) struct Authenticator {
    auths: Arc<[Auth]>,
    /// One per entry; used by those that fetch.
    tokens: Vec<TokenSlot>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("auths", &self.auths)
            .finish()
    }
}

#[derive(Default)]
struct TokenSlot {
    /// Held while a token is fetched, so that one request serves all who wait.
    fetching: tokio::sync::Mutex<()>,
    token: Mutex<Option<Token>>,
    is_given_used_up: Mutex<bool>,
}

#[derive(Clone)]
struct Token {
    value: Secret<String>,
    fetched_at: Instant,
    /// None: until the first 401.
    renew_at: Option<Instant>,
}

/// Everything that a request needs to be signed.
pub(crate) struct Credentials<'a> {
    auths: &'a [Auth],
    tokens: Vec<Option<Secret<String>>>,
}

impl Authenticator {
    /// For these settings; makes their secrets unprintable.
    pub(crate) fn new(auths: Arc<[Auth]>) -> Self {
        auths.iter().for_each(hide_secrets);
        Authenticator {
            tokens: auths.iter().map(|_| TokenSlot::default()).collect(),
            auths,
        }
    }

    /// Fetches what has to be fetched.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub(crate) async fn prepare<'a>(
        &'a self,
        client: &Client,
        sender: &Sender,
    ) -> Result<Credentials<'a>, Failure> {
        let mut tokens = Vec::with_capacity(self.auths.len());
        for (auth, slot) in self.auths.iter().zip(&self.tokens) {
            tokens.push(match auth {
                Auth::ClientCredentials(settings) => {
                    let given = settings.access_token.clone();
                    let call = || client_credentials_call(settings);
                    let life = settings.default_expiration;
                    Some(slot.token(client, sender, given, life, call).await?)
                }
                Auth::JwtBearer(settings) => {
                    let call = || jwt_call(settings, SystemTime::now());
                    let life = settings.default_expiration;
                    Some(slot.token(client, sender, None, life, call).await?)
                }
                _ => None,
            });
        }
        Ok(Credentials {
            auths: &self.auths,
            tokens,
        })
    }

    /// Forgets the tokens with which a request was signed at `signed_at` and answered with 401; false when there are
    /// none, so that asking again is useless. A token that another task has fetched since then is kept.
    pub(crate) fn forget(&self, signed_at: Instant) -> bool {
        let mut has_tokens = false;
        for (auth, slot) in self.auths.iter().zip(&self.tokens) {
            if matches!(auth, Auth::ClientCredentials(_) | Auth::JwtBearer(_)) {
                locked(&slot.token).take_if(|token| token.fetched_at <= signed_at);
                *locked(&slot.is_given_used_up) = true;
                has_tokens = true;
            }
        }
        has_tokens
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TokenSlot {
    async fn token(
        &self,
        client: &Client,
        sender: &Sender,
        given: Option<Secret<String>>,
        default_life: Duration,
        call: impl Fn() -> Result<Call, Failure>,
    ) -> Result<Secret<String>, Failure> {
        if let Some(given) = given.filter(|_| !*locked(&self.is_given_used_up)) {
            return Ok(given);
        }
        let _fetching = self.fetching.lock().await;
        if let Some(token) = self.valid() {
            return Ok(token);
        }
        let token = fetch(client, sender, &call()?, default_life).await?;
        *locked(&self.token) = Some(token.clone());
        Ok(token.value)
    }

    fn valid(&self) -> Option<Secret<String>> {
        let token = locked(&self.token).clone()?;
        let is_valid = token.renew_at.is_none_or(|at| Instant::now() < at);
        is_valid.then_some(token.value)
    }
}

async fn fetch(
    client: &Client,
    sender: &Sender,
    call: &Call,
    default_life: Duration,
) -> Result<Token, Failure> {
    let nobody = Authenticator::new(Arc::from([]));
    // Statuses of token servers that mean "no" are taken as they are: their body says why.
    let judge = |answer: &Answer| match answer.status {
        429 | 500..=599 => Verdict::ByStatus,
        _ => Verdict::Take,
    };
    let answer = Box::pin(client.send(sender, call, &nobody, &judge)).await;
    let answer = answer.map_err(|failure| match failure {
        Failure::Stopped => Failure::Stopped,
        failure => Failure::Token {
            reason: format!("{failure} ({})", shown_url(&call.url)),
        },
    })?;
    read_token(&answer, default_life)
}

fn read_token(answer: &Answer, default_life: Duration) -> Result<Token, Failure> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let place = shown_url(&answer.url);
    let Some(value) = text("access_token").filter(|_| answer.status < 400) else {
        let said = [text("error"), text("error_description")];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let said = match said.is_empty() {
            true => "the answer has no `access_token`".to_owned(),
            false => said.join(": "),
        };
        return Err(Failure::Token {
            reason: format!("{place} answered {}: {said}", answer.status),
        });
    };
    hide(value);
    let seconds = body.get("expires_in").and_then(|seconds| match seconds {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    });
    let life = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    let life = life.unwrap_or(default_life);
    // A token that lives shorter than the margin would be fetched for every request.
    let life = if life > EARLY * 2 {
        life - EARLY
    } else {
        life / 2
    };
    Ok(Token {
        value: Secret::new(value.to_owned()),
        fetched_at: Instant::now(),
        renew_at: Some(Instant::now() + life),
    })
}

fn client_credentials_call(settings: &ClientCredentials) -> Result<Call, Failure> {
    let mut fields = vec![
        ("client_id".to_owned(), settings.client_id.expose().clone()),
        (
            "client_secret".to_owned(),
            settings.client_secret.expose().clone(),
        ),
        ("grant_type".to_owned(), "client_credentials".to_owned()),
    ];
    for (name, value) in &settings.request_data {
        let value = value.expose().clone();
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => fields.push((name.clone(), value)),
        }
    }
    form_post(&settings.access_token_url, fields, Vec::new())
}

fn form_post(
    url: &str,
    fields: Vec<(String, String)>,
    headers: Vec<(String, String)>,
) -> Result<Call, Failure> {
    let url: Url = url.parse().map_err(|_| Failure::Token {
        reason: "the URL of the token server is not valid".to_owned(),
    })?;
    Ok(Call {
        method: Method::Post,
        url,
        params: Vec::new(),
        headers,
        content: Content::Form(fields),
    })
}

fn jwt_call(settings: &JwtBearer, now: SystemTime) -> Result<Call, Failure> {
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let mut claims = json!({
        "iss": settings.client_id.expose(),
        "sub": settings.client_id.expose(),
        "aud": settings.auth_endpoint,
        "exp": now + JWT_SECONDS,
        "iat": now,
    });
    if let Some(scopes) = &settings.scopes {
        claims["scope"] = json!(scopes);
    }
    let assertion = signed_jwt(&claims, settings).map_err(|error| Failure::Token {
        reason: format!("`private_key`: {error}"),
    })?;
    hide(&assertion);
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let fields = vec![
        ("grant_type".to_owned(), grant.to_owned()),
        ("assertion".to_owned(), assertion),
    ];
    let headers = settings.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.expose().clone()));
    form_post(&settings.auth_endpoint, fields, headers.collect())
}

impl Credentials<'_> {
    /// Adds signatures to a request, in the order of the settings.
    ///
    /// # Errors
    /// A key that cannot be sent as a header.
    pub(crate) fn sign(&self, request: &mut Signed) -> Result<(), Failure> {
        for (auth, token) in self.auths.iter().zip(&self.tokens) {
            match auth {
                Auth::Bearer { token } => bearer(request, token)?,
                Auth::ClientCredentials(_) | Auth::JwtBearer(_) => {
                    if let Some(token) = token {
                        bearer(request, token)?;
                    }
                }
                Auth::Basic { username, password } => {
                    let pair = format!("{}:{}", username.expose(), password.expose());
                    set(
                        request,
                        AUTHORIZATION.as_str(),
                        &format!("Basic {}", STANDARD.encode(pair)),
                    )?;
                }
                Auth::ApiKey {
                    name,
                    key,
                    location,
                } => api_key(request, name, key, *location)?,
                Auth::Hmac(settings) => {
                    let body = request.body.clone().unwrap_or_default();
                    set(request, &settings.header, &signature(settings, &body))?;
                }
            }
        }
        Ok(())
    }
}

fn bearer(request: &mut Signed, token: &Secret<String>) -> Result<(), Failure> {
    set(
        request,
        AUTHORIZATION.as_str(),
        &format!("Bearer {}", token.expose()),
    )
}

fn set(request: &mut Signed, name: &str, value: &str) -> Result<(), Failure> {
    let (name, mut value) = header(name, value)?;
    value.set_sensitive(true);
    request.headers.insert(name, value);
    Ok(())
}

fn api_key(
    request: &mut Signed,
    name: &str,
    key: &Secret<String>,
    location: KeyLocation,
) -> Result<(), Failure> {
    match location {
        KeyLocation::Header => set(request, name, key.expose()),
        KeyLocation::Query => {
            request
                .url
                .query_pairs_mut()
                .append_pair(name, key.expose());
            Ok(())
        }
        KeyLocation::Cookie => {
            let others = request
                .headers
                .get(COOKIE)
                .and_then(|value| value.to_str().ok());
            let others = others
                .map(|others| format!("{others}; "))
                .unwrap_or_default();
            set(
                request,
                COOKIE.as_str(),
                &format!("{others}{name}={}", key.expose()),
            )
        }
    }
}

/// Signature over the exact bytes of a body.
fn signature(settings: &Hmac, body: &[u8]) -> String {
    let algorithm = match settings.algorithm {
        HmacAlgorithm::Sha1 => ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        HmacAlgorithm::Sha256 => ring::hmac::HMAC_SHA256,
    };
    let key = ring::hmac::Key::new(algorithm, settings.secret_key.expose().as_bytes());
    let tag = ring::hmac::sign(&key, body);
    match settings.encoding {
        HmacEncoding::Base64 => STANDARD.encode(tag),
        HmacEncoding::Hex => tag
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

fn hide_secrets(auth: &Auth) {
    match auth {
        Auth::Bearer { token } => hide(token.expose()),
        Auth::ApiKey { key, .. } => hide(key.expose()),
        Auth::Basic { username, password } => {
            hide(password.expose());
            // An empty password means that the user name is the key.
            if password.expose().is_empty() {
                hide(username.expose());
            }
            let pair = format!("{}:{}", username.expose(), password.expose());
            hide(&STANDARD.encode(pair));
        }
        Auth::ClientCredentials(settings) => {
            hide(settings.client_secret.expose());
            let given = settings.access_token.iter();
            let fields = settings.request_data.iter();
            given
                .chain(
                    fields
                        .filter(|(name, _)| is_secret_field(name))
                        .map(|(_, value)| value),
                )
                .for_each(|value| hide(value.expose()));
        }
        Auth::JwtBearer(settings) => {
            hide(settings.private_key.expose());
            settings.private_key.expose().lines().for_each(hide);
            let given = settings.private_key_passphrase.iter();
            given.for_each(|passphrase| hide(passphrase.expose()));
        }
        Auth::Hmac(settings) => hide(settings.secret_key.expose()),
    }
}

/// Scopes and audiences are ordinary words that would be missed in messages.
fn is_secret_field(name: &str) -> bool {
    ["password", "secret", "token", "key", "assertion"]
        .iter()
        .any(|word| name.to_lowercase().contains(word))
}

#[cfg(test)]
mod tests;
