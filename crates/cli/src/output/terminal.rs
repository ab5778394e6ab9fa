//! The terminal, or what stands in its place: colours, forms, questions.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _};

use serde::Serialize;
use serde_json::Value;

use super::{Sheet, print, print_error};
use crate::args::{Global, LogForm, OutputForm};
use crate::diagnostics::{Diagnostic, codes};
use crate::exit::Exit;

/// How to talk to the user of this process.
#[derive(Debug, Clone)]
pub struct Terminal {
    output: Option<OutputForm>,
    log: LogForm,
    has_colors: bool,
    is_debug: bool,
    is_quiet: bool,
    may_ask: bool,
    is_yes: bool,
    verbose: u8,
}

impl Terminal {
    /// As the flags and the environment say.
    pub fn new(global: &Global) -> Self {
        Terminal {
            output: global.output,
            log: global.log_format.unwrap_or(LogForm::Text),
            has_colors: has_colors(global.no_color),
            is_debug: global.debug,
            is_quiet: global.quiet,
            may_ask: !global.non_interactive && io::stdin().is_terminal(),
            is_yes: global.yes,
            verbose: global.verbose,
        }
    }

    /// For a command line that could not be parsed.
    pub fn guess(words: &[OsString]) -> Self {
        let has_json =
            |pair: &[OsString]| (pair[0] == "-o" || pair[0] == "--output") && pair[1] == "json";
        let is_json = words.windows(2).any(has_json)
            || words
                .iter()
                .any(|word| word == "-ojson" || word == "--output=json" || word == "-o=json");
        let output = is_json.then_some(OutputForm::Json);
        let no_color = words.iter().any(|word| word == "--no-color");
        Terminal::new(&Global {
            output,
            no_color,
            ..Global::default()
        })
    }

    /// Form of the result; text for people when none was asked for.
    pub fn form(&self) -> OutputForm {
        self.output.unwrap_or(OutputForm::Table)
    }

    /// How much detail was asked for.
    pub fn verbose(&self) -> u8 {
        self.verbose
    }

    /// True when notes are not wanted.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Form of progress and notes.
    pub fn log_form(&self) -> LogForm {
        self.log
    }

    /// True when stderr is a terminal that a progress display can redraw.
    pub fn has_live_display(&self) -> bool {
        self.log == LogForm::Text && !self.is_quiet && io::stderr().is_terminal()
    }

    /// Prints an error where its reader looks for it.
    pub fn fail(&self, diagnostic: &Diagnostic) -> Exit {
        match self.form() {
            OutputForm::Json => print(&format!("{:#}\n", diagnostic.to_json())),
            OutputForm::Jsonl => print(&format!("{}\n", diagnostic.to_json())),
            _ => print_error(&diagnostic.to_text(self.has_colors, self.is_debug)),
        }
        diagnostic.exit
    }

    /// Prints a note for people.
    pub fn note(&self, text: &str) {
        if !self.is_quiet {
            print_error(&format!("{text}\n"));
        }
    }

    /// Prints something that the user can act on.
    pub fn warn(&self, text: &str) {
        let (yellow, plain) = if self.has_colors {
            ("\u{1b}[33m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        match self.log {
            LogForm::Text => print_error(&format!("{yellow}warning{plain}: {text}\n")),
            LogForm::Json => print_error(&format!(
                "{}\n",
                serde_json::json!({"event": "warning", "message": text})
            )),
        }
    }

    /// True when the result is text for people.
    pub fn is_for_people(&self) -> bool {
        self.form() == OutputForm::Table
    }

    /// True when the form holds rows only.
    pub fn wants_rows(&self) -> bool {
        matches!(self.form(), OutputForm::Csv | OutputForm::Md)
    }

    /// Prints rows.
    pub fn print_sheet(&self, sheet: &Sheet) {
        print(&sheet.render(self.form()));
    }

    /// Prints a document: as text for people, else as JSON or YAML.
    ///
    /// # Errors
    /// A diagnostic when the form cannot hold a document.
    pub fn print_document(
        &self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Diagnostic> {
        let form = self.form();
        if form == OutputForm::Table {
            print(&text());
            return Ok(());
        }
        let value = serde_json::to_value(document).unwrap_or(Value::Null);
        match form {
            OutputForm::Json => print(&format!("{value:#}\n")),
            OutputForm::Jsonl => print(&format!("{value}\n")),
            OutputForm::Yaml => print(&tipple_schema::yaml::to_text(&value)),
            OutputForm::Table | OutputForm::Md | OutputForm::Csv => {
                let what = "this result is no table".to_owned();
                return Err(
                    Diagnostic::new(&codes::USAGE_OUTPUT, what).help("use `-o json` or `-o yaml`")
                );
            }
        }
        Ok(())
    }

    /// True when a person sits at both ends and wants to be asked.
    pub fn may_ask(&self) -> bool {
        self.may_ask && !self.is_yes && io::stderr().is_terminal()
    }

    /// Asks for a word; an empty answer means the default. Call it only where [`Terminal::may_ask`] says so.
    ///
    /// # Errors
    /// A diagnostic when the input ends.
    pub fn ask(&self, question: &str, default: &str) -> Result<String, Diagnostic> {
        let shown = match default {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        print_error(&format!("{question}{shown}: "));
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(1..) => {}
            Ok(0) | Err(_) => {
                print_error("\n");
                return Err(
                    Diagnostic::new(&codes::USAGE_DECLINED, "there was no answer")
                        .help("Nothing changed."),
                );
            }
        }
        Ok(match answer.trim() {
            "" => default.to_owned(),
            answer => answer.to_owned(),
        })
    }

    /// Asks before something is changed.
    ///
    /// # Errors
    /// A diagnostic when the answer is no or nobody can be asked.
    pub fn confirm(&self, question: &str) -> Result<(), Diagnostic> {
        if self.is_yes {
            return Ok(());
        }
        if self.may_ask {
            print_error(&format!("{question} [y/N] "));
            let mut answer = String::new();
            let read = io::stdin().lock().read_line(&mut answer);
            if read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
                return Ok(());
            }
        }
        Err(
            Diagnostic::new(&codes::USAGE_DECLINED, "it was not confirmed")
                .help("Nothing changed. Pass --yes to go ahead without asking."),
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "NO_COLOR and its like are the terminal's, not settings"
)]
fn has_colors(is_refused: bool) -> bool {
    let is_set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    if is_refused || is_set("NO_COLOR") {
        return false;
    }
    is_set("CLICOLOR_FORCE") || io::stderr().is_terminal()
}
