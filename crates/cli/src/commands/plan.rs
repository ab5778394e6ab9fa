//! `tipple plan FILE` and `tipple apply PLAN`: a migration that can be read before it runs.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tipple_pipeline::{Events, Pipeline, Plan, RunOptions, StoredPlan};

use super::Outcome;
use super::run::{Opened, RefreshMode};
use crate::args::{Global, OutputForm};
use crate::diagnostics::{Diagnostic, codes, pipeline};
use crate::exit::Exit;
use crate::output::{self, Terminal, human};
use crate::progress::Progress;
use crate::project::Project;
use crate::target::{Target, Wish};

/// Arguments of `tipple plan`.
#[derive(Debug, Args)]
pub struct PlanFile {
    /// Pipeline file (YAML, TOML or JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only these resources of the file
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Read one page of each resource instead of everything
    #[arg(long)]
    sample: bool,
    /// Write the plan here, for `tipple apply`
    #[arg(long, value_name = "PLAN")]
    out: Option<PathBuf>,
    /// As with `run --refresh`: show what it would drop
    #[arg(long, value_enum, value_name = "MODE", conflicts_with = "out")]
    refresh: Option<RefreshMode>,
    /// Also compare with the locked schema
    #[arg(long)]
    locked: bool,
    /// Where it would be loaded: a kind, an address, or a name of the settings
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    /// Dataset that it would be loaded into
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
}

/// Arguments of `tipple apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Plan that `tipple plan --out` has written
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The destination that the plan was made for, when the settings do not say it
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
}

impl PlanFile {
    /// Reads the source and shows what loading it would change.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let wish = Wish {
            destination: self.destination.as_deref(),
            dataset: self.dataset.as_deref(),
            ..Wish::default()
        };
        let opened = Opened::file(&self.file, &wish, false, global, terminal)?;
        let options = RunOptions {
            resources: self.resources,
            reads_all: !self.sample,
            refresh: self.refresh.map(RefreshMode::refresh),
            locked: opened.lock(self.locked)?,
            ..RunOptions::default()
        };
        let name = opened.target.options.name.clone();
        let failed = |error| pipeline::from_run(&error, &name);
        let mut pipeline = Pipeline::open(opened.target.options).map_err(failed)?;
        let events = Events::new();
        let progress = Progress::start(&events, terminal);
        let plan = pipeline.plan(&opened.source, &options, &events);
        drop(pipeline);
        drop(events);
        progress.finish();
        let plan = plan.map_err(failed)?;
        if let Some(path) = &self.out {
            write(path, &plan.stored)?;
        }
        show(&plan, terminal)
    }
}

fn write(path: &Path, plan: &StoredPlan) -> Result<(), Diagnostic> {
    let text = serde_json::to_string_pretty(plan).map_err(|cause| cause.to_string());
    let written =
        text.and_then(|text| std::fs::write(path, text + "\n").map_err(|cause| cause.to_string()));
    written.map_err(|why| {
        let what = format!("the plan cannot be written to `{}`", path.display());
        Diagnostic::new(&codes::USAGE_FILE, what).with("why", why)
    })
}

fn show(plan: &Plan, terminal: &Terminal) -> Outcome {
    match terminal.form() {
        OutputForm::Md => output::print(&markdown(plan)),
        _ => terminal.print_document(&document(plan), || text(plan))?,
    }
    match plan.is_empty() {
        true => Ok(Exit::Done),
        false => Ok(Exit::Changes),
    }
}

fn document(plan: &Plan) -> Value {
    let drift = plan.drift.iter().map(|drift| {
        json!({
            "table": drift.table,
            "column": drift.column(),
            "kind": drift.kind(),
            "what": drift.to_string(),
            "then": drift.advice(),
        })
    });
    json!({
        "pipeline": plan.stored.pipeline,
        "destination": plan.stored.destination,
        "location": plan.stored.location,
        "dataset": plan.stored.dataset,
        "pending_package": plan.pending,
        "staging_dataset": plan.staging_dataset,
        "changes": plan.diff.to_document(),
        "drift": drift.collect::<Vec<_>>(),
        "statements": plan.stored.statements,
        "staging_statements": plan.stored.staging_statements,
        "truncated": plan.truncated,
        "writes": plan.writes,
        "warnings": plan.warnings,
    })
}

/// Where the plan would run.
fn place(plan: &Plan) -> String {
    format!(
        "pipeline `{}`, destination `{}` ({}), dataset `{}`",
        plan.stored.pipeline, plan.stored.destination, plan.stored.location, plan.stored.dataset
    )
}

