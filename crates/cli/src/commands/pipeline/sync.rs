//! `tipple pipeline NAME sync`: local state anew from the destination.

use clap::Args;
use tipple_pipeline::Pipeline;

use super::super::Outcome;
use crate::diagnostics::pipeline;
use crate::exit::Exit;
use crate::output::Terminal;
use crate::project::{Project, short_path};
use crate::target::{Target, Wish};

/// Arguments of `tipple pipeline sync`.
#[derive(Debug, Args)]
pub struct Sync {
    /// Pipeline; it need not exist on this machine when a destination is given
    name: String,
    /// Destination to restore from
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    /// Dataset to restore from
    #[arg(long, visible_alias = "dataset-name", value_name = "NAME")]
    dataset: Option<String>,
    /// Only tell what would happen
    #[arg(long)]
    dry_run: bool,
}

impl Sync {
    /// Drops local state and schemas and reads them from the destination.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        if self.destination.is_none() {
            project.workdir(&self.name)?;
        }
        let wish = Wish {
            destination: self.destination.as_deref(),
            dataset: self.dataset.as_deref(),
            ..Wish::default()
        };
        let target = Target::resolve(project, &self.name, &wish)?;
        let folder = short_path(&target.options.pipelines_dir.join(&self.name));
        terminal.note(&format!(
            "state and schemas in {folder} will be dropped and taken from {}",
            target.destination().location()
        ));
        if self.dry_run {
            return Ok(Exit::Done);
        }
        terminal.confirm("Go ahead?")?;
        let failed = |error| pipeline::from_run(&error, &self.name);
        let mut pipeline = Pipeline::open(target.options).map_err(failed)?;
        pipeline.sync().map_err(failed)?;
        terminal.note(&format!(
            "pipeline {} is as the destination has it",
            self.name
        ));
        Ok(Exit::Done)
    }
}
