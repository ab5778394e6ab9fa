//! Fuzz targets: short runs on the corpus of the repository and beyond.

use std::process::Command;

use crate::failure::Failure;
use crate::toolbox::{self, is_there, root};

/// Targets in `fuzz/fuzz_targets`.
const TARGETS: [&str; 3] = ["json_to_tables", "schema_document", "naming"];

/// Seconds for each target unless `--seconds` says otherwise.
const SECONDS: u64 = 120;

/// `cargo xtask fuzz [TARGET…] [--seconds N]`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (mut targets, mut seconds) = (Vec::new(), SECONDS);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let number = words.next().and_then(|number| number.parse().ok());
                seconds =
                    number.ok_or_else(|| Failure::Other("--seconds wants a number".to_owned()))?;
            }
            name if TARGETS.contains(&name) => targets.push(name),
            name => {
                let known = TARGETS.join(", ");
                return Err(Failure::Other(format!(
                    "there is no target `{name}`; there are {known}"
                )));
            }
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    if !is_there("cargo", &["fuzz", "--version"]) {
        return Err(Failure::Other(
            "cargo-fuzz is needed: cargo install --locked cargo-fuzz".to_owned(),
        ));
    }
    for target in &targets {
        println!("── {target}, {seconds} s");
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root()?)
            // Coverage wants unstable flags of the compiler, which its stable release takes this way.
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["fuzz", "run", target, "--sanitizer", "none", "--"]);
        toolbox::run(cargo.arg(format!("-max_total_time={seconds}")))?;
    }
    println!("{} passed, 0 failed", targets.len());
    Ok(())
}
