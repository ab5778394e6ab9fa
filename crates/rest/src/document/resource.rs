//! Resources, one by one (spec/rest-api.md §3, §20.5).

use bytes::Bytes;
use serde_json::{Map, Value};
use tipple_source::fields::{Fields, Problems, join, kind_of, quoted_list};
use tipple_source::{ResourceSpec, SourceError, check_range};

use super::Reader;
use super::client::Client;
use super::endpoint::is_unquoted_placeholder;
use super::incremental::CursorWish;
use super::merge::merged_resource;
use crate::model::{IncludeField, OnMissing, Origin, ParentLink, RestResource, Seed};
use crate::steps::Steps;
use tipple_json::JsonPath;

/// Members of a resource that are no hints.
const OWN_KEYS: [&str; 10] = [
    "endpoint",
    "include_from_parent",
    "processing_steps",
    "parallelized",
    "selected",
    "on_missing_parent_field",
    "rows",
    "rows_from",
    "incremental",
    "table_hints",
];

/// All keys of a resource (spec §3), for messages and editors.
pub(crate) const RESOURCE_KEYS: [&str; 22] = [
    "name",
    "endpoint",
    "include_from_parent",
    "processing_steps",
    "parallelized",
    "selected",
    "on_missing_parent_field",
    "rows",
    "rows_from",
    "table_name",
    "write_disposition",
    "primary_key",
    "merge_key",
    "columns",
    "schema_contract",
    "on_type_change",
    "max_table_nesting",
    "nested_hints",
    "references",
    "table_format",
    "file_format",
    "parent_table_name",
];

const ON_MISSING: [(&str, OnMissing); 2] = [("error", OnMissing::Error), ("skip", OnMissing::Skip)];

/// A resource whose parent is known by name only.
pub(super) struct Unlinked {
    pub resource: RestResource,
    pub path: String,
}

