//! What a run would change at the destination, as a value that can be printed, stored and applied later.
//!
//! A plan is made by reading the source and normalizing without keeping anything, or from the package that waits, since
//! the next run would load that one first. It holds what it has seen of the destination, so that [`Pipeline::apply`] can
//! refuse when that has moved since. Start with [`Pipeline::plan`].

mod outlook;
mod stored;

use indexmap::IndexMap;
use serde::Serialize;
use tipple_destination::{ColumnChanges, Drift, is_system_table};
use tipple_normalize::ColumnCause;
use tipple_package::Package;
use tipple_schema::evolution::{self, SchemaDiff};
use tipple_schema::{Naming, Schema, Table};
use tipple_source::Source;

use self::outlook::look_through;
pub(crate) use self::outlook::{Intent, Outlook, look};
use self::stored::{FORM_VERSION, moved, planned, seen_tables};
pub use self::stored::{PlanError, PlannedStatement, Seen, StoredChanges, StoredPlan};
use crate::error::{AtStep, Cause, RunError};
use crate::events::Events;
use crate::extract::Extracted;
use crate::load::{LoadTarget, system_names, table_names};
use crate::lock::column_changes;
use crate::options::RunOptions;
use crate::pipeline::Pipeline;
use crate::refresh::Refreshed;
use crate::report::{RunReport, Step};

/// What a run would change.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What can be stored and applied.
    pub stored: StoredPlan,
    /// Load id of the package that the plan is of; absent when the source was read.
    pub pending: Option<String>,
    /// Tables and columns that differ from the last run, with what caused them; system tables left out.
    pub diff: SchemaDiff,
    /// What was changed at the destination outside of loads.
    pub drift: Vec<Drift>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Root tables that would get rows: rows, and how they would be written.
    pub writes: IndexMap<String, Write>,
    /// Tables that a refresh would empty first.
    pub truncated: Vec<String>,
    /// Dataset through which rows would pass on their way, if any is needed.
    pub staging_dataset: Option<String>,
}

/// Rows for one root table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// `append`, `replace` or `merge`.
    pub write_disposition: String,
    /// Rows that were read.
    pub rows: u64,
}

/// What would be loaded, wherever it comes from.
struct Coming {
    pending: Option<String>,
    /// Schema of the last load, which the tables should have.
    loaded: Option<Schema>,
    before: Schema,
    schema: Schema,
    rows: IndexMap<String, u64>,
    causes: Vec<ColumnCause>,
    refreshed: Refreshed,
    changes: ColumnChanges,
    warnings: Vec<String>,
}

impl Plan {
    /// True when a run would only write rows: the destination has all tables, knows the schema, and no table is emptied.
    pub fn is_empty(&self) -> bool {
        !self.has_statements() && self.truncated.is_empty()
    }

    /// True when tables would change.
    pub fn has_statements(&self) -> bool {
        !self.stored.statements.is_empty() || !self.stored.staging_statements.is_empty()
    }
}

impl Pipeline {
    /// Says what the next run would change; keeps and changes nothing.
    ///
    /// Takes the oldest package that waits; reads the source when there is none.
    ///
    /// # Errors
    /// As [`Pipeline::run`] up to the load, a contract included.
    pub fn plan(
        &mut self,
        source: &Source,
        options: &RunOptions,
        events: &Events,
    ) -> Result<Plan, RunError> {
        let waiting = self.pending().at(Step::Load)?;
        let coming = match waiting.first() {
            Some(package) => self.coming_package(package, waiting.len()).at(Step::Load)?,
            None => self.coming_rows(source, options, events)?,
        };
        self.plan_of(coming).at(Step::Load)
    }

    fn coming_rows(
        &mut self,
        source: &Source,
        options: &RunOptions,
        events: &Events,
    ) -> Result<Coming, RunError> {
        let options = RunOptions {
            dry_run: true,
            ..options.clone()
        };
        let (report, extracted) = self.extract_only(source, &options, events)?;
        let loaded = self
            .workdir()
            .load_schema(&extracted.schema.name)
            .at(Step::Extract)?;
        Ok(Coming::read(report, extracted, loaded))
    }

