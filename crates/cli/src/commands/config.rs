//! `tipple config explain KEY`.

use clap::{Args, Subcommand};
use serde_json::json;
use tipple_config::{Explanation, Scope, Tried};

use super::Outcome;
use crate::args::Global;
use crate::exit::Exit;
use crate::output::{Align, Sheet, Terminal, align_columns};
use crate::project::{Project, short_path};

/// Arguments of `tipple config`.
#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every place where a setting is looked for, and which one wins
    Explain(Explain),
}

/// Arguments of `tipple config explain`.
#[derive(Debug, Args)]
struct Explain {
    /// Setting with its sections, for instance sources.shop.api_key or dataset_name
    key: String,
    /// Look under the name of this pipeline first
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

impl Config {
    /// Prints what was asked for.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let Verb::Explain(explain) = self.verb;
        let project = Project::load(global, terminal)?;
        let (scope, key) = explain.scope();
        let explanation = project.settings.explain(&scope, &key, false);
        if terminal.wants_rows() {
            terminal.print_sheet(&rows(&explanation));
        } else {
            terminal.print_document(&document(&explain.key, &explanation), || {
                text(&explain.key, &explanation, &project)
            })?;
        }
        Ok(Exit::Done)
    }
}

impl Explain {
    /// Sections that are never dropped stay together with the key, as the look-up of each part of the settings does it.
    fn scope(&self) -> (Scope, String) {
        let mut sections: Vec<&str> = self.key.split('.').collect();
        let key = sections.pop().unwrap_or_default().to_owned();
        let scope = match sections.as_slice() {
            ["runtime"] => Scope::fixed("runtime"),
            [outer @ .., "credentials"] => Scope::new(outer).within("credentials"),
            all => Scope::new(all),
        };
        match &self.pipeline {
            Some(pipeline) => (scope.in_pipeline(pipeline), key),
            None => (scope, key),
        }
    }
}

fn mark(explanation: &Explanation, index: usize) -> &'static str {
    match explanation.winner {
        Some(winner) if winner == index => "used",
        _ if explanation.tried[index].is_found => "hidden",
        _ => "-",
    }
}

fn text(key: &str, explanation: &Explanation, project: &Project) -> String {
    let mut text = match explanation.shown() {
        Some(value) => format!("{key} = {value}\n"),
        None => format!("{key} is not set\n"),
    };
    let lines: Vec<Vec<&str>> = explanation
        .tried
        .iter()
        .enumerate()
        .map(|(index, tried)| {
            vec![
                "",
                mark(explanation, index),
                tried.provider,
                &tried.key,
                location(tried),
            ]
        })
        .collect();
    text.push_str(&align_columns(lines.iter(), &[Align::Left; 5]));
    for file in project.settings.files() {
        for path in &file.absent {
            text.push_str(&format!("not there  {}\n", short_path(path)));
        }
    }
    text
}

/// The file; a variable is named by its key already.
fn location(tried: &Tried) -> &str {
    if tried.location == tried.key {
        ""
    } else {
        &tried.location
    }
}

fn document(key: &str, explanation: &Explanation) -> serde_json::Value {
    let places = explanation.tried.iter().enumerate().map(|(index, tried)| {
        json!({
            "provider": tried.provider,
            "key": tried.key,
            "location": tried.location,
            "is_found": tried.is_found,
            "is_used": explanation.winner == Some(index),
        })
    });
    json!({"key": key, "value": explanation.shown(), "places": places.collect::<Vec<_>>()})
}

fn rows(explanation: &Explanation) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("STATE", "state", Align::Left),
        ("PROVIDER", "provider", Align::Left),
        ("KEY", "key", Align::Left),
        ("LOCATION", "location", Align::Left),
    ]);
    for (index, tried) in explanation.tried.iter().enumerate() {
        let state = mark(explanation, index);
        sheet.push(vec![
            (state.to_owned(), json!(state)),
            (tried.provider.to_owned(), json!(tried.provider)),
            (tried.key.clone(), json!(tried.key)),
            (tried.location.clone(), json!(tried.location)),
        ]);
    }
    sheet
}
