//! Why a command failed, for the person at the terminal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// A program could not be started.
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A program ended with an error, which it has told itself.
    Ended {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A file or folder could not be read or written.
    File {
        /// What was tried: `read`, `write`, ….
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Anything else, in words.
    Other(String),
}

impl Failure {
    /// For `map_err` after an action on a file.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        move |cause| Failure::File {
            action,
            path: path.to_owned(),
            cause,
        }
    }
}

impl From<String> for Failure {
    fn from(words: String) -> Self {
        Failure::Other(words)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted { program, cause } => {
                write!(f, "cannot start `{program}`: {cause}")
            }
            Failure::Ended { command, status } => write!(f, "`{command}` failed ({status})"),
            Failure::File {
                action,
                path,
                cause,
            } => {
                write!(f, "cannot {action} {}: {cause}", path.display())
            }
            Failure::Other(words) => f.write_str(words),
        }
    }
}
