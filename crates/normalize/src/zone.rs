//! The time zone in which naive times are read: UTC unless the environment says otherwise.
//!
//! dlt calls it the context time zone (`DLT_INTERVAL_TIMEZONE`). It decides which instant a naive time is, which day an
//! instant falls on, and which wall clock a naive column shows. Start with [`Zone`].

use jiff::Timestamp as Instant;
use jiff::tz::{AmbiguousOffset, TimeZone};
use tipple_json::Timestamp;

/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;
const SECOND_MICROS: i64 = 1_000_000;

/// The time zone of naive times; the default is UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    /// Absent for UTC, which needs no look-up.
    named: Option<TimeZone>,
}

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time zone: pass a canonical IANA name, for example `Europe/Berlin` or `UTC`"
)]
pub struct UnknownZone(pub String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone { named: None };

    /// The zone with an IANA name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// [`UnknownZone`], also for offsets and for names in another spelling.
    pub fn from_name(name: &str) -> Result<Self, UnknownZone> {
        if name == "UTC" {
            return Ok(Zone::UTC);
        }
        let zone = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        if zone.iana_name() != Some(name) {
            return Err(UnknownZone(name.to_owned()));
        }
        Ok(Zone { named: Some(zone) })
    }

    /// True for UTC.
    pub fn is_utc(&self) -> bool {
        self.named.is_none()
    }

    /// Microseconds since 1970 UTC of a point in time; a naive one counts as being in this zone.
    pub fn instant(&self, at: Timestamp) -> i64 {
        match &self.named {
            Some(zone) if !at.is_aware() => {
                at.micros - offset_of_wall(zone, at.micros) * SECOND_MICROS
            }
            _ => at.micros,
        }
    }

    /// Microseconds since 1970 that a clock on the wall of this zone shows at `micros` UTC.
    pub fn wall(&self, micros: i64) -> i64 {
        match &self.named {
            Some(zone) => micros + offset_at(zone, micros) * SECOND_MICROS,
            None => micros,
        }
    }

    /// Day on which a point in time falls in this zone.
    pub fn day(&self, at: Timestamp) -> i32 {
        let wall = if at.is_aware() {
            self.wall(at.micros)
        } else {
            at.micros
        };
        wall.div_euclid(DAY_MICROS) as i32
    }

    /// Microseconds since midnight in this zone of a time of day; without an offset it is in this zone already.
    pub fn time_of_day(&self, micros: i64, offset_seconds: Option<i32>) -> i64 {
        match offset_seconds {
            // dlt moves it on the first day of 1970.
            Some(offset) => self
                .wall(micros - i64::from(offset) * SECOND_MICROS)
                .rem_euclid(DAY_MICROS),
            None => micros,
        }
    }
}

/// Seconds east of UTC at an instant.
fn offset_at(zone: &TimeZone, micros: i64) -> i64 {
    let instant = Instant::from_microsecond(micros);
    instant.map_or(0, |instant| i64::from(zone.to_offset(instant).seconds()))
}

/// Seconds east of UTC at a wall clock time: the first one where the clock shows it twice, the one before where the
/// clock never shows it, as Python does.
fn offset_of_wall(zone: &TimeZone, micros: i64) -> i64 {
    let Ok(shown_at_utc) = Instant::from_microsecond(micros) else {
        return 0;
    };
    let wall = TimeZone::UTC.to_datetime(shown_at_utc);
    let offset = match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    i64::from(offset.seconds())
}

#[cfg(test)]
mod tests {
    use tipple_json::iso;

    use super::*;

    fn berlin() -> Zone {
        Zone::from_name("Europe/Berlin").expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        iso::as_timestamp(text).expect("a time")
    }

    fn instant(text: &str) -> String {
        iso::timestamp_text(Timestamp::utc(berlin().instant(at(text))))
    }

    #[test]
    fn naive_times_are_read_in_the_zone() {
        assert_eq!(instant("2024-01-01T12:00:00"), "2024-01-01T11:00:00+00:00");
        assert_eq!(instant("2024-07-01T12:00:00"), "2024-07-01T10:00:00+00:00");
        assert_eq!(
            instant("2024-07-01T12:00:00+05:00"),
            "2024-07-01T07:00:00+00:00"
        );
        // Shown twice, and never shown.
        assert_eq!(instant("2024-10-27T02:30:00"), "2024-10-27T00:30:00+00:00");
        assert_eq!(instant("2024-03-31T02:30:00"), "2024-03-31T01:30:00+00:00");
    }

    #[test]
    fn days_and_times_of_day_are_those_of_the_zone() {
        assert_eq!(
            berlin().day(at("2024-01-01T23:30:00Z")),
            berlin().day(at("2024-01-02T00:00:00"))
        );
        assert_eq!(berlin().time_of_day(0, Some(0)), 3_600_000_000);
        assert_eq!(berlin().time_of_day(0, None), 0);
        assert_eq!(
            Zone::UTC.time_of_day(0, Some(3600)),
            DAY_MICROS - 3_600_000_000
        );
    }

    #[test]
    fn only_canonical_names_are_zones() {
        assert!(Zone::from_name("UTC").is_ok_and(|zone| zone.is_utc()));
        for name in ["+02:00", "europe/berlin", "Nowhere", ""] {
            assert_eq!(Zone::from_name(name), Err(UnknownZone(name.to_owned())));
        }
    }
}
