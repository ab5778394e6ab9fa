//! Sending one request until it is answered: limits, signatures, redirects, repetition.
//!
//! Everything about HTTP that is not pagination happens here, so that a sequence of pages sees either an answer or a
//! [`Failure`]. One retry budget covers a request with all its redirects (spec/rest-api.md §16). Start with
//! [`Client::send`].

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use tipple_config::redact;
use tipple_json::{Value, write_compact};
use tipple_source::{Notify, SourceEvent};
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::auth::{Authenticator, Credentials};
use crate::error::{Failure, Transport, excerpt};
use crate::limiter::Limiter;
use crate::model::{HttpPolicy, Method};
use crate::retry::{RetryPolicy, quota, server_wait};

/// Redirects of one request, as in dlt.
const REDIRECTS_MAX: usize = 30;

/// Room that is made for a body at once; an answer may announce any length.
const BODY_BYTES_RESERVED: usize = 16 << 20;

/// Connections that are kept open, per host.
const IDLE_CONNECTIONS_MAX: usize = 50;

/// Query parameters whose values are never shown, in lower case (spec/rest-api.md §17).
const SECRET_PARAMS: [&str; 12] = [
    "api_key",
    "token",
    "key",
    "access_token",
    "apikey",
    "api-key",
    "access-token",
    "secret",
    "password",
    "pwd",
    "client_secret",
    "signature",
];

/// A request before it is signed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// With its own query, if it has one.
    pub(crate) url: Url,
    /// Added to the query.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
}

/// Body of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    Text(String),
}

impl Call {
    /// URL with all parameters.
    pub(crate) fn full_url(&self) -> Url {
        let mut url = self.url.clone();
        if !self.params.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.params);
        }
        url
    }

    /// Replaces all values of a parameter, at its place, or adds it at the end.
    pub(crate) fn set_param(&mut self, name: &str, value: String) {
        let at = self.params.iter().position(|(known, _)| known == name);
        self.params.retain(|(known, _)| known != name);
        let at = at.unwrap_or(self.params.len()).min(self.params.len());
        self.params.insert(at, (name.to_owned(), value));
    }

    /// Bytes of the body and their type.
    pub(crate) fn body(&self) -> Option<(Bytes, Option<&'static str>)> {
        match &self.content {
            Content::None => None,
            Content::Json(value) => {
                let mut text = String::new();
                write_compact(value, &mut text);
                Some((Bytes::from(text), Some("application/json")))
            }
            Content::Form(fields) => {
                let mut text = url::form_urlencoded::Serializer::new(String::new());
                text.extend_pairs(fields);
                let text = text.finish();
                Some((Bytes::from(text), Some("application/x-www-form-urlencoded")))
            }
            Content::Text(text) => Some((Bytes::from(text.clone()), None)),
        }
    }

    /// Tells requests apart: method, URL and body, not the signature. The same in every run.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(self.method.as_str().as_bytes());
        digest.update(b" ");
        digest.update(self.full_url().as_str().as_bytes());
        if let Some((body, _)) = self.body() {
            digest.update(b" ");
            digest.update(&body);
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.finish().as_ref()[..8]);
        u64::from_le_bytes(bytes)
    }

    /// Method and URL for messages.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, shown_url(&self.full_url()))
    }
}

/// A URL for messages: no password, no value of a parameter that is a secret by its name or by its value.
pub(crate) fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Only URLs that cannot have a host refuse; those have no password either.
        let _ = url.set_password(Some("***"));
    }
    let text = url.to_string();
    let Some((path, query)) = text.split_once('?') else {
        return redact(&text).into_owned();
    };
    let shown = query.split('&').map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let is_secret = SECRET_PARAMS.contains(&name.to_lowercase().as_str());
        match is_secret {
            true => format!("{name}=***"),
            false => pair.to_owned(),
        }
    });
    let query = shown.collect::<Vec<_>>().join("&");
    redact(&format!("{path}?{query}")).into_owned()
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its status decides.
    ByStatus,
    /// It is taken whatever its status.
    Take,
    /// It is repeated as if the server had failed.
    Repeat,
    /// The load fails now.
    Raise,
}

