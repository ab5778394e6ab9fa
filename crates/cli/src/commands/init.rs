//! `tipple init SOURCE DESTINATION`: writes the files of a new pipeline.
//!
//! Nothing is overwritten without a question, secrets never go into the pipeline file, and a second run adds a second
//! source beside the first. It works without a network.

mod files;
mod template;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use tipple_rest::import::{Imported, from_curl, from_openapi};

use super::Outcome;
use super::convert_config::from_import;
use crate::args::Global;
use crate::destinations;
use crate::diagnostics::{Diagnostic, codes, nearest, source};
use crate::documents;
use crate::exit::Exit;
use crate::output::{Align, Sheet, Terminal};
use crate::sources::{self, BUILT_IN};
use files::{Files, SecretLine};

/// Name of the general template.
const REST_API: &str = "rest_api";

/// Arguments of `tipple init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Source (see -l) and destination; with --openapi or --curl the source may be left out
    #[arg(value_name = "SOURCE DESTINATION", num_args = 0..=2)]
    names: Vec<String>,
    /// From an OpenAPI 3 document (YAML or JSON)
    #[arg(long, value_name = "FILE", conflicts_with = "curl")]
    openapi: Option<PathBuf>,
    /// From one request; secrets in it go to secrets.toml
    #[arg(long, value_name = "COMMAND")]
    curl: Option<String>,
    /// List the sources that are known
    #[arg(short, long, alias = "list")]
    list_sources: bool,
    /// List the destinations that are known
    #[arg(long)]
    list_destinations: bool,
    /// Accepted for compatibility
    #[arg(long, hide = true, value_name = "PLACE")]
    location: Option<String>,
    /// Accepted for compatibility
    #[arg(long, hide = true, value_name = "NAME")]
    branch: Option<String>,
    /// Accepted for compatibility
    #[arg(long, hide = true)]
    eject: bool,
}

/// What is written.
struct Plan {
    /// Name of the pipeline file without `_pipeline.yaml`.
    name: String,
    pipeline: String,
    secrets: Vec<SecretLine>,
    /// Said about the pipeline file.
    about: String,
    notes: Vec<String>,
}

impl Init {
    /// Writes the files and says what to do next.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        if self.list_sources {
            terminal.print_sheet(&known_sources());
            return Ok(Exit::Done);
        }
        if self.list_destinations {
            terminal.print_sheet(&known_destinations());
            return Ok(Exit::Done);
        }
        if self.eject {
            terminal.note("there is nothing to eject: built-in sources are configurations, see `tipple init -l`");
        }
        let (source, destination) = self.source_and_destination()?;
        check_destination(&destination)?;
        let mut plan = self.plan(source, &destination, terminal)?;
        plan.secrets.extend(secret_of(&destination));
        let folder = global
            .project_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("."));
        write(&plan, &folder, terminal)
    }

    fn plan(
        &self,
        source: Option<String>,
        destination: &str,
        terminal: &Terminal,
    ) -> Result<Plan, Diagnostic> {
        if let Some(command) = &self.curl {
            let name = source.unwrap_or_else(|| host_name(command));
            let imported = from_curl(command, &format!("{name}_source"));
            return imported
                .map(|found| template::imported(&name, destination, found))
                .map_err(|error| from_import(&error));
        }
        if let Some(file) = &self.openapi {
            let document = documents::read(file)?;
            let name = source.unwrap_or_else(|| title(&document));
            let imported: Result<Imported, _> = from_openapi(&document, &format!("{name}_source"));
            return imported
                .map(|found| template::imported(&name, destination, found))
                .map_err(|error| from_import(&error));
        }
        let name = source.unwrap_or_default();
        match sources::built_in(&name) {
            Some(built_in) => template::built_in(built_in, destination)
                .map_err(|error| source::from_source(&error)),
            None => {
                if name != REST_API {
                    terminal.note(&unknown_source(&name));
                }
                Ok(template::rest_api(&name, destination))
            }
        }
    }

    fn source_and_destination(&self) -> Result<(Option<String>, String), Diagnostic> {
        let is_imported = self.curl.is_some() || self.openapi.is_some();
        match (&self.names[..], is_imported) {
            ([source, destination], _) => Ok((Some(identifier(source)), destination.clone())),
            ([destination], true) => Ok((None, destination.clone())),
            _ => Err(Diagnostic::new(
                &codes::USAGE_ARGUMENTS,
                "source and destination are missing",
            )
            .help("for instance: tipple init api_video duckdb")
            .help("known sources: tipple init -l")),
        }
    }
}

