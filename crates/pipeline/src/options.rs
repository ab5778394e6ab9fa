//! What a pipeline is told when it is opened and when it runs.
//!
//! Plain values, complete when they arrive: configuration is resolved by the caller, nothing here reads it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tipple_destination::Destination;
use tipple_schema::Schema;

/// Where a pipeline lives and where it loads.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Name of the pipeline; also the name of its working folder.
    pub name: String,
    /// Folder that holds one working folder per pipeline.
    pub pipelines_dir: PathBuf,
    /// Folder of run documents; none are written without it.
    pub runs_dir: Option<PathBuf>,
    /// Where the data goes.
    pub destination: Arc<dyn Destination>,
    /// Dataset; `<name>_dataset` when absent.
    pub dataset_name: Option<String>,
    /// Everything that has a default.
    pub settings: PipelineSettings,
}

/// Settings of a pipeline that have defaults (spec/config.md §4).
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// Naming convention; the destination's own, else `snake_case`, when absent.
    pub naming: Option<String>,
    /// Longest identifier in characters; that of the destination when absent.
    pub max_identifier_length: Option<usize>,
    /// How `replace` is done: `truncate-and-insert` or `insert-from-staging`; the destination's first when absent.
    pub replace_strategy: Option<String>,
    /// Whether unique hints become constraints; the destination's own rule when absent.
    pub create_indexes: Option<bool>,
    /// Name of the staging dataset; `%s` stands for the dataset.
    pub staging_dataset_layout: String,
    /// Wraps the dataset name; `%s` stands for it.
    pub dataset_name_layout: Option<String>,
    /// Take state and schemas from the destination before the first run of this process.
    pub restore_from_destination: bool,
    /// Threads that normalize; 0 for one per core.
    pub threads: usize,
    /// Memory that queues, batches and an embedded engine may use together.
    pub max_memory_bytes: u64,
    /// Allow a changed naming convention to rename tables that have received data.
    pub allow_identifier_change: bool,
    /// Schema files that users edit are read from here (spec/schema.md §4).
    pub import_schema_path: Option<PathBuf>,
    /// Schema files for people are written here after every change.
    pub export_schema_path: Option<PathBuf>,
    /// Empty the staging tables after each load.
    pub truncate_staging_dataset: bool,
    /// Delete the job files of loaded packages.
    pub delete_completed_jobs: bool,
    /// IANA name of the zone of times without one; UTC when absent.
    pub time_zone: Option<String>,
    /// Add `_dlt_load_id` to rows that arrive as Arrow or Parquet.
    pub arrow_load_id: bool,
    /// Add `_dlt_id` to rows that arrive as Arrow or Parquet.
    pub arrow_row_id: bool,
    /// Bytes of a row id before base64.
    pub row_id_bytes: usize,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        PipelineSettings {
            naming: None,
            max_identifier_length: None,
            replace_strategy: None,
            create_indexes: None,
            staging_dataset_layout: "%s_staging".to_owned(),
            dataset_name_layout: None,
            restore_from_destination: true,
            threads: 0,
            max_memory_bytes: 1 << 30,
            allow_identifier_change: false,
            import_schema_path: None,
            export_schema_path: None,
            truncate_staging_dataset: false,
            delete_completed_jobs: false,
            time_zone: None,
            arrow_load_id: false,
            arrow_row_id: false,
            row_id_bytes: 10,
        }
    }
}

/// How much is forgotten before a run (spec/schema.md §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Drop all tables, schema and state of the source.
    DropSources,
    /// Drop tables and state of the selected resources.
    DropResources,
    /// Empty the tables and drop the state of the selected resources.
    DropData,
}

impl Refresh {
    /// The word for it on the command line and in package state.
    pub fn as_str(self) -> &'static str {
        match self {
            Refresh::DropSources => "drop_sources",
            Refresh::DropResources => "drop_resources",
            Refresh::DropData => "drop_data",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Refresh::DropSources,
            Refresh::DropResources,
            Refresh::DropData,
        ]
        .into_iter()
        .find(|refresh| refresh.as_str() == word)
    }
}

/// What one run is told.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Forget before loading.
    pub refresh: Option<Refresh>,
    /// Contract for all resources of this run: a word or an object.
    pub schema_contract: Option<Value>,
    /// Stop each resource after so many pages.
    pub limit: Option<u64>,
    /// Names of the resources to read; empty for all.
    pub resources: Vec<String>,
    /// Read one page of each resource, load nothing, keep nothing.
    pub dry_run: bool,
    /// Read everything in a dry run as well.
    pub reads_all: bool,
    /// The only tables, columns and types that may come out; anything else ends the run before it is loaded.
    pub locked: Option<Schema>,
}