/// Judges answers; called for every one.
pub(crate) type Judge<'a> = &'a (dyn Fn(&Answer) -> Verdict + Send + Sync);

/// Who sends a request, and who hears of it.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) resource: Arc<str>,
    pub(crate) notify: Notify,
    /// True once the user has asked to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Sender {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits, unless the user asks to stop.
    async fn wait(&self, wait: Duration) -> Result<(), Failure> {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            _ = stop.wait_for(|is_stopped| *is_stopped) => Err(Failure::Stopped),
        }
    }
}

/// Sends requests of one source.
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) limiter: Arc<Limiter>,
    policy: RetryPolicy,
    follows_redirects: bool,
    body_bytes_max: usize,
    error_body_max: Option<usize>,
}

impl Client {
    /// A client with these rules.
    ///
    /// # Errors
    /// A certificate file, proxy or user agent that cannot be used.
    pub(crate) fn new(policy: &HttpPolicy) -> Result<Self, Failure> {
        Ok(Client {
            http: build(policy)?,
            limiter: Limiter::new(policy.max_concurrency, policy.max_rps),
            policy: RetryPolicy {
                attempts_max: policy.max_attempts.max(1),
                backoff_factor: policy.backoff.as_secs_f64(),
                delay_max: policy.max_retry_delay,
                total_wait_max: policy.max_total_wait,
                statuses: policy.retry_statuses.clone(),
                has_jitter: true,
            },
            follows_redirects: policy.follow_redirects,
            body_bytes_max: policy.max_body_bytes,
            error_body_max: policy.show_error_body.then_some(policy.error_body_max),
        })
    }

    /// Sends a request until it has a final answer.
    ///
    /// # Errors
    /// [`Failure`] when no attempt gave an answer that may be taken.
    pub(crate) async fn send(
        &self,
        sender: &Sender,
        call: &Call,
        auth: &Authenticator,
        judge: Judge<'_>,
    ) -> Result<Answer, Failure> {
        let mut budget = Budget::default();
        let mut has_refreshed = false;
        loop {
            if sender.is_stopped() {
                return Err(Failure::Stopped);
            }
            let credentials = auth.prepare(self, sender).await?;
            let signed_at = Instant::now();
            let failed = match self.attempt(sender, call, &credentials).await {
                Err(Failure::Transport { kind, detail, .. }) => Failed::Transport(kind, detail),
                Err(failure) => return Err(failure),
                Ok(answer) => match judge(&answer) {
                    Verdict::Take => return Ok(answer),
                    Verdict::ByStatus if answer.status < 400 => return Ok(answer),
                    Verdict::ByStatus
                        if answer.status == 401 && !has_refreshed && auth.forget(signed_at) =>
                    {
                        has_refreshed = true;
                        continue;
                    }
                    Verdict::Repeat => Failed::Answer(answer),
                    Verdict::ByStatus if self.policy.repeats(answer.status) => {
                        Failed::Answer(answer)
                    }
                    Verdict::ByStatus | Verdict::Raise => {
                        return Err(self.status_failure(&answer, budget.sent + 1));
                    }
                },
            };
            self.before_next(sender, &mut budget, failed).await?;
        }
    }

    /// Waits before the next attempt, or gives up.
    async fn before_next(
        &self,
        sender: &Sender,
        budget: &mut Budget,
        failed: Failed,
    ) -> Result<(), Failure> {
        let asked = match &failed {
            Failed::Answer(answer) => server_wait(&answer.headers, SystemTime::now()),
            Failed::Transport(..) => None,
        };
        let asked = asked.map(|wait| wait.min(self.policy.delay_max));
        // A wait that the server asks for is no failure: a limit per minute must not end a load.
        let is_free = asked.is_some_and(|wait| budget.waited + wait <= self.policy.total_wait_max);
        if !is_free {
            budget.attempts += 1;
            let is_final = matches!(&failed, Failed::Transport(kind, _) if !kind.is_transient());
            if is_final || budget.attempts >= self.policy.attempts_max {
                return Err(self.give_up(budget, failed));
            }
        }
        budget.sent += 1;
        let wait = asked.unwrap_or_else(|| self.policy.backoff(budget.attempts, chance()));
        if let (Some(wait), Failed::Answer(answer)) = (asked, &failed) {
            budget.waited += wait;
            self.limiter
                .pause(wait, &format!("rate limited ({})", answer.status));
        }
        (sender.notify)(SourceEvent::Retrying {
            resource: Arc::clone(&sender.resource),
            attempt: budget.sent,
            wait,
            reason: failed.reason(),
        });
        sender.wait(wait).await
    }

