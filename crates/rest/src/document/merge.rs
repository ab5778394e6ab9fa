//! Merging a resource with `resource_defaults` (spec/rest-api.md §5).

use serde_json::{Map, Value};

use super::endpoint::is_unquoted_placeholder;

/// Members of an endpoint that are merged one level deep.
const DEEP: [&str; 2] = ["params", "json"];

/// A resource over its defaults. The endpoint is an object with a path; an explicit null erases a default.
pub fn merged_resource(
    defaults: &Map<String, Value>,
    resource: &Map<String, Value>,
) -> Map<String, Value> {
    let mut merged = defaults.clone();
    for (key, value) in resource {
        if key != "endpoint" && key != "columns" {
            merged.insert(key.clone(), value.clone());
        }
    }
    if let Some(columns) = resource.get("columns") {
        let columns = match defaults.get("columns") {
            Some(default) => merged_columns(default, columns),
            None => columns.clone(),
        };
        merged.insert("columns".to_owned(), columns);
    }
    let empty = Map::new();
    let default = defaults.get("endpoint").and_then(Value::as_object);
    let own = own_endpoint(resource);
    let endpoint = merged_endpoint(default.unwrap_or(&empty), &own);
    merged.insert("endpoint".to_owned(), Value::Object(endpoint));
    merged
}

/// The endpoint of the resource itself: a text is its path, and without a path the name is.
fn own_endpoint(resource: &Map<String, Value>) -> Map<String, Value> {
    let mut own = match resource.get("endpoint") {
        Some(Value::Object(endpoint)) if !is_unquoted_placeholder(endpoint) => endpoint.clone(),
        Some(Value::String(path)) => {
            Map::from_iter([("path".to_owned(), Value::from(path.as_str()))])
        }
        _ => Map::new(),
    };
    if own.get("path").is_none_or(Value::is_null)
        && let Some(name) = resource.get("name")
    {
        own.insert("path".to_owned(), name.clone());
    }
    own
}

fn merged_endpoint(default: &Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = default.clone();
    for (key, value) in own {
        let value = match (DEEP.contains(&key.as_str()), merged.get(key), value) {
            (true, Some(Value::Object(below)), Value::Object(above)) => {
                let mut both = below.clone();
                both.extend(above.clone());
                Value::Object(both)
            }
            _ => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

/// Columns of both, hint by hint. What is no list or object of columns is left to the reader.
fn merged_columns(default: &Value, own: &Value) -> Value {
    let (Some(mut merged), Some(own)) = (columns_by_name(default), columns_by_name(own)) else {
        return own.clone();
    };
    for (name, hints) in own {
        match (merged.get_mut(&name), hints) {
            (Some(Value::Object(below)), Value::Object(above)) => below.extend(above),
            (_, hints) => drop(merged.insert(name, hints)),
        }
    }
    Value::Object(merged)
}

fn columns_by_name(columns: &Value) -> Option<Map<String, Value>> {
    match columns {
        Value::Object(map) => Some(map.clone()),
        Value::Array(list) => list
            .iter()
            .map(|column| Some((column.get("name")?.as_str()?.to_owned(), column.clone())))
            .collect(),
        _ => None,
    }
}

/// Where a value of the merged resource at `path` was written: in the resource or in `resource_defaults`.
pub(super) fn written_path(path: &str, document: &Value) -> String {
    let Some((index, rest)) = path
        .strip_prefix("resources[")
        .and_then(|rest| rest.split_once(']'))
    else {
        return path.to_owned();
    };
    let resource = index
        .parse()
        .ok()
        .and_then(|index: usize| document.get("resources")?.get(index));
    let (Some(resource), Some(defaults)) = (resource, document.get("resource_defaults")) else {
        return path.to_owned();
    };
    let rest = rest.trim_start_matches('.');
    let (mut own, mut default) = (Some(resource), Some(defaults));
    for (index, key) in rest.split(['.', '[']).enumerate() {
        own = own.and_then(|value| value.get(key));
        default = default.and_then(|value| value.get(key));
        let goes_deeper = match index {
            0 => key == "endpoint",
            1 => DEEP.contains(&key),
            _ => false,
        };
        if own.is_none() && default.is_some() {
            return format!("resource_defaults.{rest}");
        }
        if !goes_deeper {
            break;
        }
    }
    path.to_owned()
}
