//! `tipple schema FILE`: a schema document, read, checked and printed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};
use tipple_rest::json_schema::pipeline_file;
use tipple_schema::{Schema as Document, is_default_value, yaml};

use super::Outcome;
use super::schema_diff::Diff;
use super::schema_pin::Pin;
use crate::args::{Global, OutputForm};
use crate::diagnostics::{self, Diagnostic, codes, nearest};
use crate::documents;
use crate::exit::Exit;
use crate::output::{self, Terminal};
use crate::sources::BUILT_IN;

/// Arguments of `tipple schema`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Schema {
    #[command(subcommand)]
    action: Option<Action>,
    /// Schema document in YAML or JSON
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the schema of a pipeline as a file that `--locked` holds runs to
    Pin(Pin),
    /// Show how two schemas differ: files, load ids, local, destination
    Diff(Diff),
    /// Print the JSON Schema of pipeline files, for editors
    PipelineFile,
}

/// How a schema is printed.
#[derive(Debug, Args)]
pub struct Form {
    /// Form of the document
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
    /// Leave out what is as it would be anyway
    #[arg(long)]
    remove_defaults: bool,
    /// Only this table
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

impl Schema {
    /// Reads the document, checks it and prints it.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        match self.action {
            Some(Action::Pin(pin)) => return pin.run(global, terminal),
            Some(Action::Diff(diff)) => return diff.run(global, terminal),
            Some(Action::PipelineFile) => {
                print_pipeline_file();
                return Ok(Exit::Done);
            }
            None => {}
        }
        let document = documents::read(&self.file.unwrap_or_default())?;
        let schema = Document::from_document(&document)
            .map_err(|error| diagnostics::schema::from_schema(&error))?;
        print(&schema, &self.form, terminal)?;
        Ok(Exit::Done)
    }
}

fn print_pipeline_file() {
    let names: Vec<&str> = BUILT_IN
        .iter()
        .flat_map(|source| source.names)
        .copied()
        .collect();
    output::print(&format!("{:#}\n", pipeline_file(&names)));
}

/// Prints a schema: YAML unless another form is asked for.
///
/// # Errors
/// There is no such table.
pub fn print(schema: &Document, form: &Form, terminal: &Terminal) -> Result<(), Diagnostic> {
    let mut document = schema.to_document();
    if form.remove_defaults {
        remove_defaults(&mut document);
    }
    if let Some(name) = &form.table {
        document = one_table(document, name, schema)?;
    }
    let asked = form.format.unwrap_or(match terminal.form() {
        OutputForm::Json | OutputForm::Jsonl => Format::Json,
        _ => Format::Yaml,
    });
    output::print(&match asked {
        Format::Yaml => yaml::to_text(&document),
        Format::Json => format!("{document:#}\n"),
    });
    Ok(())
}

fn one_table(document: Value, name: &str, schema: &Document) -> Result<Value, Diagnostic> {
    match document.get("tables").and_then(|tables| tables.get(name)) {
        Some(table) => Ok(Value::Object(Map::from_iter([(
            name.to_owned(),
            table.clone(),
        )]))),
        None => {
            let what = format!("schema `{}` has no table `{name}`", schema.name);
            let diagnostic = Diagnostic::new(&codes::SCHEMA_TABLE_NOT_FOUND, what);
            Err(
                match nearest(name, schema.tables.keys().map(String::as_str)) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                },
            )
        }
    }
}

/// Takes out properties of tables and columns that have their default, and names that repeat their key.
fn remove_defaults(document: &mut Value) {
    let Some(tables) = document.get_mut("tables").and_then(Value::as_object_mut) else {
        return;
    };
    for table in tables.values_mut().filter_map(Value::as_object_mut) {
        table.shift_remove("name");
        table.retain(|property, value| !is_default_value(property, value));
        let columns = table.get_mut("columns").and_then(Value::as_object_mut);
        for column in columns
            .into_iter()
            .flat_map(|columns| columns.values_mut())
            .filter_map(Value::as_object_mut)
        {
            column.shift_remove("name");
            column.retain(|property, value| !is_default_value(property, value));
        }
    }
}
