//! Finished batches: columns in the order of the schema, system columns filled from links.
//!
//! It takes two steps, because the first is work and may be done by any thread, while the second depends on what came
//! before: [`Stamp::fill`] turns rows into arrays, [`Seen::assemble`] puts them in the order of the schema and adds columns that
//! only earlier batches had. All tables are filled together, because rows refer to each other.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema as ArrowSchema};
use tipple_schema::Schema;

use crate::error::NormalizeError;
use crate::reference::SystemNames;
use crate::tables::{Links, RowRef, TableBuilder, Tables};

/// Tables with more columns than this get, batch by batch, only the columns with a value in the batch.
///
/// Below it every batch has all columns met so far, so that the job file need not change its columns; above it the nulls
/// would be most of the file.
const WIDE_COLUMNS_MIN: usize = 1000;

/// Rows of one table, ready for a job file.
#[derive(Debug, Clone)]
pub struct TableBatch {
    /// Normalized name of the table.
    pub table: String,
    /// Columns with final names, in the order of the schema.
    pub batch: RecordBatch,
    /// Bytes that the batch takes in memory.
    pub bytes: usize,
}

/// Columns with a value in the rows of one table.
pub(crate) struct Filled {
    table: String,
    row_count: usize,
    columns: Vec<(String, ArrayRef)>,
}

/// What system columns are named, and the load id.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    /// Names of the system columns.
    pub names: SystemNames,
    /// Text of the load id column.
    pub load_id: String,
}

impl Stamp {
    /// Turns all rows into arrays; `tables` has no rows afterwards. All ids must have been made.
    pub fn fill(&self, tables: &mut Tables) -> Vec<Filled> {
        fill(tables, &self.names, &self.load_id)
    }
}

fn fill(tables: &mut Tables, names: &SystemNames, load_id: &str) -> Vec<Filled> {
    let system: Vec<Vec<(String, ArrayRef)>> = (0..tables.all().len())
        .map(|index| system_columns(tables, index as u32, names, load_id))
        .collect();
    let mut filled = Vec::new();
    for (index, columns) in system.into_iter().enumerate() {
        let builder = tables.table_mut(index as u32);
        if builder.row_count() > 0 {
            filled.push(fill_table(builder, columns));
        }
    }
    tables.clear();
    filled
}

fn fill_table(builder: &mut TableBuilder, mut columns: Vec<(String, ArrayRef)>) -> Filled {
    let system_count = columns.len();
    for index in builder.touched().to_vec() {
        let name = builder.column_name(index).to_owned();
        let array = builder.finish_column(index);
        if columns[..system_count]
            .iter()
            .all(|(known, _)| *known != name)
        {
            columns.push((name, array));
        }
    }
    Filled {
        table: builder.name.clone(),
        row_count: builder.row_count(),
        columns,
    }
}

/// Columns that the batches of this load had so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Types by table and column.
    tables: AHashMap<String, AHashMap<String, DataType>>,
}

impl Seen {
    /// The batches of `filled`, tables in the order of the schema.
    pub fn assemble(
        &mut self,
        filled: Vec<Filled>,
        schema: &Schema,
    ) -> Result<Vec<TableBatch>, NormalizeError> {
        let place = |filled: &Filled| schema.tables.get_index_of(&filled.table);
        let mut placed: Vec<(usize, Filled)> = filled
            .into_iter()
            .filter_map(|filled| Some((place(&filled)?, filled)))
            .collect();
        placed.sort_by_key(|(place, _)| *place);
        placed
            .into_iter()
            .map(|(_, filled)| self.assemble_table(filled, schema))
            .collect()
    }

    fn assemble_table(
        &mut self,
        filled: Filled,
        schema: &Schema,
    ) -> Result<TableBatch, NormalizeError> {
        let Filled {
            table,
            row_count,
            mut columns,
        } = filled;
        let seen = self.tables.entry(table.clone()).or_default();
        let added = columns
            .iter()
            .filter(|(name, _)| !seen.contains_key(name))
            .count();
        if seen.len() + added <= WIDE_COLUMNS_MIN {
            let present: AHashSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let missing: Vec<(String, ArrayRef)> = seen
                .iter()
                .filter(|(name, _)| !present.contains(name.as_str()))
                .map(|(name, data_type)| (name.clone(), new_null_array(data_type, row_count)))
                .collect();
            columns.extend(missing);
        }
        for (name, array) in &columns {
            if seen.get(name) != Some(array.data_type()) {
                seen.insert(name.clone(), array.data_type().clone());
            }
        }
        let known = schema.tables.get(&table);
        let place = |name: &str| known.and_then(|known| known.columns.get_index_of(name));
        let mut placed: Vec<(usize, String, ArrayRef)> = columns
            .into_iter()
            .filter_map(|(name, array)| Some((place(&name)?, name, array)))
            .collect();
        placed.sort_by_key(|(place, ..)| *place);
        to_batch(table, row_count, placed)
    }
}

