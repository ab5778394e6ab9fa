//! A `RESTAPIConfig` as it stands in a Python file (spec/rest-api.md §20.3).
//!
//! The dictionary is read as data, never run: texts, numbers, `True`, `False`, `None`, lists, dictionaries, joined texts,
//! look-ups of secrets and settings, and the known classes of paginators and authenticators. Everything else (functions,
//! names, f-strings with expressions) becomes a mark that `tipple check` finds, and a note that names the form to use instead.

use serde_json::{Map, Number, Value};

use super::{ImportError, Imported};
use crate::document::unfinished::marked;

/// Characters of a Python expression that are quoted.
const SHOWN_CHARS_MAX: usize = 80;

/// Nested lists and dictionaries.
const DEPTH_MAX: usize = 64;

/// Reads the first dictionary in `text` that has a member `client` or `resources`.
///
/// # Errors
/// There is none, or it ends too early.
pub fn from_python(text: &str) -> Result<Imported, ImportError> {
    let starts = text
        .char_indices()
        .filter(|(_, c)| *c == '{')
        .map(|(at, _)| at);
    let mut first_error = None;
    for start in starts {
        let mut reader = Reader::new(text, start);
        match reader.value() {
            Ok(Value::Object(map))
                if map.contains_key("client") || map.contains_key("resources") =>
            {
                return Ok(Imported {
                    document: Value::Object(with_source(map, &text[..start])),
                    notes: reader.notes,
                    secrets: Vec::new(),
                });
            }
            Ok(_) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| {
        ImportError::new(
            "there is no configuration in the text",
            "give the file, or only the dictionary, with its members `client` and `resources`",
        )
    }))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Keys and indexes that lead to the value being read.
    path: Vec<String>,
    notes: Vec<String>,
    /// Function in which the dictionary stands, and its parameters that are secrets or settings.
    function: Option<String>,
    parameters: Vec<(String, &'static str)>,
}

/// Classes that stand for a map with a `type`: name, type, names of positional arguments.
const CLASSES: [(&str, &str, &[&str]); 12] = [
    ("HeaderLinkPaginator", "header_link", &["links_next_key"]),
    ("JSONLinkPaginator", "json_link", &["next_url_path"]),
    ("JSONResponsePaginator", "json_link", &["next_url_path"]),
    (
        "PageNumberPaginator",
        "page_number",
        &[
            "base_page",
            "page",
            "page_param",
            "total_path",
            "maximum_page",
        ],
    ),
    (
        "OffsetPaginator",
        "offset",
        &[
            "limit",
            "offset",
            "offset_param",
            "limit_param",
            "total_path",
            "maximum_offset",
        ],
    ),
    (
        "JSONResponseCursorPaginator",
        "cursor",
        &["cursor_path", "cursor_param"],
    ),
    (
        "HeaderCursorPaginator",
        "header_cursor",
        &["cursor_key", "cursor_param"],
    ),
    ("SinglePagePaginator", "single_page", &[]),
    ("BearerTokenAuth", "bearer", &["token"]),
    ("APIKeyAuth", "api_key", &["name", "api_key", "location"]),
    ("HttpBasicAuth", "http_basic", &["username", "password"]),
    (
        "OAuth2ClientCredentials",
        "oauth2_client_credentials",
        &["access_token_url", "client_id", "client_secret"],
    ),
];

impl<'a> Reader<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        let (function, parameters) = enclosing_function(&text[..at]);
        Reader {
            text,
            at,
            depth: 0,
            path: Vec::new(),
            notes: Vec::new(),
            function,
            parameters,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Steps over blanks, line ends and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\\']).len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(sign);
        if is_next {
            self.at += sign.len_utf8();
        }
        is_next
    }

    fn error(&self, message: &str) -> ImportError {
        let line = self.text[..self.at.min(self.text.len())]
            .matches('\n')
            .count()
            + 1;
        ImportError::new(
            format!("line {line}: {message}"),
            "give the dictionary as it stands in the file, with all its brackets",
        )
    }

    fn expect(&mut self, sign: char) -> Result<(), ImportError> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(self.error(&format!("`{sign}` is expected"))),
        }
    }

    /// Notes something that has no form in a file and begins at `start`; the value that marks its place.
    fn note(&mut self, start: usize, form: &str) -> Value {
        let path = self.path.join(".").replace(".[", "[");
        let line = self.text[..start].matches('\n').count() + 1;
        let words = self.text[start..self.at].split_whitespace();
        let shown: String = words.collect::<Vec<_>>().join(" ");
        let shown: String = shown.chars().take(SHOWN_CHARS_MAX).collect();
        self.notes
            .push(format!("`{path}` (line {line}): `{shown}`; {form}"));
        marked(&shown)
    }

    /// The form that stands for a function at this place.
    fn form(&self) -> &'static str {
        let named = self.path.iter().rev().find(|key| !key.starts_with('['));
        form_for(named.map_or("", String::as_str))
    }

    fn value(&mut self) -> Result<Value, ImportError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("it is nested too deeply"));
        }
        self.skip_blanks();
        let start = self.at;
        let value = self.operand()?;
        self.depth -= 1;
        self.skip_blanks();
        // An operator makes an expression of it: all of that is noted.
        let ends = |c: char| matches!(c, ',' | ')' | ']' | '}' | ':');
        match self.peek() {
            None => Ok(value),
            Some(c) if ends(c) => Ok(value),
            Some(_) if self.depth == 0 => Ok(value),
            Some(_) => {
                self.skip_expression();
                Ok(self.note(start, self.form()))
            }
        }
    }

    fn operand(&mut self) -> Result<Value, ImportError> {
        match self.peek() {
            Some('{') => self.dictionary(),
            Some('[') => self.list('[', ']'),
            Some('(') => self.parentheses(),
            Some('\'' | '"') => self.texts(),
            Some('-' | '+' | '0'..='9' | '.') => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            Some(_) => Err(self.error("a value is expected")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn dictionary(&mut self) -> Result<Value, ImportError> {
        self.expect('{')?;
        let mut map = Map::new();
        while !self.eat('}') {
            if self.rest().starts_with("**") {
                let start = self.at;
                self.skip_expression();
                let mark = self.note(start, "write its members here");
                map.insert("**".to_owned(), mark);
            } else {
                let key = match self.operand()? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                self.expect(':')?;
                self.path.push(key.clone());
                let value = self.value()?;
                self.path.pop();
                map.insert(key, value);
            }
            if !self.eat(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(Value::Object(map))
    }

    fn list(&mut self, open: char, close: char) -> Result<Value, ImportError> {
        self.expect(open)?;
        let mut list = Vec::new();
        while !self.eat(close) {
            self.path.push(format!("[{}]", list.len()));
            list.push(self.value()?);
            self.path.pop();
            if !self.eat(',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(Value::Array(list))
    }

    /// A value in parentheses, or a tuple, which is a list.
    fn parentheses(&mut self) -> Result<Value, ImportError> {
        let start = self.at;
        let Value::Array(mut list) = self.list('(', ')')? else {
            return Ok(Value::Null);
        };
        let inner = self.text[start..self.at].trim_end_matches(')').trim_end();
        match list.len() {
            1 if !inner.ends_with(',') => Ok(list.remove(0)),
            _ => Ok(Value::Array(list)),
        }
    }

    /// Texts beside one another are one text.
    fn texts(&mut self) -> Result<Value, ImportError> {
        let mut text = String::new();
        loop {
            let is_raw = self.take_prefix();
            match self.peek() {
                Some(quote @ ('\'' | '"')) => self.quoted(quote, is_raw, &mut text)?,
                _ => return Ok(Value::String(text)),
            }
            self.skip_blanks();
            let rest = self.rest();
            let unprefixed = rest.trim_start_matches(['r', 'R', 'b', 'B', 'u', 'U']);
            if !(unprefixed.starts_with(['\'', '"']) && rest.len() - unprefixed.len() <= 2) {
                return Ok(Value::String(text));
            }
        }
    }

    /// Steps over `r`, `b`, `u` before a quote. True for a raw text.
    fn take_prefix(&mut self) -> bool {
        let rest = self.rest();
        let quote = rest.find(['\'', '"']).unwrap_or(0);
        let prefix = &rest[..quote.min(2)];
        let is_prefix = prefix.chars().all(|c| "rRbBuU".contains(c));
        if !is_prefix || quote > 2 {
            return false;
        }
        self.at += prefix.len();
        prefix.contains(['r', 'R'])
    }

    fn quoted(&mut self, quote: char, is_raw: bool, out: &mut String) -> Result<(), ImportError> {
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end = match self.rest().starts_with(&triple) {
            true => triple,
            false => quote.to_string(),
        };
        self.at += end.len();
        while !self.rest().starts_with(&end) {
            let Some(character) = self.peek() else {
                return Err(self.error("a text is not closed"));
            };
            self.at += character.len_utf8();
            match character {
                '\\' if !is_raw => self.escape(out),
                other => out.push(other),
            }
        }
        self.at += end.len();
        Ok(())
    }

    fn escape(&mut self, out: &mut String) {
        let Some(character) = self.peek() else {
            return;
        };
        self.at += character.len_utf8();
        let digits = match character {
            'n' => return out.push('\n'),
            't' => return out.push('\t'),
            'r' => return out.push('\r'),
            '\n' => return,
            '\\' | '\'' | '"' => return out.push(character),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => return out.extend(['\\', other]),
        };
        let code = self
            .rest()
            .get(..digits)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            self.at += digits;
            out.push(c);
        }
    }

    fn number(&mut self) -> Result<Value, ImportError> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let text = rest[..end].replace('_', "");
        let number = match text.trim_start_matches('+').parse::<i64>() {
            Ok(whole) => Some(Number::from(whole)),
            Err(_) => text.parse::<f64>().ok().and_then(Number::from_f64),
        };
        let number = number.ok_or_else(|| self.error("a number is expected"))?;
        self.at += end;
        Ok(Value::Number(number))
    }

    /// A word: a constant, a look-up, a class, a parameter, or something that has no file form.
    fn name(&mut self) -> Result<Value, ImportError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if matches!(name, "f" | "rf" | "fr" | "F") && rest[end..].starts_with(['\'', '"']) {
            self.at += end;
            return self.format_text();
        }
        if name.len() <= 2 && rest[end..].starts_with(['\'', '"']) {
            return self.texts();
        }
        let start = self.at;
        self.at += end;
        match name {
            "True" => return Ok(Value::Bool(true)),
            "False" => return Ok(Value::Bool(false)),
            "None" => return Ok(Value::Null),
            "dlt.secrets.value" => return Ok(self.argument(None, "secrets")),
            "dlt.config.value" => return Ok(self.argument(None, "config")),
            _ => {}
        }
        let base = name.trim_end_matches(".get");
        if let Some(kind) = ["secrets", "config"]
            .into_iter()
            .find(|kind| base == format!("dlt.{kind}"))
            && let Some(path) = self.look_up()?
        {
            return Ok(Value::String(format!("${{{kind}.{path}}}")));
        }
        if ["os.environ", "os.getenv", "os.environ.get"].contains(&name)
            && let Some(variable) = self.look_up()?
        {
            return Ok(Value::String(format!("${{env.{variable}}}")));
        }
        let class = name.rsplit('.').next().unwrap_or(name);
        if let Some((_, kind, arguments)) = CLASSES.iter().find(|(known, _, _)| *known == class)
            && self.eat('(')
        {
            return self.construct(kind, arguments);
        }
        if let Some((parameter, kind)) = self
            .parameters
            .iter()
            .find(|(known, _)| known == name)
            .cloned()
        {
            return Ok(self.argument(Some(&parameter), kind));
        }
        let is_order = self.path.last().is_some_and(|key| key == "last_value_func");
        if is_order && matches!(name, "max" | "min") {
            return Ok(Value::from(name));
        }
        self.skip_expression();
        Ok(self.note(start, self.form()))
    }

    /// The path in `["a.b"]` or `("a.b", …)`.
    fn look_up(&mut self) -> Result<Option<String>, ImportError> {
        let close = if self.eat('[') {
            ']'
        } else if self.eat('(') {
            ')'
        } else {
            return Ok(None);
        };
        let path = self.value()?;
        while self.eat(',') {
            if self.eat(close) {
                return Ok(path.as_str().map(str::to_owned));
            }
            self.skip_expression();
        }
        self.expect(close)?;
        Ok(path.as_str().map(str::to_owned))
    }

    /// An argument of the function around the dictionary that dlt fills from the settings.
    fn argument(&mut self, parameter: Option<&str>, kind: &str) -> Value {
        let key = self.path.last().cloned().unwrap_or_default();
        let name = parameter.unwrap_or(&key);
        let function = self.function.clone().unwrap_or_else(|| "source".to_owned());
        Value::String(format!("${{{kind}.sources.{function}.{name}}}"))
    }

    fn construct(&mut self, kind: &str, arguments: &[&str]) -> Result<Value, ImportError> {
        let mut map = Map::new();
        map.insert("type".to_owned(), Value::from(kind));
        let mut position = 0;
        while !self.eat(')') {
            self.skip_blanks();
            let rest = self.rest();
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(0);
            let after = rest[end..].trim_start();
            let key = match end > 0 && after.starts_with('=') && !after.starts_with("==") {
                true => {
                    self.at += end;
                    self.expect('=')?;
                    rest[..end].to_owned()
                }
                false => {
                    position += 1;
                    arguments
                        .get(position - 1)
                        .map_or_else(|| format!("argument_{position}"), |name| (*name).to_owned())
                }
            };
            self.path.push(key.clone());
            let value = self.value()?;
            self.path.pop();
            map.insert(key, value);
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(Value::Object(map))
    }

    /// An f-string: without expressions it is a text, with doubled braces undone.
    fn format_text(&mut self) -> Result<Value, ImportError> {
        let start = self.at - 1;
        let mut text = String::new();
        let Some(quote @ ('\'' | '"')) = self.peek() else {
            return Err(self.error("a text is expected"));
        };
        self.quoted(quote, false, &mut text)?;
        let plain = text.replace("{{", "").replace("}}", "");
        if plain.contains('{') {
            return Ok(self.note(start, "write the text with its values in place"));
        }
        Ok(Value::String(text.replace("{{", "{").replace("}}", "}")))
    }

    /// Steps to the end of an expression: a comma or closing bracket outside of its own brackets and texts.
    fn skip_expression(&mut self) {
        let mut open = 0_usize;
        while let Some(character) = self.peek() {
            match character {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if open == 0 => return,
                ')' | ']' | '}' => open -= 1,
                ',' if open == 0 => return,
                '\'' | '"' => {
                    if self.quoted(character, false, &mut String::new()).is_err() {
                        return;
                    }
                    continue;
                }
                '#' => {
                    self.skip_blanks();
                    continue;
                }
                _ => {}
            }
            self.at += character.len_utf8();
        }
    }
}

/// The last `def` before the dictionary, and its parameters with values of the settings.
fn enclosing_function(before: &str) -> (Option<String>, Vec<(String, &'static str)>) {
    let Some(at) = before.rfind("def ") else {
        return (None, Vec::new());
    };
    let rest = &before[at + 4..];
    let name = rest.split('(').next().unwrap_or_default().trim().to_owned();
    let signature = rest.split("):").next().unwrap_or_default();
    let mut parameters = Vec::new();
    for part in signature
        .split_once('(')
        .map_or("", |(_, inner)| inner)
        .split(',')
    {
        let Some((left, right)) = part.split_once('=') else {
            continue;
        };
        let kind = match right.trim() {
            right if right.starts_with("dlt.secrets.value") => "secrets",
            right if right.starts_with("dlt.config.value") => "config",
            _ => continue,
        };
        let parameter = left.split(':').next().unwrap_or_default().trim();
        parameters.push((parameter.to_owned(), kind));
    }
    (Some(name), parameters)
}

/// The configuration, with the name of the source that the function around it makes: state and schema have this name.
fn with_source(map: Map<String, Value>, before: &str) -> Map<String, Value> {
    let function = before.rfind("def ");
    let decorator = function.and_then(|def| Some((before[..def].rfind("@dlt.source")?, def)));
    let Some((at, def)) = decorator else {
        return map;
    };
    let is_its = before[at..def]
        .trim_end()
        .lines()
        .skip(1)
        .all(|line| line.starts_with([' ', '\t', ')', '@']) || line.is_empty());
    let named = before[at..def].split("name=").nth(1);
    let named = named.and_then(|rest| rest.split(['\'', '"']).nth(1));
    let name = match named {
        Some(name) => name,
        None => before[def + 4..]
            .split('(')
            .next()
            .unwrap_or_default()
            .trim(),
    };
    if !is_its || name.is_empty() || map.contains_key("source") {
        return map;
    }
    let source = ("source".to_owned(), Value::from(name));
    std::iter::once(source).chain(map).collect()
}

/// The form to use instead of a function under this key (spec §21.1).
fn form_for(key: &str) -> &'static str {
    match key {
        "filter" => "write `{ jq: \".id > 5\" }`, or the step `where`",
        "map" => "write `{ jq: \"del(.email)\" }`, or a step such as `drop`, `rename`, `set`",
        "yield_map" => "write `{ jq: \".tags[]\" }`, or the step `explode`",
        "convert" | "transform" => "name a conversion such as `epoch_s`, or write `{ jq: \"…\" }`",
        "action" => "write `ignore`, `retry`, `raise`, `skip_page` or `{ jq: \"…\" }`",
        "last_value_func" => "write `max` or `min`",
        "session" => {
            "remove it; timeouts, retries, proxy and certificates are keys of `client.http`"
        }
        "columns" => "write the columns as a map: `{ price: { data_type: double } }`",
        "table_name" => "put the field in braces: `\"event_{type}\"`",
        "base_url" | "path" => "write the whole address",
        "response_actions" => {
            "write `{ status_code: 404, action: ignore }`; actions are `ignore`, `retry`, `raise`, `skip_page` or `{ jq: \"…\" }`"
        }
        "auth" => {
            "write `{ type: … }`: bearer, api_key, http_basic, oauth2_client_credentials, oauth2_jwt_bearer or hmac"
        }
        "paginator" => {
            "write `{ type: … }`: page_number, offset, cursor, json_link, header_link, header_cursor or single_page"
        }
        _ => "write the value itself",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = r#"
import dlt

@dlt.source
def github_source(access_token: str = dlt.secrets.value, org=dlt.config.value):
    config: RESTAPIConfig = {
        "client": {
            'base_url': "https://api.github.com/"
                        "repos/",  # joined
            "auth": {"type": "bearer", "token": access_token},
            "paginator": HeaderLinkPaginator(links_next_key="next"),
            "headers": {"X-Org": org, "X-Key": dlt.secrets["sources.github.key"], "X-V": os.environ["V"]},
        },
        "resource_defaults": {"primary_key": "id", "endpoint": {"params": {"per_page": 1_00, "flag": True, "none": None, "f": 1.5}}},
        "resources": [
            "posts",
            {
                "name": "issues",
                "endpoint": {
                    "path": f"{org}/issues",
                    "paginator": JSONResponseCursorPaginator("meta.next", cursor_param="c"),
                    "incremental": {"cursor_path": "u", "initial_value": "2024-01-01", "convert": lambda x: int(x)},
                    "params": {"a": "it\'s \u00e9", "t": ("x", "y"), "e": 60 * 60},
                },
                "processing_steps": [{"filter": lambda x: x["id"] < 10}, {"map": lower_title}],
            },
        ],
    }
    yield from rest_api_resources(config)
"#;

    #[test]
    fn a_dictionary_is_read_as_data() {
        let imported = from_python(EXAMPLE).unwrap();
        insta::assert_snapshot!(format!("{:#}\n{}", imported.document, imported.notes.join("\n")), @r#"
        {
          "source": "github_source",
          "client": {
            "base_url": "https://api.github.com/repos/",
            "auth": {
              "type": "bearer",
              "token": "${secrets.sources.github_source.access_token}"
            },
            "paginator": {
              "type": "header_link",
              "links_next_key": "next"
            },
            "headers": {
              "X-Org": "${config.sources.github_source.org}",
              "X-Key": "${secrets.sources.github.key}",
              "X-V": "${env.V}"
            }
          },
          "resource_defaults": {
            "primary_key": "id",
            "endpoint": {
              "params": {
                "per_page": 100,
                "flag": true,
                "none": null,
                "f": 1.5
              }
            }
          },
          "resources": [
            "posts",
            {
              "name": "issues",
              "endpoint": {
                "path": "<TODO f\"{org}/issues\">",
                "paginator": {
                  "type": "cursor",
                  "cursor_path": "meta.next",
                  "cursor_param": "c"
                },
                "incremental": {
                  "cursor_path": "u",
                  "initial_value": "2024-01-01",
                  "convert": "<TODO lambda x: int(x)>"
                },
                "params": {
                  "a": "it's é",
                  "t": [
                    "x",
                    "y"
                  ],
                  "e": "<TODO 60 * 60>"
                }
              },
              "processing_steps": [
                {
                  "filter": "<TODO lambda x: x[\"id\"] < 10>"
                },
                {
                  "map": "<TODO lower_title>"
                }
              ]
            }
          ]
        }
        `resources[1].endpoint.path` (line 20): `f"{org}/issues"`; write the text with its values in place
        `resources[1].endpoint.incremental.convert` (line 22): `lambda x: int(x)`; name a conversion such as `epoch_s`, or write `{ jq: "…" }`
        `resources[1].endpoint.params.e` (line 23): `60 * 60`; write the value itself
        `resources[1].processing_steps[0].filter` (line 25): `lambda x: x["id"] < 10`; write `{ jq: ".id > 5" }`, or the step `where`
        `resources[1].processing_steps[1].map` (line 25): `lower_title`; write `{ jq: "del(.email)" }`, or a step such as `drop`, `rename`, `set`
        "#);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let message = |text: &str| from_python(text).unwrap_err().to_string();
        let all = [
            message(""),
            message("x = 1"),
            message("c = {\n 'client': {"),
            message("{'client': 'a}"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        there is no configuration in the text
        there is no configuration in the text
        line 2: the text ends too early
        line 1: a text is not closed
        ");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[\\[\\]{}(),:'\"a=.#\\\\ f1\n-]{0,40}") {
            let _ = from_python(&text);
        }
    }
}
