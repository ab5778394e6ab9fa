//! Texts and trees with placeholders (spec/rest-api.md §7).
//!
//! A template is compiled once, when the configuration is checked: a placeholder knows which field of the parent row or
//! which value of the cursor it stands for, so that filling it in cannot meet an unknown name. The syntax is that of
//! Python's format strings. Start with [`Template::read`]; [`crate::fill`] puts values in.

use std::fmt;

use serde_json::Value as Json;
use tipple_json::Value;
use tipple_source::typed_value;

use crate::convert::Convert;

/// A text with placeholders.
#[derive(Clone, PartialEq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, PartialEq)]
pub enum Part {
    /// Text as it is.
    Literal(String),
    /// A value that is put in.
    Placeholder(Placeholder),
}

/// One placeholder.
#[derive(Debug, Clone, PartialEq)]
pub struct Placeholder {
    /// As written, without braces.
    pub text: String,
    /// What it stands for.
    pub reference: Reference,
    /// How the value becomes text.
    pub format: Format,
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Index into the fields of the parent link.
    Parent(usize),
    /// A value of the cursor.
    Cursor(CursorValue),
}

/// Values of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorValue {
    /// Start of this run.
    Start,
    /// As configured.
    Initial,
    /// The same as the start when requests are built.
    Last,
    /// End of a backfill.
    End,
}

impl CursorValue {
    /// The names in placeholders.
    pub const NAMES: [(&'static str, CursorValue); 4] = [
        ("start_value", CursorValue::Start),
        ("initial_value", CursorValue::Initial),
        ("last_value", CursorValue::Last),
        ("end_value", CursorValue::End),
    ];
}

/// How a value becomes text.
#[derive(Debug, Clone)]
pub enum Format {
    /// As Python's `str` (spec §7).
    Plain,
    /// `strftime` of a date or time, or a named conversion (spec §21.3).
    Converted(Convert),
    /// One percent-encoded path segment.
    Segment,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Format::Plain, Format::Plain) | (Format::Segment, Format::Segment) => true,
            (Format::Converted(a), Format::Converted(b)) => a.to_string() == b.to_string(),
            _ => false,
        }
    }
}

/// A JSON value whose texts and keys are templates.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// null, a boolean, a number or a date
    Scalar(Value),
    /// A text; one that is a single placeholder keeps the type of its value in JSON.
    Text(Template),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(Template, Tree)>),
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(")?;
        for part in &self.parts {
            match part {
                // The text may be a secret.
                Part::Literal(_) => f.write_str("…")?,
                Part::Placeholder(placeholder) => write!(f, "{{{}}}", placeholder.text)?,
            }
        }
        f.write_str(")")
    }
}

/// A mistake in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl TemplateError {
    /// A mistake with what to write instead.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        TemplateError {
            message: message.into(),
            help: Some(help.into()),
        }
    }
}

/// What a name in braces stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A value that is put in later.
    Value(Reference),
    /// Parts that take its place now: a static path parameter (spec §6.3).
    Parts(Template),
}

/// Knows what names in braces stand for.
pub trait Names {
    /// The meaning of `name`.
    ///
    /// # Errors
    /// A name that stands for nothing here.
    fn meaning(&mut self, name: &str) -> Result<Meaning, TemplateError>;
}

impl Template {
    /// A text without placeholders.
    pub fn literal(text: impl Into<String>) -> Self {
        Template {
            parts: vec![Part::Literal(text.into())],
        }
    }

    /// A single placeholder.
    pub fn of(text: impl Into<String>, reference: Reference) -> Self {
        Template {
            parts: vec![Part::Placeholder(Placeholder {
                text: text.into(),
                reference,
                format: Format::Plain,
            })],
        }
    }

