//! `tipple schema pin PIPELINE`: the stored schema as a file for version control, which `--locked` holds a run to.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tipple_pipeline::{Lock, PipelineInfo};
use tipple_schema::{ExchangeFormat, Schema};

use super::Outcome;
use crate::args::Global;
use crate::diagnostics::{Diagnostic, codes, pipeline};
use crate::exit::Exit;
use crate::output::Terminal;
use crate::project::{Project, short_path};

/// Folder of locked schemas in a project.
const FOLDER: &str = "schemas";

/// Arguments of `tipple schema pin`.
#[derive(Debug, Args)]
pub struct Pin {
    /// Pipeline
    #[arg(value_name = "PIPELINE")]
    name: String,
}

/// File of the locked schema `name`.
pub fn lock_file(project: &Project, name: &str) -> PathBuf {
    let places = project.settings.places();
    let file = format!("{name}.lock.yaml");
    places.project_dir.join(FOLDER).join(file)
}

impl Pin {
    /// Writes one file for each schema of the pipeline.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let project = Project::load(global, terminal)?;
        let workdir = project.workdir(&self.name)?;
        let info = PipelineInfo::read(&workdir).map_err(|cause| pipeline::from_cause(&cause))?;
        if info.schemas.is_empty() {
            let what = format!("pipeline `{}` has no schema yet", self.name);
            return Err(Diagnostic::new(&codes::PIPELINE_NEVER_RAN, what));
        }
        let mut files = Vec::new();
        for schema in &info.schemas {
            files.push(pin(&project, schema)?);
        }
        terminal.print_document(&json!({"files": files}), || {
            files.iter().map(|file| format!("Wrote {file}\n")).collect()
        })?;
        Ok(Exit::Done)
    }
}

fn pin(project: &Project, schema: &Schema) -> Result<String, Diagnostic> {
    let path = lock_file(project, &schema.name);
    let text = schema
        .without_processing_hints()
        .to_export(ExchangeFormat::Yaml);
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| std::fs::write(&path, text));
    match written {
        Ok(()) => Ok(short_path(&path)),
        Err(cause) => Err(Diagnostic::new(
            &codes::USAGE_FILE,
            format!("`{}` cannot be written", path.display()),
        )
        .with("why", cause.to_string())),
    }
}

/// The locked schema `name`.
///
/// # Errors
/// There is no such file, or it is no schema.
pub fn read_lock(project: &Project, name: &str) -> Result<Lock, Diagnostic> {
    let path = lock_file(project, name);
    let text = std::fs::read_to_string(&path).map_err(|cause| {
        let what = format!("the schema `{name}` is not locked");
        Diagnostic::new(&codes::SCHEMA_NOT_LOCKED, what)
            .with("looked", format!("for {}", short_path(&path)))
            .with("why", cause.to_string())
            .next("tipple schema pin PIPELINE")
    })?;
    Lock::parse(&text).map_err(|cause| {
        let what = format!("`{}` is no locked schema", short_path(&path));
        Diagnostic::new(&codes::SCHEMA_FILE, what).with("why", cause.to_string())
    })
}
