//! What can be wrong with JSON text, and where.
//!
//! An error carries only a kind and a byte offset, so that scanning stays cheap; [`locate`] turns the offset into
//! line, column and an excerpt once a person has to read it.

use std::fmt;

/// Objects and lists inside one another that one value may have. orjson, which dlt uses, has the same limit.
pub const DEPTH_MAX: usize = 1024;

/// Characters of text shown on either side of an error.
const EXCERPT_CHARS_MAX: usize = 30;

/// JSON text that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Byte offset in the text that was given.
    pub at: usize,
}

impl JsonError {
    /// The same error in a text that begins `start` bytes earlier.
    pub fn shifted(self, start: usize) -> Self {
        JsonError {
            at: self.at + start,
            ..self
        }
    }
}

/// Kinds of [`JsonError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JsonErrorKind {
    /// The text stops inside a value.
    #[error("the JSON text ends too early")]
    UnexpectedEnd,
    /// Something else stands where a value must be.
    #[error("a JSON value is expected")]
    ExpectedValue,
    /// A member of an object does not begin with a quote.
    #[error("a key in double quotes is expected")]
    ExpectedKey,
    /// No colon after a key.
    #[error("`:` is expected after the key")]
    ExpectedColon,
    /// Neither a comma nor the end of the object or list.
    #[error("`,` or the closing bracket is expected")]
    ExpectedCommaOrEnd,
    /// There is more after the value.
    #[error("there is more text after the JSON value")]
    TrailingText,
    /// A line break, tab or other control character inside a string.
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    /// A backslash followed by what is no escape.
    #[error("the escape sequence is not valid")]
    BadEscape,
    /// `\ud800`–`\udfff` that is not one half of a pair.
    #[error("the escape sequence is half of a surrogate pair")]
    LoneSurrogate,
    /// A number that JSON does not allow, for instance `01`, `1.` or `.5`.
    #[error("the number is not valid JSON")]
    BadNumber,
    /// An integer below −2⁶³ or above 2⁶⁴−1.
    #[error("the integer exceeds the 64-bit range")]
    IntegerOutOfRange,
    /// A number with fraction or exponent above the largest double.
    #[error("the number is too large for a double")]
    FloatOutOfRange,
    /// `NaN`, `Infinity` or `-Infinity`.
    #[error("`NaN` and `Infinity` are not JSON")]
    NotFinite,
    /// More than [`DEPTH_MAX`] levels.
    #[error("objects and lists are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// Bytes that are not UTF-8.
    #[error("the text is not UTF-8")]
    InvalidUtf8,
}

/// Line, column and surroundings of a byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Text around the offset, in one line; at most some 60 characters.
    pub excerpt: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}, near `{}`",
            self.line, self.column, self.excerpt
        )
    }
}

/// Line, column and surroundings of the byte `at` of `text`.
pub fn locate(text: &[u8], at: usize) -> Place {
    let at = at.min(text.len());
    let (before, after) = text.split_at(at);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let in_line = String::from_utf8_lossy(&before[line_start..]);
    Place {
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: in_line.chars().count() + 1,
        excerpt: excerpt(&in_line, after),
    }
}

fn excerpt(before: &str, after: &[u8]) -> String {
    let line_end = memchr::memchr(b'\n', after).unwrap_or(after.len());
    let near = &after[..line_end.min(4 * EXCERPT_CHARS_MAX)];
    let skipped = before.chars().count().saturating_sub(EXCERPT_CHARS_MAX);
    before
        .chars()
        .skip(skipped)
        .chain(
            String::from_utf8_lossy(near)
                .chars()
                .take(EXCERPT_CHARS_MAX),
        )
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_becomes_line_column_and_excerpt() {
        let place = locate("{\"a\":1}\n{\"é\":x}\n".as_bytes(), 14);
        assert_eq!((place.line, place.column), (2, 6));
        assert_eq!(place.excerpt, "{\"é\":x}");
        assert_eq!(place.to_string(), "line 2, column 6, near `{\"é\":x}`");
    }

    #[test]
    fn an_excerpt_is_short_even_in_a_long_line() {
        let text = "x".repeat(10_000);
        assert_eq!(locate(text.as_bytes(), 5_000).excerpt.len(), 60);
        assert_eq!(locate(b"", 7).line, 1);
    }
}
