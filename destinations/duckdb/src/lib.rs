//! DuckDB: one file, one process that writes, everything of a load in one transaction.
//!
//! [`DuckDb`] opens the database; the client it gives out runs plans that were made by `tipple-destination`. Rows come
//! in as Arrow batches (`ingest`). The library links against an installed DuckDB unless the feature `bundled` builds it.

mod client;
mod database;
mod failure;
mod gate;
mod ingest;
mod native;
mod settings;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tipple_destination::{
    Client, DatasetNames, Destination, DestinationError, Result, SqlDialect, dialect,
};

use crate::client::DuckDbClient;
use crate::database::{Access, Database};
use crate::gate::Gate;
pub use crate::settings::{DuckDbSettings, Location, Places};

/// DuckDB as a destination.
#[derive(Debug)]
pub struct DuckDb {
    settings: Arc<DuckDbSettings>,
    /// The open database, shared by all clients of this process; closed with the last of them.
    open: Mutex<Weak<Database>>,
    gate: Gate,
    /// Keeps a database in memory alive between clients.
    kept: Mutex<Option<Arc<Database>>>,
}

impl DuckDb {
    /// A destination with resolved settings. Opens nothing.
    pub fn new(settings: DuckDbSettings) -> Self {
        DuckDb {
            settings: Arc::new(settings),
            open: Mutex::new(Weak::new()),
            gate: Gate::default(),
            kept: Mutex::new(None),
        }
    }

    /// A destination in the file at `path`, with default settings.
    pub fn at(path: impl AsRef<Path>) -> Self {
        DuckDb::new(DuckDbSettings::new(Location::File(
            path.as_ref().to_owned(),
        )))
    }

    /// A destination in memory, for tests: it lives as long as the value.
    pub fn in_memory() -> Self {
        DuckDb::new(DuckDbSettings::new(Location::Memory))
    }

    /// The settings.
    pub fn settings(&self) -> &DuckDbSettings {
        &self.settings
    }

    /// DuckDB's file lock does not keep a process from itself, so a second instance would read a file in change.
    fn check_no_writer(&self) -> Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.strong_count() {
            0 => Ok(()),
            _ => Err(DestinationError::Locked {
                location: self.location(),
                holder: "a load of this process".to_owned(),
                waited_ms: 0,
            }),
        }
    }

    fn database(&self) -> Result<Arc<Database>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.upgrade() {
            return Ok(database);
        }
        let database = Arc::new(Database::open(
            &self.settings,
            Access::Configured,
            &self.gate,
        )?);
        *open = Arc::downgrade(&database);
        if self.settings.location == Location::Memory {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(Arc::clone(&database));
        }
        Ok(database)
    }
}

#[async_trait]
impl Destination for DuckDb {
    fn kind(&self) -> &'static str {
        "duckdb"
    }

    fn name(&self) -> &str {
        &self.settings.name
    }

    fn dialect(&self) -> &'static dyn SqlDialect {
        &dialect::DuckDb
    }

    fn location(&self) -> String {
        self.settings.location.to_string()
    }

    fn is_there(&self) -> bool {
        !self.settings.is_certainly_empty()
    }

    /// DuckDB names the catalog after the file; a dataset of the same name would be ambiguous without it.
    fn dataset_names(&self, dataset: &str) -> DatasetNames {
        let mut names = DatasetNames::new(dataset);
        let catalog = self.settings.location.catalog();
        let is_same = |name: &str| name.eq_ignore_ascii_case(&catalog);
        if is_same(&names.dataset) || is_same(&names.staging) {
            names.catalog = Some(catalog);
        }
        names
    }

    /// Blocks while another process holds the file, at most for the configured time.
    async fn connect(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        Ok(Box::new(DuckDbClient::new(
            self.database()?,
            datasets.clone(),
        )?))
    }

    async fn connect_read_only(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        if self.settings.location == Location::Memory {
            return self.connect(datasets).await;
        }
        if !self.settings.location.exists() {
            return Err(DestinationError::Undefined {
                what: "the database file".to_owned(),
                location: self.location(),
                cause: "no load has made it yet".to_owned(),
            });
        }
        self.check_no_writer()?;
        let database = Database::open(&self.settings, Access::Walled, &self.gate)?;
        Ok(Box::new(DuckDbClient::new(
            Arc::new(database),
            datasets.clone(),
        )?))
    }
}
