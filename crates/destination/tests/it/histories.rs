//! What every destination does with the same histories of schemas: DDL and the statements of loads, one snapshot each.
//!
//! A history (`fixtures/histories`) is a list of steps; each adds tables, columns or hints and loads. The snapshots of one
//! history lie in one folder, a file for each dialect, so that a reviewer sees the dialects side by side. Start with
//! [`check_dialect`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tipple_destination::dialect::{BigQuery, Databricks, DuckDb, Postgres, Redshift, Snowflake};
use tipple_destination::{
    Catalog, ColumnChanges, JobSource, LoadJob, LoadPlan, LoadRequest, MigrationPlan,
    MigrationRequest, RenamedColumn, Result, SqlDialect, Statement, StatementKind, StoredColumn,
    SystemNames, Target, is_system_table, plan_load, root_of, staging_schema, verify,
};
use tipple_schema::{Column, Naming, Schema, Table};

use crate::support::{NOW, World, column, schema};

const DIALECTS: [&dyn SqlDialect; 6] = [
    &DuckDb,
    &Postgres,
    &Redshift,
    &BigQuery,
    &Snowflake,
    &Databricks,
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/histories")
}

/// Names and documents of all histories, by name.
fn histories() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let document = tipple_schema::yaml::parse(&text);
        (
            name.clone(),
            document.unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    };
    paths.into_iter().map(read).collect()
}

/// Plays all histories for one dialect and compares them with their snapshots.
fn check_dialect(dialect: &'static dyn SqlDialect) {
    for (name, document) in histories() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(format!("snapshots/histories/{name}"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_description(document["about"].as_str().unwrap());
        settings.bind(|| {
            insta::assert_snapshot!(dialect.name(), Player::new(dialect, &document).play());
        });
    }
}

#[test]
fn on_duckdb() {
    check_dialect(&DuckDb);
}

#[test]
fn on_postgres() {
    check_dialect(&Postgres);
}

#[test]
fn on_redshift() {
    check_dialect(&Redshift);
}

#[test]
fn on_bigquery() {
    check_dialect(&BigQuery);
}

#[test]
fn on_snowflake() {
    check_dialect(&Snowflake);
}

#[test]
fn on_databricks() {
    check_dialect(&Databricks);
}

#[test]
fn every_snapshot_belongs_to_a_history_and_a_dialect() {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/histories");
    let mut found = BTreeSet::new();
    for history in std::fs::read_dir(snapshots).unwrap() {
        let history = history.unwrap();
        for file in std::fs::read_dir(history.path()).unwrap() {
            let file = file.unwrap().path();
            let dialect = file.file_stem().unwrap().to_string_lossy().into_owned();
            found.insert((history.file_name().to_string_lossy().into_owned(), dialect));
        }
    }
    let of = |(name, _): (String, Value)| {
        DIALECTS.map(|dialect| (name.clone(), dialect.name().to_owned()))
    };
    let expected: BTreeSet<(String, String)> = histories().into_iter().flat_map(of).collect();
    assert_eq!(found, expected);
}

/// A dataset in the middle of its history.
struct Player<'a> {
    document: &'a Value,
    naming: Naming,
    world: World,
    tables: Catalog,
    staged: Catalog,
    out: String,
}

impl<'a> Player<'a> {
    fn new(dialect: &'static dyn SqlDialect, document: &'a Value) -> Self {
        let capabilities = dialect.capabilities();
        let length_max = capabilities
            .identifier_len_max
            .min(capabilities.column_identifier_len_max);
        let naming = document["naming"].as_str().unwrap_or("snake_case");
        let naming = Naming::from_name(naming, Some(length_max)).unwrap();
        let mut world = World::new(schema([]));
        world.dialect = dialect;
        world.names = SystemNames::new(|name| naming.identifier(name).unwrap());
        let settings = &document["settings"];
        world.settings.create_indexes = settings["create_indexes"].as_bool();
        world.settings.truncate_staging = settings["truncate_staging"].as_bool() == Some(true);
        let strategy = settings["replace_strategy"].as_str();
        world.settings.replace_strategy = strategy.map(|word| word.parse().unwrap());
        let mut player = Player {
            document,
            naming,
            world,
            tables: Catalog::default(),
            staged: Catalog::default(),
            out: String::new(),
        };
        if !player.begins_with_nothing() {
            player.make_system_tables();
        }
        player
    }

    fn shows_system(&self) -> bool {
        self.document["system"].as_bool() == Some(true)
    }

