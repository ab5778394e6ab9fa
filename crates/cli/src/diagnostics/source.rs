//! Errors of sources: files, formats, cursors, pipeline files.

use tipple_json::JsonErrorKind;
use tipple_source::SourceError;

use super::codes::{self, Code};
use super::{Diagnostic, shortened};

/// The error for people.
pub fn from_source(error: &SourceError) -> Diagnostic {
    let code = code_of(error);
    let diagnostic = match error {
        SourceError::Spec { origin, problems } => {
            let what = match problems.len() {
                1 => format!("`{origin}` has a mistake"),
                count => format!("`{origin}` has {count} mistakes"),
            };
            problems
                .iter()
                .fold(Diagnostic::new(code, what), |diagnostic, problem| {
                    diagnostic.with("mistake", problem.to_string())
                })
        }
        SourceError::Io { origin, cause } => {
            Diagnostic::new(code, format!("cannot read `{origin}`")).with("why", cause.to_string())
        }
        SourceError::NoFile { resource, pattern } => {
            Diagnostic::new(code, format!("no file matches `{pattern}`"))
                .with("where", format!("resource `{resource}`"))
        }
        SourceError::Malformed {
            format,
            place,
            column,
            reason,
            excerpt,
        } => Diagnostic::new(code, format!("`{}` is not valid {format}", place.origin))
            .with("where", format!("{place}, column {column}"))
            .with("why", reason.clone())
            .with("excerpt", shortened(excerpt)),
        SourceError::Truncated { origin, reason } => {
            Diagnostic::new(code, format!("`{origin}` ends too early")).with("why", reason.clone())
        }
        SourceError::Remote {
            what, place, why, ..
        } => Diagnostic::new(code, what.clone())
            .with("where", place.clone())
            .with("why", why.clone()),
        other => Diagnostic::new(code, other.to_string()),
    };
    error
        .help()
        .into_iter()
        .fold(diagnostic, Diagnostic::help)
        .caused_by(error)
}

fn code_of(error: &SourceError) -> &'static Code {
    match error {
        SourceError::Malformed {
            format: "JSON",
            reason,
            ..
        } => json_code(reason),
        other => codes::find(other.code()).unwrap_or(&codes::SOURCE_FAILED),
    }
}

/// Mistakes in JSON that have their own remedy have their own code.
fn json_code(reason: &str) -> &'static Code {
    let is = |kind: JsonErrorKind| reason == kind.to_string();
    if is(JsonErrorKind::IntegerOutOfRange) {
        &codes::SOURCE_JSON_INTEGER
    } else if is(JsonErrorKind::NotFinite) {
        &codes::SOURCE_JSON_NOT_FINITE
    } else if is(JsonErrorKind::TooDeep) {
        &codes::SOURCE_JSON_TOO_DEEP
    } else {
        &codes::SOURCE_JSON_MALFORMED
    }
}
