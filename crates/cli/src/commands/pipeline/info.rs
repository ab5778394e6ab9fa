//! `tipple pipeline NAME info`: what the working folder knows about a pipeline. Opens no connection.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tipple_pipeline::rundoc::RunDocument;
use tipple_pipeline::{PipelineInfo, PipelineState};
use tipple_schema::Schema;

use super::super::Outcome;
use crate::diagnostics::pipeline;
use crate::exit::Exit;
use crate::output::{Align, Terminal, align_columns, human};
use crate::project::{Project, short_path};
use crate::runs;

/// Version of the JSON form.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Info {
    format: u32,
    name: String,
    destination: String,
    dataset: String,
    working_dir: String,
    location: String,
    state_version: Option<i64>,
    last_run: Option<RunDocument>,
    schemas: Vec<SchemaInfo>,
    loaded_packages: usize,
    pending_packages: Vec<String>,
}

#[derive(Serialize)]
struct SchemaInfo {
    name: String,
    version: i64,
    version_hash: Option<String>,
    resources: Vec<ResourceInfo>,
}

#[derive(Serialize)]
struct ResourceInfo {
    name: String,
    tables: Vec<String>,
    mode: String,
    cursors: IndexMap<String, String>,
}

/// Prints state, resources and packages.
pub fn run(name: &str, project: &Project, terminal: &Terminal) -> Outcome {
    let workdir = project.workdir(name)?;
    let found = PipelineInfo::read(&workdir).map_err(|cause| pipeline::from_cause(&cause))?;
    let info = collect(name, project, short_path(workdir.root()), &found);
    terminal.print_document(&info, || text(&info))?;
    Ok(Exit::Done)
}

fn collect(name: &str, project: &Project, working_dir: String, found: &PipelineInfo) -> Info {
    let state = found.state.as_ref();
    let of_state = |key: &str| {
        state
            .and_then(|state| state.text(key))
            .unwrap_or_default()
            .to_owned()
    };
    let destination = match of_state("destination_name") {
        name if name.is_empty() => of_state("destination_type"),
        name => name,
    };
    let run = runs::last(&project.runs_dir(), name);
    Info {
        format: FORMAT,
        name: name.to_owned(),
        destination: destination
            .trim_start_matches("dlt.destinations.")
            .to_owned(),
        dataset: of_state("dataset_name"),
        working_dir,
        location: run
            .as_ref()
            .and_then(runs::location)
            .unwrap_or_default()
            .to_owned(),
        state_version: state.map(PipelineState::version),
        last_run: run,
        schemas: found
            .schemas
            .iter()
            .map(|schema| schema_info(schema, state))
            .collect(),
        loaded_packages: found.loaded.len(),
        pending_packages: found.pending.clone(),
    }
}

fn schema_info(schema: &Schema, state: Option<&PipelineState>) -> SchemaInfo {
    let mut resources: IndexMap<String, ResourceInfo> = IndexMap::new();
    for table in schema.data_tables().filter(|table| table.parent.is_none()) {
        let name = table
            .text_hint("resource")
            .unwrap_or(&table.name)
            .to_owned();
        let entry = resources
            .entry(name.clone())
            .or_insert_with(|| ResourceInfo {
                cursors: state
                    .map(|state| cursors(state, &schema.name, &name))
                    .unwrap_or_default(),
                mode: mode(schema, &table.name),
                name,
                tables: Vec::new(),
            });
        entry
            .tables
            .extend(schema.chain(&table.name).into_iter().map(str::to_owned));
    }
    SchemaInfo {
        name: schema.name.clone(),
        version: schema.version,
        version_hash: schema.version_hash.clone(),
        resources: resources.into_values().collect(),
    }
}

fn mode(schema: &Schema, table: &str) -> String {
    let disposition = schema.write_disposition(table);
    match schema
        .merge_strategy(table)
        .filter(|_| disposition == "merge")
    {
        Some(strategy) => format!("merge ({strategy})"),
        None => disposition.to_owned(),
    }
}

/// Last values of the incremental cursors by path.
fn cursors(state: &PipelineState, source: &str, resource: &str) -> IndexMap<String, String> {
    let paths = state
        .resource(source, resource)
        .and_then(|state| state.get("incremental"))
        .and_then(Value::as_object);
    let last = |cursor: &Value| cursor.get("last_value").map(shown).unwrap_or_default();
    paths
        .into_iter()
        .flatten()
        .map(|(path, cursor)| (path.clone(), last(cursor)))
        .collect()
}

/// A value of the state without the mark that tells its type.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .trim_start_matches(|c| ('\u{F026}'..='\u{F02F}').contains(&c))
            .to_owned(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn text(info: &Info) -> String {
    let mut text = format!(
        "{} → {}, dataset {}\n",
        info.name,
        or_dash(&info.destination),
        or_dash(&info.dataset)
    );
    text.push_str(&format!(
        "  last run   {}\n",
        info.last_run
            .as_ref()
            .map_or_else(|| "none of tipple".to_owned(), last_run)
    ));
    text.push_str(&format!("  working    {}\n", info.working_dir));
    if !info.location.is_empty() {
        text.push_str(&format!("  data       {}\n", info.location));
    }
    match info.state_version {
        Some(version) => text.push_str(&format!("  state      version {version}\n")),
        None => text.push_str("  state      none\n"),
    }
    info.schemas
        .iter()
        .for_each(|schema| text.push_str(&schema_text(schema)));
    let pending = info.pending_packages.len();
    text.push_str(&format!(
        "Packages: {} loaded, {pending} pending\n",
        info.loaded_packages
    ));
    if pending > 0 {
        text.push_str(&format!(
            "Next: tipple pipeline {} load-package   shows the newest one\n",
            info.name
        ));
    }
    text
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn last_run(run: &RunDocument) -> String {
    let began = runs::began(run);
    let began = began.map(|began| {
        format!(
            " {} ({})",
            human::ago(began, Timestamp::now()),
            human::moment(began)
        )
    });
    let took = runs::seconds(run).map(|seconds| format!(", {}", human::seconds(seconds)));
    let rows = human::counted(runs::row_count(run), "row", "rows");
    format!(
        "{}{}{}, {rows}",
        run.status.as_str(),
        began.unwrap_or_default(),
        took.unwrap_or_default()
    )
}

fn schema_text(schema: &SchemaInfo) -> String {
    let hash = schema.version_hash.as_deref().unwrap_or_default();
    let hash = hash
        .get(..8)
        .map_or_else(String::new, |hash| format!(", hash {hash}…"));
    let mut text = format!("Schema {}, version {}{hash}\n", schema.name, schema.version);
    let rows: Vec<[String; 5]> = schema
        .resources
        .iter()
        .map(|resource| {
            let cursors: Vec<String> = resource
                .cursors
                .iter()
                .map(|(path, value)| format!("{path} = {value}"))
                .collect();
            let cursors = if cursors.is_empty() {
                "-".to_owned()
            } else {
                cursors.join(", ")
            };
            [
                String::new(),
                resource.name.clone(),
                resource.tables.len().to_string(),
                resource.mode.clone(),
                cursors,
            ]
        })
        .collect();
    let heading = vec!["", "RESOURCE", "TABLES", "MODE", "CURSOR"];
    let lines: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let aligns = [
        Align::Left,
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Left,
    ];
    text.push_str(&align_columns(
        std::iter::once(&heading).chain(&lines),
        &aligns,
    ));
    text
}