    fn begins_with_nothing(&self) -> bool {
        self.document["is_new"]
            .as_bool()
            .unwrap_or_else(|| self.shows_system())
    }

    /// What an earlier load of another source has left.
    fn make_system_tables(&mut self) {
        for (catalog, target) in [
            (&mut self.tables, Target::Final),
            (&mut self.staged, Target::Staging),
        ] {
            catalog.exists = true;
            let plan = self.world.migration_of(&MigrationRequest {
                target,
                version: &self.world.version(),
                tables: &[],
                catalog,
                is_stored: true,
                drop_tables: &[],
                changes: ColumnChanges::NONE,
                force: true,
            });
            remember(catalog, &plan.unwrap(), &self.world);
        }
    }

    fn play(mut self) -> String {
        let steps = self.document["steps"].as_array().unwrap();
        for (index, step) in steps.iter().enumerate() {
            let about = step["about"].as_str().unwrap();
            writeln!(self.out, "== {}. {about}", index + 1).unwrap();
            self.change_schema(step);
            if let Err(error) = self.step(step) {
                writeln!(self.out, "refused: {error}").unwrap();
            }
        }
        self.out
    }

    fn change_schema(&mut self, step: &Value) {
        self.change_columns(&column_changes(step));
        for (raw, hints) in step["tables"].as_object().unwrap() {
            let name = self.table_name(raw);
            let is_new = !self.world.schema.tables.contains_key(&name);
            let mut table = self
                .world
                .schema
                .tables
                .get(&name)
                .cloned()
                .unwrap_or_default();
            table.name.clone_from(&name);
            for (hint, value) in hints.as_object().unwrap() {
                match hint.as_str() {
                    "columns" => {}
                    "parent" => table.parent = Some(self.table_name(value.as_str().unwrap())),
                    _ => drop(table.hints.insert(hint.clone(), value.clone())),
                }
            }
            let seen = serde_json::json!({"seen-data": true});
            table.hints.insert("x-normalizer".to_owned(), seen);
            let columns = self.columns(&table, &hints["columns"], is_new);
            table.columns.extend(
                columns
                    .into_iter()
                    .map(|column| (column.name.clone(), column)),
            );
            self.world.schema.tables.insert(name, table);
        }
    }

    /// Columns that are renamed or dropped in the schema; what is done already is left alone.
    fn change_columns(&mut self, changes: &ColumnChanges) {
        let tables = &mut self.world.schema.tables;
        for change in &changes.renamed {
            let columns = &mut tables[&change.table].columns;
            if let Some(mut column) = columns.shift_remove(&change.from) {
                column.name.clone_from(&change.to);
                columns.insert(change.to.clone(), column);
            }
        }
        for (table, column) in &changes.dropped {
            tables[table].columns.shift_remove(column);
        }
    }

    fn table_name(&self, raw: &str) -> String {
        self.naming.table_path(raw).unwrap()
    }

