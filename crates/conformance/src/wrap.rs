//! Destinations around a destination that do one thing differently: stop, repeat, break.
//!
//! A wrapper is a destination itself, so the pipeline under test does not know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use tipple_destination::{
    Catalog, Client, DatasetNames, Destination, FollowUp, LoadPlan, MigrationPlan, Receipt, Result,
    SqlDialect, Statement, StatementKind, StoredSchema, StoredState, SystemNames, Target,
};

/// What is done differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    /// The process ends at once before the call of this number, from 0.
    KillBefore(usize),
    /// Every commit is done twice; the second one must find that the load is complete.
    CommitTwice,
    /// Every commit has a statement at its end that cannot run.
    BreakCommit,
}

/// A destination with a twist.
#[derive(Debug)]
struct Twisted {
    inner: Arc<dyn Destination>,
    twist: Twist,
    calls: Arc<AtomicUsize>,
}

/// A destination around `inner` with a twist.
pub(crate) fn twisted(inner: Arc<dyn Destination>, twist: Twist) -> Arc<dyn Destination> {
    Arc::new(Twisted {
        inner,
        twist,
        calls: Arc::new(AtomicUsize::new(0)),
    })
}

#[async_trait]
impl Destination for Twisted {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn dialect(&self) -> &'static dyn SqlDialect {
        self.inner.dialect()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn dataset_names(&self, dataset: &str) -> DatasetNames {
        self.inner.dataset_names(dataset)
    }

    fn is_there(&self) -> bool {
        self.inner.is_there()
    }

    async fn connect(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        Ok(Box::new(TwistedClient {
            inner: self.inner.connect(datasets).await?,
            twist: self.twist,
            calls: Arc::clone(&self.calls),
        }))
    }

    async fn connect_read_only(&self, datasets: &DatasetNames) -> Result<Box<dyn Client>> {
        self.inner.connect_read_only(datasets).await
    }
}

struct TwistedClient {
    inner: Box<dyn Client>,
    twist: Twist,
    calls: Arc<AtomicUsize>,
}

impl TwistedClient {
    fn step(&self) {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.twist == Twist::KillBefore(number) {
            std::process::abort();
        }
    }
}

/// The plan with a statement at its end that no engine understands.
fn broken(plan: &LoadPlan) -> LoadPlan {
    let mut plan = plan.clone();
    let statement = Statement::new(StatementKind::Insert, "broken", "THIS IS NO SQL", "a test");
    plan.follow_ups.push(FollowUp {
        table: "broken".to_owned(),
        what: "merge",
        statements: vec![statement],
    });
    plan
}

#[async_trait]
impl Client for TwistedClient {
    async fn dataset_exists(&mut self, target: Target) -> Result<bool> {
        self.step();
        self.inner.dataset_exists(target).await
    }

    async fn read_catalog(&mut self, target: Target, tables: &[&str]) -> Result<Catalog> {
        self.step();
        self.inner.read_catalog(target, tables).await
    }

    async fn has_schema_version(
        &mut self,
        target: Target,
        names: &SystemNames,
        hash: &str,
    ) -> Result<bool> {
        self.step();
        self.inner.has_schema_version(target, names, hash).await
    }

    async fn read_stored_schema(
        &mut self,
        names: &SystemNames,
        schema_name: Option<&str>,
    ) -> Result<Option<StoredSchema>> {
        self.step();
        self.inner.read_stored_schema(names, schema_name).await
    }

    async fn read_state(
        &mut self,
        names: &SystemNames,
        pipeline_name: &str,
    ) -> Result<Option<StoredState>> {
        self.step();
        self.inner.read_state(names, pipeline_name).await
    }

    async fn has_receipt(&mut self, names: &SystemNames, load_id: &str) -> Result<bool> {
        self.step();
        self.inner.has_receipt(names, load_id).await
    }

    async fn migrate(&mut self, plan: &MigrationPlan) -> Result<()> {
        self.step();
        self.inner.migrate(plan).await
    }

    async fn commit(&mut self, plan: &LoadPlan) -> Result<Receipt> {
        self.step();
        match self.twist {
            Twist::BreakCommit => self.inner.commit(&broken(plan)).await,
            Twist::CommitTwice => {
                let first = self.inner.commit(plan).await?;
                let again = self.inner.commit(plan).await?;
                assert!(again.was_complete, "the load was not seen to be complete");
                Ok(first)
            }
            Twist::KillBefore(_) => self.inner.commit(plan).await,
        }
    }

    async fn execute(&mut self, statements: &[Statement]) -> Result<()> {
        self.step();
        self.inner.execute(statements).await
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.step();
        self.inner.query(sql).await
    }
}
