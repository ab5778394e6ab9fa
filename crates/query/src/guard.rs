//! The guard itself: from text to a statement that may run.

use std::collections::BTreeSet;

use sqlparser::ast::Statement;
use sqlparser::dialect::{Dialect, DuckDbDialect, dialect_from_str};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Tokenizer;

use crate::refusal::Refusal;
use crate::tree;

/// Longest text that is read.
const SQL_BYTES_MAX: usize = 1 << 20;

/// Most words and signs that are read: a chain of operators makes a tree as deep as it is long.
const TOKENS_MAX: usize = 10_000;

/// Stack of the thread that checks: a debug build takes 28 KiB for each level.
const STACK_BYTES: usize = 512 << 20;

/// What may be read: the tables of one dataset.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Name of the dialect; DuckDB's when empty.
    dialect: String,
    catalog: Option<String>,
    dataset: String,
    tables: Vec<String>,
}

/// A statement that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Text written from the checked tree; run this, not what was typed.
    pub sql: String,
    /// Tables of the dataset that it reads, sorted.
    pub tables: Vec<String>,
    /// True when it answers with rows of a query, false for `EXPLAIN` and `DESCRIBE`.
    pub is_query: bool,
}

impl Guard {
    /// A guard that lets queries read `tables` (system tables included) of `dataset`.
    pub fn new(
        dataset: impl Into<String>,
        tables: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Guard {
            dialect: String::new(),
            catalog: None,
            dataset: dataset.into(),
            tables: tables.into_iter().map(Into::into).collect(),
        }
    }

    /// The same for statements in the dialect of this destination (`duckdb`, `postgres`, …).
    #[must_use]
    pub fn in_dialect(self, dialect: impl Into<String>) -> Self {
        Guard {
            dialect: dialect.into(),
            ..self
        }
    }

    /// The same in a catalog that has to be named.
    #[must_use]
    pub fn in_catalog(self, catalog: Option<String>) -> Self {
        Guard { catalog, ..self }
    }

    /// Name of the dataset.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// Checks one statement.
    ///
    /// # Errors
    /// [`Refusal`] when it is no SQL, more than one statement, no query, or reaches for anything but the tables.
    pub fn check(&self, sql: &str) -> Result<Checked, Refusal> {
        if sql.len() > SQL_BYTES_MAX {
            return Err(Refusal::TooLong {
                bytes: sql.len(),
                bytes_max: SQL_BYTES_MAX,
            });
        }
        let check = || self.check_here(sql);
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, check)
                .map_err(|_| Refusal::construct("a query on a machine without memory for it"))?
                .join()
                .unwrap_or_else(|_| Err(Refusal::construct("a statement that the parser fails on")))
        })
    }

    fn check_here(&self, sql: &str) -> Result<Checked, Refusal> {
        let dialect = dialect_from_str(&self.dialect).unwrap_or_else(|| Box::new(DuckDbDialect {}));
        let mut statement = parse_one(sql, dialect.as_ref())?;
        let relations = tree::check(self, &statement)?;
        tree::qualify(&mut statement, &self.prefix(), &relations);
        Ok(Checked {
            sql: statement.to_string(),
            tables: relations
                .into_iter()
                .flatten()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            is_query: matches!(statement, Statement::Query(_)),
        })
    }

    /// Names in front of a table.
    fn prefix(&self) -> Vec<&str> {
        self.catalog
            .iter()
            .chain([&self.dataset])
            .map(String::as_str)
            .collect()
    }

    /// The table of the dataset that `name` means, `None` when there is none.
    pub(crate) fn table(&self, schema: Option<&str>, name: &str) -> Option<&str> {
        if schema.is_some_and(|schema| !schema.eq_ignore_ascii_case(&self.dataset)) {
            return None;
        }
        self.tables
            .iter()
            .find(|table| table.eq_ignore_ascii_case(name))
            .map(String::as_str)
    }

    pub(crate) fn unknown(&self, table: &str) -> Refusal {
        let plain = table.rsplit('.').next().unwrap_or(table).trim_matches('"');
        Refusal::UnknownTable {
            table: table.to_owned(),
            dataset: self.dataset.clone(),
            nearest: nearest(plain, &self.tables),
        }
    }
}

fn parse_one(sql: &str, dialect: &dyn Dialect) -> Result<Statement, Refusal> {
    let tokens = Tokenizer::new(dialect, sql)
        .tokenize_with_location()
        .map_err(ParserError::from)
        .map_err(syntax)?;
    if tokens.len() > TOKENS_MAX {
        return Err(Refusal::ManyTokens {
            tokens: tokens.len(),
            tokens_max: TOKENS_MAX,
        });
    }
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(syntax)?;
    match statements.len() {
        0 => Err(Refusal::Empty),
        1 => Ok(statements.remove(0)),
        count => Err(Refusal::ManyStatements { count }),
    }
}

fn syntax(error: ParserError) -> Refusal {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
    };
    Refusal::Syntax { message }
}

fn nearest(word: &str, candidates: &[String]) -> Option<String> {
    let word = word.to_lowercase();
    let best = candidates
        .iter()
        .map(|c| (strsim::osa_distance(&word, &c.to_lowercase()), c))
        .min()?;
    (best.0 <= word.chars().count().div_ceil(3)).then(|| best.1.clone())
}
