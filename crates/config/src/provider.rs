//! The places that hold values: environment variables, `secrets.toml`, `config.toml`, in this order.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::error::ConfigError;
use crate::lookup::{dotted_key, environment_key};
use crate::places::Places;
use crate::value::from_toml;

/// Name of the environment in messages.
pub const ENVIRONMENT: &str = "Environment Variables";
/// Name of the file of secrets in messages and on disk.
pub const SECRETS_TOML: &str = "secrets.toml";
/// Name of the file of settings in messages and on disk.
pub const CONFIG_TOML: &str = "config.toml";

/// One provider.
#[derive(Debug)]
pub(crate) enum Provider {
    Environment(Environment),
    File(TomlFiles),
}

/// A value with the place that it came from.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) value: Value,
    /// File, or name of the variable.
    pub(crate) location: String,
}

/// A key, as one provider calls it, under one list of sections.
pub(crate) struct Probe<'a> {
    pub(crate) pipeline: Option<&'a str>,
    pub(crate) path: &'a [String],
    pub(crate) key: &'a str,
}

impl Provider {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Provider::Environment(_) => ENVIRONMENT,
            Provider::File(files) => files.name,
        }
    }

    pub(crate) fn holds_secrets(&self) -> bool {
        self.name() != CONFIG_TOML
    }

    /// Providers without a value are not asked and have no lines in messages.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Provider::Environment(environment) => environment.is_empty(),
            Provider::File(files) => files.document.is_empty(),
        }
    }

    pub(crate) fn key(&self, probe: &Probe<'_>) -> String {
        match self {
            Provider::Environment(_) => environment_key(probe.pipeline, probe.path, probe.key),
            Provider::File(_) => dotted_key(probe.pipeline, probe.path, probe.key),
        }
    }

    pub(crate) fn get(&self, probe: &Probe<'_>, is_secret: bool) -> Option<Found> {
        match self {
            Provider::Environment(environment) => {
                variable(environment, &self.key(probe), is_secret)
            }
            Provider::File(files) => files.get(probe),
        }
    }
}

fn variable(environment: &Environment, name: &str, is_secret: bool) -> Option<Found> {
    if is_secret && let Some((text, path)) = environment.mounted_secret(name) {
        return Some(Found {
            value: text.into(),
            location: path.display().to_string(),
        });
    }
    let value = environment.get(name)?;
    Some(Found {
        value: value.into(),
        location: name.to_owned(),
    })
}

/// TOML files merged key by key.
pub(crate) struct TomlFiles {
    name: &'static str,
    document: Map<String, Value>,
    // Each with its own document, to tell where a value came from; first one wins.
    present: Vec<(PathBuf, Map<String, Value>)>,
    absent: Vec<PathBuf>,
}

impl fmt::Debug for TomlFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any value may be a secret.
        f.debug_struct(self.name)
            .field("present", &self.present().collect::<Vec<_>>())
            .finish()
    }
}

impl TomlFiles {
    pub(crate) fn read(name: &'static str, places: &Places) -> Result<Self, ConfigError> {
        let mut files = TomlFiles {
            name,
            document: Map::new(),
            present: Vec::new(),
            absent: Vec::new(),
        };
        for path in places.files(name) {
            match read_file(&path)? {
                Some(document) => {
                    merge(&mut files.document, &document);
                    files.present.push((path, document));
                }
                None => files.absent.push(path),
            }
        }
        Ok(files)
    }

    pub(crate) fn present(&self) -> impl Iterator<Item = &Path> {
        self.present.iter().map(|(path, _)| path.as_path())
    }

    pub(crate) fn absent(&self) -> &[PathBuf] {
        &self.absent
    }

    fn get(&self, probe: &Probe<'_>) -> Option<Found> {
        let value = descend(&self.document, probe)?.clone();
        let origin = self
            .present
            .iter()
            .find(|(_, document)| descend(document, probe).is_some());
        let location = origin
            .map(|(path, _)| path.display().to_string())
            .unwrap_or_default();
        Some(Found { value, location })
    }
}

fn descend<'a>(document: &'a Map<String, Value>, probe: &Probe<'_>) -> Option<&'a Value> {
    let mut node = document;
    let sections = probe
        .pipeline
        .into_iter()
        .chain(probe.path.iter().map(String::as_str));
    for section in sections {
        node = node.get(section)?.as_object()?;
    }
    node.get(probe.key)
}

/// Adds what is missing in `document`; what is there stays.
fn merge(document: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match (document.get_mut(key), value) {
            (None, value) => {
                document.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (Some(_), _) => {}
        }
    }
}

fn read_file(path: &Path) -> Result<Option<Map<String, Value>>, ConfigError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| syntax_error(path, &text, &error))?;
    Ok(match from_toml(toml::Value::Table(table)) {
        Value::Object(document) => Some(document),
        _ => None,
    })
}

/// Place and reason only: the line itself may hold a secret.
fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..offset).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    ConfigError::Toml {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        why: error.message().to_owned(),
    }
}
