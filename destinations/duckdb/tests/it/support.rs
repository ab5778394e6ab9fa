//! A schema in few words, a package of rows, and tables as text.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use tipple_destination::{
    Catalog, Client, ColumnChanges, DatasetNames, Destination, LoadJob, LoadPlan, LoadRequest,
    MigrationRequest, PlanContext, PlanSettings, Receipt, Result, SchemaVersion, SystemNames,
    Target, plan_load, plan_migration, staging_schema,
};
use tipple_schema::Schema;

#[path = "../../../../crates/destination/tests/it/tables.rs"]
mod tables;

pub use tables::{schema, table};

pub const NOW: i64 = 1_795_291_809_234_917;

/// One pipeline against one destination.
pub struct Shop<'a> {
    pub destination: &'a dyn Destination,
    pub schema: Schema,
    pub hash: String,
    pub settings: PlanSettings,
    pub datasets: DatasetNames,
}

impl<'a> Shop<'a> {
    pub fn new(destination: &'a dyn Destination, schema: Schema) -> Self {
        let datasets = destination.dataset_names("ds");
        let hash = "hash 1".to_owned();
        Shop {
            destination,
            schema,
            hash,
            settings: PlanSettings::default(),
            datasets,
        }
    }

    pub async fn client(&self) -> Box<dyn Client> {
        self.destination.connect(&self.datasets).await.unwrap()
    }

    pub fn plan(&self, load_id: &str, jobs: Vec<LoadJob>) -> Result<LoadPlan> {
        let names = SystemNames::default();
        let request = LoadRequest {
            load_id,
            package_created_at: NOW,
            schema_hash: &self.hash,
            jobs,
            truncate_tables: &[],
        };
        plan_load(&self.context(&self.schema, &names), &request)
    }

    fn context<'c>(&'c self, schema: &'c Schema, names: &'c SystemNames) -> PlanContext<'c> {
        PlanContext {
            schema,
            datasets: &self.datasets,
            names,
            dialect: self.destination.dialect(),
            settings: &self.settings,
            now: NOW,
        }
    }

    pub async fn migrate(&self, client: &mut dyn Client) -> Result<()> {
        let names = SystemNames::default();
        let context = self.context(&self.schema, &names);
        let tables: Vec<&str> = self.schema.tables.keys().map(String::as_str).collect();
        self.migrate_to(client, Target::Final, &context, &tables)
            .await?;
        let staged = context.staged_tables();
        if !staged.is_empty() {
            let trimmed = staging_schema(&context);
            let context = self.context(&trimmed, &names);
            self.migrate_to(client, Target::Staging, &context, &staged)
                .await?;
        }
        Ok(())
    }

    async fn migrate_to(
        &self,
        client: &mut dyn Client,
        target: Target,
        context: &PlanContext<'_>,
        tables: &[&str],
    ) -> Result<()> {
        let catalog: Catalog = client.read_catalog(target, &[]).await?;
        let version = SchemaVersion {
            version: self.schema.version,
            engine_version: 11,
            hash: self.hash.clone(),
            document: "{}".into(),
        };
        let is_stored = client
            .has_schema_version(target, context.names, &self.hash)
            .await?;
        let plan = plan_migration(
            context,
            &MigrationRequest {
                target,
                version: &version,
                tables,
                catalog: &catalog,
                is_stored,
                drop_tables: &[],
                changes: ColumnChanges::NONE,
                force: false,
            },
        )?;
        client.migrate(&plan).await
    }

    /// Migrates and loads; opens and closes the database.
    pub async fn load(&self, load_id: &str, jobs: Vec<LoadJob>) -> Result<Receipt> {
        let mut client = self.destination.connect(&self.datasets).await?;
        self.migrate(client.as_mut()).await?;
        client.commit(&self.plan(load_id, jobs)?).await
    }

    /// A query's rows as text, columns separated by ` | `.
    pub async fn rows(&self, sql: &str) -> String {
        let mut client = self.client().await;
        let batches = client.query(sql).await.unwrap();
        let mut lines = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| cell(column, row));
                lines.push(cells.collect::<Vec<_>>().join(" | "));
            }
        }
        lines.join("\n")
    }
}

fn cell(column: &ArrayRef, row: usize) -> String {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    if column.is_null(row) {
        return "∅".to_owned();
    }
    if let Some(text) = column.as_string_opt::<i32>() {
        return text.value(row).to_owned();
    }
    if let Some(flags) = column.as_boolean_opt() {
        return flags.value(row).to_string();
    }
    match column.as_primitive_opt::<Int64Type>() {
        Some(numbers) => numbers.value(row).to_string(),
        None => format!("{:?}", column.slice(row, 1)),
    }
}

/// A job of one batch in memory.
pub fn job(table: &str, columns: Vec<(&str, ArrayRef)>) -> LoadJob {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    jobs_of(table, vec![batch.unwrap()])
}

pub fn jobs_of(table: &str, batches: Vec<RecordBatch>) -> LoadJob {
    LoadJob {
        id: format!("{table}.1a2b3c4d5e"),
        table: table.to_owned(),
        source: Some(tipple_destination::JobSource::of(batches)),
    }
}

pub fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(arrow_array::Int64Array::from_iter_values(values))
}

pub fn texts<'t>(values: impl IntoIterator<Item = &'t str>) -> ArrayRef {
    Arc::new(arrow_array::StringArray::from_iter_values(values))
}
