//! Rows of jobs into a table.
//!
//! All jobs of one table make one stream, which DuckDB scans with all its threads in the order of the rows. The stream
//! is cut anew into batches of one row group: DuckDB compresses a row group as soon as one batch fills it, on the thread
//! that has the batch, while smaller batches are collected first and then mostly compressed by one thread
//! (docs/decisions/0007-duckdb-arrow-scan.md has the measurements). Start with [`load_table`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{Array as _, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::concat::concat_batches;
use duckdb::Connection;
use indexmap::IndexMap;
use tipple_destination::{
    DestinationError, JobRows, PlannedJob, Result, SqlDialect as _, TableRef, dialect,
};

use crate::failure::Failure;
use crate::native::{NativeDatabase, ScannedStream};

/// Rows of a row group of DuckDB.
const ROW_GROUP_ROWS: usize = 122_880;
/// A batch is not made longer than this, so that wide rows do not fill the memory.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// Numbers the catalogs of streams, of which one instance may have several at a time.
static NEXT_CATALOG: AtomicU64 = AtomicU64::new(0);

/// Inserts the rows of `jobs`, which all go to the same table, in order; gives the number of rows of each.
pub(crate) fn load_table(
    connection: &Connection,
    database: &Arc<NativeDatabase>,
    jobs: &[&PlannedJob],
    location: &str,
) -> Result<IndexMap<String, u64>> {
    let feed = Feed(Arc::new(Mutex::new(Rows::new(jobs))));
    let stored = stored_types(connection, &jobs[0].at);
    let stored = stored.map_err(|failure| feed.refused(&failure, location))?;
    while let Some(schema) = feed.next_schema()? {
        let number = NEXT_CATALOG.fetch_add(1, Ordering::Relaxed);
        let reader = Box::new(FeedReader {
            feed: feed.clone(),
            schema: Arc::clone(&schema),
        });
        let stream = ScannedStream::new(database, &format!("__tipple_rows_{number}"), reader);
        let inserted = stream.and_then(|stream| {
            let sql = insert_sql(jobs[0], &schema, &stream.name, &stored);
            connection.execute_batch(&sql).map_err(Failure::from)
        });
        // What the owner of the rows said is the cause of what DuckDB says then.
        if let Some(error) = feed.rows().error.take() {
            return Err(error);
        }
        inserted.map_err(|failure| feed.refused(&failure, location))?;
    }
    Ok(feed.rows().rows.take_counts())
}

fn insert_sql(
    job: &PlannedJob,
    schema: &SchemaRef,
    from: &str,
    stored: &HashMap<String, String>,
) -> String {
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let name = dialect::DuckDb.quote(field.name());
        let stored_type = stored
            .get(&field.name().to_lowercase())
            .map_or("", String::as_str);
        values.push(value(&name, field.data_type(), stored_type));
        columns.push(name);
    }
    let table = dialect::DuckDb.qualified(&job.at);
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {from}",
        columns.join(", "),
        values.join(", ")
    )
}

/// The value of a column for a table whose column may have another type: a hint can change the type in the schema and
/// not in the table. Then the value must become what dlt's literal of it would become.
fn value(name: &str, data_type: &DataType, stored_type: &str) -> String {
    let is_exact = stored_type.ends_with("INT")
        || stored_type == "INTEGER"
        || stored_type.starts_with("DECIMAL");
    match data_type {
        // Literals such as 2.5 are exact and rounded away from zero, floats would be rounded to even.
        DataType::Float64 if is_exact => format!("CAST({name} AS VARCHAR)"),
        // The scale of the batch is that of the column; a literal has the digits of its value.
        DataType::Decimal128(_, 1..) if matches!(stored_type, "VARCHAR" | "JSON") => {
            format!("regexp_replace(CAST({name} AS VARCHAR), '\\.?0+$', '')")
        }
        DataType::Timestamp(_, zone) if stored_type == "VARCHAR" => {
            let (at, suffix) = match zone {
                Some(_) => (format!("{name} AT TIME ZONE 'UTC'"), "+00:00"),
                None => (name.to_owned(), ""),
            };
            format!("replace(strftime({at}, '%Y-%m-%dT%H:%M:%S.%f'), '.000000', '') || '{suffix}'")
        }
        _ => name.to_owned(),
    }
}

