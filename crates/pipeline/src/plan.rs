//! What a run would change at the destination, as a value that can be printed, stored and applied later.
//!
//! A plan is made by reading the source and normalizing without keeping anything. It holds what it has seen of the
//! destination, so that [`Pipeline::apply`] can refuse when that has moved since. Start with [`Pipeline::plan`].

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tipple_destination::{
    Catalog, Client, DestinationError, MigrationPlan, MigrationRequest, Target, is_system_table,
    plan_migration,
};
use tipple_normalize::ColumnCause;
use tipple_schema::evolution::{self, SchemaDiff};
use tipple_schema::{Schema, Table};
use tipple_source::Source;

use crate::error::{AtStep, Cause, RunError};
use crate::events::Events;
use crate::extract::Extracted;
use crate::load::{LoadTarget, plan_context, schema_version, system_names};
use crate::options::RunOptions;
use crate::pipeline::Pipeline;
use crate::report::{RunReport, Step};

/// Version of the form of a stored plan.
const FORM_VERSION: u32 = 1;

/// What a run would change.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What can be stored and applied.
    pub stored: StoredPlan,
    /// Tables and columns that differ from the last run, with what caused them; system tables left out.
    pub diff: SchemaDiff,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Root tables that would get rows: rows, and how they would be written.
    pub writes: IndexMap<String, Write>,
    /// Dataset through which rows would pass on their way, if any is needed.
    pub staging_dataset: Option<String>,
    /// What was read.
    pub report: RunReport,
}

/// Rows for one root table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// `append`, `replace` or `merge`.
    pub write_disposition: String,
    /// Rows that were read.
    pub rows: u64,
}

/// A plan as a file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredPlan {
    /// Version of this form.
    pub version: u32,
    /// Pipeline that the plan is for.
    pub pipeline: String,
    /// Destination by name.
    pub destination: String,
    /// Its address without secrets: a plan is for one database only.
    pub location: String,
    /// Dataset that would change.
    pub dataset: String,
    /// Statements in order; one transaction where the destination can roll back DDL.
    pub statements: Vec<PlannedStatement>,
    /// The schema after the change.
    pub schema: Value,
    /// Tables with their columns as `name type` at the time of the plan; absent when there was no dataset.
    pub seen: Option<IndexMap<String, Vec<String>>>,
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStatement {
    /// Table it is about.
    pub table: String,
    /// The statement in the dialect of the destination.
    pub sql: String,
    /// Why it would run.
    pub why: String,
}

/// Why a stored plan is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The file was written by another version.
    #[error("the plan has the form {found}, this version knows the form {FORM_VERSION}")]
    Form {
        /// Form in the file.
        found: u32,
    },
    /// The plan is for something else.
    #[error("the plan is for {what} `{planned}`, not for `{found}`")]
    Elsewhere {
        /// `database` or `dataset`.
        what: &'static str,
        /// In the plan.
        planned: String,
        /// Now.
        found: String,
    },
    /// The destination is not what the plan has seen.
    #[error("the destination has moved since the plan was made: {}", .differences.join("; "))]
    Moved {
        /// What differs, at least one.
        differences: Vec<String>,
    },
}

impl Plan {
    /// True when a run would change nothing but rows: the destination has all tables and knows the schema.
    pub fn is_empty(&self) -> bool {
        self.stored.statements.is_empty()
    }
}

impl Pipeline {
    /// Reads a source and says what loading it would change; keeps and changes nothing.
    ///
    /// # Errors
    /// As [`Pipeline::run`] up to the load, a contract included.
    pub fn plan(
        &mut self,
        source: &Source,
        options: &RunOptions,
        events: &Events,
    ) -> Result<Plan, RunError> {
        let options = RunOptions {
            dry_run: true,
            ..options.clone()
        };
        let (report, extracted) = self.extract_only(source, &options, events)?;
        let target = self.load_target().at(Step::Load)?;
        let seen = self.block_on(see(&target, &extracted.schema, self.naming()));
        let (migration, catalog) = seen.at(Step::Load)?;
        Ok(Plan {
            diff: difference(&extracted),
            warnings: warnings(&report, &migration),
            staging_dataset: staging_dataset(&target, &extracted.schema, self.naming(), &report),
            writes: writes(&extracted.schema, &report),
            stored: self.stored_plan(&extracted.schema, &migration, &catalog),
            report,
        })
    }

