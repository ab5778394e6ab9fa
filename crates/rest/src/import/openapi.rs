//! An OpenAPI 3 document as the start of a configuration (spec/rest-api.md §20.6).
//!
//! GET operations whose answer is a list, or an object that holds one, become resources; a path parameter is bound to the
//! resource that lists what it names. What the document does not say (how pages are asked for) is guessed from the names
//! of parameters and noted.

use serde_json::{Map, Value, json};

use super::curl::identifier;
use super::{ImportError, Imported};

/// References that are followed one after another.
const REFERENCES_MAX: usize = 16;

/// Reads an OpenAPI document; secrets are expected under `sources.<source>`.
///
/// # Errors
/// It is none, or proposes nothing.
pub fn from_openapi(document: &Value, source: &str) -> Result<Imported, ImportError> {
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        return Err(ImportError::new(
            "the document has no `paths`: it is no OpenAPI document",
            "give an OpenAPI 3 file in YAML or JSON",
        ));
    };
    let mut notes = Vec::new();
    let mut found: Vec<Proposal> = paths
        .iter()
        .filter_map(|(path, item)| propose(document, path, item))
        .collect();
    found.sort_by_key(|proposal| proposal.parameters.len());
    let mut resources: Vec<Value> = Vec::new();
    let mut listed: Vec<(String, String)> = Vec::new();
    for proposal in &found {
        match proposal.resource(&listed) {
            Ok(resource) => {
                listed.push((proposal.path.clone(), proposal.name.clone()));
                resources.push(resource);
            }
            Err(parameter) => notes.push(format!(
                "`{}` was left out: no resource lists what `{{{parameter}}}` names",
                proposal.path
            )),
        }
    }
    if resources.is_empty() {
        return Err(ImportError::new(
            "the document has no GET operation that gives a list",
            "begin with `tipple init rest_api` and write the resources yourself",
        ));
    }
    let mut client = Map::new();
    client.insert("base_url".to_owned(), base_url(document, &mut notes).into());
    if let Some(auth) = auth(document, source, &mut notes) {
        client.insert("auth".to_owned(), auth);
    }
    match found.iter().find_map(|proposal| proposal.paginator.clone()) {
        Some(paginator) => drop(client.insert("paginator".to_owned(), paginator)),
        None => notes.push("how pages are asked for is found out from the first answer; write `client.paginator` to be sure".to_owned()),
    }
    Ok(Imported {
        document: json!({"source": source, "client": client, "resources": resources}),
        notes,
        secrets: Vec::new(),
    })
}

/// A resource that an operation may become.
struct Proposal {
    path: String,
    name: String,
    /// Names in braces.
    parameters: Vec<String>,
    params: Map<String, Value>,
    selector: Option<String>,
    key: Option<String>,
    paginator: Option<Value>,
}

impl Proposal {
    /// The resource; the name of a parameter that no listed resource gives.
    fn resource(&self, listed: &[(String, String)]) -> Result<Value, String> {
        let mut path = self.path.trim_start_matches('/').to_owned();
        let mut parent: Option<String> = None;
        for parameter in &self.parameters {
            let before = self
                .path
                .split(&format!("{{{parameter}}}"))
                .next()
                .unwrap_or_default();
            let lister = listed
                .iter()
                .find(|(path, _)| path.trim_end_matches('/') == before.trim_end_matches('/'));
            let (_, name) = lister.ok_or_else(|| parameter.clone())?;
            if parent.as_ref().is_some_and(|known| known != name) {
                return Err(parameter.clone());
            }
            parent = Some(name.clone());
            let field =
                if parameter.contains('_') || parameter.ends_with("Id") && parameter.len() > 2 {
                    field_of(parameter, name)
                } else {
                    parameter.clone()
                };
            path = path.replace(
                &format!("{{{parameter}}}"),
                &format!("{{resources.{name}.{field}:segment}}"),
            );
        }
        let mut endpoint = Map::new();
        endpoint.insert("path".to_owned(), path.into());
        if !self.params.is_empty() {
            endpoint.insert("params".to_owned(), Value::Object(self.params.clone()));
        }
        if let Some(selector) = &self.selector {
            endpoint.insert("data_selector".to_owned(), selector.as_str().into());
        }
        let mut resource = Map::new();
        resource.insert("name".to_owned(), self.name.as_str().into());
        if let Some(key) = &self.key {
            resource.insert("primary_key".to_owned(), key.as_str().into());
            resource.insert("write_disposition".to_owned(), "merge".into());
        }
        resource.insert("endpoint".to_owned(), Value::Object(endpoint));
        Ok(Value::Object(resource))
    }
}

/// `user_id` of `users` is its `id`; `videoId` of `videos` keeps its name.
fn field_of(parameter: &str, resource: &str) -> String {
    let singular = resource.trim_end_matches('s');
    match parameter == format!("{singular}_id") {
        true => "id".to_owned(),
        false => parameter.to_owned(),
    }
}

