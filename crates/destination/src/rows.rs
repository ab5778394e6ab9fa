//! The rows of several jobs of one table as one sequence of batches.
//!
//! Clients that load table by table read from here: jobs in order, batches without rows left out, text without NUL
//! characters where the destination cannot hold them, and a count per job.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow_schema::{ArrowError, DataType};
use indexmap::IndexMap;

use crate::client::Batches;
use crate::error::{BoxError, DestinationError, Result};
use crate::load::PlannedJob;
use crate::names::TableRef;

/// Jobs of a plan by the table that they load, both in order.
pub fn jobs_by_table(jobs: &[PlannedJob]) -> IndexMap<&TableRef, Vec<&PlannedJob>> {
    let mut tables: IndexMap<&TableRef, Vec<&PlannedJob>> = IndexMap::new();
    for job in jobs {
        tables.entry(&job.at).or_default().push(job);
    }
    tables
}

/// The rows of jobs that all go to the same table.
pub struct JobRows {
    jobs: VecDeque<PlannedJob>,
    current: Option<(PlannedJob, Batches)>,
    counts: IndexMap<String, u64>,
    /// The job read last, for messages.
    last_job: (String, String),
}

impl JobRows {
    /// The rows of `jobs`, none read yet.
    pub fn new(jobs: &[&PlannedJob]) -> Self {
        JobRows {
            jobs: jobs.iter().map(|job| (*job).clone()).collect(),
            current: None,
            counts: jobs.iter().map(|job| (job.id.clone(), 0)).collect(),
            last_job: (String::new(), String::new()),
        }
    }

    /// The next batch that has rows; nothing after the last one.
    ///
    /// # Errors
    /// [`DestinationError::JobFile`] when a job cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some((job, batches)) = &mut self.current else {
                let Some(job) = self.jobs.pop_front() else {
                    return Ok(None);
                };
                self.last_job = (job.id.clone(), job.table.clone());
                let batches = job.source.open().map_err(|cause| unreadable(&job, cause))?;
                self.current = Some((job, batches));
                continue;
            };
            match batches.next() {
                None => self.current = None,
                Some(Err(cause)) => return Err(unreadable(job, cause)),
                Some(Ok(batch)) if batch.num_rows() > 0 => {
                    *self.counts.entry(job.id.clone()).or_default() += batch.num_rows() as u64;
                    let clean =
                        without_nul(batch).map_err(|error| unreadable(job, error.into()))?;
                    return Ok(Some(clean));
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Rows read so far, by job id; takes them away.
    pub fn take_counts(&mut self) -> IndexMap<String, u64> {
        std::mem::take(&mut self.counts)
    }

    /// Id and table of the job that was read last; empty before the first.
    pub fn last_job(&self) -> (String, String) {
        self.last_job.clone()
    }
}

fn unreadable(job: &PlannedJob, cause: BoxError) -> DestinationError {
    DestinationError::JobFile {
        job: job.id.clone(),
        table: job.table.clone(),
        cause,
    }
}

/// The batch without NUL characters in text, as dlt leaves them out of the literals it writes; the same one when there are none.
fn without_nul(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(has_nul) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().map(clean).collect();
    RecordBatch::try_new(batch.schema(), columns)
}

fn has_nul(column: &ArrayRef) -> bool {
    let bytes = match column.data_type() {
        DataType::Utf8 => used(
            column.as_string::<i32>().values(),
            column.as_string::<i32>().value_offsets(),
        ),
        DataType::LargeUtf8 => used(
            column.as_string::<i64>().values(),
            column.as_string::<i64>().value_offsets(),
        ),
        DataType::Utf8View => {
            return column
                .as_string_view()
                .iter()
                .flatten()
                .any(|text| text.contains('\0'));
        }
        _ => return false,
    };
    memchr::memchr(0, bytes).is_some()
}

/// The bytes that a slice of text uses of its buffer.
fn used<'b, O: arrow_array::OffsetSizeTrait>(values: &'b [u8], offsets: &[O]) -> &'b [u8] {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => &values[first.as_usize()..last.as_usize()],
        _ => &[],
    }
}

fn clean(column: &ArrayRef) -> ArrayRef {
    if !has_nul(column) {
        return Arc::clone(column);
    }
    let strip = |text: Option<&str>| text.map(|text| text.replace('\0', ""));
    match column.data_type() {
        DataType::LargeUtf8 => Arc::new(
            column
                .as_string::<i64>()
                .iter()
                .map(strip)
                .collect::<LargeStringArray>(),
        ),
        DataType::Utf8View => Arc::new(
            column
                .as_string_view()
                .iter()
                .map(strip)
                .collect::<StringViewArray>(),
        ),
        _ => Arc::new(
            column
                .as_string::<i32>()
                .iter()
                .map(strip)
                .collect::<StringArray>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_characters_go_and_everything_else_stays() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a\0b"), None, Some("c")]));
        let batch = RecordBatch::try_from_iter([("t", texts)]).unwrap();
        let cleaned = without_nul(batch.slice(0, 2)).unwrap();
        let texts = cleaned.column(0).as_string::<i32>();
        assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("ab"), None]);
    }

    #[test]
    fn a_batch_without_nul_is_not_copied() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a\0b", "c"]));
        let batch = RecordBatch::try_from_iter([("t", texts)])
            .unwrap()
            .slice(1, 1);
        let cleaned = without_nul(batch.clone()).unwrap();
        assert!(
            cleaned
                .column(0)
                .to_data()
                .ptr_eq(&batch.column(0).to_data())
        );
    }
}
