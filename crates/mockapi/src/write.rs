//! JSON written straight into a buffer.
//!
//! A tree of values for every row would cost more than the loader under test spends on reading it, and the mock would be
//! what a benchmark measures.

/// Appends JSON to a buffer; commas are set by looking at what was written last.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    /// What was written so far.
    pub(crate) out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out }
    }

    /// `{` or `[`.
    pub(crate) fn open(&mut self, bracket: u8) -> &mut Self {
        self.comma();
        self.out.push(bracket);
        self
    }

    /// `}` or `]`.
    pub(crate) fn close(&mut self, bracket: u8) -> &mut Self {
        self.out.push(bracket);
        self
    }

    /// A key that needs no escaping.
    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    /// A text made of parts that need no escaping.
    pub(crate) fn parts(&mut self, parts: &[&[u8]]) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        for part in parts {
            self.out.extend_from_slice(part);
        }
        self.out.push(b'"');
        self
    }

    /// A text that needs no escaping.
    pub(crate) fn plain(&mut self, text: &str) -> &mut Self {
        self.parts(&[text.as_bytes()])
    }

    /// Any text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        for byte in text.bytes() {
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0..0x20 => self
                    .out
                    .extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
        self
    }

    pub(crate) fn int(&mut self, number: i64) -> &mut Self {
        self.comma();
        self.digits(number);
        self
    }

    /// A number as given, or any other finished JSON.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.comma();
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    pub(crate) fn flag(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.raw("null")
    }

    /// A moment as text.
    pub(crate) fn atom(&mut self, seconds: i64) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        crate::time::write_atom(seconds, self.out);
        self.out.push(b'"');
        self
    }

    fn digits(&mut self, number: i64) {
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(number).as_bytes());
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_escapes_are_right() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.open(b'{').key("a").int(-1).key("b").open(b'[');
        writer.plain("x").text("\"\\\n\u{1}é").null().close(b']');
        writer.key("c").flag(true).key("d").atom(0).close(b'}');
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            r#"{"a":-1,"b":["x","\"\\\n\u0001é",null],"c":true,"d":"1970-01-01T00:00:00+00:00"}"#
        );
    }
}
