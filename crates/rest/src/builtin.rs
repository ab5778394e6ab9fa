//! Built-in sources: a configuration that is part of the program, chosen by the `source` of a pipeline file.
//!
//! ```yaml
//! source: api_video
//! options: { environment: sandbox }
//! resources: [videos, { name: summaries, write_disposition: replace }]
//! ```
//!
//! A built-in source is a document like any other, plus options that change it. The user's file says which of its
//! resources are loaded, and may say more about each: what stands there lies over the built-in one as a resource lies
//! over `resource_defaults`. Start with [`BuiltIn`].

use serde_json::{Map, Value};
use tipple_source::document::{Document, Syntax};
use tipple_source::fields::{Fields, Problems, join, kind_of, nearest, quoted_list};
use tipple_source::{Problem, SourceError};

use crate::document::{Reader, Surroundings, merged_resource};
use crate::model::RestConfig;

/// A source that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Names by which a file chooses it; the first one is the usual one.
    pub names: &'static [&'static str],
    /// What it is, for lists.
    pub title: &'static str,
    /// Its configuration in YAML.
    pub document: &'static str,
    /// Resources that are loaded when the file names none.
    pub defaults: &'static [&'static str],
    /// Secrets that it needs: dotted path, what to paste, resource that needs it (all others when empty).
    pub secrets: &'static [SecretNeed],
    /// Its options.
    pub options: &'static [OptionSpec],
    /// Changes the configuration as the options say.
    pub adapt: fn(&mut Value, &Options<'_>, &mut Problems),
    /// Adds what no document can say.
    pub finish: fn(&mut RestConfig),
}

/// A secret that a built-in source needs.
#[derive(Debug, Clone, Copy)]
pub struct SecretNeed {
    /// Dotted path in the settings.
    pub path: &'static str,
    /// What it is, in the words of the service.
    pub title: &'static str,
    /// Only resources in this list need it; every other resource when empty.
    pub resources: &'static [&'static str],
}

/// An option of a built-in source.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its key.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What may be written.
    pub kind: OptionKind,
}

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub enum OptionKind {
    /// A text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number of a range.
    Number(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of objects with exactly these keys, all texts.
    Objects(&'static [&'static str]),
}

/// Options as the file gives them, checked.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a>(&'a Map<String, Value>);

impl<'a> Options<'a> {
    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A boolean; false when absent.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Any value.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

impl BuiltIn {
    /// The configuration of a file that names this source. `known` are mistakes of its header.
    ///
    /// # Errors
    /// [`SourceError::Spec`] with all mistakes.
    pub fn read(
        &self,
        document: &Document,
        known: &[Problem],
        around: &Surroundings<'_>,
    ) -> Result<RestConfig, SourceError> {
        document.read(|value, problems| {
            problems.0.extend_from_slice(known);
            let built = self.built(value, problems)?;
            let mut reader = Reader::new(*around);
            let mut config = reader.config(&built);
            problems.0.append(&mut reader.finished_problems(&built));
            config.iter_mut().for_each(self.finish);
            config
        })
    }

