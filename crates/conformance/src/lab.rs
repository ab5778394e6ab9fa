//! Where a check works: pipelines with rows of its own, and what is in the tables afterwards.
//!
//! Everything goes through the public path of the library, `Pipeline::run`; what is read back comes from the destination
//! alone: its catalog, its stored schema and its rows as text. Start with [`Lab::load`] and [`Lab::expect`].

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use tempfile::TempDir;
use tipple_destination::{Client, DatasetNames, Destination, StoredSchema, SystemNames, Target};
use tipple_pipeline::{
    Events, Pipeline, PipelineOptions, PipelineSettings, RunError, RunOptions, RunReport,
};
use tipple_schema::{DataType, Schema};
use tipple_source::{Body, Resource, ResourceSpec, Rows, Source, SourceSpec};

use crate::harness::Harness;

/// What stands for a null in the text of rows.
const NULL: &str = "∅";

/// One check's place at the destination, with working folders.
pub struct Lab {
    place: Box<dyn Place>,
    folder: TempDir,
    /// Path of the module of the suite's tests, without the crate.
    tests: String,
    more: fn(&str) -> Result<Lab, String>,
}

/// A [`Harness`] behind a pointer.
trait Place: Send + Sync {
    fn address(&self) -> String;
    fn destination(&self) -> Arc<dyn Destination>;
    fn dataset(&self) -> String;
    fn text(&self, data_type: DataType, column: &str) -> String;
}

impl<H: Harness> Place for H {
    fn address(&self) -> String {
        Harness::address(self)
    }

    fn destination(&self) -> Arc<dyn Destination> {
        Harness::destination(self)
    }

    fn dataset(&self) -> String {
        Harness::dataset(self)
    }

    fn text(&self, data_type: DataType, column: &str) -> String {
        Harness::text(self, data_type, column)
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab")
            .field("address", &self.place.address())
            .finish()
    }
}

impl Lab {
    /// A fresh place and an empty folder.
    ///
    /// # Errors
    /// The reason why the service is not there.
    pub(crate) fn new<H: Harness>(tests: &str) -> Result<Lab, String> {
        Ok(Lab {
            place: Box::new(H::fresh()?),
            folder: tempfile::tempdir().unwrap(),
            tests: tests.to_owned(),
            more: Lab::new::<H>,
        })
    }

    /// The place of another process.
    pub(crate) fn reopen<H: Harness>(address: &str) -> Lab {
        Lab {
            place: Box::new(H::reopen(address)),
            folder: tempfile::tempdir().unwrap(),
            tests: String::new(),
            more: Lab::new::<H>,
        }
    }

    /// Another fresh place, for a check that does something many times.
    pub fn another(&self) -> Lab {
        (self.more)(&self.tests).unwrap()
    }

    /// Path of the module that holds the tests of the suite.
    pub fn tests(&self) -> &str {
        &self.tests
    }

    /// What another process needs to find the place.
    pub fn address(&self) -> String {
        self.place.address()
    }

    /// The destination, as a new process opens it.
    pub fn destination(&self) -> Arc<dyn Destination> {
        self.place.destination()
    }

    /// The working folders.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A pipeline with default settings.
    pub fn setup(&self) -> Setup {
        Setup {
            options: PipelineOptions {
                name: "conformance".to_owned(),
                pipelines_dir: self.folder.path().join("first"),
                runs_dir: None,
                destination: self.destination(),
                dataset_name: Some(self.place.dataset()),
                settings: PipelineSettings {
                    threads: 1,
                    ..PipelineSettings::default()
                },
            },
            source: SourceSpec::named("lab"),
        }
    }

    /// Loads `rows` into one resource.
    ///
    /// # Panics
    /// When the load fails.
    pub fn load(&self, resource: &Value, rows: &[Value]) -> RunReport {
        self.setup().load(resource, rows)
    }

    /// Names of the two datasets.
    pub fn names(&self) -> DatasetNames {
        let dataset = self.setup().options.datasets().unwrap();
        self.destination().dataset_names(&dataset.dataset)
    }

    /// Does something with a session that may write.
    pub fn with_client<T>(&self, work: impl AsyncFnOnce(&mut dyn Client) -> T) -> T {
        let destination = self.destination();
        let names = self.names();
        wait(async {
            let mut client = destination.connect(&names).await.unwrap();
            work(client.as_mut()).await
        })
    }