    fn give_up(&self, budget: &Budget, failed: Failed) -> Failure {
        match failed {
            Failed::Transport(kind, detail) => Failure::Transport {
                kind,
                detail,
                attempts: budget.sent + 1,
            },
            Failed::Answer(answer) if answer.status == 429 => Failure::RateLimited {
                status: answer.status,
                waited: budget.waited,
                attempts: budget.sent + 1,
            },
            Failed::Answer(answer) => self.status_failure(&answer, budget.sent + 1),
        }
    }

    fn status_failure(&self, answer: &Answer, attempts: u32) -> Failure {
        Failure::Status {
            status: answer.status,
            attempts,
            body: self
                .error_body_max
                .map(|bytes| excerpt(&answer.body, bytes)),
        }
    }

    /// One attempt with all its redirects.
    async fn attempt(
        &self,
        sender: &Sender,
        call: &Call,
        credentials: &Credentials<'_>,
    ) -> Result<Answer, Failure> {
        let tell = |hold: &crate::limiter::Hold| {
            (sender.notify)(SourceEvent::Waiting {
                resource: Arc::clone(&sender.resource),
                wait: hold.wait,
                reason: hold.reason.clone(),
            });
        };
        let permit = tokio::select! {
            permit = self.limiter.acquire(&tell) => permit,
            stopped = stopped(sender) => return Err(stopped),
        };
        let mut hop = Hop::first(call)?;
        for _ in 0..=REDIRECTS_MAX {
            let mut signed = hop.request.clone();
            if hop.is_home {
                credentials.sign(&mut signed)?;
            }
            let answer = self.exchange(signed).await?;
            (sender.notify)(SourceEvent::Answered {
                resource: Arc::clone(&sender.resource),
                status: answer.status,
            });
            if let Some(quota) = quota(&answer.headers, SystemTime::now()) {
                self.limiter.note_quota(quota);
            }
            match hop.redirected(&answer).filter(|_| self.follows_redirects) {
                Some(next) => hop = next,
                None => {
                    drop(permit);
                    return Ok(answer);
                }
            }
        }
        Err(Failure::Redirects {
            limit: REDIRECTS_MAX,
        })
    }

