//! From the text of one item straight to rows, as long as there is no surprise.
//!
//! Machine-made JSON repeats its keys in the same order. At each key the one that followed last time is expected and
//! compared as bytes; only when it is another one is the key looked up. Values go from text into columns, rows of lists
//! are written as they are met, and no tree is built. Anything unknown is a [`Surprise`]: the caller takes back the row
//! and gives it to the reference. Start with [`Walker::item`].

use tipple_json::{JsonError, Kind, Scanner};

use super::memory::{Memory, Slate};
use super::plan::{Action, List, NONE, Plan};
use crate::tables::{Links, RowRef};

/// The row is one for the reference; what was written of it must be taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surprise;

impl From<JsonError> for Surprise {
    // The reference meets the same error and reports it.
    #[cold]
    fn from(_: JsonError) -> Self {
        Surprise
    }
}

/// The row that is being written.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenRow {
    /// The table as the plan counts.
    pub table: u32,
    /// The row as the slate counts.
    pub at: RowRef,
    /// The row whose id rows below repeat; [`RowRef::NONE`] when they do not.
    root: RowRef,
    /// Level of the row itself, of which lists in it count down.
    level: i64,
    /// Objects and lists around the row.
    depth: usize,
}

/// A walk over one item.
pub(crate) struct Walker<'a, 't> {
    pub(super) plan: &'a Plan,
    pub(super) memory: &'a mut Memory,
    pub(super) slate: &'a mut Slate,
    pub(super) scanner: Scanner<'t>,
}

impl<'a, 't> Walker<'a, 't> {
    /// A walk over the item at which `scanner` stands.
    pub fn new(
        plan: &'a Plan,
        memory: &'a mut Memory,
        slate: &'a mut Slate,
        scanner: Scanner<'t>,
    ) -> Self {
        Walker {
            plan,
            memory,
            slate,
            scanner,
        }
    }

    /// Writes the rows of the item, and gives the offset behind it.
    pub fn item(mut self, root_table: &str) -> Result<usize, Surprise> {
        let root = *self.plan.roots.get(root_table).ok_or(Surprise)?;
        if root.table == NONE || self.scanner.peek() != Some(b'{') {
            return Err(Surprise);
        }
        let table = self.slate.table_place(self.plan, root.table);
        let at = self.slate.tables.next_row(table);
        let handed = if root.hands_down_id { at } else { RowRef::NONE };
        let row = OpenRow {
            table: root.table,
            at,
            root: handed,
            level: root.level,
            depth: 0,
        };
        self.object(&row, root.node, root.level, 1)?;
        self.slate.tables.end_row(table, Links::ROOT);
        Ok(self.scanner.at())
    }