    /// Names of tables without those of the system, sorted; as the destination spells them, in lower case.
    pub fn tables(&self, target: Target) -> Vec<String> {
        let mut tables = self.all_tables(target);
        tables.retain(|table| !table.starts_with("_dlt"));
        tables
    }

    /// Names of all tables, sorted, in lower case.
    pub fn all_tables(&self, target: Target) -> Vec<String> {
        let catalog = self.with_client(async |client| client.read_catalog(target, &[]).await);
        let tables = catalog.unwrap().tables;
        let mut names: Vec<String> = tables.keys().map(|name| name.to_lowercase()).collect();
        names.sort();
        names
    }

    /// Names of the columns of a table in lower case, in the destination's order; nothing without the table.
    pub fn columns(&self, table: &str) -> Vec<String> {
        let catalog =
            self.with_client(async |client| client.read_catalog(Target::Final, &[table]).await);
        let columns = catalog
            .unwrap()
            .tables
            .into_values()
            .next()
            .unwrap_or_default();
        columns
            .into_iter()
            .map(|column| column.name.to_lowercase())
            .collect()
    }

    /// The schema that the destination has stored last.
    pub fn stored_schema(&self) -> StoredSchema {
        let names = SystemNames::default();
        let stored = self.with_client(async |client| client.read_stored_schema(&names, None).await);
        stored.unwrap().unwrap()
    }

    /// Number of rows of a table.
    pub fn count(&self, target: Target, table: &str) -> usize {
        let destination = self.destination();
        let name = destination
            .dialect()
            .qualified(&self.names().table(target, table));
        let rows = self.query(&format!("SELECT count(*) FROM {name}"));
        rows.first().unwrap().parse().unwrap()
    }

    /// Number of different values of a column.
    pub fn count_distinct(&self, table: &str, column: &str) -> usize {
        let destination = self.destination();
        let dialect = destination.dialect();
        let name = dialect.qualified(&self.names().table(Target::Final, table));
        let rows = self.query(&format!(
            "SELECT count(DISTINCT {}) FROM {name}",
            dialect.quote(column)
        ));
        rows.first().unwrap().parse().unwrap()
    }

    /// Rows of a table as text, the values of `columns` (separated by blanks) joined by ` | `, sorted.
    pub fn rows(&self, table: &str, columns: &str) -> Vec<String> {
        self.rows_of(table, &columns.split(' ').collect::<Vec<_>>())
    }

    /// The same for columns whose names have blanks.
    pub fn rows_of(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let schema = self.stored_schema();
        let document = serde_json::from_str(&schema.document).unwrap();
        let schema = Schema::from_document(&document).unwrap();
        let table = schema
            .tables
            .get(table)
            .unwrap_or_else(|| panic!("the schema has no table `{table}`"));
        let destination = self.destination();
        let dialect = destination.dialect();
        let mut types = Vec::new();
        let mut selected = Vec::new();
        for name in columns {
            let column = table.columns.get(*name);
            let column = column.unwrap_or_else(|| panic!("no column `{name}`"));
            let data_type = column.data_type.unwrap();
            types.push(data_type);
            selected.push(self.place.text(data_type, &dialect.quote(name)));
        }
        let from = dialect.qualified(&self.names().table(Target::Final, &table.name));
        let sql = format!("SELECT {} FROM {from}", selected.join(", "));
        let mut lines: Vec<String> = self
            .cells(&sql)
            .into_iter()
            .map(|cells| {
                let cells = types
                    .iter()
                    .zip(cells)
                    .map(|(&kind, cell)| plain(kind, cell));
                cells.collect::<Vec<_>>().join(" | ")
            })
            .collect();
        lines.sort();
        lines
    }

