//! Run documents, as the pipeline writes them (spec/workbench.md §4), read for people.
//!
//! Every field may be missing: documents of older versions and of runs that were killed stay readable.

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// One run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Identifies the run.
    pub transaction_id: String,
    /// Kind of the destination.
    pub destination_type: String,
    /// Its name in the settings.
    pub destination_name: String,
    /// Its address without secrets.
    pub location: String,
    /// Dataset.
    pub dataset_name: String,
    /// Beginning, ISO 8601.
    pub started_at: String,
    /// End; absent while running.
    pub finished_at: Option<String>,
    /// `running`, `succeeded`, `failed`, `partial`, `interrupted`, `cancelled`.
    pub status: String,
    /// The steps in order.
    pub steps: Vec<RunStep>,
    /// Rows per table.
    pub rows: IndexMap<String, u64>,
    /// The whole document.
    #[serde(skip)]
    pub document: Value,
}

/// One step of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RunStep {
    /// `sync`, `extract`, `normalize` or `load`.
    pub step: String,
    /// Beginning, ISO 8601.
    pub started_at: String,
    /// End.
    pub finished_at: Option<String>,
    /// Why it failed.
    pub error: Option<RunFailure>,
    /// Per resource, in extract.
    pub resource_metrics: Vec<ResourceMetrics>,
    /// Per table, in normalize.
    pub table_metrics: Vec<TableMetrics>,
    /// Per job, in load.
    pub job_metrics: Vec<Value>,
    /// Packages, in load.
    pub load_packages: Vec<LoadedPackage>,
}

/// Why a step failed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RunFailure {
    /// Error code.
    pub code: String,
    /// What failed.
    pub message: String,
}

/// What a resource gave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ResourceMetrics {
    /// Its name.
    pub resource_name: String,
    /// Items.
    pub items_count: u64,
    /// Pages.
    pub pages: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Rows of a table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TableMetrics {
    /// Its name.
    pub table_name: String,
    /// Rows.
    pub items_count: u64,
    /// Bytes of its job files.
    pub file_size: u64,
    /// Job files.
    pub files: u64,
}

/// A package of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LoadedPackage {
    /// Load id.
    pub load_id: String,
    /// `loaded`, `normalized`, `aborted`.
    pub state: String,
    /// Schema of the package.
    pub schema_name: String,
    /// Partial tables that the package added.
    pub schema_update: Value,
}

impl Run {
    fn parse(text: &str) -> Option<Run> {
        let document: Value = serde_json::from_str(text).ok()?;
        let run = Run::deserialize(&document).ok()?;
        Some(Run { document, ..run })
    }

    /// Beginning of the run.
    pub fn began(&self) -> Option<Timestamp> {
        self.started_at.parse().ok()
    }

    /// Seconds from beginning to end; nothing while it runs.
    pub fn seconds(&self) -> Option<f64> {
        let end: Timestamp = self.finished_at.as_ref()?.parse().ok()?;
        Some(end.duration_since(self.began()?).as_secs_f64())
    }

    /// Rows of all tables but system tables.
    pub fn row_count(&self) -> u64 {
        let step = self.steps.iter().find(|step| !step.table_metrics.is_empty());
        let tables = step.map(|step| step.table_metrics.as_slice()).unwrap_or_default();
        let metrics = tables.iter().filter(|table| !table.table_name.starts_with("_dlt")).map(|table| table.items_count);
        match tables {
            [] => self.rows.iter().filter(|(table, _)| !table.starts_with("_dlt")).map(|(_, rows)| rows).sum(),
            _ => metrics.sum(),
        }
    }

    /// The first error of a step.
    pub fn failure(&self) -> Option<&RunFailure> {
        self.steps.iter().find_map(|step| step.error.as_ref())
    }

    /// First characters of the id, as people quote it.
    pub fn short_id(&self) -> &str {
        self.transaction_id.get(..8).unwrap_or(&self.transaction_id)
    }
}

impl RunStep {
    /// Seconds from beginning to end.
    pub fn seconds(&self) -> Option<f64> {
        let began: Timestamp = self.started_at.parse().ok()?;
        let end: Timestamp = self.finished_at.as_ref()?.parse().ok()?;
        Some(end.duration_since(began).as_secs_f64())
    }
}

/// Documents of a pipeline, newest first.
pub fn all(runs_dir: &Path, pipeline: &str) -> Vec<Run> {
    let files = files(runs_dir, pipeline);
    let mut runs: Vec<Run> =
        files.iter().filter_map(|path| Run::parse(&fs::read_to_string(path).ok()?)).collect();
    runs.sort_by(|a, b| b.started_at.cmp(&a.started_at));
    runs
}

/// The run whose id begins with `id`.
pub fn find(runs_dir: &Path, pipeline: &str, id: &str) -> Option<Run> {
    let is_meant = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(id));
    let path = files(runs_dir, pipeline).into_iter().find(is_meant)?;
    Run::parse(&fs::read_to_string(path).ok()?)
}

/// The newest run.
pub fn last(runs_dir: &Path, pipeline: &str) -> Option<Run> {
    let written = |path: &PathBuf| fs::metadata(path).and_then(|found| found.modified()).ok();
    let newest = files(runs_dir, pipeline).into_iter().max_by_key(written)?;
    Run::parse(&fs::read_to_string(newest).ok()?)
}

/// Where the newest run has loaded to, as a destination of the command line; nothing for a kind that keeps its address in
/// the settings.
pub fn last_address(runs_dir: &Path, pipeline: &str) -> Option<String> {
    let run = last(runs_dir, pipeline)?;
    let is_named = run.destination_name != run.destination_type;
    (!is_named && run.location.starts_with("duckdb://")).then_some(run.location)
}

fn files(runs_dir: &Path, pipeline: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(runs_dir.join(pipeline)) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}
