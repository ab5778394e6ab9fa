//! What goes to the two streams: results to stdout, everything else to stderr.

pub mod batches;
pub mod human;
mod sheet;
mod terminal;

use std::io::{self, Write as _};
use std::process::ExitCode;

pub use sheet::{Align, Sheet, align_columns};
pub use terminal::Terminal;

use tipple_config::redact;

use crate::exit::Exit;

/// Writes a result; a reader that went away is no error. Secrets of this process never get out.
pub fn print(text: &str) {
    let text = redact(text);
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes a note, a warning or an error. Secrets of this process never get out.
pub fn print_error(text: &str) {
    let text = redact(text);
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

/// Prints what `--help` and `--version` ask for.
pub fn print_help(error: &clap::Error) -> ExitCode {
    let is_asked_for = error.exit_code() == 0;
    let _ = error.print();
    if is_asked_for {
        Exit::Done
    } else {
        Exit::Usage
    }
    .into()
}
