//! `tipple pipeline`: the pipelines of this machine.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tipple_pipeline::PipelineInfo;
use tipple_pipeline::rundoc::RunDocument;

use super::super::Outcome;
use crate::exit::Exit;
use crate::output::{Align, Sheet, Terminal, human};
use crate::project::{Project, short_path};
use crate::runs;

/// Arguments of `tipple pipeline list`.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    /// Prints one line per pipeline.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        let names = project.pipeline_names();
        let mut sheet = Sheet::new(&[
            ("NAME", "name", Align::Left),
            ("DESTINATION", "destination", Align::Left),
            ("DATASET", "dataset", Align::Left),
            ("LAST RUN", "last_run", Align::Left),
            ("STATUS", "status", Align::Left),
            ("ROWS", "rows", Align::Right),
            ("TOOK", "seconds", Align::Right),
            ("PENDING", "pending", Align::Left),
        ]);
        for name in &names {
            sheet.push(row(project, name));
        }
        if !sheet.is_empty() || !terminal.is_for_people() {
            terminal.print_sheet(&sheet);
        }
        let counted = human::counted(names.len() as u64, "pipeline", "pipelines");
        terminal.note(&format!(
            "{counted} in {}",
            short_path(&project.pipelines_dir(None))
        ));
        Ok(Exit::Done)
    }
}

type Cells = Vec<(String, serde_json::Value)>;

fn row(project: &Project, name: &str) -> Cells {
    let dash = || ("-".to_owned(), serde_json::Value::Null);
    let text = |text: &str| {
        if text.is_empty() {
            dash()
        } else {
            (text.to_owned(), json!(text))
        }
    };
    let info = project
        .workdir(name)
        .ok()
        .and_then(|workdir| PipelineInfo::read(&workdir).ok());
    let state = info.as_ref().and_then(|info| info.state.as_ref());
    let destination = state.and_then(|state| {
        state
            .text("destination_name")
            .or_else(|| state.text("destination_type"))
    });
    let destination = destination
        .unwrap_or_default()
        .trim_start_matches("dlt.destinations.");
    let dataset = state
        .and_then(|state| state.text("dataset_name"))
        .unwrap_or_default();
    let pending = info.as_ref().map_or(0, |info| info.pending.len() as u64);
    let mut cells = vec![text(name), text(destination), text(dataset)];
    cells.extend(match runs::last(&project.runs_dir(), name) {
        Some(run) => run_cells(&run),
        None => vec![dash(), dash(), dash(), dash()],
    });
    cells.push(match pending {
        0 => ("-".to_owned(), json!(0)),
        count => (human::counted(count, "package", "packages"), json!(count)),
    });
    cells
}

fn run_cells(run: &RunDocument) -> Cells {
    let ago = runs::began(run)
        .map(|began| human::ago(began, Timestamp::now()))
        .unwrap_or_default();
    let took = runs::seconds(run);
    let rows = runs::row_count(run);
    vec![
        (ago, json!(run.started_at)),
        (run.status.as_str().to_owned(), json!(run.status)),
        (human::count(rows), json!(rows)),
        (
            took.map_or_else(|| "-".to_owned(), human::seconds),
            json!(took),
        ),
    ]
}
