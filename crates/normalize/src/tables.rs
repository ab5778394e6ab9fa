//! The rows that wait to become a batch: columns of data, and links between rows instead of ids.
//!
//! Both normalisers write here. Ids are not stored per row: a row knows its parent, its place in the list and its root,
//! and the ids are made for whole columns when the batch is finished. Whatever a normaliser has written since a
//! [`Mark`] can be taken back. Start with [`Tables`].

use ahash::AHashMap;

use crate::builders::{ColumnBuilder, ColumnType, Datum};
use crate::row_ids::RowIds;

/// A row of the batch that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowRef {
    /// Index of the table in [`Tables`].
    pub table: u32,
    /// Row of the batch.
    pub row: u32,
}

impl RowRef {
    /// Stands for no row.
    pub const NONE: RowRef = RowRef {
        table: u32::MAX,
        row: u32::MAX,
    };

    /// True when this is a row.
    pub fn is_some(self) -> bool {
        self != RowRef::NONE
    }
}

/// What the system columns of a row are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Links {
    /// The row that held the list; [`RowRef::NONE`] for rows that are no elements of a child table.
    pub parent: RowRef,
    /// Position in the list.
    pub list_index: u32,
    /// The row whose id the root column repeats; [`RowRef::NONE`] when it is not propagated.
    pub root: RowRef,
    /// True when `_dlt_load_id` is filled; the other flags likewise. A row may have a value of its own instead.
    pub has_load_id: bool,
    /// For `_dlt_id`.
    pub has_row_id: bool,
    /// For `_dlt_parent_id`.
    pub has_parent_id: bool,
    /// For `_dlt_list_idx`.
    pub has_list_index: bool,
}

impl Links {
    /// A row without any system column.
    pub const NONE: Links = Links {
        parent: RowRef::NONE,
        list_index: 0,
        root: RowRef::NONE,
        has_load_id: false,
        has_row_id: false,
        has_parent_id: false,
        has_list_index: false,
    };

    /// A root row with a load id and an id.
    pub const ROOT: Links = Links {
        has_load_id: true,
        has_row_id: true,
        ..Links::NONE
    };
}

/// One table in the making.
#[derive(Debug)]
pub struct TableBuilder {
    /// Normalized name.
    pub name: String,
    columns: Vec<ColumnBuilder>,
    column_names: Vec<String>,
    by_name: AHashMap<String, u32>,
    /// Columns with a value in this batch, in the order in which they were touched.
    touched: Vec<u32>,
    /// Column that repeats the id of a row above, usually `_dlt_root_id`.
    root_column: Option<String>,
    /// One entry per row.
    links: Vec<Links>,
    /// Ids that are known already; the others are made when the batch is finished.
    pub ids: RowIds,
    /// Sum of the widths of the touched columns.
    touched_width: usize,
    /// Bytes of all rows.
    bytes: usize,
}

impl TableBuilder {
    fn new(name: &str, id_bytes: usize) -> Self {
        TableBuilder {
            name: name.to_owned(),
            columns: Vec::new(),
            column_names: Vec::new(),
            by_name: AHashMap::new(),
            touched: Vec::new(),
            root_column: None,
            links: Vec::new(),
            ids: RowIds::new(id_bytes),
            touched_width: 0,
            bytes: 0,
        }
    }

    /// Rows of the batch so far.
    pub fn row_count(&self) -> usize {
        self.links.len()
    }

    /// Links of all rows.
    pub fn links(&self) -> &[Links] {
        &self.links
    }

    /// Links and ids of all rows, the ids to change.
    pub fn links_and_ids(&mut self) -> (&[Links], &mut RowIds) {
        (&self.links, &mut self.ids)
    }

    /// Index of the column `name`, which is added when it is new.
    pub fn column_index(&mut self, name: &str, column_type: ColumnType) -> u32 {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.columns.len() as u32;
        self.columns.push(ColumnBuilder::new(column_type));
        self.column_names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), index);
        index
    }

    /// Index of the column `name`, if the table has it.
    pub fn find_column(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Name of a column.
    pub fn column_name(&self, index: u32) -> &str {
        &self.column_names[index as usize]
    }

    /// A column.
    pub fn column(&self, index: u32) -> &ColumnBuilder {
        &self.columns[index as usize]
    }

    /// Columns with a value in this batch, in the order in which they were touched.
    pub fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// Number of columns that had a value in this load.
    pub fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// Name of the column that is filled from [`Links::root`].
    pub fn root_column(&self) -> Option<&str> {
        self.root_column.as_deref()
    }

    /// Names the column that is filled from [`Links::root`]; false when it is another one already.
    pub fn set_root_column(&mut self, name: &str) -> bool {
        self.root_column.get_or_insert_with(|| name.to_owned()) == name
    }

    /// The column as an array of all rows of the batch, empty afterwards.
    pub fn finish_column(&mut self, index: u32) -> arrow_array::ArrayRef {
        let rows = self.links.len();
        self.columns[index as usize].finish(rows)
    }

    /// Counts bytes that were added to a column beside its fixed width.
    #[inline]
    pub fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The column to be set in the row that is being written, with the row.
    #[inline]
    pub fn open_column(&mut self, index: u32) -> (&mut ColumnBuilder, usize) {
        let row = self.links.len();
        if self.columns[index as usize].is_empty() {
            self.touch(index, row);
        }
        (&mut self.columns[index as usize], row)
    }

    #[cold]
    fn touch(&mut self, index: u32, row: usize) {
        let width = self.columns[index as usize].column_type().width();
        self.touched.push(index);
        self.touched_width += width;
        // The rows before get a null each.
        self.bytes += width * row;
    }

    fn truncate(&mut self, (rows, touched_count, bytes): (usize, usize, usize)) {
        self.bytes = bytes;
        for index in self.touched.drain(touched_count..) {
            let column = &mut self.columns[index as usize];
            column.truncate(0);
            self.touched_width -= column.column_type().width();
        }
        for index in &self.touched {
            self.columns[*index as usize].truncate(rows);
        }
        self.links.truncate(rows);
        self.ids.truncate(rows);
    }

    fn clear(&mut self) {
        self.truncate((0, 0, 0));
    }
}

