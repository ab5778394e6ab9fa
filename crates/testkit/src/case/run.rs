//! Performs the runs of a case through the public path of the library.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tipple_config::{Environment, PlacesRequest, RunSettings, Settings};
use tipple_pipeline::{
    Events, Pipeline, PipelineOptions, PipelineSettings, Refresh, RunError, RunOptions,
};
use tipple_source::{Resource, ResourceSpec, Rows, Source, SourceSpec};

use super::pages::{RowTexts, pages, row_texts};
use super::store::Store;
use super::{Case, CaseError};

/// Name of the pipeline of every case.
const PIPELINE: &str = "case_pipeline";

/// Members of a resource that say what it yields; all others are hints.
const CONTENT: [&str; 4] = ["rows", "pages", "typed", "format"];

/// Members of the case that are settings of its source.
const SOURCE_SETTINGS: [&str; 4] = [
    "detections_add",
    "detections_remove",
    "preferred_types",
    "default_hints",
];

/// Settings of the source that a run may override.
const RUN_SETTINGS: [&str; 2] = ["max_table_nesting", "root_key"];

/// How the work is cut; the result must not depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunShape {
    /// Threads that normalize; one per core when absent.
    pub threads: Option<usize>,
    /// Rows per page, where the case does not depend on its pages.
    pub page_rows: Option<usize>,
}

