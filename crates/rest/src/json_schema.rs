//! A JSON Schema of the pipeline file, for editors and agents (spec/rest-api.md §20.2).
//!
//! It stands beside the readers, made from the same lists of words; a test asks every reader for its keys and compares.
//! It is there for completion and early warnings: what it lets through is still checked when the file is read.

use serde_json::{Map, Value, json};

use crate::document::{AUTH_TYPES, HTTP_KEYS, PAGINATOR_TYPES, RESOURCE_KEYS, STEP_WORDS};

/// The schema of a whole pipeline file. `sources` are the names of built-in sources.
pub fn pipeline_file(sources: &[&str]) -> Value {
    let mut properties = header(sources);
    properties.extend([
        ("client".to_owned(), reference("client")),
        ("resource_defaults".to_owned(), reference("defaults")),
        (
            "resources".to_owned(),
            json!({
                "description": "what is loaded",
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, reference("resource")]},
            }),
        ),
        (
            "options".to_owned(),
            json!({"description": "options of a built-in source", "type": "object"}),
        ),
        ("files".to_owned(), group("file_resource")),
        ("rows".to_owned(), group("rows_resource")),
    ]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tipple pipeline file",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions(),
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn group(resource: &str) -> Value {
    json!({
        "type": "object",
        "properties": {"resources": {"type": "array", "items": reference(resource)}},
        "required": ["resources"],
        "additionalProperties": false,
    })
}

fn text(description: &str) -> Value {
    json!({"description": description, "type": ["string", "null"]})
}

fn flag(description: &str) -> Value {
    json!({"description": description, "type": ["boolean", "null"]})
}

fn whole(description: &str) -> Value {
    json!({"description": description, "type": ["integer", "null"]})
}

fn number(description: &str) -> Value {
    json!({"description": description, "type": ["number", "null"]})
}

fn words(description: &str, words: &[&str]) -> Value {
    json!({"description": description, "enum": words})
}

fn names(description: &str) -> Value {
    json!({"description": description, "type": ["string", "array", "null"], "items": {"type": "string"}})
}

fn object(description: &str) -> Value {
    json!({"description": description, "type": ["object", "null"]})
}

/// An object with exactly these members.
fn closed(members: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

fn header(sources: &[&str]) -> Map<String, Value> {
    let members = json!({
        "version": {"const": 1},
        "pipeline": text("name of the pipeline; the file's own name when absent"),
        "source": {"description": "name of the source: schema, state and section of secrets; or a built-in source", "type": "string", "examples": sources},
        "dataset": text("dataset to load into"),
        "destination": text("where to load: a kind, an address or a name of the settings"),
        "max_table_nesting": whole("levels of child tables that are made"),
        "root_key": flag("child rows carry the id of their root row"),
        "schema_contract": reference("contract"),
        "on_type_change": type_change(),
        "detections_add": names("type detections to add"),
        "detections_remove": names("type detections to remove"),
        "preferred_types": object("pattern of a column name to data type"),
        "default_hints": object("hint to patterns of column names"),
    });
    members.as_object().cloned().unwrap_or_default()
}

fn definitions() -> Value {
    json!({
        "contract": {"description": "what may change in tables", "anyOf": [
            {"enum": ["evolve", "freeze", "discard_row", "discard_value"]}, {"type": ["object", "null"]},
        ]},
        "client": client(),
        "auth": {"anyOf": [auth_one(), {"type": "array", "items": auth_one()}, {"type": "null"}]},
        "paginator": paginator(),
        "endpoint": endpoint(),
        "incremental": incremental(),
        "response_action": response_action(),
        "step": step(),
        "resource": resource(),
        "defaults": defaults(),
        "file_resource": with_hints(json!({
            "path": names("files: paths, patterns, or - for standard input"),
            "format": words("format of the files", &["jsonl", "ndjson", "json", "csv", "tsv", "parquet"]),
            "compression": words("compression of the files", &["none", "gzip", "gz", "zstd", "zst"]),
            "selector": text("where the items are in a JSON document"),
            "delimiter": text("character between fields of CSV"),
            "header": flag("the first CSV record holds the names"),
            "column_names": names("names of the CSV columns"),
            "all_text": flag("leave CSV values as text"),
            "incremental": reference("incremental"),
        })),
        "rows_resource": with_hints(json!({
            "rows": {"type": "array"},
            "pages": {"type": "array"},
            "incremental": reference("incremental"),
        })),
    })
}

fn client() -> Value {
    closed(
        json!({
            "base_url": text("prefix of every relative path"),
            "headers": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}},
            "auth": reference("auth"),
            "paginator": reference("paginator"),
            "http": http(),
        }),
        &["base_url"],
    )
}