    async fn exchange(&self, signed: Signed) -> Result<Answer, Failure> {
        let method = reqwest::Method::from_bytes(signed.method.as_str().as_bytes())
            .unwrap_or(reqwest::Method::GET);
        let mut request = self
            .http
            .request(method, signed.url.clone())
            .headers(signed.headers);
        if let Some(body) = signed.body {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(|error| transport(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let announced = response.content_length().unwrap_or(0) as usize;
        let mut body = Vec::with_capacity(announced.min(BODY_BYTES_RESERVED));
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
            if body.len() + chunk.len() > self.body_bytes_max {
                let detail = format!("it has more than {} MiB", self.body_bytes_max >> 20);
                return Err(lost(Transport::TooLarge, detail));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            url: signed.url,
            body: Bytes::from(body),
        })
    }
}

async fn stopped(sender: &Sender) -> Failure {
    let mut stop = sender.stop.clone();
    // An error means that the reader is gone: nobody wants the answer any more.
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
    Failure::Stopped
}

/// What the attempts of one request have used up.
#[derive(Debug, Default)]
struct Budget {
    /// Attempts that count.
    attempts: u32,
    /// Attempts in all.
    sent: u32,
    /// Sum of the waits that the server has asked for.
    waited: Duration,
}

/// An attempt that may be repeated.
enum Failed {
    Answer(Answer),
    Transport(Transport, String),
}

impl Failed {
    fn reason(&self) -> String {
        match self {
            Failed::Answer(answer) if answer.status == 429 => "rate limited (429)".to_owned(),
            Failed::Answer(answer) => format!("the API answered {}", answer.status),
            Failed::Transport(_, detail) => redact(detail).into_owned(),
        }
    }
}

/// A request as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// One request of a chain of redirects.
struct Hop {
    request: Signed,
    /// The host is that of the first request: signatures may be sent.
    is_home: bool,
    home: (Option<String>, Option<u16>),
}

impl Hop {
    fn first(call: &Call) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        let body = call.body();
        if let Some((_, Some(kind))) = body
            && !headers.contains_key(CONTENT_TYPE)
        {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let url = call.full_url();
        Ok(Hop {
            home: host_of(&url),
            is_home: true,
            request: Signed {
                method: call.method,
                url,
                headers,
                body: body.map(|(bytes, _)| bytes),
            },
        })
    }

    /// Where the answer points to.
    fn redirected(&self, answer: &Answer) -> Option<Hop> {
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let location = answer
            .headers
            .get(LOCATION)
            .filter(|_| is_redirect)?
            .to_str()
            .ok()?;
        let mut request = self.request.clone();
        request.url = self.request.url.join(location).ok()?;
        let keeps_method = matches!(answer.status, 307 | 308);
        if !keeps_method && request.method != Method::Get {
            request.method = Method::Get;
            request.body = None;
            request.headers.remove(CONTENT_TYPE);
        }
        let is_home = self.is_home && host_of(&request.url) == self.home;
        if !is_home {
            request.headers.remove(reqwest::header::AUTHORIZATION);
            request.headers.remove(reqwest::header::COOKIE);
        }
        Some(Hop {
            request,
            is_home,
            home: self.home.clone(),
        })
    }
}

fn host_of(url: &Url) -> (Option<String>, Option<u16>) {
    let host = url.host_str().map(str::to_lowercase);
    (host, url.port_or_known_default())
}

/// A header that can be sent.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let parsed = (
        name.parse::<HeaderName>(),
        HeaderValue::from_bytes(value.as_bytes()),
    );
    match parsed {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(Failure::Request {
            reason: format!("the header `{name}` has a name or value that cannot be sent"),
            help: "header values are one line of text".to_owned(),
        }),
    }
}

fn lost(kind: Transport, detail: String) -> Failure {
    Failure::Transport {
        kind,
        detail,
        attempts: 1,
    }
}

fn transport(error: &reqwest::Error) -> Failure {
    let chain = chain_of(error);
    let is_tls = is_tls(error);
    let has = |word: &str| chain.iter().any(|text| text.contains(word));
    let kind = if is_tls {
        Transport::Tls
    } else if error.is_builder() {
        Transport::Invalid
    } else if error.is_timeout() {
        Transport::Timeout
    } else if has("dns error") {
        Transport::Name
    } else if error.is_connect() {
        Transport::Connect
    } else if error.is_body() || error.is_decode() {
        Transport::Body
    } else {
        Transport::Closed
    };
    // The outermost text names the URL; the innermost says what happened.
    let detail = chain.last().cloned().unwrap_or_default();
    lost(kind, redact(&detail).into_owned())
}

fn chain_of(error: &reqwest::Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<rustls::Error>()
            || error
                .downcast_ref::<std::io::Error>()
                .is_some_and(holds_tls)
        {
            return true;
        }
        source = error.source();
    }
    false
}

/// Errors of input and output wrap others, several times over.
fn holds_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>()
            || inner
                .downcast_ref::<std::io::Error>()
                .is_some_and(holds_tls)
    })
}

fn build(policy: &HttpPolicy) -> Result<reqwest::Client, Failure> {
    // Fails when a provider is set already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own_agent = concat!("tipple/", env!("CARGO_PKG_VERSION"));
    let mut builder = reqwest::Client::builder()
        .user_agent(policy.user_agent.as_deref().unwrap_or(own_agent))
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.timeout)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .http1_only();
    if let Some(proxy) = &policy.proxy {
        let proxy = reqwest::Proxy::all(proxy.expose().as_str());
        builder =
            builder.proxy(proxy.map_err(|_| unusable("client.http.proxy", "no URL of a proxy"))?);
    }
    if let Some(path) = &policy.ca_file {
        for certificate in certificates(path)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder
        .build()
        .map_err(|error| unusable("client.http", &chain_of(&error).join(": ")))
}

