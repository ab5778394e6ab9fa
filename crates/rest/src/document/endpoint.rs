//! One endpoint, merged with its defaults (spec/rest-api.md §4).

use serde_json::{Map, Value};
use tipple_source::fields::{Fields, join, kind_of, quoted_list};

use super::Reader;
use super::auth::AuthWish;
use super::client::Client;
use super::incremental::CursorWish;
use super::names::{Binding, EndpointNames};
use super::paginator::PaginatorWish;
use crate::model::{
    Endpoint, Header, Method, PageRule, Paginator, Param, ParamValue, ParentField, RequestBody,
    Selector,
};
use crate::template::{CursorValue, Piece, Reference, Template, TemplateError, Tree, pieces};
use tipple_json::JsonPath;

const METHODS: [(&str, Method); 4] = [
    ("GET", Method::Get),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
];

/// Types of bindings in `params`.
const BINDINGS: [&str; 2] = ["resolve", "incremental"];

/// What was read of an endpoint.
pub(super) struct EndpointRead {
    pub endpoint: Endpoint,
    pub cursor: Option<CursorWish>,
    /// Name of the parent, and the path of the place that names it first.
    pub parent: Option<String>,
    pub fields: Vec<ParentField>,
}

impl Reader<'_> {
    pub(super) fn endpoint(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        client: &Client,
    ) -> Option<EndpointRead> {
        let value = Value::Object(map.clone());
        let mut fields = Fields::of(&value, path, &mut self.problems)?;
        let cursor = self.cursor_wish(map, path);
        let empty = Map::new();
        let params = fields
            .object("params", &mut self.problems)
            .unwrap_or(&empty);
        let mut names = EndpointNames {
            parent: None,
            fields: Vec::new(),
            bindings: self.bindings(params, &join(path, "params")),
            params,
            used: Vec::new(),
            cursor_path: cursor.as_ref().map(|cursor| cursor.cursor_path.as_str()),
            is_path: true,
        };
        let path_text = self.path_text(&mut fields);
        let template = self.template(&path_text, &join(path, "path"), &mut names);
        names.is_path = false;
        self.check_bindings(&names, path);
        let params = self.params(&mut names, &join(path, "params"), cursor.as_ref());
        let headers = self.headers(&mut fields, &mut names, client);
        let body = self.body(&mut fields, &mut names);
        let method = self.method(&mut fields, body.is_some(), path);
        let is_single = is_single_entity(&path_text);
        let endpoint = Endpoint {
            base_url: client.base_url.clone(),
            path: template,
            method,
            params,
            headers,
            body,
            auth: match self.auth_wish(&mut fields, &value) {
                AuthWish::Given(auth) => auth,
                AuthWish::None => Vec::new().into(),
                AuthWish::Absent => client.auth.clone().unwrap_or_else(|| Vec::new().into()),
            },
            paginator: self.paginator_in_force(&mut fields, is_single, client),
            selector: match self.path(&mut fields, "data_selector") {
                Some(path) => Selector::Path(path),
                None if is_single => Selector::Path(JsonPath::root()),
                None => Selector::Automatic,
            },
            actions: self.actions(&mut fields),
            convert: cursor.as_ref().and_then(|cursor| cursor.convert.clone()),
        };
        fields.leave(&["incremental"]);
        fields.finish(&mut self.problems);
        let (parent, fields) = (names.parent.take(), std::mem::take(&mut names.fields));
        Some(EndpointRead {
            endpoint,
            cursor,
            parent,
            fields,
        })
    }

    fn path_text(&mut self, fields: &mut Fields<'_>) -> String {
        let path = fields.path_of("path");
        match fields.value("path") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Object(map)) if is_unquoted_placeholder(map) => {
                let name = map.keys().next().cloned().unwrap_or_default();
                let help = format!("put it in quotes: `\"{{{name}}}\"`");
                self.problems.add_with_help(
                    path,
                    "without quotes, YAML reads the braces as an object",
                    help,
                );
                String::new()
            }
            Some(other) => {
                self.problems
                    .add(path, format!("must be a text, not {}", kind_of(other)));
                String::new()
            }
            None => String::new(),
        }
    }

    fn template(&mut self, text: &str, path: &str, names: &mut EndpointNames<'_>) -> Template {
        Template::read(text, names).unwrap_or_else(|error| {
            self.template_problem(path, error);
            Template::default()
        })
    }

    fn template_problem(&mut self, path: &str, error: TemplateError) {
        match error.help {
            Some(help) => self.problems.add_with_help(path, error.message, help),
            None => self.problems.add(path, error.message),
        }
    }

    fn tree(&mut self, value: &Value, path: &str, names: &mut EndpointNames<'_>) -> Tree {
        let mut mistakes = Vec::new();
        let tree = Tree::read(value, names, &mut |below, error| {
            mistakes.push((below.to_owned(), error));
        });
        for (below, error) in mistakes {
            let path = match below.starts_with('[') || below.is_empty() {
                true => format!("{path}{below}"),
                false => format!("{path}.{below}"),
            };
            self.template_problem(&path, error);
        }
        tree
    }

    /// Bindings of the old form among the parameters.
    fn bindings(&mut self, params: &Map<String, Value>, path: &str) -> Vec<(Binding, bool)> {
        let mut bindings = Vec::new();
        for (name, value) in params {
            let path = join(path, name);
            if value.get("type").and_then(Value::as_str) != Some("resolve") {
                continue;
            }
            let Some(mut fields) = Fields::of(value, &path, &mut self.problems) else {
                continue;
            };
            fields.leave(&["type"]);
            let mut needed = |key: &'static str, help: &str| {
                let text = fields.text(key, &mut self.problems);
                if text.is_none() {
                    self.problems
                        .add_with_help(join(&path, key), "the key is missing", help);
                }
                text
            };
            let resource = needed("resource", "name the parent resource");
            let field = needed("field", "name the field of the parent's rows");
            fields.finish(&mut self.problems);
            let binding = Binding {
                name: name.clone(),
                resource: resource.unwrap_or_default(),
                field: field.unwrap_or_default(),
            };
            let is_whole = !binding.resource.is_empty() && !binding.field.is_empty();
            // A broken one counts as used: it has been told already.
            bindings.push((binding, !is_whole));
        }
        bindings
    }

    fn check_bindings(&mut self, names: &EndpointNames<'_>, path: &str) {
        for (binding, is_used) in &names.bindings {
            if !is_used {
                let message = format!(
                    "it is bound to `{}` but the path has no `{{{}}}`",
                    binding.resource, binding.name
                );
                let help = format!(
                    "write the value of the parameter as `\"{{resources.{}.{}}}\"`",
                    binding.resource, binding.field
                );
                self.problems.add_with_help(
                    join(&join(path, "params"), &binding.name),
                    message,
                    help,
                );
            }
        }
    }

    /// Query parameters: without those that went into the path, with those of the cursor.
    fn params(
        &mut self,
        names: &mut EndpointNames<'_>,
        path: &str,
        cursor: Option<&CursorWish>,
    ) -> Vec<Param> {
        let mut params = Vec::new();
        let all = names.params;
        for (name, value) in all {
            let is_bound = names
                .bindings
                .iter()
                .any(|(binding, _)| binding.name == *name);
            if names.used.contains(name) || is_bound {
                continue;
            }
            let path = join(path, name);
            let value = match value {
                Value::Object(map) => match self.param_object(map, &path, names) {
                    Some(value) => value,
                    None => continue,
                },
                plain => ParamValue::Plain(self.tree(plain, &path, names)),
            };
            if let Some(text) = all[name].as_str() {
                self.keep_if_sensitive(name, text);
            }
            let name = self.template(name, &path, names);
            params.push(Param { name, value });
        }
        for (param, which) in cursor.into_iter().flat_map(cursor_params) {
            set_param(&mut params, param, which);
        }
        params
    }

    fn param_object(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        names: &mut EndpointNames<'_>,
    ) -> Option<ParamValue> {
        if let (Some(json), 1) = (map.get("$json"), map.len()) {
            return Some(ParamValue::Json(self.tree(
                json,
                &join(path, "$json"),
                names,
            )));
        }
        match map.get("type") {
            // Its place among the parameters is kept; the value is set with the cursor.
            Some(Value::String(kind)) if kind == "incremental" => {
                return Some(ParamValue::Plain(Tree::Scalar(tipple_json::Value::Null)));
            }
            Some(Value::String(kind)) => {
                self.problems
                    .add_unknown_word(&join(path, "type"), kind, &BINDINGS);
            }
            _ if is_unquoted_placeholder(map) => {
                let help = "put the placeholder in quotes";
                self.problems.add_with_help(
                    path,
                    "without quotes, YAML reads the braces as an object",
                    help,
                );
            }
            _ => {
                let message = "an object as a parameter needs a `type`";
                let help = format!(
                    "write one of {}, or `$json:` to send the object as JSON text",
                    quoted_list(&BINDINGS)
                );
                self.problems.add_with_help(path, message, help);
            }
        }
        None
    }

    /// Headers of the endpoint over those of the client, without regard to case.
    fn headers(
        &mut self,
        fields: &mut Fields<'_>,
        names: &mut EndpointNames<'_>,
        client: &Client,
    ) -> Vec<Header> {
        let path = fields.path_of("headers");
        let mut headers = client.headers.clone();
        for (name, value) in fields
            .object("headers", &mut self.problems)
            .into_iter()
            .flatten()
        {
            let path = join(&path, name);
            let is_same = |header: &Header| {
                header
                    .name
                    .as_literal()
                    .is_some_and(|known| known.eq_ignore_ascii_case(name))
            };
            headers.retain(|header| !is_same(header));
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                other => {
                    let message = format!(
                        "the value of a header must be a text, not {}",
                        kind_of(other)
                    );
                    self.problems.add(path, message);
                    continue;
                }
            };
            if !text.contains('{') {
                self.keep_if_sensitive(name, &text);
            }
            headers.push(Header {
                name: self.template(name, &path, names),
                value: self.template(&text, &path, names),
            });
        }
        headers
    }

    fn body(
        &mut self,
        fields: &mut Fields<'_>,
        names: &mut EndpointNames<'_>,
    ) -> Option<RequestBody> {
        let (json, data) = (fields.value("json"), fields.value("data"));
        let path = fields.path_of(if json.is_some() { "json" } else { "data" });
        match (json, data) {
            (Some(_), Some(_)) => {
                let message = "`json` and `data` are both set";
                self.problems.add_with_help(
                    path,
                    message,
                    "a request has one body: keep one of the two",
                );
                None
            }
            (Some(json @ (Value::Object(_) | Value::Array(_))), None) => {
                Some(RequestBody::Json(self.tree(json, &path, names)))
            }
            (Some(other), None) => {
                self.problems.add(
                    path,
                    format!("must be an object or a list, not {}", kind_of(other)),
                );
                None
            }
            (None, Some(Value::String(text))) => {
                Some(RequestBody::Text(self.template(text, &path, names)))
            }
            (None, Some(Value::Object(map))) => {
                Some(RequestBody::Form(self.form(map, &path, names)))
            }
            (None, Some(other)) => {
                self.problems.add(
                    path,
                    format!("must be a text or an object, not {}", kind_of(other)),
                );
                None
            }
            (None, None) => None,
        }
    }

    fn form(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        names: &mut EndpointNames<'_>,
    ) -> Vec<Param> {
        let mut form = Vec::new();
        for (name, value) in map {
            let path = join(path, name);
            if value.is_object() {
                let help = "give a text, a number or a list of them";
                self.problems
                    .add_with_help(path, "a field of a form cannot be an object", help);
                continue;
            }
            if let Some(text) = value.as_str() {
                self.keep_if_sensitive(name, text);
            }
            form.push(Param {
                name: self.template(name, &path, names),
                value: ParamValue::Plain(self.tree(value, &path, names)),
            });
        }
        form
    }

    fn method(&mut self, fields: &mut Fields<'_>, has_body: bool, path: &str) -> Method {
        let Some(word) = fields.text("method", &mut self.problems) else {
            if has_body {
                self.warn(format!(
                    "`{path}` has a body but no `method`: it is sent with GET"
                ));
            }
            return Method::Get;
        };
        let found = METHODS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&word));
        found.map(|(_, method)| *method).unwrap_or_else(|| {
            let names = METHODS.map(|(name, _)| name);
            self.problems
                .add_unknown_word(&fields.path_of("method"), &word, &names);
            Method::Get
        })
    }

    /// Endpoint before single entity before client before detection (spec §5).
    fn paginator_in_force(
        &mut self,
        fields: &mut Fields<'_>,
        is_single: bool,
        client: &Client,
    ) -> Option<Paginator> {
        let path = fields.path_of("paginator");
        let is_auto = fields.value("paginator").is_some();
        match self.paginator_wish(fields) {
            PaginatorWish::Given(paginator) => return Some(*paginator),
            PaginatorWish::Detect => return None,
            PaginatorWish::Absent => {}
        }
        if is_single {
            return Some(PageRule::SinglePage.into());
        }
        match &client.paginator {
            PaginatorWish::Given(paginator) => {
                if is_auto {
                    self.warn(format!(
                        "`{path}`: `auto` means \"not set\", so the paginator of the client is used; write `detect` to find one out"
                    ));
                }
                Some((**paginator).clone())
            }
            _ => None,
        }
    }
}

