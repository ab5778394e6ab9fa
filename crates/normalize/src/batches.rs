//! Finished batches: columns in the order of the schema, system columns filled from links.
//!
//! All tables of the batch are finished together, because rows refer to each other. Start with [`finish`].

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema as ArrowSchema};
use tipple_schema::{Schema, Table};

use crate::error::NormalizeError;
use crate::reference::SystemNames;
use crate::tables::{RowRef, TableBuilder, Tables};

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

/// Turns all rows into batches, tables in the order in which they were met; `tables` has no rows afterwards.
///
/// All ids must have been made.
pub(crate) fn finish(
    tables: &mut Tables,
    schema: &Schema,
    names: &SystemNames,
    load_id: &str,
) -> Result<Vec<TableBatch>, NormalizeError> {
    let system: Vec<Vec<(String, ArrayRef)>> = (0..tables.all().len())
        .map(|index| system_columns(tables, &tables.all()[index], names, load_id))
        .collect();
    let mut batches = Vec::new();
    for (index, system) in system.into_iter().enumerate() {
        let builder = tables.table_mut(index as u32);
        if builder.row_count() == 0 {
            continue;
        }
        if let Some(table) = schema.tables.get(&builder.name) {
            batches.push(finish_table(builder, table, system)?);
        }
    }
    tables.clear();
    Ok(batches)
}

fn finish_table(
    builder: &mut TableBuilder,
    table: &Table,
    system: Vec<(String, ArrayRef)>,
) -> Result<TableBatch, NormalizeError> {
    let mut columns: Vec<(usize, String, ArrayRef)> = Vec::with_capacity(system.len());
    let place = |name: &str| table.columns.get_index_of(name);
    for (name, array) in system {
        columns.extend(place(&name).map(|place| (place, name, array)));
    }
    let filled: Vec<String> = columns.iter().map(|(_, name, _)| name.clone()).collect();
    for index in data_columns(builder) {
        let name = builder.column_name(index).to_owned();
        if let Some(place) = place(&name).filter(|_| !filled.contains(&name)) {
            columns.push((place, name, builder.finish_column(index)));
        }
    }
    columns.sort_by_key(|(place, ..)| *place);
    to_batch(builder, columns)
}

/// Columns that the batch is to have.
fn data_columns(builder: &TableBuilder) -> Vec<u32> {
    if builder.column_count() > WIDE_COLUMNS_MIN {
        return builder.touched().to_vec();
    }
    (0..builder.column_count() as u32).filter(|index| builder.is_seen(*index)).collect()
}

fn to_batch(
    builder: &TableBuilder,
    columns: Vec<(usize, String, ArrayRef)>,
) -> Result<TableBatch, NormalizeError> {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .into_iter()
        .map(|(_, name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(builder.row_count()));
    let schema = Arc::new(ArrowSchema::new(fields));
    let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|error| {
        NormalizeError::Arrow { table: builder.name.clone(), message: error.to_string() }
    })?;
    let bytes = batch.get_array_memory_size();
    Ok(TableBatch { table: builder.name.clone(), batch, bytes })
}

/// System columns of a table that were filled in this load.
fn system_columns(
    tables: &Tables,
    table: &TableBuilder,
    names: &SystemNames,
    load_id: &str,
) -> Vec<(String, ArrayRef)> {
    if table.row_count() == 0 {
        return Vec::new();
    }
    let seen = table.system_seen();
    let links = table.links();
    let id = |row: RowRef| row.is_some().then(|| tables.table(row.table).ids.id(row.row as usize));
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    if seen.load_id {
        let text = |row: usize| links[row].has_load_id.then_some(load_id);
        columns.push(text_column(table, &names.load_id, text));
    }
    if let Some(name) = table.root_column().filter(|_| seen.root) {
        columns.push(text_column(table, name, |row| id(links[row].root)));
    }
    if seen.parent_id {
        let text = |row: usize| id(links[row].parent).filter(|_| links[row].has_parent_id);
        columns.push(text_column(table, &names.parent_id, text));
    }
    if seen.list_index {
        columns.push(index_column(table, &names.list_index));
    }
    if seen.row_id {
        let text = |row: usize| links[row].has_row_id.then(|| table.ids.id(row));
        columns.push(text_column(table, &names.row_id, text));
    }
    columns
}

/// A text column: what `text` gives, else what the data had.
fn text_column<'t>(
    table: &'t TableBuilder,
    name: &str,
    text: impl Fn(usize) -> Option<&'t str>,
) -> (String, ArrayRef) {
    let rows = table.row_count();
    let data = table.find_column(name).map(|index| table.column(index));
    let mut builder = StringBuilder::with_capacity(rows, rows * 14);
    for row in 0..rows {
        builder.append_option(text(row).or_else(|| data.and_then(|data| data.text_at(row))));
    }
    (name.to_owned(), Arc::new(builder.finish()))
}

fn index_column(table: &TableBuilder, name: &str) -> (String, ArrayRef) {
    let data = table.find_column(name).map(|index| table.column(index));
    let mut builder = Int64Builder::with_capacity(table.row_count());
    for (row, links) in table.links().iter().enumerate() {
        let index = links.has_list_index.then(|| i64::from(links.list_index));
        builder.append_option(index.or_else(|| data.and_then(|data| data.bigint_at(row))));
    }
    (name.to_owned(), Arc::new(builder.finish()))
}
