//! `cargo xtask histories`: the DDL of every dialect against that of dlt.
//!
//! The snapshots of `fixtures/histories` say what tipple runs; the Python program in `histories.py` lets the clients of
//! real dlt make the statements for the same steps and compares. No database is needed.

use std::fs;
use std::process::Command;

use crate::failure::Failure;
use crate::python::WAREHOUSES;
use crate::toolbox::{lab_folder, root, run as run_program};

const PROGRAM: &str = include_str!("histories.py");

/// `cargo xtask histories`.
pub fn run(_arguments: &[String]) -> Result<(), Failure> {
    let python = WAREHOUSES.python()?;
    let folder = lab_folder()?.join("histories");
    fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
    let program = folder.join("histories.py");
    fs::write(&program, PROGRAM).map_err(Failure::file("write", &program))?;
    let mut command = Command::new(python);
    command.arg(&program).env("PYTHONWARNINGS", "ignore");
    run_program(
        command
            .env("FIXTURES", root()?.join("fixtures"))
            .current_dir(&folder),
    )
}
