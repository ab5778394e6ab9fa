//! Parameters of an incremental cursor, as the user writes them.
//!
//! Values stay JSON here; a text may start with the mark of a typed value (spec/normalize.md §7.4). What they do is told
//! in `spec/load.md` §6.1.

use serde_json::Value;

use super::Key;
use crate::fields::{Fields, Problems};

/// Which of two cursor values is the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastValue {
    /// The greater.
    #[default]
    Max,
    /// The smaller.
    Min,
}

/// What to do with a row whose cursor value is missing or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingValue {
    /// Stop with an error.
    #[default]
    Raise,
    /// Keep the row, leave the cursor alone.
    Include,
    /// Drop the row.
    Exclude,
}

/// Whether a range holds the value at its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeEdge {
    /// It does not.
    Open,
    /// It does.
    Closed,
}

/// Order in which a source gives its rows, seen along the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Parameters of a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct IncrementalSpec {
    /// Column name or JSONPath, as written: it is the key of the state.
    pub cursor_path: String,
    /// Start of the very first run.
    pub initial_value: Option<Value>,
    /// End of a backfill; makes the run stateless.
    pub end_value: Option<Value>,
    /// Which value is newer.
    pub last_value_func: LastValue,
    /// Columns that tell rows at the start of the range apart; the resource's primary key when absent.
    pub primary_key: Option<Key>,
    /// Order of the rows, when the source promises one.
    pub row_order: Option<RowOrder>,
    /// How far the start is moved back: seconds, days, or in the unit of a number.
    pub lag: Option<f64>,
    /// Rows without a cursor value.
    pub on_cursor_value_missing: MissingValue,
    /// Closed unless set.
    pub range_start: RangeEdge,
    /// Open unless set.
    pub range_end: RangeEdge,
}

impl IncrementalSpec {
    /// A cursor with the default parameters.
    pub fn over(cursor_path: impl Into<String>) -> Self {
        IncrementalSpec {
            cursor_path: cursor_path.into(),
            initial_value: None,
            end_value: None,
            last_value_func: LastValue::Max,
            primary_key: None,
            row_order: None,
            lag: None,
            on_cursor_value_missing: MissingValue::Raise,
            range_start: RangeEdge::Closed,
            range_end: RangeEdge::Open,
        }
    }

    pub(super) fn read(fields: &mut Fields, problems: &mut Problems) -> Option<Self> {
        let path = fields.path_of("incremental");
        let value = match fields.value("incremental")? {
            Value::String(cursor_path) => return Some(IncrementalSpec::over(cursor_path)),
            value => value,
        };
        let mut fields = Fields::of(value, &path, problems)?;
        let spec = Self::read_members(&mut fields, &path, problems);
        fields.finish(problems);
        Some(spec)
    }

    fn read_members(fields: &mut Fields, path: &str, problems: &mut Problems) -> Self {
        const EDGES: [(&str, RangeEdge); 2] =
            [("open", RangeEdge::Open), ("closed", RangeEdge::Closed)];
        const ORDERS: [(&str, RowOrder); 2] =
            [("asc", RowOrder::Ascending), ("desc", RowOrder::Descending)];
        const MISSING: [(&str, MissingValue); 3] = [
            ("raise", MissingValue::Raise),
            ("include", MissingValue::Include),
            ("exclude", MissingValue::Exclude),
        ];
        const FUNCTIONS: [(&str, LastValue); 2] =
            [("max", LastValue::Max), ("min", LastValue::Min)];
        let cursor_path = fields.text("cursor_path", problems).unwrap_or_default();
        if cursor_path.is_empty() {
            let help = "name the field that orders the rows: `cursor_path: updated_at`";
            problems.add_with_help(path, "the cursor has no `cursor_path`", help);
        }
        IncrementalSpec {
            cursor_path,
            initial_value: fields.value("initial_value").cloned(),
            end_value: fields.value("end_value").cloned(),
            last_value_func: fields
                .word("last_value_func", &FUNCTIONS, problems)
                .unwrap_or_default(),
            primary_key: Key::read(fields, "primary_key", problems),
            row_order: fields.word("row_order", &ORDERS, problems),
            lag: fields.number("lag", problems),
            on_cursor_value_missing: fields
                .word("on_cursor_value_missing", &MISSING, problems)
                .unwrap_or_default(),
            range_start: fields
                .word("range_start", &EDGES, problems)
                .unwrap_or(RangeEdge::Closed),
            range_end: fields
                .word("range_end", &EDGES, problems)
                .unwrap_or(RangeEdge::Open),
        }
    }
}
