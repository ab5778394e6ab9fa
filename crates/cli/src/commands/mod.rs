//! One file per command.

pub mod check;
pub mod completions;
pub mod config;
pub mod convert_config;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod init;
pub mod load;
pub mod pipeline;
pub mod plan;
pub mod query;
pub mod run;
pub mod schema;
pub mod schema_diff;
pub mod schema_pin;
pub mod version;

use crate::args::{Cli, Command};
use crate::diagnostics::{Diagnostic, codes};
use crate::exit::Exit;
use crate::output::Terminal;

/// Result of a command.
pub type Outcome = Result<Exit, Diagnostic>;

/// Runs the command that the user typed.
///
/// # Errors
/// The diagnostic to print.
pub fn run(cli: Cli, terminal: &Terminal) -> Outcome {
    match cli.command {
        Command::Config(command) => command.run(&cli.global, terminal),
        Command::Demo(command) => command.run(terminal),
        Command::Run(command) => command.run(&cli.global, terminal),
        Command::Load(command) => command.run(&cli.global, terminal),
        Command::Check(command) => command.run(&cli.global, terminal),
        Command::Init(command) => command.run(&cli.global, terminal),
        Command::ConvertConfig(command) => command.run(terminal),
        Command::Pipeline(command) => command.run(&cli.global, terminal),
        Command::Query(command) => command.run(&cli.global, terminal),
        Command::Plan(command) => command.run(&cli.global, terminal),
        Command::Apply(command) => command.run(&cli.global, terminal),
        Command::Schema(command) => command.run(&cli.global, terminal),
        Command::Doctor(command) => command.run(&cli.global, terminal),
        Command::Explain(command) => command.run(terminal),
        Command::Completions(command) => command.run(),
        Command::Version(command) => command.run(terminal),
    }
}

/// Waits for work that talks to a destination, in this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Diagnostic>>) -> Result<T, Diagnostic> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|error| Diagnostic::new(&codes::INTERNAL_BUG, error.to_string()))?;
    runtime.block_on(work)
}
