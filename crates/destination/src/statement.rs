//! A statement as a value: what will run, where, and why.
//!
//! Plans are lists of these, so that they can be printed before they run and compared in tests.

use std::fmt;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Makes a dataset.
    CreateDataset,
    /// Makes a table.
    CreateTable,
    /// Adds one or more columns.
    AddColumn,
    /// Gives a column another type.
    ChangeType,
    /// Gives a column another name.
    RenameColumn,
    /// Removes a column.
    DropColumn,
    /// Changes a comment, key or other property of a table.
    AlterTable,
    /// Removes a table.
    DropTable,
    /// Removes all rows.
    Truncate,
    /// Makes a temporary table.
    TempTable,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes some rows.
    Delete,
    /// Adds, changes and removes rows.
    Merge,
}

/// Value bound to a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// SQL NULL.
    Null,
    /// Whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// The table it is about; the dataset for [`StatementKind::CreateDataset`].
    pub table: String,
    /// The text, without a final semicolon.
    pub sql: String,
    /// Values of the placeholders, in order.
    pub params: Vec<Param>,
    /// Why it runs, for people.
    pub why: String,
}

impl Statement {
    /// A statement without placeholders.
    pub fn new(
        kind: StatementKind,
        table: impl Into<String>,
        sql: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Statement {
            kind,
            table: table.into(),
            sql: sql.into(),
            params: Vec::new(),
            why: why.into(),
        }
    }

    /// The same statement with values for its placeholders.
    pub fn with_params(mut self, params: Vec<Param>) -> Self {
        self.params = params;
        self
    }
}

impl fmt::Display for Statement {
    /// A comment with the reason, the statement, and its values if it has any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-- {}", self.why)?;
        write!(f, "{};", self.sql)?;
        if !self.params.is_empty() {
            write!(f, " -- values:")?;
            for param in &self.params {
                write!(f, " {param}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Null => f.write_str("NULL"),
            Param::Int(value) => write!(f, "{value}"),
            Param::Timestamp(micros) => write!(f, "{micros}µs"),
            Param::Text(text) if text.chars().count() > 80 => {
                write!(f, "{}…", text.chars().take(80).collect::<String>())
            }
            Param::Text(text) => f.write_str(text),
        }
    }
}