fn write(plan: &Plan, folder: &Path, terminal: &Terminal) -> Outcome {
    let mut files = Files::new(folder);
    let pipeline = format!("{}_pipeline.yaml", plan.name);
    if files.exists(&pipeline) {
        terminal.note(&format!("`{pipeline}` exists already"));
        terminal.confirm("Overwrite it?")?;
    }
    files.write(&pipeline, &plan.pipeline, &plan.about)?;
    files.config()?;
    files.secrets(&plan.secrets)?;
    files.ignore()?;
    for line in files.told() {
        terminal.note(line);
    }
    for note in &plan.notes {
        terminal.warn(note);
    }
    terminal.note(&format!("Next: tipple check {pipeline}"));
    Ok(Exit::Done)
}

fn known_sources() -> Sheet {
    let mut sheet = Sheet::new(&[
        ("SOURCE", "source", Align::Left),
        ("WHAT", "what", Align::Left),
    ]);
    let general = (REST_API, "any REST API: a template to fill in");
    let built_in = BUILT_IN
        .iter()
        .map(|source| (source.names[0], source.title));
    for (name, title) in std::iter::once(general).chain(built_in) {
        sheet.push(vec![
            (name.to_owned(), name.into()),
            (title.to_owned(), title.into()),
        ]);
    }
    sheet
}

fn known_destinations() -> Sheet {
    let mut sheet = Sheet::new(&[("DESTINATION", "destination", Align::Left)]);
    for name in destinations::KINDS {
        sheet.push(vec![((*name).to_owned(), (*name).into())]);
    }
    sheet
}

fn secret_of(destination: &str) -> Option<SecretLine> {
    destinations::secret_of(destination).map(|(path, title)| SecretLine {
        path: path.to_owned(),
        value: None,
        title: title.to_owned(),
    })
}

fn check_destination(name: &str) -> Result<(), Diagnostic> {
    let kind = name.split([':', '/']).next().unwrap_or_default();
    if destinations::kind_of_scheme(kind).is_some() {
        return Ok(());
    }
    let diagnostic = Diagnostic::new(
        &codes::USAGE_ARGUMENTS,
        format!("there is no destination `{name}`"),
    );
    Err(match nearest(kind, destinations::KINDS.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("destinations: {}", destinations::KINDS.join(", "))),
    })
}

/// What is said when the general template takes the place of a source that is not known.
fn unknown_source(name: &str) -> String {
    let known = BUILT_IN.iter().map(|source| source.names[0]);
    let near = nearest(name, known).map(|near| format!(" (did you mean `{near}`?)"));
    format!(
        "`{name}` is not among the known sources{}; the template of a REST API is used, `tipple init -l` lists the others",
        near.unwrap_or_default()
    )
}

/// A word as part of names of files and settings.
fn identifier(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let text: String = text.chars().map(plain).collect();
    text.trim_matches('_').to_owned()
}

/// `api.example.com` → `example`.
fn host_name(command: &str) -> String {
    let host = command.split("://").nth(1).unwrap_or_default();
    let host = host
        .split(['/', '\'', '"', ' ', '?', ':'])
        .next()
        .unwrap_or_default();
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    match labels.len() {
        _ if is_number => "rest".to_owned(),
        0 => "rest".to_owned(),
        1 => identifier(labels[0]),
        count => identifier(labels[count - 2]),
    }
}

fn title(document: &Value) -> String {
    let title = document
        .pointer("/info/title")
        .and_then(Value::as_str)
        .unwrap_or("rest");
    identifier(title)
}
