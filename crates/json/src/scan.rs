//! A validating scanner over JSON text that builds nothing.
//!
//! The scanner walks over text that is known to be UTF-8 and hands out spans: raw strings, exact numbers, whole
//! values. It accepts exactly RFC 8259 and refuses what Python's fast reader (orjson) refuses. Every reader in the
//! project goes through it, so that one text is either good or bad everywhere. Start with [`Scanner`].

use crate::error::{DEPTH_MAX, JsonError, JsonErrorKind};
use crate::number::{self, Number};
use crate::string::{self, RawText};

/// Position in a JSON text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// First byte of the next value, as a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    List,
    /// `"`
    Text,
    /// `-` or a digit
    Number,
    /// `t` or `f`
    Bool,
    /// `n`
    Null,
}

/// Checks that `bytes` are UTF-8, once for a whole chunk.
///
/// # Errors
/// [`JsonErrorKind::InvalidUtf8`] at the first bad byte.
pub fn text_of(bytes: &[u8]) -> Result<&str, JsonError> {
    simdutf8::compat::from_utf8(bytes).map_err(|e| JsonError {
        kind: JsonErrorKind::InvalidUtf8,
        at: e.valid_up_to(),
    })
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// A scanner at byte `at` of `text`.
    pub fn starting_at(text: &'a str, at: usize) -> Self {
        Scanner { text, at }
    }

    /// Byte offset of what comes next.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The text that is scanned.
    #[inline]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The next byte.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over blanks and line breaks.
    #[inline]
    pub fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over blanks, line breaks and commas: what may stand between the items of a sequence.
    #[inline]
    pub fn skip_separators(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over `count` bytes that the caller has recognized.
    #[inline]
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// An error at the present position; `UnexpectedEnd` when there is no more text.
    #[cold]
    pub fn error(&self, kind: JsonErrorKind) -> JsonError {
        let kind = if self.at >= self.text.len() {
            JsonErrorKind::UnexpectedEnd
        } else {
            kind
        };
        JsonError { kind, at: self.at }
    }

    /// Kind of the value that begins here; blanks must have been skipped.
    ///
    /// # Errors
    /// `ExpectedValue`, `NotFinite` or `UnexpectedEnd`.
    #[inline]
    pub fn kind(&self) -> Result<Kind, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::List),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.not_a_value()),
        }
    }

    #[cold]
    fn not_a_value(&self) -> JsonError {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        if rest.starts_with(b"NaN") || rest.starts_with(b"Infinity") {
            return self.error(JsonErrorKind::NotFinite);
        }
        self.error(JsonErrorKind::ExpectedValue)
    }

    /// Steps over a string and returns what is between its quotes.
    ///
    /// # Errors
    /// `ExpectedKey` when no quote comes next; control characters, bad escapes, lone surrogates, missing end.
    #[inline]
    pub fn string(&mut self) -> Result<RawText<'a>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.error(JsonErrorKind::ExpectedKey));
        }
        let start = self.at + 1;
        let (end, has_escapes) = string::find_end(self.text.as_bytes(), start)?;
        self.at = end + 1;
        Ok(RawText::new(&self.text[start..end], has_escapes))
    }

    /// Steps over a number.
    ///
    /// # Errors
    /// `BadNumber`, `IntegerOutOfRange`, `FloatOutOfRange`, `NotFinite` (for `-Infinity`).
    #[inline]
    pub fn number(&mut self) -> Result<Number, JsonError> {
        let (number, end) = number::read(self.text, self.at)?;
        self.at = end;
        Ok(number)
    }

    /// Steps over `true` or `false`.
    ///
    /// # Errors
    /// `ExpectedValue` for any other word.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, JsonError> {
        if self.peek() == Some(b't') {
            self.word(b"true").map(|()| true)
        } else {
            self.word(b"false").map(|()| false)
        }
    }

    /// Steps over `null`.
    ///
    /// # Errors
    /// `ExpectedValue` for any other word.
    #[inline]
    pub fn null(&mut self) -> Result<(), JsonError> {
        self.word(b"null")
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.text.as_bytes()[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.error(JsonErrorKind::ExpectedValue))
    }

    /// Steps over a key and its colon, and over the blanks after both.
    ///
    /// # Errors
    /// `ExpectedKey`, `ExpectedColon` and those of [`Scanner::string`].
    #[inline]
    pub fn key(&mut self) -> Result<RawText<'a>, JsonError> {
        let key = self.string()?;
        self.skip_blanks();
        if !self.eat(b':') {
            return Err(self.error(JsonErrorKind::ExpectedColon));
        }
        self.skip_blanks();
        Ok(key)
    }

    /// Steps over the comma before a further element, or over the closing byte `end`. True when an element follows.
    ///
    /// # Errors
    /// `ExpectedCommaOrEnd`.
    #[inline]
    pub fn has_more(&mut self, end: u8) -> Result<bool, JsonError> {
        self.skip_blanks();
        if self.eat(b',') {
            self.skip_blanks();
            return Ok(true);
        }
        if self.eat(end) {
            return Ok(false);
        }
        Err(self.error(JsonErrorKind::ExpectedCommaOrEnd))
    }

    /// Steps over an opening bracket (which must be next) and blanks. True when an element follows, false when the
    /// container is empty and was closed.
    #[inline]
    pub fn opens(&mut self, end: u8) -> bool {
        self.at += 1;
        self.skip_blanks();
        !self.eat(end)
    }

    /// Steps over one value, checking all of it, and returns its text.
    ///
    /// # Errors
    /// Any [`JsonErrorKind`]; the depth is counted from this value.
    pub fn skip_value(&mut self) -> Result<&'a str, JsonError> {
        self.skip_nested_value(0)
    }

    /// The same for a value that lies inside of `depth` objects and lists.
    ///
    /// # Errors
    /// Any [`JsonErrorKind`].
    pub fn skip_nested_value(&mut self, depth: usize) -> Result<&'a str, JsonError> {
        let start = self.at;
        let mut open = Nesting::below(depth);
        loop {
            if self.skip_scalar_or_open(&mut open)? {
                continue;
            }
            if self.close_finished(&mut open)? {
                return Ok(&self.text[start..self.at]);
            }
        }
    }

    /// Steps over a scalar or into a container. True when a value must follow.
    fn skip_scalar_or_open(&mut self, open: &mut Nesting) -> Result<bool, JsonError> {
        match self.kind()? {
            Kind::Text => self.string().map(|_| false),
            Kind::Number => self.number().map(|_| false),
            Kind::Bool => self.boolean().map(|_| false),
            Kind::Null => self.null().map(|()| false),
            Kind::List => {
                let has_element = self.opens(b']');
                if has_element {
                    open.push(false).map_err(|kind| self.error(kind))?;
                }
                Ok(has_element)
            }
            Kind::Object => {
                let has_member = self.opens(b'}');
                if has_member {
                    open.push(true).map_err(|kind| self.error(kind))?;
                    self.key()?;
                }
                Ok(has_member)
            }
        }
    }

    /// After a value: closes containers that end here. True when the outermost value has ended.
    fn close_finished(&mut self, open: &mut Nesting) -> Result<bool, JsonError> {
        while let Some(is_object) = open.top() {
            if self.has_more(if is_object { b'}' } else { b']' })? {
                if is_object {
                    self.key()?;
                }
                return Ok(false);
            }
            open.pop();
        }
        Ok(true)
    }
}

