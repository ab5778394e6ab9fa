//! Postgres: credentials as dlt writes them, a text or fields.

use std::sync::Arc;

use serde_json::{Map, Value};
use tipple_config::{Field, Kind, Resolved, Scope, Spec};
use tipple_destination::{Destination, DestinationError};
use tipple_destination_postgres::{FIELDS, Postgres, PostgresSettings, fields_of};

use super::{Surroundings, Wish};
use crate::diagnostics::{Diagnostic, config, destination};

/// Fields without which there is no connection; as in dlt, but for the password, which a socket may not ask for.
const REQUIRED: [&str; 3] = ["host", "database", "username"];

pub(super) fn open(
    wish: &Wish,
    surroundings: &Surroundings<'_>,
) -> Result<Arc<dyn Destination>, Diagnostic> {
    let credentials = credentials(wish, surroundings)?;
    let settings = PostgresSettings::parse(&wish.name, &credentials);
    let settings = settings.map_err(|error| destination::from_destination(&error))?;
    Ok(Arc::new(Postgres::new(settings)))
}

/// What the settings say; the parts of an address of the command line go first.
fn credentials(
    wish: &Wish,
    surroundings: &Surroundings<'_>,
) -> Result<Map<String, Value>, Diagnostic> {
    let mut explicit = Map::new();
    if let Some(address) = &wish.address {
        explicit = fields_of(address).map_err(|why| unusable(wish, why))?;
    }
    let scope = Scope::destination(&wish.name)
        .in_pipeline(surroundings.pipeline)
        .within("credentials");
    let resolved = surroundings.settings.resolve(&spec(), &scope, &explicit);
    let resolved = resolved.map_err(|error| config::from_config(&error))?;
    Ok(found_fields(&resolved, &explicit))
}

fn unusable(wish: &Wish, why: String) -> Diagnostic {
    destination::from_destination(&DestinationError::Settings {
        destination: wish.name.clone(),
        field: "credentials".to_owned(),
        why,
    })
}

fn spec() -> Spec {
    let spec = Spec::new("PostgresCredentials").credentials(fields_of);
    FIELDS
        .into_iter()
        .fold(spec, |spec, name| spec.field(field(name)))
}

fn field(name: &'static str) -> Field {
    match name {
        "password" => Field::secret(name).optional(),
        "port" | "connect_timeout" => Field::new(name, Kind::Int).optional(),
        name if REQUIRED.contains(&name) => Field::text(name),
        name => Field::text(name).optional(),
    }
}

/// Fields that have a value, and those of the address that no setting is known for, so that they are refused by name.
fn found_fields(resolved: &Resolved, explicit: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = explicit.clone();
    for name in FIELDS {
        if let Some(value) = resolved.value(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}
