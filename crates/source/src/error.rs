//! What can go wrong while reading a source.
//!
//! Variants are coarse and say who acts; each carries where it happened and what the user can do. The program prints
//! them with their code and help ([`SourceError::code`], [`SourceError::help`]).

use std::io;

use tipple_json::JsonError;

use crate::fields::Problem;
use crate::incremental::CursorError;
use crate::page::Place;

/// A source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A document that describes a source or its hints has mistakes; all of them are listed.
    #[error("{}", list_problems(.origin, .problems))]
    Spec {
        /// Name of the document.
        origin: String,
        /// At least one.
        problems: Vec<Problem>,
    },
    /// The operating system refused.
    #[error("cannot read `{origin}`: {cause}")]
    Io {
        /// File or stream.
        origin: String,
        /// Its reason.
        #[source]
        cause: io::Error,
    },
    /// No file has the name, or none matches the pattern.
    #[error("no file matches `{pattern}` (resource `{resource}`)")]
    NoFile {
        /// Resource that wants it.
        resource: String,
        /// Path or pattern as the user wrote it, made absolute where it was relative.
        pattern: String,
    },
    /// The bytes are not what the format promises.
    #[error("`{}` is not valid {format}: {reason}\n  at {place}, column {column}: {excerpt}", .place.origin)]
    Malformed {
        /// Format in which the origin was read.
        format: &'static str,
        /// Line and byte of the mistake.
        place: Place,
        /// Column of the mistake in characters, from 1.
        column: u64,
        /// What is wrong, without the place.
        reason: String,
        /// Text around the mistake, at most 80 characters.
        excerpt: String,
    },
    /// The data ends in the middle.
    #[error("`{origin}` ends too early: {reason}")]
    Truncated {
        /// File or stream.
        origin: String,
        /// What was being read.
        reason: String,
    },
    /// A row does not fit the incremental cursor, or the cursor makes no sense.
    #[error("the cursor `{cursor_path}` of resource `{resource}` stops{}: {cause}", .place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default())]
    Cursor {
        /// Resource with the cursor.
        resource: String,
        /// Its path as written.
        cursor_path: String,
        /// Where the row was found.
        place: Option<Place>,
        /// What does not fit.
        #[source]
        cause: Box<CursorError>,
    },
    /// A server cannot be reached, refuses, or gives something else than it should.
    #[error("{what}: {why}\n  at {place}")]
    Remote {
        /// Dotted error code.
        code: &'static str,
        /// What failed.
        what: String,
        /// Resource, page and request, without secrets.
        place: String,
        /// The rule or the cause.
        why: String,
        /// How to go on.
        help: Vec<String>,
    },
    /// Any other reason of a source of its own kind.
    #[error("{message}")]
    Other {
        /// Dotted error code.
        code: &'static str,
        /// What failed, where and why.
        message: String,
        /// How to go on.
        help: Vec<String>,
        /// Cause from below.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl SourceError {
    /// The dotted word by which the error is explained.
    pub fn code(&self) -> &'static str {
        match self {
            SourceError::Spec { .. } => "source.spec",
            SourceError::Io { .. } => "source.io",
            SourceError::NoFile { .. } => "source.file.missing",
            SourceError::Malformed { .. } => "source.malformed",
            SourceError::Truncated { .. } => "source.truncated",
            SourceError::Cursor { cause, .. } => match **cause {
                CursorError::PathMissing { .. } => "source.cursor.missing",
                CursorError::ValueNull { .. } => "source.cursor.null",
                CursorError::Incomparable { .. } => "source.cursor.incomparable",
                _ => "source.cursor",
            },
            SourceError::Remote { code, .. } | SourceError::Other { code, .. } => code,
        }
    }

    /// How to go on; one line each.
    pub fn help(&self) -> Vec<String> {
        match self {
            SourceError::Spec { problems, .. } => distinct_helps(problems),
            SourceError::Io { origin, .. } => vec![format!("check that `{origin}` may be read")],
            SourceError::NoFile { pattern, .. } => vec![format!(
                "check the path `{pattern}`; patterns may hold `*`, `?`, `[…]` and `**`"
            )],
            SourceError::Malformed { .. } => {
                vec!["correct the file, or name its real format with `format:`".to_owned()]
            }
            SourceError::Truncated { .. } => {
                vec!["the file was cut while it was copied or is still being written: fetch it again".to_owned()]
            }
            SourceError::Cursor { cause, .. } => vec![cause.help().to_owned()],
            SourceError::Remote { help, .. } | SourceError::Other { help, .. } => help.clone(),
        }
    }

    /// The same error with a further way to go on, when it has room for one.
    pub fn with_help(mut self, line: &str) -> Self {
        if let SourceError::Remote { help, .. } | SourceError::Other { help, .. } = &mut self {
            help.push(line.to_owned());
        }
        self
    }

    /// The user has asked to stop; `help` says how to go on.
    pub fn interrupted(help: &str) -> Self {
        SourceError::Other {
            code: "pipeline.interrupted",
            message: "interrupted".to_owned(),
            help: vec![help.to_owned()],
            cause: None,
        }
    }

    /// The error for text at `place` that is not JSON; `error` counts bytes from the start of `text`.
    pub fn malformed_json(text: &[u8], place: &Place, error: &JsonError) -> Self {
        let found = tipple_json::locate(text, error.at);
        SourceError::Malformed {
            format: "JSON",
            place: place.moved_to(text, error.at),
            column: found.column as u64,
            reason: error.kind.to_string(),
            excerpt: found.excerpt,
        }
    }
}

/// What to do about all mistakes, each advice once.
fn distinct_helps(problems: &[Problem]) -> Vec<String> {
    let mut helps: Vec<String> = Vec::new();
    for help in problems.iter().filter_map(|problem| problem.help.as_ref()) {
        if !helps.contains(help) {
            helps.push(help.clone());
        }
    }
    helps
}

fn list_problems(origin: &str, problems: &[Problem]) -> String {
    let mut text = match problems.len() {
        1 => format!("`{origin}` has a mistake"),
        count => format!("`{origin}` has {count} mistakes"),
    };
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}
