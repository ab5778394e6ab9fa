//! A session's work: reads what is there, runs plans, each in one transaction.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use tipple_destination::{
    Catalog, Client, DatasetNames, DestinationError, LoadPlan, MigrationPlan, Receipt, Result,
    SqlDialect as _, Statement, StatementKind, StoredColumn, StoredSchema, StoredState,
    SystemNames, TableRef, Target, dialect, find_row_sql, jobs_by_table, stored_schema_sql,
    stored_state_sql,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::answer;
use crate::failure::Failure;
use crate::ingest;
use crate::params::Bound;
use crate::session::Session;

/// Waits for the lock of a text until the transaction ends: of a dataset that is migrated, of a load that is committed.
const LOCK_SQL: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7310581))";

/// A session of one destination with two datasets.
pub(crate) struct PostgresClient {
    session: Session,
    datasets: DatasetNames,
}

impl PostgresClient {
    pub fn new(session: Session, datasets: DatasetNames) -> Self {
        PostgresClient { session, datasets }
    }

    /// The rows of a query with bound texts.
    async fn rows(&self, sql: &str, texts: &[&str]) -> Result<Vec<Row>, Failure> {
        let params: Vec<&(dyn ToSql + Sync)> = texts.iter().map(|t| t as _).collect();
        Ok(self.session.client.query(sql, &params).await?)
    }

    /// The first row of a query on system tables; nothing when a table or dataset is not there.
    async fn first_row(&self, sql: &str, texts: &[&str]) -> Result<Option<Row>> {
        match self.rows(sql, texts).await {
            Ok(rows) => Ok(rows.into_iter().next()),
            Err(failure) if failure.is_undefined() => Ok(None),
            Err(failure) => Err(self.query_error(sql, &failure)),
        }
    }

    /// True when `table` is there and has a row whose `column` is `text`.
    async fn has_row(&self, table: &TableRef, column: &str, text: &str) -> Result<bool> {
        let sql = find_row_sql(&dialect::Postgres, table, column);
        Ok(self.first_row(&sql, &[text]).await?.is_some())
    }

    fn query_error(&self, sql: &str, failure: &Failure) -> DestinationError {
        let location = self.session.location();
        let what = || format!("read the dataset `{}`", self.datasets.dataset);
        let grant = || {
            let (dataset, user) = (self.quote(&self.datasets.dataset), self.user());
            format!(
                "GRANT USAGE ON SCHEMA {dataset} TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA {dataset} TO {user}"
            )
        };
        failure
            .about_database(&location)
            .or_else(|| failure.about_rights(&location, what(), Some(grant())))
            .unwrap_or_else(|| DestinationError::Query {
                sql: sql.to_owned(),
                cause: failure.text(),
                kind: failure.kind(),
            })
    }

    fn quote(&self, name: &str) -> String {
        dialect::Postgres.quote(name)
    }

    fn user(&self) -> String {
        self.quote(self.session.username())
    }