impl Reader<'_> {
    pub(super) fn resources(
        &mut self,
        list: &[Value],
        defaults: Option<&Value>,
        client: &Client,
    ) -> Vec<RestResource> {
        let empty = Map::new();
        let defaults = match defaults {
            None => &empty,
            Some(Value::Object(map)) => {
                self.check_defaults(map);
                map
            }
            Some(other) => {
                let message = format!("must be an object, not {}", kind_of(other));
                self.problems.add("resource_defaults", message);
                &empty
            }
        };
        let mut unlinked = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("resources[{index}]");
            unlinked.extend(self.resource(value, &path, defaults, client));
        }
        self.check_names(&unlinked);
        self.linked(unlinked)
    }

    fn check_defaults(&mut self, defaults: &Map<String, Value>) {
        match defaults.get("endpoint") {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => {
                let message = format!("must be an object, not {}", kind_of(other));
                let help = "a path belongs to one resource; defaults hold `params`, `headers`, `paginator` and the like";
                self.problems
                    .add_with_help("resource_defaults.endpoint", message, help);
            }
        }
        if defaults.contains_key("name") {
            let help = "names belong to single resources";
            self.problems.add_with_help(
                "resource_defaults.name",
                "defaults cannot have a name",
                help,
            );
        }
    }

    fn resource(
        &mut self,
        value: &Value,
        path: &str,
        defaults: &Map<String, Value>,
        client: &Client,
    ) -> Option<Unlinked> {
        let own = match value {
            Value::String(name) => {
                Map::from_iter([("name".to_owned(), Value::from(name.as_str()))])
            }
            Value::Object(map) => map.clone(),
            other => {
                let message = format!("must be a name or an object, not {}", kind_of(other));
                self.problems.add(path, message);
                return None;
            }
        };
        match own.get("name") {
            Some(Value::String(name)) if !name.is_empty() => {}
            Some(other) if !other.is_null() => {
                self.problems
                    .add(join(path, "name"), "must be a text that is not empty");
                return None;
            }
            _ => {
                let help = "give it a `name`; its table is named after it";
                self.problems
                    .add_with_help(path, "the resource has no `name`", help);
                return None;
            }
        }
        let is_seed = own.contains_key("rows") || own.contains_key("rows_from");
        let resource = match is_seed {
            true => self.seed(&own, path),
            false => self.rest_resource(&own, path, defaults, client),
        };
        Some(Unlinked {
            resource: resource?,
            path: path.to_owned(),
        })
    }

    fn rest_resource(
        &mut self,
        own: &Map<String, Value>,
        path: &str,
        defaults: &Map<String, Value>,
        client: &Client,
    ) -> Option<RestResource> {
        self.check_endpoint_kind(own, path);
        let merged = merged_resource(defaults, own);
        let value = Value::Object(merged.clone());
        let endpoint_path = join(path, "endpoint");
        let endpoint = merged.get("endpoint")?.as_object()?;
        let read = self.endpoint(endpoint, &endpoint_path, client)?;
        let spec = self.spec(&merged, path, read.cursor.as_ref())?;
        let mut fields = Fields::of(&value, path, &mut self.problems)?;
        let include = fields
            .texts("include_from_parent", &mut self.problems)
            .unwrap_or_default();
        let on_missing = fields.word("on_missing_parent_field", &ON_MISSING, &mut self.problems);
        if read.parent.is_none() && !include.is_empty() {
            let message = "the resource has no parent to include fields from";
            let help = "use a field of the parent in the path or in `params`: `{resources.<parent>.<field>}`";
            self.problems
                .add_with_help(join(path, "include_from_parent"), message, help);
        }
        let has_own_cursors = read
            .cursor
            .as_ref()
            .is_some_and(|cursor| cursor.is_per_parent);
        if let (true, None, Some(cursor)) = (has_own_cursors, &read.parent, &read.cursor) {
            let message = "the resource has no parent whose rows could have cursors of their own";
            let help = "leave it out: a resource without a parent has one cursor";
            self.problems
                .add_with_help(join(&cursor.path, "per_parent"), message, help);
        }
        let parent = read.parent.map(|name| ParentLink {
            resource: usize::MAX,
            include: self.includes(&include, &name, &join(path, "include_from_parent")),
            name,
            fields: read.fields,
            on_missing: on_missing.unwrap_or_default(),
            has_own_cursors,
        });
        let (steps, is_selected, is_parallel) = self.flags(&mut fields, path);
        Some(RestResource {
            spec,
            origin: Origin::Endpoint(Box::new(read.endpoint)),
            parent,
            steps,
            is_selected,
            is_parallel,
        })
    }

    fn flags(&mut self, fields: &mut Fields<'_>, path: &str) -> (Steps, bool, bool) {
        let steps = match fields.value("processing_steps") {
            Some(value) => self.steps(value, &join(path, "processing_steps")),
            None => Steps::default(),
        };
        let is_selected = fields.bool("selected", &mut self.problems).unwrap_or(true);
        let is_parallel = fields
            .bool("parallelized", &mut self.problems)
            .unwrap_or(false);
        (steps, is_selected, is_parallel)
    }

    fn check_endpoint_kind(&mut self, own: &Map<String, Value>, path: &str) {
        let path = join(path, "endpoint");
        match own.get("endpoint") {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(Value::Object(map)) if is_unquoted_placeholder(map) => {
                let help = "put the path in quotes";
                self.problems.add_with_help(
                    path,
                    "without quotes, YAML reads the braces as an object",
                    help,
                );
            }
            Some(Value::Object(_)) => {}
            Some(other) => {
                let message = format!("must be a path or an object, not {}", kind_of(other));
                self.problems.add(path, message);
            }
        }
    }

    /// Hints and cursor. Mistakes of the cursor are told where it was written.
    fn spec(
        &mut self,
        merged: &Map<String, Value>,
        path: &str,
        cursor: Option<&CursorWish>,
    ) -> Option<ResourceSpec> {
        for key in ["incremental", "table_hints"] {
            if merged.get(key).is_some_and(|value| !value.is_null()) {
                let help = match key {
                    "incremental" => "move it under `endpoint:`",
                    _ => "write the hints as keys of the resource",
                };
                self.problems.add_with_help(
                    join(path, key),
                    "a REST resource has no such key",
                    help,
                );
            }
        }
        let mut hints = merged.clone();
        hints.retain(|key, _| !OWN_KEYS.contains(&key.as_str()));
        if let Some(cursor) = cursor {
            hints.insert("incremental".to_owned(), cursor.spec.clone());
        }
        let spec = match ResourceSpec::from_value(&Value::Object(hints), &OWN_KEYS, "") {
            Ok(spec) => spec,
            Err(SourceError::Spec { problems, .. }) => {
                self.add_below(problems, path, cursor);
                return Some(ResourceSpec::named(merged.get("name")?.as_str()?));
            }
            Err(error) => {
                self.problems.add(path, error.to_string());
                return None;
            }
        };
        if let (Some(Err(error)), Some(cursor)) =
            (spec.incremental.as_ref().map(check_range), cursor)
        {
            self.problems
                .add_with_help(cursor.path.clone(), error.to_string(), error.help());
        }
        Some(spec)
    }

    fn add_below(
        &mut self,
        problems: Vec<tipple_source::Problem>,
        path: &str,
        cursor: Option<&CursorWish>,
    ) {
        for mut problem in problems {
            let below = problem
                .path
                .strip_prefix("incremental")
                .filter(|rest| rest.is_empty() || rest.starts_with('.'));
            problem.path = match (below, cursor) {
                (Some(below), Some(cursor)) => format!("{}{below}", cursor.path),
                _ if problem.path.is_empty() => path.to_owned(),
                _ => format!("{path}.{}", problem.path),
            };
            let is_unknown = problem.message.starts_with("there is no such key");
            if is_unknown
                && problem
                    .help
                    .as_ref()
                    .is_some_and(|help| help.starts_with("known keys"))
            {
                problem.help = Some(format!("known keys: {}", quoted_list(&RESOURCE_KEYS)));
            }
            self.problems.0.push(problem);
        }
    }

    fn includes(&mut self, texts: &[String], parent: &str, path: &str) -> Vec<IncludeField> {
        let mut includes = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let is_path = text.starts_with('$') || text.contains(['.', '[', '\'', '"']);
            let (found, name) = match is_path {
                // A name alone is exactly that key, whatever it holds.
                false => (JsonPath::of_keys([text]), text.clone()),
                true => match text.parse::<JsonPath>() {
                    Ok(found) => {
                        let name = column_part(&found);
                        (found, name)
                    }
                    Err(error) => {
                        self.problems
                            .add(format!("{path}[{index}]"), error.to_string());
                        continue;
                    }
                },
            };
            includes.push(IncludeField {
                key: format!("_{parent}_{name}"),
                text: text.clone(),
                path: found,
            });
        }
        includes
    }

    /// Rows that stand in the configuration.
    fn seed(&mut self, own: &Map<String, Value>, path: &str) -> Option<RestResource> {
        let value = Value::Object(own.clone());
        for key in ["endpoint", "include_from_parent", "on_missing_parent_field"] {
            if own.get(key).is_some_and(|value| !value.is_null()) {
                let help = "a resource has rows of its own or an endpoint";
                self.problems.add_with_help(
                    join(path, key),
                    "a resource with rows of its own cannot have it",
                    help,
                );
            }
        }
        let spec = self.spec(own, path, None)?;
        let mut fields = Fields::of(&value, path, &mut self.problems)?;
        let rows = fields.list("rows", &mut self.problems);
        let file = fields.text("rows_from", &mut self.problems);
        let seed = match (rows, file) {
            (Some(_), Some(_)) => {
                self.problems.add_with_help(
                    path,
                    "`rows` and `rows_from` are both set",
                    "keep one of them",
                );
                return None;
            }
            (Some(rows), None) => Seed::Rows(lines_of(rows)),
            (None, Some(file)) => Seed::File(self.around.folder.join(file)),
            (None, None) => return None,
        };
        let (steps, is_selected, is_parallel) = self.flags(&mut fields, path);
        Some(RestResource {
            spec,
            origin: Origin::Seed(seed),
            parent: None,
            steps,
            is_selected,
            is_parallel,
        })
    }

    fn check_names(&mut self, resources: &[Unlinked]) {
        let mut known: Vec<&str> = Vec::new();
        let mut problems = Problems::default();
        for one in resources {
            let name = one.resource.spec.name.as_str();
            if known.contains(&name) {
                let help = "give each resource its own name; `table_name` may be the same";
                problems.add_with_help(
                    join(&one.path, "name"),
                    format!("there are two resources named `{name}`"),
                    help,
                );
            }
            known.push(name);
        }
        self.problems.0.append(&mut problems.0);
    }
}

/// JSON texts, one a line.
fn lines_of(rows: &[Value]) -> Bytes {
    let mut lines = String::new();
    for row in rows {
        lines.push_str(&row.to_string());
        lines.push('\n');
    }
    lines.into()
}

/// A path as part of the name of a column: dots become `_`.
fn column_part(path: &JsonPath) -> String {
    match path.keys() {
        Some(keys) => keys.join("_"),
        None => {
            let plain: String = path
                .text()
                .chars()
                .map(|c| if c.is_alphanumeric() { c } else { '_' })
                .collect();
            plain.trim_matches('_').to_owned()
        }
    }
}
