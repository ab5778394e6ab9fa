//! What can go wrong with a request, said for the user.
//!
//! A failure knows its cause; where it happened is added by whoever sent the request, once, when it leaves this crate as
//! a [`SourceError`]. Every text passes the redactor on its way out. Start with [`Failure`].

use std::time::Duration;

use tipple_config::redact;
use tipple_source::SourceError;

/// Bytes of a body that a message quotes.
pub(crate) const EXCERPT_BYTES_MAX: usize = 200;

/// Why a request gave no page.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the API answered {status}{}", reason_of(*.status))]
    Status {
        status: u16,
        attempts: u32,
        /// Beginning of the body, when the settings show it.
        body: Option<String>,
    },
    #[error("the API limited the rate for longer than allowed")]
    RateLimited {
        status: u16,
        waited: Duration,
        attempts: u32,
    },
    #[error("{}", .kind.what())]
    Transport {
        kind: Transport,
        detail: String,
        attempts: u32,
    },
    #[error("the API did not answer with JSON")]
    NotJson {
        status: u16,
        content_type: String,
        reason: String,
        excerpt: String,
    },
    #[error("more than {limit} redirects")]
    Redirects { limit: usize },
    #[error("no access token could be fetched")]
    Token { reason: String },
    #[error("the pages do not end")]
    Endless { reason: String, proposal: String },
    #[error("the paginator cannot go on")]
    Paginator { reason: String, help: String },
    #[error("the request cannot be made")]
    Request { reason: String, help: String },
    #[error("the answer cannot be used")]
    Answer {
        code: &'static str,
        reason: String,
        help: String,
    },
    #[error("interrupted")]
    Stopped,
}

/// How the connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Name,
    Connect,
    Tls,
    Timeout,
    Closed,
    Body,
    TooLarge,
    Invalid,
}

impl Transport {
    /// A repetition can help.
    pub(crate) fn is_transient(self) -> bool {
        !matches!(
            self,
            Transport::Tls | Transport::TooLarge | Transport::Invalid
        )
    }

    fn what(self) -> &'static str {
        match self {
            Transport::Name => "the name of the host cannot be resolved",
            Transport::Connect => "the host does not accept connections",
            Transport::Tls => "no secure connection can be made",
            Transport::Timeout => "the API did not answer in time",
            Transport::Closed => "the connection was closed without an answer",
            Transport::Body => "the answer ended too early",
            Transport::TooLarge => "the answer is too large",
            Transport::Invalid => "the request is not valid",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Transport::Name => "source.http.dns",
            Transport::Tls => "source.http.tls",
            Transport::Timeout => "source.http.timeout",
            _ => "source.http.connection",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Transport::Name => {
                "check the host of `base_url`, and whether this machine has a network"
            }
            Transport::Connect => "check host and port of `base_url`, and `client.http.proxy`",
            Transport::Tls => {
                "if the server has a certificate of its own authority, name it with `client.http.ca_file`"
            }
            Transport::Timeout => "raise `client.http.timeout`, or ask for smaller pages",
            Transport::Closed | Transport::Body => "trying again later can help",
            Transport::TooLarge => {
                "ask for smaller pages, or raise `client.http.max_body_mib`: an answer is held in memory as a whole"
            }
            Transport::Invalid => "check `base_url`, `path`, `headers` and `client.http`",
        }
    }
}

impl Failure {
    /// The error for the user, at the place where it happened.
    pub(crate) fn at(&self, place: &str) -> SourceError {
        if *self == Failure::Stopped {
            return SourceError::Other {
                code: "pipeline.interrupted",
                message: "interrupted".to_owned(),
                help: vec!["run again to go on".to_owned()],
                cause: None,
            };
        }
        SourceError::Remote {
            code: self.code(),
            what: redact(&self.to_string()).into_owned(),
            place: redact(place).into_owned(),
            why: redact(&self.why()).into_owned(),
            help: vec![redact(&self.help()).into_owned()],
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Failure::Status {
                status: 401 | 403, ..
            } => "source.http.unauthorized",
            Failure::Status { status: 404, .. } => "source.http.not_found",
            Failure::Status { .. } => "source.http.status",
            Failure::RateLimited { .. } => "source.http.rate_limited",
            Failure::Transport { kind, .. } => kind.code(),
            Failure::NotJson { .. } => "source.http.not_json",
            Failure::Redirects { .. } => "source.http.redirects",
            Failure::Token { .. } => "source.http.token",
            Failure::Endless { .. } => "source.rest.endless",
            Failure::Paginator { .. } => "source.rest.paginator",
            Failure::Request { .. } => "source.rest.request",
            Failure::Answer { code, .. } => code,
            Failure::Stopped => "pipeline.interrupted",
        }
    }