    async fn run(&self, statement: &Statement) -> Result<(), Failure> {
        let bound: Vec<Bound<'_>> = statement.params.iter().map(Bound).collect();
        let params: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as _).collect();
        self.session.client.execute(&statement.sql, &params).await?;
        Ok(())
    }

    async fn control(&self, sql: &str) -> Result<()> {
        let done = self.session.client.batch_execute(sql).await;
        done.map_err(|error| self.query_error(sql, &Failure::from(error)))
    }

    /// Begins a transaction that has the lock of `name`.
    ///
    /// Read committed, because what another process has just committed must be seen once the lock is there.
    async fn begin(&self, name: &str) -> Result<()> {
        self.control("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        match self.rows(LOCK_SQL, &[name]).await {
            Ok(_) => Ok(()),
            Err(failure) => self.end(Err(self.query_error(LOCK_SQL, &failure))).await,
        }
    }

    /// Commits, or undoes everything when there was an error.
    async fn end<T>(&self, done: Result<T>) -> Result<T> {
        match done {
            Ok(value) => self.control("COMMIT").await.map(|()| value),
            Err(error) => {
                // Without a connection the server has rolled back by itself.
                let _ = self.session.client.batch_execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// Errors of the database or of rights; nothing when it is about the statement itself.
    fn common_error(
        &self,
        dataset: &str,
        statement: &Statement,
        failure: &Failure,
    ) -> Option<DestinationError> {
        let location = self.session.location();
        failure.about_database(&location).or_else(|| {
            let (what, grant) = self.right(dataset, statement);
            failure.about_rights(&location, what, Some(grant))
        })
    }

    /// What a statement does in words, and how an administrator allows it.
    fn right(&self, dataset: &str, statement: &Statement) -> (String, String) {
        let (schema, user, table) = (self.quote(dataset), self.user(), &statement.table);
        let database = self.quote(self.session.database());
        match statement.kind {
            StatementKind::CreateDataset => (
                format!("create the dataset `{dataset}`"),
                format!("GRANT CREATE ON DATABASE {database} TO {user}"),
            ),
            StatementKind::CreateTable => (
                format!("create the table `{table}` in dataset `{dataset}`"),
                format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}"),
            ),
            StatementKind::TempTable => (
                "make temporary tables".to_owned(),
                format!("GRANT TEMPORARY ON DATABASE {database} TO {user}"),
            ),
            StatementKind::AddColumn
            | StatementKind::ChangeType
            | StatementKind::RenameColumn
            | StatementKind::DropColumn
            | StatementKind::AlterTable
            | StatementKind::DropTable => (
                format!("change the table `{table}` in dataset `{dataset}`"),
                format!("ALTER TABLE {schema}.{} OWNER TO {user}", self.quote(table)),
            ),
            _ => (
                format!("write the table `{table}` in dataset `{dataset}`"),
                format!(
                    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {schema} TO {user}"
                ),
            ),
        }
    }

    fn migration_error(
        &self,
        plan: &MigrationPlan,
        statement: &Statement,
        failure: &Failure,
    ) -> DestinationError {
        if failure.is_made_already() {
            return DestinationError::Changed {
                table: statement.table.clone(),
                dataset: plan.dataset.clone(),
                cause: failure.text(),
            };
        }
        self.common_error(&plan.dataset, statement, failure)
            .unwrap_or_else(|| DestinationError::Migration {
                table: statement.table.clone(),
                dataset: plan.dataset.clone(),
                schema: plan.schema.clone(),
                sql: statement.sql.as_str().into(),
                cause: failure.text(),
                kind: failure.kind(),
            })
    }

    async fn run_all(&self, what: &str, statements: &[Statement]) -> Result<()> {
        for statement in statements {
            self.run(statement).await.map_err(|failure| {
                self.common_error(&self.datasets.dataset, statement, &failure)
                    .unwrap_or_else(|| DestinationError::FollowUp {
                        what: what.to_owned(),
                        table: statement.table.clone(),
                        sql: statement.sql.clone(),
                        cause: failure.text(),
                        kind: failure.kind(),
                    })
            })?;
        }
        Ok(())
    }

    async fn run_migration(&self, plan: &MigrationPlan) -> Result<()> {
        for statement in &plan.statements {
            self.run(statement)
                .await
                .map_err(|failure| self.migration_error(plan, statement, &failure))?;
        }
        Ok(())
    }

    async fn run_load(&self, plan: &LoadPlan) -> Result<Receipt> {
        // Behind the lock: a process that was killed may have had its commit under way.
        if self
            .has_row(&plan.receipts, &plan.receipts_load_id, &plan.load_id)
            .await?
        {
            return Ok(Receipt {
                was_complete: true,
                ..Receipt::default()
            });
        }
        let mut receipt = Receipt::default();
        self.run_all("truncate", &plan.truncates).await?;
        let location = self.session.location();
        for jobs in jobs_by_table(&plan.jobs).values() {
            let loaded = ingest::load_table(&self.session.client, jobs, &location).await?;
            receipt.rows.extend(loaded);
        }
        for follow_up in &plan.follow_ups {
            self.run_all(follow_up.what, &follow_up.statements).await?;
        }
        self.run_all("truncate", &plan.cleanup).await?;
        self.run_all("receipt", std::slice::from_ref(&plan.receipt))
            .await?;
        Ok(receipt)
    }

    fn stored_error(&self, table: &str, why: String) -> DestinationError {
        DestinationError::Stored {
            table: table.to_owned(),
            location: self.session.location(),
            why,
        }
    }
}

fn stored_schema(row: &Row) -> Result<StoredSchema, tokio_postgres::Error> {
    Ok(StoredSchema {
        name: row.try_get(0)?,
        version: row.try_get(1)?,
        engine_version: row.try_get(2)?,
        version_hash: row.try_get(3)?,
        inserted_at: row.try_get(4)?,
        document: row.try_get(5)?,
    })
}

fn stored_state(row: &Row) -> Result<StoredState, tokio_postgres::Error> {
    Ok(StoredState {
        version: row.try_get(0)?,
        engine_version: row.try_get(1)?,
        pipeline_name: row.try_get(2)?,
        document: row.try_get(3)?,
        created_at: row.try_get(4)?,
        load_id: row.try_get(5)?,
    })
}

#[async_trait]
impl Client for PostgresClient {
    async fn dataset_exists(&mut self, target: Target) -> Result<bool> {
        let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        let found = self.first_row(sql, &[self.datasets.get(target)]).await?;
        Ok(found.is_some())
    }

    async fn read_catalog(&mut self, target: Target, tables: &[&str]) -> Result<Catalog> {
        let mut catalog = Catalog {
            exists: self.dataset_exists(target).await?,
            ..Catalog::default()
        };
        // Tables, views, materialized views, foreign and partitioned tables.
        let sql = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull \
                   FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   JOIN pg_attribute AS a ON a.attrelid = c.oid \
                   WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'f', 'p') \
                   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum";
        let rows = self.rows(sql, &[self.datasets.get(target)]).await;
        let rows = rows.map_err(|failure| self.query_error(sql, &failure))?;
        for row in rows {
            let read = || -> Result<(String, StoredColumn), tokio_postgres::Error> {
                let column = StoredColumn {
                    name: row.try_get(1)?,
                    column_type: row.try_get(2)?,
                    nullable: row.try_get(3)?,
                };
                Ok((row.try_get(0)?, column))
            };
            let (table, column) = read().map_err(|e| self.query_error(sql, &e.into()))?;
            if tables.is_empty() || tables.contains(&table.as_str()) {
                catalog.tables.entry(table).or_default().push(column);
            }
        }
        Ok(catalog)
    }

    async fn has_schema_version(
        &mut self,
        target: Target,
        names: &SystemNames,
        hash: &str,
    ) -> Result<bool> {
        let table = self.datasets.table(target, &names.version_table);
        self.has_row(&table, &names.version_hash, hash).await
    }

    async fn read_stored_schema(
        &mut self,
        names: &SystemNames,
        schema_name: Option<&str>,
    ) -> Result<Option<StoredSchema>> {
        let table = self.datasets.table(Target::Final, &names.version_table);
        let sql = stored_schema_sql(&dialect::Postgres, &table, names, schema_name.is_some());
        let row = self.first_row(&sql, schema_name.as_slice()).await?;
        let stored = row.as_ref().map(stored_schema).transpose();
        let stored = stored.map_err(|error| self.query_error(&sql, &error.into()))?;
        let stored = stored.map(StoredSchema::unpacked).transpose();
        stored.map_err(|why| self.stored_error(&names.version_table, why))
    }

    async fn read_state(
        &mut self,
        names: &SystemNames,
        pipeline_name: &str,
    ) -> Result<Option<StoredState>> {
        let states = self.datasets.table(Target::Final, &names.state_table);
        let loads = self.datasets.table(Target::Final, &names.loads_table);
        let sql = stored_state_sql(&dialect::Postgres, &states, &loads, names);
        let row = self.first_row(&sql, &[pipeline_name]).await?;
        let stored = row.as_ref().map(stored_state).transpose();
        let stored = stored.map_err(|error| self.query_error(&sql, &error.into()))?;
        let stored = stored.map(StoredState::unpacked).transpose();
        stored.map_err(|why| self.stored_error(&names.state_table, why))
    }

    async fn has_receipt(&mut self, names: &SystemNames, load_id: &str) -> Result<bool> {
        let table = self.datasets.table(Target::Final, &names.loads_table);
        self.has_row(&table, &names.load_id, load_id).await
    }

    /// One migration of a dataset at a time: `IF NOT EXISTS` alone does not keep two from making the same table.
    async fn migrate(&mut self, plan: &MigrationPlan) -> Result<()> {
        if plan.is_empty() {
            return Ok(());
        }
        self.begin(&format!("dataset {}", plan.dataset)).await?;
        self.end(self.run_migration(plan).await).await
    }

    async fn commit(&mut self, plan: &LoadPlan) -> Result<Receipt> {
        self.begin(&format!("load {}", plan.load_id)).await?;
        self.end(self.run_load(plan).await).await
    }

    async fn execute(&mut self, statements: &[Statement]) -> Result<()> {
        self.begin(&format!("dataset {}", self.datasets.dataset))
            .await?;
        self.end(self.run_all("statement", statements).await).await
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>> {
        let answer = answer::query(&self.session.client, sql).await;
        answer.map_err(|failure| self.query_error(sql, &failure))
    }
}
