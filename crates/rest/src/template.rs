//! Texts and trees with placeholders (spec/rest-api.md §7).
//!
//! A template is compiled once, when the configuration is checked: a placeholder knows which field of the parent row or
//! which value of the cursor it stands for, so that filling it in cannot meet an unknown name. Start with
//! [`Template::text`] and [`Tree::fill`].

use std::fmt;

use tipple_json::Value;

/// A text with placeholders.
#[derive(Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq)]
enum Part {
    Literal(String),
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

/// How a value becomes text.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// As Python's `str` (spec §7).
    Plain,
    /// `strftime` of a date or time.
    Strftime(String),
    /// A named conversion (spec §21.3).
    Named(String),
    /// One percent-encoded path segment.
    Segment,
}

/// A JSON value whose texts and keys are templates.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// null, a boolean, a number or a date
    Scalar(Value),
    /// A text; one that is a single placeholder keeps the type of its value.
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
                Part::Literal(_) => f.write_str("…")?,
                Part::Placeholder(placeholder) => write!(f, "{{{}}}", placeholder.text)?,
            }
        }
        f.write_str(")")
    }
}
