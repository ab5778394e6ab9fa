//! What a normaliser is told: names, load id, limits, and what the destination's types can do.
//!
//! Everything that varies between destinations or runs is here as a value, so that the result is a function of schema,
//! rules and bytes. Start with [`Rules`].

use tipple_schema::{Column, DataType, Naming};

use crate::builders::ColumnType;
use crate::zone::Zone;

/// Bytes of column data at which a batch is cut.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Columns that one table may have.
pub const COLUMNS_MAX: usize = 20_000;
/// Bytes of a row id before it is printed.
pub const ID_BYTES: usize = 10;

/// Source of random row ids.
pub trait RandomIds: Send {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// What the types of a destination can do.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeCaps {
    /// Fraction digits of a timestamp without a precision.
    pub timestamp_precision: i64,
    /// Largest number of fraction digits.
    pub timestamp_precision_max: i64,
    /// True when timestamps can hold an instant.
    pub has_aware_timestamps: bool,
    /// True when timestamps can be naive.
    pub has_naive_timestamps: bool,
    /// Digits and fraction digits of a decimal without a precision.
    pub decimal_precision: (i64, i64),
    /// Digits and fraction digits of a wei column.
    pub wei_precision: (i64, i64),
    /// True when nested Arrow types are kept.
    pub has_nested_types: bool,
}

impl Default for TypeCaps {
    fn default() -> Self {
        TypeCaps {
            timestamp_precision: 6,
            timestamp_precision_max: 9,
            has_aware_timestamps: true,
            has_naive_timestamps: true,
            decimal_precision: (38, 9),
            wei_precision: (38, 0),
            has_nested_types: false,
        }
    }
}

impl TypeCaps {
    /// Removes or limits the properties of an inferred column that the destination does not need or have.
    pub fn adjust(&self, column: &mut Column) {
        if matches!(column.data_type, Some(DataType::Timestamp | DataType::Time)) {
            let wanted = column.precision.unwrap_or(self.timestamp_precision);
            let precision = wanted.min(self.timestamp_precision_max);
            column.timezone = None;
            column.precision = (precision != self.timestamp_precision).then_some(precision);
        }
        if column.data_type == Some(DataType::Json) && !self.has_nested_types {
            column.hints.remove("x-nested-type");
        }
    }

    /// Form of the values of a complete column; `None` for an incomplete one.
    pub fn column_type(&self, column: &Column) -> Option<ColumnType> {
        let data_type = column.data_type?;
        let (digits, scale) = match data_type {
            DataType::Wei => self.wei_precision,
            _ => self.decimal_precision,
        };
        let digits = column.precision.unwrap_or(digits);
        let scale = column.scale.unwrap_or(scale);
        Some(ColumnType {
            data_type,
            decimal: (
                u8::try_from(digits).unwrap_or(u8::MAX),
                i8::try_from(scale).unwrap_or(0),
            ),
            is_aware: self.is_aware(column),
        })
    }

    /// True when a timestamp column holds instants rather than wall clock times.
    fn is_aware(&self, column: &Column) -> bool {
        if !self.has_aware_timestamps {
            return false;
        }
        !self.has_naive_timestamps || column.timezone.unwrap_or(true)
    }
}

/// What a normaliser is told.
pub struct Rules {
    /// Naming convention of all identifiers.
    pub naming: Naming,
    /// Stamps the rows of root tables.
    pub load_id: String,
    /// Threads that normalize.
    pub threads: usize,
    /// Bytes of column data at which a batch is cut; see [`BATCH_BYTES_MAX`].
    pub batch_bytes_max: usize,
    /// Start of the process, seconds since 1970.
    pub process_start: f64,
    /// What the destination's types can do.
    pub capabilities: TypeCaps,
    /// Bytes of a row id before it is printed; see [`ID_BYTES`].
    pub id_bytes: usize,
    /// Columns that one table may have; see [`COLUMNS_MAX`].
    pub max_columns: usize,
    /// Time zone of naive times.
    pub zone: Zone,
    /// Ids of root rows.
    pub random: Box<dyn RandomIds>,
    /// Adds `_dlt_id` to Arrow data.
    pub adds_id_to_arrow: bool,
    /// Adds `_dlt_load_id` to Arrow data.
    pub adds_load_id_to_arrow: bool,
}

impl Rules {
    /// Rules with every setting at its default.
    pub fn new(naming: Naming, load_id: impl Into<String>, random: Box<dyn RandomIds>) -> Self {
        Rules {
            naming,
            load_id: load_id.into(),
            threads: 1,
            batch_bytes_max: BATCH_BYTES_MAX,
            process_start: 0.0,
            capabilities: TypeCaps::default(),
            id_bytes: ID_BYTES,
            max_columns: COLUMNS_MAX,
            zone: Zone::UTC,
            random,
            adds_id_to_arrow: false,
            adds_load_id_to_arrow: false,
        }
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("load_id", &self.load_id)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
