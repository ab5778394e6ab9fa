//! `auth` of client and endpoint (spec/rest-api.md §12).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tipple_config::Secret;
use tipple_source::fields::{Fields, join, kind_of};

use super::Reader;
use crate::auth::rsa_key;
use crate::model::{
    Auth, ClientCredentials, Hmac, HmacAlgorithm, HmacEncoding, JwtBearer, KeyLocation,
};

/// Words for `type`.
pub(crate) const TYPES: [&str; 6] = [
    "bearer",
    "api_key",
    "http_basic",
    "oauth2_client_credentials",
    "oauth2_jwt_bearer",
    "hmac",
];

const LOCATIONS: [(&str, KeyLocation); 4] = [
    ("header", KeyLocation::Header),
    ("query", KeyLocation::Query),
    ("param", KeyLocation::Query),
    ("cookie", KeyLocation::Cookie),
];

/// Seconds that a token lives when nothing else is said.
const TOKEN_LIFE: u64 = 3600;

/// What a document says about `auth`.
pub(super) enum AuthWish {
    /// Nothing: that of the client counts.
    Absent,
    /// An explicit null: nobody signs.
    None,
    Given(Arc<[Auth]>),
}

impl Reader<'_> {
    /// Reads the member `auth` of `value`, whose fields are `fields`.
    pub(super) fn auth_wish(&mut self, fields: &mut Fields<'_>, value: &Value) -> AuthWish {
        let path = fields.path_of("auth");
        // Asked for, so that it counts as known.
        let found = fields.value("auth");
        match found {
            Some(auth) => AuthWish::Given(self.auths(auth, &path).into()),
            None if value.get("auth").is_some() => AuthWish::None,
            None => AuthWish::Absent,
        }
    }

    fn auths(&mut self, value: &Value, path: &str) -> Vec<Auth> {
        match value {
            Value::Array(list) => {
                let read = |(index, value)| self.auth(value, &format!("{path}[{index}]"));
                list.iter().enumerate().filter_map(read).collect()
            }
            one => self.auth(one, path).into_iter().collect(),
        }
    }

    fn auth(&mut self, value: &Value, path: &str) -> Option<Auth> {
        let empty = Value::Object(serde_json::Map::new());
        let (kind, value, type_path) = match value {
            Value::String(kind) => (kind.as_str(), &empty, path.to_owned()),
            Value::Object(map) => match map.get("type") {
                None | Some(Value::Null) => ("bearer", value, path.to_owned()),
                Some(Value::String(kind)) => (kind.as_str(), value, join(path, "type")),
                Some(other) => {
                    let message = format!("must be a text, not {}", kind_of(other));
                    self.problems.add(join(path, "type"), message);
                    return None;
                }
            },
            other => {
                let message = format!(
                    "must be the name of a type or an object, not {}",
                    kind_of(other)
                );
                self.problems.add(path, message);
                return None;
            }
        };
        let mut fields = Fields::of(value, path, &mut self.problems)?;
        fields.leave(&["type"]);
        let auth = match kind {
            "bearer" => Auth::Bearer {
                token: self.required_secret(&mut fields, "token"),
            },
            "api_key" => self.api_key(&mut fields),
            "http_basic" => self.basic(&mut fields),
            "oauth2_client_credentials" => self.client_credentials(&mut fields),
            "oauth2_jwt_bearer" => self.jwt_bearer(&mut fields),
            "hmac" => self.hmac(&mut fields),
            other => {
                self.problems.add_unknown_word(&type_path, other, &TYPES);
                return None;
            }
        };
        fields.finish(&mut self.problems);
        Some(auth)
    }

    fn api_key(&mut self, fields: &mut Fields<'_>) -> Auth {
        let name = fields.text("name", &mut self.problems);
        Auth::ApiKey {
            name: name.unwrap_or_else(|| "Authorization".to_owned()),
            key: self.required_secret(fields, "api_key"),
            location: fields
                .word("location", &LOCATIONS, &mut self.problems)
                .unwrap_or_default(),
        }
    }

    /// User and password, or `api_key` as the user with an empty password.
    fn basic(&mut self, fields: &mut Fields<'_>) -> Auth {
        if let Some(key) = self.secret(fields, "api_key") {
            for other in ["username", "password"] {
                if fields.value(other).is_some() {
                    let path = fields.path_of(other);
                    let message = format!(
                        "`api_key` stands for the user name with an empty password; `{other}` cannot be given as well"
                    );
                    self.problems
                        .add_with_help(path, message, "remove one of the two");
                }
            }
            return Auth::Basic {
                username: key,
                password: Secret::new(String::new()),
            };
        }
        Auth::Basic {
            username: self.required_secret(fields, "username"),
            password: self.required_secret(fields, "password"),
        }
    }

    fn client_credentials(&mut self, fields: &mut Fields<'_>) -> Auth {
        let token_path = fields.path_of("access_token");
        let access_token = match self.secret(fields, "access_token") {
            Some(token) => Some(token),
            None => self.credential("access_token", &token_path, false),
        };
        Auth::ClientCredentials(Box::new(ClientCredentials {
            access_token,
            access_token_url: self.required_text(fields, "access_token_url"),
            client_id: self.required_secret(fields, "client_id"),
            client_secret: self.required_secret(fields, "client_secret"),
            request_data: self.secret_members(fields, "access_token_request_data"),
            default_expiration: self.expiration(fields),
        }))
    }

    fn jwt_bearer(&mut self, fields: &mut Fields<'_>) -> Auth {
        let phrase_path = fields.path_of("private_key_passphrase");
        let private_key_passphrase = match self.secret(fields, "private_key_passphrase") {
            Some(phrase) => Some(phrase),
            None => self.credential("private_key_passphrase", &phrase_path, false),
        };
        let scopes = fields.texts("scopes", &mut self.problems);
        let private_key = self.required_secret(fields, "private_key");
        self.check_key(&private_key, private_key_passphrase.as_ref(), fields);
        Auth::JwtBearer(Box::new(JwtBearer {
            client_id: self.required_secret(fields, "client_id"),
            private_key,
            private_key_passphrase,
            auth_endpoint: self.required_text(fields, "auth_endpoint"),
            scopes: scopes.map(|scopes| scopes.join(" ")),
            headers: self.secret_members(fields, "headers"),
            default_expiration: self.expiration(fields),
        }))
    }

    /// A key that cannot be used is told before the first request.
    fn check_key(
        &mut self,
        key: &Secret<String>,
        passphrase: Option<&Secret<String>>,
        fields: &Fields<'_>,
    ) {
        if key.expose().is_empty() {
            return;
        }
        if let Err(error) = rsa_key(key.expose(), passphrase) {
            let path = fields.path_of("private_key");
            self.problems
                .add_with_help(path, error.to_string(), error.help());
        }
    }

    fn hmac(&mut self, fields: &mut Fields<'_>) -> Auth {
        const ALGORITHMS: [(&str, HmacAlgorithm); 2] = [
            ("sha1", HmacAlgorithm::Sha1),
            ("sha256", HmacAlgorithm::Sha256),
        ];
        const ENCODINGS: [(&str, HmacEncoding); 2] =
            [("base64", HmacEncoding::Base64), ("hex", HmacEncoding::Hex)];
        fields.word("over", &[("body", ())], &mut self.problems);
        let header = fields.text("header", &mut self.problems);
        Auth::Hmac(Hmac {
            algorithm: fields
                .word("algorithm", &ALGORITHMS, &mut self.problems)
                .unwrap_or_default(),
            secret_key: self.required_secret(fields, "secret_key"),
            header: header.unwrap_or_else(|| "Signature".to_owned()),
            encoding: fields
                .word("encoding", &ENCODINGS, &mut self.problems)
                .unwrap_or_default(),
        })
    }

    fn expiration(&mut self, fields: &mut Fields<'_>) -> Duration {
        let seconds = fields.count("default_token_expiration", &mut self.problems);
        Duration::from_secs(seconds.unwrap_or(TOKEN_LIFE))
    }

    /// Members that may hold secrets.
    fn secret_members<'f>(
        &mut self,
        fields: &mut Fields<'f>,
        key: &'f str,
    ) -> Vec<(String, Secret<String>)> {
        let path = fields.path_of(key);
        let mut members = Vec::new();
        for (name, value) in fields.object(key, &mut self.problems).into_iter().flatten() {
            match value {
                Value::Null => {}
                Value::Array(_) | Value::Object(_) => {
                    let message = format!("must be a text, not {}", kind_of(value));
                    self.problems.add(join(&path, name), message);
                }
                scalar => {
                    let text = scalar
                        .as_str()
                        .map_or_else(|| scalar.to_string(), str::to_owned);
                    self.keep_if_sensitive(name, &text);
                    members.push((name.clone(), Secret::new(text)));
                }
            }
        }
        members
    }
}
