//! The schema with which a run begins: the stored one brought up to the source, or a fresh one.
//!
//! Follows what dlt does before extract (spec/schema.md §7, `Schema.update_schema`): settings always come from the
//! source, tables stay; a changed naming convention is refused once rows were loaded.

use serde_json::{Map, Value, json};
use tipple_schema::{Naming, NamingError, Schema, normalize_pattern, normalize_schema_name};
use tipple_source::{ResourceSpec, Source, SourceSpec};

use crate::error::Cause;
use crate::extract::Extraction;
use crate::options::{Refresh, RunOptions};
use crate::refresh;
use crate::state::PipelineState;
use crate::widen::apply_type_changes;

/// Setting that lets a changed naming convention rename tables that have received data.
const ALLOW_RENAMES: &str = "allow_identifier_change_on_table_with_data";

/// Hints of all resources; the contract of the run takes the place of their own.
pub(crate) fn specs_of(source: &Source, options: &RunOptions) -> Vec<ResourceSpec> {
    let mut specs: Vec<ResourceSpec> = source.specs().into_iter().cloned().collect();
    if let Some(contract) = &options.schema_contract {
        for spec in &mut specs {
            spec.hints.schema_contract = Some(contract.clone());
        }
    }
    apply_type_changes(&source.spec, &mut specs);
    specs
}

/// What a run begins with.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The schema, refreshed and with the settings of the source.
    pub schema: Schema,
    /// The state, refreshed.
    pub state: PipelineState,
    /// Entries for the state of the load package.
    pub package_state: Map<String, Value>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Schema and state to begin a run with.
///
/// # Errors
/// A stored document that cannot be read, names or settings that the schema refuses.
pub(crate) fn prepare(extraction: &Extraction<'_>, source: &Source) -> Result<Prepared, Cause> {
    let mut state = extraction.workdir.load_state()?.unwrap_or_default();
    let mut package_state = Map::new();
    let fresh = fresh_schema(&source.spec, extraction)?;
    let warnings = import(extraction, &fresh.name)?;
    let Some(mut schema) = extraction.workdir.load_schema(&fresh.name)? else {
        return Ok(Prepared {
            schema: fresh,
            state,
            package_state,
            warnings,
        });
    };
    if let Some(mode) = extraction.options.refresh {
        let names = selected_names(source, extraction.options);
        package_state = refresh::prepare(mode, &mut schema, &mut state, &names)?;
        if mode == Refresh::DropSources {
            schema = fresh.clone();
        }
    }
    if let Some(lock) = &extraction.options.locked {
        lock.apply(&mut schema, &mut package_state)?;
    }
    follow_source(&mut schema, &fresh)?;
    Ok(Prepared {
        schema,
        state,
        package_state,
        warnings,
    })
}

/// Takes over a schema file that was edited; a dry run keeps nothing and so takes nothing.
fn import(extraction: &Extraction<'_>, name: &str) -> Result<Vec<String>, Cause> {
    if extraction.options.dry_run || !extraction.workdir.import(name)? {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "the schema file of `{name}` was edited and has replaced the stored schema; tables that are already at the \
         destination keep their columns and types unless you run with `--refresh`"
    )])
}

fn selected_names(source: &Source, options: &RunOptions) -> Vec<String> {
    let names = source.specs().into_iter().map(|spec| spec.name.clone());
    names
        .filter(|name| options.resources.is_empty() || options.resources.contains(name))
        .collect()
}

/// A schema without data tables, with the settings of the source.
fn fresh_schema(spec: &SourceSpec, extraction: &Extraction<'_>) -> Result<Schema, Cause> {
    let naming = &extraction.naming;
    let mut schema = Schema::new(&schema_name(&spec.name), naming.kind().as_str())?;
    for detection in &spec.detections_add {
        schema.add_detection(detection);
    }
    for detection in &spec.detections_remove {
        schema.remove_detection(detection);
    }
    let contract = extraction
        .options
        .schema_contract
        .as_ref()
        .or(spec.schema_contract.as_ref());
    schema.settings.schema_contract = contract.cloned();
    set_column_rules(&mut schema, spec, naming)?;
    if let Some(max_nesting) = spec.max_table_nesting {
        set_normalizer_config(&mut schema, "max_nesting", json!(max_nesting));
    }
    if let Some(root_key) = spec.root_key {
        set_normalizer_config(&mut schema, "root_key_propagation", json!(root_key));
    }
    if extraction.allow_identifier_change {
        schema
            .normalizers
            .insert(ALLOW_RENAMES.to_owned(), json!(true));
    }
    Ok(schema)
}

fn set_column_rules(
    schema: &mut Schema,
    spec: &SourceSpec,
    naming: &Naming,
) -> Result<(), NamingError> {
    if !spec.preferred_types.is_empty() {
        let types = spec.preferred_types.iter().map(|(pattern, data_type)| {
            Ok((normalize_pattern(pattern, naming)?, data_type.to_string()))
        });
        schema.merge_preferred_types(types.collect::<Result<_, NamingError>>()?);
    }
    if !spec.default_hints.is_empty() {
        let hints = spec.default_hints.iter().map(|(hint, patterns)| {
            let patterns = patterns
                .iter()
                .map(|pattern| normalize_pattern(pattern, naming));
            Ok((hint.clone(), patterns.collect::<Result<Vec<_>, _>>()?))
        });
        schema.merge_default_hints(hints.collect::<Result<_, NamingError>>()?);
    }
    Ok(())
}

fn set_normalizer_config(schema: &mut Schema, key: &str, value: Value) {
    let Some(Value::Object(json)) = schema.normalizers.get_mut("json") else {
        return;
    };
    let config = json.entry("config").or_insert_with(|| json!({}));
    if let Value::Object(config) = config {
        config.insert(key.to_owned(), value);
    }
}

/// Name of the schema of a source.
pub(crate) fn schema_name(source: &str) -> String {
    normalize_schema_name(source).unwrap_or_else(|_| source.to_owned())
}

/// Gives a stored schema the settings of the source and the names of its tables under the present convention.
fn follow_source(schema: &mut Schema, fresh: &Schema) -> Result<(), Cause> {
    let names = |schema: &Schema| schema.normalizers.get("names").cloned();
    if names(schema) == names(fresh) {
        schema.update_schema(fresh)?;
    } else {
        schema
            .settings
            .schema_contract
            .clone_from(&fresh.settings.schema_contract);
        if let Some(allowed) = fresh.normalizers.get(ALLOW_RENAMES) {
            schema
                .normalizers
                .insert(ALLOW_RENAMES.to_owned(), allowed.clone());
        }
        schema.change_naming(
            names(fresh)
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )?;
    }
    schema.propagate_root_keys();
    Ok(())
}
