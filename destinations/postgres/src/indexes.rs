//! Unique constraints of an empty table, put aside while many rows come in.
//!
//! Building an index from all rows at once takes a third of the time of growing it row by row. The constraints leave and
//! come back inside the transaction of the load, under their names, so nobody ever sees the table without them. Start
//! with [`put_aside`].

use tipple_destination::{SqlDialect as _, TableRef, dialect};
use tokio_postgres::Client;

use crate::failure::Failure;

/// Name and definition of each unique constraint of a table without a page that no foreign key leans on. Asks for no lock
/// that stays.
const CONSTRAINTS_SQL: &str = "SELECT c.conname::text, pg_get_constraintdef(c.oid) FROM pg_constraint AS c \
    WHERE c.conrelid = to_regclass($1) AND c.contype = 'u' AND pg_relation_size(c.conrelid) = 0 \
    AND NOT EXISTS (SELECT 1 FROM pg_constraint AS f WHERE f.contype = 'f' AND f.confrelid = c.conrelid) \
    ORDER BY c.conname";

/// Constraints that are not there for the moment.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    statements: Vec<String>,
}

/// Takes the unique constraints from `at` if the table is empty and nobody else is at it; else leaves them where they are.
///
/// # Errors
/// A connection that broke.
pub(crate) async fn put_aside(client: &Client, at: &TableRef) -> Result<Aside, Failure> {
    let table = dialect::Postgres.qualified(at);
    if constraints(client, &table).await?.is_empty() {
        return Ok(Aside::default());
    }
    client.batch_execute("SAVEPOINT put_aside").await?;
    match take(client, &table).await {
        Ok(aside) => Ok(aside),
        Err(_) => {
            // The table is in use or belongs to somebody else: then the index grows row by row.
            client
                .batch_execute("ROLLBACK TO SAVEPOINT put_aside")
                .await?;
            Ok(Aside::default())
        }
    }
}

async fn take(client: &Client, table: &str) -> Result<Aside, Failure> {
    let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT");
    client.batch_execute(&lock).await?;
    let mut aside = Aside::default();
    // Again behind the lock: rows may have come in between.
    for (name, definition) in constraints(client, table).await? {
        let name = dialect::Postgres.quote(&name);
        let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {name}");
        client.batch_execute(&drop).await?;
        let add = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}");
        aside.statements.push(add);
    }
    Ok(aside)
}

async fn constraints(client: &Client, table: &str) -> Result<Vec<(String, String)>, Failure> {
    let rows = client.query(CONSTRAINTS_SQL, &[&table]).await?;
    let read = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok(read.collect::<Result<_, tokio_postgres::Error>>()?)
}

impl Aside {
    /// Puts the constraints back.
    ///
    /// # Errors
    /// Two rows with the same value.
    pub async fn put_back(self, client: &Client) -> Result<(), Failure> {
        for statement in &self.statements {
            client.batch_execute(statement).await?;
        }
        Ok(())
    }
}
