//! How the suite reaches one destination.

use std::sync::Arc;

use tipple_destination::Destination;
use tipple_schema::DataType;

/// One empty place at a destination: what a test of the destination has to say about itself.
///
/// A value stands for one dataset that nobody else uses; what it made is removed when it is dropped.
pub trait Harness: Send + Sync + 'static {
    /// Word of the destination in the table of results.
    const NAME: &'static str;

    /// Checks that are not possible here: the end of their name's path or the whole name, and the reason. A reason is for
    /// readers of the table; it says what the engine lacks, not what is not written yet.
    const NOT_POSSIBLE: &'static [(&'static str, &'static str)] = &[];

    /// An empty place.
    ///
    /// # Errors
    /// The reason why the service is not there on this machine.
    fn fresh() -> Result<Self, String>
    where
        Self: Sized;

    /// The place with this address, as another process sees it. Dropping the value removes nothing.
    fn reopen(address: &str) -> Self
    where
        Self: Sized;

    /// What [`Harness::reopen`] needs to find the place again.
    fn address(&self) -> String;

    /// The destination, each time as a new process would open it.
    fn destination(&self) -> Arc<dyn Destination>;

    /// Name of the dataset.
    fn dataset(&self) -> String;

    /// SQL that turns `column` (quoted, of type `data_type`) into text: timestamps as microseconds since
    /// 1970-01-01 UTC (naive ones as if in UTC), dates as `YYYY-MM-DD`, times as microseconds since midnight, bytes as
    /// hexadecimal digits, everything else as the engine writes it.
    fn text(&self, data_type: DataType, column: &str) -> String;
}

/// Microseconds since 1970-01-01 UTC of a date and time of day; for expectations.
pub fn utc_micros(days: i64, micros_of_day: i64) -> i64 {
    days * 86_400_000_000 + micros_of_day
}
