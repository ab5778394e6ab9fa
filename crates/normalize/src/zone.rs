//! The time zone in which naive times are read: UTC unless the environment says otherwise.
//!
//! dlt calls it the context time zone (`DLT_INTERVAL_TIMEZONE`). It decides which instant a naive time is, which day an
//! instant falls on, and which wall clock a naive column shows. Start with [`Zone`].

use tipple_json::Timestamp;

/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// The time zone of naive times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone;

impl Zone {
    /// Microseconds since 1970 UTC of a point in time; a naive one counts as being in this zone.
    pub fn instant(&self, at: Timestamp) -> i64 {
        at.micros
    }

    /// Day on which a point in time falls in this zone.
    pub fn day(&self, at: Timestamp) -> i32 {
        at.micros.div_euclid(DAY_MICROS) as i32
    }

    /// Microseconds since midnight in this zone of a time of day.
    pub fn time_of_day(&self, micros: i64, offset_seconds: Option<i32>) -> i64 {
        let offset = i64::from(offset_seconds.unwrap_or(0)) * 1_000_000;
        (micros - offset).rem_euclid(DAY_MICROS)
    }
}
