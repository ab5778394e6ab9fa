//! An open database: one instance per file and process, connections are cloned from it.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::Connection;
use serde_json::Value;
use tipple_destination::{DestinationError, Result};

use crate::failure::Failure;
use crate::gate::{Gate, Pass};
use crate::native::NativeDatabase;
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
    native: Arc<NativeDatabase>,
    settings: DuckDbSettings,
    access: Access,
    /// True until the first transaction in a file that this process has just made.
    is_untouched: AtomicBool,
    writing: Mutex<()>,
    // Last, so that it is left after the instance was closed.
    _pass: Option<Pass>,
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
    pub fn open(settings: &DuckDbSettings, access: Access, gate: &Gate) -> Result<Self> {
        let pass = match access {
            Access::Configured => Some(gate.enter()),
            Access::Walled => {
                drop(gate.wait());
                None
            }
        };
        let location = settings.location.to_string();
        let started = Instant::now();
        let is_new = access == Access::Configured && settings.is_certainly_empty();
        let wait = match access {
            Access::Configured => settings.lock_wait,
            Access::Walled => settings.read_lock_wait,
        };
        let native = loop {
            let failure = match open_once(settings, access) {
                Ok(native) => break native,
                Err(failure) => failure,
            };
            let waited = started.elapsed();
            if !failure.is_lock() {
                return Err(failure.opening(&location));
            }
            if waited >= wait {
                let waited_ms = waited.as_millis() as u64;
                return Err(with_wait(failure.opening(&location), waited_ms));
            }
            pause();
        };
        let database = Database {
            native: Arc::new(native),
            settings: settings.clone(),
            access,
            is_untouched: AtomicBool::new(is_new),
            writing: Mutex::new(()),
            _pass: pass,
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

    /// True when nothing can be in the database, so that looking for it would only take time: DuckDB builds its own
    /// views before it lists anything.
    pub fn is_untouched(&self) -> bool {
        self.is_untouched.load(Ordering::Acquire)
    }

    /// Notes that there may be something in the database from now on.
    pub fn touch(&self) {
        self.is_untouched.store(false, Ordering::Release);
    }

    /// Waits for the turn to write, which ends with the value. Of two transactions that change the catalog at the same
    /// time DuckDB fails the later one, so those of one process come one after another, as those of processes do.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle, for scans.
    pub fn native(&self) -> &Arc<NativeDatabase> {
        &self.native
    }

    /// Another connection to the same database.
    pub fn connect(&self) -> Result<Connection, Failure> {
        let connection = self.native.connect()?;
        if self.access == Access::Configured {
            set_session(&connection, &self.settings)?;
        }
        Ok(connection)
    }

    fn set_up(&self) -> Result<(), Failure> {
        let connection = self.native.connect()?;
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

#[expect(
    clippy::disallowed_methods,
    reason = "DuckDB has no way to be told when a lock is free"
)]
fn pause() {
    thread::sleep(LOCK_POLL);
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

fn open_once(settings: &DuckDbSettings, access: Access) -> Result<NativeDatabase, Failure> {
    let mut config = vec![("duckdb_api", "tipple".to_owned())];
    let is_file = settings.location != Location::Memory;
    if is_file && (settings.read_only || access == Access::Walled) {
        config.push(("access_mode", "READ_ONLY".to_owned()));
    }
    if access == Access::Walled {
        for key in [
            "enable_external_access",
            "autoinstall_known_extensions",
            "autoload_known_extensions",
            "allow_persistent_secrets",
        ] {
            config.push((key, "false".to_owned()));
        }
    }
    if let Some(threads) = settings.threads {
        config.push(("threads", threads.to_string()));
    }
    if let Some(bytes) = settings.memory_bytes_max {
        config.push(("max_memory", format!("{bytes}B")));
    }
    NativeDatabase::open(&path(&settings.location)?, &config)
}

fn path(location: &Location) -> Result<CString, Failure> {
    let bytes = match location {
        Location::Memory => b":memory:".to_vec(),
        Location::File(path) => path.as_os_str().as_encoded_bytes().to_vec(),
    };
    CString::new(bytes).map_err(|_| Failure("the path holds a NUL character".to_owned()))
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
