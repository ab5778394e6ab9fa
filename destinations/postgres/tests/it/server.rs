//! A destination in a database of its own.

use tipple_destination_postgres::{Postgres, PostgresSettings, fields_of};
use tipple_testkit::server::Database;

/// A new database and the destination that loads it.
pub struct Server {
    pub database: Database,
    pub postgres: Postgres,
}

impl Server {
    /// Nothing where no server is.
    pub fn new() -> Option<Self> {
        let database = Database::for_test()?;
        let postgres = destination(&database.url());
        Some(Server { database, postgres })
    }
}

/// The destination at a connection string.
pub fn destination(text: &str) -> Postgres {
    let fields = fields_of(text).unwrap();
    Postgres::new(PostgresSettings::parse("postgres", &fields).unwrap())
}
