//! From a filled template to a request (spec/rest-api.md §8), and from a row of the parent to the values that fill it.

use tipple_json::{Value, parse_value};
use url::Url;

use crate::error::Failure;
use crate::fill::{FillError, Filled, FilledBody};
use crate::http::{Call, Content};
use crate::model::{Endpoint, OnMissing, ParentLink};

/// What a row of the parent gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fields {
    /// The values of the fields of the link.
    Found(Vec<Value>),
    /// A field is missing and the configuration says to pass over such rows.
    Skipped,
}

/// The request with these parts.
///
/// # Errors
/// A URL that is none.
pub(crate) fn call(endpoint: &Endpoint, filled: Filled) -> Result<Call, Failure> {
    Ok(Call {
        method: endpoint.method,
        url: url_of(&endpoint.base_url, &filled.path)?,
        params: filled.params,
        headers: filled.headers,
        content: match filled.body {
            None => Content::None,
            Some(FilledBody::Json(value)) => Content::Json(value),
            Some(FilledBody::Form(fields)) => Content::Form(fields),
            Some(FilledBody::Text(text)) => Content::Text(text),
        },
    })
}

/// The error for a value that does not fit.
pub(crate) fn unfillable(error: &FillError) -> Failure {
    Failure::Request {
        reason: error.to_string(),
        help: error.help().to_owned(),
    }
}

/// Base and path joined as dlt joins them: a leading slash does not restart at the root of the host (§8.1).
fn url_of(base: &str, path: &str) -> Result<Url, Failure> {
    let is_whole = path.starts_with("http://") || path.starts_with("https://");
    let text = match (is_whole, path.is_empty()) {
        (true, _) => path.to_owned(),
        (false, true) => base.to_owned(),
        (false, false) => format!(
            "{}/{}",
            base.trim_end_matches('/'),
            path.trim_start_matches('/')
        ),
    };
    let url: Url = text.parse().map_err(|error| Failure::Request {
        reason: format!("`{text}` is no URL: {error}"),
        help: "check `base_url` and `path`; a whole URL begins with http:// or https://".to_owned(),
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Failure::Request {
            reason: format!("`{other}` is not spoken here"),
            help: "a URL begins with http:// or https://".to_owned(),
        }),
    }
}

/// The values of the fields of a parent row, as JSON types.
///
/// # Errors
/// A field that the row does not have, unless such rows are passed over.
pub(crate) fn fields_of(link: &ParentLink, row: &str) -> Result<Fields, Failure> {
    let mut values = Vec::with_capacity(link.fields.len());
    for field in &link.fields {
        let found = field.path.find_first(row).ok().flatten();
        let value = found.and_then(|raw| parse_value(raw.as_bytes()).ok());
        match (value, link.on_missing) {
            (Some(value), _) => values.push(value),
            (None, OnMissing::Skip) => return Ok(Fields::Skipped),
            (None, OnMissing::Error) => return Err(missing(link, &field.text, row)),
        }
    }
    Ok(Fields::Found(values))
}

fn missing(link: &ParentLink, field: &str, row: &str) -> Failure {
    Failure::Request {
        reason: format!(
            "a row of the parent `{}` has no `{field}`; it has {}",
            link.name,
            crate::paginate::keys_of(row)
        ),
        help:
            "correct the placeholder, or set `on_missing_parent_field: skip` to pass over such rows"
                .to_owned(),
    }
}

/// What is copied from a parent row into each child row: `"key":value` for each field, joined by commas.
///
/// # Errors
/// A field that the parent row does not have.
pub(crate) fn included(link: &ParentLink, row: &str) -> Result<String, Failure> {
    let mut members = String::new();
    for field in &link.include {
        let found = field.path.find_first(row).ok().flatten();
        let Some(raw) = found else {
            return Err(missing(link, &field.text, row));
        };
        if !members.is_empty() {
            members.push(',');
        }
        tipple_json::text::write_string(&field.key, &mut members);
        members.push(':');
        members.push_str(&raw);
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_path_are_joined_as_dlt_joins_them() {
        let url = |base: &str, path: &str| url_of(base, path).unwrap().to_string();
        assert_eq!(url("https://h/v1/", "/posts"), "https://h/v1/posts");
        assert_eq!(url("https://h/v1", "posts?x=1"), "https://h/v1/posts?x=1");
        assert_eq!(url("https://h/v1", ""), "https://h/v1");
        assert_eq!(url("https://h/v1", "http://other/x"), "http://other/x");
        assert_eq!(
            url("https://h", "parents/n 0/x?y/kids"),
            "https://h/parents/n%200/x?y/kids"
        );
        assert!(url_of("", "posts").is_err());
        assert!(url_of("ftp://h", "posts").is_err());
    }
}
