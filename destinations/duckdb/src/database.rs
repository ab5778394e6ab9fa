//! An open database: one instance per file and process, connections are cloned from it.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::{AccessMode, Config, Connection};
use serde_json::Value;
use tipple_destination::{DestinationError, Result};

use crate::failure::Failure;
use crate::settings::{DuckDbSettings, Location};

/// Pause between two tries to get the lock.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// As the settings say.
    Configured,
    /// Read this file and nothing else, whatever the statement (spec/workbench.md §10.3).
    Walled,
}

/// An open database.
pub(crate) struct Database {
    connection: Mutex<Connection>,
    settings: DuckDbSettings,
    access: Access,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("location", &self.settings.location)
            .finish()
    }
}

impl Database {
    /// Opens the database, waiting while another process holds it.
    pub fn open(settings: &DuckDbSettings, access: Access) -> Result<Self> {
        let location = settings.location.to_string();
        let started = Instant::now();
        let connection = loop {
            let failure = match open_once(settings, access) {
                Ok(connection) => break connection,
                Err(failure) => failure,
            };
            let waited = started.elapsed();
            if !failure.is_lock() {
                return Err(failure.opening(&location));
            }
            if waited >= settings.lock_wait {
                let waited_ms = waited.as_millis() as u64;
                return Err(with_wait(failure.opening(&location), waited_ms));
            }
            thread::sleep(LOCK_POLL);
        };
        let database = Database {
            connection: Mutex::new(connection),
            settings: settings.clone(),
            access,
        };
        database
            .set_up()
            .map_err(|failure| failure.opening(&location))?;
        Ok(database)
    }

    /// Where it is, for messages.
    pub fn location(&self) -> String {
        self.settings.location.to_string()
    }

    /// Another connection to the same database.
    pub fn connect(&self) -> Result<Connection, Failure> {
        let connection = {
            let first = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            first.try_clone()?
        };
        if self.access == Access::Walled {
            return Ok(connection);
        }
        set_session(&connection, &self.settings)?;
        Ok(connection)
    }

    fn set_up(&self) -> Result<(), Failure> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let settings = &self.settings;
        if self.access == Access::Walled {
            set_session(&connection, settings)?;
            connection.execute_batch("SET lock_configuration = true")?;
            return Ok(());
        }
        for extension in &settings.extensions {
            connection.execute_batch(&format!("LOAD {extension}"))?;
        }
        for (key, value) in &settings.global_config {
            connection.execute_batch(&format!("SET GLOBAL {key} = {}", setting(value)))?;
        }
        for statement in &settings.statements {
            connection.execute_batch(statement)?;
        }
        Ok(())
    }
}

fn with_wait(error: DestinationError, waited_ms: u64) -> DestinationError {
    match error {
        DestinationError::Locked {
            location, holder, ..
        } => DestinationError::Locked {
            location,
            holder,
            waited_ms,
        },
        other => other,
    }
}

fn open_once(settings: &DuckDbSettings, access: Access) -> Result<Connection, Failure> {
    let mut config = Config::default();
    if settings.read_only || access == Access::Walled {
        if settings.location != Location::Memory {
            config = config.access_mode(AccessMode::ReadOnly)?;
        }
    }
    if access == Access::Walled {
        config = config
            .enable_external_access(false)?
            .enable_autoload_extension(false)?;
    }
    if let Some(threads) = settings.threads {
        config = config.threads(threads as i64)?;
    }
    if let Some(bytes) = settings.memory_bytes_max {
        config = config.max_memory(&format!("{bytes}B"))?;
    }
    Ok(match &settings.location {
        Location::Memory => Connection::open_in_memory_with_flags(config)?,
        Location::File(path) => Connection::open_with_flags(path, config)?,
    })
}

fn set_session(connection: &Connection, settings: &DuckDbSettings) -> Result<(), Failure> {
    if let Some(zone) = &settings.session_timezone {
        connection.execute_batch(&format!(
            "SET TimeZone = {}",
            setting(&Value::from(zone.as_str()))
        ))?;
    }
    for pragma in &settings.pragmas {
        connection.execute_batch(&format!("PRAGMA {pragma}"))?;
    }
    for (key, value) in &settings.local_config {
        connection.execute_batch(&format!("SET SESSION {key} = {}", setting(value)))?;
    }
    Ok(())
}

/// A setting's value as SQL.
fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}