    /// Reads a text with placeholders.
    ///
    /// # Errors
    /// Braces that do not match, names without meaning, unknown formats.
    pub fn read(text: &str, names: &mut dyn Names) -> Result<Self, TemplateError> {
        let mut template = Template::default();
        for piece in pieces(text)? {
            let field = match piece {
                Piece::Literal(text) => {
                    template.push_literal(&text);
                    continue;
                }
                Piece::Field(field) => field,
            };
            let format = read_format(&field)?;
            match names.meaning(&field.name)? {
                Meaning::Value(reference) => template.parts.push(Part::Placeholder(Placeholder {
                    text: field.text,
                    reference,
                    format,
                })),
                Meaning::Parts(parts) => template.append(parts),
            }
        }
        Ok(template)
    }

    /// The pieces.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text with its placeholders in braces, for people; it may hold a secret, so it goes through the redactor.
    pub fn shown(&self) -> String {
        let shown = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Placeholder(placeholder) => format!("{{{}}}", placeholder.text),
        });
        shown.collect()
    }

    /// The text, when there is no placeholder.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The placeholder, when the template is nothing else.
    pub fn as_placeholder(&self) -> Option<&Placeholder> {
        match self.parts.as_slice() {
            [Part::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }

    fn push_literal(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Literal(last)) => last.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }

    fn append(&mut self, other: Template) {
        for part in other.parts {
            match part {
                Part::Literal(text) => self.push_literal(&text),
                placeholder => self.parts.push(placeholder),
            }
        }
    }
}

impl Tree {
    /// Reads a JSON value of a document; mistakes go to `tell` with the path below the value.
    pub fn read(
        value: &Json,
        names: &mut dyn Names,
        tell: &mut dyn FnMut(&str, TemplateError),
    ) -> Self {
        read_tree(value, "", names, tell)
    }
}

fn read_tree(
    value: &Json,
    path: &str,
    names: &mut dyn Names,
    tell: &mut dyn FnMut(&str, TemplateError),
) -> Tree {
    let mut text = |text: &str, path: &str| {
        Template::read(text, names).unwrap_or_else(|error| {
            tell(path, error);
            Template::default()
        })
    };
    match value {
        Json::String(marked) if !matches!(typed_value(value), Value::Text(_)) => {
            let _ = marked;
            Tree::Scalar(typed_value(value))
        }
        Json::String(found) => Tree::Text(text(found, path)),
        Json::Array(elements) => {
            let read =
                |(index, element)| read_tree(element, &format!("{path}[{index}]"), names, tell);
            Tree::List(elements.iter().enumerate().map(read).collect())
        }
        Json::Object(members) => {
            let mut read = Vec::with_capacity(members.len());
            for (key, value) in members {
                let path = tipple_source::fields::join(path, key);
                let key = Template::read(key, names).unwrap_or_else(|error| {
                    tell(&path, error);
                    Template::default()
                });
                read.push((key, read_tree(value, &path, names, tell)));
            }
            Tree::Object(read)
        }
        scalar => Tree::Scalar(typed_value(scalar)),
    }
}

/// A piece of a format string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text with its braces undoubled.
    Literal(String),
    /// What stands in braces.
    Field(Field),
}

/// What stands in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// All of it.
    pub text: String,
    /// The name.
    pub name: String,
    /// What follows the colon.
    pub spec: String,
}

