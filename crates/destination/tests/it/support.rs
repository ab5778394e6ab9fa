//! Plans of a load or a migration in one call.

use tipple_destination::dialect::DuckDb;
use tipple_destination::{
    Catalog, ColumnChanges, DatasetNames, LoadJob, LoadPlan, LoadRequest, MigrationPlan,
    MigrationRequest, PlanContext, PlanSettings, Result, SchemaVersion, SqlDialect, SystemNames,
    Target, plan_load, plan_migration,
};
use tipple_schema::Schema;

#[path = "tables.rs"]
mod tables;

pub use tables::{column, schema, table};

/// 2026-11-21T20:10:09.234917Z
pub const NOW: i64 = 1_795_291_809_234_917;

/// What a planner needs, with defaults.
pub struct World {
    pub schema: Schema,
    pub dialect: &'static dyn SqlDialect,
    pub settings: PlanSettings,
    pub names: SystemNames,
    datasets: DatasetNames,
}

impl World {
    pub fn new(schema: Schema) -> Self {
        World {
            schema,
            dialect: &DuckDb,
            settings: PlanSettings::default(),
            names: SystemNames::default(),
            datasets: DatasetNames::new("ds"),
        }
    }

    pub fn context(&self) -> PlanContext<'_> {
        PlanContext {
            schema: &self.schema,
            datasets: &self.datasets,
            names: &self.names,
            dialect: self.dialect,
            settings: &self.settings,
            now: NOW,
        }
    }

    /// Plan of a load with one job for each of `tables`.
    pub fn load(&self, tables: &[&str]) -> Result<LoadPlan> {
        let jobs = tables
            .iter()
            .map(|table| LoadJob {
                id: format!("{table}.f"),
                table: (*table).to_owned(),
                source: Some(tipple_destination::JobSource::of(Vec::new())),
            })
            .collect();
        let request = LoadRequest {
            load_id: "1795291809.2349176",
            package_created_at: NOW,
            schema_hash: "hash",
            jobs,
            truncate_tables: &[],
        };
        plan_load(&self.context(), &request)
    }

    /// Statements of the follow-up jobs of a load, one a line.
    pub fn follow_ups(&self, tables: &[&str]) -> String {
        match self.load(tables) {
            Ok(plan) => plan
                .follow_ups
                .iter()
                .flat_map(|follow_up| &follow_up.statements)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
            Err(error) => error.to_string(),
        }
    }

    /// Migration of `tables` to a dataset that has `catalog`.
    pub fn migration(&self, catalog: &Catalog, tables: &[&str]) -> Result<MigrationPlan> {
        self.migration_of(&MigrationRequest {
            target: Target::Final,
            version: &self.version(),
            tables,
            catalog,
            is_stored: false,
            drop_tables: &[],
            changes: ColumnChanges::NONE,
            force: false,
        })
    }

    pub fn migration_of(&self, request: &MigrationRequest<'_>) -> Result<MigrationPlan> {
        plan_migration(&self.context(), request)
    }

    pub fn version(&self) -> SchemaVersion {
        SchemaVersion {
            version: 2,
            engine_version: 11,
            hash: "hash".to_owned(),
            document: r#"{"version":2}"#.to_owned(),
        }
    }
}
