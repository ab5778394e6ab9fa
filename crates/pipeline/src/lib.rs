//! Running pipelines: extract, normalize, load, and what is remembered between runs.
//!
//! This crate puts the steps in order and decides nothing about data: rows are made by `tipple-normalize`, plans by
//! `tipple-destination`, files by `tipple-package`. It knows neither a source nor a destination by name and prints
//! nothing. Start with [`Pipeline::open`] and [`Pipeline::run`].

mod declare;
mod error;
pub mod events;
mod extract;
mod hints;
mod ids;
mod inspect;
mod load;
mod lock;
mod manage;
mod memory;
mod observe;
mod options;
mod pipeline;
mod plan;
mod prepare;
mod refresh;
mod report;
pub mod rundoc;
mod state;
mod state_package;
mod sync;
mod time;
mod widen;
mod workdir;

pub use error::{Cause, RunError, Violation};
pub use events::{Event, Events, Listener, Stamped};
pub use hints::HintError;
pub use inspect::{Inspection, inspect};
pub use lock::{Lock, LockError, LockedSchema};
pub use manage::{DropRequest, PipelineInfo};
pub use options::{PipelineOptions, PipelineSettings, Refresh, RunOptions};
pub use pipeline::Pipeline;
pub use plan::{Plan, PlanError, PlannedStatement, Seen, StoredChanges, StoredPlan, Write};
pub use refresh::{Forgotten, Selection};
pub use report::{NewColumn, PackageReport, ResourceReport, RunReport, Step, StepReport};
pub use state::{PipelineState, STATE_ENGINE_VERSION, StateError};
pub use workdir::WorkDir;
