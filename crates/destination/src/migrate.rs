//! The statements that bring a dataset to a schema, and the row that says so.
//!
//! Only what is missing is added: types, nullability and positions of what is there never change, and nothing is dropped
//! unless asked for (spec/schema.md §6). All statements of a plan belong to one transaction where the destination can
//! roll back DDL. Start with [`plan_migration`].

use std::fmt;

use indexmap::IndexMap;
use tipple_schema::{Column, Schema};

use crate::catalog::{Catalog, StoredColumn, pack_document};
use crate::context::{PlanContext, PlanWarning};
use crate::dialect::{TableChange, TableExtras};
use crate::error::{DestinationError, Result};
use crate::names::Target;
use crate::statement::{Param, Statement, StatementKind};
use crate::table::{LoadTable, is_system_table};
use crate::verify::{Problem, SchemaProblems};

/// Hints whose columns can join a table that is there without loss.
const HARMLESS_HINTS: [&str; 7] = [
    "hard_delete",
    "dedup_sort",
    "merge_key",
    "variant",
    "row_key",
    "parent_key",
    "root_key",
];
/// Hints that some destination only honours when the table is made.
const CREATION_HINTS: [&str; 6] = [
    "primary_key",
    "unique",
    "sort",
    "cluster",
    "partition",
    "incremental",
];

/// The version of a schema that is stored with the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaVersion {
    /// Number of the version.
    pub version: i64,
    /// Version of the form of the document.
    pub engine_version: i64,
    /// Hash of the content.
    pub hash: String,
    /// The document as compact JSON text.
    pub document: String,
}

/// What to migrate.
#[derive(Debug, Clone)]
pub struct MigrationRequest<'a> {
    /// Which of the two datasets.
    pub target: Target,
    /// The version to store. For the staging dataset that of the trimmed schema ([`staging_schema`]).
    pub version: &'a SchemaVersion,
    /// Data tables to look at: those with jobs, or all staged ones. System tables are added by the planner.
    pub tables: &'a [&'a str],
    /// What is there.
    pub catalog: &'a Catalog,
    /// True when the hash of the version is stored already.
    pub is_stored: bool,
    /// Tables to drop first, with all stored versions of the schema (refresh, locked schema).
    pub drop_tables: &'a [&'a str],
    /// Columns to rename or to drop, with all stored versions of the schema.
    pub changes: &'a ColumnChanges,
    /// Look at the tables although the hash is stored (tables will be truncated by a refresh).
    pub force: bool,
}

/// Columns that somebody has decided to rename or to drop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnChanges {
    /// Columns that get another name.
    pub renamed: Vec<RenamedColumn>,
    /// Columns that go, as table and column.
    pub dropped: Vec<(String, String)>,
}

/// A column that gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedColumn {
    /// The table.
    pub table: String,
    /// Name until now.
    pub from: String,
    /// Name from now on.
    pub to: String,
}

impl ColumnChanges {
    /// No changes.
    pub const NONE: &'static ColumnChanges = &ColumnChanges {
        renamed: Vec::new(),
        dropped: Vec::new(),
    };

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.renamed.is_empty() && self.dropped.is_empty()
    }
}

/// Statements of a migration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MigrationPlan {
    /// Name of the dataset.
    pub dataset: String,
    /// Name of the schema.
    pub schema: String,
    /// In order; one transaction.
    pub statements: Vec<Statement>,
    /// Columns that the statements add, by table.
    pub added: IndexMap<String, Vec<Column>>,
    /// What the user should know.
    pub warnings: Vec<PlanWarning>,
}

impl MigrationPlan {
    /// True when nothing has to run.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

impl fmt::Display for MigrationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.statements {
            writeln!(f, "{statement}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "-- warning: {warning}")?;
        }
        Ok(())
    }
}

/// The schema as the staging dataset stores it: only system tables and those that are staged. The caller bumps its version.
pub fn staging_schema(context: &PlanContext<'_>) -> Schema {
    let staged = context.staged_tables();
    let mut schema = context.schema.clone();
    schema
        .tables
        .retain(|name, _| staged.contains(&name.as_str()) || is_system_table(name));
    schema
}

