//! `client` (spec/rest-api.md §2).

use std::sync::Arc;

use serde_json::Value;
use tipple_source::fields::Fields;

use super::Reader;
use super::auth::AuthWish;
use super::paginator::PaginatorWish;
use crate::model::{Auth, Header, HttpPolicy};
use crate::template::Template;

/// What all endpoints share.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub base_url: String,
    pub headers: Vec<Header>,
    pub auth: Option<Arc<[Auth]>>,
    pub paginator: PaginatorWish,
}

impl Reader<'_> {
    pub(super) fn client(&mut self, value: &Value, http: &mut HttpPolicy) -> Client {
        let Some(mut fields) = Fields::of(value, "client", &mut self.problems) else {
            return Client::default();
        };
        let base_url = self.base_url(&mut fields);
        let headers = self.client_headers(&mut fields);
        let auth = match self.auth_wish(&mut fields, value) {
            AuthWish::Given(auth) => Some(auth),
            AuthWish::Absent | AuthWish::None => None,
        };
        let paginator = self.paginator_wish(&mut fields);
        *http = self.http(&mut fields);
        if fields.value("session").is_some() {
            let help = "what sessions are used for has its keys in `client.http`: timeouts, retries, proxy, certificates, user agent";
            let message = "a session is a Python object, which a file cannot hold";
            self.problems.add_with_help("client.session", message, help);
        }
        fields.finish(&mut self.problems);
        Client {
            base_url,
            headers,
            auth,
            paginator,
        }
    }

    fn base_url(&mut self, fields: &mut Fields<'_>) -> String {
        let is_reported = self
            .problems
            .0
            .iter()
            .any(|problem| problem.path == "client.base_url");
        let Some(text) = fields.text("base_url", &mut self.problems) else {
            if fields.value("base_url").is_none() && !is_reported {
                let help = "write `base_url: https://…`, or `base_url: \"\"` when all paths are whole URLs";
                self.problems
                    .add_with_help("client.base_url", "the key is missing", help);
            }
            return String::new();
        };
        let is_web = text.is_empty() || text.starts_with("http://") || text.starts_with("https://");
        if !is_web || (!text.is_empty() && url::Url::parse(&text).is_err()) {
            let message = "it is no address of the web";
            self.problems
                .add_with_help("client.base_url", message, "begin it with `https://`");
        }
        text
    }

    fn client_headers(&mut self, fields: &mut Fields<'_>) -> Vec<Header> {
        let path = fields.path_of("headers");
        let Some(members) = fields.object("headers", &mut self.problems) else {
            return Vec::new();
        };
        let mut headers = Vec::with_capacity(members.len());
        for (name, value) in members {
            match value {
                Value::String(text) => {
                    self.keep_if_sensitive(name, text);
                    headers.push(Header {
                        name: Template::literal(name.as_str()),
                        value: Template::literal(text.as_str()),
                    });
                }
                Value::Null => {}
                _ => self.problems.add_with_help(
                    tipple_source::fields::join(&path, name),
                    "the value of a header must be a text",
                    "put it in quotes",
                ),
            }
        }
        headers
    }
}
