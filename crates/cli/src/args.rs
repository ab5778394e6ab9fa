//! What the user typed, as values. Reading arguments touches no file and no network.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Loads nested JSON from files and APIs into relational tables.
#[derive(Debug, Parser)]
#[command(
    name = "tipple",
    version,
    about = "Loads nested JSON into relational tables: schema, child tables, merges, state",
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes, before or after its name.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Flags of every command")]
pub struct Global {
    /// More detail; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Go ahead without asking
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Never ask; a question counts as declined
    #[arg(long, global = true)]
    pub non_interactive: bool,
    /// Show the causes of an error
    #[arg(long, global = true)]
    pub debug: bool,
    /// No colours (also NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Form of the result
    #[arg(short, long, global = true, value_name = "FORM", value_enum)]
    pub output: Option<OutputForm>,
    /// Profile of a workspace
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Project folder instead of the current one
    #[arg(long, global = true, value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
    /// Folder of the pipelines' working folders
    #[arg(long, global = true, value_name = "DIR")]
    pub pipelines_dir: Option<PathBuf>,
    /// Form of progress and notes on stderr
    #[arg(long, global = true, value_name = "FORM", value_enum)]
    pub log_format: Option<LogForm>,
    /// Accepted for compatibility.
    #[arg(long, global = true, hide = true)]
    pub disable_telemetry: bool,
    /// Accepted for compatibility.
    #[arg(long, global = true, hide = true)]
    pub enable_telemetry: bool,
    /// Accepted for compatibility.
    #[arg(long, global = true, hide = true)]
    pub no_pwd: bool,
}

/// Form in which a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Aligned text for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// YAML.
    Yaml,
    /// A Markdown table.
    Md,
    /// Comma-separated values with a header.
    Csv,
}

/// Form of progress and notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// Lines for people.
    Text,
    /// One JSON object an event.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load what a pipeline file describes
    Run(commands::run::Run),
    /// Load files into a table, without a pipeline file
    Load(commands::load::Load),
    /// Check a pipeline file and its credentials; load nothing
    Check(commands::check::Check),
    /// Write the files of a new pipeline
    Init(commands::init::Init),
    /// Turn a REST configuration in Python into a pipeline file
    ConvertConfig(commands::convert_config::ConvertConfig),
    /// Load two APIs from a server in this process into DuckDB, and show what came of it
    Demo(commands::demo::Demo),
    /// Show what loading would change: tables, columns, statements
    Plan(commands::plan::PlanFile),
    /// Run the statements of a plan
    Apply(commands::plan::Apply),
    /// List pipelines, look into one, or change its state
    Pipeline(commands::pipeline::Pipeline),
    /// Run a read-only SQL query over the tables of a pipeline
    Query(commands::query::Query),
    /// Print, convert and check a schema file
    Schema(commands::schema::Schema),
    /// Look for what is broken and say how to mend it
    Doctor(commands::doctor::Doctor),
    /// Show where a setting comes from
    Config(commands::config::Config),
    /// Explain an error code
    Explain(commands::explain::Explain),
    /// Print completions for a shell
    Completions(commands::completions::Completions),
    /// Print the version
    Version(commands::version::Version),
}
