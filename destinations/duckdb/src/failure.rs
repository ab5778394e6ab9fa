//! What DuckDB's error texts mean.
//!
//! The C interface gives a text that begins with the kind of error; that prefix is stable across versions and the only
//! thing that is read here.

use tipple_destination::{DestinationError, ErrorKind};

/// An error of DuckDB as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

impl From<duckdb::Error> for Failure {
    fn from(error: duckdb::Error) -> Self {
        Failure(error.to_string())
    }
}

impl Failure {
    fn starts(&self, kinds: &[&str]) -> bool {
        kinds.iter().any(|kind| self.0.starts_with(kind))
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }

    /// Another process holds the file.
    pub fn is_lock(&self) -> bool {
        self.has(&["Could not set lock on file", "Conflicting lock"])
    }

    /// Something that was named is not there.
    pub fn is_undefined(&self) -> bool {
        self.starts(&["Catalog Error", "Binder Error: Catalog"]) && self.has(&["does not exist"])
    }

    /// Whether trying again can help: only where the world and not the statement is the cause.
    pub fn kind(&self) -> ErrorKind {
        match self.starts(&[
            "IO Error",
            "TransactionContext Error",
            "Interrupted",
            "Connection Error",
        ]) {
            true => ErrorKind::Transient,
            false => ErrorKind::Terminal,
        }
    }

    /// The text as one line, without DuckDB's hint on how to get a stack trace.
    pub fn text(&self) -> String {
        let lines = self
            .0
            .lines()
            .take_while(|line| !line.trim_start().starts_with("LINE "));
        lines
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// An error about the database itself, wherever it came up; nothing when it is about the statement.
    pub fn about_database(&self, location: &str) -> Option<DestinationError> {
        let (location, cause) = (location.to_owned(), self.text());
        if self.is_lock() {
            let holder = self.holder();
            return Some(DestinationError::Locked {
                location,
                holder,
                waited_ms: 0,
            });
        }
        if self.has(&[
            "No space left on device",
            "not enough space",
            "Disk quota exceeded",
        ]) {
            return Some(DestinationError::DiskFull { location, cause });
        }
        if self.has(&[
            "read-only mode",
            "Permission denied",
            "Read-only file system",
        ]) {
            return Some(DestinationError::ReadOnly { location, cause });
        }
        if self.starts(&["Out of Memory Error"]) {
            return Some(DestinationError::OutOfMemory { location, cause });
        }
        let is_corrupt = self.has(&[
            "not a valid DuckDB database file",
            "Corrupt database file",
            "computed checksum",
            "Could not read enough bytes from file",
            "Failed to load metadata pointer",
        ]);
        if is_corrupt || self.starts(&["Serialization Error"]) {
            return Some(DestinationError::Corrupt { location, cause });
        }
        None
    }

    /// An error of opening the database.
    pub fn opening(&self, location: &str) -> DestinationError {
        self.about_database(location)
            .unwrap_or_else(|| DestinationError::Unreachable {
                location: location.to_owned(),
                cause: self.text(),
                kind: match self.has(&["Cannot open file", "No such file"]) {
                    true => ErrorKind::Terminal,
                    false => self.kind(),
                },
            })
    }

    /// The process that holds the lock, from DuckDB's words `Conflicting lock is held in PROGRAM (PID n)`.
    fn holder(&self) -> String {
        let Some((_, rest)) = self.0.split_once("Conflicting lock is held in ") else {
            return "another process".to_owned();
        };
        let end = rest.find(')').map_or(rest.len(), |at| at + 1);
        rest[..end].trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_named() {
        let failure = Failure(
            "IO Error: Could not set lock on file \"/x/a.duckdb\": Conflicting lock is held in \
             /usr/bin/python3.11 (PID 77) by user root. See also https://duckdb.org/docs/stable"
                .to_owned(),
        );
        let error = failure.opening("duckdb:////x/a.duckdb");
        assert_eq!(
            error.to_string(),
            "duckdb:////x/a.duckdb is in use by /usr/bin/python3.11 (PID 77) (waited 0 ms)"
        );
        assert_eq!(error.kind(), ErrorKind::Transient);
    }
}