    /// Columns of a step; those that every row has come with the first step.
    fn columns(&self, table: &Table, columns: &Value, is_new: bool) -> Vec<Column> {
        let given = columns.as_object().into_iter().flatten();
        let given = given.map(|(name, spec)| match spec {
            Value::Object(properties) => Column::from_properties(name, properties),
            Value::String(words) => Column {
                name: name.clone(),
                ..column(&format!("c {words}"))
            },
            other => panic!("{name}: {other}"),
        });
        let named = |mut column: Column| {
            column.name = self.naming.path(&column.name).unwrap();
            column
        };
        let given: Vec<Column> = given.map(named).collect();
        if !is_new || is_system_table(&table.name) {
            return given;
        }
        let (before, after) = row_columns(&self.world.schema, table);
        let of = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| named(column(line)))
                .collect::<Vec<_>>()
        };
        [of(before), given, of(after)].concat()
    }

    /// As a pipeline does it: checks, migration, staging, load.
    fn step(&mut self, step: &Value) -> Result<()> {
        let jobs = self.jobs(step);
        let tables: Vec<&str> = jobs.iter().map(|job| job.table.as_str()).collect();
        self.verify(&tables)?;
        self.migrate(step, &tables)?;
        self.migrate_staging(step, &tables)?;
        let plan = self.load_plan(step, jobs)?;
        self.show_load(&plan);
        Ok(())
    }

    /// One job for each table of the step, unless it names its jobs.
    fn jobs(&self, step: &Value) -> Vec<LoadJob> {
        let job = |name: &str, source: Option<JobSource>| LoadJob {
            id: format!("{name}.f"),
            table: self.table_name(name),
            source,
        };
        let rows = || Some(JobSource::of(Vec::new()));
        let mut jobs: Vec<LoadJob> = match step["jobs"].as_array() {
            Some(names) => names
                .iter()
                .map(|name| job(name.as_str().unwrap(), rows()))
                .collect(),
            None => tables_of(step)
                .keys()
                .map(|name| job(name, rows()))
                .collect(),
        };
        jobs.extend(words(&step["empty"]).map(|name| job(name, None)));
        jobs
    }

    fn verify(&mut self, tables: &[&str]) -> Result<()> {
        let findings = verify(&self.world.context(), tables);
        for warning in &findings.warnings {
            writeln!(self.out, "-- warning: {warning}").unwrap();
        }
        match findings.problems.is_empty() {
            true => Ok(()),
            false => Err(tipple_destination::DestinationError::Schema(
                tipple_destination::SchemaProblems {
                    schema: self.world.schema.name.clone(),
                    destination: self.world.dialect.name(),
                    problems: findings.problems,
                },
            )),
        }
    }

    fn migrate(&mut self, step: &Value, tables: &[&str]) -> Result<()> {
        let drop: Vec<String> = words(&step["drop"])
            .map(|name| self.table_name(name))
            .collect();
        let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
        let plan = self.world.migration_of(&MigrationRequest {
            target: Target::Final,
            version: &self.world.version(),
            tables,
            catalog: &self.tables,
            is_stored: step["is_stored"].as_bool() == Some(true),
            drop_tables: &drop,
            changes: &column_changes(step),
            force: !step["truncate"].is_null(),
        })?;
        for table in drop {
            let folded = self.world.dialect.capabilities().fold(table);
            self.tables.tables.shift_remove(&folded);
        }
        remember(&mut self.tables, &plan, &self.world);
        self.show_migration(&plan);
        Ok(())
    }

    fn migrate_staging(&mut self, step: &Value, tables: &[&str]) -> Result<()> {
        let context = self.world.context();
        let is_staged = |name: &&str| {
            let root = context.table(root_of(&self.world.schema, name));
            root.is_some_and(|root| context.is_staged(&root))
        };
        if !tables.iter().any(is_staged) {
            return Ok(());
        }
        let (staged, trimmed) = (context.staged_tables(), staging_schema(&context));
        let mut world = World::new(trimmed);
        world.dialect = self.world.dialect;
        world.settings = self.world.settings.clone();
        world.names = self.world.names.clone();
        let plan = world.migration_of(&MigrationRequest {
            target: Target::Staging,
            version: &world.version(),
            tables: &staged,
            catalog: &self.staged,
            is_stored: false,
            drop_tables: &[],
            changes: &column_changes(step),
            force: true,
        })?;
        remember(&mut self.staged, &plan, &self.world);
        self.show_migration(&plan);
        Ok(())
    }

    fn load_plan(&self, step: &Value, jobs: Vec<LoadJob>) -> Result<LoadPlan> {
        let truncated: Vec<String> = words(&step["truncate"])
            .map(|name| self.table_name(name))
            .collect();
        let truncated: Vec<&str> = truncated.iter().map(String::as_str).collect();
        plan_load(
            &self.world.context(),
            &LoadRequest {
                load_id: "1795291809.2349176",
                package_created_at: NOW,
                schema_hash: "hash",
                jobs,
                truncate_tables: &truncated,
            },
        )
    }

    fn show_migration(&mut self, plan: &MigrationPlan) {
        let shown: Vec<&Statement> = plan
            .statements
            .iter()
            .filter(|s| self.is_shown(s))
            .collect();
        if !shown.is_empty() {
            writeln!(self.out, "\n-- migration of `{}`", plan.dataset).unwrap();
        }
        for statement in shown {
            writeln!(self.out, "{}", statement_text(statement)).unwrap();
        }
        for warning in &plan.warnings {
            writeln!(self.out, "-- warning: {warning}").unwrap();
        }
    }

    fn show_load(&mut self, plan: &LoadPlan) {
        writeln!(self.out, "\n-- load").unwrap();
        let mut lines: Vec<String> = plan.truncates.iter().map(statement_text).collect();
        for job in &plan.jobs {
            lines.push(format!(
                "-- rows of job {} go to {}.{}",
                job.id, job.at.dataset, job.at.table
            ));
        }
        for follow_up in &plan.follow_ups {
            lines.push(format!("-- {} of `{}`", follow_up.what, follow_up.table));
            lines.extend(follow_up.statements.iter().map(statement_text));
        }
        lines.extend(plan.cleanup.iter().map(statement_text));
        if self.is_shown(&plan.receipt) {
            lines.push(statement_text(&plan.receipt));
        }
        writeln!(self.out, "{}\n", lines.join("\n")).unwrap();
    }

    /// System tables would hide what a history is about.
    fn is_shown(&self, statement: &Statement) -> bool {
        self.shows_system() || !is_system_table(&statement.table)
    }
}

