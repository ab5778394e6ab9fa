//! Values that stand elsewhere: `${secrets.…}`, `${env.…}`, `${config.…}` (spec/rest-api.md §20.2), and secrets that are
//! looked for because a field is absent (§12.1).

use serde_json::Value;
use tipple_config::{ENVIRONMENT, Secret, hide};
use tipple_source::fields::{Fields, join};

use super::Reader;

/// Names of headers, parameters and fields whose values are secrets, whatever else they are.
const SENSITIVE: [&str; 10] = [
    "key",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "auth",
    "cookie",
    "signature",
    "credential",
];

/// True when a value under this name must never be shown.
pub(super) fn is_sensitive(name: &str) -> bool {
    let name = name.to_lowercase();
    SENSITIVE.iter().any(|word| name.contains(word))
}

impl Reader<'_> {
    /// The document with every reference replaced by its value.
    pub(super) fn resolved(&mut self, value: &Value) -> Value {
        self.resolve(value, "")
    }

    fn resolve(&mut self, value: &Value, path: &str) -> Value {
        match value {
            Value::String(text) => self.resolve_text(text, path),
            Value::Array(elements) => {
                let resolve = |(index, element)| self.resolve(element, &format!("{path}[{index}]"));
                elements.iter().enumerate().map(resolve).collect()
            }
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), self.resolve(value, &join(path, key))))
                .collect(),
            other => other.clone(),
        }
    }

    fn resolve_text(&mut self, text: &str, path: &str) -> Value {
        let Some(start) = text.find("${") else {
            return Value::from(text);
        };
        let inner = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(inner) = inner.filter(|inner| !inner.contains('}')) else {
            let word = text[start + 2..]
                .split(['.', '}'])
                .next()
                .unwrap_or_default();
            if ["secrets", "env", "config"].contains(&word) {
                let help = "make the reference the whole value";
                let message = "a reference cannot be mixed with other text";
                self.problems.add_with_help(path, message, help);
                return Value::Null;
            }
            return Value::from(text);
        };
        match inner.split_once('.') {
            Some(("secrets", name)) => self.secret_reference(name, path),
            Some(("env", name)) => self.variable_reference(name, path),
            Some(("config", name)) => self.config_reference(name, path),
            _ => {
                let help = "write `${secrets.…}`, `${env.…}` or `${config.…}`";
                let message = format!("`${{{inner}}}` is no reference");
                self.problems.add_with_help(path, message, help);
                Value::Null
            }
        }
    }

    fn secret_reference(&mut self, name: &str, path: &str) -> Value {
        match self.around.settings.direct_secret(name) {
            Ok(Some(secret)) => {
                self.secret_paths.insert(path.to_owned());
                self.keep_secret(&secret);
                Value::from(secret.into_exposed())
            }
            Ok(None) => {
                let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
                let message = format!(
                    "the secret `{name}` is not set; looked for the variable `{}` and in `secrets.toml`",
                    variable(name)
                );
                let help = match section.is_empty() {
                    true => format!("add to .dlt/secrets.toml: {key} = \"…\""),
                    false => format!("add to .dlt/secrets.toml under [{section}]: {key} = \"…\""),
                };
                self.problems.add_with_help(path, message, help);
                Value::Null
            }
            Err(error) => {
                self.problems.add(path, error.to_string());
                Value::Null
            }
        }
    }

    fn variable_reference(&mut self, name: &str, path: &str) -> Value {
        match self.around.settings.variable(name) {
            Some(value) => {
                self.secret_paths.insert(path.to_owned());
                let secret = Secret::new(value.to_owned());
                self.keep_secret(&secret);
                Value::from(secret.into_exposed())
            }
            None => {
                let message = format!("the environment variable `{name}` is not set");
                let help = format!("set it: {name}=… (names are told apart by case)");
                self.problems.add_with_help(path, message, help);
                Value::Null
            }
        }
    }

    fn config_reference(&mut self, name: &str, path: &str) -> Value {
        match self.around.settings.direct(name) {
            Ok(Some(value)) => value,
            Ok(None) => {
                let message = format!(
                    "the setting `{name}` is not there; looked for the variable `{}`, in `secrets.toml` and in `config.toml`",
                    variable(name)
                );
                let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
                let help = format!("add to .dlt/config.toml under [{section}]: {key} = …");
                self.problems.add_with_help(path, message, help);
                Value::Null
            }
            Err(error) => {
                self.problems.add(path, error.to_string());
                Value::Null
            }
        }
    }

    /// Remembers a secret; from now on no text shows it.
    pub(super) fn keep_secret(&mut self, secret: &Secret<String>) {
        hide(secret.expose());
        if !self.secrets.contains(secret) {
            self.secrets.push(secret.clone());
        }
    }

    /// Remembers the value of a header or parameter whose name says that it is a secret.
    pub(super) fn keep_if_sensitive(&mut self, name: &str, value: &str) {
        if is_sensitive(name) {
            self.keep_secret(&Secret::new(value.to_owned()));
        }
    }

    /// A secret text under `key`, if it is there. Numbers become text.
    pub(super) fn secret<'f>(
        &mut self,
        fields: &mut Fields<'f>,
        key: &'f str,
    ) -> Option<Secret<String>> {
        let path = fields.path_of(key);
        let text = match fields.value(key)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.problems.add(path, "must be a text");
                return None;
            }
        };
        let secret = Secret::new(text);
        if !secret.expose().is_empty() {
            self.keep_secret(&secret);
        }
        Some(secret)
    }

    /// A secret that must be there: in the document, or in the settings of the source's credentials.
    pub(super) fn required_secret<'f>(
        &mut self,
        fields: &mut Fields<'f>,
        key: &'f str,
    ) -> Secret<String> {
        if let Some(secret) = self.secret(fields, key) {
            return secret;
        }
        let path = fields.path_of(key);
        self.credential(key, &path, true)
            .unwrap_or_else(|| Secret::new(String::new()))
    }

    /// A credential of the settings; its absence is a mistake when it `is_required`.
    pub(super) fn credential(
        &mut self,
        key: &str,
        path: &str,
        is_required: bool,
    ) -> Option<Secret<String>> {
        let scope = self.around.scope().within("credentials");
        match self.around.settings.secret(&scope, key) {
            Ok(Some(secret)) => {
                self.keep_secret(&secret);
                Some(secret)
            }
            Ok(None) => {
                if is_required && !self.was_reported(path) {
                    let message = format!("`{key}` is missing; {}", self.places(key));
                    let help = format!(
                        "add to .dlt/secrets.toml under [sources.{}.credentials]: {key} = \"…\"",
                        self.around.source
                    );
                    self.problems.add_with_help(path, message, help);
                }
                None
            }
            Err(error) => {
                self.problems.add(path, error.to_string());
                None
            }
        }
    }

    /// True when a reference at this place was found to lead nowhere already.
    fn was_reported(&self, path: &str) -> bool {
        self.problems.0.iter().any(|problem| problem.path == path)
    }

    /// Where a credential was looked for.
    fn places(&self, key: &str) -> String {
        let scope = self.around.scope().within("credentials");
        let explanation = self.around.settings.explain(&scope, key, true);
        let mut variables = Vec::new();
        let mut keys = Vec::new();
        for tried in &explanation.tried {
            let list = match tried.provider == ENVIRONMENT {
                true => &mut variables,
                false => &mut keys,
            };
            let shown = format!("`{}`", tried.key);
            if !list.contains(&shown) {
                list.push(shown);
            }
        }
        format!(
            "looked for the variables {} and in `secrets.toml` for {}",
            variables.join(", "),
            keys.join(", ")
        )
    }
}

/// Name of the environment variable of a dotted path.
fn variable(path: &str) -> String {
    path.replace('.', "__").to_uppercase()
}
