//! Puts values into templates: the parts of one request (spec/rest-api.md §§6.1, 7, 8.2, 13.3).

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tipple_json::{Value, plain_text, write_compact};

use crate::convert::{Convert, ConvertError};
use crate::model::{BoolText, Endpoint, Param, ParamValue, RequestBody};
use crate::template::{CursorValue, Format, Part, Placeholder, Reference, Template, Tree};

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Values of the cursor, converted; null where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct CursorValues {
    start: Value,
    initial: Value,
    end: Value,
}

impl Default for CursorValues {
    fn default() -> Self {
        CursorValues {
            start: Value::Null,
            initial: Value::Null,
            end: Value::Null,
        }
    }
}

impl CursorValues {
    /// The values, converted once.
    ///
    /// # Errors
    /// A value that cannot be converted.
    pub fn new(
        start: Option<Value>,
        initial: Option<Value>,
        end: Option<Value>,
        convert: Option<&Convert>,
    ) -> Result<Self, ConvertError> {
        let converted = |value: Option<Value>| {
            let value = value.unwrap_or(Value::Null);
            convert.map_or(Ok(value.clone()), |convert| convert.apply(&value))
        };
        Ok(CursorValues {
            start: converted(start)?,
            initial: converted(initial)?,
            end: converted(end)?,
        })
    }

    fn get(&self, which: CursorValue) -> &Value {
        match which {
            CursorValue::Start | CursorValue::Last => &self.start,
            CursorValue::Initial => &self.initial,
            CursorValue::End => &self.end,
        }
    }
}

/// What is put in.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// Values of the fields of the parent link, in their order.
    pub parent: &'a [Value],
    /// Values of the cursor.
    pub cursor: &'a CursorValues,
    /// How booleans are written in parameters.
    pub bools: BoolText,
}

/// A value that cannot be put in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FillError {
    /// A null of the parent row in a path.
    #[error("`{{{placeholder}}}` is null in this row of the parent, and a path cannot hold it")]
    ParentNull {
        /// As written.
        placeholder: String,
    },
    /// A cursor value that is not there.
    #[error("`{{{placeholder}}}` has no value yet, and {place} cannot do without it")]
    CursorNull {
        /// As written.
        placeholder: String,
        /// What needs it.
        place: &'static str,
    },
    /// A list or an object in a text.
    #[error("`{{{placeholder}}}` is {kind}, which cannot be used in a text")]
    NotScalar {
        /// As written.
        placeholder: String,
        /// What it is.
        kind: &'static str,
    },
    /// A format that does not fit.
    #[error("`{{{placeholder}}}`: {cause}")]
    Format {
        /// As written.
        placeholder: String,
        /// Why not.
        cause: ConvertError,
    },
}

impl FillError {
    /// How to go on.
    pub fn help(&self) -> &'static str {
        match self {
            FillError::ParentNull { .. } => {
                "drop such rows with a step of the parent (`processing_steps: [{where: …}]`), or ignore 404 in `response_actions`"
            }
            FillError::CursorNull { .. } => "give the cursor an `initial_value`",
            FillError::NotScalar { .. } => {
                "in `json` a placeholder alone keeps lists and objects; elsewhere name a field inside of it"
            }
            FillError::Format { .. } => "choose a format that fits the value, or none",
        }
    }
}

/// The parts of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// Path or whole URL, not encoded yet.
    pub path: String,
    /// True when a value that was put into the path holds `?` or `#`, which changes the request.
    pub is_path_risky: bool,
    /// Query parameters in order.
    pub params: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<FilledBody>,
}

/// Body of one request.
#[derive(Debug, Clone, PartialEq)]
pub enum FilledBody {
    /// JSON.
    Json(Value),
    /// Form fields.
    Form(Vec<(String, String)>),
    /// Text as it is.
    Text(String),
}

impl Endpoint {
    /// The parts of a request for these values.
    ///
    /// # Errors
    /// [`FillError`] for the first value that does not fit.
    pub fn fill(&self, values: &Values<'_>) -> Result<Filled, FillError> {
        let path = values.path(&self.path)?;
        let mut headers = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            headers.push((
                values.text(&header.name, "a header")?,
                values.text(&header.value, "a header")?,
            ));
        }
        let body = match &self.body {
            None => None,
            Some(RequestBody::Json(tree)) => {
                Some(FilledBody::Json(values.json(tree)?.unwrap_or(Value::Null)))
            }
            Some(RequestBody::Form(fields)) => Some(FilledBody::Form(values.params(fields)?)),
            Some(RequestBody::Text(text)) => Some(FilledBody::Text(values.text(text, "a body")?)),
        };
        Ok(Filled {
            is_path_risky: self.is_path_risky(values),
            path,
            params: values.params(&self.params)?,
            headers,
            body,
        })
    }

    fn is_path_risky(&self, values: &Values<'_>) -> bool {
        self.path.parts().iter().any(|part| match part {
            Part::Placeholder(Placeholder {
                format: Format::Plain,
                reference,
                ..
            }) => values
                .get(*reference)
                .as_text()
                .is_some_and(|text| text.contains(['?', '#'])),
            _ => false,
        })
    }
}

