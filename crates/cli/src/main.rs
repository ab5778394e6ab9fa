//! The program `tipple`: reads arguments, runs one command, prints its result or its error, and picks the exit code.
//!
//! Nothing here is logic that another surface (dashboard, server, library) would need: commands wire the crates together
//! and print. One file per command in [`commands`]; every error becomes a [`diagnostics::Diagnostic`] in one place.
//! Start with [`commands::run()`].

mod args;
mod commands;
mod destinations;
mod diagnostics;
mod documents;
mod exit;
mod interrupt;
mod output;
mod progress;
mod project;
mod runs;
mod sources;
mod summary;
mod target;
mod word_order;

use std::process::ExitCode;

use clap::Parser as _;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words = word_order::arrange(std::env::args_os().collect());
    let outcome = match args::Cli::try_parse_from(&words) {
        Ok(cli) => {
            let terminal = output::Terminal::new(&cli.global);
            commands::run(cli, &terminal).map_err(|diagnostic| (diagnostic, terminal))
        }
        Err(error) => match diagnostics::usage::from_clap(&error) {
            None => return output::print_help(&error),
            Some(diagnostic) => Err((diagnostic, output::Terminal::guess(&words))),
        },
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err((diagnostic, terminal)) => terminal.fail(&diagnostic).into(),
    }
}
