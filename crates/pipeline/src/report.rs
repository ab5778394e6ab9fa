//! What a run has done, as a value: printed by the command line, kept in the run document, checked by tests.

use indexmap::IndexMap;
use serde::Serialize;
use tipple_schema::DataType;

/// A step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// State and schemas come from the destination.
    Sync,
    /// Items are read.
    Extract,
    /// Items become rows.
    Normalize,
    /// Rows go to the destination.
    Load,
}

impl Step {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Sync => "sync",
            Step::Extract => "extract",
            Step::Normalize => "normalize",
            Step::Load => "load",
        }
    }
}

/// How long a step took.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Which step.
    pub step: Step,
    /// Wall time.
    pub seconds: f64,
}

/// One load package of a run.
#[derive(Debug, Clone, Serialize)]
pub struct PackageReport {
    /// Names the package and stamps its rows.
    pub load_id: String,
    /// Schema it was made with.
    pub schema_name: String,
    /// `LOADED` or `NORMALIZED and NOT YET LOADED to the destination`.
    pub is_loaded: bool,
    /// Jobs that failed for good.
    pub failed_jobs: usize,
    /// Jobs with rows.
    pub jobs: usize,
    /// Bytes of the job files.
    pub bytes: u64,
}

/// A column that this run added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewColumn {
    /// Table of the column.
    pub table: String,
    /// Name of the column.
    pub column: String,
    /// Type that the first value gave, as the schema spells it.
    pub data_type: String,
    /// True for a column that takes values that do not fit another column.
    pub is_variant: bool,
}

impl NewColumn {
    /// Describes a new column.
    pub fn new(table: &str, column: &str, data_type: Option<DataType>, is_variant: bool) -> Self {
        NewColumn {
            table: table.to_owned(),
            column: column.to_owned(),
            data_type: data_type
                .map(DataType::as_str)
                .unwrap_or_default()
                .to_owned(),
            is_variant,
        }
    }
}

/// What one resource gave.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ResourceReport {
    /// Items that passed the cursor.
    pub items: u64,
    /// Pages read.
    pub pages: u64,
    /// Bytes of those pages, decompressed.
    pub bytes: u64,
    /// Requests that were answered; 0 where pages come without requests.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Requests that were sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Time waited for limits and before attempts.
    #[serde(skip_serializing_if = "is_zero")]
    pub waited_ms: u64,
    /// Answers by status.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub status_counts: IndexMap<String, u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde calls"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What one run has done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunReport {
    /// Identifies the run in its history.
    pub transaction_id: String,
    /// Name of the pipeline.
    pub pipeline_name: String,
    /// Name of the destination in the configuration.
    pub destination_name: String,
    /// Kind of the destination.
    pub destination_type: String,
    /// Dataset in the destination.
    pub dataset_name: String,
    /// Address of the destination without secrets.
    pub location: String,
    /// Packages in the order in which they were loaded.
    pub packages: Vec<PackageReport>,
    /// Items, pages and bytes per resource.
    pub resources: IndexMap<String, ResourceReport>,
    /// Rows per table.
    pub rows: IndexMap<String, u64>,
    /// Tables that this run added.
    pub new_tables: Vec<String>,
    /// Columns that this run added, system columns of new tables left out.
    pub new_columns: Vec<NewColumn>,
    /// Columns that were only ever null and so do not exist, as (table, column).
    pub null_only: Vec<(String, String)>,
    /// Rows and values that a contract kept out, per table.
    pub rejected: IndexMap<String, u64>,
    /// Wall time per step.
    pub steps: Vec<StepReport>,
    /// What the user should know, each with its remedy.
    pub warnings: Vec<String>,
    /// Most memory that the process has held.
    pub peak_memory_bytes: u64,
    /// True when nothing had ever been loaded by this pipeline.
    pub first_run: bool,
    /// True when packages of an earlier run were loaded instead of new data.
    pub loaded_pending: bool,
    /// Statements that a dry run would have executed.
    pub planned: Vec<String>,
}

impl RunReport {
    /// Items read.
    pub fn items(&self) -> u64 {
        self.resources.values().map(|resource| resource.items).sum()
    }

    /// Bytes read.
    pub fn bytes(&self) -> u64 {
        self.resources.values().map(|resource| resource.bytes).sum()
    }
}