fn http() -> Value {
    let members: Map<String, Value> = HTTP_KEYS
        .iter()
        .map(|key| {
            let member = match *key {
                "max_attempts" => whole("attempts of a request in all"),
                "max_concurrency" => whole("requests at the same time"),
                "max_body_mib" => whole("MiB of one answer; it is held in memory"),
                "timeout" => number("seconds to wait for more of an answer"),
                "connect_timeout" => number("seconds to wait for a connection"),
                "backoff_factor" => number("seconds of the first wait between attempts; doubled each time"),
                "max_retry_delay" => number("seconds of the longest wait between attempts"),
                "max_total_wait" => number("seconds of all waits that a server asks for"),
                "max_rps" => number("requests a second"),
                "retry_statuses" => json!({"description": "statuses that are retried besides 429 and 500-599", "type": "array", "items": {"type": "integer"}}),
                "follow_redirects" => flag("follow redirects"),
                "strict_selector" => flag("a selector without a match on the first page is an error"),
                "bool_params" => words("how booleans are written in parameters", &["python", "json"]),
                "detect" => words("how paginators are found out", &["corrected", "dlt-1.31"]),
                "user_agent" => text("User-Agent"),
                "proxy" => text("address of a proxy"),
                _ => text("further certificates in PEM"),
            };
            ((*key).to_owned(), member)
        })
        .collect();
    closed(Value::Object(members), &[])
}

/// Members of an authentication by its type.
pub(crate) fn auth_members(kind: &str) -> Map<String, Value> {
    let members = match kind {
        "bearer" => json!({"token": text("the token")}),
        "api_key" => json!({
            "name": text("name of the header, parameter or cookie"),
            "api_key": text("the key"),
            "location": words("where the key goes", &["header", "query", "param", "cookie"]),
        }),
        "http_basic" => json!({
            "username": text("user name"),
            "password": text("password; may be empty"),
            "api_key": text("the key as user name, with an empty password"),
        }),
        "oauth2_client_credentials" => json!({
            "access_token": text("token to use until the first 401"),
            "access_token_url": text("where tokens are fetched"),
            "client_id": text("client"),
            "client_secret": text("its secret"),
            "access_token_request_data": object("form fields merged over the usual ones"),
            "default_token_expiration": whole("seconds that a token lives when the answer names none"),
        }),
        "oauth2_jwt_bearer" => json!({
            "client_id": text("issuer and subject"),
            "private_key": text("RSA key in PEM"),
            "private_key_passphrase": text("its passphrase"),
            "auth_endpoint": text("where tokens are fetched"),
            "scopes": names("scopes"),
            "headers": object("headers of the token request"),
            "default_token_expiration": whole("seconds that a token lives when the answer names none"),
        }),
        _ => json!({
            "algorithm": words("hash", &["sha1", "sha256"]),
            "secret_key": text("key"),
            "header": text("header that takes the signature"),
            "encoding": words("text form of the signature", &["base64", "hex"]),
            "over": words("what is signed", &["body"]),
        }),
    };
    members.as_object().cloned().unwrap_or_default()
}

fn auth_one() -> Value {
    let mut forms = vec![json!({"enum": AUTH_TYPES})];
    for kind in AUTH_TYPES {
        let mut members = auth_members(kind);
        members.insert("type".to_owned(), json!({"const": kind}));
        // Without a type it is `bearer`.
        let required: &[&str] = if kind == "bearer" { &[] } else { &["type"] };
        forms.push(closed(Value::Object(members), required));
    }
    json!({"anyOf": forms})
}

/// Members of a paginator by its type.
pub(crate) fn paginator_members(kind: &str) -> Map<String, Value> {
    let bounds = json!({
        "total_path": text("path to the number of pages or items; null for none"),
        "stop_after_empty_page": flag("an empty page ends"),
        "has_more_path": text("path to a boolean"),
    });
    let own = match kind {
        "json_link" => json!({"next_url_path": text("path to the next URL")}),
        "header_link" => json!({"links_next_key": text("relation in the Link header")}),
        "header_cursor" => {
            json!({"cursor_key": text("header with the cursor"), "cursor_param": text("parameter that takes it")})
        }
        "cursor" => json!({
            "cursor_path": text("path to the cursor"),
            "cursor_param": text("parameter that takes it"),
            "cursor_body_path": text("member of the JSON body that takes it"),
            "stop_after_empty_page": flag("an empty page ends"),
            "has_more_path": text("path to a boolean"),
        }),
        "page_number" => json!({
            "base_page": whole("number of the API's first page"),
            "page": whole("page of the first request"),
            "page_param": text("parameter that takes the number"),
            "page_body_path": text("member of the JSON body that takes it"),
            "maximum_page": whole("first page that is not requested any more"),
        }),
        "offset" => json!({
            "limit": whole("items of a page"),
            "offset": whole("first offset"),
            "offset_param": text("parameter that takes the offset"),
            "offset_body_path": text("member of the JSON body that takes it"),
            "limit_param": text("parameter that takes the limit"),
            "limit_body_path": text("member of the JSON body that takes it"),
            "maximum_offset": whole("first offset that is not requested any more"),
        }),
        _ => json!({}),
    };
    let mut members = own.as_object().cloned().unwrap_or_default();
    if matches!(kind, "page_number" | "offset") {
        members.extend(bounds.as_object().cloned().unwrap_or_default());
    }
    if !matches!(kind, "auto" | "detect") {
        members.insert(
            "maximum_pages".to_owned(),
            whole("pages after which it ends"),
        );
    }
    members
}

