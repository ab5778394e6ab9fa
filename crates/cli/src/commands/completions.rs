//! `tipple completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Outcome;
use crate::args::Cli;
use crate::exit::Exit;
use crate::output;

/// Arguments of `tipple completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script for the shell.
    pub fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tipple", &mut script);
        output::print(&String::from_utf8_lossy(&script));
        Ok(Exit::Done)
    }
}
