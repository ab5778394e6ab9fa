//! Ids of the rows of one table in the batch that is being made.
//!
//! Most ids are made for a whole column at once when the batch is finished (see `identity`). Three kinds are known
//! earlier: ids that came with the data, hashes of a key or a row, and ids that a later value of the same item needed.
//! Ids made here have one length, so they lie side by side. Start with [`RowIds::id`].

use ahash::AHashMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How the id of a row is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not yet.
    Pending,
    /// In the common buffer.
    Made,
    /// Text of the data.
    Given,
}

/// Ids of the rows of one table.
#[derive(Debug)]
pub struct RowIds {
    /// Characters of an id that is made.
    width: usize,
    states: Vec<State>,
    /// `width` bytes per row.
    made: Vec<u8>,
    given: AHashMap<u32, Box<str>>,
}

impl RowIds {
    /// No rows; an id has `id_bytes` bytes before it is printed in base64 without padding.
    pub fn new(id_bytes: usize) -> Self {
        let width = (id_bytes * 4).div_ceil(3);
        RowIds { width, states: Vec::new(), made: Vec::new(), given: AHashMap::new() }
    }

    /// Adds a row whose id is made later.
    pub fn push_pending(&mut self) {
        self.states.push(State::Pending);
        self.made.resize(self.made.len() + self.width, 0);
    }

    /// True when the id of `row` is not made yet.
    pub fn is_pending(&self, row: usize) -> bool {
        self.states[row] == State::Pending
    }

    /// Sets the id of `row` from its bytes.
    pub fn set_bytes(&mut self, row: usize, bytes: &[u8]) {
        let place = row * self.width..(row + 1) * self.width;
        match STANDARD_NO_PAD.encode_slice(bytes, &mut self.made[place]) {
            Ok(written) if written == self.width => self.states[row] = State::Made,
            // Of another length than the others, hence kept aside.
            _ => self.set_text(row, &STANDARD_NO_PAD.encode(bytes)),
        }
    }

    /// Sets the id of `row` to a text of the data.
    pub fn set_text(&mut self, row: usize, text: &str) {
        self.states[row] = State::Given;
        self.given.insert(row as u32, text.into());
    }

    /// The id of `row`; empty while it is pending.
    pub fn id(&self, row: usize) -> &str {
        match self.states[row] {
            State::Pending => "",
            State::Given => self.given.get(&(row as u32)).map_or("", |text| text),
            State::Made => {
                let bytes = &self.made[row * self.width..(row + 1) * self.width];
                std::str::from_utf8(bytes).unwrap_or("")
            }
        }
    }

    /// Forgets all rows from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        if rows < self.states.len() {
            self.states.truncate(rows);
            self.made.truncate(rows * self.width);
            self.given.retain(|row, _| (*row as usize) < rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_and_given_ids_stand_side_by_side() {
        let mut ids = RowIds::new(10);
        (0..3).for_each(|_| ids.push_pending());
        ids.set_bytes(0, &[0; 10]);
        ids.set_text(2, "mine");
        assert_eq!((ids.id(0), ids.id(1), ids.id(2)), ("AAAAAAAAAAAAAA", "", "mine"));
        assert!(ids.is_pending(1));
        ids.truncate(2);
        ids.push_pending();
        assert!(ids.is_pending(2));
    }
}