/// Plans the statements that add what `catalog` lacks.
///
/// The plan is empty when the version is stored and nothing forces a look.
///
/// # Errors
/// [`DestinationError::Schema`] with all columns that the destination has no type for.
pub fn plan_migration(
    context: &PlanContext<'_>,
    request: &MigrationRequest<'_>,
) -> Result<MigrationPlan> {
    let mut planner = Planner {
        context,
        request,
        plan: MigrationPlan {
            dataset: context.datasets.get(request.target).to_owned(),
            schema: context.schema.name.clone(),
            ..MigrationPlan::default()
        },
        catalog: request.catalog.clone(),
        problems: Vec::new(),
    };
    // What goes can give a schema that was stored before, so its versions are counted anew, as dlt does for dropped tables.
    let is_losing = !request.drop_tables.is_empty() || !request.changes.is_empty();
    let is_losing = is_losing && request.catalog.exists;
    if request.is_stored && !request.force && !is_losing {
        return Ok(planner.plan);
    }
    if !request.catalog.exists {
        planner.create_dataset();
    }
    if is_losing {
        planner.drop_tables();
        planner.forget_versions();
    }
    planner.rename_columns();
    planner.drop_columns();
    planner.bring_tables();
    if !request.is_stored || is_losing {
        planner.store_version();
    }
    planner.finish()
}

struct Planner<'a> {
    context: &'a PlanContext<'a>,
    request: &'a MigrationRequest<'a>,
    plan: MigrationPlan,
    /// What is there after the statements so far.
    catalog: Catalog,
    problems: Vec<Problem>,
}

