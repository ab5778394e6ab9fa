//! Databases on a Postgres server, each for one test or case.
//!
//! The server is named by `TIPPLE_TEST_POSTGRES_URL`, which `cargo xtask test` sets where PostgreSQL is installed. Where
//! there is none, tests say so and end, unless `TIPPLE_TEST_REQUIRED` names `postgres`.

use std::sync::atomic::{AtomicUsize, Ordering};

use postgres::{Client, NoTls};

use crate::dump::PostgresError;

/// Variable with the URL of the server; its user may make databases and users.
pub const SERVER_VARIABLE: &str = "TIPPLE_TEST_POSTGRES_URL";

/// Numbers the databases of this process.
static NEXT_DATABASE: AtomicUsize = AtomicUsize::new(0);

/// A database that goes with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A database that stays is in nobody's way.
        let _ = administer(&self.server, &sql);
    }
}

impl Database {
    /// A new, empty database on the server at this URL.
    ///
    /// # Errors
    /// The server is not there or the user may not make databases.
    pub fn create(server: &str) -> Result<Self, PostgresError> {
        let number = NEXT_DATABASE.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{}_{number}", std::process::id());
        administer(
            server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )?;
        administer(server, &format!("CREATE DATABASE {name}"))?;
        Ok(Database {
            server: server.to_owned(),
            name,
        })
    }

    /// A new database for a test; nothing, with a line on standard error, where no server is.
    ///
    /// # Panics
    /// The server does not answer, or is required and not named.
    #[expect(clippy::panic, reason = "a test cannot go on")]
    pub fn for_test() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER_VARIABLE) else {
            let required = std::env::var("TIPPLE_TEST_REQUIRED").unwrap_or_default();
            assert!(
                !required.contains("postgres"),
                "{SERVER_VARIABLE} is not set"
            );
            eprintln!("skipped: {SERVER_VARIABLE} is not set (cargo xtask lab up postgres)");
            return None;
        };
        match Database::create(&server) {
            Ok(database) => Some(database),
            Err(error) => panic!("no database for a test: {error}"),
        }
    }

    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// URL of the database, with the user of the server.
    pub fn url(&self) -> String {
        let (address, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{address}/{}", self.name)
    }

    /// URL of the database with another user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (_, address) = url.rsplit_once('@').unwrap_or(("", &url));
        format!("postgresql://{user}:{password}@{address}")
    }

    /// Runs statements.
    ///
    /// # Errors
    /// The server refuses.
    pub fn run(&self, sql: &str) -> Result<(), PostgresError> {
        administer(&self.url(), sql)
    }

    /// First column of all rows of a query, as text; nulls are left out.
    ///
    /// # Errors
    /// The server refuses.
    pub fn texts(&self, sql: &str) -> Result<Vec<String>, PostgresError> {
        outside(|| {
            let mut client = Client::connect(&self.url(), NoTls)?;
            let mut texts = Vec::new();
            for message in client.simple_query(sql)? {
                if let postgres::SimpleQueryMessage::Row(row) = message {
                    texts.extend(row.try_get(0)?.map(str::to_owned));
                }
            }
            Ok(texts)
        })
    }
}

fn administer(url: &str, sql: &str) -> Result<(), PostgresError> {
    outside(|| Ok(Client::connect(url, NoTls)?.batch_execute(sql)?))
}

/// Does `work` on a thread of its own: the client blocks, which a runtime around a test would not bear.
fn outside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
