//! Moments as both APIs write them, and the clock of the server.
//!
//! Data never depends on the time of day: rows count from [`BASE_S`]. The clock serves rate windows and token lifetimes,
//! and can be moved forward so that no test waits for a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// 2025-01-01T00:00:00Z in seconds since 1970: the moment of row 0.
pub(crate) const BASE_S: i64 = 1_735_689_600;

const DAY_S: i64 = 86_400;

/// Milliseconds since the server started, plus what it was moved forward.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    moved_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock {
            started: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.real_ms() + self.moved_ms.load(Ordering::Relaxed)
    }

    /// Milliseconds that really passed; what the request log writes.
    pub(crate) fn real_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    pub(crate) fn real_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.moved_ms
            .fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

/// Writes `2025-01-31T08:15:00+00:00`.
pub(crate) fn write_atom(seconds: i64, out: &mut Vec<u8>) {
    let mut text = *b"0000-00-00T00:00:00+00:00";
    let (year, month, day) = date_of(seconds.div_euclid(DAY_S));
    let second = seconds.rem_euclid(DAY_S);
    two_digits(&mut text[0..2], year / 100);
    two_digits(&mut text[2..4], year % 100);
    two_digits(&mut text[5..7], month);
    two_digits(&mut text[8..10], day);
    two_digits(&mut text[11..13], second / 3600);
    two_digits(&mut text[14..16], second / 60 % 60);
    two_digits(&mut text[17..19], second % 60);
    out.extend_from_slice(&text);
}

/// The text of [`write_atom`].
pub(crate) fn atom(seconds: i64) -> String {
    let mut out = Vec::new();
    write_atom(seconds, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Seconds since 1970 of `YYYY-MM-DD[THH:MM:SS[…]]`, read as UTC.
pub(crate) fn seconds_of(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let date = days_of(year, month, day) * DAY_S;
    if text.len() == 10 {
        return Some(date);
    }
    Some(date + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the form of HTTP headers.
pub(crate) fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let days = seconds.div_euclid(DAY_S);
    let (year, month, day) = date_of(days);
    let second = seconds.rem_euclid(DAY_S);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[days.rem_euclid(7) as usize],
        MONTHS[(month - 1) as usize],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn two_digits(out: &mut [u8], number: i64) {
    out[0] = b'0' + (number / 10 % 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

/// Year, month, day of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        assert_eq!(atom(BASE_S), "2025-01-01T00:00:00+00:00");
        assert_eq!(atom(951_827_696), "2000-02-29T12:34:56+00:00");
        for seconds in [0, BASE_S, 951_827_696, 4_102_444_799] {
            assert_eq!(seconds_of(&atom(seconds)), Some(seconds));
        }
        assert_eq!(seconds_of("2025-01-02"), Some(BASE_S + DAY_S));
        assert_eq!(seconds_of("soon"), None);
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
