//! Command line of the judges; `cargo xtask` calls it.

use std::path::PathBuf;
use std::process::ExitCode;

use tipple_testkit::compare::{Scope, differences};
use tipple_testkit::dump::dump_file;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = PathBuf::from(&arguments[1]);
    let dump = match dump_file(&path, &arguments[2]) {
        Ok(dump) => dump,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(expected) = arguments.get(3) {
        let text = std::fs::read_to_string(expected).unwrap_or_default();
        let mut expected: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(o) = expected.as_object_mut() {
            o.shift_remove("runs");
        }
        for line in differences(&expected, &dump, Scope::default())
            .iter()
            .take(20)
        {
            println!("{line}");
        }
    } else {
        println!("{dump}");
    }
    ExitCode::SUCCESS
}
