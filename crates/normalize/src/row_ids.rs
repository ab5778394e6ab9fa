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
    /// `width` bytes per row, up to the last row whose id was made.
    made: Vec<u8>,
    /// Rows whose id is not made yet.
    pending_count: usize,
    given: AHashMap<u32, Box<str>>,
}

impl RowIds {
    /// No rows; an id has `id_bytes` bytes before it is printed in base64 without padding.
    pub fn new(id_bytes: usize) -> Self {
        let width = (id_bytes * 4).div_ceil(3);
        RowIds {
            width,
            states: Vec::new(),
            made: Vec::new(),
            pending_count: 0,
            given: AHashMap::new(),
        }
    }

    /// Adds a row whose id is made later.
    pub fn push_pending(&mut self) {
        self.states.push(State::Pending);
        self.pending_count += 1;
    }

    /// True when the id of some row is not made yet.
    pub fn has_pending(&self) -> bool {
        self.pending_count > 0
    }

    /// True when there is no row whose id is known.
    pub fn are_all_pending(&self) -> bool {
        self.pending_count == self.states.len()
    }

    /// True when all ids were made and lie in [`RowIds::made`].
    pub fn are_all_made(&self) -> bool {
        self.pending_count == 0 && self.given.is_empty()
    }

    /// All ids, one after the other, when [`RowIds::are_all_made`].
    pub fn made(&self) -> &[u8] {
        &self.made
    }

    /// Characters of an id that is made.
    pub fn width(&self) -> usize {
        self.width
    }

    /// True when the id of `row` is not made yet.
    pub fn is_pending(&self, row: usize) -> bool {
        self.states[row] == State::Pending
    }

    /// Sets the id of `row` from its bytes.
    pub fn set_bytes(&mut self, row: usize, bytes: &[u8]) {
        let text = STANDARD_NO_PAD.encode(bytes);
        if text.len() == self.width {
            self.set_made(row, text.as_bytes());
        } else {
            // Of another length than the others, hence kept aside.
            self.set_text(row, &text);
        }
    }

    /// Sets the id of `row` to a text of the usual length.
    pub fn set_made(&mut self, row: usize, id: &[u8]) {
        let end = (row + 1) * self.width;
        if self.made.len() < end {
            self.made.resize(end, 0);
        }
        self.made[end - self.width..end].copy_from_slice(id);
        self.set_state(row, State::Made);
    }

    /// Sets all ids at once; none was known before.
    pub fn set_all(&mut self, made: Vec<u8>) {
        self.made = made;
        self.states.fill(State::Made);
        self.pending_count = 0;
    }

    /// Sets the id of `row` to a text of the data.
    pub fn set_text(&mut self, row: usize, text: &str) {
        self.set_state(row, State::Given);
        self.given.insert(row as u32, text.into());
    }

    fn set_state(&mut self, row: usize, state: State) {
        self.pending_count -= usize::from(self.states[row] == State::Pending);
        self.states[row] = state;
    }

    /// The id of `row`; empty while it is pending.
    pub fn id(&self, row: usize) -> &str {
        std::str::from_utf8(self.id_bytes(row)).unwrap_or("")
    }

    /// The text of the id of `row`; empty while it is pending.
    #[inline]
    pub fn id_bytes(&self, row: usize) -> &[u8] {
        match self.states[row] {
            State::Made => &self.made[row * self.width..(row + 1) * self.width],
            State::Pending => &[],
            State::Given => self
                .given
                .get(&(row as u32))
                .map_or(&[], |text| text.as_bytes()),
        }
    }

    /// Forgets all rows from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        if rows < self.states.len() {
            let forgotten = self.states.drain(rows..);
            self.pending_count -= forgotten.filter(|state| *state == State::Pending).count();
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
        assert_eq!(
            (ids.id(0), ids.id(1), ids.id(2)),
            ("AAAAAAAAAAAAAA", "", "mine")
        );
        assert!(ids.is_pending(1));
        ids.truncate(2);
        ids.push_pending();
        assert!(ids.is_pending(2));
    }
}
