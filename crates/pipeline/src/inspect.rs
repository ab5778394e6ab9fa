//! Looking at the destination of a pipeline without its lock and without changing anything, here or there.

use tipple_destination::{Client, DestinationError, Drift, Target, drift};
use tipple_schema::Schema;

use crate::error::{Cause, RunError};
use crate::load::{LoadTarget, plan_context, system_names};
use crate::options::PipelineOptions;
use crate::pipeline::naming_of;
use crate::sync::stored_schema;

/// What is at a destination.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// False when nothing was loaded there yet, or it was all removed.
    pub exists: bool,
    /// The newest stored versions of the schemas that were asked for; those that are not stored are left out.
    pub schemas: Vec<Schema>,
    /// What was changed there outside of loads, judged by those stored schemas.
    pub drift: Vec<Drift>,
}

/// Reads what is stored of the schemas `names`, and compares the tables with them.
///
/// # Errors
/// The destination cannot be reached, or a stored document is damaged.
pub async fn inspect(options: &PipelineOptions, names: &[String]) -> Result<Inspection, RunError> {
    let target = LoadTarget::of(options).map_err(RunError::request)?;
    let connected = target.destination.connect_read_only(&target.datasets).await;
    let found = match connected {
        Ok(mut client) => look(&target, options, names, client.as_mut()).await,
        Err(DestinationError::Undefined { .. }) => Ok(Inspection::default()),
        Err(error) => Err(error.into()),
    };
    found.map_err(RunError::request)
}

async fn look(
    target: &LoadTarget,
    options: &PipelineOptions,
    names: &[String],
    client: &mut dyn Client,
) -> Result<Inspection, Cause> {
    let system = system_names(&naming_of(options)?);
    let catalog = client.read_catalog(Target::Final, &[]).await?;
    let mut inspection = Inspection {
        exists: catalog.exists,
        ..Inspection::default()
    };
    for name in names {
        let Some(stored) = client.read_stored_schema(&system, Some(name)).await? else {
            continue;
        };
        let schema = stored_schema(&system, &stored)?;
        let found = drift(&plan_context(target, &schema, &system), &catalog);
        inspection.drift.extend(found);
        inspection.schemas.push(schema);
    }
    Ok(inspection)
}
