//! What one package does to the tables: truncates, where rows go, follow-up statements, the receipt.
//!
//! The plan is a value without I/O; a client runs all of it in one transaction where it can (spec/load.md §3, §5).
//! Start with [`plan_load`].

use std::fmt;

use indexmap::IndexMap;
use tipple_schema::Column;

use crate::capabilities::{ReplaceStrategy, WriteDisposition};
use crate::client::{JobSource, LoadJob};
use crate::context::PlanContext;
use crate::error::{DestinationError, Result};
use crate::merge;
use crate::migrate::insert_values;
use crate::names::{TableRef, Target};
use crate::replace;
use crate::statement::{Param, Statement, StatementKind};
use crate::table::{LoadTable, chain_of, root_of};
use crate::verify::{Problem, SchemaProblems};

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadRequest<'a> {
    /// Names the package.
    pub load_id: &'a str,
    /// When the package was made, in microseconds since 1970-01-01 UTC; the boundary of `scd2`.
    pub package_created_at: i64,
    /// Hash of the schema, for the receipt.
    pub schema_hash: &'a str,
    /// Files to load, in order.
    pub jobs: Vec<LoadJob>,
    /// Tables to empty first (refresh), whatever their disposition.
    pub truncate_tables: &'a [&'a str],
}

/// A job with its place.
#[derive(Debug, Clone)]
pub struct PlannedJob {
    /// Names the job in receipts and errors.
    pub id: String,
    /// Table of the schema.
    pub table: String,
    /// Where its rows go.
    pub at: TableRef,
    /// Which of the two datasets that is.
    pub target: Target,
    /// Complete columns of the table, in schema order; rows may have fewer.
    pub columns: Vec<Column>,
    /// The rows.
    pub source: JobSource,
}

/// Statements that run for a table chain when its rows are there.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowUp {
    /// Root table of the chain.
    pub table: String,
    /// `merge` or `replace`.
    pub what: &'static str,
    /// In order.
    pub statements: Vec<Statement>,
}

/// Everything one package does, in the order in which it is done.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Names the package.
    pub load_id: String,
    /// Table of receipts.
    pub receipts: TableRef,
    /// Column of the load id in it.
    pub receipts_load_id: String,
    /// Statements that empty tables, staging ones included.
    pub truncates: Vec<Statement>,
    /// Rows.
    pub jobs: Vec<PlannedJob>,
    /// Merges and replaces, one per chain.
    pub follow_ups: Vec<FollowUp>,
    /// Statements that tidy up after the follow-ups.
    pub cleanup: Vec<Statement>,
    /// The row that makes the load complete.
    pub receipt: Statement,
}

impl fmt::Display for LoadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.truncates {
            writeln!(f, "{statement}")?;
        }
        for job in &self.jobs {
            writeln!(
                f,
                "-- rows of job {} go to {}.{}",
                job.id, job.at.dataset, job.at.table
            )?;
        }
        for follow_up in &self.follow_ups {
            writeln!(f, "-- {} of `{}`", follow_up.what, follow_up.table)?;
            for statement in &follow_up.statements {
                writeln!(f, "{statement}")?;
            }
        }
        for statement in self.cleanup.iter().chain([&self.receipt]) {
            writeln!(f, "{statement}")?;
        }
        Ok(())
    }
}

/// Plans a package.
///
/// # Errors
/// [`DestinationError::Schema`] when a job's table is not in the schema or a chain cannot be merged or replaced.
pub fn plan_load(context: &PlanContext<'_>, request: &LoadRequest<'_>) -> Result<LoadPlan> {
    let mut planner = Planner {
        context,
        request,
        plan: empty_plan(context, request),
    };
    let mut problems = Vec::new();
    for table in request.truncate_tables {
        planner.truncate(
            Target::Final,
            table,
            "a refresh or the locked schema drops the table",
        );
    }
    for (root, tables) in planner.roots(&mut problems) {
        if let Err(problem) = planner.plan_chain(&root, &tables) {
            problems.push(problem);
        }
    }
    planner.plan_jobs();
    if problems.is_empty() {
        return Ok(planner.plan);
    }
    Err(DestinationError::Schema(SchemaProblems {
        schema: context.schema.name.clone(),
        destination: context.dialect.name(),
        problems,
    }))
}

fn empty_plan(context: &PlanContext<'_>, request: &LoadRequest<'_>) -> LoadPlan {
    LoadPlan {
        load_id: request.load_id.to_owned(),
        receipts: context.at(Target::Final, &context.names.loads_table),
        receipts_load_id: context.names.load_id.clone(),
        truncates: Vec::new(),
        jobs: Vec::new(),
        follow_ups: Vec::new(),
        cleanup: Vec::new(),
        receipt: receipt(context, request),
    }
}

fn receipt(context: &PlanContext<'_>, request: &LoadRequest<'_>) -> Statement {
    let names = context.names;
    let columns = [
        &names.load_id,
        &names.schema_name,
        &names.status,
        &names.inserted_at,
        &names.schema_version_hash,
    ];
    let table = context.qualified(Target::Final, &names.loads_table);
    let sql = insert_values(context, &table, &columns);
    let why = "the load is complete";
    Statement::new(StatementKind::Insert, &names.loads_table, sql, why).with_params(vec![
        Param::Text(request.load_id.to_owned()),
        Param::Text(context.schema.name.clone()),
        Param::Int(0),
        Param::Timestamp(context.now),
        Param::Text(request.schema_hash.to_owned()),
    ])
}