    fn stored_plan(
        &self,
        schema: &Schema,
        migration: &MigrationPlan,
        catalog: &Catalog,
    ) -> StoredPlan {
        StoredPlan {
            version: FORM_VERSION,
            pipeline: self.name().to_owned(),
            destination: self.destination_name().to_owned(),
            location: self.location(),
            dataset: self.datasets().dataset.clone(),
            statements: planned(migration),
            schema: schema.to_document(),
            seen: seen_tables(catalog),
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
        let naming = *self.naming();
        self.block_on(async {
            let mut client = target.destination.connect(&target.datasets).await?;
            let (migration, catalog) =
                migration(&target, client.as_mut(), &schema, &naming).await?;
            let mut differences = moved(plan.seen.as_ref(), seen_tables(&catalog).as_ref());
            if differences.is_empty() && planned(&migration) != plan.statements {
                differences.push("other statements would be needed now".to_owned());
            }
            if !differences.is_empty() {
                return Err(Cause::Plan(PlanError::Moved { differences }));
            }
            client.migrate(&migration).await?;
            Ok(migration.statements.len())
        })
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

/// Texts of the statements that would bring the destination to `schema`.
///
/// # Errors
/// The destination cannot be read or has no type for a column.
pub(crate) async fn planned_statements(
    target: &LoadTarget,
    schema: &Schema,
    naming: &tipple_schema::Naming,
) -> Result<Vec<String>, Cause> {
    let (migration, _) = see(target, schema, naming).await?;
    let statements = migration.statements.into_iter();
    Ok(statements.map(|statement| statement.sql).collect())
}

/// The migration to `schema` and the catalog that it was planned from; a destination that is not there is empty.
async fn see(
    target: &LoadTarget,
    schema: &Schema,
    naming: &tipple_schema::Naming,
) -> Result<(MigrationPlan, Catalog), Cause> {
    match target.destination.connect_read_only(&target.datasets).await {
        Ok(mut client) => migration(target, client.as_mut(), schema, naming).await,
        Err(DestinationError::Undefined { .. }) => {
            let catalog = Catalog::default();
            Ok((
                migration_from(target, schema, naming, &catalog, false)?,
                catalog,
            ))
        }
        Err(error) => Err(error.into()),
    }
}

async fn migration(
    target: &LoadTarget,
    client: &mut dyn Client,
    schema: &Schema,
    naming: &tipple_schema::Naming,
) -> Result<(MigrationPlan, Catalog), Cause> {
    let names = system_names(naming);
    let hash = schema.version_hash.clone().unwrap_or_default();
    let is_stored = client
        .has_schema_version(Target::Final, &names, &hash)
        .await?;
    let catalog = client.read_catalog(Target::Final, &[]).await?;
    let plan = migration_from(target, schema, naming, &catalog, is_stored)?;
    Ok((plan, catalog))
}

fn migration_from(
    target: &LoadTarget,
    schema: &Schema,
    naming: &tipple_schema::Naming,
    catalog: &Catalog,
    is_stored: bool,
) -> Result<MigrationPlan, Cause> {
    let names = system_names(naming);
    let context = plan_context(target, schema, &names);
    let tables: Vec<&str> = schema.tables.keys().map(String::as_str).collect();
    let request = MigrationRequest {
        target: Target::Final,
        version: &schema_version(schema),
        tables: &tables,
        catalog,
        is_stored,
        drop_tables: &[],
        force: true,
    };
    Ok(plan_migration(&context, &request)?)
}

/// The staging dataset, if a table that gets rows is staged.
fn staging_dataset(
    target: &LoadTarget,
    schema: &Schema,
    naming: &tipple_schema::Naming,
    report: &RunReport,
) -> Option<String> {
    let names = system_names(naming);
    let context = plan_context(target, schema, &names);
    let is_staged = |name: &String| {
        context
            .table(name)
            .is_some_and(|root| context.is_staged(&root))
    };
    let roots = schema
        .tables
        .values()
        .filter(|table| table.parent.is_none());
    let mut written = roots
        .map(|table| &table.name)
        .filter(|name| report.rows.contains_key(*name));
    written
        .any(is_staged)
        .then(|| target.datasets.staging.clone())
}

fn planned(migration: &MigrationPlan) -> Vec<PlannedStatement> {
    let statements = migration.statements.iter();
    statements
        .map(|statement| PlannedStatement {
            table: statement.table.clone(),
            sql: statement.sql.clone(),
            why: statement.why.clone(),
        })
        .collect()
}

fn difference(extracted: &Extracted) -> SchemaDiff {
    evolution::diff(&extracted.before, &extracted.schema)
        .without_tables(is_system_table)
        .with_causes(|table, column| cause_of(&extracted.causes, table, column))
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

fn warnings(report: &RunReport, migration: &MigrationPlan) -> Vec<String> {
    let planned = migration.warnings.iter().map(ToString::to_string);
    report.warnings.iter().cloned().chain(planned).collect()
}

fn writes(schema: &Schema, report: &RunReport) -> IndexMap<String, Write> {
    let roots = schema
        .tables
        .values()
        .filter(|table| table.parent.is_none());
    let roots = roots.filter(|table| !is_system_table(&table.name));
    let with_rows = roots.filter_map(|table| Some((table, *report.rows.get(&table.name)?)));
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

fn seen_tables(catalog: &Catalog) -> Option<IndexMap<String, Vec<String>>> {
    let columns = |columns: &Vec<tipple_destination::StoredColumn>| {
        let columns = columns.iter();
        columns
            .map(|column| format!("{} {}", column.name, column.column_type))
            .collect()
    };
    let tables = catalog.tables.iter();
    catalog.exists.then(|| {
        tables
            .map(|(name, stored)| (name.clone(), columns(stored)))
            .collect()
    })
}

type Seen = IndexMap<String, Vec<String>>;

/// What differs between the tables that were seen and those that are there.
fn moved(before: Option<&Seen>, now: Option<&Seen>) -> Vec<String> {
    let empty = Seen::new();
    if before.is_some() != now.is_some() {
        return vec![match now {
            Some(_) => "the dataset is there now".to_owned(),
            None => "the dataset is gone".to_owned(),
        }];
    }
    let (before, now) = (before.unwrap_or(&empty), now.unwrap_or(&empty));
    let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| before.get(**name) != now.get(**name);
    names
        .iter()
        .filter(differs)
        .map(
            |name| match (before.contains_key(*name), now.contains_key(*name)) {
                (true, false) => format!("table `{name}` is gone"),
                (false, true) => format!("table `{name}` is new"),
                _ => format!("table `{name}` has other columns"),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(tables: &[(&str, &[&str])]) -> Seen {
        let owned = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect();
        tables
            .iter()
            .map(|(name, columns)| ((*name).to_owned(), owned(columns)))
            .collect()
    }

    #[test]
    fn every_move_of_the_destination_is_named() {
        let before = seen(&[("a", &["id BIGINT"]), ("b", &[]), ("c", &["x DOUBLE"])]);
        let now = seen(&[("a", &["id VARCHAR"]), ("c", &["x DOUBLE"]), ("d", &[])]);
        assert_eq!(
            moved(Some(&before), Some(&now)),
            [
                "table `a` has other columns",
                "table `b` is gone",
                "table `d` is new"
            ]
        );
        assert!(moved(Some(&before), Some(&before)).is_empty());
        assert_eq!(moved(None, Some(&now)), ["the dataset is there now"]);
        assert_eq!(moved(Some(&now), None), ["the dataset is gone"]);
        assert!(moved(None, None).is_empty());
    }
}
