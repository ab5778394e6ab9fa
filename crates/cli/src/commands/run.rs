//! `tipple run FILE [RESOURCE…]`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use tipple_pipeline::{Events, Pipeline, Refresh, RunOptions, RunReport};
use tipple_schema::{Schema, normalize_schema_name};
use tipple_source::{PipelineFile, Source};

use super::Outcome;
use super::schema_pin::read_lock;
use crate::args::{Global, LogForm};
use crate::diagnostics::{Diagnostic, codes, pipeline, source};
use crate::exit::Exit;
use crate::interrupt;
use crate::output::Terminal;
use crate::progress::Progress;
use crate::project::Project;
use crate::target::{Target, Wish};
use crate::{sources, summary};

/// Arguments of `tipple run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Pipeline file (YAML, TOML or JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only these resources of the file
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Keep no answers of the API for an interrupted run to go on from
    #[arg(long)]
    no_checkpoints: bool,
    /// Refuse tables, columns and types that the locked schema does not have
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    common: Common,
}

/// Flags of the commands that load.
#[derive(Debug, Args)]
pub struct Common {
    /// Where to load: a kind (duckdb, postgres), an address (duckdb:shop.duckdb), or a name of the settings
    #[arg(long, value_name = "DESTINATION")]
    pub destination: Option<String>,
    /// Dataset to load into
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Start over: drop all tables and state of the source, then load
    #[arg(long, conflicts_with = "refresh")]
    full_refresh: bool,
    /// Forget before loading
    #[arg(long, value_enum, value_name = "MODE")]
    refresh: Option<RefreshMode>,
    /// Stop each resource after so many pages
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Read one page of each resource and show what would be created; load nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(clippy::enum_variant_names, reason = "the words of dlt")]
enum RefreshMode {
    /// All tables, schema and state of the source
    #[value(name = "drop_sources", alias = "drop-sources")]
    DropSources,
    /// Tables and state of the selected resources
    #[value(name = "drop_resources", alias = "drop-resources")]
    DropResources,
    /// Rows and state of the selected resources
    #[value(name = "drop_data", alias = "drop-data")]
    DropData,
}

impl Run {
    /// Loads what the file describes.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let opened = Opened::file(
            &self.file,
            &self.common.wish(),
            !self.no_checkpoints,
            global,
            terminal,
        )?;
        let options = RunOptions {
            locked: opened.lock(self.locked)?,
            ..self.common.options(self.resources, &opened.target)?
        };
        load(
            opened.target,
            &opened.source,
            &options,
            terminal,
            &opened.stop,
        )
    }
}

/// A pipeline file with its source and where it goes.
pub struct Opened {
    project: Project,
    /// Where it goes.
    pub target: Target,
    /// What is read.
    pub source: Source,
    /// Set when the user asks to stop.
    pub stop: Arc<AtomicBool>,
}

impl Opened {
    /// Reads a pipeline file and resolves its settings; `wish` is what the flags say.
    ///
    /// # Errors
    /// Mistakes of the file, settings that are missing, an unknown destination.
    pub fn file(
        path: &Path,
        wish: &Wish<'_>,
        keeps_checkpoints: bool,
        global: &Global,
        terminal: &Terminal,
    ) -> Result<Self, Diagnostic> {
        let file = PipelineFile::load(path).map_err(|error| source::from_source(&error))?;
        let project = Project::load(global, terminal)?;
        let wish = Wish {
            file_destination: file.destination.as_deref(),
            file_dataset: file.dataset.as_deref(),
            ..wish.clone()
        };
        let target = Target::resolve(&project, &file.pipeline, &wish)?;
        let stop = interrupt::flag();
        let around = sources::Surroundings {
            settings: &project.settings,
            runtime: &target.settings.runtime,
            extract: &target.settings.extract,
            keeps_checkpoints,
        };
        let prepared = sources::of_file(&file, &around, &stop);
        let prepared = prepared.map_err(|error| source::from_source(&error))?;
        project.tell_warnings(terminal);
        prepared
            .warnings
            .iter()
            .for_each(|warning| terminal.warn(warning));
        Ok(Opened {
            project,
            target,
            source: prepared.source,
            stop,
        })
    }

    /// The locked schema of the source, if it is asked for.
    ///
    /// # Errors
    /// It is not locked.
    pub fn lock(&self, is_locked: bool) -> Result<Option<Schema>, Diagnostic> {
        let source = &self.source.spec.name;
        let name = normalize_schema_name(source).unwrap_or_else(|_| source.clone());
        is_locked
            .then(|| read_lock(&self.project, &name))
            .transpose()
    }
}

impl Common {
    /// What the flags say about the destination.
    pub fn wish(&self) -> Wish<'_> {
        Wish {
            destination: self.destination.as_deref(),
            dataset: self.dataset.as_deref(),
            ..Wish::default()
        }
    }

    /// Options of the run; a refresh of the settings counts when no flag names one.
    ///
    /// # Errors
    /// The settings name a refresh that does not exist.
    pub fn options(
        &self,
        resources: Vec<String>,
        target: &Target,
    ) -> Result<RunOptions, Diagnostic> {
        let configured = target.settings.pipeline.refresh.as_deref();
        let configured = configured.map(|word| {
            Refresh::from_word(word).ok_or_else(|| {
                Diagnostic::new(
                    &codes::CONFIG_INVALID,
                    format!("`{word}` is no way to refresh"),
                )
            })
        });
        let asked = self.refresh.map(|mode| match mode {
            RefreshMode::DropSources => Refresh::DropSources,
            RefreshMode::DropResources => Refresh::DropResources,
            RefreshMode::DropData => Refresh::DropData,
        });
        let refresh = match asked.or(self.full_refresh.then_some(Refresh::DropSources)) {
            Some(refresh) => Some(refresh),
            None => configured.transpose()?,
        };
        Ok(RunOptions {
            refresh,
            limit: self.limit,
            resources,
            dry_run: self.dry_run,
            ..RunOptions::default()
        })
    }
}

/// Runs a source into a target and prints what was done.
///
/// # Errors
/// The diagnostic of the step that failed.
pub fn load(
    target: Target,
    source: &Source,
    options: &RunOptions,
    terminal: &Terminal,
    stop: &Arc<AtomicBool>,
) -> Outcome {
    let name = target.options.name.clone();
    let failed = |error| pipeline::from_run(&error, &name);
    let mut pipeline = Pipeline::open(target.options).map_err(failed)?;
    let events = Events::new();
    let progress = Progress::start(&events, terminal);
    let result = pipeline.run(source, options, &events);
    drop(pipeline);
    drop(events);
    progress.finish();
    let report = result.map_err(failed)?;
    print_report(&report, options, terminal)?;
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        terminal.note("the load was finished before it could stop");
    }
    Ok(Exit::Done)
}

fn print_report(
    report: &RunReport,
    options: &RunOptions,
    terminal: &Terminal,
) -> Result<(), Diagnostic> {
    // The JSON log has told the warnings as events already.
    if terminal.log_form() == LogForm::Text {
        report
            .warnings
            .iter()
            .for_each(|warning| terminal.warn(warning));
        if report.loaded_pending {
            terminal.warn("packages of an earlier run were loaded; the source was not read. Run again to read it");
        }
    }
    terminal.print_document(report, || match options.dry_run && !report.loaded_pending {
        true => summary::dry_text(report, terminal.verbose() > 0),
        false => summary::text(report),
    })
}
