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
        Diagnostic::new(&codes::USAGE_FILE, format!("cannot read `{}`", path.display())).with("why", error.to_string())
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Diagnostic::new(&codes::SCHEMA_FILE, format!("`{}` is not valid JSON", path.display()))
            .with("where", format!("line {}, column {}", error.line(), error.column()))
            .with("why", error.to_string())
    })
}
