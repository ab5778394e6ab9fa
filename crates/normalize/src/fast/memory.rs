//! What one thread of the fast path remembers between rows: predictions, and where columns are.
//!
//! Plans are shared and cannot change, so what a thread learns while it walks lives here. Start with [`Memory`] and
//! [`Slate`].

use super::plan::{NONE, Plan};
use crate::builders::Datum;
use crate::tables::{Mark, Tables};

/// Predictions of one thread.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// First key of each node when it was last met.
    pub first: Vec<u32>,
    /// Key that followed each key last time.
    pub next: Vec<u32>,
    /// Number of the object in which each key was met last.
    pub met: Vec<u64>,
    /// Number of the last object.
    pub serial: u64,
    /// Text without escapes, or made from other values.
    pub text: String,
    /// Variant slots that took a value in the present row.
    pub variants: Vec<u32>,
}

impl Memory {
    /// Makes room for what `plan` knows; predictions stay.
    pub fn fit(&mut self, plan: &Plan) {
        self.first.resize(plan.nodes.len(), NONE);
        self.next.resize(plan.keys.len(), NONE);
        self.met.resize(plan.keys.len(), 0);
    }

    /// The number of a new object.
    #[inline]
    pub fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// Tables being written, with the places of the plan's columns in them.
#[derive(Debug)]
pub(crate) struct Slate {
    /// The rows.
    pub tables: Tables,
    /// Places of the plan's tables.
    table_places: Vec<u32>,
    /// Places of the plan's slots in their tables.
    column_places: Vec<u32>,
    mark: Mark,
}

impl Slate {
    /// No rows; ids have `id_bytes` bytes.
    pub fn new(id_bytes: usize) -> Self {
        Slate {
            tables: Tables::new(id_bytes),
            table_places: Vec::new(),
            column_places: Vec::new(),
            mark: Mark::default(),
        }
    }

    /// Forgets places: they belong to another plan.
    pub fn fit(&mut self, plan: &Plan) {
        self.table_places.clear();
        self.table_places.resize(plan.tables.len(), NONE);
        self.column_places.clear();
        self.column_places.resize(plan.slots.len(), NONE);
    }

    /// Remembers the present state for [`Slate::take_back`].
    pub fn set_mark(&mut self) {
        self.tables.mark_into(&mut self.mark);
    }

    /// Takes back all rows since the mark was set.
    pub fn take_back(&mut self) {
        self.tables.truncate_to(&self.mark);
    }

    /// Place of a table of the plan.
    #[inline]
    pub fn table_place(&mut self, plan: &Plan, table: u32) -> u32 {
        match self.table_places[table as usize] {
            NONE => self.place_table(plan, table),
            place => place,
        }
    }

    #[cold]
    fn place_table(&mut self, plan: &Plan, table: u32) -> u32 {
        let place = self.tables.table_index(&plan.tables[table as usize].name);
        self.table_places[table as usize] = place;
        place
    }

    /// Sets the column of `slot` in the open row `row` of the table at `table`; false when it is set already.
    #[inline]
    pub fn set(&mut self, plan: &Plan, slot: u32, table: u32, row: u32, datum: &Datum<'_>) -> bool {
        let column = match self.column_places[slot as usize] {
            NONE => self.place_column(plan, slot, table),
            place => place,
        };
        if self.tables.table(table).column(column).len() > row as usize {
            return false;
        }
        self.tables.push(table, column, datum);
        true
    }

    /// True when the column of `slot` is set in the open row.
    #[inline]
    pub fn is_set(&self, slot: u32, table: u32, row: u32) -> bool {
        let place = self.column_places[slot as usize];
        place != NONE && self.tables.table(table).column(place).len() > row as usize
    }

    #[cold]
    fn place_column(&mut self, plan: &Plan, slot: u32, table: u32) -> u32 {
        let known = &plan.slots[slot as usize];
        let place = self.tables.table_mut(table).column_index(&known.name, known.column_type);
        self.column_places[slot as usize] = place;
        place
    }
}
