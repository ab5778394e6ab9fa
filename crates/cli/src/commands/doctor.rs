//! `tipple doctor [PIPELINE]`: looks for what is broken or about to break, and says how to mend it.
//!
//! Every check reads only; none takes the lock of a pipeline. A check that cannot be made is a finding as well.

use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tipple_package::lock_holder;
use tipple_pipeline::{PipelineInfo, inspect};

use super::Outcome;
use crate::args::Global;
use crate::diagnostics::{Diagnostic, pipeline};
use crate::exit::Exit;
use crate::output::{Terminal, human};
use crate::project::{Project, short_path};
use crate::target::{Target, Wish};

/// Version of the JSON form.
const FORMAT: u32 = 1;

/// A load id may be this far in the future before the clock is doubted, in seconds.
const CLOCK_SLACK_SECONDS: f64 = 60.0;

/// Arguments of `tipple doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: nothing is broken; 1: at least one error.")]
pub struct Doctor {
    /// Only this pipeline; all pipelines of this machine without it
    #[arg(value_name = "PIPELINE")]
    name: Option<String>,
    /// Open no connection to a destination
    #[arg(long)]
    offline: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    /// Settings, or the pipeline.
    about: String,
    what: String,
    help: Vec<String>,
}

impl Finding {
    fn new(level: Level, about: &str, what: impl Into<String>) -> Self {
        Finding {
            level,
            about: about.to_owned(),
            what: what.into(),
            help: Vec::new(),
        }
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    fn of(about: &str, diagnostic: Diagnostic) -> Self {
        let context = diagnostic.context.iter();
        let context = context.map(|(label, text)| format!("{label} {text}"));
        let mut finding = Finding::new(Level::Error, about, diagnostic.what);
        finding.help = context
            .chain(diagnostic.help)
            .chain(diagnostic.next)
            .collect();
        finding
    }
}

#[derive(Serialize)]
struct Report {
    format: u32,
    findings: Vec<Finding>,
}

impl Doctor {
    /// Looks at everything and prints what was found.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let findings = match Project::read(global) {
            Err(diagnostic) => vec![Finding::of("settings", diagnostic)],
            Ok(project) => self.examine(&project)?,
        };
        let is_broken = findings.iter().any(|finding| finding.level == Level::Error);
        let report = Report {
            format: FORMAT,
            findings,
        };
        terminal.print_document(&report, || text(&report.findings))?;
        Ok(if is_broken { Exit::Failed } else { Exit::Done })
    }

    fn examine(&self, project: &Project) -> Result<Vec<Finding>, Diagnostic> {
        let mut findings = settings(project);
        let names = match &self.name {
            Some(name) => {
                project.workdir(name)?;
                vec![name.clone()]
            }
            None => project.pipeline_names(),
        };
        for name in &names {
            findings.extend(self.pipeline(project, name));
        }
        Ok(findings)
    }

    fn pipeline(&self, project: &Project, name: &str) -> Vec<Finding> {
        let read = project.workdir(name).and_then(|workdir| {
            let info = PipelineInfo::read(&workdir);
            info.map_err(|cause| pipeline::from_cause(&cause))
                .map(|info| (workdir, info))
        });
        let (workdir, info) = match read {
            Ok(read) => read,
            Err(diagnostic) => return vec![Finding::of(name, diagnostic)],
        };
        let mut findings = vec![folder(name, &info)];
        findings.extend(waiting(name, &info));
        findings.extend(clock(name, &info));
        findings.extend(holder(name, workdir.root()));
        if !self.offline && info.state.is_some() {
            findings.extend(destination(project, name, &info));
        }
        findings
    }
}

/// The settings that were read, and what is odd about them.
fn settings(project: &Project) -> Vec<Finding> {
    let files = project.settings.files();
    let present = files.iter().flat_map(|files| &files.present);
    let shown: Vec<String> = present.map(|path| short_path(path)).collect();
    let read = match shown.is_empty() {
        true => "there are no settings files".to_owned(),
        false => format!("read {}", shown.join(", ")),
    };
    let read = Finding::new(Level::Ok, "settings", read);
    let warnings = project.settings.take_warnings().into_iter();
    let odd = warnings.map(|warning| Finding::new(Level::Warning, "settings", warning.to_string()));
    std::iter::once(read).chain(odd).collect()
}

