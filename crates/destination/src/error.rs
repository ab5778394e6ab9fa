//! What can go wrong at a destination, sorted by what the caller does next.
//!
//! A destination never retries a load by itself: it says whether trying again can help ([`ErrorKind`]), and the pipeline
//! decides. Texts are written for the person who runs the pipeline; [`DestinationError::code`] is the word that
//! `tipple explain` knows.

use crate::verify::SchemaProblems;

/// Error of any kind from below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Shorthand for results of this crate.
pub type Result<T, E = DestinationError> = std::result::Result<T, E>;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The same call may succeed later.
    Transient,
    /// Something has to be changed first.
    Terminal,
}

/// An error of a destination.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Another process holds the database.
    #[error("{location} is in use by {holder} (waited {waited_ms} ms)")]
    Locked {
        /// The database, without secrets.
        location: String,
        /// The process that holds it, as far as known.
        holder: String,
        /// How long the lock was retried.
        waited_ms: u64,
    },
    /// The database was opened for reading or the file system forbids writing.
    #[error("{location} cannot be written: {cause}")]
    ReadOnly {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// No space left where the database lives.
    #[error("no space left for {location}: {cause}")]
    DiskFull {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// The file is damaged or no database at all.
    #[error("{location} is damaged or is not a database: {cause}")]
    Corrupt {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// The destination cannot be reached or opened.
    #[error("{location} cannot be opened: {cause}")]
    Unreachable {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
        /// Whether trying again can help.
        kind: ErrorKind,
    },
    /// The destination does not let the user in.
    #[error("{location} refuses the login: {cause}")]
    Login {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// The user lacks a right.
    #[error("the user has no right to {what} at {location}: {cause}")]
    Forbidden {
        /// What was tried, as a verb: `create the dataset `shop``.
        what: String,
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
        /// The statement with which an administrator gives the right, where it is known.
        grant: Option<String>,
    },
    /// Another process changed the same tables between planning and running; a new plan is needed.
    #[error(
        "table `{table}` in dataset `{dataset}` was changed by another process meanwhile: {cause}"
    )]
    Changed {
        /// Table whose statement failed.
        table: String,
        /// Dataset of the table.
        dataset: String,
        /// What the destination said.
        cause: String,
    },
    /// The memory limit of the destination was too low for the work.
    #[error("{location} ran out of memory: {cause}")]
    OutOfMemory {
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// Credentials or settings that cannot be understood.
    #[error("setting `{field}` of destination `{destination}` is not usable: {why}")]
    Settings {
        /// Name of the destination.
        destination: String,
        /// Key of the setting.
        field: String,
        /// The rule that was broken.
        why: String,
    },
    /// The schema cannot be loaded into this destination; every reason is listed.
    #[error("{0}")]
    Schema(SchemaProblems),
    /// A table, column or dataset that should be there is not.
    #[error("{what} does not exist at {location}: {cause}")]
    Undefined {
        /// What was looked for.
        what: String,
        /// The database, without secrets.
        location: String,
        /// What the destination said.
        cause: String,
    },
    /// A statement that changes tables failed.
    #[error(
        "table `{table}` in dataset `{dataset}` cannot be brought to schema `{schema}`: {cause}"
    )]
    Migration {
        /// Table whose statement failed.
        table: String,
        /// Dataset of the table.
        dataset: String,
        /// Name of the schema.
        schema: String,
        /// The statement.
        sql: Box<str>,
        /// What the destination said.
        cause: String,
        /// Whether trying again can help.
        kind: ErrorKind,
    },
    /// Rows of a job were refused.
    #[error("job `{job}` cannot be loaded into table `{table}`: {cause}")]
    Job {
        /// Id of the job.
        job: String,
        /// Table of the job.
        table: String,
        /// What the destination said.
        cause: String,
        /// Whether trying again can help.
        kind: ErrorKind,
    },
    /// The file of a job cannot be read.
    #[error("the file of job `{job}` of table `{table}` cannot be read")]
    JobFile {
        /// Id of the job.
        job: String,
        /// Table of the job.
        table: String,
        /// Why.
        #[source]
        cause: BoxError,
    },
    /// A statement after the jobs (merge, replace) failed.
    #[error("the {what} of table `{table}` failed: {cause}")]
    FollowUp {
        /// `merge`, `replace`, `truncate` …
        what: String,
        /// Root table of the chain.
        table: String,
        /// The statement.
        sql: String,
        /// What the destination said.
        cause: String,
        /// Whether trying again can help.
        kind: ErrorKind,
    },
    /// A query failed.
    #[error("the query failed: {cause}")]
    Query {
        /// The statement.
        sql: String,
        /// What the destination said.
        cause: String,
        /// Whether trying again can help.
        kind: ErrorKind,
    },
    /// What is stored in a system table cannot be understood.
    #[error("row of `{table}` at {location} cannot be read: {why}")]
    Stored {
        /// System table.
        table: String,
        /// The database, without secrets.
        location: String,
        /// The rule that was broken.
        why: String,
    },
}

impl DestinationError {
    /// Whether trying again can help.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DestinationError::Locked { .. } | DestinationError::Changed { .. } => {
                ErrorKind::Transient
            }
            DestinationError::Unreachable { kind, .. }
            | DestinationError::Migration { kind, .. }
            | DestinationError::Job { kind, .. }
            | DestinationError::FollowUp { kind, .. }
            | DestinationError::Query { kind, .. } => *kind,
            _ => ErrorKind::Terminal,
        }
    }

    /// Dotted word that names the error for people and programs.
    pub fn code(&self) -> &'static str {
        match self {
            DestinationError::Locked { .. } => "destination.locked",
            DestinationError::ReadOnly { .. } => "destination.read_only",
            DestinationError::DiskFull { .. } => "destination.disk_full",
            DestinationError::Corrupt { .. } => "destination.corrupt",
            DestinationError::Unreachable { .. } => "destination.unreachable",
            DestinationError::Login { .. } => "destination.login",
            DestinationError::Forbidden { .. } => "destination.forbidden",
            DestinationError::Changed { .. } => "destination.changed",
            DestinationError::OutOfMemory { .. } => "destination.out_of_memory",
            DestinationError::Settings { .. } => "destination.settings",
            DestinationError::Schema(_) => "destination.schema",
            DestinationError::Undefined { .. } => "destination.undefined",
            DestinationError::Migration { .. } => "destination.migration",
            DestinationError::Job { .. } => "destination.job",
            DestinationError::JobFile { .. } => "destination.job_file",
            DestinationError::FollowUp { .. } => "destination.follow_up",
            DestinationError::Query { .. } => "destination.query",
            DestinationError::Stored { .. } => "destination.stored",
        }
    }
}