fn to_batch(
    table: String,
    row_count: usize,
    columns: Vec<(usize, String, ArrayRef)>,
) -> Result<TableBatch, NormalizeError> {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .into_iter()
        .map(|(_, name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    let schema = Arc::new(ArrowSchema::new(fields));
    match RecordBatch::try_new_with_options(schema, arrays, &options) {
        Ok(batch) => Ok(TableBatch {
            bytes: batch.get_array_memory_size(),
            table,
            batch,
        }),
        Err(error) => Err(NormalizeError::Arrow {
            table,
            message: error.to_string(),
        }),
    }
}

/// System columns that the rows of a table have.
fn system_columns(
    tables: &Tables,
    index: u32,
    names: &SystemNames,
    load_id: &str,
) -> Vec<(String, ArrayRef)> {
    let table = tables.table(index);
    let system = System { tables, table };
    let links = table.links();
    let has = |flag: fn(&Links) -> bool| links.iter().any(flag);
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    if has(|links| links.has_load_id) {
        columns.push((
            names.load_id.clone(),
            system.load_ids(&names.load_id, load_id),
        ));
    }
    if let Some(name) = table
        .root_column()
        .filter(|_| has(|links| links.root.is_some()))
    {
        columns.push((name.to_owned(), system.ids(name, |links| links.root)));
    }
    if has(|links| links.has_parent_id) {
        let parent = |links: &Links| match links.has_parent_id {
            true => links.parent,
            false => RowRef::NONE,
        };
        columns.push((
            names.parent_id.clone(),
            system.ids(&names.parent_id, parent),
        ));
    }
    if has(|links| links.has_list_index) {
        columns.push((
            names.list_index.clone(),
            system.list_indexes(&names.list_index),
        ));
    }
    if has(|links| links.has_row_id) {
        columns.push((names.row_id.clone(), system.row_ids(&names.row_id)));
    }
    columns
}

/// Makes the system columns of one table.
struct System<'t> {
    tables: &'t Tables,
    table: &'t TableBuilder,
}

impl<'t> System<'t> {
    fn load_ids(&self, name: &str, load_id: &'t str) -> ArrayRef {
        let links = self.table.links();
        if self.has_no_data(name) && links.iter().all(|links| links.has_load_id) {
            return equal_texts(load_id.repeat(links.len()).into_bytes(), load_id.len());
        }
        self.texts(name, |row| links[row].has_load_id.then_some(load_id))
    }

    fn row_ids(&self, name: &str) -> ArrayRef {
        let links = self.table.links();
        let ids = &self.table.ids;
        let is_plain = self.has_no_data(name) && ids.are_all_made();
        if is_plain && links.iter().all(|links| links.has_row_id) {
            return equal_texts(ids.made().to_vec(), ids.width());
        }
        self.texts(name, |row| links[row].has_row_id.then(|| ids.id(row)))
    }

    /// Ids of other rows, one for each row.
    fn ids(&self, name: &str, row: impl Fn(&Links) -> RowRef) -> ArrayRef {
        let links = self.table.links();
        let width = self.table.ids.width();
        let mut bytes = Vec::with_capacity(links.len() * width);
        let is_plain = self.has_no_data(name)
            && links.iter().map(&row).all(|row| {
                let id = if row.is_some() {
                    self.id_bytes(row)
                } else {
                    &[]
                };
                bytes.extend_from_slice(id);
                id.len() == width
            });
        if is_plain {
            return equal_texts(bytes, width);
        }
        let text = |row: RowRef| self.tables.table(row.table).ids.id(row.row as usize);
        self.texts(name, |index| {
            Some(row(&links[index]))
                .filter(|row| row.is_some())
                .map(text)
        })
    }

    #[inline]
    fn id_bytes(&self, row: RowRef) -> &'t [u8] {
        self.tables.table(row.table).ids.id_bytes(row.row as usize)
    }

    fn list_indexes(&self, name: &str) -> ArrayRef {
        let links = self.table.links();
        if self.has_no_data(name) && links.iter().all(|links| links.has_list_index) {
            let indexes = links.iter().map(|links| i64::from(links.list_index));
            return Arc::new(Int64Array::from_iter_values(indexes));
        }
        let data = self
            .table
            .find_column(name)
            .map(|index| self.table.column(index));
        let mut builder = Int64Builder::with_capacity(links.len());
        for (row, links) in links.iter().enumerate() {
            let index = links.has_list_index.then(|| i64::from(links.list_index));
            builder.append_option(index.or_else(|| data.and_then(|data| data.bigint_at(row))));
        }
        Arc::new(builder.finish())
    }

    /// True when no row has a value of its own for a system column.
    fn has_no_data(&self, name: &str) -> bool {
        let column = self.table.find_column(name);
        column.is_none_or(|index| self.table.column(index).is_empty())
    }

    /// A text column: what `text` gives, else what the data had.
    fn texts<'a>(&self, name: &str, text: impl Fn(usize) -> Option<&'a str>) -> ArrayRef {
        let rows = self.table.row_count();
        let data = self
            .table
            .find_column(name)
            .map(|index| self.table.column(index));
        let mut builder = StringBuilder::with_capacity(rows, rows * 14);
        for row in 0..rows {
            let own = || data.and_then(|data| data.text_at(row));
            match text(row) {
                Some(text) => builder.append_value(text),
                None => builder.append_option(own()),
            }
        }
        Arc::new(builder.finish())
    }
}

/// Texts of one width, one after the other in `bytes`.
fn equal_texts(bytes: Vec<u8>, width: usize) -> ArrayRef {
    let count = bytes.len() / width.max(1);
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, count));
    Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), None))
}
