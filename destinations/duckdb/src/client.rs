//! A session: reads what is there, runs plans, each in one transaction.
//!
//! DuckDB works in the calling thread, so every method blocks; a caller with other work to do gives the client a thread.

use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use duckdb::types::Value;
use duckdb::{Connection, OptionalExt as _, Row, params_from_iter};
use indexmap::IndexMap;
use tipple_destination::{
    Catalog, Client, DatasetNames, DestinationError, LoadPlan, MigrationPlan, Param, Receipt,
    Result, Statement, StoredColumn, StoredSchema, StoredState, SystemNames, TableRef, Target,
    dialect, find_row_sql, iso_utc, jobs_by_table, stored_schema_sql, stored_state_sql,
};

use crate::database::Database;
use crate::failure::Failure;
use crate::ingest;

/// A session of one destination with two datasets.
#[derive(Debug)]
pub(crate) struct DuckDbClient {
    // Dropped before the database, so that the last client closes the file.
    connection: Connection,
    database: Arc<Database>,
    datasets: DatasetNames,
}

impl DuckDbClient {
    pub fn new(database: Arc<Database>, datasets: DatasetNames) -> Result<Self> {
        let location = database.location();
        let opening = |failure: Failure| failure.opening(&location);
        let connection = database.connect().map_err(opening)?;
        Ok(DuckDbClient {
            connection,
            database,
            datasets,
        })
    }

    /// Reads the first row of a query on system tables; nothing when a table or dataset is not there.
    fn first_row<T>(
        &self,
        sql: &str,
        params: &[Value],
        read: impl FnOnce(&Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Option<T>> {
        if self.database.is_untouched() {
            return Ok(None);
        }
        let params = params_from_iter(params.iter());
        match self.connection.query_row(sql, params, read).optional() {
            Ok(row) => Ok(row),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.is_undefined() {
                    Ok(None)
                } else {
                    Err(self.query_error(sql, &failure))
                }
            }
        }
    }

    fn query_error(&self, sql: &str, failure: &Failure) -> DestinationError {
        if let Some(error) = failure.about_database(&self.database.location()) {
            return error;
        }
        DestinationError::Query {
            sql: sql.to_owned(),
            cause: failure.text(),
            kind: failure.kind(),
        }
    }

    fn run(&self, statement: &Statement) -> Result<(), Failure> {
        let params: Vec<Value> = statement.params.iter().map(value).collect();
        self.connection
            .execute(&statement.sql, params_from_iter(params))?;
        Ok(())
    }

    /// Runs `work` between BEGIN and COMMIT; any error undoes everything.
    fn in_transaction<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let control = |sql: &str| {
            let done = self.connection.execute_batch(sql).map_err(Failure::from);
            done.map_err(|failure| self.query_error(sql, &failure))
        };
        let _turn = self.database.turn();
        self.database.touch();
        control("BEGIN TRANSACTION")?;
        let done = work().and_then(|value| control("COMMIT").map(|()| value));
        if done.is_err() {
            // DuckDB may have rolled back by itself; then there is nothing left to undo.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        done
    }

    fn follow_up_error(
        &self,
        what: &str,
        table: &str,
        sql: &str,
        failure: &Failure,
    ) -> DestinationError {
        failure
            .about_database(&self.database.location())
            .unwrap_or_else(|| DestinationError::FollowUp {
                what: what.to_owned(),
                table: table.to_owned(),
                sql: sql.to_owned(),
                cause: failure.text(),
                kind: failure.kind(),
            })
    }

    fn run_all<'s>(
        &self,
        what: &str,
        statements: impl IntoIterator<Item = &'s Statement>,
    ) -> Result<()> {
        for statement in statements {
            self.run(statement).map_err(|failure| {
                self.follow_up_error(what, &statement.table, &statement.sql, &failure)
            })?;
        }
        Ok(())
    }

    /// True when `table` is there and has a row whose `column` is `text`.
    fn has_row(&self, table: &TableRef, column: &str, text: &str) -> Result<bool> {
        let sql = find_row_sql(&dialect::DuckDb, table, column);
        let params = [Value::Text(text.to_owned())];
        Ok(self.first_row(&sql, &params, |_| Ok(()))?.is_some())
    }

    /// Loads the rows of all jobs, table by table.
    fn load(&self, plan: &LoadPlan, receipt: &mut Receipt) -> Result<()> {
        let location = self.database.location();
        for jobs in jobs_by_table(&plan.jobs).values() {
            let native = self.database.native();
            receipt.rows.extend(ingest::load_table(
                &self.connection,
                native,
                jobs,
                &location,
            )?);
        }
        Ok(())
    }

    fn stored_error(&self, table: &str, why: String) -> DestinationError {
        let location = self.database.location();
        DestinationError::Stored {
            table: table.to_owned(),
            location,
            why,
        }
    }
}

fn value(param: &Param) -> Value {
    match param {
        Param::Null => Value::Null,
        Param::Int(number) => Value::BigInt(*number),
        Param::Text(text) => Value::Text(text.replace('\0', "")),
        // As text, because a bound timestamp has no zone and would be read in that of the session.
        Param::Timestamp(micros) => Value::Text(iso_utc(*micros)),
    }
}

#[async_trait]
impl Client for DuckDbClient {
    async fn dataset_exists(&mut self, target: Target) -> Result<bool> {
        let sql = "SELECT 1 FROM duckdb_schemas() WHERE database_name = \
                   coalesce(?, current_database()) AND lower(schema_name) = lower(?)";
        let params = [
            self.datasets
                .catalog
                .clone()
                .map_or(Value::Null, Value::Text),
            Value::Text(self.datasets.get(target).to_owned()),
        ];
        Ok(self.first_row(sql, &params, |_| Ok(()))?.is_some())
    }

