//! `tipple load FILE|GLOB|- --table NAME`: files into one table, without a pipeline file.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tipple_source::{FileBody, FileSpec, ResourceSpec, SourceError, SourceSpec};

use super::Outcome;
use super::run::{Common, load};
use crate::args::Global;
use crate::diagnostics::{Diagnostic, config, source};
use crate::interrupt;
use crate::output::Terminal;
use crate::project::Project;
use crate::sources;
use crate::target::Target;

/// Pipeline that is used when no other is named: all such loads share one dataset.
const PIPELINE_DEFAULT: &str = "load";

/// Name of the command line in messages.
const ORIGIN: &str = "command line";

/// Arguments of `tipple load`.
#[derive(Debug, Args)]
pub struct Load {
    /// Files, patterns in quotes, or `-` for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Table to load into; lists inside the items get tables of their own
    #[arg(long, value_name = "NAME")]
    table: String,
    /// Columns that identify a row
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    primary_key: Vec<String>,
    /// Columns by whose values old rows are replaced in a merge
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    merge_key: Vec<String>,
    /// What happens to the rows that are there
    #[arg(long, value_enum, value_name = "WORD")]
    write_disposition: Option<Disposition>,
    /// How rows are merged; means `--write-disposition merge`
    #[arg(long, value_enum, value_name = "STRATEGY")]
    merge_strategy: Option<Strategy>,
    /// Levels of lists that get tables of their own; deeper ones stay JSON
    #[arg(long, value_name = "N")]
    max_table_nesting: Option<u64>,
    /// Load only items whose value at this path is new (`modification_date`: only files that are new)
    #[arg(long, value_name = "PATH")]
    cursor: Option<String>,
    /// Where the cursor starts
    #[arg(long, value_name = "VALUE", requires = "cursor")]
    initial_value: Option<String>,
    /// Format, when the name does not tell it
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Path of the items inside a JSON document, for instance data.items
    #[arg(long, value_name = "PATH")]
    selector: Option<String>,
    /// Pipeline that remembers state and schema
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Disposition {
    /// Rows are added
    Append,
    /// The table is replaced
    Replace,
    /// Rows with the same key are replaced
    Merge,
    /// Nothing is loaded
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    /// Old rows are deleted, new ones inserted
    DeleteInsert,
    /// Rows are updated or inserted
    Upsert,
    /// Every version of a row is kept with its time
    Scd2,
    /// Rows are inserted only if they are new
    InsertOnly,
    /// The load is the whole truth: rows that are missing are deleted
    Cdc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON value a line
    Jsonl,
    /// A list of items, one item, or several
    Json,
    /// Comma-separated values
    Csv,
    /// Apache Parquet
    Parquet,
}

/// The word by which a value is typed, which is also dlt's.
fn word(value: impl ValueEnum) -> Option<Value> {
    value
        .to_possible_value()
        .map(|value| json!(value.get_name()))
}

impl Load {
    /// Loads the files.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let body = self.body().map_err(|error| source::from_source(&error))?;
        let project = Project::load(global, terminal)?;
        let name = self.pipeline_name(&project)?;
        let target = Target::resolve(&project, &name, &self.common.wish())?;
        let stop = interrupt::flag();
        let folder = project.settings.places().project_dir.clone();
        let source = sources::of_one(SourceSpec::named(&name), &body, &folder, &stop);
        let options = self.common.options(Vec::new(), &target)?;
        load(target, &source, &options, terminal, &stop)
    }

    fn pipeline_name(&self, project: &Project) -> Result<String, Diagnostic> {
        if let Some(name) = &self.pipeline {
            return Ok(name.clone());
        }
        let configured = project
            .settings
            .direct("pipeline_name")
            .map_err(|error| config::from_config(&error))?;
        let configured = configured
            .as_ref()
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(configured.unwrap_or_else(|| PIPELINE_DEFAULT.to_owned()))
    }

    /// The resource as a pipeline file would describe it.
    fn body(&self) -> Result<FileBody, SourceError> {
        let value = Value::Object(self.members());
        let spec = ResourceSpec::from_value(&value, &FileSpec::KEYS, ORIGIN)?;
        let files = FileSpec::from_value(&value, ORIGIN)?;
        Ok(FileBody { spec, files })
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            members.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("name", Some(json!(self.table)));
        put("path", Some(json!(self.files)));
        put("primary_key", key(&self.primary_key));
        put("merge_key", key(&self.merge_key));
        put("write_disposition", self.disposition());
        put("max_table_nesting", self.max_table_nesting.map(Value::from));
        put(
            "incremental",
            self.cursor.as_ref().map(|path| self.incremental(path)),
        );
        put("format", self.format.and_then(word));
        put("selector", self.selector.as_ref().map(|path| json!(path)));
        members
    }

    fn disposition(&self) -> Option<Value> {
        match self.merge_strategy.and_then(word) {
            Some(strategy) => {
                let disposition = self
                    .write_disposition
                    .and_then(word)
                    .unwrap_or_else(|| json!("merge"));
                Some(json!({"disposition": disposition, "strategy": strategy}))
            }
            None => self.write_disposition.and_then(word),
        }
    }

    fn incremental(&self, path: &str) -> Value {
        match self.initial_value.as_deref().map(number_or_text) {
            Some(initial) => json!({"cursor_path": path, "initial_value": initial}),
            None => json!({"cursor_path": path}),
        }
    }
}

/// One name alone is not the same as a list of one name: hashes of cursors differ.
fn key(names: &[String]) -> Option<Value> {
    match names {
        [] => None,
        [name] => Some(json!(name)),
        names => Some(json!(names)),
    }
}

fn number_or_text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::{Cli, Command};

    #[track_caller]
    fn members(typed: &str) -> String {
        let words = format!("tipple load {typed}");
        match Cli::try_parse_from(words.split_whitespace())
            .unwrap()
            .command
        {
            Command::Load(load) => serde_json::Value::Object(load.members()).to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_become_the_members_of_a_resource() {
        insta::assert_snapshot!(members("a.json --table t"), @r#"{"name":"t","path":["a.json"]}"#);
        insta::assert_snapshot!(
            members("a.csv b.csv --table t --primary-key id --merge-key a,b --write-disposition merge --max-table-nesting 1"),
            @r#"{"name":"t","path":["a.csv","b.csv"],"primary_key":"id","merge_key":["a","b"],"write_disposition":"merge","max_table_nesting":1}"#
        );
        insta::assert_snapshot!(
            members("- --table t --merge-strategy scd2 --cursor u --initial-value 5 --format jsonl --selector data"),
            @r#"{"name":"t","path":["-"],"write_disposition":{"disposition":"merge","strategy":"scd2"},"incremental":{"cursor_path":"u","initial_value":5},"format":"jsonl","selector":"data"}"#
        );
    }
}