    /// The package with what the destination has stored as the schema before it.
    fn coming_package(&self, package: &Package, count: usize) -> Result<Coming, Cause> {
        let schema = Schema::from_document(&package.schema()?)?;
        let names = system_names(self.naming());
        let stored = self.block_on(async {
            let target = self.load_target()?;
            let client = target.destination.connect_read_only(&target.datasets).await;
            match client {
                Ok(mut client) => Ok(client
                    .read_stored_schema(&names, Some(&schema.name))
                    .await?),
                Err(tipple_destination::DestinationError::Undefined { .. }) => Ok(None),
                Err(error) => Err(Cause::from(error)),
            }
        })?;
        let loaded = stored
            .map(|stored| crate::sync::stored_schema(&names, &stored))
            .transpose()?;
        let before = match &loaded {
            Some(loaded) => loaded.clone(),
            None => Schema::new(&schema.name, self.naming().kind().as_str())?,
        };
        let state = package.document_state()?;
        let mut rows = IndexMap::new();
        for job in package.jobs()? {
            *rows.entry(job.table).or_default() += job.rows.unwrap_or_default();
        }
        Ok(Coming {
            pending: Some(package.load_id().to_owned()),
            loaded,
            before,
            schema,
            rows,
            causes: Vec::new(),
            refreshed: Refreshed {
                dropped: table_names(state.dropped_tables()),
                truncated: table_names(state.truncated_tables()),
            },
            changes: column_changes(&state),
            warnings: waiting_warning(count).into_iter().collect(),
        })
    }

    fn plan_of(&self, coming: Coming) -> Result<Plan, Cause> {
        let target = self.load_target()?;
        let tables: Vec<&str> = coming.rows.keys().map(String::as_str).collect();
        let dropped: Vec<&str> = borrowed(&coming.refreshed.dropped);
        let intent = Intent {
            schema: &coming.schema,
            before: coming.loaded.as_ref(),
            tables: &tables,
            dropped: &dropped,
            changes: &coming.changes,
        };
        let outlook = self.block_on(look(&target, self.naming(), intent))?;
        let planned = outlook.migration.warnings.iter().map(ToString::to_string);
        Ok(Plan {
            pending: coming.pending.clone(),
            diff: coming.difference(),
            warnings: coming.warnings.iter().cloned().chain(planned).collect(),
            staging_dataset: (outlook.staging.is_some()).then(|| target.datasets.staging.clone()),
            writes: writes(&coming.schema, &coming.rows),
            truncated: coming.refreshed.truncated.clone(),
            stored: self.stored_plan(&target, &coming, &outlook),
            drift: outlook.drift,
        })
    }

    fn stored_plan(&self, target: &LoadTarget, coming: &Coming, outlook: &Outlook) -> StoredPlan {
        let dialect = target.destination.dialect();
        let staging = outlook.staging.as_ref();
        StoredPlan {
            version: FORM_VERSION,
            pipeline: self.name().to_owned(),
            destination: self.destination_name().to_owned(),
            location: self.location(),
            dataset: self.datasets().dataset.clone(),
            statements: planned(&outlook.migration, dialect),
            staging_statements: staging.map_or_else(Vec::new, |plan| planned(plan, dialect)),
            tables: coming.rows.keys().cloned().collect(),
            changes: StoredChanges::from(&coming.changes),
            schema: coming.schema.to_document(),
            seen: seen_tables(&outlook.catalog),
        }
    }

    /// Runs the statements of a stored plan; gives their number.
    ///
    /// # Errors
    /// [`Cause::Plan`] when the plan is for something else or the destination has moved, and what the destination
    /// refuses.
    pub fn apply(&mut self, plan: &StoredPlan) -> Result<usize, RunError> {
        self.check_plan(plan).map_err(RunError::request)?;
        let schema = Schema::from_document(&plan.schema).map_err(RunError::request)?;
        let target = self.load_target().at(Step::Load)?;
        self.block_on(apply_to(&target, self.naming(), plan, &schema))
            .at(Step::Load)
    }

    fn check_plan(&self, plan: &StoredPlan) -> Result<(), PlanError> {
        if plan.version != FORM_VERSION {
            return Err(PlanError::Form {
                found: plan.version,
            });
        }
        for (what, planned, found) in [
            ("database", &plan.location, self.location()),
            ("dataset", &plan.dataset, self.datasets().dataset.clone()),
        ] {
            if *planned != found {
                return Err(PlanError::Elsewhere {
                    what,
                    planned: planned.clone(),
                    found,
                });
            }
        }
        Ok(())
    }
}

