//! A `curl` command as the start of a configuration (spec/workbench.md §3.6).
//!
//! The words are cut as a POSIX shell cuts them and never run. Secrets of headers, of the query and of `-u` are taken
//! out.

use serde_json::{Map, Value, json};
use tipple_config::Secret;
use url::Url;

use super::{ImportError, Imported};
use crate::document::is_sensitive;

/// Headers that curl users paste from browsers and that say nothing about the API.
const NOISE: [&str; 12] = [
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "dnt",
    "host",
    "origin",
    "pragma",
    "priority",
    "referer",
    "user-agent",
];

/// What a command says.
#[derive(Default)]
struct Command {
    url: Option<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    user: Option<String>,
    data: Vec<String>,
    is_get: bool,
}

/// Reads a `curl` command; its secrets go to `sources.<source>`.
///
/// # Errors
/// It is no such command, has no address, or ends in the middle of a quoted text.
pub fn from_curl(text: &str, source: &str) -> Result<Imported, ImportError> {
    let words = words(text)?;
    let command = read(&words)?;
    let help = "paste the whole command: `curl 'https://…' -H '…'`";
    let address = command
        .url
        .clone()
        .ok_or_else(|| ImportError::new("the command has no address", help))?;
    let address = match address.contains("://") {
        true => address,
        false => format!("https://{address}"),
    };
    let url = Url::parse(&address)
        .map_err(|error| ImportError::new(format!("the address cannot be read: {error}"), help))?;
    let mut builder = Builder {
        source,
        secrets: Vec::new(),
        notes: Vec::new(),
    };
    Ok(builder.build(&command, &url))
}

struct Builder<'a> {
    source: &'a str,
    secrets: Vec<(String, Secret<String>)>,
    notes: Vec<String>,
}

impl Builder<'_> {
    fn build(&mut self, command: &Command, url: &Url) -> Imported {
        let mut segments: Vec<&str> = url
            .path_segments()
            .into_iter()
            .flatten()
            .filter(|s| !s.is_empty())
            .collect();
        let path = segments.pop().unwrap_or_default();
        let mut base = url.origin().ascii_serialization();
        segments
            .iter()
            .for_each(|segment| base = format!("{base}/{segment}"));
        let mut client = Map::new();
        client.insert("base_url".to_owned(), base.into());
        let auth = self.auth(command, url);
        if let Some(auth) = auth {
            client.insert("auth".to_owned(), auth);
        }
        let headers = self.headers(command);
        if !headers.is_empty() {
            client.insert("headers".to_owned(), Value::Object(headers));
        }
        let mut endpoint = Map::new();
        endpoint.insert("path".to_owned(), path.into());
        self.method_and_body(command, &mut endpoint);
        let params = self.params(url, command);
        if !params.is_empty() {
            endpoint.insert("params".to_owned(), Value::Object(params));
        }
        let name = identifier(path);
        self.notes.push("check `data_selector` and `paginator`: they are found out from the first answer until they are written down".to_owned());
        Imported {
            document: json!({
                "source": self.source,
                "client": client,
                "resources": [{"name": name, "endpoint": endpoint}],
            }),
            notes: std::mem::take(&mut self.notes),
            secrets: std::mem::take(&mut self.secrets),
        }
    }

    /// Takes a secret out and gives the reference to it.
    fn hide(&mut self, key: &str, value: &str) -> Value {
        let path = format!("sources.{}.{key}", self.source);
        self.secrets
            .push((path.clone(), Secret::new(value.to_owned())));
        format!("${{secrets.{path}}}").into()
    }

    fn auth(&mut self, command: &Command, url: &Url) -> Option<Value> {
        if let Some(user) = &command.user {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let username = self.hide("username", user);
            let password = match password.is_empty() {
                true => Value::from(""),
                false => self.hide("password", password),
            };
            return Some(json!({"type": "http_basic", "username": username, "password": password}));
        }
        let header = command.headers.iter().find(|(name, _)| is_sensitive(name));
        if let Some((name, value)) = header {
            let bearer = value
                .strip_prefix("Bearer ")
                .filter(|_| name.eq_ignore_ascii_case("authorization"));
            return Some(match bearer {
                Some(token) => json!({"type": "bearer", "token": self.hide("token", token)}),
                None => {
                    json!({"type": "api_key", "name": name, "location": "header", "api_key": self.hide("api_key", value)})
                }
            });
        }
        let (name, value) = url.query_pairs().find(|(name, _)| is_sensitive(name))?;
        let key = self.hide("api_key", &value);
        Some(json!({"type": "api_key", "name": name, "location": "query", "api_key": key}))
    }

    fn headers(&mut self, command: &Command) -> Map<String, Value> {
        let mut headers = Map::new();
        let mut secret_count = 0;
        for (name, value) in &command.headers {
            let lower = name.to_lowercase();
            if NOISE.contains(&lower.as_str()) || lower.starts_with("sec-") {
                continue;
            }
            let value = match is_sensitive(name) {
                true => {
                    secret_count += 1;
                    // The first one is the authentication already.
                    if secret_count == 1 && command.user.is_none() {
                        continue;
                    }
                    self.hide(&identifier(name), value)
                }
                false => value.as_str().into(),
            };
            headers.insert(name.clone(), value);
        }
        headers
    }

    fn params(&mut self, url: &Url, command: &Command) -> Map<String, Value> {
        let mut params: Map<String, Value> = Map::new();
        let has_header =
            command.user.is_some() || command.headers.iter().any(|(name, _)| is_sensitive(name));
        let mut is_first = !has_header;
        let from_data = command.data.join("&");
        let extra = command
            .is_get
            .then(|| url::form_urlencoded::parse(from_data.as_bytes()));
        for (name, value) in url.query_pairs().chain(extra.into_iter().flatten()) {
            let value = match is_sensitive(&name) {
                true if std::mem::take(&mut is_first) => continue,
                true => self.hide(&identifier(&name), &value),
                false => scalar(&value),
            };
            match params.get_mut(&*name) {
                Some(Value::Array(list)) => list.push(value),
                Some(known) => *known = Value::Array(vec![known.take(), value]),
                None => drop(params.insert(name.into_owned(), value)),
            }
        }
        params
    }

    fn method_and_body(&mut self, command: &Command, endpoint: &mut Map<String, Value>) {
        let has_body = !command.data.is_empty() && !command.is_get;
        let usual = if has_body { "POST" } else { "GET" };
        let method = command
            .method
            .clone()
            .unwrap_or_else(|| usual.to_owned())
            .to_uppercase();
        if method != "GET" {
            if !["POST", "PUT", "PATCH"].contains(&method.as_str()) {
                self.notes.push(format!(
                    "the method {method} is not for reading; GET, POST, PUT and PATCH are known"
                ));
            }
            endpoint.insert("method".to_owned(), method.into());
        }
        if !has_body {
            return;
        }
        let data = command.data.join("&");
        match serde_json::from_str::<Value>(&data) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => {
                endpoint.insert("json".to_owned(), doubled(json));
            }
            _ => {
                let form: Map<String, Value> = url::form_urlencoded::parse(data.as_bytes())
                    .map(|(name, value)| {
                        let value = match is_sensitive(&name) {
                            true => self.hide(&identifier(&name), &value),
                            false => value.into_owned().into(),
                        };
                        (name.into_owned(), value)
                    })
                    .collect();
                endpoint.insert("data".to_owned(), Value::Object(form));
            }
        }
    }
}

