//! From JSON text and Arrow batches to rows of tables.
//!
//! Nested items become flat rows and child tables, new keys become columns, values are made to fit, and rows get their
//! ids, all by the rules of dlt 1.31 (spec/normalize.md). No I/O, no clock, no randomness of its own: the result is a
//! function of the schema, the rules and the bytes. [`Reference`] is the plain transcription of the rules; [`Normalizer`]
//! is what a pipeline uses. Start with [`Normalizer`].

mod arrow_items;
mod arrow_values;
mod batches;
pub mod builders;
pub mod coerce;
pub mod decimal;
mod detect;
mod error;
mod fast;
mod hashes;
mod identity;
mod lineage;
mod marks;
mod normalizer;
mod reference;
mod rejected;
pub mod row_ids;
mod rules;
pub mod tables;
mod zone;

pub use arrow_items::arrow_table;
pub use batches::TableBatch;
pub use error::{ItemPlace, NormalizeError, Place, RowError};
pub use normalizer::{Normalized, Normalizer, SinkError};
pub use reference::{ColumnCause, Reference, SchemaChanged, VariantNote};
pub use rejected::{Reason, Rejected};
pub use rules::{BATCH_BYTES_MAX, COLUMNS_MAX, ID_BYTES, RandomIds, Rules, TypeCaps};
pub use zone::{UnknownZone, Zone};
