//! `tipple pipeline NAME failed-jobs`: jobs that failed, and jobs that wait after an error.

use clap::Args;
use serde_json::json;
use tipple_package::{FailureKind, Job, JobState, Package, PackageState, PackageStore};

use super::super::Outcome;
use crate::diagnostics::{Diagnostic, package};
use crate::exit::Exit;
use crate::output::{Terminal, human};
use crate::project::Project;

/// Arguments of `tipple pipeline failed-jobs`.
#[derive(Debug, Args)]
pub struct FailedJobs {
    /// Pipeline
    name: String,
}

/// A job with what was said about it.
struct Failed {
    load_id: String,
    is_pending: bool,
    job: Job,
    messages: Vec<(String, String)>,
}

impl FailedJobs {
    /// Prints the jobs of all packages, oldest package first.
    pub fn run(self, project: &Project, terminal: &Terminal) -> Outcome {
        let workdir = project.workdir(&self.name)?;
        let store = PackageStore::view(workdir.root());
        let failed = collect(&store).map_err(|error| package::from_package(&error))?;
        let document: Vec<serde_json::Value> = failed.iter().map(Failed::document).collect();
        terminal.print_document(&document, || text(&failed, &self.name))?;
        Ok(Exit::Done)
    }
}

fn collect(store: &PackageStore) -> tipple_package::Result<Vec<Failed>> {
    let mut failed = Vec::new();
    for state in [PackageState::Loaded, PackageState::Normalized] {
        for load_id in store.list(state)? {
            let package = store.find(&load_id)?;
            for job in package.jobs()? {
                failed.extend(examine(&package, job, state == PackageState::Normalized)?);
            }
        }
    }
    failed.sort_by(|a, b| a.load_id.cmp(&b.load_id));
    Ok(failed)
}

fn examine(
    package: &Package,
    job: Job,
    is_pending: bool,
) -> tipple_package::Result<Option<Failed>> {
    let exceptions = package.exceptions(&job.name)?;
    let kind = |kind: &FailureKind| {
        if *kind == FailureKind::Terminal {
            "terminal"
        } else {
            "transient"
        }
    };
    let mut messages: Vec<(String, String)> = exceptions
        .iter()
        .map(|found| (kind(&found.kind).to_owned(), found.message.clone()))
        .collect();
    if job.state == JobState::Failed {
        messages.extend(
            package
                .failed_message(&job)?
                .map(|message| ("failed".to_owned(), message)),
        );
    }
    let is_failed = job.state == JobState::Failed || (is_pending && !messages.is_empty());
    Ok(is_failed.then(|| Failed {
        load_id: package.load_id().to_owned(),
        is_pending,
        job,
        messages,
    }))
}

impl Failed {
    fn document(&self) -> serde_json::Value {
        let messages = self
            .messages
            .iter()
            .map(|(kind, message)| json!({"kind": kind, "message": message}));
        json!({
            "load_id": self.load_id,
            "job_id": self.job.name.job_id(),
            "table_name": self.job.table,
            "file_size": self.job.bytes,
            "state": if self.is_pending { "pending" } else { "failed" },
            "messages": messages.collect::<Vec<_>>(),
        })
    }
}

fn text(failed: &[Failed], pipeline: &str) -> String {
    if failed.is_empty() {
        return format!("no failed jobs in pipeline {pipeline}\n");
    }
    let mut text = String::new();
    for found in failed {
        let state = if found.is_pending {
            "is pending after an error"
        } else {
            "failed"
        };
        let job = &found.job;
        text.push_str(&format!(
            "{} ({}, {}) {state} in package {}\n",
            job.name.job_id(),
            job.table,
            human::bytes(job.bytes),
            found.load_id
        ));
        for (index, (kind, message)) in found.messages.iter().enumerate() {
            let first = message.lines().next().unwrap_or_default();
            text.push_str(&format!("  {}  {kind}  {first}\n", index + 1));
        }
    }
    if failed.iter().any(|found| found.is_pending) {
        text.push_str("Next: run the pipeline again            tries the pending package again\n");
        text.push_str(&format!(
            "      tipple pipeline {pipeline} abort-packages   gives it up\n"
        ));
    }
    text
}

/// The newest package of a pipeline, or the one asked for.
pub fn find_package(
    store: &PackageStore,
    load_id: Option<&str>,
) -> Result<Option<Package>, Diagnostic> {
    let found = match load_id {
        Some(load_id) => store.find(load_id).map(Some),
        None => store.newest(),
    };
    found.map_err(|error| package::from_package(&error))
}
