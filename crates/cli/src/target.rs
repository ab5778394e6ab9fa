//! From what was typed, the settings and the pipeline's own state to complete options of a pipeline.
//!
//! Every command that touches a pipeline goes through [`Target::resolve`], so that they all mean the same destination and
//! dataset by the same name. The order is: flag, pipeline file, settings of the pipeline, last run, state, default.

use std::path::Path;
use std::sync::Arc;

use tipple_config::RunSettings;
use tipple_destination::{DatasetNames, Destination};
use tipple_pipeline::{PipelineOptions, PipelineSettings, PipelineState, WorkDir};

use crate::destinations::{self, Surroundings};
use crate::diagnostics::{Diagnostic, config, pipeline};
use crate::project::Project;
use crate::runs;

/// Memory that a run uses when the settings do not say: this, or a quarter of the machine if that is less.
const MEMORY_BYTES_DEFAULT: u64 = 1 << 30;

/// What the user and the pipeline file say about where a pipeline loads.
#[derive(Debug, Clone, Default)]
pub struct Wish<'a> {
    /// Destination by flag.
    pub destination: Option<&'a str>,
    /// Dataset by flag.
    pub dataset: Option<&'a str>,
    /// Destination of the pipeline file.
    pub file_destination: Option<&'a str>,
    /// Dataset of the pipeline file.
    pub file_dataset: Option<&'a str>,
}

/// A pipeline with everything resolved. No connection is open.
#[derive(Debug)]
pub struct Target {
    /// Options to open the pipeline with.
    pub options: PipelineOptions,
    /// Settings of its run.
    pub settings: RunSettings,
}

impl Target {
    /// Resolves a pipeline by name; it need not exist yet.
    ///
    /// # Errors
    /// Settings that cannot be used, an unknown destination, a damaged state.
    pub fn resolve(project: &Project, name: &str, wish: &Wish<'_>) -> Result<Self, Diagnostic> {
        let settings = read_settings(project, name, None)?;
        let pipelines_dir = project.pipelines_dir(settings.pipeline.pipelines_dir.as_deref());
        let root = pipelines_dir.join(name);
        let state = load_state(&root)?;
        let memory_bytes_max = settings
            .runtime
            .memory_bytes_max
            .unwrap_or_else(default_memory);
        let surroundings = Surroundings {
            settings: &project.settings,
            pipeline: name,
            pipeline_dir: &root,
            memory_bytes_max,
        };
        let text = destination_text(project, name, wish, &settings, state.as_ref());
        let destination = destinations::open(&text, &surroundings)?;
        let settings = read_settings(project, name, Some(destination.name()))?;
        let options = PipelineOptions {
            name: name.to_owned(),
            pipelines_dir,
            runs_dir: Some(project.runs_dir()),
            dataset_name: dataset(wish, &settings, state.as_ref()),
            settings: pipeline_settings(&settings, memory_bytes_max),
            destination,
        };
        Ok(Target { options, settings })
    }

    /// Names of the datasets, as the pipeline makes them.
    ///
    /// # Errors
    /// The naming convention does not exist.
    pub fn datasets(&self) -> Result<DatasetNames, Diagnostic> {
        self.options
            .datasets()
            .map_err(|error| pipeline::from_cause(&error.cause))
    }

    /// The destination.
    pub fn destination(&self) -> &Arc<dyn Destination> {
        &self.options.destination
    }
}

fn read_settings(
    project: &Project,
    pipeline: &str,
    destination: Option<&str>,
) -> Result<RunSettings, Diagnostic> {
    RunSettings::read(&project.settings, pipeline, destination)
        .map_err(|error| config::from_config(&error))
}

fn load_state(root: &Path) -> Result<Option<PipelineState>, Diagnostic> {
    WorkDir::view(root.to_owned())
        .load_state()
        .map_err(|cause| pipeline::from_cause(&cause))
}

fn destination_text(
    project: &Project,
    name: &str,
    wish: &Wish<'_>,
    settings: &RunSettings,
    state: Option<&PipelineState>,
) -> String {
    let said = wish
        .destination
        .or(wish.file_destination)
        .map(str::to_owned);
    let configured = || {
        settings
            .pipeline
            .destination_name
            .clone()
            .or_else(|| settings.pipeline.destination_type.clone())
    };
    let last = || runs::last_address(&project.runs_dir(), name);
    let known = || {
        let state = state?;
        state
            .text("destination_name")
            .or_else(|| state.text("destination_type"))
            .map(str::to_owned)
    };
    said.or_else(configured)
        .or_else(last)
        .or_else(known)
        .unwrap_or_else(|| destinations::DEFAULT.to_owned())
}

fn dataset(
    wish: &Wish<'_>,
    settings: &RunSettings,
    state: Option<&PipelineState>,
) -> Option<String> {
    let said = wish.dataset.or(wish.file_dataset).map(str::to_owned);
    said.or_else(|| settings.pipeline.dataset_name.clone())
        .or_else(|| {
            state
                .and_then(|state| state.text("dataset_name"))
                .map(str::to_owned)
        })
}

fn pipeline_settings(settings: &RunSettings, memory_bytes_max: u64) -> PipelineSettings {
    let defaults = PipelineSettings::default();
    PipelineSettings {
        naming: settings
            .schema
            .naming
            .clone()
            .or_else(|| settings.variables.naming.clone()),
        time_zone: settings.variables.time_zone.clone(),
        replace_strategy: settings.destination.replace_strategy.clone(),
        create_indexes: settings.destination.create_indexes,
        staging_dataset_layout: settings.destination.staging_dataset_name_layout.clone(),
        dataset_name_layout: settings.pipeline.dataset_name_layout.clone(),
        restore_from_destination: settings.pipeline.restore_from_destination,
        threads: settings.normalize.workers.unwrap_or(0),
        max_memory_bytes: memory_bytes_max,
        allow_identifier_change: settings
            .schema
            .allow_identifier_change_on_table_with_data
            .unwrap_or(false),
        import_schema_path: settings.pipeline.import_schema_path.clone(),
        export_schema_path: settings.pipeline.export_schema_path.clone(),
        truncate_staging_dataset: settings.load.truncate_staging_dataset,
        delete_completed_jobs: settings.load.delete_completed_jobs,
        arrow_load_id: settings.normalize.arrow_add_dlt_load_id,
        arrow_row_id: settings.normalize.arrow_add_dlt_id,
        row_id_bytes: settings
            .variables
            .row_id_bytes
            .unwrap_or(defaults.row_id_bytes),
        ..defaults
    }
}

/// A quarter of the machine, at most [`MEMORY_BYTES_DEFAULT`].
fn default_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|rest| {
        rest.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kibibytes.map_or(MEMORY_BYTES_DEFAULT, |kibibytes| {
        (kibibytes * 1024 / 4).min(MEMORY_BYTES_DEFAULT)
    })
}
