//! `tipple explain CODE`.

use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::diagnostics::codes::{self, Code};
use crate::diagnostics::{Diagnostic, nearest};
use crate::exit::Exit;
use crate::output::{Align, Sheet, Terminal};

/// Arguments of `tipple explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Code in the brackets of an error, for instance source.file.missing; all are listed without it
    code: Option<String>,
}

impl Explain {
    /// Prints the long text of one code, or the list of codes.
    pub fn run(self, terminal: &Terminal) -> Outcome {
        match self.code {
            None => terminal.print_sheet(&all()),
            Some(name) => {
                let code = codes::find(&name).ok_or_else(|| unknown(&name))?;
                let document =
                    json!({"code": code.name, "exit_code": code.exit as u8, "text": code.text});
                terminal.print_document(&document, || long_text(code))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn long_text(code: &Code) -> String {
    format!(
        "{} (exit code {})\n\n{}\n",
        code.name, code.exit as u8, code.text
    )
}

fn all() -> Sheet {
    let mut sheet = Sheet::new(&[
        ("CODE", "code", Align::Left),
        ("EXIT", "exit_code", Align::Right),
        ("MEANING", "meaning", Align::Left),
    ]);
    for code in codes::ALL {
        let exit = code.exit as u8;
        let meaning = first_sentence(code.text);
        sheet.push(vec![
            (code.name.to_owned(), json!(code.name)),
            (exit.to_string(), json!(exit)),
            (meaning.clone(), json!(meaning)),
        ]);
    }
    sheet
}

fn first_sentence(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = [". ", ": "].map(|end| one_line.find(end));
    let end = ends.into_iter().flatten().min();
    let sentence = &one_line[..end.unwrap_or(one_line.len())];
    sentence.trim_end_matches('.').to_owned()
}

fn unknown(name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::USAGE_UNKNOWN_CODE,
        format!("there is no error code `{name}`"),
    );
    let diagnostic = match nearest(name, codes::ALL.iter().map(|code| code.name)) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    diagnostic.next("tipple explain")
}
