//! What contracts and filters kept out, counted by table and column.
//!
//! Dropping data is what the user asked for, and still the first question afterwards is how much. Start with
//! [`Rejected`].

use indexmap::IndexMap;

/// Why a row or value was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Its table is new and the contract on `tables` refuses new ones.
    Table,
    /// It has a new column, or a value of another type, that the contract refuses.
    Column,
}

/// Counts of dropped rows and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Rows by table and reason; rows below a dropped row are not counted, nobody has looked at them.
    pub rows: IndexMap<(String, Reason), u64>,
    /// Values by table and column.
    pub values: IndexMap<(String, String), u64>,
}

impl Rejected {
    /// True when nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.values.is_empty()
    }

    /// Counts a row.
    pub(crate) fn add_row(&mut self, table: &str, reason: Reason) {
        *self.rows.entry((table.to_owned(), reason)).or_default() += 1;
    }

    /// Counts a value.
    pub(crate) fn add_value(&mut self, table: &str, column: &str) {
        *self
            .values
            .entry((table.to_owned(), column.to_owned()))
            .or_default() += 1;
    }
}
