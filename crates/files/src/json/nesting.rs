//! Finds ends of JSON values in a stream of blocks, by quotes and brackets alone.

/// Where in a value the stream stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Nesting {
    /// Brackets that are open.
    pub depth: u32,
    /// Inside quotes.
    pub in_text: bool,
    /// The byte before was a backslash.
    is_escaped: bool,
}

impl Nesting {
    /// Inside `depth` brackets.
    pub fn inside(depth: u32) -> Self {
        Nesting {
            depth,
            ..Nesting::default()
        }
    }

    /// Inside a text that stands alone.
    pub fn in_text() -> Self {
        Nesting {
            in_text: true,
            ..Nesting::default()
        }
    }

    /// Goes on through `text`; the offset after which everything is closed, or `None` when that is further on.
    pub fn run(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            at = if self.in_text {
                self.leave_text(text, at)?
            } else {
                self.next_text(text, at)?
            };
            if !self.in_text && self.depth == 0 {
                return Some(at);
            }
        }
    }

    /// Offset after the closing quote.
    fn leave_text(&mut self, text: &[u8], mut at: usize) -> Option<usize> {
        loop {
            if self.is_escaped {
                text.get(at)?;
                (self.is_escaped, at) = (false, at + 1);
            }
            let special = at + memchr::memchr2(b'"', b'\\', &text[at..])?;
            at = special + 1;
            if text[special] == b'"' {
                self.in_text = false;
                return Some(at);
            }
            self.is_escaped = true;
        }
    }

    /// Offset after the next opening quote, or after the bracket that closes everything.
    fn next_text(&mut self, text: &[u8], start: usize) -> Option<usize> {
        for (index, byte) in text[start..].iter().enumerate() {
            match byte {
                b'"' => {
                    self.in_text = true;
                    return Some(start + index + 1);
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(start + index + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_text_is_cut() {
        let text = br#"{"a\\\"}":[1,"]",{"b\u0022":[]}]} tail"#;
        let end = text.len() - 5;
        for cut in 0..end {
            let mut nesting = Nesting::default();
            let first = nesting.run(&text[..cut]);
            assert_eq!(first, None, "{cut}");
            assert_eq!(nesting.run(&text[cut..]), Some(end - cut), "{cut}");
        }
    }
}
