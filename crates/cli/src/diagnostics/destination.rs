//! Errors of destinations.

use tipple_destination::{DestinationError, ErrorKind};

use super::codes::{self, Code};
use super::{Diagnostic, shortened};

/// The error for people.
pub fn from_destination(error: &DestinationError) -> Diagnostic {
    let diagnostic = match error {
        DestinationError::Locked { location, holder, waited_ms } => {
            Diagnostic::new(code_of(error), "the database is open in another program")
                .with("where", format!("{location}, held by {holder}"))
                .with("why", format!("only one process may write; waited {:.1} s", *waited_ms as f64 / 1_000.0))
                .help("close it there, or load into another database with --destination")
        }
        DestinationError::ReadOnly { location, cause } => {
            Diagnostic::new(code_of(error), "the database cannot be written")
                .with("where", location.clone())
                .with("why", cause.clone())
                .help("change the permissions of the file and of its folder, or load into another one with --destination")
        }
        DestinationError::DiskFull { location, cause } => Diagnostic::new(code_of(error), "no space is left for the database")
            .with("where", location.clone())
            .with("why", cause.clone())
            .help("make room, then run again"),
        DestinationError::Login { location, cause } => {
            Diagnostic::new(code_of(error), "the database does not let the user in")
                .with("where", location.clone())
                .with("why", cause.clone())
                .help("check `username` and `password` of the destination: `tipple config explain destination.NAME.credentials.password` shows where they come from")
        }
        DestinationError::Forbidden { what, location, cause, grant } => {
            let diagnostic = Diagnostic::new(code_of(error), format!("the user has no right to {what}"))
                .with("where", location.clone())
                .with("why", cause.clone());
            match grant {
                Some(grant) => diagnostic.help(format!("an administrator gives it: {grant}")),
                None => diagnostic,
            }
        }
        DestinationError::Schema(problems) => match problems.problems.as_slice() {
            [only] => Diagnostic::new(code_of(error), only.to_string()).with("where", format!("schema `{}`", problems.schema)),
            several => {
                let what = format!("schema `{}` cannot be loaded into {}", problems.schema, problems.destination);
                several.iter().fold(Diagnostic::new(code_of(error), what), |diagnostic, problem| {
                    diagnostic.with("problem", problem.to_string())
                })
            }
        },
        DestinationError::Migration { table, dataset, sql, cause, .. } => {
            Diagnostic::new(code_of(error), format!("table `{table}` cannot be changed"))
                .with("where", format!("dataset `{dataset}`"))
                .with("why", cause.clone())
                .with("sql", one_line(sql))
        }
        DestinationError::Job { job, table, cause, .. } => {
            Diagnostic::new(code_of(error), format!("rows were refused by table `{table}`"))
                .with("where", format!("job `{job}`"))
                .with("why", cause.clone())
        }
        DestinationError::FollowUp { what, table, sql, cause, .. } => {
            Diagnostic::new(code_of(error), format!("the {what} of table `{table}` failed"))
                .with("why", cause.clone())
                .with("sql", one_line(sql))
        }
        DestinationError::Query { sql, cause, .. } => {
            Diagnostic::new(code_of(error), "the query failed").with("why", cause.clone()).with("query", one_line(sql))
        }
        other => Diagnostic::new(code_of(error), other.to_string()),
    };
    let diagnostic = match error.kind() {
        ErrorKind::Transient => diagnostic.help("trying again later can help"),
        ErrorKind::Terminal => diagnostic,
    };
    diagnostic.caused_by(error)
}

fn one_line(sql: &str) -> String {
    shortened(&sql.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn code_of(error: &DestinationError) -> &'static Code {
    let name = match error {
        DestinationError::Schema(problems) if problems.problems.len() == 1 => {
            problems.problems[0].code()
        }
        other => other.code(),
    };
    codes::find(name).unwrap_or(&codes::DESTINATION_FAILED)
}
