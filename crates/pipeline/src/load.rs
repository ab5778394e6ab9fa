//! Loading one sealed package: migration, then everything else in one commit.
//!
//! All decisions are plans of `tipple-destination`; this file only puts them in order (spec/load.md §3) and keeps the
//! books of the package. Every step can be repeated: a package whose receipt is at the destination is only filed away.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};
use tipple_destination::{
    Batches, BoxError, Catalog, Client, ColumnChanges, DatasetNames, Destination, DestinationError,
    JobSource, LoadJob, LoadPlan, LoadRequest, MigrationPlan, MigrationRequest, PlanContext,
    PlanSettings, PlanWarning, SchemaProblems, SchemaVersion, SystemNames, Target, plan_load,
    plan_migration, root_of, staging_schema, verify,
};
use tipple_package::{Completion, Job, Package};
use tipple_schema::{Column, Naming, Schema};

use crate::error::Cause;
use crate::options::PipelineOptions;
use crate::pipeline::{datasets_of, naming_of};
use crate::report::PackageReport;
use crate::time::now_micros;
use crate::widen::{FOLDED, Fold};

/// Plans of one migration: each new one means that another process has changed the same tables meanwhile.
const PLANS_MAX: u32 = 5;

/// Where packages of a pipeline go.
#[derive(Debug, Clone)]
pub(crate) struct LoadTarget {
    pub destination: Arc<dyn Destination>,
    pub datasets: DatasetNames,
    pub settings: PlanSettings,
    pub delete_completed_jobs: bool,
}

impl LoadTarget {
    /// Where a pipeline with these options loads.
    ///
    /// # Errors
    /// A naming convention or a strategy that does not exist.
    pub fn of(options: &PipelineOptions) -> Result<Self, Cause> {
        let settings = &options.settings;
        let strategy = settings.replace_strategy.as_deref().map(str::parse);
        Ok(LoadTarget {
            destination: Arc::clone(&options.destination),
            datasets: datasets_of(options, &naming_of(options)?),
            settings: PlanSettings {
                replace_strategy: strategy.transpose().map_err(Cause::Word)?,
                create_indexes: settings.create_indexes,
                truncate_staging: settings.truncate_staging_dataset,
            },
            delete_completed_jobs: settings.delete_completed_jobs,
        })
    }
}

/// What loading a package did.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub report: PackageReport,
    /// Rows in all jobs.
    pub rows: u64,
    pub warnings: Vec<String>,
}

/// Time in a load id, in microseconds since 1970-01-01 UTC.
pub(crate) fn load_id_micros(load_id: &str) -> i64 {
    load_id
        .parse::<f64>()
        .map_or_else(|_| now_micros(), |seconds| (seconds * 1e6) as i64)
}

/// Names of the system tables under a naming convention.
pub(crate) fn system_names(naming: &Naming) -> SystemNames {
    SystemNames::new(|name| naming.path(name).unwrap_or_else(|_| name.to_owned()))
}

/// A package with its schema and jobs, ready to be planned.
struct Loading<'a> {
    target: &'a LoadTarget,
    package: &'a Package,
    schema: Schema,
    names: SystemNames,
    jobs: Vec<Job>,
    /// Columns that come together when rows are read.
    folded: Option<Value>,
    changes: ColumnChanges,
    dropped: Vec<String>,
    truncated: Vec<String>,
}

/// Loads a sealed package and files it away.
///
/// # Errors
/// [`Cause::Destination`] when the destination refuses; the package then stays as it is and can be loaded again.
pub(crate) async fn load_package(
    target: &LoadTarget,
    package: Package,
    naming: &Naming,
) -> Result<Loaded, Cause> {
    let schema = Schema::from_document(&package.schema()?)?;
    let state = package.document_state()?;
    let loading = Loading {
        target,
        package: &package,
        names: system_names(naming),
        jobs: package.jobs()?,
        folded: state.get(FOLDED).cloned(),
        changes: crate::lock::column_changes(&state),
        dropped: table_names(state.dropped_tables()),
        truncated: table_names(state.truncated_tables()),
        schema,
    };
    let mut client = target.destination.connect(&target.datasets).await?;
    let report = loading.report();
    let rows = loading.jobs.iter().filter_map(|job| job.rows).sum();
    if client
        .has_receipt(&loading.names, package.load_id())
        .await?
    {
        package.complete_after_receipt()?;
        return Ok(Loaded {
            report,
            rows,
            warnings: Vec::new(),
        });
    }
    let warnings = loading.run(client.as_mut()).await?;
    finish(target, &package)?;
    Ok(Loaded {
        report,
        rows,
        warnings,
    })
}

