//! Errors of the command line itself.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Diagnostic, codes};

/// The error for people; nothing when help or the version was asked for.
pub fn from_clap(error: &clap::Error) -> Option<Diagnostic> {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingSubcommand
    ) {
        return None;
    }
    let mut diagnostic = Diagnostic::new(&codes::USAGE_ARGUMENTS, first_line(error));
    for kind in [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ] {
        if let Some(suggestion) = error.get(kind).and_then(first_text) {
            diagnostic = diagnostic.help(format!("did you mean `{suggestion}`?"));
        }
    }
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        diagnostic = diagnostic.help(format!("one of {}", values.join(", ")));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        diagnostic = diagnostic.with(
            "usage",
            usage.trim_start_matches("Usage:").trim().to_owned(),
        );
    }
    Some(diagnostic)
}

/// What failed, from clap's first paragraph, in our style.
fn first_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let paragraph = rendered.split("\n\n").next().unwrap_or_default();
    let line = paragraph
        .trim_start_matches("error: ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    line.replace('\'', "`")
}

fn first_text(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}
