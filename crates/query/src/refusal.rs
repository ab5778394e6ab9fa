//! Why a statement is not let through, in the words of the person who typed it.

/// A statement that the guard does not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no statement in the text.
    #[error("there is no SQL in the text")]
    Empty,
    /// The text is longer than any sensible query.
    #[error("the SQL text has {bytes} bytes; at most {bytes_max} are read")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The text has more words and signs than any sensible query.
    #[error("the SQL text has {tokens} words and signs; at most {tokens_max} are read")]
    ManyTokens {
        /// How many there are.
        tokens: usize,
        /// The limit.
        tokens_max: usize,
    },
    /// The text is no SQL of the dialect.
    #[error("the SQL cannot be read: {message}")]
    Syntax {
        /// What the parser says, with line and column.
        message: String,
    },
    /// More than one statement.
    #[error("there are {count} statements; only one is run")]
    ManyStatements {
        /// How many were found.
        count: usize,
    },
    /// A statement that is no query.
    #[error("`{statement}` is not a query")]
    NotAQuery {
        /// First words of the statement.
        statement: String,
    },
    /// A table outside the dataset.
    #[error("the dataset `{dataset}` has no table `{table}`")]
    UnknownTable {
        /// Name as it was written.
        table: String,
        /// The dataset that may be read.
        dataset: String,
        /// The table with the nearest spelling.
        nearest: Option<String>,
    },
    /// A function in FROM that is not on the short list.
    #[error("the table function `{function}` is not allowed")]
    TableFunction {
        /// Name as it was written.
        function: String,
    },
    /// A function that reads files, settings or secrets, changes something, or waits.
    #[error("the function `{function}` is not allowed")]
    Function {
        /// Name as it was written.
        function: String,
    },
    /// Something that the guard does not know to be harmless.
    #[error("{construct} is not allowed")]
    Construct {
        /// What it is.
        construct: String,
    },
}

impl Refusal {
    /// Short word for the kind of refusal, as in the error code `query.WORD`.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::Empty
            | Refusal::TooLong { .. }
            | Refusal::ManyTokens { .. }
            | Refusal::Syntax { .. } => "syntax",
            Refusal::ManyStatements { .. } => "many_statements",
            Refusal::NotAQuery { .. } => "not_a_query",
            Refusal::UnknownTable { .. } => "unknown_table",
            Refusal::TableFunction { .. } | Refusal::Function { .. } => "function",
            Refusal::Construct { .. } => "construct",
        }
    }

    pub(crate) fn construct(what: impl Into<String>) -> Self {
        Refusal::Construct {
            construct: what.into(),
        }
    }
}