    async fn read_catalog(&mut self, target: Target, tables: &[&str]) -> Result<Catalog> {
        let exists = self.dataset_exists(target).await?;
        let mut catalog = Catalog {
            exists,
            tables: IndexMap::new(),
        };
        if !exists {
            // The list of columns makes DuckDB build all its own views first, which takes longer than many a load.
            return Ok(catalog);
        }
        let sql = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() \
                   WHERE database_name = coalesce(?, current_database()) \
                   AND lower(schema_name) = lower(?) ORDER BY table_name, column_index";
        let params = [
            self.datasets
                .catalog
                .clone()
                .map_or(Value::Null, Value::Text),
            Value::Text(self.datasets.get(target).to_owned()),
        ];
        let mut read = || -> duckdb::Result<()> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params_from_iter(params.iter()))?;
            while let Some(row) = rows.next()? {
                let table: String = row.get(0)?;
                if !tables.is_empty() && !tables.iter().any(|t| t.eq_ignore_ascii_case(&table)) {
                    continue;
                }
                catalog.tables.entry(table).or_default().push(StoredColumn {
                    name: row.get(1)?,
                    column_type: row.get(2)?,
                    nullable: row.get(3)?,
                });
            }
            Ok(())
        };
        read().map_err(|error| self.query_error(sql, &Failure::from(error)))?;
        Ok(catalog)
    }

    async fn has_schema_version(
        &mut self,
        target: Target,
        names: &SystemNames,
        hash: &str,
    ) -> Result<bool> {
        let table = self.datasets.table(target, &names.version_table);
        self.has_row(&table, &names.version_hash, hash)
    }

    async fn read_stored_schema(
        &mut self,
        names: &SystemNames,
        schema_name: Option<&str>,
    ) -> Result<Option<StoredSchema>> {
        let table = self.datasets.table(Target::Final, &names.version_table);
        let sql = stored_schema_sql(&dialect::DuckDb, &table, names, schema_name.is_some());
        let params: Vec<Value> = schema_name
            .iter()
            .map(|name| Value::Text((*name).to_owned()))
            .collect();
        let row = self.first_row(&sql, &params, |row| {
            Ok(StoredSchema {
                name: row.get(0)?,
                version: row.get(1)?,
                engine_version: row.get(2)?,
                version_hash: row.get(3)?,
                inserted_at: row.get(4)?,
                document: row.get(5)?,
            })
        })?;
        let stored = row.map(StoredSchema::unpacked).transpose();
        stored.map_err(|why| self.stored_error(&names.version_table, why))
    }

    async fn read_state(
        &mut self,
        names: &SystemNames,
        pipeline_name: &str,
    ) -> Result<Option<StoredState>> {
        let states = self.datasets.table(Target::Final, &names.state_table);
        let loads = self.datasets.table(Target::Final, &names.loads_table);
        let sql = stored_state_sql(&dialect::DuckDb, &states, &loads, names);
        let params = [Value::Text(pipeline_name.to_owned())];
        let row = self.first_row(&sql, &params, |row| {
            Ok(StoredState {
                version: row.get(0)?,
                engine_version: row.get(1)?,
                pipeline_name: row.get(2)?,
                document: row.get(3)?,
                created_at: row.get(4)?,
                load_id: row.get(5)?,
            })
        })?;
        let stored = row.map(StoredState::unpacked).transpose();
        stored.map_err(|why| self.stored_error(&names.state_table, why))
    }

    async fn has_receipt(&mut self, names: &SystemNames, load_id: &str) -> Result<bool> {
        let table = self.datasets.table(Target::Final, &names.loads_table);
        self.has_row(&table, &names.load_id, load_id)
    }

    async fn migrate(&mut self, plan: &MigrationPlan) -> Result<()> {
        if plan.is_empty() {
            return Ok(());
        }
        self.in_transaction(|| {
            plan.statements.iter().try_for_each(|statement| {
                self.run(statement).map_err(|failure| {
                    failure
                        .about_database(&self.database.location())
                        .unwrap_or_else(|| DestinationError::Migration {
                            table: statement.table.clone(),
                            dataset: plan.dataset.clone(),
                            schema: plan.schema.clone(),
                            sql: statement.sql.as_str().into(),
                            cause: failure.text(),
                            kind: failure.kind(),
                        })
                })
            })
        })
    }

    async fn commit(&mut self, plan: &LoadPlan) -> Result<Receipt> {
        self.in_transaction(|| {
            if self.has_row(&plan.receipts, &plan.receipts_load_id, &plan.load_id)? {
                return Ok(Receipt {
                    was_complete: true,
                    ..Receipt::default()
                });
            }
            let mut receipt = Receipt::default();
            self.run_all("truncate", &plan.truncates)?;
            self.load(plan, &mut receipt)?;
            for follow_up in &plan.follow_ups {
                self.run_all(follow_up.what, &follow_up.statements)?;
            }
            self.run_all("truncate", &plan.cleanup)?;
            self.run_all("receipt", [&plan.receipt])?;
            Ok(receipt)
        })
    }

    async fn execute(&mut self, statements: &[Statement]) -> Result<()> {
        self.in_transaction(|| self.run_all("statement", statements))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>> {
        let run = || -> duckdb::Result<Vec<RecordBatch>> {
            Ok(self.connection.prepare(sql)?.query_arrow([])?.collect())
        };
        run().map_err(|error| self.query_error(sql, &Failure::from(error)))
    }
}
