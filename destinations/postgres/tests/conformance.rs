//! What every destination must do, done by Postgres.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;

use tipple_conformance::Harness;
use tipple_destination::Destination;
use tipple_destination_postgres::{Postgres, PostgresSettings, fields_of};
use tipple_schema::DataType;
use tipple_testkit::server::Database;

/// A database of its own on the server for tests.
struct PostgresDatabase {
    url: String,
    /// Drops the database; absent in the process of a child.
    _database: Option<Database>,
}

impl Harness for PostgresDatabase {
    const NAME: &'static str = "postgres";

    fn fresh() -> Result<Self, String> {
        let missing = || "no server is named by TIPPLE_TEST_POSTGRES_URL".to_owned();
        let database = Database::for_test().ok_or_else(missing)?;
        Ok(PostgresDatabase {
            url: database.url(),
            _database: Some(database),
        })
    }

    fn reopen(address: &str) -> Self {
        PostgresDatabase {
            url: address.to_owned(),
            _database: None,
        }
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    fn destination(&self) -> Arc<dyn Destination> {
        let fields = fields_of(&self.url).unwrap();
        let settings = PostgresSettings::parse("postgres", &fields).unwrap();
        Arc::new(Postgres::new(settings))
    }

    fn dataset(&self) -> String {
        "conformance_data".to_owned()
    }

    fn text(&self, data_type: DataType, column: &str) -> String {
        match data_type {
            DataType::Timestamp | DataType::Time => {
                format!("(EXTRACT(EPOCH FROM {column}) * 1000000)::bigint::text")
            }
            DataType::Binary => format!("encode({column}, 'hex')"),
            _ => format!("{column}::text"),
        }
    }
}

mod conformance {
    tipple_conformance::conformance_suite!(super::PostgresDatabase);
}