async fn apply_to(
    target: &LoadTarget,
    naming: &Naming,
    plan: &StoredPlan,
    schema: &Schema,
) -> Result<usize, Cause> {
    let mut client = target.destination.connect(&target.datasets).await?;
    let intent = Intent {
        schema,
        before: None,
        tables: &borrowed(&plan.tables),
        dropped: &[],
        changes: &ColumnChanges::from(&plan.changes),
    };
    let outlook = look_through(target, naming, intent, client.as_mut()).await?;
    let dialect = target.destination.dialect();
    let staging = outlook.staging.unwrap_or_default();
    let mut differences = moved(plan.seen.as_ref(), seen_tables(&outlook.catalog).as_ref());
    let is_same = planned(&outlook.migration, dialect) == plan.statements
        && planned(&staging, dialect) == plan.staging_statements;
    if differences.is_empty() && !is_same {
        differences.push("other statements would be needed now".to_owned());
    }
    if !differences.is_empty() {
        return Err(Cause::Plan(PlanError::Moved { differences }));
    }
    client.migrate(&outlook.migration).await?;
    if !staging.is_empty() {
        client.migrate(&staging).await?;
    }
    Ok(outlook.migration.statements.len() + staging.statements.len())
}

/// Texts of the statements that would bring the destination to `schema`.
///
/// # Errors
/// The destination cannot be read or has no type for a column.
pub(crate) async fn planned_statements(
    target: &LoadTarget,
    schema: &Schema,
    naming: &Naming,
) -> Result<Vec<String>, Cause> {
    let intent = Intent {
        schema,
        before: None,
        tables: &[],
        dropped: &[],
        changes: ColumnChanges::NONE,
    };
    let statements = look(target, naming, intent).await?.migration.statements;
    Ok(statements
        .into_iter()
        .map(|statement| statement.sql)
        .collect())
}

impl Coming {
    fn read(report: RunReport, extracted: Extracted, loaded: Option<Schema>) -> Self {
        Coming {
            pending: None,
            loaded,
            before: extracted.before,
            schema: extracted.schema,
            rows: report.rows,
            causes: extracted.causes,
            refreshed: extracted.refreshed,
            changes: extracted.changes,
            warnings: report.warnings,
        }
    }

    fn difference(&self) -> SchemaDiff {
        // What a locked schema says about the past is done before the rows are read, and is a change all the same.
        let before = match &self.loaded {
            Some(loaded) if !self.changes.is_empty() => loaded,
            _ => &self.before,
        };
        evolution::diff(before, &self.schema)
            .without_tables(is_system_table)
            .with_causes(|table, column| cause_of(&self.causes, table, column))
    }
}

/// Tells that this is not the only package.
fn waiting_warning(count: usize) -> Option<String> {
    (count > 1).then(|| format!("{count} packages wait; this is the plan of the oldest one"))
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn cause_of(causes: &[ColumnCause], table: &str, column: &str) -> Option<evolution::Cause> {
    let cause = causes
        .iter()
        .find(|cause| cause.table == table && cause.column == column)?;
    Some(evolution::Cause {
        resource: Some(cause.resource.clone()),
        json_path: Some(cause.json_path.clone()),
        value_kind: Some(cause.value_kind.as_str().to_owned()),
        load_id: None,
    })
}

fn writes(schema: &Schema, rows: &IndexMap<String, u64>) -> IndexMap<String, Write> {
    let roots = schema
        .tables
        .values()
        .filter(|table| table.parent.is_none());
    let roots = roots.filter(|table| !is_system_table(&table.name));
    let with_rows = roots.filter_map(|table| Some((table, *rows.get(&table.name)?)));
    with_rows
        .map(|(table, rows)| (table.name.clone(), write(table, rows)))
        .collect()
}

fn write(table: &Table, rows: u64) -> Write {
    let disposition = table.text_hint("write_disposition").unwrap_or("append");
    Write {
        write_disposition: disposition.to_owned(),
        rows,
    }
}