/// A statement with its clauses on lines of their own, so that a difference is a line.
fn statement_text(statement: &Statement) -> String {
    let mut text = statement.to_string();
    for clause in [
        " WHEN ",
        " ON d.",
        " USING ",
        " FROM (SELECT",
        " UNION ALL ",
        " SELECT ",
        " AS SELECT",
    ] {
        text = text.replace(clause, &format!("\n   {clause}"));
    }
    text
}

fn tables_of(step: &Value) -> &Map<String, Value> {
    step["tables"].as_object().unwrap()
}

fn words(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|word| word.as_str().unwrap())
}

/// What the normaliser adds to every row: columns before and after those of the data.
fn row_columns(
    schema: &Schema,
    table: &Table,
) -> (&'static [&'static str], &'static [&'static str]) {
    const HISTORY: [&str; 2] = [
        "_dlt_valid_from timestamp! x-valid-from",
        "_dlt_valid_to timestamp x-valid-to",
    ];
    let root = match &table.parent {
        Some(parent) => &schema.tables[root_of(schema, parent)],
        None => table,
    };
    let is_history = root.text_hint("x-merge-strategy") == Some("scd2");
    let is_merged = root.text_hint("write_disposition") == Some("merge") && !is_history;
    match (table.parent.is_some(), is_history, is_merged) {
        (false, true, _) => (
            &HISTORY,
            &["_dlt_load_id text!", "_dlt_id text! x-row-version"],
        ),
        (false, false, _) => (&[], &["_dlt_load_id text!", "_dlt_id text! unique row_key"]),
        (true, _, true) => (
            &[],
            &[
                "_dlt_root_id text! root_key",
                "_dlt_parent_id text! parent_key",
                "_dlt_list_idx bigint!",
                "_dlt_id text! unique row_key",
            ],
        ),
        (true, _, false) => (
            &[],
            &[
                "_dlt_parent_id text! parent_key",
                "_dlt_list_idx bigint!",
                "_dlt_id text! unique row_key",
            ],
        ),
    }
}

/// Notes in `catalog` what the plan makes.
/// `table old new` and `table column` of a step.
fn column_changes(step: &Value) -> ColumnChanges {
    let split = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let renamed = words(&step["rename"]).map(|text| {
        let [table, from, to] = split(text).try_into().unwrap();
        RenamedColumn { table, from, to }
    });
    let dropped = words(&step["drop_columns"]).map(|text| {
        let [table, column] = split(text).try_into().unwrap();
        (table, column)
    });
    ColumnChanges {
        renamed: renamed.collect(),
        dropped: dropped.collect(),
    }
}

/// What the catalogue has after a migration: the columns that were added, and the types of the schema where a statement
/// has changed one.
fn remember(catalog: &mut Catalog, plan: &MigrationPlan, world: &World) {
    let dialect = world.dialect;
    catalog.exists = true;
    let fold = |name: &str| dialect.capabilities().fold(name);
    let is_changed = |statement: &&Statement| {
        use StatementKind::{ChangeType, DropColumn, RenameColumn};
        matches!(statement.kind, ChangeType | DropColumn | RenameColumn)
    };
    for statement in plan.statements.iter().filter(is_changed) {
        let columns = world.schema.tables[&statement.table].complete_columns();
        let columns = columns.map(|column| stored(column, dialect)).collect();
        catalog.tables.insert(fold(&statement.table), columns);
    }
    for (table, columns) in &plan.added {
        let known = catalog.tables.entry(fold(table)).or_default();
        for column in columns.iter().map(|column| stored(column, dialect)) {
            if !known.iter().any(|known| known.name == column.name) {
                known.push(column);
            }
        }
    }
}

fn stored(column: &Column, dialect: &dyn SqlDialect) -> StoredColumn {
    StoredColumn {
        name: dialect.capabilities().fold(&column.name),
        column_type: dialect.column_type(column).unwrap(),
        nullable: column.is_nullable(),
    }
}
