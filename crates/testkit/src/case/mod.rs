//! Oracle cases: small scripts of runs, with what dlt left in the database after them.
//!
//! A case says what is read and with which hints; [`judge`] turns it into calls of the library's public path and tells how
//! each run ended. Nothing here knows a particular case. Start with [`Case::read`].

mod arrow;
mod pages;
mod run;
mod store;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::compare::{Scope, differences};
use crate::dump::DumpError;

pub use run::RunShape;
pub use store::StoreKind;

/// Why a case could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {cause}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is no case or no dump.
    #[error("{} is not what it should be: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The database that the case left cannot be read.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The case asks for something that tipple does not have.
    #[error("the case needs {0}")]
    Unsupported(String),
}

impl CaseError {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CaseError {
        move |cause| CaseError::File {
            action,
            path: path.to_owned(),
            cause,
        }
    }
}

/// A case as it was written.
#[derive(Debug)]
pub struct Case {
    /// File name without extension.
    pub name: String,
    /// The document.
    document: Value,
    /// The text; rows are cut out of it, so that numbers stay as they were written.
    text: String,
    path: PathBuf,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// The file cannot be read, or is not a JSON object with `runs`.
    pub fn read(path: &Path) -> Result<Case, CaseError> {
        let text = fs::read_to_string(path).map_err(CaseError::file("read", path))?;
        let document = parse(path, &text)?;
        if !document["runs"].is_array() {
            let problem = "it has no list `runs`".to_owned();
            return Err(CaseError::Format {
                path: path.to_owned(),
                problem,
            });
        }
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Case {
            name,
            document,
            text,
            path: path.to_owned(),
        })
    }

    /// Dataset that the case loads.
    pub fn dataset(&self) -> &str {
        self.document["dataset"].as_str().unwrap_or("case_data")
    }

    /// Dump that dlt left.
    ///
    /// # Errors
    /// There is none, or it is not JSON.
    pub fn expected(&self) -> Result<Value, CaseError> {
        let path = self.path.with_extension("expected.json");
        let text = fs::read_to_string(&path).map_err(CaseError::file("read", &path))?;
        parse(&path, &text)
    }
}

fn parse(path: &Path, text: &str) -> Result<Value, CaseError> {
    serde_json::from_str(text).map_err(|cause| CaseError::Format {
        path: path.to_owned(),
        problem: cause.to_string(),
    })
}

/// Cases of a folder, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn find_cases(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(CaseError::file("read", folder))? {
        let path = entry.map_err(CaseError::file("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".json") && !name.ends_with(".expected.json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Performs a case over a new store of `kind` in `folder` (made, and left with `runs.json` and `actual.json`, for DuckDB
/// also with `data.duckdb`) and compares with what dlt left. Gives the differences; none means that it passed.
///
/// # Errors
/// The case cannot be performed or read back at all.
pub fn judge(
    case: &Case,
    folder: &Path,
    shape: RunShape,
    kind: &StoreKind,
) -> Result<Vec<String>, CaseError> {
    fs::create_dir_all(folder).map_err(CaseError::file("create", folder))?;
    let store = kind.open(folder)?;
    let runs = run::run(case, folder, &store, shape)?;
    write(&folder.join("runs.json"), &json!(runs))?;
    let mut actual = json!({ "runs": runs });
    let dump = store.dump(case.dataset(), runs.iter().any(has_begun))?;
    let dump = dump.unwrap_or_else(|| json!({"dataset": case.dataset(), "tables": {}}));
    if let (Value::Object(actual), Value::Object(dump)) = (&mut actual, dump) {
        actual.extend(dump);
    }
    write(&folder.join("actual.json"), &actual)?;
    let expected = store.translate(case.expected()?);
    Ok(differences(&expected, &actual, Scope::default()))
}

fn write(path: &Path, value: &Value) -> Result<(), CaseError> {
    fs::write(path, format!("{value:#}\n")).map_err(CaseError::file("write", path))
}

/// True for an outcome of a run that got as far as its first step.
fn has_begun(outcome: &Value) -> bool {
    outcome["ok"] == true || outcome["step"].is_string()
}
