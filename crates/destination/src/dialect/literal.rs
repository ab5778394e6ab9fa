//! Values inside SQL text, as dlt writes them into `insert_values` files (spec/destinations.md §2).
//!
//! Rows do not pass here: they travel as record batches. Literals are for plans, small rows and destinations without a
//! bulk path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// SQL NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// Whole number.
    Int(i128),
    /// Float, written as Python writes it.
    Double(f64),
    /// Exact number, text as it is.
    Decimal(String),
    /// Text.
    Text(String),
    /// JSON document as compact text.
    Json(String),
    /// ISO form of a timestamp, date or time.
    Moment(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What a dialect does with quotes, backslashes and control characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRules {
    /// Stands before the opening quote.
    pub prefix: &'static str,
    /// How a quote is written.
    pub quote: &'static str,
    /// True when tabs and other control characters with a letter of their own are escaped, too.
    pub escape_controls: bool,
    /// True when NUL characters stay.
    pub keep_nul: bool,
}

impl TextRules {
    /// `text` between quotes.
    pub fn text(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 3);
        out.push_str(self.prefix);
        out.push('\'');
        for character in text.chars() {
            self.push(character, &mut out);
        }
        out.push('\'');
        out
    }

    fn push(self, character: char, out: &mut String) {
        match character {
            '\'' => out.push_str(self.quote),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' if self.escape_controls => out.push_str("\\t"),
            '\x08' if self.escape_controls => out.push_str("\\b"),
            '\x0c' if self.escape_controls => out.push_str("\\f"),
            '\x07' if self.escape_controls => out.push_str("\\a"),
            '\x0b' if self.escape_controls => out.push_str("\\v"),
            '\0' if !self.keep_nul => {}
            other => out.push(other),
        }
    }
}

/// Values that all dialects write alike; text and bytes are left to `text` and `binary`.
pub(super) fn common(
    value: &Literal,
    text: impl Fn(&str) -> String,
    json: impl Fn(&str) -> String,
    binary: impl Fn(&[u8]) -> String,
) -> String {
    match value {
        Literal::Null => "NULL".to_owned(),
        Literal::Bool(true) => "True".to_owned(),
        Literal::Bool(false) => "False".to_owned(),
        Literal::Int(number) => number.to_string(),
        Literal::Double(number) => float(*number),
        Literal::Decimal(number) => number.clone(),
        Literal::Text(value) => text(value),
        Literal::Json(value) => json(value),
        Literal::Moment(value) => format!("'{value}'"),
        Literal::Binary(value) => binary(value),
    }
}

/// Shortest text that reads back as `number`, with Python's choice of notation.
fn float(number: f64) -> String {
    let text = format!("{number:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

pub(super) fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `identifier` in double quotes.
pub(super) fn double_quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
