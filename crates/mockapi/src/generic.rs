//! The generic area `/g`: every way to page, shape, encode and authenticate that the two APIs do not use.
//!
//! All lists take `rows` (how many, 6) and `page_size` (2), so that a test says in its URL what it needs.

mod lists;
mod oauth;
mod shapes;

use hyper::Method;
use serde_json::json;

use crate::request::Answer;
use crate::state::Call;

/// Answers a path below `/g`.
pub(crate) fn answer(call: &Call<'_>, path: &[&str]) -> Answer {
    let is_post = call.request.method == Method::POST;
    let needs_post = matches!(
        path,
        ["cursor-body" | "offset-body" | "page-body" | "search" | "hmac"]
            | ["oauth", "token" | "jwt"]
    );
    if needs_post != is_post && path != ["echo"] {
        return error(
            405,
            "method_not_allowed",
            "This route wants another method.",
        );
    }
    match path {
        ["oauth", step] => oauth::answer(call, step),
        ["api-key-header" | "api-key-cookie" | "hmac" | "basic" | "bearer"] => {
            oauth::guarded(call, path[0])
        }
        ["parents", rest @ ..] => lists::family(call, rest),
        ["events"] => lists::events(call),
        [name] => lists::answer(call, name)
            .or_else(|| shapes::answer(call, name))
            .unwrap_or_else(|| error(404, "not_found", "There is no such route.")),
        ["redirect", count] => shapes::redirect(call, count),
        ["redirect-to", ..] => shapes::redirect_to(call),
        ["status", status] => {
            let status = status
                .parse()
                .ok()
                .filter(|status| (200..600).contains(status));
            error(
                status.unwrap_or(404),
                "as_asked",
                "This status was asked for.",
            )
        }
        _ => error(404, "not_found", "There is no such route."),
    }
}

/// An error body in the form of OAuth.
pub(crate) fn error(status: u16, code: &str, text: &str) -> Answer {
    Answer::value(status, &json!({"error": code, "error_description": text}))
}
