//! Errors of schema documents and of changes to a schema.

use tipple_schema::SchemaError;

use super::Diagnostic;
use super::codes::{self, Code};

/// The error for people.
pub fn from_schema(error: &SchemaError) -> Diagnostic {
    let (code, help): (&'static Code, &str) = match error {
        SchemaError::Damaged { .. }
        | SchemaError::UnknownDataType { .. }
        | SchemaError::ParentNotFound { .. } => (&codes::SCHEMA_DAMAGED, ""),
        SchemaError::EngineTooNew { .. } => (
            &codes::SCHEMA_ENGINE_TOO_NEW,
            "use the newer version here as well",
        ),
        SchemaError::TableNotFound { .. } => (&codes::SCHEMA_TABLE_NOT_FOUND, ""),
        SchemaError::TableConflict { .. }
        | SchemaError::TypeConflict { .. }
        | SchemaError::Orphaned { .. } => (
            &codes::SCHEMA_CONFLICT,
            "take the hint back, or start the table over with `--refresh drop_resources`",
        ),
        SchemaError::IdentifiersFrozen { .. } => (&codes::SCHEMA_IDENTIFIERS_FROZEN, ""),
        SchemaError::InvalidName(_) => (&codes::SCHEMA_NAME, ""),
        SchemaError::Pattern { .. } => (&codes::SCHEMA_PATTERN, ""),
        SchemaError::Contract { .. } => (&codes::SCHEMA_CONTRACT_WORD, ""),
        SchemaError::Naming { .. } => (&codes::SCHEMA_NAMING, ""),
        _ => (&codes::SCHEMA_DAMAGED, ""),
    };
    let (what, why) = split(&error.to_string());
    let mut diagnostic = Diagnostic::new(code, what);
    if !why.is_empty() {
        diagnostic = diagnostic.with("why", why);
    }
    if help.is_empty() {
        diagnostic
    } else {
        diagnostic.help(help)
    }
}

/// A long message in two: what, and why after its last colon outside quotes.
fn split(message: &str) -> (String, String) {
    const WHAT_CHARS_MAX: usize = 100;
    if message.chars().count() <= WHAT_CHARS_MAX {
        return (message.to_owned(), String::new());
    }
    match message.split_once(": ") {
        Some((what, why)) => (what.to_owned(), why.to_owned()),
        None => (message.to_owned(), String::new()),
    }
}
