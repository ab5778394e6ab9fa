//! What one thread of the fast path remembers between rows: predictions, and where columns are.
//!
//! Plans are shared and cannot change, so what a thread learns while it walks lives here. Start with [`Memory`] and
//! [`Slate`].

use super::plan::{NONE, Plan};
use crate::builders::ColumnBuilder;
use crate::tables::{Mark, RowRef, Tables};

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
    /// Version of the plan that was met last.
    version: u64,
    /// Text without escapes, or made from other values.
    pub text: String,
    /// Variant slots that took a value in the present item: table, slot.
    pub variants: Vec<(u32, u32)>,
}

impl Memory {
    /// Makes room for what `plan` knows; predictions stay.
    #[inline]
    pub fn fit(&mut self, plan: &Plan) {
        if self.version != plan.version {
            self.grow(plan);
        }
    }

    #[cold]
    fn grow(&mut self, plan: &Plan) {
        self.version = plan.version;
        self.first
            .resize(plan.nodes.len().max(self.first.len()), NONE);
        self.next.resize(plan.keys.len().max(self.next.len()), NONE);
        self.met.resize(plan.keys.len().max(self.met.len()), 0);
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
    places: Vec<Place>,
    mark: Mark,
    /// Version of the plan that was met last.
    version: u64,
}

/// Where a table of the plan is.
#[derive(Debug)]
struct Place {
    table: u32,
    /// Places of the columns of the plan's slots.
    columns: Vec<u32>,
}

impl Slate {
    /// No rows; ids have `id_bytes` bytes.
    pub fn new(id_bytes: usize) -> Self {
        Slate {
            tables: Tables::new(id_bytes),
            places: Vec::new(),
            mark: Mark::default(),
            version: 0,
        }
    }

    /// Makes room for what `plan` knows; known places stay.
    #[inline]
    pub fn fit(&mut self, plan: &Plan) {
        if self.version != plan.version {
            self.grow(plan);
        }
    }

    #[cold]
    fn grow(&mut self, plan: &Plan) {
        self.version = plan.version;
        for (index, table) in plan.tables.iter().enumerate() {
            if self.places.len() == index {
                self.places.push(Place {
                    table: NONE,
                    columns: Vec::new(),
                });
            }
            let columns = &mut self.places[index].columns;
            // A slate may have met a newer plan.
            columns.resize(columns.len().max(table.slots.len()), NONE);
        }
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
        match self.places[table as usize].table {
            NONE => self.place_table(plan, table),
            place => place,
        }
    }

    #[cold]
    fn place_table(&mut self, plan: &Plan, table: u32) -> u32 {
        let place = self.tables.table_index(&plan.tables[table as usize].name);
        self.places[table as usize].table = place;
        place
    }

    /// The column of `slot` in the row that is open at `at`, of the plan's table `table`, with the table's builder;
    /// `None` when it is set already.
    #[inline]
    pub fn column(
        &mut self,
        plan: &Plan,
        table: u32,
        slot: u32,
        at: RowRef,
    ) -> Option<&mut ColumnBuilder> {
        let column = match self.places[table as usize].columns[slot as usize] {
            NONE => self.place_column(plan, table, slot, at.table),
            place => place,
        };
        let (column, row) = self.tables.table_mut(at.table).open_column(column);
        (column.len() <= row).then_some(column)
    }

    /// True when the column of `slot` is set in the open row.
    #[inline]
    pub fn is_set(&self, table: u32, slot: u32, at: RowRef) -> bool {
        let place = self.places[table as usize].columns[slot as usize];
        place != NONE && self.tables.table(at.table).column(place).len() > at.row as usize
    }

    #[cold]
    fn place_column(&mut self, plan: &Plan, table: u32, slot: u32, at: u32) -> u32 {
        let known = plan.slot(table, slot);
        let place = self
            .tables
            .table_mut(at)
            .column_index(&known.name, known.column_type);
        self.places[table as usize].columns[slot as usize] = place;
        place
    }
}
