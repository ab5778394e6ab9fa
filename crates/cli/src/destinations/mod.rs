//! The registry of destinations: one list, each entry behind its feature.
//!
//! A destination is written as a kind (`duckdb`), a kind with an address (`duckdb:shop.duckdb`,
//! `postgres://user@host/database`), or a name of the settings (`[destination.NAME] destination_type = "duckdb"`).
//! [`open`] takes any of them apart, resolves its settings, and gives the destination. Opens no connection.

#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(feature = "postgres")]
mod postgres;

use std::path::Path;
use std::sync::Arc;

use tipple_config::{Scope, Settings};
use tipple_destination::Destination;

use crate::diagnostics::{Diagnostic, codes, config, nearest, quoted};

/// Kind that is used when neither the user nor the settings name one.
pub const DEFAULT: &str = "duckdb";

/// Kinds of destination that are compiled in.
pub const KINDS: &[&str] = &[
    #[cfg(feature = "duckdb")]
    "duckdb",
    #[cfg(feature = "postgres")]
    "postgres",
];

/// Schemes of addresses that are not the word of their kind.
const SCHEMES: [(&str, &str); 1] = [("postgresql", "postgres")];

/// True for kinds whose address is a file, so that the last run tells where the data is; others keep their address in the
/// settings, with the secrets.
pub fn is_known_by_its_address(kind: &str) -> bool {
    kind == "duckdb"
}

/// Secrets that a destination written as a mere kind needs: key in the settings, and what to paste there.
pub fn secret_of(destination: &str) -> Option<(&'static str, &'static str)> {
    match destination {
        "postgres" => Some((
            "destination.postgres.credentials",
            "address: postgresql://user:password@host:5432/database",
        )),
        _ => None,
    }
}

/// What a destination needs to know about the run.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// All settings.
    pub settings: &'a Settings,
    /// Name of the pipeline.
    pub pipeline: &'a str,
    /// Working folder of the pipeline.
    pub pipeline_dir: &'a Path,
    /// Memory that the whole process may use, in bytes.
    pub memory_bytes_max: u64,
}

/// The destination as the user wrote it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    kind: String,
    /// Name in the settings: the kind unless the user has another.
    name: String,
    address: Option<String>,
}

/// A destination with resolved settings.
///
/// # Errors
/// The kind is not compiled in, the name is not configured, or a setting cannot be used.
pub fn open(
    text: &str,
    surroundings: &Surroundings<'_>,
) -> Result<Arc<dyn Destination>, Diagnostic> {
    let wish = parse(text, surroundings)?;
    match wish.kind.as_str() {
        #[cfg(feature = "duckdb")]
        "duckdb" => duckdb::open(&wish, surroundings),
        #[cfg(feature = "postgres")]
        "postgres" => postgres::open(&wish, surroundings),
        _ => Err(unknown(text, surroundings.settings)),
    }
}

fn parse(text: &str, surroundings: &Surroundings<'_>) -> Result<Wish, Diagnostic> {
    let text = text.strip_prefix("dlt.destinations.").unwrap_or(text);
    if let Some(kind) = KINDS.iter().find(|kind| **kind == text) {
        return Ok(Wish {
            kind: (*kind).to_owned(),
            name: (*kind).to_owned(),
            address: None,
        });
    }
    if let Some((scheme, rest)) = text.split_once(':')
        && let Some(kind) = kind_of_scheme(scheme)
    {
        let address = if rest.starts_with("//") { text } else { rest };
        return Ok(Wish {
            kind: kind.to_owned(),
            name: kind.to_owned(),
            address: Some(address.to_owned()),
        });
    }
    let scope = Scope::destination(text).in_pipeline(surroundings.pipeline);
    let kind = surroundings
        .settings
        .text(&scope, "destination_type")
        .map_err(|error| config::from_config(&error))?;
    match kind {
        Some(kind) => {
            let kind = kind
                .strip_prefix("dlt.destinations.")
                .unwrap_or(&kind)
                .to_owned();
            Ok(Wish {
                kind,
                name: text.to_owned(),
                address: None,
            })
        }
        None => Err(unknown(text, surroundings.settings)),
    }
}

/// The kind whose addresses begin with `scheme`; a driver behind a plus sign is left aside.
pub fn kind_of_scheme(scheme: &str) -> Option<&'static str> {
    let scheme = scheme.split('+').next().unwrap_or_default();
    let renamed = SCHEMES.iter().find(|(other, _)| *other == scheme);
    let kind = renamed.map_or(scheme, |(_, kind)| kind);
    KINDS.iter().find(|known| **known == kind).copied()
}

fn unknown(text: &str, settings: &Settings) -> Diagnostic {
    // What follows the scheme may hold a password.
    let hidden = text
        .split_once("://")
        .map(|(scheme, _)| format!("{scheme}://…"));
    let text = hidden.as_deref().unwrap_or(text);
    let named: Vec<String> = match settings.direct("destination") {
        Ok(Some(serde_json::Value::Object(named))) => named
            .iter()
            .filter(|(_, fields)| fields.get("destination_type").is_some())
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::DESTINATION_UNKNOWN,
        format!("there is no destination `{text}`"),
    )
    .with("kinds", format!("{} in this program", quoted(KINDS)));
    if !named.is_empty() {
        diagnostic = diagnostic.with("named", format!("{} in the settings", quoted(&named)));
    }
    let candidates = KINDS
        .iter()
        .copied()
        .chain(named.iter().map(String::as_str));
    match nearest(text, candidates) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(
            "name a kind, or add `[destination.NAME]` with `destination_type` to .dlt/config.toml",
        ),
    }
}