impl Planner<'_> {
    fn push(&mut self, kind: StatementKind, table: &str, sql: String, why: &str) {
        self.plan
            .statements
            .push(Statement::new(kind, table, sql, why));
    }

    fn create_dataset(&mut self) {
        let dataset = self.plan.dataset.clone();
        let catalog = self.context.datasets.catalog.as_deref();
        let sql = self.context.dialect.create_dataset(catalog, &dataset);
        self.push(
            StatementKind::CreateDataset,
            &dataset,
            sql,
            "the dataset is not there",
        );
    }

    fn drop_tables(&mut self) {
        for table in self.request.drop_tables.iter().rev() {
            let sql = self.context.dialect.drop_table(&self.at(table));
            self.push(
                StatementKind::DropTable,
                table,
                sql,
                "a refresh or the locked schema drops the table",
            );
        }
    }

    fn forget_versions(&mut self) {
        let names = self.context.names;
        if self
            .request
            .catalog
            .tables
            .contains_key(&names.version_table)
        {
            let sql = format!(
                "DELETE FROM {} WHERE {} = {}",
                self.context
                    .qualified(self.request.target, &names.version_table),
                self.context.dialect.quote(&names.schema_name),
                self.context.dialect.placeholder(0)
            );
            let statement = Statement::new(
                StatementKind::Delete,
                &names.version_table,
                sql,
                "stored versions end with what is dropped or renamed",
            );
            let params = vec![Param::Text(self.context.schema.name.clone())];
            self.plan.statements.push(statement.with_params(params));
        }
    }

    /// Renames what has the old name and not the new one, so that a repeated plan does nothing.
    fn rename_columns(&mut self) {
        let capabilities = self.context.capabilities();
        for change in &self.request.changes.renamed {
            let is = |stored: &StoredColumn, name: &str| {
                capabilities.fold(&stored.name) == capabilities.fold(name)
            };
            let columns = self.catalog.table_mut(capabilities, &change.table);
            let has_new = columns
                .iter()
                .flat_map(|columns| columns.iter())
                .any(|c| is(c, &change.to));
            let old = columns.and_then(|columns| columns.iter_mut().find(|c| is(c, &change.from)));
            let Some(old) = old.filter(|_| !has_new) else {
                continue;
            };
            old.name.clone_from(&change.to);
            let at = self.at(&change.table);
            let sql = self
                .context
                .dialect
                .rename_column(&at, &change.from, &change.to);
            let why = "the locked schema has another name for the column";
            self.push(StatementKind::RenameColumn, &change.table, sql, why);
        }
    }

    fn drop_columns(&mut self) {
        let capabilities = self.context.capabilities();
        for (table, column) in &self.request.changes.dropped {
            let Some(columns) = self.catalog.table_mut(capabilities, table) else {
                continue;
            };
            let count = columns.len();
            columns.retain(|stored| capabilities.fold(&stored.name) != capabilities.fold(column));
            if columns.len() == count {
                continue;
            }
            let sql = self.context.dialect.drop_column(&self.at(table), column);
            let why = "the locked schema drops the column";
            self.push(StatementKind::DropColumn, table, sql, why);
        }
    }

    /// Widens what has a narrower type than the schema, where the user has allowed it.
    fn widen_columns(&mut self, table: &LoadTable, stored: &[StoredColumn]) {
        if !table.widens() {
            return;
        }
        let fold = |name: &str| self.context.capabilities().fold(name);
        let at = self.at(&table.name);
        let widened = table.columns.values().filter_map(|column| {
            let stored = stored
                .iter()
                .find(|stored| fold(&stored.name) == fold(&column.name))?;
            self.context
                .dialect
                .widen_column(&at, column, &stored.column_type)
        });
        for sql in widened.collect::<Vec<_>>() {
            let why = "values of another type have come, and the column may widen";
            self.push(StatementKind::ChangeType, &table.name, sql, why);
        }
    }

    fn at(&self, table: &str) -> crate::names::TableRef {
        self.context.at(self.request.target, table)
    }

    fn is_wanted(&self, name: &str) -> bool {
        let is_system = match self.request.target {
            Target::Final => is_system_table(name),
            Target::Staging => name == self.context.names.version_table,
        };
        is_system || self.request.tables.contains(&name)
    }

    fn bring_tables(&mut self) {
        let wanted: Vec<String> = self
            .context
            .schema
            .tables
            .keys()
            .filter(|n| self.is_wanted(n))
            .cloned()
            .collect();
        for name in wanted {
            if let Some(table) = self.context.table(&name) {
                self.bring_table(&table);
            }
        }
    }

    fn bring_table(&mut self, table: &LoadTable) {
        let is_dropped = self.request.drop_tables.contains(&table.name.as_str());
        let stored = match is_dropped {
            true => None,
            false => self
                .catalog
                .table(self.context.capabilities(), &table.name)
                .map(<[StoredColumn]>::to_vec),
        };
        if let Some(stored) = &stored {
            self.widen_columns(table, stored);
        }
        let missing: Vec<&Column> = match &stored {
            Some(stored) => self.missing_columns(table, stored),
            None => table.columns.values().collect(),
        };
        if missing.is_empty() {
            return;
        }
        let is_there = stored.is_some();
        let width = stored.as_ref().map_or(0, Vec::len) + missing.len();
        self.check_width(&table.name, width);
        let at = self.at(&table.name);
        let change = TableChange {
            at: &at,
            table,
            columns: &missing,
            is_new: !is_there,
            create_indexes: self.context.create_indexes(),
        };
        let definitions = self.definitions(table, &missing);
        let extras = self.extras(&change);
        if is_there {
            self.warn_about(table, &missing);
            for sql in self.context.dialect.add_columns(&at, &definitions) {
                let why = "the schema has columns that the table lacks";
                self.push(StatementKind::AddColumn, &table.name, sql, why);
            }
        } else {
            self.create_table(&change, definitions, &extras);
        }
        for sql in extras.after {
            let why = "hints of the table ask for it";
            self.push(StatementKind::AlterTable, &table.name, sql, why);
        }
        self.warn_about_precision(table, &missing);
        self.plan
            .added
            .insert(table.name.clone(), missing.into_iter().cloned().collect());
    }

    fn extras(&mut self, change: &TableChange<'_>) -> TableExtras {
        match self.context.dialect.table_extras(change) {
            Ok(extras) => extras,
            Err(problem) => {
                self.problems.push(problem);
                TableExtras::default()
            }
        }
    }

    fn create_table(
        &mut self,
        change: &TableChange<'_>,
        mut definitions: Vec<String>,
        extras: &TableExtras,
    ) {
        definitions.extend_from_slice(&extras.constraints);
        let table = &change.table.name;
        let dialect = self.context.dialect;
        let mut sql = dialect.create_table(change.at, &definitions, is_system_table(table));
        for clause in &extras.clauses {
            sql.push('\n');
            sql.push_str(clause);
        }
        let why = "the table is not there";
        self.push(StatementKind::CreateTable, table, sql, why);
    }

    fn check_width(&mut self, table: &str, count: usize) {
        let limit = self.context.capabilities().columns_max;
        if let Some(count_max) = limit.filter(|count_max| count > *count_max) {
            let table = table.to_owned();
            self.problems.push(Problem::TooManyColumns {
                table,
                count,
                count_max,
            });
        }
    }

    fn missing_columns<'t>(
        &self,
        table: &'t LoadTable,
        stored: &[StoredColumn],
    ) -> Vec<&'t Column> {
        let capabilities = self.context.capabilities();
        let there: Vec<String> = stored.iter().map(|c| capabilities.fold(&c.name)).collect();
        table
            .columns
            .values()
            .filter(|c| !there.contains(&capabilities.fold(&c.name)))
            .collect()
    }

    fn definitions(&mut self, table: &LoadTable, columns: &[&Column]) -> Vec<String> {
        let create_indexes = self.context.create_indexes();
        let mut definitions = Vec::with_capacity(columns.len());
        for column in columns {
            match self
                .context
                .dialect
                .column_definition(column, create_indexes)
            {
                Ok(definition) => definitions.push(definition),
                Err(cause) => self.problems.push(Problem::UnsupportedType {
                    table: table.name.clone(),
                    column: column.name.clone(),
                    cause,
                }),
            }
        }
        definitions
    }

    fn warn_about(&mut self, table: &LoadTable, columns: &[&Column]) {
        for column in columns {
            let names = || (table.name.clone(), column.name.clone());
            if !column.is_nullable() {
                let (table, column) = names();
                self.plan
                    .warnings
                    .push(PlanWarning::NotNullAdded { table, column });
            }
            for hint in CREATION_HINTS {
                if column.has(hint) && !HARMLESS_HINTS.contains(&hint) {
                    let (table, column) = names();
                    let hint = hint.to_owned();
                    self.plan.warnings.push(PlanWarning::HintOnExisting {
                        table,
                        column,
                        hint,
                    });
                }
            }
        }
    }

    fn warn_about_precision(&mut self, table: &LoadTable, columns: &[&Column]) {
        if self.context.dialect.keeps_precision_with_zone() {
            return;
        }
        let default = i64::from(self.context.capabilities().timestamp_precision);
        for column in columns {
            let is_timestamp = column.data_type == Some(tipple_schema::DataType::Timestamp);
            let has_zone = column.timezone.unwrap_or(true);
            if is_timestamp && has_zone && column.precision.is_some_and(|p| p != default) {
                self.plan.warnings.push(PlanWarning::PrecisionIgnored {
                    table: table.name.clone(),
                    column: column.name.clone(),
                });
            }
        }
    }

    fn store_version(&mut self) {
        let (names, version) = (self.context.names, self.request.version);
        let columns = [
            &names.version,
            &names.engine_version,
            &names.inserted_at,
            &names.schema_name,
            &names.version_hash,
            &names.schema,
        ];
        let params = vec![
            Param::Int(version.version),
            Param::Int(version.engine_version),
            Param::Timestamp(self.context.now),
            Param::Text(self.context.schema.name.clone()),
            Param::Text(version.hash.clone()),
            Param::Text(self.document()),
        ];
        let table = self
            .context
            .qualified(self.request.target, &names.version_table);
        let sql = insert_values(self.context, &table, &columns);
        let why = "the version of the schema is not stored yet";
        let statement = Statement::new(StatementKind::Insert, &names.version_table, sql, why);
        self.plan.statements.push(statement.with_params(params));
    }

    /// The document, packed when the destination could not store its text.
    fn document(&self) -> String {
        let document = &self.request.version.document;
        match document.len() as u64 > self.context.capabilities().text_bytes_max {
            true => pack_document(document),
            false => document.clone(),
        }
    }

    fn finish(self) -> Result<MigrationPlan> {
        if self.problems.is_empty() {
            return Ok(self.plan);
        }
        Err(DestinationError::Schema(SchemaProblems {
            schema: self.context.schema.name.clone(),
            destination: self.context.dialect.name(),
            problems: self.problems,
        }))
    }
}

/// `INSERT` of one row of bound values.
pub(crate) fn insert_values(context: &PlanContext<'_>, table: &str, columns: &[&String]) -> String {
    let dialect = context.dialect;
    let names: Vec<String> = columns.iter().map(|name| dialect.quote(name)).collect();
    let values: Vec<String> = (0..columns.len()).map(|i| dialect.placeholder(i)).collect();
    format!(
        "INSERT INTO {table}({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    )
}
