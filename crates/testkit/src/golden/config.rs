//! Golden look-ups of settings, and hashes of schema documents.

use serde_json::{Value, json};
use tipple_config::{Scope, environment_keys};
use tipple_schema::document_hash;

use super::{expect, text, texts};

/// `config_lookup`: names of environment variables in the order in which they are tried.
pub(super) fn lookup(line: &Value) -> Result<(), String> {
    let mut scope = match line["config_section"].as_str() {
        Some(section) => Scope::fixed(section),
        None => Scope::new(texts(line, "sections")),
    };
    for field in texts(line, "embedded") {
        scope = scope.within(&field);
    }
    if let Some(pipeline) = line["pipeline"].as_str() {
        scope = scope.in_pipeline(pipeline);
    }
    let keys = environment_keys(&scope, text(line, "key"));
    if json!(keys) == line["env_keys_in_order"] {
        return Ok(());
    }
    Err(format!("we try {}", json!(keys)))
}

/// `schema_hash`: version hash of a whole document.
pub(super) fn schema_hash(line: &Value) -> Result<(), String> {
    let document = line["schema"].as_object().ok_or("`schema` is no object")?;
    expect(line, Some(json!(document_hash(document))))
}
