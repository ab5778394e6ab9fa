//! `tipple pipeline NAME drop`: tables and state of resources.

use clap::Args;
use serde_json::json;
use tipple_pipeline::{DropRequest, Forgotten, Pipeline};

use super::super::Outcome;
use crate::diagnostics::{Diagnostic, codes, pipeline};
use crate::exit::Exit;
use crate::output::Terminal;
use crate::project::Project;
use crate::target::{Target, Wish};

/// Arguments of `tipple pipeline drop`.
#[derive(Debug, Args)]
pub struct Drop {
    /// Pipeline
    name: String,
    /// Resources by name, or by pattern after `re:`
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Drop all resources
    #[arg(long)]
    drop_all: bool,
    /// Keys of the source's state to remove as well
    #[arg(long, value_name = "KEY", num_args = 1..)]
    state_paths: Vec<String>,
    /// Schema, when the pipeline has several
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// Leave the tables, drop the state only
    #[arg(long)]
    state_only: bool,
    /// Destination instead of the pipeline's
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    /// Dataset instead of the pipeline's
    #[arg(long, visible_alias = "dataset-name", value_name = "NAME")]
    dataset: Option<String>,
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
}

impl Drop {
    /// Shows the plan, asks, and drops.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        project.workdir(&self.name)?;
        if self.resources.is_empty() && !self.drop_all && self.state_paths.is_empty() {
            return Err(
                Diagnostic::new(&codes::USAGE_ARGUMENTS, "nothing is named to be dropped")
                    .help("name resources, or use --drop-all or --state-paths"),
            );
        }
        let wish = Wish {
            destination: self.destination.as_deref(),
            dataset: self.dataset.as_deref(),
            ..Wish::default()
        };
        let target = Target::resolve(project, &self.name, &wish)?;
        let failed = |error| pipeline::from_run(&error, &self.name);
        let mut pipeline = Pipeline::open(target.options).map_err(failed)?;
        let request = self.request();
        let plan = pipeline.plan_drop(&request).map_err(failed)?;
        terminal.print_document(&document(&plan), || text(&plan, &self.name))?;
        if plan.is_empty() || self.dry_run {
            return Ok(Exit::Done);
        }
        terminal.confirm("Drop them?")?;
        pipeline.drop_resources(&request).map_err(failed)?;
        terminal.note("dropped");
        Ok(Exit::Done)
    }

    fn request(&self) -> DropRequest {
        DropRequest {
            schema: self.schema.clone(),
            resources: self.resources.clone(),
            drop_all: self.drop_all,
            state_keys: self.state_paths.clone(),
            state_only: self.state_only,
        }
    }
}

fn document(plan: &Forgotten) -> serde_json::Value {
    json!({
        "format": 1,
        "tables": plan.tables,
        "resource_states": plan.resource_states,
        "state_paths": plan.state_paths,
    })
}

fn text(plan: &Forgotten, pipeline: &str) -> String {
    if plan.is_empty() {
        return format!("nothing to drop in pipeline {pipeline}\n");
    }
    let line = |label: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("  {label:<16} {}\n", names.join(", ")),
    };
    let mut text = format!("To be dropped from pipeline {pipeline}:\n");
    text.push_str(&line("tables", &plan.tables));
    text.push_str(&line("resource states", &plan.resource_states));
    text.push_str(&line("state keys", &plan.state_paths));
    text
}
