//! `tipple pipeline [NAME] [VERB]`: one file per verb.
//!
//! Both word orders are the same command; `word_order` brings them into the one that is parsed here.

mod abort_packages;
mod drop;
mod failed_jobs;
mod info;
mod list;
mod load_package;
mod runs;
mod schema;
mod sync;
mod trace;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::args::Global;
use crate::output::Terminal;
use crate::project::Project;

/// Arguments of `tipple pipeline`.
#[derive(Debug, Args)]
#[command(
    override_usage = "tipple pipeline [NAME] [VERB] [OPTIONS]\n       tipple pipeline [VERB] [NAME] [OPTIONS]",
    disable_help_subcommand = true,
    after_help = "Without a name the pipelines are listed; a name alone means `info`.\n\
                  If a pipeline is named like a verb, `--name NAME` settles it."
)]
pub struct Pipeline {
    #[command(subcommand)]
    verb: Verb,
    /// Pipeline, for a name that is also a verb
    #[arg(long, global = true, value_name = "NAME")]
    name: Option<String>,
    /// Accepted for compatibility.
    #[arg(short, long, global = true, hide = true)]
    list_pipelines: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the pipelines of this machine
    List(list::List),
    /// Show state, resources and packages
    Info(Named),
    /// Show the steps of the last run
    Trace(trace::Trace),
    /// Show earlier runs, newest first
    Runs(runs::Runs),
    /// Print the schema
    Schema(schema::Schema),
    /// Show jobs that failed or wait after an error
    FailedJobs(failed_jobs::FailedJobs),
    /// Show a load package, the newest unless an id is given
    LoadPackage(load_package::LoadPackage),
    /// Drop local state and take it from the destination
    Sync(sync::Sync),
    /// Drop tables and state of resources
    Drop(drop::Drop),
    /// Give up pending packages and take the state back
    AbortPackages(abort_packages::AbortPackages),
    /// The older name of abort-packages
    #[command(hide = true)]
    DropPendingPackages(abort_packages::AbortPackages),
}

/// A verb that needs a pipeline and nothing else.
#[derive(Debug, Args)]
struct Named {
    /// Pipeline
    name: String,
}

impl Pipeline {
    /// Runs the verb.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let project = Project::load(global, terminal)?;
        match self.verb {
            Verb::List(verb) => verb.run(&project, terminal),
            Verb::Info(named) => info::run(&named.name, &project, terminal),
            Verb::Trace(verb) => verb.run(&project, terminal),
            Verb::Runs(verb) => verb.run(&project, terminal),
            Verb::Schema(verb) => verb.run(&project, terminal),
            Verb::FailedJobs(verb) => verb.run(&project, terminal),
            Verb::LoadPackage(verb) => verb.run(&project, terminal),
            Verb::Sync(verb) => verb.run(&project, terminal),
            Verb::Drop(verb) => verb.run(&project, terminal),
            Verb::AbortPackages(verb) => verb.run(&project, terminal, false),
            Verb::DropPendingPackages(verb) => verb.run(&project, terminal, true),
        }
    }
}