/// Performs all runs of a case into `store`; working folders go below `folder`. Gives the outcome of each run.
///
/// # Errors
/// The case asks for something that tipple does not have.
pub(super) fn run(
    case: &Case,
    folder: &Path,
    store: &Store,
    shape: RunShape,
) -> Result<Vec<Value>, CaseError> {
    let texts = row_texts(case)?;
    let destination = store.destination()?;
    let settings = pipeline_settings(case, folder, destination.kind(), shape)?;
    let mut outcomes = Vec::new();
    let mut machine = 0;
    for (index, run) in case.document["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        if run["fresh_pipeline"].as_bool() == Some(true) {
            machine += 1;
        }
        let options = PipelineOptions {
            name: PIPELINE.to_owned(),
            pipelines_dir: folder.join(format!("pipelines{machine}")),
            runs_dir: None,
            destination: Arc::clone(&destination),
            dataset_name: Some(case.dataset().to_owned()),
            settings: settings.clone(),
        };
        let outcome = match perform(case, run, index, &texts, options, shape) {
            Ok(()) => json!({"ok": true}),
            Err(outcome) => {
                // A failed run leaves no local trace: the next one starts from what the dataset holds.
                machine += 1;
                outcome
            }
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn perform(
    case: &Case,
    run: &Value,
    index: usize,
    texts: &RowTexts,
    options: PipelineOptions,
    shape: RunShape,
) -> Result<(), Value> {
    let source =
        source(case, run, index, texts, shape).map_err(|message| failed(None, &message))?;
    let mut pipeline = Pipeline::open(options).map_err(|error| outcome(&error))?;
    let options = RunOptions {
        refresh: run["refresh"].as_str().and_then(Refresh::from_word),
        schema_contract: run
            .get("schema_contract")
            .filter(|contract| !contract.is_null())
            .cloned(),
        ..RunOptions::default()
    };
    pipeline
        .run(&source, &options, &Events::new())
        .map(drop)
        .map_err(|error| outcome(&error))
}

fn failed(step: Option<&str>, message: &str) -> Value {
    json!({"ok": false, "step": step, "message": message})
}

fn outcome(error: &RunError) -> Value {
    let mut outcome = failed(error.step.map(|step| step.as_str()), &error.to_string());
    if let Some(violation) = error.contract_violation() {
        outcome["contract"] = json!({
            "table": violation.table,
            "column": violation.column,
            "entity": violation.entity,
            "mode": violation.mode,
        });
    }
    outcome
}

/// The source of a run: its own settings and the case's, and the resources with their rows.
fn source(
    case: &Case,
    run: &Value,
    index: usize,
    texts: &RowTexts,
    shape: RunShape,
) -> Result<Source, String> {
    let mut settings = Map::new();
    let of_case = |key: &str| {
        case.document
            .get(key)
            .filter(|value| !value.is_null())
            .cloned()
    };
    for key in RUN_SETTINGS {
        let value = run.get(key).cloned().or_else(|| of_case(key));
        settings.extend(
            value
                .filter(|value| !value.is_null())
                .map(|value| (key.to_owned(), value)),
        );
    }
    // The contract of a run is the pipeline's, not the source's.
    for key in SOURCE_SETTINGS.into_iter().chain(["schema_contract"]) {
        settings.extend(of_case(key).map(|value| (key.to_owned(), value)));
    }
    let name = [run, &case.document]
        .into_iter()
        .find_map(|part| part["source"].as_str());
    let name = name.filter(|name| !name.is_empty()).unwrap_or("case");
    let spec = SourceSpec::from_value(&Value::Object(settings), name, &[], &case.name)
        .map_err(|error| error.to_string())?;
    let mut resources: Vec<Box<dyn Resource>> = Vec::new();
    for (number, resource) in run["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let spec = ResourceSpec::from_value(resource, &CONTENT, &case.name)
            .map_err(|error| error.to_string())?;
        // Where reading may stop early, the pages are part of the case.
        let page_rows = shape.page_rows.filter(|_| spec.incremental.is_none());
        let texts = texts.get(&(index, number)).map_or(&[][..], Vec::as_slice);
        let pages = pages(resource, texts, page_rows)?;
        resources.push(Box::new(Rows::new(spec, "rows", pages)));
    }
    Ok(Source::separate(spec, resources))
}

/// Configuration of the case, looked up as environment variables.
fn pipeline_settings(
    case: &Case,
    folder: &Path,
    destination: &str,
    shape: RunShape,
) -> Result<PipelineSettings, CaseError> {
    let mut environment = Environment::of(folder, []);
    for (key, value) in case.document["config"].as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        environment.set(&key.replace('.', "__").to_uppercase(), &value);
    }
    let unusable = |error: tipple_config::ConfigError| CaseError::Unsupported(error.to_string());
    let request = PlacesRequest {
        project_dir: Some(empty_folder(folder)?),
        ..PlacesRequest::default()
    };
    let settings = Settings::load(&request, environment).map_err(unusable)?;
    let read = RunSettings::read(&settings, PIPELINE, Some(destination)).map_err(unusable)?;
    Ok(PipelineSettings {
        naming: read.schema.naming,
        allow_identifier_change: read
            .schema
            .allow_identifier_change_on_table_with_data
            .unwrap_or_default(),
        max_identifier_length: max_identifier_length(case)?,
        replace_strategy: read.destination.replace_strategy,
        create_indexes: read.destination.create_indexes,
        staging_dataset_layout: read.destination.staging_dataset_name_layout,
        dataset_name_layout: read.pipeline.dataset_name_layout,
        restore_from_destination: read.pipeline.restore_from_destination,
        truncate_staging_dataset: read.load.truncate_staging_dataset,
        delete_completed_jobs: read.load.delete_completed_jobs,
        arrow_load_id: read.normalize.arrow_add_dlt_load_id,
        arrow_row_id: read.normalize.arrow_add_dlt_id,
        threads: shape.threads.or(read.normalize.workers).unwrap_or_default(),
        ..PipelineSettings::default()
    })
}

fn empty_folder(folder: &Path) -> Result<PathBuf, CaseError> {
    let project = folder.join("project");
    fs::create_dir_all(&project).map_err(CaseError::file("create", &project))?;
    Ok(project)
}

/// The limit that the case sets on names: the smaller of those for tables and for columns.
fn max_identifier_length(case: &Case) -> Result<Option<usize>, CaseError> {
    let mut limit = None;
    for (key, value) in case.document["destination_options"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let length = value
            .as_u64()
            .and_then(|length| usize::try_from(length).ok());
        match (key.as_str(), length) {
            ("max_identifier_length" | "max_column_identifier_length", Some(length)) => {
                limit = Some(limit.map_or(length, |limit: usize| limit.min(length)));
            }
            _ => {
                return Err(CaseError::Unsupported(format!(
                    "the destination option `{key}`: {value}"
                )));
            }
        }
    }
    Ok(limit)
}
