//! Errors as the user sees them: what failed, where, why, how to go on, and what became of the data.
//!
//! Libraries say what happened in their own terms; the modules here, one per family, turn each of their variants into a
//! [`Diagnostic`] with a code that `tipple explain` knows. A code is a value of [`codes`] and carries its exit code and
//! its long text, so an error without an explanation does not compile.

pub mod codes;
pub mod config;
mod data;
pub mod destination;
pub mod package;
pub mod pipeline;
pub mod query;
pub mod schema;
pub mod source;
pub mod usage;

use serde_json::{Map, Value, json};

use codes::Code;

use crate::exit::Exit;

/// Longest value that is quoted in a message.
const VALUE_CHARS_MAX: usize = 80;

/// One error, ready to be printed.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Names the error and picks the exit code.
    pub code: &'static Code,
    /// What failed: lower case, no period.
    pub what: String,
    /// Lines of (label, text), in the order in which they are printed.
    pub context: Vec<(&'static str, String)>,
    /// How to go on.
    pub help: Vec<String>,
    /// Commands to type.
    pub next: Vec<String>,
    /// Causes from below, for `--debug`.
    pub causes: Vec<String>,
    /// How the program ends; as the code says unless the circumstances say otherwise.
    pub exit: Exit,
}

impl Diagnostic {
    /// An error without context.
    pub fn new(code: &'static Code, what: impl Into<String>) -> Self {
        Diagnostic {
            code,
            what: what.into(),
            context: Vec::new(),
            help: Vec::new(),
            next: Vec::new(),
            causes: Vec::new(),
            exit: code.exit,
        }
    }

    /// Ends the program in another way than the code says.
    pub fn exiting(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Adds a line of context.
    pub fn with(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.context.push((label, text.into()));
        self
    }

    /// Adds a line of context in front of the others.
    pub fn with_first(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.context.insert(0, (label, text.into()));
        self
    }

    /// Adds a line of help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a command to type.
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }

    /// Keeps the chain of causes of an error for `--debug`.
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }

    /// The form for people (style: what, where, why, help).
    pub fn to_text(&self, has_colors: bool, is_debug: bool) -> String {
        let (red, plain) = if has_colors {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let mut text = format!("{red}error[{}]{plain}: {}\n", self.code.name, self.what);
        let mut lines: Vec<(&str, &str)> = self
            .context
            .iter()
            .map(|(label, text)| (*label, text.as_str()))
            .collect();
        if is_debug {
            lines.extend(self.causes.iter().map(|cause| ("cause", cause.as_str())));
        }
        lines.extend(self.help.iter().map(|help| ("help", help.as_str())));
        lines.extend(self.next.iter().map(|next| ("next", next.as_str())));
        push_lines(&mut text, &lines);
        text
    }

    /// The form for programs.
    pub fn to_json(&self) -> Value {
        let mut context = Map::new();
        for (label, text) in &self.context {
            let entry = context
                .entry(*label)
                .or_insert_with(|| Value::String(String::new()));
            if let Value::String(known) = entry {
                known.push_str(if known.is_empty() { "" } else { "\n" });
                known.push_str(text);
            }
        }
        json!({"error": {
            "code": self.code.name,
            "message": self.what,
            "context": context,
            "help": self.help.join("\n"),
            "next": self.next,
        }})
    }
}

/// Writes labelled lines as a small tree; a label that repeats is written once.
fn push_lines(out: &mut String, lines: &[(&str, &str)]) {
    let width = lines
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0)
        .max(7);
    let mut previous = "";
    for (index, (label, text)) in lines.iter().enumerate() {
        let is_new = *label != previous;
        let is_last_label = lines[index..].iter().all(|(later, _)| later == label);
        for (line_index, line) in text.lines().enumerate() {
            let is_first = is_new && line_index == 0;
            let (sign, shown) = match (is_first, is_last_label) {
                (true, true) => ("└", *label),
                (true, false) => ("├", *label),
                (false, true) => (" ", ""),
                (false, false) => ("│", ""),
            };
            out.push_str(format!("  {sign} {shown:<width$} {line}").trim_end());
            out.push('\n');
        }
        previous = label;
    }
}

/// A value from the user's data, short enough for a line.
pub fn shortened(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// `` `a`, `b` and `c` ``.
pub fn quoted(names: &[impl AsRef<str>]) -> String {
    let all: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match all.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The candidate that is spelled most like `word`, when one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let measured = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let (distance, best) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + best.chars().count() / 4).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> Diagnostic {
        Diagnostic::new(
            &codes::USAGE_ARGUMENTS,
            "the DuckDB file is open in another program",
        )
        .with("where", "shop.duckdb (process 4242, `duckdb`)")
        .with("why", "DuckDB lets one process write")
        .help("close it there, or load into another file: --destination duckdb:shop2.duckdb")
        .help("trying again later can help; nothing was changed")
    }

    #[test]
    fn an_error_is_a_small_tree() {
        insta::assert_snapshot!(locked().to_text(false, false), @r"
        error[usage.arguments]: the DuckDB file is open in another program
          ├ where   shop.duckdb (process 4242, `duckdb`)
          ├ why     DuckDB lets one process write
          └ help    close it there, or load into another file: --destination duckdb:shop2.duckdb
                    trying again later can help; nothing was changed
        ");
    }

    #[test]
    fn an_error_is_an_object_for_programs() {
        insta::assert_snapshot!(format!("{:#}", locked().next("tipple run x.yaml").to_json()), @r#"
        {
          "error": {
            "code": "usage.arguments",
            "message": "the DuckDB file is open in another program",
            "context": {
              "where": "shop.duckdb (process 4242, `duckdb`)",
              "why": "DuckDB lets one process write"
            },
            "help": "close it there, or load into another file: --destination duckdb:shop2.duckdb\ntrying again later can help; nothing was changed",
            "next": [
              "tipple run x.yaml"
            ]
          }
        }
        "#);
    }

    #[test]
    fn the_nearest_spelling_must_be_near() {
        assert_eq!(nearest("ordrs", ["orders", "items"]), Some("orders"));
        assert_eq!(nearest("xyz", ["orders", "items"]), None);
    }
}
