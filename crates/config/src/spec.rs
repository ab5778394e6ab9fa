//! Configurations as data: fields with their types, and what comes out when they are resolved.
//!
//! A configuration is described once; from the description come the look-up, the message about what is missing, and
//! templates. The result is a bag of values that does not print secrets.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::error::{ConfigError, Missing, Trace, coercion};
use crate::lookup::Scope;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::value::Kind;

/// Reads text that stands for a whole configuration (a connection string) as values of its fields; the error says what
/// is wrong without repeating the text.
pub type ReadNative = fn(&str) -> Result<Map<String, Value>, String>;

/// Name of values that were passed in, in messages.
const EXPLICIT: &str = "ExplicitValues";

/// A configuration.
#[derive(Debug, Clone)]
pub struct Spec {
    name: Cow<'static, str>,
    fields: Vec<Field>,
    native: Option<ReadNative>,
    is_credentials: bool,
}

/// A field of a configuration.
#[derive(Debug, Clone)]
pub struct Field {
    name: Cow<'static, str>,
    kind: FieldKind,
    is_secret: bool,
    is_optional: bool,
    default: Option<Value>,
}

#[derive(Debug, Clone)]
enum FieldKind {
    Value(Kind),
    Nested(Box<Spec>),
}

impl Spec {
    /// A configuration without fields. The name is shown in messages.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Spec {
            name: name.into(),
            fields: Vec::new(),
            native: None,
            is_credentials: false,
        }
    }

    /// The configuration of a source or resource function: `pixlee_source` → `PixleeSourceConfiguration`.
    pub fn of_function(function: &str) -> Self {
        let mut name = String::new();
        for word in function.split('_') {
            let mut letters = word.chars();
            name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            name.push_str(letters.as_str());
        }
        Spec::new(name + "Configuration")
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Credentials: the whole may be given as text, which is looked for in secret places only.
    #[must_use]
    pub fn credentials(self, native: ReadNative) -> Self {
        Spec {
            native: Some(native),
            is_credentials: true,
            ..self
        }
    }

    /// Name of the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Field {
    /// A required field.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Field {
            name: name.into(),
            kind: FieldKind::Value(kind),
            is_secret: false,
            is_optional: false,
            default: None,
        }
    }

    /// A required text.
    pub fn text(name: impl Into<Cow<'static, str>>) -> Self {
        Field::new(name, Kind::Text)
    }

    /// A required secret text.
    pub fn secret(name: impl Into<Cow<'static, str>>) -> Self {
        Field {
            is_secret: true,
            ..Field::text(name)
        }
    }

    /// A configuration of its own.
    pub fn nested(name: impl Into<Cow<'static, str>>, spec: Spec) -> Self {
        Field {
            kind: FieldKind::Nested(Box::new(spec)),
            ..Field::text(name)
        }
    }

    /// Missing is no error.
    #[must_use]
    pub fn optional(self) -> Self {
        Field {
            is_optional: true,
            ..self
        }
    }

    /// Missing gives this value.
    #[must_use]
    pub fn default(self, value: impl Into<Value>) -> Self {
        Field {
            default: Some(value.into()),
            ..self
        }
    }
}

/// A configuration with its values.
#[derive(Clone, Default, PartialEq)]
pub struct Resolved {
    name: String,
    values: IndexMap<String, Entry>,
    found: Vec<String>,
}

#[derive(Clone, PartialEq)]
enum Entry {
    Value { value: Value, is_secret: bool },
    Nested(Resolved),
}

impl Resolved {
    /// Name of the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of the fields that were found or given, without those that have their default.
    pub fn found(&self) -> &[String] {
        &self.found
    }

    /// A value, secret or not.
    pub fn value(&self, field: &str) -> Option<&Value> {
        match self.values.get(field)? {
            Entry::Value { value, .. } => Some(value),
            Entry::Nested(_) => None,
        }
    }