/// What plans for `target` are made from.
pub(crate) fn plan_context<'a>(
    target: &'a LoadTarget,
    schema: &'a Schema,
    names: &'a SystemNames,
) -> PlanContext<'a> {
    PlanContext {
        schema,
        datasets: &target.datasets,
        names,
        dialect: target.destination.dialect(),
        settings: &target.settings,
        now: now_micros(),
    }
}

/// True when rows of one of `tables` pass through the staging dataset.
pub(crate) fn needs_staging<'t>(
    context: &PlanContext<'_>,
    tables: impl IntoIterator<Item = &'t str>,
) -> bool {
    tables.into_iter().any(|table| {
        let root = context.table(root_of(context.schema, table));
        root.is_some_and(|root| context.is_staged(&root))
    })
}

/// What brings the staging dataset to the schema of `context`.
///
/// # Errors
/// The destination cannot be read or has no type for a column.
pub(crate) async fn staging_migration(
    context: &PlanContext<'_>,
    changes: &ColumnChanges,
    client: &mut dyn Client,
) -> Result<MigrationPlan, Cause> {
    let version = staging_version(context);
    let is_stored = client
        .has_schema_version(Target::Staging, context.names, &version.hash)
        .await?;
    let catalog = client.read_catalog(Target::Staging, &[]).await?;
    staging_migration_from(context, &version, changes, &catalog, is_stored)
}

/// Version of the schema as the staging dataset stores it.
pub(crate) fn staging_version(context: &PlanContext<'_>) -> SchemaVersion {
    let mut trimmed = staging_schema(context);
    trimmed.bump();
    schema_version(&trimmed)
}

/// As [`staging_migration`], with what the destination has said.
pub(crate) fn staging_migration_from(
    context: &PlanContext<'_>,
    version: &SchemaVersion,
    changes: &ColumnChanges,
    catalog: &Catalog,
    is_stored: bool,
) -> Result<MigrationPlan, Cause> {
    let request = MigrationRequest {
        target: Target::Staging,
        version,
        tables: &context.staged_tables(),
        catalog,
        is_stored,
        drop_tables: &[],
        changes,
        // The tables are only ours while we load: one dropped by hand must come back.
        force: true,
    };
    Ok(plan_migration(context, &request)?)
}

fn finish(target: &LoadTarget, package: &Package) -> Result<(), Cause> {
    let jobs = package.jobs()?;
    package.complete_jobs(&jobs)?;
    let loaded = package.complete(Completion::Loaded)?;
    if target.delete_completed_jobs {
        loaded.remove_completed_jobs()?;
    }
    Ok(())
}

pub(crate) fn table_names(tables: &[Value]) -> Vec<String> {
    let names = tables
        .iter()
        .filter_map(|table| table.get("name").and_then(Value::as_str));
    names.map(str::to_owned).collect()
}