/// Texts with their braces doubled, since braces stand for placeholders.
fn doubled(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace('{', "{{").replace('}', "}}").into(),
        Value::Array(list) => list.into_iter().map(doubled).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, doubled(value)))
            .collect(),
        other => other,
    }
}

fn scalar(text: &str) -> Value {
    let is_exact = |number: &i64| number.to_string() == text;
    match text.parse::<i64>().ok().filter(is_exact) {
        Some(number) => number.into(),
        None => text.replace('{', "{{").replace('}', "}}").into(),
    }
}

/// A text as the name of a resource or setting.
pub(super) fn identifier(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let plain = plain.trim_matches('_');
    match plain.chars().next() {
        None => "rows".to_owned(),
        Some('0'..='9') => format!("rows_{plain}"),
        Some(_) => plain.to_owned(),
    }
}

fn read(words: &[String]) -> Result<Command, ImportError> {
    let mut words = words.iter();
    if words.next().map(String::as_str) != Some("curl") {
        return Err(ImportError::new(
            "the text is no `curl` command",
            "begin it with `curl`",
        ));
    }
    let mut command = Command::default();
    while let Some(word) = words.next() {
        let (flag, attached) = split_flag(word);
        let mut argument = || match &attached {
            Some(text) => text.clone(),
            None => words.next().cloned().unwrap_or_default(),
        };
        match flag.as_str() {
            "-H" | "--header" => {
                let header = argument();
                if let Some((name, value)) = header.split_once(':') {
                    command
                        .headers
                        .push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            "-X" | "--request" => command.method = Some(argument()),
            "-u" | "--user" => command.user = Some(argument()),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii"
            | "--data-urlencode" | "--json" => {
                command.data.push(argument());
            }
            "-b" | "--cookie" => command.headers.push(("Cookie".to_owned(), argument())),
            "-G" | "--get" => command.is_get = true,
            "--url" => command.url = Some(argument()),
            "-A" | "--user-agent" | "-e" | "--referer" | "-o" | "--output" | "-m"
            | "--max-time" | "--connect-timeout" | "--retry" | "-x" | "--proxy" | "--cacert"
            | "-w" => drop(argument()),
            other if other.starts_with('-') => {}
            _ => command.url = Some(word.clone()),
        }
    }
    Ok(command)
}

/// A flag and what is written to it: `-XPOST`, `--request=POST`.
fn split_flag(word: &str) -> (String, Option<String>) {
    if let Some((flag, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return (flag.to_owned(), Some(value.to_owned()));
    }
    let takes_value = |c: char| "HXudbAeomxw".contains(c);
    let mut characters = word.chars();
    if characters.next() == Some('-')
        && let Some(letter) = characters.next().filter(|c| takes_value(*c))
        && !characters.as_str().is_empty()
    {
        return (format!("-{letter}"), Some(characters.as_str().to_owned()));
    }
    (word.to_owned(), None)
}

/// Words of a POSIX shell: quotes, backslashes, `$'…'`.
fn words(text: &str) -> Result<Vec<String>, ImportError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => match characters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '$' if characters.peek() == Some(&'\'') => {}
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => {
                            return Err(ImportError::new(
                                "a quoted text of the command is not closed",
                                "paste the whole command",
                            ));
                        }
                        Some(c) if c == quote => break,
                        Some('\\') if quote == '"' => word.extend(characters.next()),
                        Some(c) => word.push(c),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn shown(command: &str) -> String {
        let imported = from_curl(command, "shop_source").unwrap();
        let document = format!("{:#}", imported.document);
        assert!(!document.contains("canary"), "{document}");
        let secrets: Vec<&str> = imported
            .secrets
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        format!(
            "{document}\nsecrets: {secrets:?}\n{}",
            imported.notes.join("\n")
        )
    }

    #[test]
    fn a_command_becomes_a_configuration_without_secrets() {
        insta::assert_snapshot!(shown(
            "curl 'https://api.example.com/v2/orders?limit=50&state=open&state=new' \\\n  -H 'Authorization: Bearer canary-4711' -H 'Accept: application/json' -H 'sec-ch-ua: x' --compressed"
        ), @r#"
        {
          "source": "shop_source",
          "client": {
            "base_url": "https://api.example.com/v2",
            "auth": {
              "type": "bearer",
              "token": "${secrets.sources.shop_source.token}"
            },
            "headers": {
              "Accept": "application/json"
            }
          },
          "resources": [
            {
              "name": "orders",
              "endpoint": {
                "path": "orders",
                "params": {
                  "limit": 50,
                  "state": [
                    "open",
                    "new"
                  ]
                }
              }
            }
          ]
        }
        secrets: ["sources.shop_source.token"]
        check `data_selector` and `paginator`: they are found out from the first answer until they are written down
        "#);
        insta::assert_snapshot!(shown(
            "curl -u canary-user:canary-pass -XPOST api.example.com/search -d '{\"q\":\"{x}\",\"page\":1}'"
        ), @r#"
        {
          "source": "shop_source",
          "client": {
            "base_url": "https://api.example.com",
            "auth": {
              "type": "http_basic",
              "username": "${secrets.sources.shop_source.username}",
              "password": "${secrets.sources.shop_source.password}"
            }
          },
          "resources": [
            {
              "name": "search",
              "endpoint": {
                "path": "search",
                "method": "POST",
                "json": {
                  "q": "{{x}}",
                  "page": 1
                }
              }
            }
          ]
        }
        secrets: ["sources.shop_source.username", "sources.shop_source.password"]
        check `data_selector` and `paginator`: they are found out from the first answer until they are written down
        "#);
        insta::assert_snapshot!(shown(
            "curl -G \"https://a.b/v1/items?api_key=canary-key\" --data-urlencode 'q=a b' -b 'sid=canary-cookie'"
        ), @r#"
        {
          "source": "shop_source",
          "client": {
            "base_url": "https://a.b/v1",
            "auth": {
              "type": "api_key",
              "name": "Cookie",
              "location": "header",
              "api_key": "${secrets.sources.shop_source.api_key}"
            }
          },
          "resources": [
            {
              "name": "items",
              "endpoint": {
                "path": "items",
                "params": {
                  "api_key": "${secrets.sources.shop_source.api_key}",
                  "q": "a b"
                }
              }
            }
          ]
        }
        secrets: ["sources.shop_source.api_key", "sources.shop_source.api_key"]
        check `data_selector` and `paginator`: they are found out from the first answer until they are written down
        "#);
    }

    #[test]
    fn what_is_no_command_is_told() {
        let message = |text: &str| from_curl(text, "s").unwrap_err().to_string();
        assert_eq!(message("wget x"), "the text is no `curl` command");
        assert_eq!(message("curl -s"), "the command has no address");
        assert_eq!(
            message("curl 'https://a.b"),
            "a quoted text of the command is not closed"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "curl [a-z'\"\\\\ =:/?&{}$-]{0,40}") {
            let _ = from_curl(&text, "s");
        }
    }
}
