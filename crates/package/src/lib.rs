//! Load packages on disk: write, seal, list, recover. The only crate that knows their layout.
//!
//! A package is a folder of job files (Arrow IPC) and documents. It is written under `new`, made to count by one rename
//! to `normalized`, and ends in `loaded`; its jobs move between folders the same way. So the folder tree is the whole
//! truth about what was promised, and a crash at any moment leaves something that [`PackageStore::recover`] settles.
//! Folders and names are dlt's (spec/load.md §1). Start with [`PackageStore`].

mod abort;
mod document;
mod early_sync;
mod error;
pub mod fsx;
mod ids;
mod job;
mod lock;
mod manifest;
mod names;
mod package;
mod recovery;
mod snapshot;
mod store;
mod writer;

pub use abort::{AbortPlan, Aborted, AbortedPackage};
pub use document::PackageDocument;
pub use error::{PackageError, Result};
pub use ids::LoadIds;
pub use job::{ARROW, JobReader, JobWriter};
pub use lock::{PipelineLock, lock, lock_holder};
pub use manifest::{Manifest, ManifestEntry};
pub use names::{Completion, JobName, JobState, PackageState};
pub use package::{FailureKind, Job, JobException, Package};
pub use recovery::{Pending, Progress, Recovery};
pub use snapshot::Snapshot;
pub use store::PackageStore;
pub use writer::{FileLimits, PackageWriter};