/// A state of the tables to which they can be cut back.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Rows, touched columns and bytes per table.
    tables: Vec<(usize, usize, usize)>,
}

/// Bytes that a row takes beside its columns: id, parent id, index, load id.
const SYSTEM_WIDTH: usize = 64;

/// All tables of the batch that is being made.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<TableBuilder>,
    by_name: AHashMap<String, u32>,
    id_bytes: usize,
}

impl Tables {
    /// No tables; ids made for them have `id_bytes` bytes before they are printed.
    pub fn new(id_bytes: usize) -> Self {
        Tables {
            tables: Vec::new(),
            by_name: AHashMap::new(),
            id_bytes,
        }
    }

    /// Index of the table `name`, which is added when it is new.
    pub fn table_index(&mut self, name: &str) -> u32 {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.tables.len() as u32;
        self.tables.push(TableBuilder::new(name, self.id_bytes));
        self.by_name.insert(name.to_owned(), index);
        index
    }

    /// Bytes of an id before it is printed.
    pub fn id_bytes(&self) -> usize {
        self.id_bytes
    }

    /// All tables in the order in which they were met.
    pub fn all(&self) -> &[TableBuilder] {
        &self.tables
    }

    /// A table.
    pub fn table(&self, index: u32) -> &TableBuilder {
        &self.tables[index as usize]
    }

    /// A table to write to.
    pub fn table_mut(&mut self, index: u32) -> &mut TableBuilder {
        &mut self.tables[index as usize]
    }

    /// Row that the next [`Tables::end_row`] of the table completes.
    pub fn next_row(&self, table: u32) -> RowRef {
        RowRef {
            table,
            row: self.tables[table as usize].row_count() as u32,
        }
    }

    /// Sets a column of the row that is being written.
    pub fn push(&mut self, table: u32, column: u32, datum: &Datum<'_>) {
        let table = &mut self.tables[table as usize];
        let (column, row) = table.open_column(column);
        let added = column.push(row, datum);
        table.add_bytes(added);
    }

    /// Completes the row that is being written.
    #[inline]
    pub fn end_row(&mut self, table: u32, links: Links) -> RowRef {
        let row = self.next_row(table);
        let table = &mut self.tables[table as usize];
        table.links.push(links);
        table.ids.push_pending();
        table.bytes += table.touched_width + SYSTEM_WIDTH;
        row
    }

    /// Bytes that the batch takes, counted in columns of full length.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(|table| table.bytes).sum()
    }

    /// Rows of all tables.
    pub fn row_count(&self) -> usize {
        self.tables.iter().map(TableBuilder::row_count).sum()
    }

    /// The present state.
    pub fn mark(&self) -> Mark {
        let mut mark = Mark::default();
        self.mark_into(&mut mark);
        mark
    }

    /// The present state, written over `mark`.
    pub fn mark_into(&self, mark: &mut Mark) {
        let state = |table: &TableBuilder| (table.row_count(), table.touched.len(), table.bytes);
        mark.tables.clear();
        mark.tables.extend(self.tables.iter().map(state));
    }

    /// Takes back all rows since `mark`.
    pub fn truncate_to(&mut self, mark: &Mark) {
        for (index, table) in self.tables.iter_mut().enumerate() {
            table.truncate(mark.tables.get(index).copied().unwrap_or_default());
        }
    }

    /// Forgets all rows; tables and columns stay known.
    pub fn clear(&mut self) {
        self.tables.iter_mut().for_each(TableBuilder::clear);
    }
}

#[cfg(test)]
mod tests {
    use tipple_schema::DataType;

    use super::*;

    #[test]
    fn rows_since_a_mark_are_taken_back_with_their_columns() {
        let mut tables = Tables::new(10);
        let table = tables.table_index("t");
        let a = tables
            .table_mut(table)
            .column_index("a", ColumnType::plain(DataType::Bigint));
        tables.push(table, a, &Datum::Bigint(1));
        tables.end_row(table, Links::ROOT);
        let (mark, bytes) = (tables.mark(), tables.bytes());

        let b = tables
            .table_mut(table)
            .column_index("b", ColumnType::plain(DataType::Text));
        let child = tables.table_index("t__c");
        tables.push(table, a, &Datum::Bigint(2));
        tables.push(table, b, &Datum::Text("x".into()));
        tables.end_row(table, Links::ROOT);
        tables.end_row(child, Links::NONE);
        assert_eq!(tables.row_count(), 3);

        tables.truncate_to(&mark);
        assert_eq!((tables.row_count(), tables.bytes()), (1, bytes));
        assert_eq!(tables.table(table).touched(), [a]);
    }

    #[test]
    fn bytes_count_the_nulls_before_a_late_column() {
        let mut tables = Tables::new(10);
        let table = tables.table_index("t");
        tables.end_row(table, Links::NONE);
        tables.end_row(table, Links::NONE);
        let before = tables.bytes();
        let a = tables
            .table_mut(table)
            .column_index("a", ColumnType::plain(DataType::Bigint));
        tables.push(table, a, &Datum::Bigint(1));
        assert_eq!(tables.bytes() - before, 16);
        tables.end_row(table, Links::NONE);
        assert_eq!(tables.bytes() - before, 24 + SYSTEM_WIDTH);
    }
}
