//! `tipple pipeline NAME load-package [ID]`: one load package with its jobs.

use clap::Args;
use serde_json::{Map, Value, json};
use tipple_package::{Job, Package, PackageStore};

use super::super::Outcome;
use super::failed_jobs::find_package;
use crate::diagnostics::{Diagnostic, codes, package};
use crate::exit::Exit;
use crate::output::{Align, Terminal, align_columns, human};
use crate::project::Project;

/// Arguments of `tipple pipeline load-package`.
#[derive(Debug, Args)]
pub struct LoadPackage {
    /// Pipeline
    name: String,
    /// Load id; the newest package without it
    id: Option<String>,
}

impl LoadPackage {
    /// Prints the package.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        let workdir = project.workdir(&self.name)?;
        let store = PackageStore::view(workdir.root());
        let package = find_package(&store, self.id.as_deref())?.ok_or_else(|| {
            let what = format!("pipeline `{}` has no load packages", self.name);
            Diagnostic::new(&codes::PACKAGE_NOT_FOUND, what)
        })?;
        let view = View::of(&package).map_err(|error| package::from_package(&error))?;
        terminal.print_document(&view.document(), || view.text(terminal.verbose() > 0))?;
        Ok(Exit::Done)
    }
}

struct View {
    load_id: String,
    state: String,
    schema_name: String,
    path: String,
    jobs: Vec<Job>,
    changes: Map<String, Value>,
}

impl View {
    fn of(package: &Package) -> tipple_package::Result<Self> {
        let state = match package.completion()? {
            Some(completion) => completion.as_str().to_owned(),
            None => package.state().as_str().to_owned(),
        };
        let changes = match package.applied_schema_updates()? {
            Some(applied) => Some(applied),
            None => package.schema_updates()?,
        };
        let schema_name = package
            .schema()?
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Ok(View {
            load_id: package.load_id().to_owned(),
            state,
            schema_name,
            path: package.path().display().to_string(),
            jobs: package.jobs()?,
            changes: changes.unwrap_or_default(),
        })
    }

    fn document(&self) -> Value {
        let jobs = self.jobs.iter().map(|job| {
            json!({
                "job_id": job.name.job_id(),
                "table_name": job.table,
                "state": job_state(job),
                "file_format": job.name.format,
                "file_size": job.bytes,
                "rows": job.rows,
                "retry_count": job.name.retry,
            })
        });
        json!({
            "format": 1,
            "load_id": self.load_id,
            "state": self.state,
            "schema_name": self.schema_name,
            "path": self.path,
            "jobs": jobs.collect::<Vec<_>>(),
            "schema_update": self.changes,
        })
    }

    fn text(&self, has_changes: bool) -> String {
        let mut text = format!(
            "Package {} of schema {} is {}\n  {}\n",
            self.load_id,
            self.schema_name,
            self.state.to_uppercase(),
            self.path
        );
        let rows: Vec<[String; 6]> = self.jobs.iter().map(job_row).collect();
        let heading = vec!["", "JOB", "TABLE", "STATE", "ROWS", "SIZE"];
        let lines: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| row.iter().map(String::as_str).collect())
            .collect();
        let aligns = [
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Right,
            Align::Right,
        ];
        text.push_str(&align_columns(
            std::iter::once(&heading).chain(&lines),
            &aligns,
        ));
        let tables = human::counted(self.changes.len() as u64, "table", "tables");
        text.push_str(&format!("Schema update: {tables}\n"));
        if has_changes {
            self.changes
                .iter()
                .for_each(|(table, change)| text.push_str(&change_text(table, change)));
        }
        text
    }
}

fn job_state(job: &Job) -> &'static str {
    job.state.folder().trim_end_matches("_jobs")
}

fn job_row(job: &Job) -> [String; 6] {
    let rows = job.rows.map_or_else(|| "-".to_owned(), human::count);
    let state = job_state(job).to_owned();
    [
        String::new(),
        job.name.job_id(),
        job.table.clone(),
        state,
        rows,
        human::bytes(job.bytes),
    ]
}

fn change_text(table: &str, change: &Value) -> String {
    let mut text = format!("  {table}\n");
    for (name, column) in change
        .get("columns")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let data_type = column
            .get("data_type")
            .and_then(Value::as_str)
            .unwrap_or("-");
        text.push_str(&format!("    + {name}  {data_type}\n"));
    }
    text
}
