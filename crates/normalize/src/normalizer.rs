//! What a pipeline pushes data into: text and Arrow batches go in, batches per table and a grown schema come out.
//!
//! Items are normalized in order, so rows and columns do not depend on how the text was cut into pages, nor on the number
//! of threads. Batches end between items: after so many bytes of columns, and where so many bytes of text have been taken.
//! Start with [`Normalizer::push_json`].

use std::collections::HashMap;

use arrow_array::RecordBatch;
use bytes::Bytes;
use indexmap::IndexMap;
use tipple_schema::{ContractMode, Schema, Table};

use crate::arrow_items::{self, Fitting, arrow_table};
use crate::batches::TableBatch;
use crate::error::{NormalizeError, Place};
use crate::fast::{Page, Sequence};
use crate::reference::{ColumnCause, Reference, VariantNote};
use crate::rejected::Rejected;
use crate::rules::Rules;

/// Error of a receiver of batches.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// What a load has done to the schema, and what is worth telling.
#[derive(Debug)]
pub struct Normalized {
    /// The schema with all new tables and columns; its version is not counted up yet.
    pub schema: Schema,
    /// New tables, and known tables with only their new columns.
    pub updates: IndexMap<String, Table>,
    /// Rows by table; 0 for a table that gets an empty job.
    pub rows: IndexMap<String, u64>,
    /// Columns that had nothing but nulls and hence do not exist: table, column.
    pub null_only: Vec<(String, String)>,
    /// Columns that were declared without a type and got no data: table, column.
    pub unbound: Vec<(String, String)>,
    /// Where each new column came from.
    pub causes: Vec<ColumnCause>,
    /// Values that did not fit their column.
    pub variants: Vec<VariantNote>,
    /// What contracts kept out.
    pub rejected: Rejected,
}

/// Normalizes the data of one load of one schema.
pub struct Normalizer {
    reference: Reference,
    sequence: Sequence,
    /// Batches that came out where there was no receiver.
    ready: Vec<TableBatch>,
    batch_bytes_max: usize,
    rows: IndexMap<String, u64>,
    /// Root tables that got data or an empty job: true for an empty job.
    roots: IndexMap<String, bool>,
    /// Arrow data gets load ids, row ids.
    arrow_ids: (bool, bool),
    /// Fields of Arrow data without a type: table, column.
    null_only: Vec<(String, String)>,
}

impl Normalizer {
    /// A normaliser that continues `schema`.
    ///
    /// # Errors
    /// When settings of the schema or names cannot be used.
    pub fn new(schema: Schema, rules: Rules) -> Result<Self, NormalizeError> {
        let arrow_ids = (rules.adds_load_id_to_arrow, rules.adds_id_to_arrow);
        let mut sequence = Sequence::new(rules.id_bytes, rules.batch_bytes_max, rules.threads);
        if !rules.zone.is_utc() {
            // The fast path takes the numbers of UTC for wall clock times.
            sequence.stop();
        }
        Ok(Normalizer {
            sequence,
            ready: Vec::new(),
            batch_bytes_max: rules.batch_bytes_max,
            reference: Reference::new(schema, rules)?,
            rows: IndexMap::new(),
            roots: IndexMap::new(),
            arrow_ids,
            null_only: Vec::new(),
        })
    }

    /// The schema as it is now.
    pub fn schema(&self) -> &Schema {
        self.reference.schema()
    }