    /// A text that is no secret.
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.values.get(field)? {
            Entry::Value {
                value,
                is_secret: false,
            } => value.as_str(),
            _ => None,
        }
    }

    /// A text as a secret.
    pub fn secret(&self, field: &str) -> Option<Secret<String>> {
        self.value(field)?
            .as_str()
            .map(|text| Secret::new(text.to_owned()))
    }

    /// A bool; false if it is not there.
    pub fn bool(&self, field: &str) -> bool {
        self.value(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A whole number.
    pub fn int(&self, field: &str) -> Option<i64> {
        self.value(field)?.as_i64()
    }

    /// A number.
    pub fn float(&self, field: &str) -> Option<f64> {
        self.value(field)?.as_f64()
    }

    /// A configuration of its own.
    pub fn nested(&self, field: &str) -> Option<&Resolved> {
        match self.values.get(field)? {
            Entry::Nested(nested) => Some(nested),
            Entry::Value { .. } => None,
        }
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct(&self.name);
        for (name, entry) in &self.values {
            match entry {
                Entry::Value {
                    is_secret: true, ..
                } => debug.field(name, &Secret::new(())),
                Entry::Value { value, .. } => debug.field(name, value),
                Entry::Nested(nested) => debug.field(name, nested),
            };
        }
        debug.finish()
    }
}

impl Settings {
    /// Resolves a configuration: explicit values, else the first found in the providers, else the defaults.
    ///
    /// A whole-object text (connection string, JSON) found at the configuration's own key gives its fields before
    /// they are looked for one by one, as in dlt.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] with all missing fields; values of another type; secrets in `config.toml`.
    pub fn resolve(
        &self,
        spec: &Spec,
        scope: &Scope,
        explicit: &Map<String, Value>,
    ) -> Result<Resolved, ConfigError> {
        match self.resolve_fields(spec, scope, explicit)? {
            Ok(resolved) => Ok(resolved),
            Err(missing) => Err(self.with_files(missing).into()),
        }
    }

    fn resolve_fields(
        &self,
        spec: &Spec,
        scope: &Scope,
        explicit: &Map<String, Value>,
    ) -> Result<Result<Resolved, Missing>, ConfigError> {
        let mut whole = self.whole(spec, scope)?;
        whole.extend(explicit.clone());
        let mut resolved = Resolved {
            name: spec.name.to_string(),
            ..Resolved::default()
        };
        let mut missing = Missing {
            spec: spec.name.to_string(),
            ..Missing::default()
        };
        for field in &spec.fields {
            let outcome = match &field.kind {
                FieldKind::Value(kind) => self.resolve_value(field, kind, scope, &whole)?,
                FieldKind::Nested(nested) => self.resolve_nested(field, nested, scope, &whole)?,
            };
            match outcome {
                Outcome::Found(entry) => {
                    resolved.found.push(field.name.to_string());
                    resolved.values.insert(field.name.to_string(), entry);
                }
                Outcome::Default(entry) => {
                    resolved.values.insert(field.name.to_string(), entry);
                }
                Outcome::Absent => {}
                Outcome::Missing(trace) => {
                    missing.fields.insert(field.name.to_string(), trace);
                }
            }
        }
        missing.resolved.clone_from(&resolved.found);
        Ok(if missing.fields.is_empty() {
            Ok(resolved)
        } else {
            Err(missing)
        })
    }

    fn resolve_value(
        &self,
        field: &Field,
        kind: &Kind,
        scope: &Scope,
        whole: &Map<String, Value>,
    ) -> Result<Outcome, ConfigError> {
        let entry = |value| Entry::Value {
            value,
            is_secret: field.is_secret,
        };
        if let Some(value) = whole
            .get(field.name.as_ref())
            .filter(|value| !value.is_null())
        {
            let coerced = kind
                .coerce(value.clone())
                .ok_or_else(|| coercion(&field.name, kind, EXPLICIT, &field.name, ""))?;
            return Ok(Outcome::Found(entry(coerced)));
        }
        let (value, tried) = self.find_kind(scope, &field.name, kind, field.is_secret)?;
        Ok(match (value, &field.default) {
            (Some(value), _) => Outcome::Found(entry(value)),
            (None, Some(default)) => Outcome::Default(entry(default.clone())),
            (None, None) if field.is_optional => Outcome::Absent,
            (None, None) => Outcome::Missing(Trace::Tried(tried)),
        })
    }

    fn resolve_nested(
        &self,
        field: &Field,
        spec: &Spec,
        scope: &Scope,
        whole: &Map<String, Value>,
    ) -> Result<Outcome, ConfigError> {
        let mut explicit = Map::new();
        match whole.get(field.name.as_ref()) {
            Some(Value::Object(values)) => explicit = values.clone(),
            Some(Value::String(text)) => explicit = read_whole(spec, &field.name, text)?,
            _ => {}
        }
        let resolved = self.resolve_fields(spec, &scope.clone().within(&field.name), &explicit)?;
        Ok(match resolved {
            Ok(nested) if nested.found.is_empty() => Outcome::Default(Entry::Nested(nested)),
            Ok(nested) => Outcome::Found(Entry::Nested(nested)),
            Err(_) if field.is_optional => Outcome::Absent,
            Err(missing) => Outcome::Missing(Trace::Nested(Box::new(missing))),
        })
    }

    /// Fields out of text at the configuration's own key. A table there is looked into field by field instead.
    fn whole(&self, spec: &Spec, scope: &Scope) -> Result<Map<String, Value>, ConfigError> {
        let Some((outer, key)) = scope.whole() else {
            return Ok(Map::new());
        };
        let (value, tried) = self.find_kind(&outer, &key, &Kind::Any, spec.is_credentials)?;
        match value {
            Some(Value::String(text)) => {
                let full = tried.last().map_or(key, |found| found.key.clone());
                read_whole(spec, &full, &text)
            }
            _ => Ok(Map::new()),
        }
    }
}

enum Outcome {
    Found(Entry),
    Default(Entry),
    Absent,
    Missing(Trace),
}

fn read_whole(spec: &Spec, key: &str, text: &str) -> Result<Map<String, Value>, ConfigError> {
    if let Ok(Value::Object(values)) = serde_json::from_str(text) {
        return Ok(values);
    }
    let fail = |why| ConfigError::Native {
        spec: spec.name.to_string(),
        key: key.to_owned(),
        why,
    };
    match spec.native {
        Some(native) => native(text).map_err(fail),
        None => Err(fail(
            "neither a table nor JSON text of an object".to_owned(),
        )),
    }
}