impl Values<'_> {
    fn get(&self, reference: Reference) -> &Value {
        match reference {
            Reference::Parent(index) => self.parent.get(index).unwrap_or(&Value::Null),
            Reference::Cursor(which) => self.cursor.get(which),
        }
    }

    fn path(&self, template: &Template) -> Result<String, FillError> {
        for part in template.parts() {
            if let Part::Placeholder(placeholder) = part
                && let Reference::Parent(_) = placeholder.reference
                && self.get(placeholder.reference).is_null()
            {
                let placeholder = placeholder.text.clone();
                return Err(FillError::ParentNull { placeholder });
            }
        }
        self.text(template, "a path")
    }

    /// The text of a template; `place` is named when a value of the cursor is missing.
    fn text(&self, template: &Template, place: &'static str) -> Result<String, FillError> {
        let mut text = String::new();
        for part in template.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Placeholder(placeholder) => {
                    text.push_str(&self.placeholder_text(placeholder, place)?);
                }
            }
        }
        Ok(text)
    }

    fn placeholder_text(
        &self,
        placeholder: &Placeholder,
        place: &'static str,
    ) -> Result<String, FillError> {
        let value = self.get(placeholder.reference);
        let name = || placeholder.text.clone();
        if value.is_null() && matches!(placeholder.reference, Reference::Cursor(_)) {
            return Err(FillError::CursorNull {
                placeholder: name(),
                place,
            });
        }
        let converted;
        let value = match &placeholder.format {
            Format::Converted(convert) => {
                let applied = convert.apply(value);
                converted = applied.map_err(|cause| FillError::Format {
                    placeholder: name(),
                    cause,
                })?;
                &converted
            }
            _ => value,
        };
        let text = self
            .scalar_text(value)
            .ok_or_else(|| FillError::NotScalar {
                placeholder: name(),
                kind: kind_of(value),
            })?;
        Ok(match placeholder.format {
            Format::Segment => utf8_percent_encode(&text, SEGMENT).to_string(),
            _ => text,
        })
    }

    fn scalar_text(&self, value: &Value) -> Option<String> {
        match (value, self.bools) {
            (Value::Bool(word), BoolText::Json) => Some(word.to_string()),
            _ => plain_text(value),
        }
    }

    fn params(&self, params: &[Param]) -> Result<Vec<(String, String)>, FillError> {
        let mut filled = Vec::with_capacity(params.len());
        for param in params {
            let name = self.text(&param.name, "the name of a parameter")?;
            match &param.value {
                ParamValue::Plain(tree) => self.push_param(&name, tree, &mut filled)?,
                ParamValue::Json(tree) => {
                    let mut text = String::new();
                    write_compact(&self.json(tree)?.unwrap_or(Value::Null), &mut text);
                    filled.push((name, text));
                }
            }
        }
        Ok(filled)
    }

    /// A list repeats the name; a null, or a placeholder that is null, leaves the parameter out.
    fn push_param(
        &self,
        name: &str,
        tree: &Tree,
        filled: &mut Vec<(String, String)>,
    ) -> Result<(), FillError> {
        let value = match tree {
            Tree::List(elements) => {
                return elements
                    .iter()
                    .try_for_each(|element| self.push_param(name, element, filled));
            }
            Tree::Scalar(Value::Null) | Tree::Object(_) => return Ok(()),
            Tree::Scalar(value) => self.scalar_text(value).unwrap_or_default(),
            Tree::Text(template) => match template.as_placeholder() {
                Some(placeholder) if self.get(placeholder.reference).is_null() => return Ok(()),
                Some(placeholder) => {
                    if let Value::List(elements) = self.get(placeholder.reference) {
                        for element in elements {
                            let text =
                                self.scalar_text(element)
                                    .ok_or_else(|| FillError::NotScalar {
                                        placeholder: placeholder.text.clone(),
                                        kind: kind_of(element),
                                    })?;
                            filled.push((name.to_owned(), text));
                        }
                        return Ok(());
                    }
                    self.text(template, "a parameter")?
                }
                None => self.text(template, "a parameter")?,
            },
        };
        filled.push((name.to_owned(), value));
        Ok(())
    }

    /// The value of a tree; nothing for a placeholder of the cursor that has no value.
    fn json(&self, tree: &Tree) -> Result<Option<Value>, FillError> {
        Ok(Some(match tree {
            Tree::Scalar(value) => value.clone(),
            Tree::Text(template) => match template.as_placeholder() {
                Some(placeholder) => match self.get(placeholder.reference) {
                    Value::Null if matches!(placeholder.reference, Reference::Cursor(_)) => {
                        return Ok(None);
                    }
                    value if placeholder.format == Format::Plain => value.clone(),
                    _ => Value::Text(self.placeholder_text(placeholder, "a text")?),
                },
                None => Value::Text(self.text(template, "a text")?),
            },
            Tree::List(elements) => {
                let mut values = Vec::with_capacity(elements.len());
                for element in elements {
                    values.extend(self.json(element)?);
                }
                Value::List(values)
            }
            Tree::Object(members) => {
                let mut values: Vec<(String, Value)> = Vec::with_capacity(members.len());
                for (key, tree) in members {
                    let Some(value) = self.json(tree)? else {
                        continue;
                    };
                    let key = self.text(key, "a key")?;
                    match values.iter_mut().find(|(known, _)| *known == key) {
                        Some(member) => member.1 = value,
                        None => values.push((key, value)),
                    }
                }
                Value::Object(values)
            }
        }))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
        _ => "bytes",
    }
}

/// A short form of the parts for logs; the caller redacts it.
impl std::fmt::Display for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        for (index, (name, value)) in self.params.iter().enumerate() {
            f.write_char(if index == 0 { '?' } else { '&' })?;
            write!(f, "{name}={value}")?;
        }
        Ok(())
    }
}
