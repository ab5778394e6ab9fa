//! What can go wrong with a load package.
//!
//! Variants follow what the caller does next: make room, change permissions, wait for another process, look for
//! another package, report a damaged file. Every I/O failure names its path.

use std::io;
use std::path::{Path, PathBuf};

/// Result of an operation on a load package.
pub type Result<T, E = PackageError> = std::result::Result<T, E>;

/// Failure of an operation on a load package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No space or quota left; trying again after making room helps.
    #[error("no space is left to write `{}`", path.display())]
    DiskFull {
        /// File or folder that was being written.
        path: PathBuf,
        /// Cause from the operating system.
        source: io::Error,
    },
    /// Folder or file is read-only for this user.
    #[error("`{}` cannot be written by this user ({source})", path.display())]
    NotWritable {
        /// File or folder that was being written.
        path: PathBuf,
        /// Cause from the operating system.
        source: io::Error,
    },
    /// Any other failure of the file system.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// Verb: what was attempted.
        action: &'static str,
        /// File or folder at hand.
        path: PathBuf,
        /// Cause from the operating system.
        source: io::Error,
    },
    /// Another process runs this pipeline.
    #[error("pipeline `{pipeline}` is being run by another process ({})", holder(*.pid))]
    Locked {
        /// Pipeline name (name of the working folder).
        pipeline: String,
        /// Process that holds the lock, if it could be read.
        pid: Option<u32>,
        /// Lock file.
        path: PathBuf,
    },
    /// There is no such package.
    #[error("load package `{load_id}` does not exist in `{}`", root.display())]
    NotFound {
        /// Load id asked for.
        load_id: String,
        /// Working folder of the pipeline.
        root: PathBuf,
    },
    /// There is a package of this id already.
    #[error("load package `{load_id}` exists already in `{}`", path.display())]
    Exists {
        /// Load id.
        load_id: String,
        /// Folder of the existing package.
        path: PathBuf,
    },
    /// Package is loaded or aborted; its jobs cannot be changed any more.
    #[error("load package `{load_id}` is complete and cannot be changed")]
    Completed {
        /// Load id.
        load_id: String,
    },
    /// Package has jobs in a format that tipple does not load.
    #[error(
        "load package `{load_id}` was made by another program (job `{job}`); load it there, or give it up with \
         `abort-packages`"
    )]
    Foreign {
        /// Load id.
        load_id: String,
        /// One of its job files.
        job: String,
    },
    /// Files and manifest do not fit together.
    #[error("load package `{load_id}` is damaged: `{}` {why}", path.display())]
    Damaged {
        /// Load id.
        load_id: String,
        /// File in question.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No such job in the state that was expected.
    #[error("load package `{load_id}` has no job `{job}` in `{folder}`")]
    NoJob {
        /// Load id.
        load_id: String,
        /// File name of the job.
        job: String,
        /// Folder that was looked at.
        folder: &'static str,
    },
    /// A file in a job folder is not named like a job.
    #[error("`{name}` is not the name of a job file (TABLE.FILEID.RETRY.FORMAT)")]
    JobName {
        /// Name as found.
        name: String,
    },
    /// A JSON document of the package cannot be read.
    #[error("`{}` is not the JSON document that was expected: {source}", path.display())]
    Document {
        /// File.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
    /// Arrow could not write or read a job file.
    #[error("job file `{}`: {source}", path.display())]
    Arrow {
        /// File.
        path: PathBuf,
        /// Cause.
        source: arrow_schema::ArrowError,
    },
    /// Working folder was written by a newer program.
    #[error("`{}` has storage version {found}, this program knows {known}", path.display())]
    Version {
        /// Version file.
        path: PathBuf,
        /// Version found.
        found: String,
        /// Version known.
        known: &'static str,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "process unknown".to_owned(),
        |pid| format!("process {pid}"),
    )
}

impl PackageError {
    /// The failure of `action` on `path`, sorted by what helps.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => PackageError::DiskFull { path, source },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                if action != "read" =>
            {
                PackageError::NotWritable { path, source }
            }
            _ => PackageError::Io {
                action,
                path,
                source,
            },
        }
    }

    pub(crate) fn arrow(
        action: &'static str,
        path: &Path,
        source: arrow_schema::ArrowError,
    ) -> Self {
        match source {
            arrow_schema::ArrowError::IoError(_, source) => Self::io(action, path, source),
            source => PackageError::Arrow {
                path: path.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn document(path: &Path, source: serde_json::Error) -> Self {
        PackageError::Document {
            path: path.to_owned(),
            source,
        }
    }
}
