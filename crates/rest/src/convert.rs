//! Conversions of cursor values before they are sent (spec/rest-api.md §21.3).

use crate::jq::Jq;

/// A conversion of one value.
#[derive(Debug, Clone)]
pub enum Convert {
    /// Seconds since 1970, a whole number.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// `2024-01-02T03:04:05+00:00`
    Iso8601,
    /// The same with `Z` for UTC.
    Iso8601Z,
    /// `2024-01-02`
    Date,
    /// `Tue, 02 Jan 2024 03:04:05 +0000`
    Rfc2822,
    /// Any form of `strftime`.
    Strftime(String),
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// A number more.
    Add(f64),
    /// Output of a program.
    Jq(Jq),
}
