//! The state in a load package of its own.
//!
//! The state table belongs to the default schema of a pipeline. When the source that was read has another schema, dlt
//! stores a changed state in a second package, which is loaded after that of the source (spec/schema.md §3,
//! `Pipeline._bump_version_and_extract_state`).

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use tipple_normalize::{Normalized, Normalizer};
use tipple_package::{Package, PackageWriter};
use tipple_schema::{Schema, Table, state_table};

use crate::error::{AtStep, RunError};
use crate::extract::{Extraction, NewRules, Sink, continue_versions, normalize_error, seal};
use crate::report::Step;
use crate::state::PipelineState;
use crate::time::{iso, now_micros};

/// A state row under the default schema.
pub(crate) struct StatePackage {
    /// Nothing in a run that keeps nothing.
    pub package: Option<Package>,
    /// The default schema, which now has the state table.
    pub schema: Schema,
    /// Rows per table.
    pub rows: IndexMap<String, u64>,
}

/// Puts the state into a package of the schema `default` and marks it as extracted.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn seal_state(
    extraction: &Extraction<'_>,
    new_rules: &NewRules<'_>,
    default: Schema,
    state: &mut PipelineState,
) -> Result<StatePackage, RunError> {
    let load_id = extraction.load_ids.next_id();
    let mut writer = open(extraction, &load_id, &default)?;
    let row = state_row(state, &load_id);
    let mut extracted = default.clone();
    let table = state_table()
        .normalized(&extraction.naming)
        .at(Step::Extract)?;
    extracted
        .update_table_hints(table.clone())
        .at(Step::Extract)?;
    extracted.bump();
    let normalized = {
        let normalizer = Normalizer::new(default, new_rules(&load_id)).at(Step::Normalize)?;
        normalize_row(normalizer, table, &row, &mut writer).map_err(normalize_error)?
    };
    let schema = continue_versions(&normalized.schema, &extracted);
    state.mark_extracted(&iso(now_micros()));
    let entries = Map::from_iter([("pipeline_state".to_owned(), row)]);
    let package = match writer {
        Some(writer) => seal(writer, &normalized, &schema, state, entries)?,
        None => None,
    };
    Ok(StatePackage {
        package,
        schema,
        rows: normalized.rows,
    })
}

fn open(
    extraction: &Extraction<'_>,
    load_id: &str,
    schema: &Schema,
) -> Result<Option<PackageWriter>, RunError> {
    if extraction.options.dry_run {
        return Ok(None);
    }
    let document = schema.to_document();
    let writer = extraction.store.create(load_id, &document);
    let writer = writer.at(Step::Extract)?;
    let snapshot = extraction.workdir.snapshot().at(Step::Extract)?;
    writer.keep_for_restore(&snapshot).at(Step::Extract)?;
    Ok(Some(writer))
}

fn normalize_row(
    mut normalizer: Normalizer,
    table: Table,
    row: &Value,
    writer: &mut Option<PackageWriter>,
) -> Result<Normalized, tipple_normalize::NormalizeError> {
    let name = table.name.clone();
    let mut sink = Sink {
        writer,
        large: None,
    };
    normalizer.declare(table)?;
    let place = tipple_normalize::Place::start_of("pipeline state");
    let text = Bytes::from(row.to_string());
    normalizer.push_json(&name, &text, &place, &mut |batch| sink.take(batch))?;
    normalizer.finish(&mut |batch| sink.take(batch))
}

/// The row of the state table (spec/schema.md §3).
pub(crate) fn state_row(state: &PipelineState, load_id: &str) -> Value {
    json!({
        "version": state.version(),
        "engine_version": crate::state::STATE_ENGINE_VERSION,
        "pipeline_name": state.text("pipeline_name"),
        "state": state.to_stored(),
        "created_at": format!("\u{F027}{}", iso(now_micros())),
        "version_hash": state.version_hash(),
        "_dlt_load_id": load_id,
    })
}
