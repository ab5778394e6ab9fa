//! `tipple schema diff A B`: how two schemas differ, wherever they are.

use std::path::Path;

use clap::Args;
use tipple_package::PackageStore;
use tipple_pipeline::{PipelineInfo, inspect};
use tipple_schema::{Schema, evolution};

use super::Outcome;
use crate::args::Global;
use crate::diagnostics::{self, Diagnostic, codes, nearest, package, pipeline};
use crate::documents;
use crate::exit::Exit;
use crate::output::Terminal;
use crate::project::Project;
use crate::target::{Target, Wish};

/// Word for the schema in the working folder.
const LOCAL: &str = "local";
/// Word for the schema that the destination has stored.
const DESTINATION: &str = "destination";

/// Arguments of `tipple schema diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "A and B are schema files (YAML, JSON, lock files), or with --pipeline also\n  \
    local         the schema in the working folder\n  \
    destination   the schema that the destination has stored\n  \
    a load id     the schema that a load package came with\n\n\
    Exit code 0: the same tables and columns; 10: they differ."
)]
pub struct Diff {
    /// The older schema
    #[arg(value_name = "A")]
    old: String,
    /// The newer schema
    #[arg(value_name = "B")]
    new: String,
    /// Pipeline whose schemas are meant
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Schema, when the pipeline has several
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// Destination instead of the pipeline's
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
}

impl Diff {
    /// Prints what differs.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let named = match &self.pipeline {
            Some(name) => Some((name.as_str(), Project::load(global, terminal)?)),
            None => None,
        };
        let (old, new) = (
            self.read(&self.old, named.as_ref())?,
            self.read(&self.new, named.as_ref())?,
        );
        let diff = evolution::diff(&old, &new);
        terminal.print_document(&diff.to_document(), || format!("{diff}\n"))?;
        match diff.is_empty() {
            true => Ok(Exit::Done),
            false => Ok(Exit::Changes),
        }
    }

    fn read(&self, word: &str, named: Option<&(&str, Project)>) -> Result<Schema, Diagnostic> {
        if is_file(word) {
            return read_file(Path::new(word));
        }
        let Some((name, project)) = named else {
            let what = format!("`{word}` is no schema file");
            return Err(Diagnostic::new(&codes::USAGE_FILE, what)
                .help("a file ends in .yaml, .yml or .json; `local`, `destination` and load ids need --pipeline NAME"));
        };
        match word {
            LOCAL => self.local(name, project),
            DESTINATION => self.stored(name, project),
            load_id => packaged(name, project, load_id),
        }
    }

    fn local(&self, name: &str, project: &Project) -> Result<Schema, Diagnostic> {
        let info = info(name, project)?;
        let wanted = self.wanted(&info);
        let known: Vec<&str> = info
            .schemas
            .iter()
            .map(|schema| schema.name.as_str())
            .collect();
        let found = info
            .schemas
            .iter()
            .find(|schema| Some(&schema.name) == wanted.as_ref());
        found
            .cloned()
            .ok_or_else(|| no_schema(name, wanted.as_deref(), &known))
    }

    /// Name of the schema that is meant: the one asked for, else the pipeline's default one.
    fn wanted(&self, info: &PipelineInfo) -> Option<String> {
        let default = || {
            let state = info.state.as_ref()?;
            state.text("default_schema_name").map(str::to_owned)
        };
        self.schema.clone().or_else(default)
    }

    fn stored(&self, name: &str, project: &Project) -> Result<Schema, Diagnostic> {
        let wanted = self.wanted(&info(name, project)?);
        let names: Vec<String> = wanted.iter().cloned().collect();
        let wish = Wish {
            destination: self.destination.as_deref(),
            ..Wish::default()
        };
        let options = Target::resolve(project, name, &wish)?.options;
        let location = options.destination.location();
        let found = super::block_on(async {
            let found = inspect(&options, &names).await;
            found.map_err(|error| pipeline::from_cause(&error.cause))
        })?;
        found.schemas.into_iter().next().ok_or_else(|| {
            no_schema(name, wanted.as_deref(), &[]).with("looked", format!("in {location}"))
        })
    }
}

fn is_file(word: &str) -> bool {
    let ending = Path::new(word).extension();
    ending.is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
}

fn read_file(path: &Path) -> Result<Schema, Diagnostic> {
    let document = documents::read(path)?;
    Schema::from_document(&document).map_err(|error| {
        diagnostics::schema::from_schema(&error).with("where", path.display().to_string())
    })
}

fn info(name: &str, project: &Project) -> Result<PipelineInfo, Diagnostic> {
    let workdir = project.workdir(name)?;
    PipelineInfo::read(&workdir).map_err(|cause| pipeline::from_cause(&cause))
}

fn packaged(name: &str, project: &Project, load_id: &str) -> Result<Schema, Diagnostic> {
    let workdir = project.workdir(name)?;
    let found = PackageStore::view(workdir.root()).find(load_id);
    let document = found.and_then(|package| package.schema());
    let document = document.map_err(|error| {
        package::from_package(&error)
            .help("A and B may be a file, `local`, `destination`, or a load id of this machine")
    })?;
    Schema::from_document(&document).map_err(|error| diagnostics::schema::from_schema(&error))
}

fn no_schema(pipeline: &str, wanted: Option<&str>, known: &[&str]) -> Diagnostic {
    let Some(wanted) = wanted else {
        let what = format!("pipeline `{pipeline}` has no schema yet");
        return Diagnostic::new(&codes::PIPELINE_NEVER_RAN, what);
    };
    let what = format!("pipeline `{pipeline}` has no schema `{wanted}`");
    let diagnostic = Diagnostic::new(&codes::SCHEMA_NOT_FOUND, what);
    match nearest(wanted, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}
