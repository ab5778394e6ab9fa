//! The seam between planning and an engine: what a destination crate implements.
//!
//! A destination opens clients; a client reads what is there, runs a migration, and commits a load. Everything that is
//! decided arrives as a plan, so a client holds no rules of its own. Jobs hand over record batches through
//! [`JobSource`], which keeps this crate free of how packages are stored.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;

use crate::capabilities::Capabilities;
use crate::catalog::{Catalog, Receipt, StoredSchema, StoredState};
use crate::dialect::SqlDialect;
use crate::error::{BoxError, Result};
use crate::load::LoadPlan;
use crate::migrate::MigrationPlan;
use crate::names::{DatasetNames, SystemNames, Target};
use crate::statement::Statement;

/// Record batches of one job, in order. Batches of one job may differ in their columns.
pub type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, BoxError>> + Send>;

type Open = dyn Fn() -> std::result::Result<Batches, BoxError> + Send + Sync;

/// Where the rows of a job come from. May be opened many times; each time it gives the same batches.
#[derive(Clone)]
pub struct JobSource(Arc<Open>);

impl JobSource {
    /// A source that `open` starts anew each time.
    pub fn new(
        open: impl Fn() -> std::result::Result<Batches, BoxError> + Send + Sync + 'static,
    ) -> Self {
        JobSource(Arc::new(open))
    }

    /// A source of batches in memory.
    pub fn of(batches: Vec<RecordBatch>) -> Self {
        JobSource::new(move || Ok(Box::new(batches.clone().into_iter().map(Ok))))
    }

    /// Starts from the first batch.
    ///
    /// # Errors
    /// Whatever the owner of the rows reports.
    pub fn open(&self) -> std::result::Result<Batches, BoxError> {
        (self.0)()
    }
}

impl fmt::Debug for JobSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobSource")
    }
}

/// One file of rows for one table.
#[derive(Debug, Clone)]
pub struct LoadJob {
    /// Names the job in receipts and errors.
    pub id: String,
    /// Table of the schema.
    pub table: String,
    /// Its rows; absent for the empty job of a replaced resource that gave nothing.
    pub source: Option<JobSource>,
}

/// A kind of place to load to, with its settings.
#[async_trait]
pub trait Destination: fmt::Debug + Send + Sync {
    /// Word of the kind, for instance `duckdb`.
    fn kind(&self) -> &'static str;

    /// Name in settings: the kind unless the user gave another.
    fn name(&self) -> &str;

    /// Name of the kind in stored states, for instance `dlt.destinations.duckdb`.
    fn type_path(&self) -> String {
        format!("dlt.destinations.{}", self.kind())
    }

    /// What the destination can do.
    fn capabilities(&self) -> &'static Capabilities {
        self.dialect().capabilities()
    }

    /// SQL of the destination.
    fn dialect(&self) -> &'static dyn SqlDialect;

    /// Where it is, without secrets.
    fn location(&self) -> String;

    /// Names to use for `dataset`: with a catalog where a name of two parts would be ambiguous.
    fn dataset_names(&self, dataset: &str) -> DatasetNames {
        DatasetNames::new(dataset)
    }

    /// False when it is known without asking that there is no database yet; [`Destination::connect`] would make one.
    fn is_there(&self) -> bool {
        true
    }

    /// Opens a session that may write.
    ///
    /// # Errors
    /// Kinds that say whether trying again can help, for instance [`crate::DestinationError::Locked`].
    async fn connect(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>>;

    /// Opens a session that can only read and that reaches nothing outside the database, whatever is asked of it.
    ///
    /// # Errors
    /// As [`Destination::connect`]; [`crate::DestinationError::Undefined`] when there is no database yet.
    async fn connect_read_only(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>>;
}

/// One session at a destination, bound to two datasets.
#[async_trait]
pub trait Client: Send {
    /// True when the dataset is there.
    async fn dataset_exists(&mut self, target: Target) -> Result<bool>;

    /// Columns of those of `tables` that exist; all tables of the dataset when `tables` is empty.
    async fn read_catalog(&mut self, target: Target, tables: &[&str]) -> Result<Catalog>;

    /// True when the dataset has the version with this hash. False without dataset or table.
    async fn has_schema_version(
        &mut self,
        target: Target,
        names: &SystemNames,
        hash: &str,
    ) -> Result<bool>;

    /// Newest stored version of a schema, or of any schema without a name. Nothing without dataset or table.
    async fn read_stored_schema(
        &mut self,
        names: &SystemNames,
        schema_name: Option<&str>,
    ) -> Result<Option<StoredSchema>>;

    /// Newest state of a pipeline whose load is complete. Nothing without dataset or tables.
    async fn read_state(
        &mut self,
        names: &SystemNames,
        pipeline_name: &str,
    ) -> Result<Option<StoredState>>;

    /// True when the load is complete. False without dataset or table.
    async fn has_receipt(&mut self, names: &SystemNames, load_id: &str) -> Result<bool>;

    /// Runs a migration, whole or not at all where the destination can.
    async fn migrate(&mut self, plan: &MigrationPlan) -> Result<()>;

    /// Makes a package visible at once: truncates, rows, follow-ups, receipt. Does nothing when the receipt is there.
    async fn commit(&mut self, plan: &LoadPlan) -> Result<Receipt>;

    /// Runs statements in one transaction where the destination can.
    async fn execute(&mut self, statements: &[Statement]) -> Result<()>;

    /// Runs one query.
    async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>>;
}