struct Planner<'a> {
    context: &'a PlanContext<'a>,
    request: &'a LoadRequest<'a>,
    plan: LoadPlan,
}

impl Planner<'_> {
    /// Root tables of the jobs with the tables that have jobs, in schema order of the roots.
    fn roots(&self, problems: &mut Vec<Problem>) -> IndexMap<String, Vec<String>> {
        let schema = self.context.schema;
        let mut roots: IndexMap<String, Vec<String>> = IndexMap::new();
        for job in &self.request.jobs {
            if !schema.tables.contains_key(&job.table) {
                problems.push(Problem::UnknownTable {
                    table: job.table.clone(),
                });
                continue;
            }
            let tables = roots
                .entry(root_of(schema, &job.table).to_owned())
                .or_default();
            if !tables.contains(&job.table) {
                tables.push(job.table.clone());
            }
        }
        roots.sort_by_key(|root, _| schema.tables.get_index_of(root));
        roots
    }

    fn plan_chain(&mut self, root: &str, tables: &[String]) -> std::result::Result<(), Problem> {
        let Some(root_table) = self.context.table(root) else {
            return Ok(());
        };
        let chain = self.chain(root, tables);
        match root_table.disposition {
            WriteDisposition::Append | WriteDisposition::Skip => Ok(()),
            WriteDisposition::Replace => self.plan_replace(&root_table, &chain),
            WriteDisposition::Merge => self.plan_merge(&root_table, &chain),
        }
    }

    /// Tables of a chain that exist: those that have seen data or get rows now.
    fn chain(&self, root: &str, tables: &[String]) -> Vec<LoadTable> {
        let names = chain_of(self.context.schema, root);
        names
            .into_iter()
            .filter_map(|name| self.context.table(name))
            .filter(|table| table.table.has_seen_data() || tables.contains(&table.name))
            .collect()
    }

    fn plan_replace(
        &mut self,
        root: &LoadTable,
        chain: &[LoadTable],
    ) -> std::result::Result<(), Problem> {
        let Some(strategy) = self.context.replace_strategy() else {
            return Err(Problem::ReplaceStrategy {
                table: root.name.clone(),
                wish: self.context.settings.replace_strategy,
                known: self.context.capabilities().replace_strategies,
            });
        };
        if strategy == ReplaceStrategy::TruncateAndInsert {
            for table in chain {
                self.truncate(Target::Final, &table.name, "the table is replaced");
            }
            return Ok(());
        }
        self.truncate_staging(chain);
        let statements = replace::plan_replace(self.context, strategy, chain);
        self.follow_up(root, "replace", statements);
        Ok(())
    }

    fn plan_merge(
        &mut self,
        root: &LoadTable,
        chain: &[LoadTable],
    ) -> std::result::Result<(), Problem> {
        self.truncate_staging(chain);
        let package = merge::Package {
            load_id: self.request.load_id,
            created_at: self.request.package_created_at,
        };
        let statements = merge::plan_merge(self.context, package, chain)?;
        self.follow_up(root, "merge", statements);
        Ok(())
    }

    fn follow_up(&mut self, root: &LoadTable, what: &'static str, statements: Vec<Statement>) {
        self.plan.follow_ups.push(FollowUp {
            table: root.name.clone(),
            what,
            statements,
        });
    }

    fn truncate_staging(&mut self, chain: &[LoadTable]) {
        for table in chain {
            self.truncate(
                Target::Staging,
                &table.name,
                "rows of an earlier load are there",
            );
            if self.context.settings.truncate_staging {
                let sql = self
                    .context
                    .dialect
                    .truncate(&self.at(Target::Staging, &table.name));
                let why = "staged rows are not needed any more";
                let statement = Statement::new(StatementKind::Truncate, &table.name, sql, why);
                self.plan.cleanup.push(statement);
            }
        }
    }

    fn truncate(&mut self, target: Target, table: &str, why: &str) {
        let sql = self.context.dialect.truncate(&self.at(target, table));
        if self
            .plan
            .truncates
            .iter()
            .all(|statement| statement.sql != sql)
        {
            let statement = Statement::new(StatementKind::Truncate, table, sql, why);
            self.plan.truncates.push(statement);
        }
    }

    fn at(&self, target: Target, table: &str) -> TableRef {
        self.context.at(target, table)
    }

    fn plan_jobs(&mut self) {
        for job in &self.request.jobs {
            let (Some(source), Some(table)) = (&job.source, self.context.table(&job.table)) else {
                continue;
            };
            let root = self.context.table(root_of(self.context.schema, &job.table));
            let is_staged = root.is_some_and(|root| self.context.is_staged(&root));
            let target = if is_staged {
                Target::Staging
            } else {
                Target::Final
            };
            self.plan.jobs.push(PlannedJob {
                id: job.id.clone(),
                table: job.table.clone(),
                at: self.at(target, &job.table),
                target,
                columns: table.columns.into_values().collect(),
                source: source.clone(),
            });
        }
    }
}
