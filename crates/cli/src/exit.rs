//! Exit codes: what a script can tell apart without reading text.

use std::process::ExitCode;

/// How the program ends (spec/workbench.md §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; also when there was nothing to do.
    Done = 0,
    /// Failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A setting or credential is missing or malformed.
    Config = 3,
    /// The source failed.
    Source = 4,
    /// Normalizing or a contract failed.
    Data = 5,
    /// The destination failed.
    Destination = 6,
    /// Partly loaded: a package is left pending.
    Pending = 7,
    /// A pipeline, package, table or job was not found.
    NotFound = 8,
    /// A confirmation was needed and not given.
    Declined = 9,
    /// Changes wait for somebody to approve them.
    Changes = 10,
    /// Stopped by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
