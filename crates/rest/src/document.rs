//! Reads and checks the configuration of a REST source: from a pipeline file (spec/rest-api.md §20.2) or from dlt's
//! settings files (§20.1).
//!
//! Everything is checked before the first request and every mistake is reported at once, with the line where it was
//! written: a value that a resource has from `resource_defaults` is reported there. Start with [`read`].

mod actions;
mod auth;
mod client;
mod endpoint;
mod graph;
mod http;
mod incremental;
mod merge;
mod names;
mod paginator;
mod resource;
mod secrets;
mod steps;
pub(crate) mod unfinished;

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};
use tipple_config::{RuntimeSettings, Scope, Secret, Settings, redact};
use tipple_source::document::Document;
use tipple_source::fields::{Fields, Problems};
use tipple_source::{Problem, SourceError};

use crate::model::{HttpPolicy, RestConfig};
use client::Client;

pub(crate) use auth::TYPES as AUTH_TYPES;
pub(crate) use http::KEYS as HTTP_KEYS;
pub use merge::merged_resource;
pub(crate) use paginator::TYPES as PAGINATOR_TYPES;
pub(crate) use resource::RESOURCE_KEYS;
pub(crate) use secrets::is_sensitive;
pub(crate) use steps::WORDS as STEP_WORDS;
#[cfg(test)]
pub(crate) use tests::known_keys;

/// Section of the settings in which dlt's ready-made source looks (spec §12.1).
const SECTION: &str = "rest_api";

/// Keys of the document that are read here; others belong to the header of the pipeline file.
pub const KEYS: [&str; 3] = ["client", "resource_defaults", "resources"];

/// What is around a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Settings and secrets.
    pub settings: &'a Settings,
    /// Defaults of requests.
    pub runtime: &'a RuntimeSettings,
    /// Name of the source.
    pub source: &'a str,
    /// Name of the pipeline.
    pub pipeline: &'a str,
    /// Folder from which relative paths are meant.
    pub folder: &'a Path,
}

impl Surroundings<'_> {
    /// Where settings of the source are looked for.
    pub fn scope(&self) -> Scope {
        Scope::source(SECTION, self.source).in_pipeline(self.pipeline)
    }
}

/// Reads the configuration in `document`. `known` are mistakes that were found in its header.
///
/// # Errors
/// [`SourceError::Spec`] with all mistakes of the document, header included.
pub fn read(
    document: &Document,
    known: &[Problem],
    around: &Surroundings<'_>,
) -> Result<RestConfig, SourceError> {
    document.read(|value, problems| {
        problems.0.extend_from_slice(known);
        let mut reader = Reader::new(*around);
        let config = reader.config(value);
        problems.0.append(&mut reader.finished_problems(value));
        config
    })
}

/// Reads the configuration from dlt's settings files: `[sources.rest_api.<source>]` (spec §20.1).
///
/// # Errors
/// [`SourceError::Spec`] with all mistakes; nothing when there is no such section.
pub fn read_settings(around: &Surroundings<'_>) -> Result<Option<RestConfig>, SourceError> {
    let mut document = Map::new();
    for key in KEYS {
        let found = around.settings.any(&around.scope(), key);
        let found = found.map_err(|error| SourceError::Other {
            code: "config.invalid",
            message: error.to_string(),
            help: Vec::new(),
            cause: None,
        })?;
        document.extend(found.map(|value| (key.to_owned(), value)));
    }
    if !document.contains_key("client") && !document.contains_key("resources") {
        return Ok(None);
    }
    let value = nulls_of_toml(Value::Object(document));
    let origin = format!(".dlt/config.toml [sources.{SECTION}.{}]", around.source);
    tipple_source::collect(&origin, |problems| {
        let mut reader = Reader::new(*around);
        let config = reader.config(&value);
        problems.0.append(&mut reader.finished_problems(&value));
        config
    })
    .map(Some)
}

/// TOML has no null; `"@null"` stands for it, as in pipeline files.
fn nulls_of_toml(value: Value) -> Value {
    match value {
        Value::String(text) if text == "@null" => Value::Null,
        Value::Array(elements) => elements.into_iter().map(nulls_of_toml).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, nulls_of_toml(value)))
            .collect(),
        other => other,
    }
}

/// Collects mistakes, warnings and secrets while a configuration is read.
pub(crate) struct Reader<'a> {
    around: Surroundings<'a>,
    problems: Problems,
    warnings: Vec<String>,
    secrets: Vec<Secret<String>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(around: Surroundings<'a>) -> Self {
        Reader {
            around,
            problems: Problems::default(),
            warnings: Vec::new(),
            secrets: Vec::new(),
        }
    }

    pub(crate) fn config(&mut self, value: &Value) -> Option<RestConfig> {
        let resolved = self.resolved(value);
        let mut fields = Fields::of(&resolved, "", &mut self.problems)?;
        let client = fields.value("client");
        let defaults = fields.value("resource_defaults");
        let resources = fields.list("resources", &mut self.problems);
        let mut http = HttpPolicy::default();
        let client = match client {
            Some(value) => self.client(value, &mut http),
            None => {
                let help = "say where the API is: `client: { base_url: https://… }`";
                self.problems
                    .add_with_help("client", "the key is missing", help);
                Client::default()
            }
        };
        if resolved.get("resources").is_none_or(Value::is_null) {
            let help = "list what to load: `resources: [ … ]`";
            self.problems
                .add_with_help("resources", "the key is missing", help);
        }
        let resources = self.resources(
            resources.map(Vec::as_slice).unwrap_or_default(),
            defaults,
            &client,
        );
        self.dedup_warnings();
        Some(RestConfig {
            resources,
            http,
            secrets: std::mem::take(&mut self.secrets),
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    fn dedup_warnings(&mut self) {
        let mut known = HashSet::new();
        self.warnings
            .retain(|warning| known.insert(warning.clone()));
    }

    /// The mistakes, each once, where they were written, without secrets.
    pub(crate) fn finished_problems(&mut self, value: &Value) -> Vec<Problem> {
        let mut known = HashSet::new();
        let mut problems = std::mem::take(&mut self.problems.0);
        for problem in &mut problems {
            problem.path = merge::written_path(&problem.path, value);
            problem.message = redact(&problem.message).into_owned();
            problem.help = problem.help.take().map(|help| redact(&help).into_owned());
        }
        let mut all = unfinished::unfinished(value);
        problems.retain(|problem| !all.iter().any(|mark| problem.path.starts_with(&mark.path)));
        all.append(&mut problems);
        all.retain(|problem| known.insert((problem.path.clone(), problem.message.clone())));
        all
    }
}

#[cfg(test)]
mod tests;