fn text(plan: &Plan) -> String {
    let mut text = format!("Plan for {}\n", place(plan));
    text.push_str(&pending(plan).map_or_else(String::new, |line| line + "\n"));
    if !plan.has_statements() {
        text.push_str("No change of tables\n");
    } else {
        text.push_str(&format!("{}\n", plan.diff.to_string().trim_end()));
        text.push('\n');
        text.push_str(&statements(plan));
    }
    text.push_str(&writes(plan, "  "));
    text.push_str(&staging(plan).map_or_else(String::new, |line| line + "\n"));
    text.push_str(&drift(plan, "  "));
    for warning in &plan.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text
}

/// The statements with their reasons, those for the staging dataset last.
fn statements(plan: &Plan) -> String {
    let stored = &plan.stored;
    let all = stored.statements.iter().chain(&stored.staging_statements);
    let blocks = all.map(|statement| {
        let impact = statement.impact.as_ref();
        let impact = impact.map_or_else(String::new, |impact| format!("; {impact}"));
        format!("-- {}{impact}\n{};\n", statement.why, statement.sql)
    });
    blocks.collect()
}

fn writes(plan: &Plan, indent: &str) -> String {
    let emptied = plan.truncated.iter();
    let emptied = emptied.map(|table| format!("{indent}empty {table}\n"));
    let lines = plan.writes.iter().map(|(table, write)| {
        let rows = human::counted(write.rows, "row", "rows");
        format!("{indent}{} {table}: {rows}\n", write.write_disposition)
    });
    emptied.chain(lines).collect()
}

fn pending(plan: &Plan) -> Option<String> {
    let load_id = plan.pending.as_ref()?;
    Some(format!(
        "Package {load_id} waits and would be loaded first; nothing was read from the source"
    ))
}

fn staging(plan: &Plan) -> Option<String> {
    let dataset = plan.staging_dataset.as_ref()?;
    Some(format!("Rows pass through the dataset `{dataset}`"))
}

/// What was changed by hand, and what comes of it.
fn drift(plan: &Plan, indent: &str) -> String {
    if plan.drift.is_empty() {
        return String::new();
    }
    let lines = plan
        .drift
        .iter()
        .map(|drift| format!("{indent}{drift}: {}\n", drift.advice()));
    let lines: String = lines.collect();
    format!("Changed at the destination since the last load\n{lines}")
}

/// For a comment on a pull request.
fn markdown(plan: &Plan) -> String {
    let mut text = format!("### Plan for {}\n\n", place(plan));
    text.push_str(&pending(plan).map_or_else(String::new, |line| line + ".\n\n"));
    if !plan.has_statements() {
        text.push_str("No change of tables.\n");
    } else {
        text.push_str(&format!(
            "```diff\n{}\n```\n",
            plan.diff.to_string().trim_end()
        ));
        text.push_str(&format!("\n```sql\n{}```\n", statements(plan)));
    }
    if !plan.writes.is_empty() || !plan.truncated.is_empty() {
        text.push_str(&format!("\n{}", writes(plan, "- ")));
    }
    if let Some(line) = staging(plan) {
        text.push_str(&format!("\n{line}.\n"));
    }
    if !plan.drift.is_empty() {
        text.push_str(&format!(
            "\n{}",
            drift(plan, "- ").replacen('\n', "\n\n", 1)
        ));
    }
    for warning in &plan.warnings {
        text.push_str(&format!("\n> warning: {warning}\n"));
    }
    text
}

impl Apply {
    /// Runs the statements of a plan, if the destination is still what the plan has seen.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let plan = read(&self.plan)?;
        let project = Project::load(global, terminal)?;
        let wish = Wish {
            destination: Some(self.destination.as_deref().unwrap_or(&plan.destination)),
            dataset: Some(&plan.dataset),
            ..Wish::default()
        };
        let target = Target::resolve(&project, &plan.pipeline, &wish)?;
        let name = target.options.name.clone();
        let failed = |error| pipeline::from_run(&error, &name);
        let mut pipeline = Pipeline::open(target.options).map_err(failed)?;
        let count = pipeline.apply(&plan).map_err(failed)?;
        let statements = human::counted(count as u64, "statement", "statements");
        terminal.print_document(&json!({"statements": count}), || {
            format!("Applied {statements} to dataset `{}`\n", plan.dataset)
        })?;
        Ok(Exit::Done)
    }
}

fn read(path: &Path) -> Result<StoredPlan, Diagnostic> {
    let failed = |why: String| {
        let what = format!("`{}` is not a plan", path.display());
        Diagnostic::new(&codes::PLAN_FILE, what)
            .with("why", why)
            .help("make one with `tipple plan FILE --out plan.json`")
    };
    let text = std::fs::read_to_string(path).map_err(|cause| failed(cause.to_string()))?;
    serde_json::from_str(&text).map_err(|cause| failed(cause.to_string()))
}
