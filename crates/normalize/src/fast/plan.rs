//! What the fast path knows: an immutable picture of the keys, columns and lists that the reference has met.
//!
//! A plan is made from the reference's own look-up tables and never changes, so any number of threads may use it while
//! the reference goes on. It errs on one side only: whatever it does not know for certain (another type of key, names
//! that clash, a column that must not be null) it leaves to the reference. A plan that is out of date is still right,
//! because new keys and columns do not change what known ones mean. Start with [`Plan`].

use ahash::AHashMap;
use tipple_schema::DataType;

use crate::builders::ColumnType;
use crate::zone::Zone;

/// Index that stands for nothing.
pub(crate) const NONE: u32 = u32::MAX;

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Positions in rows at which keys are found.
    pub nodes: Vec<Node>,
    /// Keys of all nodes.
    pub keys: Vec<Key>,
    /// Lists, each reached by one key of one node.
    pub lists: Vec<List>,
    /// Places for values, all tables in one sequence.
    pub slots: Vec<Slot>,
    /// Tables of rows.
    pub tables: Vec<Table>,
    /// Root tables by the name that items are pushed for.
    pub roots: AHashMap<String, Root>,
    /// Time zone of naive times.
    pub zone: Zone,
}

/// A position in a row.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Keys as they are meant, without escapes.
    pub keys: AHashMap<Box<str>, u32>,
}

/// A key at a node.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key as text: quote, key, quote, colon.
    pub text: Box<[u8]>,
    /// Where its scalar values go.
    pub slot: u32,
    /// Node of the members when the value is an object; [`NONE`] when there was none yet.
    pub child: u32,
    /// The list when the value is one; [`NONE`] when there was none yet.
    pub list: u32,
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
#[derive(Debug)]
pub(crate) struct Slot {
    /// What is done with values.
    pub action: Action,
    /// True when null may be passed over.
    pub takes_null: bool,
    /// Table of the column.
    pub table: u32,
    /// Place among the slots of the table.
    pub index: u32,
    /// Form of the values; plain when there is no column.
    pub column_type: ColumnType,
    /// Name of the column.
    pub name: Box<str>,
    /// Slots that take values of a kind that does not fit here, and that took one in this load.
    pub variants: Vec<(DataType, u32)>,
}

/// A table of rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// Normalized name.
    pub name: Box<str>,
    /// Column that repeats the id of the root row, in rows below a root that hands its id down.
    pub root_column: Option<Box<str>>,
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
    /// Number of things known: what it costs to make the plan.
    pub fn size(&self) -> usize {
        self.keys.len() + self.slots.len()
    }
}
