//! What can go wrong between text and tables, with the place of the row.
//!
//! A value that does not fit its column is no error, it goes to a variant column. What is left stops the step: nothing of
//! the package is loaded and the stored schema stays as it was. Start with [`NormalizeError`].

use std::fmt;
use std::sync::Arc;

use tipple_json::JsonError;
use tipple_schema::{ContractViolation, DataType, NamingError, SchemaError};

/// Longest value that a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// Where a chunk of text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name, URL without secrets, or a word such as `rows`.
    pub origin: Arc<str>,
    /// Number of the page within its origin, from 1.
    pub page: u64,
    /// Line of the first byte of the chunk, from 1; 0 where lines mean nothing.
    pub line: u64,
    /// Offset of the first byte of the chunk within its origin.
    pub byte_offset: u64,
}

impl Place {
    /// The beginning of `origin`.
    pub fn start_of(origin: impl Into<Arc<str>>) -> Self {
        Place {
            origin: origin.into(),
            page: 1,
            line: 1,
            byte_offset: 0,
        }
    }
}

/// Where an item was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPlace {
    /// The chunk of the item.
    pub chunk: Place,
    /// Line of the first byte of the item, from 1; 0 where lines mean nothing.
    pub line: u64,
    /// Number of the item within its chunk, from 1.
    pub item: u64,
}

impl fmt::Display for ItemPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { origin, page, .. } = &self.chunk;
        match self.line {
            0 => write!(f, "{origin}, item {} of page {page}", self.item),
            line => write!(f, "{origin}:{line}"),
        }
    }
}

/// Why rows could not become tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NormalizeError {
    /// The text is not JSON.
    #[error("malformed JSON in {}: {error}", .place.origin)]
    Json {
        /// Chunk of the text.
        place: Place,
        /// What is wrong, with the offset into the chunk.
        error: JsonError,
        /// Line of the mistake within its origin, from 1; 0 where lines mean nothing.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// The text around it.
        excerpt: String,
    },
    /// A row is at fault.
    #[error("{error} ({place})")]
    Row {
        /// The item of the row.
        place: ItemPlace,
        /// What is wrong with it.
        error: Box<RowError>,
    },
    /// A column that must have values got none.
    #[error(
        "The following columns in table `{table}` did not receive any data during this load: {}. \
         They are keys or not nullable, and have no data type.",
        .columns.join(", ")
    )]
    UnboundColumn {
        /// Schema of the table.
        schema: String,
        /// Table of the columns.
        table: String,
        /// All such columns of the table.
        columns: Vec<String>,
    },
    /// Arrow data cannot become the table that the schema asks for.
    #[error("arrow data for table `{table}`: {message}")]
    Arrow {
        /// Table that the batch was for.
        table: String,
        /// What is wrong.
        message: String,
    },
    /// A frozen contract forbids what an Arrow batch would change.
    #[error("{0}")]
    Contract(Box<ContractViolation>),
    /// The schema refuses a name or a change.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A name in the settings cannot be used.
    #[error(transparent)]
    Name(#[from] NamingError),
    /// The receiver of batches failed.
    #[error("{0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}

impl NormalizeError {
    /// True for errors that dlt finds at extract: text that is no JSON, numbers that do not fit 64 bits.
    pub fn is_extract(&self) -> bool {
        matches!(
            self,
            NormalizeError::Json { .. } | NormalizeError::Arrow { .. }
        )
    }
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Null in a column that must have values.
    #[error("Cannot coerce NULL in table `{table}` column `{column}` which is not nullable")]
    Null {
        /// Table of the column.
        table: String,
        /// The column.
        column: String,
    },
    /// A value that does not even fit the variant column that it made.
    #[error(
        "Cannot coerce type `{from}` to `{to}` for value `{value}` in table `{table}` column \
         `{column}`"
    )]
    Misfit {
        /// Table of the column.
        table: String,
        /// The variant column.
        column: String,
        /// Kind of the value.
        from: DataType,
        /// Type of the column.
        to: DataType,
        /// The value, shortened.
        value: String,
    },
    /// A row has no value for a column of the key from which its id is made.
    #[error("the key column `{column}` of table `{table}` is missing in a row")]
    KeyMissing {
        /// Table of the column.
        table: String,
        /// The column.
        column: String,
    },
    /// A frozen contract forbids what the row would change.
    #[error("{violation}")]
    Contract {
        /// What would change and why it may not.
        violation: Box<ContractViolation>,
        /// True when the table is the one that the resource's items go to.
        is_root: bool,
    },
    /// More columns than the limit allows.
    #[error(
        "table `{table}` would get more than {limit} columns, the next one is `{column}` from \
         `{path}`: keys of an object seem to be data"
    )]
    TooManyColumns {
        /// The table.
        table: String,
        /// The limit.
        limit: usize,
        /// Column that is one too many.
        column: String,
        /// Where the data has it.
        path: String,
    },
    /// A key or a path cannot become a name.
    #[error("the key `{key}` cannot become a name: {error}")]
    Name {
        /// As in the data.
        key: String,
        /// Why not.
        error: NamingError,
    },
    /// The schema refuses the change.
    #[error(transparent)]
    Schema(SchemaError),
}

/// `text` cut to a length that a message can show.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
