//! What names in braces stand for in one endpoint (spec/rest-api.md §§6, 7).

use serde_json::{Map, Value};
use tipple_source::fields::{nearest, quoted_list};

use crate::model::ParentField;
use crate::template::{CursorValue, Meaning, Names, Reference, Template, TemplateError};
use tipple_json::JsonPath;

/// A binding of the old form: `{type: resolve, resource: …, field: …}`.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// Name of the parameter and placeholder.
    pub name: String,
    /// Parent.
    pub resource: String,
    /// Path in its rows.
    pub field: String,
}

/// Names of one endpoint; collects the fields of the parent.
#[derive(Debug)]
pub(super) struct EndpointNames<'a> {
    /// The only parent so far.
    pub parent: Option<String>,
    /// Fields of it.
    pub fields: Vec<ParentField>,
    /// Bindings of the old form, and whether the path has used them.
    pub bindings: Vec<(Binding, bool)>,
    /// All parameters, for static path parameters.
    pub params: &'a Map<String, Value>,
    /// Those that the path has used.
    pub used: Vec<String>,
    /// Path of the cursor, when the endpoint has one.
    pub cursor_path: Option<&'a str>,
    /// True while the path is read.
    pub is_path: bool,
}

impl Names for EndpointNames<'_> {
    fn meaning(&mut self, name: &str) -> Result<Meaning, TemplateError> {
        let name = name.trim();
        if let Some(rest) = name.strip_prefix("resources.") {
            return self.parent_field(name, rest);
        }
        if let Some(attribute) = name.strip_prefix("incremental.") {
            return self.cursor_value(name, attribute);
        }
        match (self.is_path, name.contains('.')) {
            (true, false) => self.path_parameter(name),
            (true, true) => Err(TemplateError::new(
                format!("`{{{name}}}` stands for nothing here"),
                "names begin with `resources.` or `incremental.`; braces that are meant as they are must be doubled",
            )),
            (false, _) => Err(TemplateError::new(
                format!("`{{{name}}}` stands for nothing here"),
                self.help_outside_path(),
            )),
        }
    }
}

impl EndpointNames<'_> {
    fn help_outside_path(&self) -> String {
        let cursor = match self.cursor_path {
            Some(_) => " or `{incremental.start_value}`",
            None => "",
        };
        format!(
            "write `{{resources.<parent>.<field>}}`{cursor}; braces that are meant as they are must be doubled (`{{{{` and `}}}}`)"
        )
    }

    fn parent_field(&mut self, name: &str, rest: &str) -> Result<Meaning, TemplateError> {
        let found = rest
            .split_once('.')
            .filter(|(parent, field)| !parent.is_empty() && !field.is_empty());
        let Some((parent, field)) = found else {
            return Err(TemplateError::new(
                format!("`{{{name}}}` names no field"),
                "write `{resources.<parent>.<field>}`",
            ));
        };
        self.add_field(parent, field).map(Meaning::Value)
    }

    /// Reference to a field of the parent, which must be the same everywhere.
    pub fn add_field(&mut self, parent: &str, field: &str) -> Result<Reference, TemplateError> {
        match &self.parent {
            Some(known) if known != parent => {
                return Err(TemplateError::new(
                    format!("a resource can have one parent, not both `{known}` and `{parent}`"),
                    format!(
                        "load the fields of `{parent}` into `{known}` first (`include_from_parent`), or split the resource"
                    ),
                ));
            }
            _ => self.parent = Some(parent.to_owned()),
        }
        let path: JsonPath = field.parse().map_err(|error: tipple_json::PathError| {
            TemplateError::new(
                error.to_string(),
                "quote names with odd characters: `'odd name'`",
            )
        })?;
        let index = self.fields.iter().position(|known| known.text == field);
        let index = index.unwrap_or_else(|| {
            self.fields.push(ParentField {
                text: field.to_owned(),
                path,
            });
            self.fields.len() - 1
        });
        Ok(Reference::Parent(index))
    }

    fn cursor_value(&mut self, name: &str, attribute: &str) -> Result<Meaning, TemplateError> {
        let Some(cursor_path) = self.cursor_path else {
            return Err(TemplateError::new(
                format!("`{{{name}}}` needs a cursor, and the endpoint has none"),
                "give the endpoint `incremental: { cursor_path: …, initial_value: … }`",
            ));
        };
        if attribute == "cursor_path" {
            return Ok(Meaning::Parts(Template::literal(cursor_path)));
        }
        let names = CursorValue::NAMES;
        if let Some((_, value)) = names.iter().find(|(known, _)| *known == attribute) {
            return Ok(Meaning::Value(Reference::Cursor(*value)));
        }
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let help = match (attribute.split_once('.'), nearest(attribute, &known)) {
            (Some((value, _)), _) => {
                format!("parts of dates are written as `{{incremental.{value}:%Y}}`")
            }
            (None, Some(near)) => format!("did you mean `{{incremental.{near}}}`?"),
            (None, None) => format!("write one of {}", quoted_list(&known)),
        };
        Err(TemplateError::new(
            format!("a cursor has no `{attribute}`"),
            help,
        ))
    }

    /// A name alone in a path: a binding of the old form, or a parameter that goes into the path.
    fn path_parameter(&mut self, name: &str) -> Result<Meaning, TemplateError> {
        if let Some(index) = self
            .bindings
            .iter()
            .position(|(binding, _)| binding.name == name)
        {
            self.bindings[index].1 = true;
            let binding = self.bindings[index].0.clone();
            return self
                .add_field(&binding.resource, &binding.field)
                .map(Meaning::Value);
        }
        let missing = || {
            TemplateError::new(
                format!("the path needs `{name}`, which is not in `params`"),
                format!("add `params: {{ {name}: … }}`, or write `{{resources.<parent>.{name}}}`"),
            )
        };
        let text = match self.params.get(name) {
            None | Some(Value::Null) => return Err(missing()),
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                let kind = if value.is_array() {
                    "a list"
                } else {
                    "an object"
                };
                return Err(TemplateError::new(
                    format!("`params.{name}` is {kind}, which cannot stand in a path"),
                    "give it one text or number; a parent is bound with `type: resolve`",
                ));
            }
            Some(scalar) => {
                let value = tipple_source::typed_value(scalar);
                tipple_json::plain_text(&value).unwrap_or_default()
            }
        };
        if !self.used.iter().any(|used| used == name) {
            self.used.push(name.to_owned());
        }
        // The value may hold a placeholder itself (`{resources.…}`), but no further parameter.
        self.is_path = false;
        let parts = Template::read(&text, self).map(Meaning::Parts);
        self.is_path = true;
        parts
    }
}
