//! `tipple convert-config FILE`: a REST configuration in Python as a pipeline file.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use tipple_rest::import::{ImportError, from_python};
use tipple_schema::yaml;

use super::Outcome;
use crate::diagnostics::{Diagnostic, codes};
use crate::exit::Exit;
use crate::output::{self, Terminal, human};

/// Arguments of `tipple convert-config`.
#[derive(Debug, Args)]
pub struct ConvertConfig {
    /// Python file with the dictionary, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl ConvertConfig {
    /// Reads the dictionary as data and prints YAML; what has no file form stands in comments at its top.
    pub fn run(self, terminal: &Terminal) -> Outcome {
        let text = self.text()?;
        let imported = from_python(&text).map_err(|error| from_import(&error))?;
        let mut page = self.heading(&imported.notes);
        page.push_str(&yaml::to_text(&imported.document));
        output::print(&page);
        if !imported.notes.is_empty() {
            let places = human::counted(imported.notes.len() as u64, "place", "places");
            terminal.note(&format!(
                "{places} to be written by hand: see the notes at the top; `tipple check` finds what is left"
            ));
        }
        Ok(Exit::Done)
    }

    /// Where the file is from, and what could not be carried over.
    fn heading(&self, notes: &[String]) -> String {
        let origin = match self.file.as_os_str() == "-" {
            true => "Python".to_owned(),
            false => format!("`{}`", self.file.display()),
        };
        let mut text = format!("# From {origin}.\n");
        if !notes.is_empty() {
            text.push_str("# What has no form in a file is marked `<TODO …>` below; until it is written by hand, `tipple check` refuses it:\n");
        }
        for note in notes {
            text.push_str(&format!("# TODO {note}\n"));
        }
        text
    }

    fn text(&self) -> Result<String, Diagnostic> {
        let mut text = String::new();
        let read = match self.file.as_os_str() == "-" {
            true => std::io::stdin().read_to_string(&mut text).map(|_| text),
            false => std::fs::read_to_string(&self.file),
        };
        read.map_err(|error| {
            let name = self.file.display();
            Diagnostic::new(&codes::USAGE_FILE, format!("cannot read `{name}`"))
                .with("why", error.to_string())
        })
    }
}

/// The error for a text from elsewhere.
pub fn from_import(error: &ImportError) -> Diagnostic {
    Diagnostic::new(&codes::USAGE_FILE, error.message.clone()).help(error.help.clone())
}