fn paginator() -> Value {
    let mut forms = vec![json!({"enum": PAGINATOR_TYPES}), json!({"type": "null"})];
    for kind in PAGINATOR_TYPES {
        let mut members = paginator_members(kind);
        members.insert("type".to_owned(), json!({"const": kind}));
        let required: &[&str] = if kind == "offset" {
            &["type", "limit"]
        } else {
            &["type"]
        };
        forms.push(closed(Value::Object(members), required));
    }
    json!({"description": "how further pages are asked for", "anyOf": forms})
}

/// Members of an endpoint.
pub(crate) fn endpoint_members() -> Map<String, Value> {
    let members = json!({
        "path": text("path below base_url, or a whole URL; {resources.<parent>.<field>} makes a child"),
        "method": {"description": "method", "enum": ["GET", "POST", "PUT", "PATCH", "get", "post", "put", "patch"]},
        "params": object("query parameters"),
        "json": {"description": "JSON body", "type": ["object", "array", "null"]},
        "data": {"description": "form fields or a raw body", "type": ["object", "string", "null"]},
        "headers": object("headers over those of the client"),
        "paginator": reference("paginator"),
        "data_selector": text("path to the rows of an answer"),
        "response_actions": {"type": ["array", "null"], "items": reference("response_action")},
        "incremental": reference("incremental"),
        "auth": reference("auth"),
    });
    members.as_object().cloned().unwrap_or_default()
}

fn endpoint() -> Value {
    json!({"anyOf": [{"type": ["string", "null"]}, closed(Value::Object(endpoint_members()), &[])]})
}

fn incremental() -> Value {
    let mut form = closed(
        json!({
            "cursor_path": text("field that orders the rows"),
            "initial_value": {"description": "start of the very first run"},
            "end_value": {"description": "end of a backfill"},
            "last_value_func": words("which value is newer", &["max", "min"]),
            "primary_key": names("columns that tell rows at the start apart"),
            "row_order": words("order of the rows", &["asc", "desc"]),
            "lag": number("how far the start is moved back"),
            "on_cursor_value_missing": words("rows without a value", &["raise", "include", "exclude"]),
            "range_start": words("edge of the start", &["closed", "open"]),
            "range_end": words("edge of the end", &["open", "closed"]),
            "start_param": text("parameter that takes the start"),
            "end_param": text("parameter that takes the end"),
            "per_parent": flag("each row of the parent has a cursor of its own"),
            "convert": {"description": "conversion of values before they are sent", "type": ["string", "object", "null"]},
            "transform": {"deprecated": true},
            "allow_external_schedulers": flag("take the range from a scheduler"),
        }),
        &["cursor_path"],
    );
    form["description"] = "cursor over the rows".into();
    json!({"anyOf": [form, {"type": ["string", "null"]}]})
}

fn response_action() -> Value {
    closed(
        json!({
            "status_code": {"description": "a status, a range \"500-599\", or a list", "type": ["integer", "string", "array"]},
            "content": text("text that the body must hold"),
            "content_regex": text("pattern that the body must match"),
            "action": {"anyOf": [{"enum": ["ignore", "raise", "retry", "skip_page"]}, jq()]},
        }),
        &["action"],
    )
}

fn jq() -> Value {
    closed(
        json!({"jq": {"description": "a jq program", "type": "string"}}),
        &["jq"],
    )
}

fn step() -> Value {
    let mut members: Map<String, Value> = STEP_WORDS
        .iter()
        .map(|word| ((*word).to_owned(), json!({})))
        .collect();
    for word in ["filter", "map", "yield_map"] {
        members.insert(word.to_owned(), jq());
    }
    members.insert(
        "on_error".to_owned(),
        json!({"enum": ["raise", "drop", "null", null]}),
    );
    closed(Value::Object(members), &[])
}

fn type_change() -> Value {
    words(
        "what to do with values of another type",
        &["variant", "widen", "refuse"],
    )
}

