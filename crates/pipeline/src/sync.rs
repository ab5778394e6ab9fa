//! Taking state and schemas from the destination before the first run (spec/load.md §7).
//!
//! The destination is the truth that machines share: a newer state there replaces the local one, a missing dataset makes
//! the pipeline start anew. Packages that wait are never touched.

use serde_json::{Value, json};
use tipple_destination::{Client, StoredSchema, SystemNames, Target};
use tipple_schema::Schema;

use crate::error::Cause;
use crate::state::PipelineState;
use crate::time::{iso, now_micros};
use crate::workdir::WorkDir;

/// Names that identify a pipeline in its state.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub pipeline: String,
    pub dataset: String,
    pub destination_type: String,
    /// Absent when the destination has the name of its kind.
    pub destination_name: Option<String>,
}

impl Identity {
    /// Writes the names into a state, as dlt does before it hashes it.
    pub(crate) fn write(&self, state: &mut PipelineState, schemas: &[String]) {
        state.set("pipeline_name", json!(self.pipeline));
        state.set("dataset_name", json!(self.dataset));
        state.set("destination_type", json!(self.destination_type));
        state.set("destination_name", json!(self.destination_name));
        let default = state.text("default_schema_name").map(str::to_owned);
        match default {
            Some(_) => state.set("schema_names", json!(schemas)),
            None => state.set("default_schema_name", Value::Null),
        }
    }
}

/// Brings the working folder up to date with the destination.
///
/// # Errors
/// The destination cannot be reached, or what is stored there cannot be read.
pub(crate) async fn sync(
    workdir: &WorkDir,
    client: &mut dyn Client,
    names: &SystemNames,
    identity: &Identity,
    has_pending: bool,
) -> Result<(), Cause> {
    let mut state = workdir.load_state()?.unwrap_or_default();
    let remote = read_remote(client, names, &identity.pipeline).await?;
    let newer = remote.filter(|remote| remote.version() >= state.version());
    let was_found = newer.is_some();
    match newer.filter(|remote| remote.version_hash() != state.version_hash()) {
        Some(remote) => state = replace(workdir, client, names, remote, &state).await?,
        None if was_found => restore_missing(workdir, client, names, &state).await?,
        None => {
            let is_known = is_known(workdir, &state)?;
            if is_known && !has_pending && !client.dataset_exists(Target::Final).await? {
                workdir.forget()?;
                state = PipelineState::default();
            } else {
                restore_missing(workdir, client, names, &state).await?;
            }
        }
    }
    if was_found {
        state
            .local_mut()
            .insert("first_run".to_owned(), json!(false));
    }
    save(workdir, identity, state)
}

/// As [`sync`] with a destination that has no database yet: the pipeline starts anew.
///
/// # Errors
/// The working folder cannot be read or written.
pub(crate) fn sync_with_nothing(
    workdir: &WorkDir,
    identity: &Identity,
    has_pending: bool,
) -> Result<(), Cause> {
    let mut state = workdir.load_state()?.unwrap_or_default();
    if !has_pending && is_known(workdir, &state)? {
        workdir.forget()?;
        state = PipelineState::default();
    }
    save(workdir, identity, state)
}

/// True when the pipeline has loaded or extracted before.
fn is_known(workdir: &WorkDir, state: &PipelineState) -> Result<bool, Cause> {
    Ok(!state.is_first_run() || !workdir.schema_names()?.is_empty())
}

fn save(workdir: &WorkDir, identity: &Identity, mut state: PipelineState) -> Result<(), Cause> {
    identity.write(&mut state, &workdir.schema_names()?);
    state.bump();
    workdir.save_state(&state)
}

async fn read_remote(
    client: &mut dyn Client,
    names: &SystemNames,
    pipeline: &str,
) -> Result<Option<PipelineState>, Cause> {
    let Some(stored) = client.read_state(names, pipeline).await? else {
        return Ok(None);
    };
    PipelineState::from_json(&stored.document)
        .map(Some)
        .map_err(|cause| Cause::State {
            place: names.state_table.clone(),
            cause,
        })
}

/// The remote state takes the place of the local one, with all its schemas.
async fn replace(
    workdir: &WorkDir,
    client: &mut dyn Client,
    names: &SystemNames,
    mut remote: PipelineState,
    local: &PipelineState,
) -> Result<PipelineState, Cause> {
    let mut schemas = Vec::new();
    for name in remote.schema_names() {
        schemas.extend(read_schema(client, names, &name).await?);
    }
    workdir.clear_schemas()?;
    for schema in &schemas {
        workdir.save_schema(schema)?;
    }
    *remote.local_mut() = local.local().cloned().unwrap_or_default();
    remote.mark_extracted(&iso(now_micros()));
    Ok(remote)
}

/// Schemas that the state names and the folder lacks.
async fn restore_missing(
    workdir: &WorkDir,
    client: &mut dyn Client,
    names: &SystemNames,
    state: &PipelineState,
) -> Result<(), Cause> {
    for name in state.schema_names() {
        if workdir.load_schema(&name)?.is_none()
            && let Some(schema) = read_schema(client, names, &name).await?
        {
            workdir.save_schema(&schema)?;
        }
    }
    Ok(())
}

async fn read_schema(
    client: &mut dyn Client,
    names: &SystemNames,
    name: &str,
) -> Result<Option<Schema>, Cause> {
    let stored = client.read_stored_schema(names, Some(name)).await?;
    stored
        .map(|stored| stored_schema(names, &stored))
        .transpose()
}

/// The schema in a row of the table of versions.
///
/// # Errors
/// The document is damaged.
pub(crate) fn stored_schema(names: &SystemNames, stored: &StoredSchema) -> Result<Schema, Cause> {
    let document: Value = serde_json::from_str(&stored.document).map_err(|error| Cause::State {
        place: format!("{} of schema `{}`", names.version_table, stored.name),
        cause: error.into(),
    })?;
    Ok(Schema::from_document(&document)?)
}
