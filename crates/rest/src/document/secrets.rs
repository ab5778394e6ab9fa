//! Values that stand elsewhere: `${secrets.…}`, `${env.…}`, `${config.…}` (spec/rest-api.md §20.2), and secrets that are
//! looked for because a field is absent (§12.1).

use serde_json::Value;
use tipple_config::{ENVIRONMENT, Secret, hide};
use tipple_source::fields::{Fields, join};

use super::Reader;

/// Last words of names whose values are secrets.
const SECRET_WORDS: [&str; 13] = [
    "secret",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "signature",
    "credential",
    "credentials",
    "jwt",
];

/// Words before `key` with which it is no secret: `sort_key`, `partition_key`.
const PLAIN_KEYS: [&str; 9] = [
    "sort",
    "order",
    "group",
    "primary",
    "foreign",
    "partition",
    "cache",
    "row",
    "merge",
];

/// Words before `token` with which it is no secret: `page_token`, `next_token`.
const PLAIN_TOKENS: [&str; 6] = ["page", "next", "continuation", "cursor", "sync", "skip"];

/// True when a value under this name must never be shown. The words of a name are looked at, not its letters: an
/// `author` is no `auth` and a `keyword` no `key`.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let words = words(name);
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    let before = before.last().map_or("", String::as_str);
    match last.as_str() {
        "key" => !PLAIN_KEYS.contains(&before),
        "token" => !PLAIN_TOKENS.contains(&before),
        word => SECRET_WORDS.contains(&word),
    }
}

/// Words of a name, in lower case: `X-Api-Key`, `apiKey`, `api_key`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_inside = false;
    let mut was_lower = false;
    for character in name.chars() {
        let is_word = character.is_alphanumeric();
        if is_word && (!is_inside || (was_lower && character.is_uppercase())) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (is_word, words.last_mut()) {
            word.extend(character.to_lowercase());
        }
        is_inside = is_word;
        was_lower = character.is_lowercase();
    }
    words
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
                // A variable may hold anything; an address that is hidden would make messages useless.
                let key = path.rsplit(['.', ']']).next().unwrap_or_default();
                let is_secret = is_sensitive(name) || is_sensitive(key) || path.contains(".auth");
                let value = Value::from(value);
                if let (true, Some(text)) = (is_secret, value.as_str()) {
                    self.keep_secret(&Secret::new(text.to_owned()));
                }
                value
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

    /// A text that is no secret and must be there: in the document, or in the settings of the source's credentials.
    pub(super) fn required_text<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str) -> String {
        if let Some(text) = fields.text(key, &mut self.problems) {
            return text;
        }
        let path = fields.path_of(key);
        let found = self.look_up(key, &path, true);
        found.map(Secret::into_exposed).unwrap_or_default()
    }

    /// A credential of the settings; its absence is a mistake when it `is_required`.
    pub(super) fn credential(
        &mut self,
        key: &str,
        path: &str,
        is_required: bool,
    ) -> Option<Secret<String>> {
        let secret = self.look_up(key, path, is_required)?;
        self.keep_secret(&secret);
        Some(secret)
    }

    /// What the settings have for a credential, which need not be a secret.
    fn look_up(&mut self, key: &str, path: &str, is_required: bool) -> Option<Secret<String>> {
        let scope = self.around.scope().within("credentials");
        match self.around.settings.secret(&scope, key) {
            Ok(Some(secret)) => Some(secret),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_by_their_words() {
        for name in [
            "api_key",
            "apiKey",
            "key",
            "X-Api-Key",
            "subscription-key",
            "access_token",
            "Authorization",
            "X-Auth",
            "Cookie",
            "API_KEY",
            "client_secret",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in [
            "author",
            "keyword",
            "sort_key",
            "page_token",
            "nextToken",
            "monkey",
            "",
            "updated_at",
            "keys",
        ] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