    /// The members of the object at which the scanner stands.
    fn object(
        &mut self,
        row: &OpenRow,
        node: u32,
        level: i64,
        depth: usize,
    ) -> Result<(), Surprise> {
        if !self.scanner.opens(b'}') {
            return Ok(());
        }
        let serial = self.memory.next_serial();
        let mut before = NONE;
        loop {
            let key = self.key(node, before)?;
            let met = &mut self.memory.met[key as usize];
            if *met == serial {
                return Err(Surprise);
            }
            *met = serial;
            self.member(row, key, level, depth)?;
            before = key;
            if !self.scanner.has_more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Steps over a key; the one that is expected after the key `before` is found without looking it up.
    #[inline]
    fn key(&mut self, node: u32, before: u32) -> Result<u32, Surprise> {
        let expected = if before == NONE {
            self.memory.first[node as usize]
        } else {
            self.memory.next[before as usize]
        };
        if expected != NONE {
            if self.eats(expected) {
                return Ok(expected);
            }
            // The commonest difference: the expected key is absent from this object.
            let second = self.memory.next[expected as usize];
            if second != NONE && self.eats(second) {
                return Ok(second);
            }
        }
        self.look_up(node, before)
    }

    /// Steps over `key` if it comes next in the usual way of writing.
    #[inline]
    fn eats(&mut self, key: u32) -> bool {
        let rest = &self.scanner.text().as_bytes()[self.scanner.at()..];
        match self.plan.keys[key as usize].text.starts(rest) {
            Some(length) => {
                self.scanner.skip(length);
                self.scanner.skip_blanks();
                true
            }
            None => false,
        }
    }

    #[inline(never)]
    fn look_up(&mut self, node: u32, before: u32) -> Result<u32, Surprise> {
        let raw = self.scanner.key()?;
        let known = &self.plan.nodes[node as usize].keys;
        let key = if raw.has_escapes() {
            known.get(raw.unescape().as_ref())
        } else {
            known.get(raw.raw())
        };
        let key = *key.ok_or(Surprise)?;
        if before == NONE {
            self.memory.first[node as usize] = key;
        } else {
            self.memory.next[before as usize] = key;
        }
        Ok(key)
    }

    #[inline]
    fn member(
        &mut self,
        row: &OpenRow,
        key: u32,
        level: i64,
        depth: usize,
    ) -> Result<(), Surprise> {
        let plan = self.plan;
        let key = &plan.keys[key as usize];
        match self.scanner.kind()? {
            Kind::Object if self.is_dissolved(row.table, key.slot, level)? => match key.child {
                NONE => self.empty(b'}'),
                child => self.object(row, child, level - 1, depth + 1),
            },
            Kind::List if self.is_dissolved(row.table, key.slot, level)? => match key.list {
                NONE => self.empty(b']'),
                list => self.list(row, list, row.level - 1, depth + 1),
            },
            Kind::Object | Kind::List => self.whole(row, key.slot, depth),
            kind => self.scalar(row, key.slot, kind),
        }
    }

    /// True when an object or list becomes columns or rows; false when it stays one value.
    #[inline]
    fn is_dissolved(&self, table: u32, slot: u32, level: i64) -> Result<bool, Surprise> {
        match self.plan.slot(table, slot).action {
            Action::Ask => Err(Surprise),
            Action::Fit(tipple_schema::DataType::Json) => Ok(false),
            _ if level <= 0 => Err(Surprise),
            _ => Ok(true),
        }
    }

    /// An object or list of which nothing is known may only be empty.
    fn empty(&mut self, end: u8) -> Result<(), Surprise> {
        if self.scanner.opens(end) {
            Err(Surprise)
        } else {
            Ok(())
        }
    }

    /// The elements of the list at which the scanner stands, each a row.
    fn list(
        &mut self,
        parent: &OpenRow,
        list: u32,
        level: i64,
        depth: usize,
    ) -> Result<(), Surprise> {
        if !self.scanner.opens(b']') {
            return Ok(());
        }
        let list = self.plan.lists[list as usize];
        if list.table == NONE {
            return Err(Surprise);
        }
        let table = self.slate.table_place(self.plan, list.table);
        self.name_root_column(parent, &list, table)?;
        let mut list_index = 0;
        loop {
            let at = self.slate.tables.next_row(table);
            let row = OpenRow {
                table: list.table,
                at,
                root: parent.root,
                level,
                depth,
            };
            self.element(&row, &list)?;
            self.slate.tables.end_row(
                table,
                Links {
                    parent: parent.at,
                    list_index,
                    root: parent.root,
                    has_load_id: false,
                    has_row_id: true,
                    has_parent_id: true,
                    has_list_index: true,
                },
            );
            list_index += 1;
            if !self.scanner.has_more(b']')? {
                return Ok(());
            }
        }
    }

    fn name_root_column(
        &mut self,
        parent: &OpenRow,
        list: &List,
        table: u32,
    ) -> Result<(), Surprise> {
        if !parent.root.is_some() {
            return Ok(());
        }
        let name = self.plan.tables[list.table as usize]
            .root_column
            .as_ref()
            .ok_or(Surprise)?;
        let is_named = self.slate.tables.table_mut(table).set_root_column(name);
        if is_named { Ok(()) } else { Err(Surprise) }
    }

    #[inline]
    fn element(&mut self, row: &OpenRow, list: &List) -> Result<(), Surprise> {
        match self.scanner.kind()? {
            Kind::Object => self.object(row, list.node, row.level, row.depth + 1),
            Kind::List => self.inner_list(row, list),
            kind => self.scalar(row, list.value_slot, kind),
        }
    }

    /// An element that is itself a list: a row that holds nothing but the list.
    fn inner_list(&mut self, row: &OpenRow, list: &List) -> Result<(), Surprise> {
        let level = row.level - 1;
        if list.inner == NONE || level <= 0 {
            return Err(Surprise);
        }
        let row = OpenRow { level, ..*row };
        self.list(&row, list.inner, level - 1, row.depth + 1)
    }
}
