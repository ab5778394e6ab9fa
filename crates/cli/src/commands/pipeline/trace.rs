//! `tipple pipeline NAME trace`: the steps of a run.

use clap::Args;
use tipple_pipeline::rundoc::{RunDocument, StepDocument};

use super::super::Outcome;
use crate::diagnostics::{Diagnostic, codes};
use crate::exit::Exit;
use crate::output::{Terminal, human};
use crate::project::Project;
use crate::runs;

/// Arguments of `tipple pipeline trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// Pipeline
    name: String,
    /// Run by the beginning of its id, instead of the last one
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

impl Trace {
    /// Prints the steps of one run.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        project.workdir(&self.name)?;
        let runs_dir = project.runs_dir();
        let run = match &self.run {
            Some(id) => runs::find(&runs_dir, &self.name, id)?,
            None => runs::last(&runs_dir, &self.name),
        };
        let run = run.ok_or_else(|| self.no_run())?;
        terminal.print_document(&run, || text(&run))?;
        Ok(Exit::Done)
    }

    fn no_run(&self) -> Diagnostic {
        let what = match &self.run {
            Some(id) => format!("pipeline `{}` has no run `{id}`", self.name),
            None => format!("pipeline `{}` has no runs of tipple", self.name),
        };
        Diagnostic::new(&codes::PIPELINE_NO_RUN, what)
            .next(format!("tipple pipeline {} runs", self.name))
    }
}

fn text(run: &RunDocument) -> String {
    let took = runs::seconds(run)
        .map(|seconds| format!(" in {}", human::seconds(seconds)))
        .unwrap_or_default();
    let began = runs::began(run)
        .map(|began| format!(", started {}", human::moment(began)))
        .unwrap_or_default();
    let mut text = format!(
        "Run {} {}{took}{began}\n",
        runs::short_id(run),
        run.status.as_str()
    );
    for step in &run.steps {
        let seconds = runs::step_seconds(step).map_or_else(|| "-".to_owned(), human::seconds);
        text.push_str(
            &format!("  {:<10} {seconds:>8}  {}\n", step.step, step_text(step))
                .replace("  \n", "\n"),
        );
    }
    for package in run.steps.iter().flat_map(|step| &step.load_packages) {
        text.push_str(&format!(
            "Load package {} is {}\n",
            package.load_id,
            package.state.to_uppercase()
        ));
    }
    text
}

fn step_text(step: &StepDocument) -> String {
    if let Some(error) = &step.error {
        return format!("failed: {} [{}]", error.message, error.code);
    }
    let counted = |number: usize, one, many| human::counted(number as u64, one, many);
    if !step.resource_metrics.is_empty() {
        let resources = step.resource_metrics.iter().map(|resource| {
            let items = human::counted(resource.items_count, "item", "items");
            format!(
                "{} {items} in {}",
                resource.resource_name,
                human::counted(resource.pages, "page", "pages")
            )
        });
        return resources.collect::<Vec<_>>().join(", ");
    }
    if !step.table_metrics.is_empty() {
        let rows = step
            .table_metrics
            .iter()
            .map(|table| table.items_count)
            .sum();
        let tables = counted(step.table_metrics.len(), "table", "tables");
        return format!("{tables}, {}", human::counted(rows, "row", "rows"));
    }
    match step.job_metrics.len() {
        0 => String::new(),
        jobs => counted(jobs, "job", "jobs"),
    }
}