    /// Normalizes the items in `chunk`, a sequence of JSON values with blanks or commas between them, for the root
    /// table `root_table` (a normalized name).
    ///
    /// # Errors
    /// Any [`NormalizeError`]; the normaliser is of no use afterwards.
    pub fn push_json(
        &mut self,
        root_table: &str,
        chunk: &Bytes,
        place: &Place,
        sink: &mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
    ) -> Result<(), NormalizeError> {
        let is_separator = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',');
        if !chunk.iter().all(is_separator) {
            self.roots.entry(root_table.to_owned()).or_default();
        }
        let (text, place) = (chunk.clone(), place.clone());
        let page = Page {
            root_table: root_table.into(),
            text,
            place,
        };
        self.give_ready(sink)?;
        let mut emit = outlet(&mut self.rows, sink);
        self.sequence.push(&mut self.reference, &page, &mut emit)
    }

    /// Fits an Arrow batch to the root table `root_table` and gives it on; columns that the schema lacks are added.
    ///
    /// `filtered` are columns that a contract keeps out, see [`Schema::apply_contract`]; what the resource declares must
    /// have been merged before ([`arrow_table`](crate::arrow_table), [`Normalizer::declare`]).
    ///
    /// # Errors
    /// [`NormalizeError::Arrow`] when the data has no form in the table; errors of the sink.
    pub fn push_arrow(
        &mut self,
        root_table: &str,
        batch: &RecordBatch,
        filtered: &HashMap<String, ContractMode>,
        sink: &mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
    ) -> Result<(), NormalizeError> {
        self.roots.entry(root_table.to_owned()).or_default();
        self.settle(sink)?;
        self.sequence.forget();
        let reference = &mut self.reference;
        let name = reference.table_name(root_table)?;
        let (naming, capabilities) = (reference.naming(), reference.capabilities());
        let mut columns = arrow_table(
            &Table::new(&name),
            batch.schema_ref(),
            naming,
            capabilities,
            false,
        )?;
        columns
            .columns
            .retain(|column, _| !filtered.contains_key(column));
        reference.merge_arrow(columns)?;
        let mut fitted = {
            let (naming, capabilities) = (reference.naming(), reference.capabilities());
            let table = reference.schema().table(&name)?;
            Fitting {
                table,
                naming,
                capabilities,
                filtered,
            }
            .fit(batch)?
        };
        let (adds_load_id, adds_id) = self.arrow_ids;
        reference.add_arrow_ids(&name, &mut fitted, adds_load_id, adds_id)?;
        reference.count_dropped(&name, fitted.dropped_rows);
        self.null_only.extend(
            fitted
                .null_only
                .drain(..)
                .map(|column| (name.clone(), column)),
        );
        let table = reference.schema().table(&name)?;
        let (names, capabilities) = (reference.system_names(), reference.capabilities());
        for batch in arrow_items::batches(table, fitted, names, capabilities, self.batch_bytes_max)?
        {
            *self.rows.entry(name.clone()).or_default() += batch.batch.num_rows() as u64;
            sink(batch).map_err(NormalizeError::Sink)?;
        }
        // A batch without rows makes the table all the same.
        self.rows.entry(name).or_default();
        Ok(())
    }

    /// Gives every item to the reference from now on. For comparisons: the result is the same, and later.
    pub fn use_reference_only(&mut self) {
        self.sequence.stop();
    }

    /// Merges a table that a resource declares into the schema; identifiers must be normalized.
    ///
    /// # Errors
    /// [`NormalizeError::Schema`].
    pub fn declare(&mut self, table: Table) -> Result<(), NormalizeError> {
        let mut batches = Vec::new();
        let mut keep = |batch: TableBatch| {
            batches.push(batch);
            Ok(())
        };
        self.settle(&mut keep)?;
        self.ready = batches;
        self.sequence.forget();
        Ok(self.reference.declare(table)?)
    }

    /// Gives `root_table` an empty job: it is made, or emptied by a replace, without any rows.
    pub fn touch(&mut self, root_table: &str) {
        self.roots.insert(root_table.to_owned(), true);
    }

    /// Gives out what is left, checks the tables that got data and marks them.
    ///
    /// # Errors
    /// [`NormalizeError::UnboundColumn`] when a key never got data; errors of the sink.
    pub fn finish(
        mut self,
        sink: &mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
    ) -> Result<Normalized, NormalizeError> {
        self.settle(sink)?;
        self.add_empty_jobs()?;
        let null_only = self.null_only_columns();
        let mut outcome = self.reference.into_outcome();
        let mut unbound = Vec::new();
        for table in self.rows.keys() {
            if let Some(table) = outcome.schema.tables.get_mut(table) {
                unbound.extend(verify(&outcome.schema_name, table)?);
                table.mark_seen_data();
            }
        }
        let is_null_only = |column: &(String, String)| null_only.contains(column);
        unbound.retain(|column| !is_null_only(column));
        Ok(Normalized {
            schema: outcome.schema,
            updates: outcome.updates,
            rows: self.rows,
            null_only,
            unbound,
            causes: outcome.causes,
            variants: outcome.variants,
            rejected: outcome.rejected,
        })
    }

    /// Columns that had nothing but nulls and have no type: table, column.
    fn null_only_columns(&mut self) -> Vec<(String, String)> {
        let mut columns = self.reference.null_only_columns();
        let tables = &self.reference.schema().tables;
        let is_complete = |table: &str, column: &str| {
            let column = tables
                .get(table)
                .and_then(|table| table.columns.get(column));
            column.is_some_and(|column| column.is_complete())
        };
        columns.extend(std::mem::take(&mut self.null_only));
        columns.retain(|(table, column)| !is_complete(table, column));
        columns.sort();
        columns.dedup();
        columns
    }

    /// Gives out the batches of everything that was pushed.
    fn settle(
        &mut self,
        sink: &mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
    ) -> Result<(), NormalizeError> {
        self.give_ready(sink)?;
        let mut emit = outlet(&mut self.rows, sink);
        self.sequence.settle(&mut self.reference, &mut emit)
    }

    fn give_ready(
        &mut self,
        sink: &mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
    ) -> Result<(), NormalizeError> {
        let ready = std::mem::take(&mut self.ready);
        ready
            .into_iter()
            .try_for_each(sink)
            .map_err(NormalizeError::Sink)
    }

    /// Root tables without rows get an empty job when that was asked for, or when they hold data of earlier loads.
    fn add_empty_jobs(&mut self) -> Result<(), NormalizeError> {
        for (root, is_asked) in std::mem::take(&mut self.roots) {
            let name = self.reference.table_name(&root)?;
            let Some(table) = self.reference.schema().tables.get(&name) else {
                continue;
            };
            let has_seen_data = table.has_seen_data();
            if self.rows.contains_key(&name) || !(is_asked || has_seen_data) {
                continue;
            }
            if !has_seen_data {
                self.reference
                    .discover(&root, &mut self.sequence.slate().tables)?;
            }
            self.rows.insert(name, 0);
        }
        Ok(())
    }
}

/// A way to the receiver that counts rows.
fn outlet<'n>(
    rows: &'n mut IndexMap<String, u64>,
    sink: &'n mut dyn FnMut(TableBatch) -> Result<(), SinkError>,
) -> impl FnMut(TableBatch) -> Result<(), NormalizeError> + 'n {
    |batch| {
        *rows.entry(batch.table.clone()).or_default() += batch.batch.num_rows() as u64;
        sink(batch).map_err(NormalizeError::Sink)
    }
}

/// Columns of a table that were declared without a type and are nullable.
fn verify(schema: &str, table: &Table) -> Result<Vec<(String, String)>, NormalizeError> {
    let incomplete = || {
        table
            .columns
            .values()
            .filter(|column| !column.is_complete())
    };
    let names = |is_nullable: bool| {
        incomplete()
            .filter(move |column| column.is_nullable() == is_nullable)
            .map(|c| c.name.clone())
    };
    let missing: Vec<String> = names(false).collect();
    if !missing.is_empty() {
        return Err(NormalizeError::UnboundColumn {
            schema: schema.to_owned(),
            table: table.name.clone(),
            columns: missing,
        });
    }
    Ok(names(true)
        .map(|column| (table.name.clone(), column))
        .collect())
}