    fn why(&self) -> String {
        match self {
            Failure::Status {
                status,
                attempts,
                body,
            } => {
                let tried = match attempts {
                    0 | 1 => "the answer is final: it is not tried again".to_owned(),
                    attempts => format!("{status} was the last answer of {attempts} attempts"),
                };
                match body {
                    Some(body) => format!("{tried}\nbody: {body}"),
                    None => tried,
                }
            }
            Failure::RateLimited {
                status,
                waited,
                attempts,
            } => format!(
                "{status} again after {attempts} attempts and {} of waiting",
                crate::progress::duration(*waited)
            ),
            Failure::Transport {
                detail, attempts, ..
            } => match attempts {
                0 | 1 => detail.clone(),
                attempts => format!("{detail}; tried {attempts} times"),
            },
            Failure::NotJson {
                status,
                content_type,
                reason,
                excerpt,
            } => {
                format!(
                    "{reason}; status {status}, content type `{content_type}`\nbegins: {excerpt}"
                )
            }
            Failure::Redirects { .. } => "each answer points to another URL".to_owned(),
            Failure::Token { reason }
            | Failure::Endless { reason, .. }
            | Failure::Paginator { reason, .. }
            | Failure::Request { reason, .. }
            | Failure::Answer { reason, .. } => reason.clone(),
            Failure::Stopped => "the user asked to stop".to_owned(),
        }
    }

    fn help(&self) -> String {
        match self {
            Failure::Status { status, .. } => status_help(*status).to_owned(),
            Failure::RateLimited { .. } => {
                "lower `client.http.max_rps`, or raise `client.http.max_total_wait`; \
                 a later run goes on where this one stopped"
                    .to_owned()
            }
            Failure::Transport { kind, .. } => kind.help().to_owned(),
            Failure::NotJson {
                content_type,
                excerpt,
                ..
            } => help_for_text(content_type, excerpt).to_owned(),
            Failure::Redirects { .. } => {
                "check `base_url`, or set `client.http.follow_redirects: false`".to_owned()
            }
            Failure::Token { .. } => {
                "check `access_token_url`, `client_id` and `client_secret` of `auth`".to_owned()
            }
            Failure::Endless { proposal, .. } => proposal.clone(),
            Failure::Paginator { help, .. }
            | Failure::Request { help, .. }
            | Failure::Answer { help, .. } => help.clone(),
            Failure::Stopped => "run again to go on".to_owned(),
        }
    }
}

fn help_for_text(content_type: &str, begins: &str) -> &'static str {
    if content_type.contains("html") || begins.starts_with('<') {
        "check `base_url` and `path`: a page for people often means a login or a wrong address"
    } else if content_type.contains("csv") || content_type.contains("xml") {
        "ask the API for JSON, with a header `Accept: application/json` or a parameter; files of other forms are read by `tipple load`"
    } else {
        "check `path` and `params`; an answer that is cut in the same place each time is a fault of the API"
    }
}

fn status_help(status: u16) -> &'static str {
    match status {
        401 => "check the credentials of `auth`; `tipple check` tests them with one request",
        403 => "the credentials are known but may not read this: check their rights",
        404 => {
            "check `base_url` and `path`; if missing data is normal here, add `response_actions: [{status_code: 404, action: ignore}]`"
        }
        400 | 422 => {
            "the API refuses a parameter: check `params`, and look at the body with `http_show_error_body = true` under [runtime]"
        }
        429 => "lower `client.http.max_rps`",
        500..=599 => "the API failed: trying again later can help",
        _ => "look at the body with `http_show_error_body = true` under [runtime]",
    }
}

fn reason_of(status: u16) -> String {
    let known = reqwest::StatusCode::from_u16(status).ok();
    known
        .and_then(|status| status.canonical_reason())
        .map(|reason| format!(" {reason}"))
        .unwrap_or_default()
}

/// The beginning of a body for a message: printable, shortened, without secrets.
pub(crate) fn excerpt(body: &[u8], bytes_max: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(bytes_max)]);
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let printable = printable.trim().to_owned();
    redact(&printable).into_owned()
}
