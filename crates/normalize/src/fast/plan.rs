//! What the fast path knows: a picture of the keys, columns and lists that the reference has met.
//!
//! A plan follows from the reference's own look-up tables. It only grows, and what is in it keeps its place, so a thread
//! with an older plan and one with a newer understand each other's rows. A plan errs on one side only: whatever it does not
//! say for certain (names that clash, a column that must not be null) is left to the reference. A plan that is out of
//! date is still right, because new keys and columns do not change what known ones mean. Start with [`Plan`].

use std::sync::Arc;

use ahash::AHashMap;
use tipple_json::text::write_string;
use tipple_schema::DataType;

use crate::builders::ColumnType;
use crate::zone::Zone;

/// Index that stands for nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// All that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Positions in rows at which keys are found.
    pub nodes: Vec<Node>,
    /// Keys of all nodes.
    pub keys: Vec<Key>,
    /// Lists, each reached by one key of one node.
    pub lists: Vec<List>,
    /// Tables of rows.
    pub tables: Vec<Table>,
    /// Root tables by the name that items are pushed for.
    pub roots: AHashMap<String, Root>,
    /// Time zone of naive times.
    pub zone: Zone,
    /// Number of slots in all tables.
    pub slot_count: usize,
    /// Grows each time that the plan is brought up to date.
    pub version: u64,
}

/// A position in a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// Keys as they are meant, without escapes.
    pub keys: AHashMap<Arc<str>, u32>,
}

/// A key at a node.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// How the key is written.
    pub text: KeyText,
    /// Where its scalar values go, in the table of the row.
    pub slot: u32,
    /// Node of the members when the value is an object; [`NONE`] when only an empty one is known.
    pub child: u32,
    /// The list when the value is one; [`NONE`] when only an empty one is known.
    pub list: u32,
}

/// A key in JSON text: quote, key, quote, colon.
#[derive(Debug, Clone)]
pub(crate) struct KeyText {
    text: Arc<[u8]>,
    /// The first bytes of it, and which bits of them count.
    head: u128,
    mask: u128,
}

impl KeyText {
    /// The usual way to write `key`.
    pub fn new(key: &str) -> Self {
        let mut text = String::with_capacity(key.len() + 3);
        write_string(key, &mut text);
        text.push(':');
        let length = text.len().min(16);
        let mut head = [0; 16];
        head[..length].copy_from_slice(&text.as_bytes()[..length]);
        KeyText {
            head: u128::from_le_bytes(head),
            mask: if length == 16 {
                u128::MAX
            } else {
                (1 << (8 * length)) - 1
            },
            text: text.into_bytes().into(),
        }
    }

    /// Length of the text when `bytes` begin with it.
    #[inline]
    pub fn starts(&self, bytes: &[u8]) -> Option<usize> {
        let length = self.text.len();
        let is_it = match bytes.first_chunk::<16>() {
            // Comparing a word is quicker than a loop, and nearly all keys fit one.
            Some(head) => {
                (u128::from_le_bytes(*head) ^ self.head) & self.mask == 0
                    && (length <= 16 || bytes[16..].starts_with(&self.text[16..]))
            }
            None => bytes.starts_with(&self.text),
        };
        is_it.then_some(length)
    }
}

/// Where the elements of a list go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    /// Table of the rows; [`NONE`] when the reference must make them.
    pub table: u32,
    /// Node of the elements.
    pub node: u32,
    /// Slot of elements that are no objects.
    pub value_slot: u32,
    /// The list of elements that are lists; [`NONE`] when there was none yet.
    pub inner: u32,
}

impl List {
    /// A list for the reference.
    pub const ASK: List = List {
        table: NONE,
        node: NONE,
        value_slot: NONE,
        inner: NONE,
    };
}

/// What happens to values at a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The reference decides.
    Ask,
    /// There is no column yet; only nulls are known.
    Absent,
    /// Values are made to fit the column of this type.
    Fit(DataType),
}

/// A place for values of one column.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Name of the column.
    pub name: Arc<str>,
    /// Keys that lead here.
    pub key_count: u32,
    /// What is done with values.
    pub action: Action,
    /// True when null may be passed over.
    pub takes_null: bool,
    /// Form of the values; plain when there is no column.
    pub column_type: ColumnType,
    /// Slots that take values of a kind that does not fit here, and that took one in this load.
    pub variants: Vec<(DataType, u32)>,
}

impl Slot {
    /// A slot of which only the name is known.
    pub fn new(name: &str) -> Self {
        Slot {
            name: name.into(),
            key_count: 0,
            action: Action::Ask,
            takes_null: false,
            column_type: ColumnType::plain(DataType::Text),
            variants: Vec::new(),
        }
    }
}

/// A table of rows.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Normalized name.
    pub name: Arc<str>,
    /// Column that repeats the id of the root row, in rows below a root that hands its id down.
    pub root_column: Option<Arc<str>>,
    /// Places for values.
    pub slots: Vec<Slot>,
}

/// A root table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root {
    /// Table of the rows; [`NONE`] when the reference must make them.
    pub table: u32,
    /// Node of the items.
    pub node: u32,
    /// Levels that are dissolved.
    pub level: i64,
    /// True when rows below repeat the id of the root row.
    pub hands_down_id: bool,
}

impl Plan {
    /// A slot of a table.
    #[inline]
    pub fn slot(&self, table: u32, slot: u32) -> &Slot {
        &self.tables[table as usize].slots[slot as usize]
    }

    /// A slot of a table, to change.
    pub fn slot_mut(&mut self, table: u32, slot: u32) -> &mut Slot {
        &mut self.tables[table as usize].slots[slot as usize]
    }

    /// Number of things known: what it costs to bring the plan up to date.
    pub fn size(&self) -> usize {
        self.keys.len() + self.slot_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognized_by_its_whole_text() {
        for key in [
            "",
            "a",
            "id",
            "thirteen_char",
            "fourteen_chars",
            "a_key_that_is_quite_long",
            "q\"é",
        ] {
            let text = KeyText::new(key);
            let json = format!("{}:", serde_json::Value::from(key));
            for rest in ["", " 1", "1,\"and a lot of text behind it\":2}"] {
                assert_eq!(
                    text.starts(format!("{json}{rest}").as_bytes()),
                    Some(json.len())
                );
            }
            assert_eq!(text.starts(b"\"another key\":1,\"and more\":2"), None);
            assert_eq!(text.starts(&json.as_bytes()[..json.len() - 1]), None);
        }
    }
}
