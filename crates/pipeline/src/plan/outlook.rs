//! What the destination would have to do for a load, found out by reading only.

use tipple_destination::{
    Catalog, Client, ColumnChanges, DestinationError, Drift, DriftChange, MigrationPlan,
    MigrationRequest, PlanContext, Target, drift, plan_migration,
};
use tipple_schema::{Naming, Schema};

use crate::error::Cause;
use crate::load::{
    LoadTarget, needs_staging, plan_context, schema_version, staging_migration,
    staging_migration_from, staging_version, system_names,
};

/// What would be loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intent<'a> {
    /// Schema after the load.
    pub schema: &'a Schema,
    /// Schema of the last load, for drift; absent when nothing was loaded.
    pub before: Option<&'a Schema>,
    /// Tables that get rows.
    pub tables: &'a [&'a str],
    /// Tables that a refresh drops.
    pub dropped: &'a [&'a str],
    /// Columns that the locked schema renames or drops.
    pub changes: &'a ColumnChanges,
}

/// What would have to be done, and what is there.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// For the dataset.
    pub migration: MigrationPlan,
    /// For the dataset through which rows pass; absent when none do.
    pub staging: Option<MigrationPlan>,
    /// What the dataset has.
    pub catalog: Catalog,
    /// What was changed there outside of loads.
    pub drift: Vec<Drift>,
}

/// Looks at a destination; one that is not there is empty.
///
/// # Errors
/// The destination cannot be read or has no type for a column.
pub(crate) async fn look(
    target: &LoadTarget,
    naming: &Naming,
    intent: Intent<'_>,
) -> Result<Outlook, Cause> {
    match target.destination.connect_read_only(&target.datasets).await {
        Ok(mut client) => look_through(target, naming, intent, client.as_mut()).await,
        Err(DestinationError::Undefined { .. }) => imagine(target, naming, intent),
        Err(error) => Err(error.into()),
    }
}

/// As [`look`], through a session that is open.
pub(crate) async fn look_through(
    target: &LoadTarget,
    naming: &Naming,
    intent: Intent<'_>,
    client: &mut dyn Client,
) -> Result<Outlook, Cause> {
    let names = system_names(naming);
    let context = plan_context(target, intent.schema, &names);
    let hash = intent.schema.version_hash.clone().unwrap_or_default();
    let is_stored = client
        .has_schema_version(Target::Final, &names, &hash)
        .await?;
    let catalog = client.read_catalog(Target::Final, &[]).await?;
    let staging = match needs_staging(&context, intent.tables.iter().copied()) {
        true => Some(staging_migration(&context, intent.changes, client).await?),
        false => None,
    };
    Ok(Outlook {
        migration: migration_from(&context, intent, &catalog, is_stored)?,
        staging,
        drift: intent.before.map_or_else(Vec::new, |before| {
            drifted(&plan_context(target, before, &names), intent, &catalog)
        }),
        catalog,
    })
}

/// What was changed outside of loads; columns that the load itself would make were made by a plan.
fn drifted(before: &PlanContext<'_>, intent: Intent<'_>, catalog: &Catalog) -> Vec<Drift> {
    let is_coming = |found: &Drift| {
        let table = intent.schema.tables.get(&found.table);
        let column = table
            .zip(found.column())
            .and_then(|(table, name)| table.columns.get(name));
        matches!(found.change, DriftChange::ColumnForeign { .. }) && column.is_some()
    };
    let mut found = drift(before, catalog);
    found.retain(|found| !is_coming(found));
    found
}

/// What a destination without a database would have to do.
fn imagine(target: &LoadTarget, naming: &Naming, intent: Intent<'_>) -> Result<Outlook, Cause> {
    let names = system_names(naming);
    let context = plan_context(target, intent.schema, &names);
    let catalog = Catalog::default();
    let staging = needs_staging(&context, intent.tables.iter().copied()).then(|| {
        let version = staging_version(&context);
        staging_migration_from(&context, &version, intent.changes, &catalog, false)
    });
    Ok(Outlook {
        migration: migration_from(&context, intent, &catalog, false)?,
        staging: staging.transpose()?,
        catalog,
        drift: Vec::new(),
    })
}

fn migration_from(
    context: &PlanContext<'_>,
    intent: Intent<'_>,
    catalog: &Catalog,
    is_stored: bool,
) -> Result<MigrationPlan, Cause> {
    let tables: Vec<&str> = intent.schema.tables.keys().map(String::as_str).collect();
    let request = MigrationRequest {
        target: Target::Final,
        version: &schema_version(intent.schema),
        tables: &tables,
        catalog,
        is_stored,
        drop_tables: intent.dropped,
        changes: intent.changes,
        force: true,
    };
    Ok(plan_migration(context, &request)?)
}
