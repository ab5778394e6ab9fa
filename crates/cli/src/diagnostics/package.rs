//! Errors of load packages and of the working folder.

use tipple_package::PackageError;

use super::Diagnostic;
use super::codes::{self, Code};

/// The error for people.
pub fn from_package(error: &PackageError) -> Diagnostic {
    let diagnostic = Diagnostic::new(code_of(error), error.to_string()).caused_by(error);
    match error {
        PackageError::DiskFull { source, .. } => diagnostic
            .with("why", source.to_string())
            .help("make room, then run again; what was sealed before is kept"),
        PackageError::NotWritable { .. } => {
            diagnostic.help("change the permissions, or use another folder: --pipelines-dir DIR")
        }
        PackageError::Locked { path, .. } => diagnostic
            .with("lock", path.display().to_string())
            .help("wait for it to end; trying again later can help"),
        PackageError::Completed { load_id } | PackageError::Exists { load_id, .. } => {
            diagnostic.with("package", load_id.clone())
        }
        PackageError::Damaged { load_id, .. } => diagnostic
            .with("package", load_id.clone())
            .help("give it up with `abort-packages` and run again"),
        PackageError::Version { .. } => diagnostic.help("use the newer version here as well"),
        _ => diagnostic,
    }
}

fn code_of(error: &PackageError) -> &'static Code {
    match error {
        PackageError::DiskFull { .. } => &codes::PACKAGE_DISK_FULL,
        PackageError::NotWritable { .. } => &codes::PACKAGE_NOT_WRITABLE,
        PackageError::Io { .. } => &codes::PACKAGE_IO,
        PackageError::Locked { .. } => &codes::PACKAGE_LOCKED,
        PackageError::NotFound { .. } => &codes::PACKAGE_NOT_FOUND,
        PackageError::Exists { .. } | PackageError::Completed { .. } => &codes::PACKAGE_COMPLETED,
        PackageError::Foreign { .. } => &codes::PACKAGE_FOREIGN,
        PackageError::NoJob { .. } => &codes::PACKAGE_NO_JOB,
        PackageError::Damaged { .. }
        | PackageError::JobName { .. }
        | PackageError::Document { .. }
        | PackageError::Arrow { .. } => &codes::PACKAGE_DAMAGED,
        PackageError::Version { .. } => &codes::PACKAGE_VERSION,
    }
}