/// Hints that all resources have.
fn hints() -> Map<String, Value> {
    let members = json!({
        "table_name": text("table to write; the name when absent; fields of the item in braces (`event_{type}`) send items to several tables"),
        "write_disposition": {"description": "how rows get into the table", "anyOf": [
            {"enum": ["append", "replace", "merge", "skip"]}, {"type": ["object", "null"]},
        ]},
        "primary_key": names("columns that identify a row"),
        "merge_key": names("columns by whose values old rows are deleted"),
        "columns": {"description": "partial column schemas", "type": ["object", "array", "null"]},
        "schema_contract": reference("contract"),
        "on_type_change": type_change(),
        "max_table_nesting": whole("levels of child tables that are made"),
        "nested_hints": object("hints of child tables"),
        "references": {"description": "links to other tables", "type": ["array", "null"]},
        "table_format": words("format of the table", &["iceberg", "delta", "hive", "native"]),
        "file_format": text("format of load files"),
        "parent_table_name": text("explicit parent of a nested table"),
    });
    members.as_object().cloned().unwrap_or_default()
}

/// Members of a REST resource besides its name.
fn rest_members() -> Map<String, Value> {
    let mut members = hints();
    let own = json!({
        "endpoint": reference("endpoint"),
        "include_from_parent": names("fields of the parent row that are copied into each child row"),
        "processing_steps": {"type": ["array", "null"], "items": reference("step")},
        "parallelized": flag("rows may come in any order"),
        "selected": flag("false: only feeds its children"),
        "on_missing_parent_field": words("parent rows without a field that is needed", &["error", "skip"]),
        "rows": {"description": "rows that seed children", "type": "array"},
        "rows_from": text("file with such rows"),
    });
    members.extend(own.as_object().cloned().unwrap_or_default());
    members
}

fn resource() -> Value {
    let mut members = rest_members();
    members.insert(
        "name".to_owned(),
        json!({"description": "name, default table and default path", "type": "string"}),
    );
    debug_assert!(RESOURCE_KEYS.iter().all(|key| members.contains_key(*key)));
    closed(Value::Object(members), &["name"])
}

fn defaults() -> Value {
    let mut form = closed(Value::Object(rest_members()), &[]);
    form["type"] = json!(["object", "null"]);
    form
}

fn with_hints(own: Value) -> Value {
    let mut members = hints();
    members.extend(own.as_object().cloned().unwrap_or_default());
    members.insert("name".to_owned(), json!({"type": "string"}));
    members.insert("table_hints".to_owned(), object("further table hints"));
    closed(Value::Object(members), &["name"])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(members: &Map<String, Value>) -> BTreeSet<String> {
        members.keys().cloned().collect()
    }

    /// Keys that the reader of a document names when it meets one that it does not know.
    fn known(yaml: &str) -> BTreeSet<String> {
        let help = crate::document::known_keys(yaml);
        let list = help
            .split("known keys: ")
            .nth(1)
            .unwrap_or_else(|| panic!("{help}"));
        list.lines()
            .next()
            .unwrap()
            .split(", ")
            .map(|key| key.trim_matches('`').to_owned())
            .collect()
    }

    fn one(resource: &str) -> String {
        format!("client: {{ base_url: \"https://a.b\" }}\nresources: [ {{ name: a, {resource} }} ]")
    }

    #[test]
    fn every_reader_knows_what_the_schema_says() {
        let mut resource = keys(&rest_members());
        resource.insert("name".to_owned());
        assert_eq!(known(&one("zzzzzzzzz: 1")), resource);
        assert_eq!(
            known(&one("endpoint: { zzzzzzzzz: 1 }")),
            keys(&endpoint_members())
        );
        for kind in PAGINATOR_TYPES
            .iter()
            .filter(|kind| !["auto", "detect"].contains(kind))
        {
            let mut members = keys(&paginator_members(kind));
            members.insert("type".to_owned());
            let found = known(&one(&format!(
                "endpoint: {{ paginator: {{ type: {kind}, zzzzzzzzz: 1, limit: 1 }} }}"
            )));
            assert_eq!(found, members, "{kind}");
        }
        for kind in AUTH_TYPES {
            let mut members = keys(&auth_members(kind));
            members.insert("type".to_owned());
            let found = known(&one(&format!(
                "endpoint: {{ auth: {{ type: {kind}, zzzzzzzzz: 1 }} }}"
            )));
            // A key given as `api_key` makes the user name needless, so both are asked for in turn.
            assert_eq!(found, members, "{kind}");
        }
        let action = known(&one(
            "endpoint: { response_actions: [ { action: ignore, status_code: 1, zzzzzzzzz: 1 } ] }",
        ));
        assert_eq!(
            action,
            keys(response_action()["properties"].as_object().unwrap())
        );
    }

    #[test]
    fn all_references_lead_somewhere() {
        let schema = pipeline_file(&["api_video"]);
        let text = schema.to_string();
        for rest in text.split("#/$defs/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
    }
}
