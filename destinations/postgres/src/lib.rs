//! Postgres: rows by binary COPY, everything of a load in one transaction.
//!
//! [`Postgres`] opens sessions; the client that it gives out runs plans that were made by `tipple-destination`. Rows are
//! written in the form of COPY by `copy` and sent by `ingest`; what the server's errors mean is in `failure`.

mod answer;
mod client;
mod copy;
mod failure;
mod indexes;
mod ingest;
mod params;
mod session;
mod settings;
mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use tipple_destination::{Client, DatasetNames, Destination, Result, SqlDialect, dialect};

use crate::client::PostgresClient;
use crate::session::{Access, Session};
pub use crate::settings::{FIELDS, PostgresSettings, SslMode, fields_of};

/// Postgres as a destination.
#[derive(Debug)]
pub struct Postgres {
    settings: Arc<PostgresSettings>,
}

impl Postgres {
    /// A destination with resolved settings. Opens nothing.
    pub fn new(settings: PostgresSettings) -> Self {
        Postgres {
            settings: Arc::new(settings),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &PostgresSettings {
        &self.settings
    }
}

#[async_trait]
impl Destination for Postgres {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn name(&self) -> &str {
        &self.settings.name
    }

    fn dialect(&self) -> &'static dyn SqlDialect {
        &dialect::Postgres
    }

    fn location(&self) -> String {
        self.settings.location()
    }

    async fn connect(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        let session = Session::open(&self.settings, Access::Write).await?;
        Ok(Box::new(PostgresClient::new(session, datasets.clone())))
    }

    async fn connect_read_only(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        let session = Session::open(&self.settings, Access::Read).await?;
        Ok(Box::new(PostgresClient::new(session, datasets.clone())))
    }
}
