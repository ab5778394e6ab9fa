//! What errors of the server and of the connection mean, by SQLSTATE.
//!
//! Texts of the server may be translated, codes may not, so only codes are read. Start with [`Failure::about_database`]
//! and [`Failure::kind`].

use std::error::Error as _;
use std::fmt;

use tipple_destination::{DestinationError, ErrorKind};
use tokio_postgres::Error;

/// Something that went wrong between this process and the server.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The driver or the server said so.
    Driver(Box<Error>),
    /// Connecting took too long.
    TimedOut(u64),
    /// A value cannot be sent.
    Value(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Driver(Box::new(error))
    }
}

/// What a code is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Login,
    Right,
    Connection,
    ReadOnly,
    Disk,
    Memory,
    Damage,
    Undefined,
    Changed,
    Conflict,
    Limit,
    Statement,
}

/// By code or by class, the first two characters; a code before its class.
const SUBJECTS: [(&str, Subject); 30] = [
    ("28", Subject::Login),
    ("42501", Subject::Right),
    ("08", Subject::Connection),
    ("57P01", Subject::Connection),
    ("57P02", Subject::Connection),
    ("57P03", Subject::Connection),
    ("57P05", Subject::Connection),
    ("25P03", Subject::Connection),
    ("53300", Subject::Connection),
    ("25006", Subject::ReadOnly),
    ("53100", Subject::Disk),
    ("53200", Subject::Memory),
    ("XX001", Subject::Damage),
    ("XX002", Subject::Damage),
    ("3D000", Subject::Undefined),
    ("3F000", Subject::Undefined),
    ("42P01", Subject::Undefined),
    ("42703", Subject::Undefined),
    ("42P04", Subject::Changed),
    ("42P06", Subject::Changed),
    ("42P07", Subject::Changed),
    ("42701", Subject::Changed),
    ("42710", Subject::Changed),
    ("40001", Subject::Conflict),
    ("40P01", Subject::Conflict),
    ("55P03", Subject::Conflict),
    ("57014", Subject::Limit),
    ("54", Subject::Limit),
    ("58", Subject::Connection),
    ("53", Subject::Connection),
];

fn subject_of(code: &str) -> Subject {
    let named = |key: &str| SUBJECTS.iter().find(|(known, _)| *known == key);
    let found = named(code).or_else(|| named(code.get(..2)?));
    found.map_or(Subject::Statement, |(_, subject)| *subject)
}

impl Failure {
    /// SQLSTATE; nothing when the server did not answer.
    pub fn code(&self) -> Option<&str> {
        match self {
            Failure::Driver(error) => error.code().map(tokio_postgres::error::SqlState::code),
            _ => None,
        }
    }

    fn subject(&self) -> Subject {
        match (self, self.code()) {
            (_, Some(code)) => subject_of(code),
            (Failure::Value(_), _) => Subject::Statement,
            (Failure::TimedOut(_), _) => Subject::Connection,
            (Failure::Driver(error), None) if is_connection(error) => Subject::Connection,
            (Failure::Driver(_), None) => Subject::Statement,
        }
    }

    /// Something that was named is not there.
    pub fn is_undefined(&self) -> bool {
        self.subject() == Subject::Undefined
    }

    /// Something that was to be made is there already, also when two processes made it at the same time: then the
    /// server reports a second row of its own catalog.
    pub fn is_made_already(&self) -> bool {
        let is_own_catalog = || match self {
            Failure::Driver(error) => error
                .as_db_error()
                .and_then(tokio_postgres::error::DbError::schema)
                .is_some_and(|schema| schema == "pg_catalog"),
            _ => false,
        };
        self.subject() == Subject::Changed || self.code() == Some("23505") && is_own_catalog()
    }

    /// Whether trying again can help: only where the world and not the statement is the cause.
    pub fn kind(&self) -> ErrorKind {
        match self.subject() {
            Subject::Connection | Subject::Conflict | Subject::Changed => ErrorKind::Transient,
            _ => ErrorKind::Terminal,
        }
    }

