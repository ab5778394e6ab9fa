//! Strings of JSON text: where they end, and what their escapes mean.
//!
//! Nearly all strings are short and without escapes, so the end is looked for eight bytes at a time and the text is
//! used as it stands. A string with escapes is checked when it is scanned; turning the escapes into characters later
//! cannot fail.

use std::borrow::Cow;

use crate::error::{JsonError, JsonErrorKind};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A checked string between its quotes, escapes still in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawText<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> RawText<'a> {
    /// `raw` must come from a scanner: its escapes are taken to be valid.
    #[inline]
    pub(crate) fn new(raw: &'a str, has_escapes: bool) -> Self {
        RawText { raw, has_escapes }
    }

    /// The text as it stands in the source.
    #[inline]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// True when the text holds a backslash.
    #[inline]
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// The text that is meant.
    #[inline]
    pub fn unescape(&self) -> Cow<'a, str> {
        if !self.has_escapes {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        self.unescape_into(&mut text);
        Cow::Owned(text)
    }

    /// Appends the text that is meant.
    pub fn unescape_into(&self, out: &mut String) {
        let mut rest = self.raw;
        while let Some(backslash) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..backslash]);
            let (character, length) = meaning(&rest.as_bytes()[backslash..]);
            out.push(character);
            rest = &rest[backslash + length..];
        }
        out.push_str(rest);
    }
}

/// Character and length of the checked escape at the start of `bytes`.
fn meaning(bytes: &[u8]) -> (char, usize) {
    match bytes[1] {
        b'n' => ('\n', 2),
        b't' => ('\t', 2),
        b'r' => ('\r', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'u' => unicode(bytes),
        plain => (char::from(plain), 2),
    }
}

fn unicode(bytes: &[u8]) -> (char, usize) {
    let unit = hex4(bytes, 2).unwrap_or_default();
    if !(0xD800..0xDC00).contains(&unit) {
        return (
            char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
            6,
        );
    }
    let low = hex4(bytes, 8).unwrap_or_default();
    let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low & 0x3FF);
    (
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        12,
    )
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |unit, &byte| {
        Some(unit << 4 | char::from(byte).to_digit(16)?)
    })
}

/// Offset of the closing quote of the string whose content begins at `start`, and whether it holds a backslash.
///
/// # Errors
/// Control characters, bad escapes, lone surrogates, no end.
#[inline]
pub(crate) fn find_end(bytes: &[u8], start: usize) -> Result<(usize, bool), JsonError> {
    let mut at = start;
    // Strings of up to 32 bytes are the rule; beyond, wider steps pay off.
    while let Some(word) = word_at(bytes, at) {
        let marks = special_bytes(word);
        if marks != 0 {
            let stop = at + (marks.trailing_zeros() / 8) as usize;
            if bytes[stop] == b'"' {
                return Ok((stop, false));
            }
            return find_end_slowly(bytes, stop);
        }
        at += 8;
        if at - start == 32 {
            return find_end_slowly(bytes, skip_plain(bytes, at));
        }
    }
    find_end_slowly(bytes, at)
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(word.try_into().ok()?))
}

/// High bit set in (at least the first of) the bytes that are a quote, a backslash or a control character.
#[inline]
fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGHS
}

/// Steps over blocks without any special byte; the compiler turns the inner loop into vector instructions.
fn skip_plain(bytes: &[u8], start: usize) -> usize {
    let blocks = bytes[start..].chunks_exact(32);
    let plain = blocks.take_while(|block| {
        let is_special = |byte: &u8| (*byte == b'"') | (*byte == b'\\') | (*byte < 0x20);
        !block
            .iter()
            .fold(false, |found, byte| found | is_special(byte))
    });
    start + 32 * plain.count()
}

/// The same from `at` on, byte by byte where something special stands.
#[cold]
#[inline(never)]
fn find_end_slowly(bytes: &[u8], mut at: usize) -> Result<(usize, bool), JsonError> {
    let mut has_escapes = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok((at, has_escapes)),
            Some(b'\\') => {
                has_escapes = true;
                at += escape_length(bytes, at)?;
            }
            Some(0..0x20) => return Err(error(JsonErrorKind::ControlCharacter, at)),
            Some(_) => at = skip_to_special(bytes, at + 1),
            None => return Err(error(JsonErrorKind::UnexpectedEnd, bytes.len())),
        }
    }
}

#[inline]
fn skip_to_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let marks = special_bytes(word);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at
}

/// Length of the escape at `at`, checked.
fn escape_length(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => unicode_length(bytes, at),
        Some(_) => Err(error(JsonErrorKind::BadEscape, at)),
        None => Err(error(JsonErrorKind::UnexpectedEnd, bytes.len())),
    }
}

fn unicode_length(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let unit = hex4(bytes, at + 2).ok_or_else(|| error(JsonErrorKind::BadEscape, at))?;
    match unit {
        0xD800..0xDC00 => {
            let is_pair = bytes.get(at + 6..at + 8) == Some(b"\\u")
                && hex4(bytes, at + 8).is_some_and(|low| (0xDC00..0xE000).contains(&low));
            if is_pair {
                Ok(12)
            } else {
                Err(error(JsonErrorKind::LoneSurrogate, at))
            }
        }
        0xDC00..0xE000 => Err(error(JsonErrorKind::LoneSurrogate, at)),
        _ => Ok(6),
    }
}

#[cold]
fn error(kind: JsonErrorKind, at: usize) -> JsonError {
    JsonError { kind, at }
}

#[cfg(test)]
mod tests {
    use crate::scan::Scanner;

    #[test]
    fn escapes_become_characters() {
        let text = r#""a\n\t\r\b\f\"\\\/\u00e9\ud83d\ude00z""#;
        let raw = Scanner::new(text).string().unwrap();
        assert!(raw.has_escapes());
        assert_eq!(raw.unescape(), "a\n\t\r\u{8}\u{c}\"\\/é😀z");
    }

    #[test]
    fn a_special_byte_is_found_at_every_distance() {
        for length in 0..200 {
            let plain = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let quoted = format!("\"{plain}\" rest of the text");
            let raw = Scanner::new(&quoted).string().unwrap();
            assert_eq!((raw.raw(), raw.has_escapes()), (plain.as_str(), false));
            let escaped = format!("\"{plain}\\n\"");
            let raw = Scanner::new(&escaped).string().unwrap();
            assert_eq!(raw.unescape(), format!("{plain}\n"));
            let broken = format!("\"{plain}\u{1f}\"");
            assert_eq!(
                Scanner::new(&broken).string().unwrap_err().at,
                length / 2 * 2 + length % 2 + 1
            );
        }
    }
}
