//! Why a run ended early: the step, the package, and the cause from the crate that knows it.
//!
//! Nothing is rendered here: the command line turns a [`RunError`] into a message with a code, context and help.

use std::path::PathBuf;

use tipple_destination::{DestinationError, UnknownWord};
use tipple_normalize::{NormalizeError, RowError, UnknownZone};
use tipple_package::PackageError;
use tipple_schema::{ContractViolation, ImportError, NamingError, SchemaError};
use tipple_source::SourceError;

use crate::hints::HintError;
use crate::lock::LockedSchema;
use crate::plan::PlanError;
use crate::report::Step;
use crate::state::StateError;

/// What went wrong, by the crate that knows it.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The source cannot be read, or its cursor does not fit the rows.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An item cannot become rows.
    #[error(transparent)]
    Normalize(#[from] NormalizeError),
    /// A contract of a resource forbids what its hints ask for.
    #[error(transparent)]
    Contract(Box<ContractViolation>),
    /// A schema document or a change of a schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A name in hints.
    #[error(transparent)]
    Hints(#[from] HintError),
    /// A name that the naming convention refuses, or a convention that does not exist.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// A setting whose word is not known.
    #[error(transparent)]
    Word(#[from] UnknownWord),
    /// The destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The working folder.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A stored state.
    #[error("{place}: {cause}")]
    State {
        /// File or table.
        place: String,
        /// What is wrong with it.
        cause: StateError,
    },
    /// A schema file for people cannot be read.
    #[error("the schema file `{}` cannot be imported: {cause}", path.display())]
    SchemaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: ImportError,
    },
    /// A schema file for people is that of another schema.
    #[error("the schema file `{}` is that of the schema `{found}`, not of `{expected}`", path.display())]
    SchemaFileName {
        /// The file.
        path: PathBuf,
        /// Name that the file name promises.
        expected: String,
        /// Name in the file.
        found: String,
    },
    /// A run would change a schema that is locked.
    #[error(transparent)]
    Locked(LockedSchema),
    /// A stored plan cannot be applied.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// `DLT_INTERVAL_TIMEZONE` is no zone.
    #[error(transparent)]
    TimeZone(#[from] UnknownZone),
    /// The stored schema does not give its own hash.
    #[error("schema `{schema}` was edited by hand: its content does not give its hash ({})", path.display())]
    SchemaFileEdited {
        /// Name of the schema.
        schema: String,
        /// The file.
        path: PathBuf,
    },
    /// Names of resources that the source does not have.
    #[error(
        "the source `{source_name}` has no resource {}; it has {}",
        quoted(unknown),
        quoted(known)
    )]
    UnknownResource {
        /// Name of the source.
        source_name: String,
        /// Names asked for.
        unknown: Vec<String>,
        /// Names that exist.
        known: Vec<String>,
    },
    /// Nothing has been loaded by this pipeline yet.
    #[error("pipeline `{pipeline}` has not run yet")]
    NeverRan {
        /// Name of the pipeline.
        pipeline: String,
    },
    /// Packages are waiting, so state must not be changed.
    #[error("pipeline `{pipeline}` has {count} pending package(s)")]
    Pending {
        /// Name of the pipeline.
        pipeline: String,
        /// Number of packages.
        count: usize,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A broken invariant.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Cause {
    /// Dotted word that names the error for people and programs; the family alone where only the text tells more.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::Source(error) => error.code(),
            Cause::Destination(error) => error.code(),
            Cause::Contract(_) => "data.contract",
            Cause::Normalize(_) => "data.failed",
            Cause::Schema(_) | Cause::Hints(_) | Cause::Naming(_) => "schema.conflict",
            Cause::SchemaFileEdited { .. } => "schema.edited",
            Cause::SchemaFile { .. } | Cause::SchemaFileName { .. } => "schema.file",
            Cause::Locked(_) => "schema.locked",
            Cause::Plan(_) => "plan.stale",
            Cause::TimeZone(_) => "config.invalid",
            Cause::Package(_) => "package.io",
            Cause::State { .. } => "pipeline.state",
            Cause::UnknownResource { .. } => "pipeline.unknown_resource",
            Cause::NeverRan { .. } => "pipeline.never_ran",
            Cause::Pending { .. } => "pipeline.pending",
            Cause::Interrupted => "pipeline.interrupted",
            Cause::Word(_) => "config.invalid",
            Cause::Internal(_) => "internal.bug",
        }
    }
}

impl From<ContractViolation> for Cause {
    fn from(violation: ContractViolation) -> Self {
        Cause::Contract(Box::new(violation))
    }
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A run that ended early.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct RunError {
    /// The step that failed; absent when the request itself was wrong.
    pub step: Option<Step>,
    /// Package at hand.
    pub load_id: Option<String>,
    /// True when a sealed package waits to be loaded.
    pub package_pending: bool,
    /// Packages that were loaded before it.
    pub packages_loaded: usize,
    /// Why.
    #[source]
    pub cause: Cause,
}

impl RunError {
    /// An error of `step`.
    pub fn at(step: Step, cause: impl Into<Cause>) -> Self {
        RunError {
            step: Some(step),
            load_id: None,
            package_pending: false,
            packages_loaded: 0,
            cause: cause.into(),
        }
    }

    /// An error of the request itself.
    pub fn request(cause: impl Into<Cause>) -> Self {
        RunError {
            step: None,
            load_id: None,
            package_pending: false,
            packages_loaded: 0,
            cause: cause.into(),
        }
    }
}

/// A frozen contract that a run has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation<'a> {
    /// Table that would change.
    pub table: &'a str,
    /// Column that would be added or changed; absent for a new table.
    pub column: Option<&'a str>,
    /// `tables`, `columns` or `data_type`.
    pub entity: &'static str,
    /// The mode of the contract.
    pub mode: &'static str,
}

impl RunError {
    /// The contract that the run has violated, if that is why it ended.
    pub fn contract_violation(&self) -> Option<Violation<'_>> {
        let found = match &self.cause {
            Cause::Contract(violation) => violation,
            Cause::Normalize(NormalizeError::Contract(violation)) => violation,
            Cause::Normalize(NormalizeError::Row { error, .. }) => match error.as_ref() {
                RowError::Contract { violation, .. } => violation,
                _ => return None,
            },
            _ => return None,
        };
        Some(Violation {
            table: &found.table,
            column: found.column.as_deref(),
            entity: found.entity.as_str(),
            mode: found.mode.as_str(),
        })
    }
}

/// Names the step of an error.
pub(crate) trait AtStep<T> {
    /// The error as one of `step`.
    fn at(self, step: Step) -> Result<T, RunError>;
}

impl<T, E: Into<Cause>> AtStep<T> for Result<T, E> {
    fn at(self, step: Step) -> Result<T, RunError> {
        self.map_err(|cause| RunError::at(step, cause))
    }
}