/// Cuts a text as Python's `string.Formatter` does.
///
/// # Errors
/// Braces that do not match, an empty name, a conversion (`!r`).
pub fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if rest.starts_with(brace) {
            literal.push_str(brace);
            rest = &rest[1..];
        } else if brace == "}" {
            return Err(unmatched("}"));
        } else {
            let end = rest.find('}').ok_or_else(|| unmatched("{"))?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Field(read_field(&rest[..end])?));
            rest = &rest[end + 1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn unmatched(brace: &str) -> TemplateError {
    TemplateError::new(
        format!("a single `{brace}` stands in the text"),
        "double braces that are meant as they are: `{{` and `}}`",
    )
}

/// Cuts name and format; a colon in brackets or quotes belongs to the name.
fn read_field(text: &str) -> Result<Field, TemplateError> {
    let mut is_open = false;
    let colon = text.char_indices().find(|(_, character)| {
        match character {
            '[' => is_open = true,
            ']' => is_open = false,
            _ => {}
        }
        *character == ':' && !is_open
    });
    let (name, spec) = match colon {
        Some((at, _)) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    if name.trim().is_empty() {
        return Err(TemplateError::new(
            "a placeholder has no name",
            "double braces that are meant as they are: `{{` and `}}`",
        ));
    }
    if name.trim_start().starts_with(['"', '\'', '\n']) {
        return Err(TemplateError::new(
            "braces stand for a placeholder here, not for JSON",
            "double them (`{{` and `}}`), or in `params` write the value under `$json:`",
        ));
    }
    if name.contains('{') {
        return Err(unmatched("{"));
    }
    Ok(Field {
        text: text.to_owned(),
        name: name.to_owned(),
        spec: spec.to_owned(),
    })
}

fn read_format(field: &Field) -> Result<Format, TemplateError> {
    match field.spec.as_str() {
        "" => Ok(Format::Plain),
        "segment" => Ok(Format::Segment),
        spec if spec.starts_with('%') => Ok(Format::Converted(Convert::Strftime(spec.to_owned()))),
        spec => spec.parse().map(Format::Converted).map_err(|_| {
            TemplateError::new(
                format!("the format `{spec}` of `{{{}}}` is not known", field.text),
                "write `:segment`, a form of time such as `:%Y-%m-%d`, or a named conversion such as `:epoch_s`",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct OneParent;

    impl Names for OneParent {
        fn meaning(&mut self, name: &str) -> Result<Meaning, TemplateError> {
            match name {
                "fixed" => Ok(Meaning::Parts(Template::literal("v"))),
                _ => Ok(Meaning::Value(Reference::Parent(0))),
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let template = Template::read(text, &mut OneParent).unwrap();
        let shown: String = template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.clone(),
                Part::Placeholder(p) => format!("<{}>", p.text),
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn braces_are_read_as_python_reads_them() {
        check("a/{resources.x.y}/b", "a/<resources.x.y>/b");
        check("{{x}}", "{x}");
        check("{{{a}}}", "{<a>}");
        check("a{fixed}b", "avb");
        check("{a['b:c']:segment}", "<a['b:c']:segment>");
        check("", "");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let message = |text: &str| {
            let error = Template::read(text, &mut OneParent).unwrap_err();
            format!(
                "{text}: {}; {}",
                error.message,
                error.help.unwrap_or_default()
            )
        };
        let all = ["{", "a}", "{}", "{a{b}}", "{a:>10}", "{\"x\":1}"].map(message);
        insta::assert_snapshot!(all.join("\n"), @r#"
        {: a single `{` stands in the text; double braces that are meant as they are: `{{` and `}}`
        a}: a single `}` stands in the text; double braces that are meant as they are: `{{` and `}}`
        {}: a placeholder has no name; double braces that are meant as they are: `{{` and `}}`
        {a{b}}: a single `{` stands in the text; double braces that are meant as they are: `{{` and `}}`
        {a:>10}: the format `>10` of `{a:>10}` is not known; write `:segment`, a form of time such as `:%Y-%m-%d`, or a named conversion such as `:epoch_s`
        {"x":1}: braces stand for a placeholder here, not for JSON; double them (`{{` and `}}`), or in `params` write the value under `$json:`
        "#);
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let template = Template::read("canary {a}", &mut OneParent).unwrap();
        assert_eq!(format!("{template:?}"), "Template(…{a})");
    }

    proptest! {
        #[test]
        fn doubled_braces_give_any_text(text: String) {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let template = Template::read(&doubled, &mut OneParent).unwrap();
            prop_assert_eq!(template.as_literal(), Some(text.as_str()));
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "[a{}:\\[\\].%é]{0,20}") {
            let _ = Template::read(&text, &mut OneParent);
        }
    }
}
