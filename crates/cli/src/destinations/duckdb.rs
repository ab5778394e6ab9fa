//! DuckDB: credentials as dlt writes them, a share of the memory.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tipple_config::{Field, Kind, Resolved, Scope, Spec};
use tipple_destination::Destination;
use tipple_destination_duckdb::{DuckDb, DuckDbSettings, Places};

use super::{Surroundings, Wish};
use crate::diagnostics::{Diagnostic, codes, config, destination};

/// Part of the memory that the engine gets; the rest is for rows on their way.
const MEMORY_SHARE: u64 = 4;

const FIELDS: [(&str, Kind); 8] = [
    ("database", Kind::Text),
    ("read_only", Kind::Bool),
    ("extensions", Kind::List),
    ("pragmas", Kind::List),
    ("statements", Kind::List),
    ("global_config", Kind::Object),
    ("local_config", Kind::Object),
    ("session_timezone", Kind::Text),
];

pub(super) fn open(
    wish: &Wish,
    surroundings: &Surroundings<'_>,
) -> Result<Arc<dyn Destination>, Diagnostic> {
    let places = Places {
        local_dir: &surroundings.settings.places().local_dir,
        pipeline_dir: Some(surroundings.pipeline_dir),
        pipeline_name: Some(surroundings.pipeline),
        destination_name: (wish.name != wish.kind).then_some(wish.name.as_str()),
    };
    let credentials = credentials(wish, surroundings)?;
    let settings = DuckDbSettings::parse(&credentials, &places);
    let mut settings = settings.map_err(|error| destination::from_destination(&error))?;
    settings.memory_bytes_max = Some(surroundings.memory_bytes_max / MEMORY_SHARE);
    if let Some(wait) = lock_wait(wish, surroundings)? {
        settings.lock_wait = wait;
    }
    Ok(Arc::new(DuckDb::new(settings)))
}

/// `destination.NAME.lock_wait`: seconds that a load waits for another process to close the file.
fn lock_wait(wish: &Wish, surroundings: &Surroundings<'_>) -> Result<Option<Duration>, Diagnostic> {
    let spec = Spec::new("DuckDbDestination");
    let spec = spec.field(Field::new("lock_wait", Kind::Float).optional());
    let scope = Scope::destination(&wish.name).in_pipeline(surroundings.pipeline);
    let resolved = surroundings.settings.resolve(&spec, &scope, &Map::new());
    let resolved = resolved.map_err(|error| config::from_config(&error))?;
    let Some(seconds) = resolved.value("lock_wait").and_then(Value::as_f64) else {
        return Ok(None);
    };
    let wait = Duration::try_from_secs_f64(seconds).map_err(|cause| {
        let setting = format!("destination.{}.lock_wait", wish.name);
        Diagnostic::new(
            &codes::CONFIG_INVALID,
            format!("`{setting}` is {seconds} and cannot be a time to wait"),
        )
        .with("why", cause.to_string())
        .help("give seconds, for instance 30, or 0 not to wait")
        .next(format!("tipple config explain {setting}"))
    });
    wait.map(Some)
}

/// The address of the command line, else what the settings say.
fn credentials(wish: &Wish, surroundings: &Surroundings<'_>) -> Result<Value, Diagnostic> {
    let spec = Spec::new("DuckDbCredentials").credentials(native);
    let optional = |spec: Spec, (name, kind): (&'static str, Kind)| {
        spec.field(Field::new(name, kind).optional())
    };
    let spec = FIELDS.into_iter().fold(spec, optional);
    let scope = Scope::destination(&wish.name)
        .in_pipeline(surroundings.pipeline)
        .within("credentials");
    let mut explicit = Map::new();
    if let Some(address) = &wish.address {
        explicit.insert("database".to_owned(), Value::String(address.clone()));
    }
    let resolved = surroundings.settings.resolve(&spec, &scope, &explicit);
    let resolved = resolved.map_err(|error| config::from_config(&error))?;
    Ok(Value::Object(found_fields(&resolved)))
}

fn found_fields(resolved: &Resolved) -> Map<String, Value> {
    let fields = FIELDS
        .iter()
        .filter_map(|(name, _)| Some(((*name).to_owned(), resolved.value(name)?.clone())));
    fields.collect()
}

/// A text instead of fields is the path or the URL.
fn native(text: &str) -> Result<Map<String, Value>, String> {
    Ok(Map::from_iter([(
        "database".to_owned(),
        Value::String(text.to_owned()),
    )]))
}
