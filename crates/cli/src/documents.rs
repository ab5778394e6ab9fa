//! Documents that the user names on the command line: YAML or JSON by the ending of the file.

use std::path::Path;

use serde_json::Value;

use crate::diagnostics::{Diagnostic, codes};

/// Reads a document.
///
/// # Errors
/// The file cannot be read, or is not what its ending says.
pub fn read(path: &Path) -> Result<Value, Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::new(
            &codes::USAGE_FILE,
            format!("cannot read `{}`", path.display()),
        )
        .with("why", error.to_string())
    })?;
    let is_yaml = path
        .extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml");
    let failed = |format: &str, line: usize, column: usize, why: String| {
        Diagnostic::new(
            &codes::SCHEMA_FILE,
            format!("`{}` is not valid {format}", path.display()),
        )
        .with("where", format!("line {line}, column {column}"))
        .with("why", why)
    };
    if is_yaml {
        return tipple_schema::yaml::parse(&text)
            .map_err(|error| failed("YAML", error.line, error.column, error.problem.clone()));
    }
    serde_json::from_str(&text).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        failed("JSON", error.line(), error.column(), why)
    })
}