    /// Names of its resources, in the order of its document.
    ///
    /// # Errors
    /// The built-in document is broken; a test keeps that from happening.
    pub fn resources(&self) -> Result<Vec<String>, SourceError> {
        let own = Document::parse(self.document, self.names[0], Syntax::Yaml)?.value;
        let resources = own["resources"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        // Seeds that only feed others are no resources of their own.
        let shown = resources
            .iter()
            .filter(|resource| resource.get("rows").is_none());
        Ok(shown
            .filter_map(|resource| Some(name_of(resource)?.to_owned()))
            .collect())
    }

    /// The built-in document with options and resources of the file.
    fn built(&self, file: &Value, problems: &mut Problems) -> Option<Value> {
        let mut own = match Document::parse(self.document, self.names[0], Syntax::Yaml) {
            Ok(document) => document.value,
            Err(error) => {
                problems.add("source", error.to_string());
                return None;
            }
        };
        for key in ["client", "resource_defaults"] {
            if file.get(key).is_some() {
                let help = "change a built-in source by its `options`, or write a configuration of your own under another `source`";
                let message = format!(
                    "the source `{}` is built in and has its own `{key}`",
                    self.names[0]
                );
                problems.add_with_help(key, message, help);
            }
        }
        let empty = Map::new();
        let options = file.get("options").filter(|value| !value.is_null());
        let options = match options {
            None => &empty,
            Some(value) => {
                self.check_options(value, problems);
                value.as_object().unwrap_or(&empty)
            }
        };
        (self.adapt)(&mut own, &Options(options), problems);
        let chosen = self.chosen(&own, file.get("resources"), problems);
        own["resources"] = Value::Array(chosen);
        Some(own)
    }

    fn check_options(&self, value: &Value, problems: &mut Problems) {
        let Some(mut fields) = Fields::of(value, "options", problems) else {
            return;
        };
        for option in self.options {
            let found = fields.value(option.name);
            if let Some(found) = found {
                option.check(found, problems);
            }
        }
        fields.finish(problems);
    }

    /// The resources of the file, each over the built-in one, and unselected ones that feed them.
    fn chosen(&self, own: &Value, wanted: Option<&Value>, problems: &mut Problems) -> Vec<Value> {
        let all = own["resources"].as_array().cloned().unwrap_or_default();
        let find = |name: &str| all.iter().find(|resource| name_of(resource) == Some(name));
        let defaults: Vec<Value> = self
            .defaults
            .iter()
            .map(|name| Value::from(*name))
            .collect();
        let wanted = match wanted.filter(|value| !value.is_null()) {
            None => defaults.as_slice(),
            Some(Value::Array(list)) => list,
            Some(other) => {
                problems.add(
                    "resources",
                    format!("must be a list, not {}", kind_of(other)),
                );
                &[]
            }
        };
        let mut chosen: Vec<Value> = Vec::new();
        for (index, value) in wanted.iter().enumerate() {
            let path = format!("resources[{index}]");
            let Some(name) = name_of(value) else {
                problems.add_with_help(
                    path,
                    "must be a name, or an object with a `name`",
                    "write `- videos` or `- { name: videos, … }`",
                );
                continue;
            };
            match find(name) {
                Some(built_in) => chosen.push(over(built_in, value)),
                None => self.unknown(name, &path, &all, problems),
            }
        }
        let mut at = 0;
        while at < chosen.len() {
            if let Some(parent) = parent_of(&chosen[at])
                && !chosen
                    .iter()
                    .any(|resource| name_of(resource) == Some(&parent))
                && let Some(feeder) = find(&parent)
            {
                let mut feeder = feeder.clone();
                feeder["selected"] = Value::Bool(false);
                chosen.push(feeder);
            }
            at += 1;
        }
        chosen
    }

    fn unknown(&self, name: &str, path: &str, all: &[Value], problems: &mut Problems) {
        let known: Vec<&str> = all.iter().filter_map(name_of).collect();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its resources: {}", quoted_list(&known)),
        };
        let message = format!("the source `{}` has no resource `{name}`", self.names[0]);
        problems.add_with_help(path, message, help);
    }
}

impl OptionSpec {
    fn check(&self, value: &Value, problems: &mut Problems) {
        let path = join("options", self.name);
        let mut wrong =
            |wanted: &str| problems.add(&path, format!("must be {wanted}, not {}", kind_of(value)));
        match self.kind {
            OptionKind::Text if !value.is_string() => wrong("a text"),
            OptionKind::Bool if !value.is_boolean() => wrong("`true` or `false`"),
            OptionKind::Number(low, high) => {
                if !value
                    .as_u64()
                    .is_some_and(|number| (low..=high).contains(&number))
                {
                    problems.add(path, format!("must be a whole number from {low} to {high}"));
                }
            }
            OptionKind::Choice(words) => match value.as_str() {
                Some(word) if words.contains(&word) => {}
                Some(word) => problems.add_unknown_word(&path, word, words),
                None => wrong("a word"),
            },
            OptionKind::Objects(keys) => self.check_objects(value, keys, &path, problems),
            OptionKind::Text | OptionKind::Bool => {}
        }
    }

    fn check_objects(
        &self,
        value: &Value,
        keys: &'static [&'static str],
        path: &str,
        problems: &mut Problems,
    ) {
        let Some(list) = value.as_array() else {
            problems.add(path, format!("must be a list, not {}", kind_of(value)));
            return;
        };
        for (index, value) in list.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(mut fields) = Fields::of(value, &path, problems) else {
                continue;
            };
            for key in keys {
                if fields.text(key, problems).is_none() && value.get(key).is_none() {
                    problems.add(join(&path, key), "the key is missing");
                }
            }
            fields.finish(problems);
        }
    }
}

/// Name of a resource, which is a name or an object.
fn name_of(resource: &Value) -> Option<&str> {
    resource.as_str().or_else(|| resource.get("name")?.as_str())
}

/// A resource of the file over the built-in one.
fn over(built_in: &Value, own: &Value) -> Value {
    let as_object = |value: &Value| match value {
        Value::Object(map) => map.clone(),
        _ => Map::from_iter([("name".to_owned(), value.clone())]),
    };
    let (below, above) = (as_object(built_in), as_object(own));
    if above.len() == 1 || below.contains_key("rows") {
        return built_in.clone();
    }
    // A path of its own must be said, or that of the built-in resource stays.
    let own_path = above.get("endpoint").and_then(|endpoint| match endpoint {
        Value::String(path) => Some(Value::from(path.as_str())),
        endpoint => endpoint.get("path").cloned(),
    });
    let path = below.get("endpoint").and_then(|endpoint| match endpoint {
        Value::String(path) => Some(Value::from(path.as_str())),
        endpoint => endpoint.get("path").cloned(),
    });
    let mut defaults = below;
    if let Some(Value::String(path)) = defaults.get("endpoint") {
        defaults.insert("endpoint".to_owned(), serde_json::json!({ "path": path }));
    }
    let mut merged = merged_resource(&defaults, &above);
    if let (None, Some(path)) = (own_path, path) {
        merged["endpoint"]["path"] = path;
    }
    Value::Object(merged)
}

/// Name of the resource whose rows make the requests of this one.
fn parent_of(resource: &Value) -> Option<String> {
    let text = resource.get("endpoint")?.to_string();
    let rest = &text[text.find("{resources.")? + "{resources.".len()..];
    Some(rest.split('.').next()?.to_owned())
}
