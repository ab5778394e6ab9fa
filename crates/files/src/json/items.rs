//! Finds the ends of items in a stream: of the elements of a list, or of values that follow one another.
//!
//! Only what stands between items is checked here; their insides are checked by whoever reads them.

use super::nesting::Nesting;

/// What is found in a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Offset after the last item that ends in the block.
    pub item_end: Option<usize>,
    /// Offset after the bracket that closes the list.
    pub list_end: Option<usize>,
}

/// A mistake between items.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// Offset in the block.
    pub at: usize,
    pub reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// Nothing was met yet.
    Start,
    /// An item has ended.
    Item,
    /// A comma has followed.
    Comma,
}

/// Where between or inside items the stream stands.
#[derive(Debug)]
pub(super) struct Items {
    is_list: bool,
    nesting: Nesting,
    /// Inside a number or a word.
    in_word: bool,
    between: Between,
}

impl Items {
    /// After the opening bracket of a list.
    pub fn of_list() -> Self {
        Items {
            is_list: true,
            ..Items::in_sequence()
        }
    }

    /// Before the first of some values.
    pub fn in_sequence() -> Self {
        let nesting = Nesting::default();
        Items {
            is_list: false,
            nesting,
            in_word: false,
            between: Between::Start,
        }
    }

    /// True when the input must not end here: inside an item, or before the bracket that closes the list. A number or
    /// word at the end of a sequence needs nothing after it.
    pub fn is_open_at_end(&self) -> bool {
        self.is_nested() || self.is_list
    }

    fn is_nested(&self) -> bool {
        self.nesting.depth > 0 || self.nesting.in_text
    }

    /// Goes on through `text`.
    pub fn run(&mut self, text: &[u8]) -> Result<Found, Misplaced> {
        let mut found = Found::default();
        let mut at = 0;
        while at < text.len() {
            if self.is_nested() {
                let Some(end) = self.nesting.run(&text[at..]) else {
                    break;
                };
                at += end;
                found.item_end = Some(at);
                self.between = Between::Item;
                continue;
            }
            if self.in_word && is_delimiter(text[at]) {
                self.in_word = false;
                found.item_end = Some(at);
                self.between = Between::Item;
            }
            let is_end = self
                .step(text[at])
                .map_err(|reason| Misplaced { at, reason })?;
            at += 1;
            if is_end {
                found.list_end = Some(at);
                break;
            }
        }
        Ok(found)
    }

    /// One byte outside of texts and brackets. True when it closes the list.
    fn step(&mut self, byte: u8) -> Result<bool, &'static str> {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b',' if self.is_list && self.between == Between::Item => self.between = Between::Comma,
            b']' if self.is_list && self.between != Between::Comma => return Ok(true),
            b',' | b']' | b'}' | b':' => return Err("a JSON value is expected"),
            _ => self.begin_item(byte)?,
        }
        Ok(false)
    }

    fn begin_item(&mut self, byte: u8) -> Result<(), &'static str> {
        if self.in_word {
            return Ok(());
        }
        if self.is_list && self.between == Between::Item {
            return Err("`,` or the closing bracket is expected");
        }
        match byte {
            b'"' => self.nesting = Nesting::in_text(),
            b'{' | b'[' => self.nesting = Nesting::inside(1),
            _ => self.in_word = true,
        }
        Ok(())
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\n' | b'\r' | b'\t' | b',' | b']' | b'}' | b':' | b'"' | b'{' | b'['
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Found, Misplaced> {
        Items::of_list().run(text.as_bytes())
    }

    #[test]
    fn items_of_a_list_end_where_they_end() {
        let found = |item_end, list_end| Ok(Found { item_end, list_end });
        assert_eq!(list("] x"), found(None, Some(1)));
        assert_eq!(list("{\"a\":[]},{"), found(Some(8), None));
        assert_eq!(list("1, -2.5e3 ]"), found(Some(9), Some(11)));
        assert_eq!(list("\"x\",\"y"), found(Some(3), None));
        assert_eq!(list("12"), found(None, None));
    }

    #[test]
    fn what_is_misplaced_between_items_is_told() {
        for (text, at) in [
            (",", 0),
            ("1,,", 2),
            ("1,]", 2),
            ("{}{", 2),
            ("1 2", 2),
            ("}", 0),
            ("1\"a\"", 1),
        ] {
            assert_eq!(list(text).unwrap_err().at, at, "{text}");
        }
        assert_eq!(
            Items::in_sequence().run(b"{} {}").unwrap().item_end,
            Some(5)
        );
        assert_eq!(Items::in_sequence().run(b"{},{}").unwrap_err().at, 2);
    }
}
