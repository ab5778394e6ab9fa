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

    /// Names of checks that are not possible here, each with its reason, besides those that the capabilities rule out. A
    /// reason is for readers of the table: it says what the engine lacks, never what is not written yet.
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
