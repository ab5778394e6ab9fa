//! What neither rustfmt nor clippy holds: layers between crates, sizes, module docs, no switched-off tests.
//!
//! The rules are those of `docs/ARCHITECTURE.md`. Every problem is shown, with its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;
use crate::toolbox::{output, root};

/// Lines of a file, tests not counted.
const FILE_LINES_MAX: usize = 1000;

/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 120;

/// What each crate may use of the others. A crate that is not here may use everything, and nothing here may use it.
const LAYERS: &[(&str, &[&str])] = &[
    ("tipple-schema", &[]),
    ("tipple-json", &[]),
    ("tipple-config", &[]),
    ("tipple-query", &[]),
    ("tipple-normalize", &["tipple-schema", "tipple-json"]),
    ("tipple-package", &["tipple-json", "tipple-schema"]),
    (
        "tipple-source",
        &["tipple-schema", "tipple-json", "tipple-config"],
    ),
    ("tipple-mockapi", &[]),
    (
        "tipple-files",
        &[
            "tipple-source",
            "tipple-schema",
            "tipple-json",
            "tipple-config",
        ],
    ),
    (
        "tipple-destination",
        &["tipple-schema", "tipple-json", "tipple-config"],
    ),
    (
        "tipple-destination-duckdb",
        &[
            "tipple-destination",
            "tipple-schema",
            "tipple-json",
            "tipple-config",
        ],
    ),
    (
        "tipple-destination-postgres",
        &[
            "tipple-destination",
            "tipple-schema",
            "tipple-json",
            "tipple-config",
        ],
    ),
    (
        "tipple-pipeline",
        &[
            "tipple-config",
            "tipple-destination",
            "tipple-json",
            "tipple-normalize",
            "tipple-package",
            "tipple-schema",
            "tipple-source",
        ],
    ),
];

/// Crates that do no I/O, and words that would betray it.
const PURE_CRATES: [&str; 3] = ["crates/schema/", "crates/json/", "crates/normalize/"];
const IO_WORDS: [&str; 5] = ["std::fs", "std::net", "std::env", "tokio", "std::process"];

/// `cargo xtask tidy`.
pub fn run(_arguments: &[String]) -> Result<(), Failure> {
    let root = root()?;
    let mut problems = layer_problems(&root)?;
    let mut lengths = Vec::new();
    for path in source_files(&root)? {
        let full = root.join(&path);
        let text = fs::read_to_string(&full).map_err(Failure::file("read", &full))?;
        let name = path.display().to_string();
        problems.extend(file_problems(&name, &text));
        lengths.extend(functions(&text).map(|function| function.lines));
    }
    lengths.sort_unstable();
    let quantile = |share: usize| {
        lengths
            .get(lengths.len() * share / 100)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{} functions: median {} lines, p90 {}, p99 {}, longest {}",
        lengths.len(),
        quantile(50),
        quantile(90),
        quantile(99),
        lengths.last().copied().unwrap_or(0)
    );
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::Other(format!("{} problems", problems.len())))
}

/// Files that git knows or would add.
fn source_files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut git = Command::new("git");
    git.current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.rs",
    ]);
    let files = output(&mut git)?;
    Ok(files
        .lines()
        .map(PathBuf::from)
        .filter(|path| root.join(path).exists())
        .collect())
}

fn layer_problems(root: &Path) -> Result<Vec<String>, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(&mut command)?)
        .map_err(|cause| Failure::Other(format!("cargo metadata: {cause}")))?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut problems = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            continue;
        };
        let used = package["dependencies"].as_array().into_iter().flatten();
        // Test code may reach further than the crate itself.
        let used = used.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        for used in used.filter_map(|dependency| dependency["name"].as_str()) {
            if names.contains(&used) && !allowed.contains(&used) {
                problems.push(format!(
                    "{name}: must not use {used} (see docs/ARCHITECTURE.md)"
                ));
            }
        }
    }
    Ok(problems)
}

fn file_problems(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines = shipped.lines().count();
    if lines > FILE_LINES_MAX {
        problems.push(format!("{name}: {lines} lines; {FILE_LINES_MAX} at most"));
    }
    if !text.starts_with("//!") {
        problems.push(format!("{name}:1: no module doc (`//!`)"));
    }
    for function in functions(text).filter(|function| function.lines > FUNCTION_LINES_MAX) {
        problems.push(format!(
            "{name}:{}: `{}` has {} lines; {FUNCTION_LINES_MAX} at most",
            function.start, function.name, function.lines
        ));
    }
    let is_shipped = !name.contains("tests") && !name.contains("/benches/");
    if PURE_CRATES.iter().any(|folder| name.starts_with(folder)) && is_shipped {
        let words = IO_WORDS
            .iter()
            .filter(|word| code_of(shipped).any(|(_, line)| line.contains(*word)));
        problems
            .extend(words.map(|word| format!("{name}: uses {word}, but its crate does no I/O")));
    }
    let switched_off = ["#[", "ignore"].concat();
    for (number, line) in code_of(text) {
        if line.contains(&switched_off) {
            problems.push(format!("{name}:{number}: a test is switched off"));
        }
    }
    problems
}

/// Lines with their numbers, comments left out.
fn code_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

struct Function<'a> {
    name: &'a str,
    start: usize,
    lines: usize,
}

/// Functions of a formatted file: from the line with `fn` to the closing brace at the same indent.
fn functions(text: &str) -> impl Iterator<Item = Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(|(i, line)| Some((i, function_name(line)?)))
        .collect();
    let mut found = Vec::new();
    for (start, name) in starts {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let closing = format!("{}}}", &lines[start][..indent]);
        let ends_here = lines[start].ends_with('}') || lines[start].ends_with(';');
        let end = if ends_here {
            Some(start)
        } else {
            let length = lines[start..].iter().position(|line| *line == closing);
            length.map(|length| start + length)
        };
        if let Some(end) = end {
            found.push(Function {
                name,
                start: start + 1,
                lines: end - start + 1,
            });
        }
    }
    found.into_iter()
}

/// Name of the function that a line begins.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in [
        "pub(crate) ",
        "pub(super) ",
        "pub ",
        "const ",
        "async ",
        "unsafe ",
        "extern \"C\" ",
    ] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_signature_to_closing_brace() {
        let text = "fn a() {\n    b\n}\n\nimpl X {\n    pub fn c<T>(\n        t: T,\n    ) -> T {\n        t\n    }\n    fn d() {}\n}\n";
        let found: Vec<_> = functions(text)
            .map(|f| (f.name, f.start, f.lines))
            .collect();
        assert_eq!(found, [("a", 1, 3), ("c", 6, 5), ("d", 11, 1)]);
    }

    #[test]
    fn a_file_without_module_doc_and_with_io_in_a_pure_crate_is_named() {
        let found = file_problems("crates/json/src/x.rs", "use std::fs;\n");
        assert_eq!(
            found,
            [
                "crates/json/src/x.rs:1: no module doc (`//!`)",
                "crates/json/src/x.rs: uses std::fs, but its crate does no I/O",
            ]
        );
    }
}
