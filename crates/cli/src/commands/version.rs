//! `tipple version`.

use clap::Args;
use serde::Serialize;

use super::Outcome;
use crate::exit::Exit;
use crate::output::Terminal;

/// Arguments of `tipple version`.
#[derive(Debug, Args)]
pub struct Version {}

#[derive(Serialize)]
struct Facts {
    version: &'static str,
    destinations: &'static [&'static str],
    schema_engine: i64,
}

impl Version {
    /// Prints the version; touches no file.
    pub fn run(self, terminal: &Terminal) -> Outcome {
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION"),
            destinations: crate::destinations::KINDS,
            schema_engine: tipple_schema::ENGINE_VERSION,
        };
        terminal.print_document(&facts, || match terminal.verbose() {
            0 => format!("tipple {}\n", facts.version),
            _ => format!(
                "tipple {}\n  destinations   {}\n  schema engine  {}\n",
                facts.version,
                facts.destinations.join(", "),
                facts.schema_engine
            ),
        })?;
        Ok(Exit::Done)
    }
}
