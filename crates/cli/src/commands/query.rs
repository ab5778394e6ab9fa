//! `tipple query NAME SQL`.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use tipple_destination::Target as Dataset;
use tipple_query::{Checked, Guard};

use super::Outcome;
use crate::args::{Global, OutputForm};
use crate::diagnostics::{self, Diagnostic, codes, destination};
use crate::exit::Exit;
use crate::output::{Terminal, batches, human};
use crate::project::Project;
use crate::target::{Target, Wish};

/// Rows that a table on the screen shows unless a limit is given.
const ROWS_SHOWN: usize = 1_000;

/// Arguments of `tipple query`.
#[derive(Debug, Args)]
pub struct Query {
    /// Pipeline whose dataset is read
    name: String,
    /// One query over the tables of the dataset; `-` reads it from stdin
    #[arg(required_unless_present = "file")]
    sql: Option<String>,
    /// Read the query from a file
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    file: Option<PathBuf>,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Destination instead of the pipeline's
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    /// Dataset instead of the pipeline's
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
}

impl Query {
    /// Runs the query read-only and prints its rows.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let project = Project::load(global, terminal)?;
        if self.destination.is_none() {
            project.workdir(&self.name)?;
        }
        let wish = Wish {
            destination: self.destination.as_deref(),
            dataset: self.dataset.as_deref(),
            ..Wish::default()
        };
        let target = Target::resolve(&project, &self.name, &wish)?;
        let sql = self.text()?;
        let rows_max = self
            .limit
            .or((terminal.form() == OutputForm::Table).then_some(ROWS_SHOWN));
        let result = super::block_on(ask(&target, &sql, rows_max))?;
        let sheet = batches::to_sheet(&result, rows_max);
        let sheet =
            sheet.map_err(|error| Diagnostic::new(&codes::DESTINATION_QUERY, error.to_string()))?;
        terminal.print_sheet(&sheet);
        let row_count: usize = result.iter().map(|batch| batch.num_rows()).sum();
        if rows_max.is_some_and(|rows_max| row_count > rows_max) {
            let shown = human::count(sheet.row_count() as u64);
            terminal.note(&format!(
                "first {shown} rows; --limit N shows more, `-o csv` all"
            ));
        }
        Ok(Exit::Done)
    }

    fn text(&self) -> Result<String, Diagnostic> {
        match (&self.file, self.sql.as_deref()) {
            (Some(path), _) => std::fs::read_to_string(path).map_err(|error| {
                Diagnostic::new(
                    &codes::USAGE_FILE,
                    format!("cannot read `{}`", path.display()),
                )
                .with("why", error.to_string())
            }),
            (None, Some("-")) => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|error| {
                    Diagnostic::new(&codes::USAGE_FILE, format!("cannot read stdin: {error}"))
                })?;
                Ok(text)
            }
            (None, sql) => Ok(sql.unwrap_or_default().to_owned()),
        }
    }
}

/// One row more than `rows_max` is asked for, so that the caller sees that there are more.
pub(super) async fn ask(
    target: &Target,
    sql: &str,
    rows_max: Option<usize>,
) -> Result<Vec<arrow_array::RecordBatch>, Diagnostic> {
    let failed = |error| destination::from_destination(&error);
    let datasets = target.datasets()?;
    let mut client = target
        .destination()
        .connect_read_only(&datasets)
        .await
        .map_err(failed)?;
    let catalog = client
        .read_catalog(Dataset::Final, &[])
        .await
        .map_err(failed)?;
    let guard = Guard::new(&datasets.dataset, catalog.tables.keys().map(String::as_str));
    let guard = guard
        .in_dialect(target.destination().dialect().name())
        .in_catalog(datasets.catalog.clone());
    let checked = guard
        .check(sql)
        .map_err(|refusal| diagnostics::query::from_refusal(&refusal, sql))?;
    client
        .query(&limited(&checked, rows_max))
        .await
        .map_err(failed)
}

fn limited(checked: &Checked, rows_max: Option<usize>) -> String {
    match rows_max {
        Some(rows_max) if checked.is_query => {
            format!(
                "SELECT * FROM ({}) AS answer LIMIT {}",
                checked.sql,
                rows_max.saturating_add(1)
            )
        }
        _ => checked.sql.clone(),
    }
}
