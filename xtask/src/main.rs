//! Developer commands: `cargo xtask COMMAND`.
//!
//! This crate links nothing heavy, so that it builds in seconds and can prepare what the rest needs: the DuckDB library,
//! virtual environments, built binaries. Work that needs tipple itself is done by programs it starts. Start with
//! [`COMMANDS`].

mod bench;
mod conformance;
mod demo;
mod duckdb;
mod failure;
mod fetch;
mod fuzz;
mod histories;
mod interop;
mod judge;
mod lab;
mod measure;
mod python;
mod steps;
mod tidy;
mod toolbox;

use std::process::ExitCode;

use failure::Failure;

/// A command: name, arguments, what it does.
struct Command {
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        arguments: "",
        help: "build the binary, load nested JSON into a DuckDB file, show tables and a query",
        run: demo::run,
    },
    Command {
        name: "build",
        arguments: "",
        help: "build the release binary",
        run: steps::build,
    },
    Command {
        name: "install",
        arguments: "",
        help: "build the release binary and copy it to cargo's bin folder",
        run: steps::install,
    },
    Command {
        name: "test",
        arguments: "[FILTER…]",
        help: "all tests but the conformance suite: unit, property, snapshot, command line, oracle, golden and doc tests",
        run: steps::test,
    },
    Command {
        name: "lint",
        arguments: "",
        help: "clippy and rustdoc without warnings, cargo-deny where it is installed",
        run: steps::lint,
    },
    Command {
        name: "bundled",
        arguments: "",
        help: "check that the default features (bundled DuckDB) compile, DuckDB's own C++ left out",
        run: steps::bundled,
    },
    Command {
        name: "ci",
        arguments: "",
        help: "everything that CI checks (.ci/run)",
        run: steps::ci,
    },
    Command {
        name: "golden",
        arguments: "[DIR…]",
        help: "golden vectors of single functions (default fixtures/golden)",
        run: judge::golden,
    },
    Command {
        name: "oracle",
        arguments: "[DIR…] [--destination duckdb|postgres] [--keep OUT] [--threads N] [--page-rows N]",
        help: "oracle cases through the library, compared with what dlt left (default fixtures/oracle)",
        run: judge::oracle,
    },
    Command {
        name: "conformance",
        arguments: "[--destination NAME]…",
        help: "what every destination must do, as a table of checks and destinations",
        run: conformance::run,
    },
    Command {
        name: "histories",
        arguments: "",
        help: "the DDL of every dialect, from the snapshots of fixtures/histories, against that of real dlt",
        run: histories::run,
    },
    Command {
        name: "interop",
        arguments: "[rest] [WORDS…]",
        help: "real dlt and tipple take turns on one dataset; with `rest` they read the mock server",
        run: interop::run,
    },
    Command {
        name: "bench",
        arguments: "[speed] [shapes] [memory] [start] [rest] [postgres] [--rows N] [--runs N] [--memory-rows N] [--rest-rows N] [--quick]",
        help: "tipple and its peers on the same work, alternating",
        run: bench::run,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET…] [--seconds N]",
        help: "fuzz targets for a while each",
        run: fuzz::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        help: "layers, sizes and docs of the source code",
        run: tidy::run,
    },
    Command {
        name: "lab",
        arguments: "up|down|env postgres",
        help: "a Postgres server for tests; `up` starts it if need be and prints its variables",
        run: lab::run,
    },
    Command {
        name: "libduckdb",
        arguments: "",
        help: "make the prebuilt DuckDB library and print the variables for plain cargo",
        run: duckdb::run,
    },
    Command {
        name: "fetch",
        arguments: "URL USER PAGES",
        help: "read pages of the mock server one after another and do nothing with them",
        run: fetch::run,
    },
    Command {
        name: "measure",
        arguments: "OUT [--memory BYTES] -- PROGRAM ARGS…",
        help: "run one program and write time, CPU and peak memory to OUT",
        run: measure::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print_help();
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("cargo xtask: there is no command `{name}`");
        print_help();
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("cargo xtask COMMAND\n");
    for command in COMMANDS {
        let usage = format!("{} {}", command.name, command.arguments);
        println!("  {usage}\n      {}", command.help);
    }
}