/// Parameters of a cursor and what they take.
fn cursor_params(cursor: &CursorWish) -> impl Iterator<Item = (&str, CursorValue)> {
    let start = cursor
        .start_param
        .as_deref()
        .map(|param| (param, CursorValue::Last));
    let end = cursor
        .end_param
        .as_deref()
        .map(|param| (param, CursorValue::End));
    start.into_iter().chain(end)
}

/// Sets a parameter in its place, or at the end.
fn set_param(params: &mut Vec<Param>, name: &str, which: CursorValue) {
    let text = CursorValue::NAMES.iter().find(|(_, value)| *value == which);
    let text = format!("incremental.{}", text.map_or("", |(name, _)| *name));
    let value = ParamValue::Plain(Tree::Text(Template::of(text, Reference::Cursor(which))));
    match params
        .iter_mut()
        .find(|param| param.name.as_literal() == Some(name))
    {
        Some(param) => param.value = value,
        None => params.push(Param {
            name: Template::literal(name),
            value,
        }),
    }
}

/// True for what YAML makes of `{resources.x.id}` without quotes.
pub(super) fn is_unquoted_placeholder(map: &Map<String, Value>) -> bool {
    map.len() == 1
        && map.iter().all(|(key, value)| {
            value.is_null() && (key.starts_with("resources.") || key.starts_with("incremental."))
        })
}

/// True when the last segment of the path holds a placeholder: the endpoint gives one entity (spec §9.3).
pub(super) fn is_single_entity(path: &str) -> bool {
    let Ok(pieces) = pieces(path) else {
        return false;
    };
    // Slashes in a name do not cut the path, so names are put away first.
    let flat: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.replace('\0', ""),
            Piece::Field(_) => "\0".to_owned(),
        })
        .collect();
    let last = flat.trim_end_matches('/').rsplit('/').next();
    last.is_some_and(|segment| segment.contains('\0'))
}
