//! `tipple pipeline NAME abort-packages`: gives up what is pending.

use clap::Args;
use serde_json::json;
use tipple_package::AbortPlan;
use tipple_pipeline::Pipeline;

use super::super::Outcome;
use crate::diagnostics::pipeline;
use crate::exit::Exit;
use crate::output::{Terminal, human};
use crate::project::Project;
use crate::target::{Target, Wish};

/// Arguments of `tipple pipeline abort-packages`.
#[derive(Debug, Args)]
pub struct AbortPackages {
    /// Pipeline
    name: String,
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
}

impl AbortPackages {
    /// Shows the plan, asks, and gives the packages up.
    pub fn run(self, project: &Project, terminal: &Terminal, is_old_name: bool) -> Outcome {
        project.workdir(&self.name)?;
        if is_old_name {
            terminal.note("drop-pending-packages is abort-packages: the state goes back as well");
        }
        let target = Target::resolve(project, &self.name, &Wish::default())?;
        let failed = |error| pipeline::from_run(&error, &self.name);
        let mut pipeline = Pipeline::open(target.options).map_err(failed)?;
        let Some(plan) = pipeline.plan_abort().map_err(failed)? else {
            terminal.note(&format!("pipeline {} has no pending packages", self.name));
            return Ok(Exit::Done);
        };
        terminal.print_document(&document(&plan), || text(&plan))?;
        if self.dry_run {
            return Ok(Exit::Done);
        }
        terminal.confirm("Give them up?")?;
        pipeline.abort_packages().map_err(failed)?;
        terminal.note("the packages are given up; state and schemas are as before them");
        Ok(Exit::Done)
    }
}

fn document(plan: &AbortPlan) -> serde_json::Value {
    let aborted = plan.package_to_abort.as_ref().map(|package| {
        json!({
            "load_id": package.load_id,
            "terminal_jobs": package.terminal_jobs,
            "transient_jobs": package.transient_jobs,
            "interrupted_jobs": package.interrupted_jobs,
            "committed_jobs": package.committed_jobs,
        })
    });
    json!({
        "format": 1,
        "package_to_abort": aborted,
        "packages_to_delete": plan.packages_to_delete,
        "extracted_packages_to_delete": plan.extracted_packages_to_delete,
        "restore_from_load_id": plan.restore_from_load_id,
    })
}

fn text(plan: &AbortPlan) -> String {
    let mut text = String::new();
    if let Some(package) = &plan.package_to_abort {
        text.push_str(&format!("Package {} will be given up\n", package.load_id));
        let groups = [
            ("failed for good", &package.terminal_jobs),
            ("failed", &package.transient_jobs),
            ("interrupted", &package.interrupted_jobs),
            ("committed", &package.committed_jobs),
        ];
        for (word, jobs) in groups.iter().filter(|(_, jobs)| !jobs.is_empty()) {
            text.push_str(&format!(
                "  {} {word}: {}\n",
                human::counted(jobs.len() as u64, "job", "jobs"),
                jobs.join(", ")
            ));
        }
    }
    for load_id in plan
        .packages_to_delete
        .iter()
        .chain(&plan.extracted_packages_to_delete)
    {
        text.push_str(&format!("Package {load_id} will be deleted\n"));
    }
    text.push_str(&format!(
        "State and schemas go back to before package {}\n",
        plan.restore_from_load_id
    ));
    text
}
