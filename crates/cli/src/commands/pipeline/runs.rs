//! `tipple pipeline NAME runs`: earlier runs.

use clap::Args;
use serde_json::json;
use tipple_pipeline::rundoc::RunDocument;

use super::super::Outcome;
use crate::exit::Exit;
use crate::output::{Align, Sheet, Terminal, human};
use crate::project::Project;
use crate::runs;

/// Arguments of `tipple pipeline runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Pipeline
    name: String,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only runs that ended so
    #[arg(long, value_name = "STATUS", value_parser = ["running", "succeeded", "failed", "partial", "interrupted", "cancelled"])]
    status: Option<String>,
}

impl Runs {
    /// Prints one line per run, newest first.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        project.workdir(&self.name)?;
        let runs = runs::all(&project.runs_dir(), &self.name)?;
        let is_wanted = |run: &&RunDocument| {
            self.status
                .as_ref()
                .is_none_or(|status| status == run.status.as_str())
        };
        let mut sheet = Sheet::new(&[
            ("RUN", "transaction_id", Align::Left),
            ("STARTED", "started_at", Align::Left),
            ("STATUS", "status", Align::Left),
            ("ROWS", "rows", Align::Right),
            ("TOOK", "seconds", Align::Right),
            ("ERROR", "error", Align::Left),
        ]);
        for run in runs.iter().filter(is_wanted).take(self.limit) {
            sheet.push(row(run));
        }
        terminal.print_sheet(&sheet);
        Ok(Exit::Done)
    }
}

fn row(run: &RunDocument) -> Vec<(String, serde_json::Value)> {
    let took = runs::seconds(run);
    let error = runs::failure(run).map(|failure| failure.code.clone());
    let rows = runs::row_count(run);
    vec![
        (runs::short_id(run).to_owned(), json!(run.transaction_id)),
        (
            runs::began(run).map(human::moment).unwrap_or_default(),
            json!(run.started_at),
        ),
        (run.status.as_str().to_owned(), json!(run.status)),
        (human::count(rows), json!(rows)),
        (
            took.map_or_else(|| "-".to_owned(), human::seconds),
            json!(took),
        ),
        (error.clone().unwrap_or_default(), json!(error)),
    ]
}
