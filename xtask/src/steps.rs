//! Building, testing and what CI does.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::lab;
use crate::toolbox::{Profile, Toolbox, is_there, root, run};

/// Stands in for the C++ compiler: an empty object for every file, so that only Rust is checked.
const NO_COMPILER: &str = r#"#!/bin/sh
for word; do [ "$word" = -c ] && compiles=1; done
[ "$compiles" ] || exec c++ "$@"
while [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done
"#;

/// `cargo xtask build`: the release binary.
pub fn build(_arguments: &[String]) -> Result<(), Failure> {
    let binary = Toolbox::new()?.tipple(Profile::Release)?;
    println!("{}", binary.display());
    Ok(())
}

/// `cargo xtask install`: the release binary, in cargo's bin folder.
pub fn install(_arguments: &[String]) -> Result<(), Failure> {
    let binary = Toolbox::new()?.tipple(Profile::Release)?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folder = home
        .ok_or_else(|| Failure::Other("HOME is not set".to_owned()))?
        .join("bin");
    fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
    let (installed, fresh) = (folder.join("tipple"), folder.join(".tipple.new"));
    fs::copy(&binary, &fresh).map_err(Failure::file("write", &fresh))?;
    // By rename: an installed binary may be running.
    fs::rename(&fresh, &installed).map_err(Failure::file("replace", &installed))?;
    println!("{}", installed.display());
    Ok(())
}

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// `cargo xtask test [FILTER…]`: all tests but those of `cargo xtask conformance`, or those with FILTER in their name.
pub fn test(filters: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    let tipple = toolbox.tipple(Profile::Dev)?;
    let nextest = is_there("cargo", &["nextest", "--version"]);
    let mut suite = if nextest {
        toolbox.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        eprintln!("cargo-nextest is not installed; `cargo test` does the same more slowly");
        toolbox.cargo(&[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
    };
    suite
        .args(toolbox.features())
        .env("TIPPLE_BIN", &tipple)
        .env("INSTA_UPDATE", "no");
    match lab::postgres()? {
        Some(server) => {
            suite.envs(server.variables());
        }
        None => eprintln!("PostgreSQL is not installed; its tests are skipped"),
    }
    if nextest && filters.is_empty() {
        // They have a command of their own, which shows them as a table.
        suite.args(["-E", "not binary(conformance)"]);
    }
    if !nextest && !filters.is_empty() {
        suite.arg("--");
    }
    let mut tally = count(suite.args(filters))?;
    if filters.is_empty() {
        let mut docs = toolbox.cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
        let of_docs = count(docs.args(toolbox.features()))?;
        tally.passed += of_docs.passed;
        tally.failed += of_docs.failed;
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    match tally {
        Tally { failed: 0, passed } if passed > 0 || !filters.is_empty() => Ok(()),
        Tally { failed: 0, .. } => Err(Failure::Other("no test ran".to_owned())),
        Tally { failed, .. } => Err(Failure::Other(format!("{failed} tests failed"))),
    }
}

/// Runs a test command, shows its output, and adds up its summaries. Without a summary (it does not compile) it fails.
fn count(command: &mut Command) -> Result<Tally, Failure> {
    let started = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = started.map_err(|cause| Failure::NotStarted {
        program: program.clone(),
        cause,
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let tally = std::thread::scope(|scope| {
        let errors = scope.spawn(|| stderr.map(follow).unwrap_or_default());
        let own = stdout.map(follow).unwrap_or_default();
        let errors = errors.join().unwrap_or_default();
        Tally {
            passed: own.passed + errors.passed,
            failed: own.failed + errors.failed,
        }
    });
    let status = child.wait().map_err(|cause| Failure::NotStarted {
        program: program.clone(),
        cause,
    })?;
    if !status.success() && tally.failed == 0 {
        return Err(Failure::Ended {
            command: program,
            status,
        });
    }
    Ok(tally)
}

fn follow(stream: impl std::io::Read) -> Tally {
    let mut tally = Tally::default();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        println!("{line}");
        if let Some(counted) = summary(&line) {
            tally.passed += counted.passed;
            tally.failed += counted.failed;
        }
    }
    tally
}

/// Reads `Summary [..] 10 tests run: 9 passed, 1 failed, 0 skipped` and `test result: ok. 3 passed; 0 failed; …`.
fn summary(line: &str) -> Option<Tally> {
    let line = line.trim_start();
    let is_summary = line.starts_with("Summary [") || line.starts_with("test result:");
    let before = |word: &str| -> u64 {
        let words: Vec<&str> = line
            .split([' ', ',', ';'])
            .filter(|part| !part.is_empty())
            .collect();
        let at = words
            .iter()
            .position(|part| *part == word)
            .filter(|at| *at > 0);
        at.and_then(|at| words[at - 1].parse().ok()).unwrap_or(0)
    };
    is_summary.then(|| Tally {
        passed: before("passed"),
        failed: before("failed") + before("timed"),
    })
}

/// `cargo xtask ci`: what CI does, from the installation of tools to the last step.
pub fn ci(_arguments: &[String]) -> Result<(), Failure> {
    run(Command::new(root()?.join(".ci/run")).current_dir(root()?))
}

/// `cargo xtask lint`: clippy, rustdoc, and cargo-deny where it is installed.
pub fn lint(_arguments: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    clippy(&toolbox)?;
    docs(&toolbox)?;
    deny(&toolbox)
}

/// Two passes: tests may touch files, clocks and the environment freely, everything else only through its layer.
fn clippy(toolbox: &Toolbox) -> Result<(), Failure> {
    let mut everything = toolbox.cargo(&["clippy", "--quiet", "--workspace", "--all-targets"]);
    everything.args(toolbox.features());
    run(everything.args(["--", "-D", "warnings", "-A", "clippy::disallowed_methods"]))?;
    let mut shipped = toolbox.cargo(&["clippy", "--quiet", "--workspace", "--exclude", "xtask"]);
    shipped.args([
        "--exclude",
        "tipple-testkit",
        "--exclude",
        "tipple-tests",
        "--lib",
        "--bins",
    ]);
    shipped.args(toolbox.features());
    run(shipped.args(["--", "-D", "warnings"]))
}

fn docs(toolbox: &Toolbox) -> Result<(), Failure> {
    let mut command = toolbox.cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    command.args(toolbox.features());
    run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// `cargo xtask bundled`: checks that the default features, with the bundled DuckDB, still compile: everything but
/// DuckDB's own C++.
pub fn bundled(_arguments: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    let folder = toolbox.work_folder("bundled")?;
    let compiler = folder.join("no-compiler");
    fs::write(&compiler, NO_COMPILER).map_err(Failure::file("write", &compiler))?;
    make_executable(&compiler)?;
    let mut command = toolbox.cargo(&["check", "--quiet", "--package", "tipple"]);
    // A target folder of its own: the empty objects must never be linked.
    command
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CXX", &compiler);
    run(command.env_remove("DUCKDB_LIB_DIR"))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, mode).map_err(Failure::file("change", path))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

fn deny(toolbox: &Toolbox) -> Result<(), Failure> {
    if !is_there("cargo", &["deny", "--version"]) {
        println!("skipped: cargo-deny is not installed");
        return Ok(());
    }
    // Advisories are left to people: CI must not fail because of what happened elsewhere.
    run(&mut toolbox.cargo(&["deny", "check", "bans", "licenses", "sources"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_test_runners_are_read() {
        let line = "     Summary [   0.048s] 10 tests run: 9 passed (1 slow), 1 failed, 2 skipped";
        assert_eq!(
            summary(line),
            Some(Tally {
                passed: 9,
                failed: 1
            })
        );
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(
            summary(line),
            Some(Tally {
                passed: 3,
                failed: 2
            })
        );
        assert_eq!(summary("3 passed, 2 failed"), None);
    }
}
