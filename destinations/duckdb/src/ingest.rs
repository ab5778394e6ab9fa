//! Rows of a job into a table.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use duckdb::Connection;
use duckdb::vtab::arrow::{ArrowBatchRegistration, ArrowVTab};
use tipple_destination::{DestinationError, PlannedJob, Result, SqlDialect as _, dialect};

use crate::failure::Failure;

/// Makes the table function known that reads batches.
pub(crate) fn prepare(connection: &Connection) -> Result<(), Failure> {
    Ok(connection.register_table_function::<ArrowVTab>("tipple_batch")?)
}

/// Inserts all rows of `job`; gives their number.
pub(crate) fn load(connection: &Connection, job: &PlannedJob, location: &str) -> Result<u64> {
    let unreadable = |cause| DestinationError::JobFile {
        job: job.id.clone(),
        table: job.table.clone(),
        cause,
    };
    let mut statements: HashMap<Vec<String>, String> = HashMap::new();
    let mut rows = 0;
    for batch in job.source.open().map_err(unreadable)? {
        let batch = batch.map_err(unreadable)?;
        rows += batch.num_rows() as u64;
        insert(connection, job, batch, &mut statements)
            .map_err(|failure| refused(job, &failure, location))?;
    }
    Ok(rows)
}

fn refused(job: &PlannedJob, failure: &Failure, location: &str) -> DestinationError {
    failure
        .about_database(location)
        .unwrap_or_else(|| DestinationError::Job {
            job: job.id.clone(),
            table: job.table.clone(),
            cause: failure.text(),
            kind: failure.kind(),
        })
}

fn insert(
    connection: &Connection,
    job: &PlannedJob,
    batch: RecordBatch,
    statements: &mut HashMap<Vec<String>, String>,
) -> Result<(), Failure> {
    let columns: Vec<String> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let sql = statements
        .entry(columns)
        .or_insert_with_key(|columns| insert_sql(job, columns));
    let registration = ArrowBatchRegistration::new(batch);
    connection.execute(sql, [&registration])?;
    Ok(())
}

fn insert_sql(job: &PlannedJob, columns: &[String]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|name| dialect::DuckDb.quote(name))
        .collect();
    let columns = columns.join(", ");
    let table = dialect::DuckDb.qualified(&job.at);
    format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM tipple_batch(?)")
}