    /// What the server said, as one line: message, detail, hint, place.
    pub fn text(&self) -> String {
        let error = match self {
            Failure::Value(text) => return text.clone(),
            Failure::TimedOut(seconds) => {
                return format!(
                    "no connection within {seconds} s (`connect_timeout`); is host and port right, and no firewall between?"
                );
            }
            Failure::Driver(error) => error,
        };
        let Some(said) = error.as_db_error() else {
            return chain(error);
        };
        let parts = [
            Some(said.message()),
            said.detail(),
            said.hint(),
            said.where_().and_then(|place| place.lines().next()),
        ];
        let mut text = parts
            .into_iter()
            .flatten()
            .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
            .map(|part| part.trim_end_matches('.').to_owned())
            .collect::<Vec<_>>()
            .join("; ");
        text.push_str(self.advice());
        text
    }

    /// What can be done, where the server does not say.
    fn advice(&self) -> &'static str {
        match self.code() {
            Some("57014") => {
                "; raise the limit for this user: ALTER ROLE … SET statement_timeout = '1h', or give \
                 `options = \"-c statement_timeout=0\"` in the credentials"
            }
            Some("3D000") => "; an administrator makes it with CREATE DATABASE",
            Some("53300") => "; close other sessions or raise max_connections of the server",
            Some("2BP01") => {
                "; drop the view that depends on the table, or use another `replace_strategy`"
            }
            _ => "",
        }
    }

    /// An error about the database itself, wherever it came up; nothing when it is about the statement.
    pub fn about_database(&self, location: &str) -> Option<DestinationError> {
        let (location, cause) = (location.to_owned(), self.text());
        Some(match self.subject() {
            Subject::Login => DestinationError::Login { location, cause },
            Subject::ReadOnly => DestinationError::ReadOnly { location, cause },
            Subject::Disk => DestinationError::DiskFull { location, cause },
            Subject::Memory => DestinationError::OutOfMemory { location, cause },
            Subject::Damage => DestinationError::Corrupt { location, cause },
            Subject::Connection => DestinationError::Unreachable {
                location,
                cause,
                kind: ErrorKind::Transient,
            },
            _ => return None,
        })
    }

    /// The user lacks a right to do `what`; nothing for any other error.
    pub fn about_rights(
        &self,
        location: &str,
        what: String,
        grant: Option<String>,
    ) -> Option<DestinationError> {
        (self.subject() == Subject::Right).then(|| DestinationError::Forbidden {
            what,
            location: location.to_owned(),
            cause: self.text(),
            grant,
        })
    }

    /// An error of opening a session.
    pub fn opening(&self, location: &str) -> DestinationError {
        if let Some(error) = self.about_database(location) {
            return error;
        }
        let (location, cause) = (location.to_owned(), self.text());
        if matches!(self, Failure::Driver(error) if is_login(error)) {
            return DestinationError::Login { location, cause };
        }
        DestinationError::Unreachable {
            location,
            cause,
            kind: ErrorKind::Terminal,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The connection was never made or broke.
fn is_connection(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(current) = cause {
        if current.is::<std::io::Error>() {
            return !is_certificate(current);
        }
        cause = current.source();
    }
    error.is_closed()
}

/// A certificate that was refused stays refused.
fn is_certificate(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<std::io::Error>();
    io.and_then(std::io::Error::get_ref)
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The driver could not log in before the server could refuse: the password is missing, or of a kind it does not know.
fn is_login(error: &Error) -> bool {
    let text = chain(error);
    text.starts_with("authentication error") || text.contains("password missing")
}

/// The error and its causes, each once.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let said = current.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_before_its_class() {
        assert_eq!(subject_of("28P01"), Subject::Login);
        assert_eq!(subject_of("57P01"), Subject::Connection);
        assert_eq!(subject_of("57014"), Subject::Limit);
        assert_eq!(subject_of("53100"), Subject::Disk);
        assert_eq!(subject_of("53400"), Subject::Connection);
        assert_eq!(subject_of("54011"), Subject::Limit);
        assert_eq!(subject_of("22003"), Subject::Statement);
    }
}
