//! Run documents, read for people.

use std::path::Path;

use jiff::Timestamp;
use tipple_pipeline::rundoc::{ErrorDocument, RunDocument, RunHistory, StepDocument};

use crate::destinations;
use crate::diagnostics::{Diagnostic, package};

/// Documents of a pipeline, newest first.
///
/// # Errors
/// The folder cannot be read.
pub fn all(runs_dir: &Path, pipeline: &str) -> Result<Vec<RunDocument>, Diagnostic> {
    RunHistory::new(runs_dir, pipeline)
        .list()
        .map_err(|error| package::from_package(&error))
}

/// The run whose id begins with `id`.
///
/// # Errors
/// The folder cannot be read.
pub fn find(runs_dir: &Path, pipeline: &str, id: &str) -> Result<Option<RunDocument>, Diagnostic> {
    Ok(all(runs_dir, pipeline)?
        .into_iter()
        .find(|run| run.transaction_id.starts_with(id)))
}

/// The newest run that can be read.
pub fn last(runs_dir: &Path, pipeline: &str) -> Option<RunDocument> {
    RunHistory::new(runs_dir, pipeline).newest().ok().flatten()
}

/// Where the newest run has loaded to, as a destination of the command line; nothing for a kind that keeps its address in
/// the settings.
pub fn last_address(runs_dir: &Path, pipeline: &str) -> Option<String> {
    let run = last(runs_dir, pipeline)?;
    let is_named = run.destination_name != run.destination_type;
    let is_kept = !is_named && destinations::is_known_by_its_address(&run.destination_type);
    location(&run).filter(|_| is_kept).map(str::to_owned)
}

/// Address of the data without secrets.
pub fn location(run: &RunDocument) -> Option<&str> {
    run.extra
        .get("location")
        .and_then(serde_json::Value::as_str)
}

/// Beginning of a run.
pub fn began(run: &RunDocument) -> Option<Timestamp> {
    run.started_at.parse().ok()
}

/// Seconds from beginning to end; nothing while it runs.
pub fn seconds(run: &RunDocument) -> Option<f64> {
    between(&run.started_at, run.finished_at.as_deref())
}

/// Seconds from beginning to end of a step.
pub fn step_seconds(step: &StepDocument) -> Option<f64> {
    between(&step.started_at, step.finished_at.as_deref())
}

fn between(begin: &str, end: Option<&str>) -> Option<f64> {
    let begin: Timestamp = begin.parse().ok()?;
    let end: Timestamp = end?.parse().ok()?;
    Some(end.duration_since(begin).as_secs_f64())
}

/// Rows of all tables but system tables.
pub fn row_count(run: &RunDocument) -> u64 {
    let step = run
        .steps
        .iter()
        .rev()
        .find(|step| !step.table_metrics.is_empty());
    let tables = step
        .map(|step| step.table_metrics.as_slice())
        .unwrap_or_default();
    tables
        .iter()
        .filter(|table| !table.table_name.starts_with("_dlt"))
        .map(|table| table.items_count)
        .sum()
}

/// The first error of a step.
pub fn failure(run: &RunDocument) -> Option<&ErrorDocument> {
    run.steps.iter().find_map(|step| step.error.as_ref())
}

/// First characters of the id, as people quote it.
pub fn short_id(run: &RunDocument) -> &str {
    run.transaction_id.get(..8).unwrap_or(&run.transaction_id)
}