fn folder(name: &str, info: &PipelineInfo) -> Finding {
    let schemas = human::counted(info.schemas.len() as u64, "schema", "schemas");
    let packages = human::counted(
        info.loaded.len() as u64,
        "loaded package",
        "loaded packages",
    );
    let what = format!("the working folder is intact: {schemas}, {packages}");
    Finding::new(Level::Ok, name, what)
}

fn waiting(name: &str, info: &PipelineInfo) -> Option<Finding> {
    let first = info.pending.first()?;
    let packages = human::counted(info.pending.len() as u64, "package waits", "packages wait");
    let what = format!("{packages} to be loaded, the oldest is {first}");
    Some(
        Finding::new(Level::Warning, name, what)
            .help("the next run loads it before anything else")
            .help(format!(
                "tipple pipeline {name} abort-packages   gives it up"
            )),
    )
}

/// Load ids are times; one in the future makes the next loads look older than this one.
fn clock(name: &str, info: &PipelineInfo) -> Option<Finding> {
    let now = Timestamp::now().as_millisecond() as f64 / 1_000.0;
    let ids = info.loaded.iter().chain(&info.pending);
    let newest = ids
        .filter_map(|id| id.parse::<f64>().ok())
        .fold(0.0, f64::max);
    (newest > now + CLOCK_SLACK_SECONDS).then(|| {
        let what = format!(
            "the clock of this machine is {:.0} s behind the load {newest:.6}",
            newest - now
        );
        Finding::new(Level::Warning, name, what)
            .help("set the clock: the newest state and schema are found by time")
    })
}

fn holder(name: &str, root: &Path) -> Option<Finding> {
    match lock_holder(root) {
        Ok(None) => None,
        Ok(Some(process)) => {
            let what = format!("process {process} is working on it");
            Some(Finding::new(Level::Ok, name, what))
        }
        Err(error) => Some(Finding::new(Level::Error, name, error.to_string())),
    }
}

fn destination(project: &Project, name: &str, info: &PipelineInfo) -> Vec<Finding> {
    let schemas: Vec<String> = info
        .schemas
        .iter()
        .map(|schema| schema.name.clone())
        .collect();
    let looked = Target::resolve(project, name, &Wish::default()).and_then(|target| {
        let location = target.options.destination.location();
        let found = super::block_on(async {
            let found = inspect(&target.options, &schemas).await;
            found.map_err(|error| pipeline::from_cause(&error.cause))
        });
        found.map(|found| (location, found))
    });
    let (location, found) = match looked {
        Ok(looked) => looked,
        Err(diagnostic) => return vec![Finding::of(name, diagnostic)],
    };
    if !found.exists {
        let what = format!("{location} has no dataset of it");
        return vec![
            Finding::new(Level::Warning, name, what)
                .help("the next run starts anew, as if nothing had ever been loaded"),
        ];
    }
    let reached = Finding::new(Level::Ok, name, format!("reached {location}"));
    let drift = found.drift.iter().map(|drift| {
        let level = if drift.is_harmless() {
            Level::Ok
        } else {
            Level::Warning
        };
        Finding::new(level, name, drift.to_string()).help(drift.advice())
    });
    std::iter::once(reached).chain(drift).collect()
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let level = match finding.level {
            Level::Ok => "ok     ",
            Level::Warning => "warning",
            Level::Error => "error  ",
        };
        text.push_str(&format!("{level}  {}: {}\n", finding.about, finding.what));
        for line in finding.help.iter().flat_map(|help| help.lines()) {
            text.push_str(&format!("           {line}\n"));
        }
    }
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count() as u64
    };
    text.push_str(&format!(
        "{}, {}\n",
        human::counted(count(Level::Error), "error", "errors"),
        human::counted(count(Level::Warning), "warning", "warnings")
    ));
    text
}