    /// First value of each row of a query, as text.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let rows = self.cells(sql).into_iter();
        let first = rows.map(|cells| cells.into_iter().next().flatten());
        first
            .map(|cell| cell.unwrap_or_else(|| NULL.to_owned()))
            .collect()
    }

    fn cells(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let batches = self.with_client(async |client| client.query(sql).await);
        batches.unwrap().iter().flat_map(cells).collect()
    }

    /// Compares the rows of a table, in any order, with `expected`.
    ///
    /// # Panics
    /// When they differ.
    #[track_caller]
    pub fn expect(&self, table: &str, columns: &str, expected: &[&str]) {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(self.rows(table, columns), expected, "rows of `{table}`");
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let cell = |row: usize| {
        let columns = batch.columns().iter();
        columns
            .map(|column| {
                let formatter = ArrayFormatter::try_new(column, &options).unwrap();
                (!column.is_null(row)).then(|| formatter.value(row).to_string())
            })
            .collect()
    };
    (0..batch.num_rows()).map(cell).collect()
}

/// A value as text that is the same for every engine.
fn plain(data_type: DataType, cell: Option<String>) -> String {
    let Some(text) = cell else {
        return NULL.to_owned();
    };
    match data_type {
        DataType::Bool => match text.to_lowercase().as_str() {
            "t" | "true" | "1" => "true".to_owned(),
            _ => "false".to_owned(),
        },
        DataType::Double => match text.to_lowercase().as_str() {
            "nan" => "nan".to_owned(),
            "inf" | "infinity" => "inf".to_owned(),
            "-inf" | "-infinity" => "-inf".to_owned(),
            _ => format!("{:?}", text.parse::<f64>().unwrap()),
        },
        DataType::Decimal | DataType::Wei => match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        },
        DataType::Json => {
            let mut document: Value = serde_json::from_str(&text).unwrap();
            document.sort_all_objects();
            document.to_string()
        }
        DataType::Binary => text.to_lowercase(),
        _ => text,
    }
}

/// Runs work that waits, in this thread.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

/// A pipeline before it is opened.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the pipeline is opened with.
    pub options: PipelineOptions,
    /// Name and settings of its source.
    pub source: SourceSpec,
}

impl Setup {
    /// The same pipeline with another working folder, as if on another machine.
    #[must_use]
    pub fn on_machine(mut self, name: &str) -> Self {
        let folder = self.options.pipelines_dir.parent().unwrap().join(name);
        self.options.pipelines_dir = folder;
        self
    }

    /// Another pipeline with a source of the same name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.options.name = name.to_owned();
        self.source.name = name.to_owned();
        self
    }

    /// The same with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut PipelineSettings)) -> Self {
        change(&mut self.options.settings);
        self
    }

    /// The same through another destination, for instance a wrapper.
    #[must_use]
    pub fn through(mut self, destination: Arc<dyn Destination>) -> Self {
        self.options.destination = destination;
        self
    }

    /// Opens the pipeline.
    pub fn open(&self) -> Pipeline {
        Pipeline::open(self.options.clone()).unwrap()
    }

    /// Runs resources with their rows.
    ///
    /// # Errors
    /// As `Pipeline::run`.
    pub fn run(
        &self,
        resources: Vec<Box<dyn Resource>>,
        options: &RunOptions,
    ) -> Result<RunReport, RunError> {
        let source = Source::separate(self.source.clone(), resources);
        self.open().run(&source, options, &Events::new())
    }

    /// Loads `rows` into one resource.
    ///
    /// # Errors
    /// As `Pipeline::run`.
    pub fn try_load(&self, resource: &Value, rows: &[Value]) -> Result<RunReport, RunError> {
        self.run(vec![of_rows(resource, rows)], &RunOptions::default())
    }

    /// Loads `rows` into one resource.
    ///
    /// # Panics
    /// When the load fails.
    pub fn load(&self, resource: &Value, rows: &[Value]) -> RunReport {
        self.try_load(resource, rows)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Loads a batch that is columns already.
    ///
    /// # Panics
    /// When the load fails.
    pub fn load_batch(&self, resource: &Value, batch: RecordBatch) -> RunReport {
        let rows = Rows::new(spec(resource), "batch", vec![Body::Arrow(batch)]);
        let done = self.run(vec![Box::new(rows)], &RunOptions::default());
        done.unwrap_or_else(|error| panic!("{error}"))
    }
}

fn spec(resource: &Value) -> ResourceSpec {
    ResourceSpec::from_value(resource, &[], "conformance").unwrap()
}

/// A resource with one page of rows.
pub(crate) fn of_rows(resource: &Value, rows: &[Value]) -> Box<dyn Resource> {
    Box::new(Rows::from_json(
        spec(resource),
        "conformance",
        &[rows.to_vec()],
    ))
}