fn propose(document: &Value, path: &str, item: &Value) -> Option<Proposal> {
    let operation = item.get("get")?;
    let schema = answer_schema(document, operation)?;
    let (selector, row) = rows_of(document, &schema)?;
    let parameters: Vec<String> = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .map(str::to_owned)
        .collect();
    if path.trim_end_matches('/').ends_with('}') {
        return None;
    }
    let query = query_parameters(document, item, operation);
    let mut params = Map::new();
    for parameter in &query {
        let schema = parameter
            .get("schema")
            .map(|schema| resolved(document, schema));
        let default = schema.as_ref().and_then(|schema| schema.get("default"));
        let is_required = parameter
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let name = parameter
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let (Some(default), false) = (default, is_page(name)) {
            params.insert(name.to_owned(), default.clone());
        } else if is_required {
            params.insert(name.to_owned(), Value::from("TODO"));
        }
    }
    let last = path
        .trim_matches('/')
        .split('/')
        .rfind(|segment| !segment.starts_with('{'))?;
    Some(Proposal {
        path: path.to_owned(),
        name: identifier(last),
        parameters,
        params,
        selector,
        key: key_of(&row),
        paginator: paginator_of(&query, &schema),
    })
}

/// Follows `$ref`.
fn resolved(document: &Value, value: &Value) -> Value {
    let mut value = value;
    for _ in 0..REFERENCES_MAX {
        let Some(pointer) = value
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| r.strip_prefix('#'))
        else {
            break;
        };
        match document.pointer(pointer) {
            Some(target) => value = target,
            None => break,
        }
    }
    let mut merged = value.clone();
    for part in value
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let part = resolved(document, part);
        let properties = part
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if merged.get("properties").is_none() {
            merged["properties"] = json!({});
        }
        if let Some(all) = merged["properties"].as_object_mut() {
            all.extend(properties);
        }
    }
    merged
}

fn answer_schema(document: &Value, operation: &Value) -> Option<Value> {
    let responses = operation.get("responses")?.as_object()?;
    let (_, answer) = responses
        .iter()
        .find(|(status, _)| status.starts_with('2'))?;
    let answer = resolved(document, answer);
    let content = answer.get("content")?.as_object()?;
    let (_, media) = content.iter().find(|(kind, _)| kind.contains("json"))?;
    Some(resolved(document, media.get("schema")?))
}

/// Where the rows of an answer are, and their schema.
fn rows_of(document: &Value, schema: &Value) -> Option<(Option<String>, Value)> {
    let items = |schema: &Value| schema.get("items").map(|items| resolved(document, items));
    if schema.get("type").and_then(Value::as_str) == Some("array") {
        return Some((Some("$".to_owned()), items(schema)?));
    }
    let properties = schema.get("properties")?.as_object()?;
    let lists: Vec<(&String, Value)> = properties
        .iter()
        .map(|(name, property)| (name, resolved(document, property)))
        .filter(|(_, property)| property.get("type").and_then(Value::as_str) == Some("array"))
        .filter(|(_, property)| items(property).is_some_and(|row| row.get("properties").is_some()))
        .collect();
    let usual = ["data", "items", "results", "records", "entries"];
    let chosen = lists
        .iter()
        .find(|(name, _)| usual.contains(&name.as_str()))
        .or_else(|| match lists.len() {
            1 => lists.first(),
            _ => None,
        })?;
    Some((Some(chosen.0.clone()), items(&chosen.1)?))
}

fn query_parameters(document: &Value, item: &Value, operation: &Value) -> Vec<Value> {
    let lists = [item.get("parameters"), operation.get("parameters")];
    let all = lists
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    all.map(|parameter| resolved(document, parameter))
        .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("query"))
        .collect()
}

/// The property that identifies a row.
fn key_of(row: &Value) -> Option<String> {
    let properties = row.get("properties")?.as_object()?;
    let required: Vec<&str> = row
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if properties.contains_key("id") {
        return Some("id".to_owned());
    }
    let is_key = |name: &&String| {
        (name.ends_with("Id") || name.ends_with("_id")) && required.contains(&name.as_str())
    };
    properties.keys().find(is_key).cloned()
}

fn is_page(name: &str) -> bool {
    [
        "page",
        "currentPage",
        "current_page",
        "page_number",
        "offset",
        "cursor",
        "after",
    ]
    .contains(&name)
}

/// The paginator that names of parameters tell of.
fn paginator_of(query: &[Value], schema: &Value) -> Option<Value> {
    let has = |name: &str| {
        query
            .iter()
            .any(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name))
    };
    let page = ["page", "currentPage", "current_page", "page_number"]
        .into_iter()
        .find(|name| has(name));
    if let Some(page) = page {
        let total = total_path(schema);
        return Some(
            json!({"type": "page_number", "base_page": 1, "page_param": page, "total_path": total}),
        );
    }
    (has("offset") && has("limit"))
        .then(|| json!({"type": "offset", "limit": 100, "total_path": null}))
}

