//! What `tipple init` asks on a terminal when it was told too little.
//!
//! Every question has a default, so that Enter leads to something that runs. Nobody is asked where input or output is no
//! terminal: there the missing words are an error, as before.

use super::{REST_API, check_destination, identifier, known_sources, unknown_source};
use crate::args::OutputForm;
use crate::diagnostics::Diagnostic;
use crate::output::Terminal;
use crate::sources;

/// Destination that needs nothing but a file.
const DESTINATION: &str = "duckdb";

/// Words and answers together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Name of the source; an imported one may do without.
    pub source: Option<String>,
    /// Destination.
    pub destination: String,
    /// Schema in the destination, when it is not the usual one.
    pub dataset: Option<String>,
    /// Field that orders the rows, for the template of a REST API.
    pub cursor: Option<String>,
}

/// Who answers.
pub trait Person {
    /// The answer to a question; the default when it is empty.
    ///
    /// # Errors
    /// Nobody answers.
    fn ask(&mut self, question: &str, default: &str) -> Result<String, Diagnostic>;

    /// Tells something.
    fn tell(&mut self, text: &str);
}

impl Person for &Terminal {
    fn ask(&mut self, question: &str, default: &str) -> Result<String, Diagnostic> {
        Terminal::ask(self, question, default)
    }

    fn tell(&mut self, text: &str) {
        self.note(text);
    }
}

/// Asks for what `words` (source and destination, as far as they were given) leave open. What is imported names itself.
///
/// # Errors
/// Nobody answers.
pub fn ask(
    words: &[String],
    is_imported: bool,
    person: &mut dyn Person,
) -> Result<Wishes, Diagnostic> {
    let source = match (words.first(), is_imported) {
        (Some(word), false) => {
            let source = identifier(word);
            if !is_known(&source) {
                person.tell(&unknown_source(&source));
            }
            Some(source)
        }
        (_, true) => None,
        (None, false) => Some(source(person)?),
    };
    let destination = destination(person)?;
    let mut wishes = Wishes {
        destination,
        ..Wishes::default()
    };
    if let Some(source) = source {
        let usual = format!("{source}_data");
        let dataset = person.ask("Dataset (schema for the tables)", &usual)?;
        wishes.dataset = Some(identifier(&dataset)).filter(|dataset| *dataset != usual);
        if sources::built_in(&source).is_none() {
            let question =
                "Field that orders the rows, to load only what is new (empty: load everything)";
            wishes.cursor = Some(person.ask(question, "")?).filter(|field| !field.is_empty());
        }
        wishes.source = Some(source);
    }
    Ok(wishes)
}

fn is_known(source: &str) -> bool {
    source == REST_API || sources::built_in(source).is_some()
}

fn source(person: &mut dyn Person) -> Result<String, Diagnostic> {
    person.tell(known_sources().render(OutputForm::Table).trim_end());
    loop {
        let source = identifier(&person.ask("Source", REST_API)?);
        if is_known(&source) {
            return Ok(source);
        }
        person.tell(&unknown_source(&source));
        let answer = person.ask("Go on with this name?", "yes")?;
        if !source.is_empty() && matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Ok(source);
        }
    }
}

fn destination(person: &mut dyn Person) -> Result<String, Diagnostic> {
    loop {
        let destination = person.ask("Destination", DESTINATION)?;
        match check_destination(&destination) {
            Ok(()) => return Ok(destination),
            Err(error) => person.tell(&error.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::codes;

    /// Answers from a list, and what was said.
    struct Script<'a> {
        answers: &'a [&'a str],
        said: String,
    }

    impl Person for Script<'_> {
        fn ask(&mut self, question: &str, default: &str) -> Result<String, Diagnostic> {
            let Some((answer, rest)) = self.answers.split_first() else {
                return Err(Diagnostic::new(&codes::USAGE_DECLINED, "no more answers"));
            };
            self.answers = rest;
            self.said
                .push_str(&format!("{question} [{default}] {answer}\n"));
            let answer = if answer.is_empty() { default } else { answer };
            Ok(answer.to_owned())
        }

        fn tell(&mut self, text: &str) {
            self.said
                .push_str(&format!("{}\n", text.lines().last().unwrap_or_default()));
        }
    }

    fn talk(words: &[&str], is_imported: bool, answers: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let said = String::new();
        let mut script = Script { answers, said };
        match ask(&words, is_imported, &mut script) {
            Ok(wishes) => format!("{}{wishes:?}\n", script.said),
            Err(error) => format!("{}{}\n", script.said, error.what),
        }
    }

    #[test]
    fn enter_leads_through_all_questions() {
        let all = [
            talk(&[], false, &["", "", "", ""]),
            talk(&["pixlee"], false, &["", "photos"]),
            talk(&[], true, &[""]),
        ];
        insta::assert_snapshot!(all.join("--\n"));
    }

    #[test]
    fn what_is_not_known_is_asked_again() {
        let all = [
            talk(
                &[],
                false,
                &["pixle", "no", "pixlee", "dukdb", "duckdb", ""],
            ),
            talk(&[], false, &["my shop", "yes", "", "", "updated_at"]),
            talk(&[], false, &["pixlee"]),
        ];
        insta::assert_snapshot!(all.join("--\n"));
    }
}