impl Loading<'_> {
    fn report(&self) -> PackageReport {
        PackageReport {
            load_id: self.package.load_id().to_owned(),
            schema_name: self.schema.name.clone(),
            is_loaded: true,
            failed_jobs: 0,
            jobs: self.jobs.len(),
            bytes: self.jobs.iter().map(|job| job.bytes).sum(),
        }
    }

    fn context(&self) -> PlanContext<'_> {
        plan_context(self.target, &self.schema, &self.names)
    }

    async fn run(&self, client: &mut dyn Client) -> Result<Vec<String>, Cause> {
        let context = self.context();
        let tables = self.job_tables();
        let mut warnings = self.verify(&context, &tables)?;
        let migration = self.migrate(client, &context, Target::Final).await?;
        warnings.extend(migration.warnings);
        if self.needs_staging(&context) {
            self.migrate(client, &context, Target::Staging).await?;
        }
        // As dlt does, a chain that cannot be merged is refused after the migration, which stays.
        let jobs = self.package.start(&self.jobs)?;
        let plan = self.load_plan(&context, &jobs)?;
        self.package
            .commit_schema_updates(&added_columns(&migration.added))?;
        client.commit(&plan).await?;
        Ok(warnings.iter().map(ToString::to_string).collect())
    }

    fn verify(
        &self,
        context: &PlanContext<'_>,
        tables: &[&str],
    ) -> Result<Vec<PlanWarning>, Cause> {
        let findings = verify(context, tables);
        if findings.problems.is_empty() {
            return Ok(findings.warnings);
        }
        Err(Cause::Destination(DestinationError::Schema(
            SchemaProblems {
                schema: self.schema.name.clone(),
                destination: context.dialect.name(),
                problems: findings.problems,
            },
        )))
    }

    /// Tables with jobs, each once, in order of their jobs.
    fn job_tables(&self) -> Vec<&str> {
        let mut tables: Vec<&str> = Vec::new();
        for job in &self.jobs {
            if !tables.contains(&job.table.as_str()) {
                tables.push(&job.table);
            }
        }
        tables
    }

    /// Brings a dataset to the schema; plans anew when another process has changed the tables in between.
    async fn migrate(
        &self,
        client: &mut dyn Client,
        context: &PlanContext<'_>,
        target: Target,
    ) -> Result<MigrationPlan, Cause> {
        let mut plans = 1;
        loop {
            let plan = match target {
                Target::Final => self.migration(client, context).await?,
                Target::Staging => self.staging_migration(client, context).await?,
            };
            match client.migrate(&plan).await {
                Ok(()) => return Ok(plan),
                Err(DestinationError::Changed { .. }) if plans < PLANS_MAX => plans += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn migration(
        &self,
        client: &mut dyn Client,
        context: &PlanContext<'_>,
    ) -> Result<MigrationPlan, Cause> {
        let version = schema_version(&self.schema);
        let dropped: Vec<&str> = self.dropped.iter().map(String::as_str).collect();
        let stored = client
            .has_schema_version(Target::Final, &self.names, &version.hash)
            .await?;
        let catalog = client.read_catalog(Target::Final, &[]).await?;
        Ok(plan_migration(
            context,
            &MigrationRequest {
                target: Target::Final,
                version: &version,
                tables: &self.job_tables(),
                catalog: &catalog,
                is_stored: stored,
                drop_tables: &dropped,
                changes: &self.changes,
                force: !self.truncated.is_empty(),
            },
        )?)
    }

    fn needs_staging(&self, context: &PlanContext<'_>) -> bool {
        needs_staging(context, self.job_tables())
    }

    async fn staging_migration(
        &self,
        client: &mut dyn Client,
        context: &PlanContext<'_>,
    ) -> Result<MigrationPlan, Cause> {
        staging_migration(context, &self.changes, client).await
    }

    fn load_job(&self, job: &Job) -> LoadJob {
        let is_empty = job.rows == Some(0);
        let fold = self.fold(&job.table).map(Arc::new);
        let file = job.clone();
        let open = move || open_job(&file, fold.as_ref());
        LoadJob {
            id: job.name.job_id(),
            table: job.table.clone(),
            source: (!is_empty).then(|| JobSource::new(open)),
        }
    }

    fn fold(&self, table: &str) -> Option<Fold> {
        let capabilities = self.target.destination.capabilities();
        let table = self.schema.tables.get(table)?;
        Fold::read(self.folded.as_ref(), table, capabilities.decimal_precision)
    }

    fn load_plan(&self, context: &PlanContext<'_>, jobs: &[Job]) -> Result<LoadPlan, Cause> {
        let truncated: Vec<&str> = self.truncated.iter().map(String::as_str).collect();
        let request = LoadRequest {
            load_id: self.package.load_id(),
            package_created_at: load_id_micros(self.package.load_id()),
            schema_hash: self.schema.version_hash.as_deref().unwrap_or_default(),
            jobs: jobs.iter().map(|job| self.load_job(job)).collect(),
            truncate_tables: &truncated,
        };
        Ok(plan_load(context, &request)?)
    }
}

/// Batches of a job file, brought together where columns were widened.
fn open_job(file: &Job, fold: Option<&Arc<Fold>>) -> Result<Batches, BoxError> {
    let batches = file.open()?;
    let Some(fold) = fold.map(Arc::clone) else {
        return Ok(Box::new(batches.map(|batch| batch.map_err(BoxError::from))));
    };
    Ok(Box::new(batches.map(move |batch| {
        fold.apply(&batch?).map_err(BoxError::from)
    })))
}

pub(crate) fn schema_version(schema: &Schema) -> SchemaVersion {
    SchemaVersion {
        version: schema.version,
        engine_version: schema.engine_version,
        hash: schema.version_hash.clone().unwrap_or_default(),
        document: schema.to_document().to_string(),
    }
}

fn added_columns(added: &IndexMap<String, Vec<Column>>) -> Value {
    let tables = added.iter().map(|(table, columns)| {
        let columns: serde_json::Map<String, Value> = columns
            .iter()
            .map(|c| (c.name.clone(), Value::Object(c.to_properties())))
            .collect();
        (table.clone(), json!({"name": table, "columns": columns}))
    });
    Value::Object(tables.collect())
}