/// Where an answer says how many pages there are.
fn total_path(schema: &Value) -> Value {
    let names = [
        "pagesTotal",
        "total_pages",
        "totalPages",
        "pages",
        "page_count",
    ];
    let in_object = |object: &Value| {
        let properties = object.get("properties").and_then(Value::as_object)?;
        names
            .iter()
            .find(|name| properties.contains_key(**name))
            .map(|name| (*name).to_owned())
    };
    if let Some(name) = in_object(schema) {
        return name.into();
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let found = properties
        .into_iter()
        .flatten()
        .find_map(|(name, property)| Some(format!("{name}.{}", in_object(property)?)));
    found.map_or(Value::Null, Value::from)
}

fn base_url(document: &Value, notes: &mut Vec<String>) -> String {
    let url = document
        .pointer("/servers/0/url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !url.starts_with("http") || url.contains('{') {
        notes.push(format!(
            "`client.base_url`: the document says `{url}`; write the whole address"
        ));
    }
    url.replace(['{', '}'], "")
}

fn auth(document: &Value, source: &str, notes: &mut Vec<String>) -> Option<Value> {
    let schemes = document
        .pointer("/components/securitySchemes")?
        .as_object()?;
    let secret = |key: &str| format!("${{secrets.sources.{source}.{key}}}");
    for scheme in schemes.values() {
        let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), text("scheme").to_lowercase().as_str()) {
            ("http", "bearer") => return Some(json!({"type": "bearer", "token": secret("token")})),
            ("http", "basic") => {
                return Some(
                    json!({"type": "http_basic", "username": secret("username"), "password": secret("password")}),
                );
            }
            ("apiKey", _) => {
                return Some(
                    json!({"type": "api_key", "name": text("name"), "location": text("in"), "api_key": secret("api_key")}),
                );
            }
            ("oauth2", _) => {
                let url = scheme
                    .pointer("/flows/clientCredentials/tokenUrl")
                    .and_then(Value::as_str)?;
                return Some(json!({
                    "type": "oauth2_client_credentials", "access_token_url": url,
                    "client_id": secret("client_id"), "client_secret": secret("client_secret"),
                }));
            }
            (kind, _) => notes.push(format!(
                "the security scheme `{kind}` is not known; write `client.auth`"
            )),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_resources_and_parameters_bind_them() {
        let document = json!({
            "openapi": "3.0.0",
            "servers": [{"url": "https://ws.api.video"}],
            "components": {
                "securitySchemes": {"k": {"type": "http", "scheme": "basic"}},
                "schemas": {
                    "video": {"type": "object", "required": ["videoId"], "properties": {"videoId": {"type": "string"}}},
                    "page": {"type": "object", "properties": {"pagesTotal": {"type": "integer"}}},
                    "caption": {"type": "object", "properties": {"uri": {"type": "string"}}},
                },
            },
            "paths": {
                "/videos": {"get": {
                    "parameters": [{"in": "query", "name": "currentPage", "schema": {"default": 1}}, {"in": "query", "name": "pageSize", "schema": {"default": 25}}],
                    "responses": {"200": {"content": {"application/json": {"schema": {"properties": {
                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/video"}},
                        "pagination": {"$ref": "#/components/schemas/page"},
                    }}}}}}}},
                "/videos/{videoId}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/video"}}}}}}},
                "/videos/{videoId}/captions": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/caption"}}}}}}}}}},
                "/albums/{albumId}/photos": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"properties": {"id": {}}}}}}}}}},
            },
        });
        let imported = from_openapi(&document, "video_source").unwrap();
        insta::assert_snapshot!(format!("{:#}\n{}", imported.document, imported.notes.join("\n")), @r#"
        {
          "source": "video_source",
          "client": {
            "base_url": "https://ws.api.video",
            "auth": {
              "type": "http_basic",
              "username": "${secrets.sources.video_source.username}",
              "password": "${secrets.sources.video_source.password}"
            },
            "paginator": {
              "type": "page_number",
              "base_page": 1,
              "page_param": "currentPage",
              "total_path": null
            }
          },
          "resources": [
            {
              "name": "videos",
              "primary_key": "videoId",
              "write_disposition": "merge",
              "endpoint": {
                "path": "videos",
                "params": {
                  "pageSize": 25
                },
                "data_selector": "data"
              }
            },
            {
              "name": "captions",
              "endpoint": {
                "path": "videos/{resources.videos.videoId:segment}/captions",
                "data_selector": "data"
              }
            }
          ]
        }
        `/albums/{albumId}/photos` was left out: no resource lists what `{albumId}` names
        "#);
    }

    #[test]
    fn what_is_no_such_document_is_told() {
        assert!(from_openapi(&json!({}), "s").is_err());
        assert!(from_openapi(&json!({"paths": {"/a": {"post": {}}}}), "s").is_err());
    }
}
