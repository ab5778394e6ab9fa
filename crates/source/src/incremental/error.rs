//! What can go wrong with a cursor and a row.

use super::value::CursorValue;

/// Characters of a value or row that go into a message.
const SHOWN_CHARS_MAX: usize = 80;

/// A row and the cursor do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The row has nothing at the cursor path.
    #[error("an item has nothing at the cursor path: {item}")]
    PathMissing {
        /// Start of the item.
        item: String,
    },
    /// The row has null at the cursor path.
    #[error("an item has null at the cursor path: {item}")]
    ValueNull {
        /// Start of the item.
        item: String,
    },
    /// Two values have no order.
    #[error(
        "the {what} `{cursor}` ({cursor_kind}) cannot be compared with the value `{value}` ({value_kind}) of an item"
    )]
    Incomparable {
        /// `start value` or `end value`.
        what: &'static str,
        /// Value of the cursor.
        cursor: String,
        /// Its kind.
        cursor_kind: &'static str,
        /// Value of the item.
        value: String,
        /// Its kind.
        value_kind: &'static str,
    },
    /// The value of a row has no order at all.
    #[error("the value of an item is {kind}, which has no order")]
    Unordered {
        /// Kind of the value.
        kind: &'static str,
    },
    /// A row without a column of the key that tells rows apart.
    #[error(
        "an item lacks the primary key `{column}`, by which rows at the start of the range are told apart: {item}"
    )]
    KeyMissing {
        /// Name of the column.
        column: String,
        /// Start of the item.
        item: String,
    },
    /// The two ends of the range are in the wrong order or of different kinds.
    #[error("the cursor ends at `{end}` but begins at `{start}`: {reason}")]
    Range {
        /// Initial value.
        start: String,
        /// End value.
        end: String,
        /// Why the two do not fit.
        reason: &'static str,
    },
    /// An end without a start.
    #[error("the cursor ends at `{end}` but has no `initial_value`")]
    RangeWithoutStart {
        /// End value.
        end: String,
    },
    /// A value that cannot be moved back.
    #[error("a lag cannot be applied to the cursor value `{value}` ({kind})")]
    Lag {
        /// Value of the cursor.
        value: String,
        /// Its kind.
        kind: &'static str,
    },
    /// The cursor path is no JSONPath.
    #[error("the cursor path cannot be read: {reason}")]
    Path {
        /// What is wrong.
        reason: String,
    },
    /// The column of an Arrow batch has no order.
    #[error("the column has the type {data_type}, which has no order")]
    ColumnType {
        /// Arrow type.
        data_type: String,
    },
}

impl CursorError {
    pub(super) fn incomparable(
        what: &'static str,
        cursor: &CursorValue,
        value: &CursorValue,
    ) -> Self {
        CursorError::Incomparable {
            what,
            cursor: shown(&cursor.to_string()),
            cursor_kind: cursor.kind(),
            value: shown(&value.to_string()),
            value_kind: value.kind(),
        }
    }

    /// How to go on.
    pub fn help(&self) -> &'static str {
        match self {
            CursorError::PathMissing { .. } => {
                "use the names of the data, not of the table; rows without a value: `on_cursor_value_missing: include` or `exclude`"
            }
            CursorError::ValueNull { .. } => {
                "to keep such rows: `on_cursor_value_missing: include`; to drop them: `exclude`"
            }
            CursorError::Incomparable { .. } => {
                "give `initial_value` and `end_value` in the form that the data has"
            }
            CursorError::KeyMissing { .. } => {
                "use the names of the data; `primary_key: []` in the incremental switches this off"
            }
            CursorError::Range { .. } => {
                "with `max` the end must not be below the start, with `min` not above it"
            }
            CursorError::RangeWithoutStart { .. } => {
                "give both ends of the range, or leave `end_value` out"
            }
            CursorError::Lag { .. } => {
                "a lag needs a number, a date, a timestamp or a text such as 2024-01-31T10:00:00Z"
            }
            CursorError::Path { .. } => {
                "write a column name, or a JSONPath such as `$.meta.updated_at`"
            }
            CursorError::Unordered { .. } | CursorError::ColumnType { .. } => {
                "choose a field with numbers, texts, dates or timestamps"
            }
        }
    }
}

/// The beginning of `text`.
pub(super) fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect()
}
