//! Rows in the form that COPY takes.
//!
//! Binary wherever the type of the batch and that of the table are a known pair, which is every column that tipple made
//! itself. Any other pair (a type that changed in the schema alone, a column that somebody altered, geometry) turns the
//! whole batch into COPY's text form, in which the server reads each value as it would read a literal. Start with
//! [`RowFormat::plan`].

mod binary;
mod numeric;
mod plain;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use tipple_destination::{SqlDialect as _, TableRef, dialect};

use self::binary::BinaryColumn;
use self::plain::PlainColumn;

pub(crate) use self::numeric::decimal_text;

/// Types of the columns of a table by name: what `format_type` says, without modifiers.
pub(crate) type StoredTypes = HashMap<String, String>;

/// A value that its column cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub column: String,
    pub why: String,
}

/// A batch, ready to be written row by row.
pub(crate) enum RowFormat {
    /// COPY's binary form.
    Binary(Vec<BinaryColumn>),
    /// COPY's text form.
    Plain(Vec<PlainColumn>),
}

impl RowFormat {
    /// How the rows of `batch` go into a table with columns of `stored` types.
    ///
    /// # Errors
    /// A column of a type that has no text form.
    pub fn plan(batch: &RecordBatch, stored: &StoredTypes) -> Result<Self, ArrowError> {
        let arrays = canonical(batch)?;
        let pairs = || {
            let schema = batch.schema_ref().fields().iter();
            schema.zip(&arrays).map(|(field, array)| {
                let stored = stored.get(field.name()).map_or("", String::as_str);
                (field.name(), array, stored)
            })
        };
        let binary: Option<Vec<BinaryColumn>> = pairs()
            .map(|(name, array, stored)| BinaryColumn::new(name, array, stored))
            .collect();
        if let Some(columns) = binary {
            return Ok(RowFormat::Binary(columns));
        }
        let plain = pairs().map(|(name, array, stored)| PlainColumn::new(name, array, stored));
        Ok(RowFormat::Plain(plain.collect::<Result<_, _>>()?))
    }

    /// The statement that takes these rows.
    pub fn statement(&self, at: &TableRef, schema: &SchemaRef) -> String {
        let names: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| dialect::Postgres.quote(field.name()))
            .collect();
        let format = match self {
            RowFormat::Binary(_) => "binary",
            RowFormat::Plain(_) => "text",
        };
        format!(
            "COPY {} ({}) FROM STDIN WITH (FORMAT {format})",
            dialect::Postgres.qualified(at),
            names.join(", ")
        )
    }

    /// What stands before the first row.
    pub fn header(&self) -> &'static [u8] {
        match self {
            // Signature, no flags, no extension.
            RowFormat::Binary(_) => b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0",
            RowFormat::Plain(_) => b"",
        }
    }

    /// What stands after the last row.
    pub fn trailer(&self) -> &'static [u8] {
        match self {
            RowFormat::Binary(_) => b"\xff\xff",
            RowFormat::Plain(_) => b"",
        }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`Misfit`] for a value that has no form in the type of its column.
    #[inline]
    pub fn write_row(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match self {
            RowFormat::Binary(columns) => binary::write_row(columns, row, out),
            RowFormat::Plain(columns) => plain::write_row(columns, row, out),
        }
    }

    /// True when rows of both can follow each other in one COPY.
    pub fn is_same_form(&self, other: &RowFormat) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The columns of a batch in the few types that the writers know.
fn canonical(batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
    batch
        .columns()
        .iter()
        .map(|array| match canonical_type(array.data_type()) {
            Some(target) => arrow_cast::cast(array, &target),
            None => Ok(Arc::clone(array)),
        })
        .collect()
}

/// The type to cast to first; nothing for a type that the writers know.
fn canonical_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Some(DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(DataType::Int64),
        DataType::Float16 | DataType::Float32 => Some(DataType::Float64),
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(DataType::Utf8),
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Some(DataType::Binary)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => None,
        DataType::Timestamp(_, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Date64 => Some(DataType::Date32),
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => {
            Some(DataType::Time64(TimeUnit::Microsecond))
        }
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            Some(DataType::Decimal128(38, *scale))
        }
        DataType::Decimal256(..) => Some(DataType::Utf8),
        DataType::Dictionary(_, values) => {
            Some(canonical_type(values).unwrap_or_else(|| values.as_ref().clone()))
        }
        _ => None,
    }
}