/// Open containers, one bit each: object or list.
struct Nesting {
    bits: [u64; DEPTH_MAX / 64],
    depth: usize,
    depth_max: usize,
}

impl Nesting {
    fn below(depth: usize) -> Self {
        Nesting {
            bits: [0; DEPTH_MAX / 64],
            depth: 0,
            depth_max: DEPTH_MAX.saturating_sub(depth),
        }
    }

    fn push(&mut self, is_object: bool) -> Result<(), JsonErrorKind> {
        if self.depth == self.depth_max {
            return Err(JsonErrorKind::TooDeep);
        }
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(is_object) << bit;
        self.depth += 1;
        Ok(())
    }

    fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        Some(self.bits[last / 64] >> (last % 64) & 1 == 1)
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn kind_of_error(text: &str) -> JsonErrorKind {
        Scanner::new(text).skip_value().unwrap_err().kind
    }

    #[test]
    fn a_value_is_skipped_up_to_its_end() {
        let mut scanner = Scanner::new(r#"{"a":[1,{"b":"x\"}"}],"c":{}} next"#);
        assert_eq!(
            scanner.skip_value().unwrap(),
            r#"{"a":[1,{"b":"x\"}"}],"c":{}}"#
        );
        assert_eq!(scanner.at(), 29);
    }

    #[test]
    fn bad_text_is_refused_with_its_kind() {
        use JsonErrorKind::*;
        for (text, kind) in [
            ("", UnexpectedEnd),
            ("{", UnexpectedEnd),
            ("[1", UnexpectedEnd),
            ("\"abc", UnexpectedEnd),
            ("\"abc\\", UnexpectedEnd),
            ("[1,]", ExpectedValue),
            ("{\"a\":1,}", ExpectedKey),
            ("{a:1}", ExpectedKey),
            ("{\"a\" 1}", ExpectedColon),
            ("[1 2]", ExpectedCommaOrEnd),
            ("[1}", ExpectedCommaOrEnd),
            ("nul", ExpectedValue),
            ("True", ExpectedValue),
            ("NaN", NotFinite),
            ("-Infinity", NotFinite),
            ("[Infinity]", NotFinite),
            ("\"a\u{1}b\"", ControlCharacter),
            ("\"a\nb\"", ControlCharacter),
            ("\"\\x\"", BadEscape),
            ("\"\\u12g4\"", BadEscape),
            ("\"\\ud800\"", LoneSurrogate),
            ("\"\\ud800\\u0041\"", LoneSurrogate),
            ("\"\\udc00\"", LoneSurrogate),
        ] {
            assert_eq!(kind_of_error(text), kind, "{text}");
        }
    }

    #[test]
    fn ten_thousand_levels_are_refused_without_recursion() {
        for deep in ["[".repeat(10_000), "{\"a\":".repeat(10_000)] {
            assert_eq!(kind_of_error(&deep), JsonErrorKind::TooDeep);
        }
    }

    #[test]
    fn bad_utf8_is_refused_at_its_byte() {
        let error = text_of(b"\"a\xff\"").unwrap_err();
        assert_eq!((error.kind, error.at), (JsonErrorKind::InvalidUtf8, 2));
    }
}