/// Types of the columns of a table, by lower-case name.
fn stored_types(
    connection: &Connection,
    at: &TableRef,
) -> Result<HashMap<String, String>, Failure> {
    let mut statement =
        connection.prepare(&format!("DESCRIBE {}", dialect::DuckDb.qualified(at)))?;
    let rows = statement.query_map([], |row| {
        let name: String = row.get(0)?;
        Ok((name.to_lowercase(), row.get(1)?))
    })?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

/// The rows with one batch read ahead, so that they can be cut anew.
struct Rows {
    rows: JobRows,
    /// The next batch, read ahead.
    pending: Option<RecordBatch>,
    error: Option<DestinationError>,
}

impl Rows {
    fn new(jobs: &[&PlannedJob]) -> Self {
        Rows {
            rows: JobRows::new(jobs),
            pending: None,
            error: None,
        }
    }

    /// Reads the next batch that has rows into `pending`, unless one is there.
    fn read_ahead(&mut self) -> Result<()> {
        if self.pending.is_none() {
            self.pending = self.rows.next_batch()?;
        }
        Ok(())
    }

    /// Batches of `schema` that make one row group together; empty when the next batch has other columns or none is left.
    fn row_group(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>, ArrowError> {
        let (mut parts, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < ROW_GROUP_ROWS && bytes < BATCH_BYTES_MAX {
            self.read_ahead().map_err(|error| self.remember(error))?;
            let Some(batch) = self
                .pending
                .take_if(|batch| same_columns(&batch.schema(), schema))
            else {
                break;
            };
            let batch = self.cut(batch, ROW_GROUP_ROWS - rows);
            rows += batch.num_rows();
            bytes += slice_bytes(&batch);
            parts.push(batch);
        }
        match parts.len() {
            0 => Ok(None),
            1 => Ok(parts.pop()),
            _ => concat_batches(schema, &parts).map(Some),
        }
    }

    /// The first rows of `batch`; the others stay pending.
    fn cut(&mut self, batch: RecordBatch, rows_max: usize) -> RecordBatch {
        if batch.num_rows() <= rows_max {
            return batch;
        }
        self.pending = Some(batch.slice(rows_max, batch.num_rows() - rows_max));
        batch.slice(0, rows_max)
    }

    /// Keeps the error for the caller and gives DuckDB a word for it.
    fn remember(&mut self, error: DestinationError) -> ArrowError {
        let text = error.to_string();
        self.error = Some(error);
        ArrowError::ExternalError(text.into())
    }
}

/// Bytes that the rows of a batch take, not those of the buffers they are slices of.
fn slice_bytes(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
        .sum()
}

fn same_columns(left: &SchemaRef, right: &SchemaRef) -> bool {
    Arc::ptr_eq(left, right) || left.fields() == right.fields()
}

/// The rows, shared by the stream that DuckDB reads and the caller that looks afterwards.
#[derive(Clone)]
struct Feed(Arc<Mutex<Rows>>);

impl Feed {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Columns of the next batch; nothing when all rows were read.
    fn next_schema(&self) -> Result<Option<SchemaRef>> {
        let mut rows = self.rows();
        rows.read_ahead()?;
        Ok(rows.pending.as_ref().map(RecordBatch::schema))
    }

    fn refused(&self, failure: &Failure, location: &str) -> DestinationError {
        failure.about_database(location).unwrap_or_else(|| {
            let (job, table) = self.rows().rows.last_job();
            DestinationError::Job {
                job,
                table,
                cause: failure.text(),
                kind: failure.kind(),
            }
        })
    }
}

/// The end of a feed that DuckDB pulls at: batches of one set of columns.
struct FeedReader {
    feed: Feed,
    schema: SchemaRef,
}

impl Iterator for FeedReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.feed.rows().row_group(&self.schema).transpose()
    }
}

impl RecordBatchReader for FeedReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
