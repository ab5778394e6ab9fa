//! Golden vectors: inputs and outputs of single functions of dlt, judged through the public functions of our crates.
//!
//! Each file has a rule by its name; a line passes when we give its `out`, or refuse where it has an `error`. Nothing here
//! knows a particular line. Start with [`judge_folder`].

mod config;
mod names;
mod rows;
mod sql;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What our function gives: an output, or nothing where it refuses the input.
type Given = Option<Value>;

/// Judges one line; the second value holds inputs that all lines of the folder share.
type Rule = fn(&Value, &Value) -> Result<(), String>;

/// Shared inputs of a folder that has none of its own.
const INPUTS: &str = include_str!("../../../../fixtures/golden/inputs.json");

/// Rules by file name.
const RULES: &[(&str, Rule)] = &[
    ("naming", |line, _| names::naming(line)),
    ("layouts", names::layouts),
    ("iso", |line, _| values::iso(line)),
    ("coerce", |line, _| values::coerce(line)),
    ("ids", |line, _| rows::ids(line)),
    ("dedup", |line, _| rows::dedup(line)),
    ("sqltypes", |line, _| sql::types(line)),
    ("literals", |line, _| sql::literals(line)),
    ("config_lookup", |line, _| config::lookup(line)),
    ("schema_hash", |line, _| config::schema_hash(line)),
];

/// Why golden files could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// How the lines of one file did.
#[derive(Debug, Default)]
pub struct FileResult {
    /// Name of the file.
    pub name: String,
    /// Lines that passed.
    pub passed: usize,
    /// Number of the line, and what was wrong, for each that failed.
    pub failures: Vec<(usize, String)>,
    /// True when there is no rule for the file, so that none of its lines counts.
    pub is_unknown: bool,
}

/// Judges every `*.jsonl` of a folder.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn judge_folder(folder: &Path) -> Result<Vec<FileResult>, GoldenError> {
    let read = |cause| GoldenError::Read {
        path: folder.to_owned(),
        cause,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            paths.push(path);
        }
    }
    paths.sort();
    let inputs = fs::read_to_string(folder.join("inputs.json"));
    let inputs = inputs.as_deref().unwrap_or(INPUTS);
    let inputs: Value = serde_json::from_str(inputs).unwrap_or_default();
    paths.iter().map(|path| judge_file(path, &inputs)).collect()
}

fn judge_file(path: &Path, inputs: &Value) -> Result<FileResult, GoldenError> {
    let text = fs::read_to_string(path).map_err(|cause| GoldenError::Read {
        path: path.to_owned(),
        cause,
    })?;
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut result = FileResult {
        name,
        ..FileResult::default()
    };
    let Some((_, rule)) = RULES.iter().find(|(name, _)| *name == result.name) else {
        result.is_unknown = true;
        return Ok(result);
    };
    for (i, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let judged = serde_json::from_str(line)
            .map_err(|error| error.to_string())
            .and_then(|line| rule(&line, inputs));
        match judged {
            Ok(()) => result.passed += 1,
            Err(problem) => result
                .failures
                .push((i + 1, format!("{problem}; line: {line}"))),
        }
    }
    Ok(result)
}

/// Compares with `out`, or with the refusal that `error` stands for.
fn expect(line: &Value, given: Given) -> Result<(), String> {
    if line.get("out") == given.as_ref() {
        return Ok(());
    }
    let shown = given.map_or_else(|| "a refusal".to_owned(), |given| given.to_string());
    Err(format!("we give {shown}"))
}

/// Text under a key; empty when there is none.
fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

/// Texts of a list under a key.
fn texts(line: &Value, key: &str) -> Vec<String> {
    let items = line[key].as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