fn certificates(path: &std::path::Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        unusable(
            "client.http.ca_file",
            &format!("cannot read `{shown}`: {error}"),
        )
    })?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    match found.is_empty() {
        true => Err(unusable(
            "client.http.ca_file",
            &format!("`{shown}` holds no certificate in PEM"),
        )),
        false => Ok(found),
    }
}

fn unusable(key: &str, reason: &str) -> Failure {
    Failure::Request {
        reason: format!("`{key}`: {reason}"),
        help: format!("correct `{key}`"),
    }
}

/// A random number below 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness there is no jitter, which harms nobody.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str) -> Call {
        Call {
            method: Method::Get,
            url: url.parse().unwrap(),
            params: Vec::new(),
            headers: Vec::new(),
            content: Content::None,
        }
    }

    #[test]
    fn parameters_are_added_to_the_query_of_the_path() {
        let mut call = call("https://h/p?x=1");
        call.params = vec![
            ("a b".to_owned(), "1&ü".to_owned()),
            ("c".to_owned(), "2".to_owned()),
        ];
        assert_eq!(
            call.full_url().as_str(),
            "https://h/p?x=1&a+b=1%26%C3%BC&c=2"
        );
    }

    #[test]
    fn a_parameter_is_replaced_at_its_place() {
        let mut call = call("https://h/p");
        for (name, value) in [("page", "1"), ("q", "x"), ("page", "2"), ("r", "y")] {
            call.params.push((name.to_owned(), value.to_owned()));
        }
        call.set_param("page", "7".to_owned());
        call.set_param("cursor", "c".to_owned());
        assert_eq!(call.full_url().query(), Some("page=7&q=x&r=y&cursor=c"));
    }

    #[test]
    fn urls_are_shown_without_secrets() {
        tipple_config::hide("canary-url-4711");
        let shown = |text: &str| shown_url(&text.parse().unwrap());
        assert_eq!(
            shown("https://u:canary-pw@h/p?API_KEY=canary&page=2&subscription-key=canary-url-4711"),
            "https://u:***@h/p?API_KEY=***&page=2&subscription-key=***"
        );
        assert_eq!(shown("https://h/canary-url-4711/x"), "https://h/***/x");
    }

    #[test]
    fn requests_differ_by_method_url_and_body() {
        let one = call("https://h/p");
        let mut other = one.clone();
        assert_eq!(one.fingerprint(), other.fingerprint());
        other.content = Content::Text("x".to_owned());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    fn answer(status: u16, location: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        Answer {
            status,
            headers,
            url: "https://h/".parse().unwrap(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_redirect_to_another_host_leaves_credentials_behind() {
        let mut start = call("https://h/p");
        start.headers = vec![
            ("Authorization".to_owned(), "x".to_owned()),
            ("X-Own".to_owned(), "y".to_owned()),
        ];
        let hop = Hop::first(&start).unwrap();
        let same = hop.redirected(&answer(302, "/q")).unwrap();
        assert!(same.is_home && same.request.headers.contains_key("authorization"));
        let away = hop.redirected(&answer(307, "https://other/q")).unwrap();
        assert!(!away.is_home && !away.request.headers.contains_key("authorization"));
        assert!(away.request.headers.contains_key("x-own"));
        let back = away.redirected(&answer(307, "https://h/q")).unwrap();
        assert!(!back.is_home, "credentials do not come back");
    }

    #[test]
    fn a_redirect_turns_a_post_into_a_get_unless_it_says_otherwise() {
        let mut start = call("https://h/p");
        start.method = Method::Post;
        start.content = Content::Text("x".to_owned());
        let hop = Hop::first(&start).unwrap();
        let seen = hop.redirected(&answer(303, "/q")).unwrap().request;
        assert_eq!((seen.method, seen.body), (Method::Get, None));
        let kept = hop.redirected(&answer(308, "/q")).unwrap().request;
        assert_eq!(kept.method, Method::Post);
        assert!(kept.body.is_some());
    }
}
