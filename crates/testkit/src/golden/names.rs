//! Golden names: identifiers of all naming conventions, paths of files.

use serde_json::{Value, json};
use tipple_schema::Naming;

use super::{expect, text, texts};

/// `naming`: identifiers, paths and fragments under a convention with a maximum length.
pub(super) fn naming(line: &Value) -> Result<(), String> {
    let max_length = line["max_length"]
        .as_u64()
        .and_then(|length| usize::try_from(length).ok());
    let naming = Naming::from_name(text(line, "naming"), max_length).map_err(|e| e.to_string())?;
    let given = match text(line, "fn") {
        "identifier" => naming.identifier(text(line, "in")),
        "path" => naming.path(text(line, "in")),
        "fragments" => naming.fragments(&texts(line, "in")),
        other => return Err(format!("there is no function `{other}`")),
    };
    expect(line, given.ok().map(|name| json!(name)))
}
