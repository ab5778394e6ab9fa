//! Dates and times as text: the forms that dlt reads, and the form that it writes.
//!
//! dlt takes a text for a timestamp when pendulum parses it, with all of pendulum's oddities (compact times only after
//! compact dates, day 0 of a week, offsets of exactly 24 hours that are detected and then refused). The rules are
//! those of spec/normalize.md §5.2, checked against the real library text by text. Two grammars are tried in order:
//! ISO 8601, then a laxer "common" one (`2024/06/15 1:02`). Start with [`parse`]; the hot path is [`plain_timestamp`].

use crate::value::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const DAY_SECONDS: i32 = 86_400;

/// 0001-01-01 and 9999-12-31, the days that Python has, counted from 1970-01-01.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// What a text means as a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iso {
    /// Date with time of day. An offset of exactly 24 hours is possible here; no column takes it.
    Timestamp(Timestamp),
    /// Days since 1970-01-01.
    Date(i32),
    /// Time of day.
    Time {
        /// Microseconds since midnight.
        micros: i64,
        /// Seconds east of UTC.
        offset_seconds: Option<i32>,
    },
}

/// Reads `text` as a date, a time or both; `None` when it is neither.
pub fn parse(text: &str) -> Option<Iso> {
    if let Some(at) = plain_timestamp(text.as_bytes()) {
        return Some(Iso::Timestamp(at));
    }
    Reader::new(text)
        .iso()
        .or_else(|| Reader::new(text).common())
}

/// True when a new column with this first value becomes a `timestamp` (detection `iso_timestamp`).
pub fn is_timestamp(text: &str) -> bool {
    // Anything shorter than `20241:2` or without a digit in front is no timestamp.
    let may_be = text.len() >= 7 && text.as_bytes()[0].is_ascii_digit();
    may_be && matches!(parse(text), Some(Iso::Timestamp(_)))
}

/// True when a new column with this first value becomes a `date` (detection `iso_date`).
pub fn is_date(text: &str) -> bool {
    matches!(parse(text), Some(Iso::Date(_)))
}

/// The value of `text` in a `timestamp` column: ISO forms, or a number as seconds since 1970.
pub fn as_timestamp(text: &str) -> Option<Timestamp> {
    match parse(text) {
        Some(Iso::Timestamp(at)) => Some(at).filter(|at| has_valid_offset(at.offset_seconds)),
        Some(Iso::Date(days)) => Some(Timestamp::naive(i64::from(days) * DAY)),
        Some(Iso::Time { .. }) => None,
        None => timestamp_of_seconds(crate::text::python_float(text)?),
    }
}

/// The value of `text` in a `date` column; a timestamp is moved to UTC first.
pub fn as_date(text: &str) -> Option<i32> {
    let days = as_timestamp(text)?.micros.div_euclid(DAY);
    DAYS.contains(&days).then_some(days as i32)
}

/// The value of `text` in a `time` column; an offset is converted to UTC and dropped.
pub fn as_time(text: &str) -> Option<i64> {
    match parse(text) {
        Some(Iso::Time {
            micros,
            offset_seconds,
        }) if has_valid_offset(offset_seconds) => {
            let offset = i64::from(offset_seconds.unwrap_or(0)) * SECOND;
            Some((micros - offset).rem_euclid(DAY))
        }
        _ => None,
    }
}

fn has_valid_offset(offset_seconds: Option<i32>) -> bool {
    offset_seconds.unwrap_or(0).abs() < DAY_SECONDS
}

/// Seconds since 1970 as a timestamp at UTC, rounded half to even to the microsecond as Python does; `None` outside
/// the years 1 to 9999.
pub fn timestamp_of_seconds(seconds: f64) -> Option<Timestamp> {
    if !seconds.is_finite() || seconds.abs() > 1e12 {
        return None;
    }
    let micros = (seconds.fract() * 1e6).round_ties_even() as i64;
    let micros = seconds.trunc() as i64 * SECOND + micros;
    DAYS.contains(&micros.div_euclid(DAY))
        .then_some(Timestamp::utc(micros))
}

/// The commonest form by far: `YYYY-MM-DDTHH:MM:SS`, `T` or blank, any fraction, then nothing, `Z` or `±HH:MM`.
/// `None` for every other text, also for other valid ones.
#[inline]
pub fn plain_timestamp(text: &[u8]) -> Option<Timestamp> {
    let head: &[u8; 19] = text.first_chunk()?;
    let shape = [head[4], head[7], head[13], head[16]];
    if shape != *b"--::" || !matches!(head[10], b'T' | b' ') {
        return None;
    }
    let year = two(head[0], head[1])? * 100 + two(head[2], head[3])?;
    let days = days_of(year, two(head[5], head[6])?, two(head[8], head[9])?)?;
    let (hour, minute) = (two(head[11], head[12])?, two(head[14], head[15])?);
    let second = two(head[17], head[18])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = plain_fraction(&text[19..])?;
    let wall = days * DAY + i64::from(hour * 3600 + minute * 60 + second) * SECOND + fraction;
    let offset_seconds = plain_offset(rest)?;
    Some(Timestamp {
        micros: wall - i64::from(offset_seconds.unwrap_or(0)) * SECOND,
        offset_seconds,
    })
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i32::from(tens * 10 + ones))
}

#[inline]
fn plain_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else {
        return Some((0, text));
    };
    let length = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    (length > 0).then(|| (micros_of(&digits[..length]), &digits[length..]))
}

/// Microseconds of the digits behind the point; further ones are cut off.
#[inline]
fn micros_of(digits: &[u8]) -> i64 {
    (0..6).fold(0, |micros, i| {
        micros * 10 + digits.get(i).map_or(0, |digit| i64::from(digit - b'0'))
    })
}

#[inline]
fn plain_offset(text: &[u8]) -> Option<Option<i32>> {
    match *text {
        [] => Some(None),
        [b'Z'] => Some(Some(0)),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let seconds = two(h1, h2)? * 3600 + two(m1, m2)? * 60;
            let is_plain = seconds < DAY_SECONDS;
            is_plain.then_some(Some(if sign == b'-' { -seconds } else { seconds }))
        }
        _ => None,
    }
}

/// Days since 1970-01-01 of a date of the years 1 to 9999.
#[inline]
fn days_of(year: i32, month: i32, day: i32) -> Option<i64> {
    let is_date =
        year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= month_days(year, month);
    is_date.then(|| {
        // Years begin in March here, so that the leap day is the last of its year.
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
        i64::from(era) * 146_097 + i64::from(day_of_era) - 719_468
    })
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[inline]
fn month_days(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a number of days since 1970-01-01.
pub fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next_year, month as u32, day as u32)
}

/// How a date was written, which decides how its time may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DateForm {
    /// With hyphens.
    Extended,
    /// `YYYYMMDD`, `YYYYDDD`, `YYYYWww`, `YYYYWwwD`.
    Compact,
}

/// A position in a text that is being read as a date or time.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Reader {
            rest: text.as_bytes(),
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.rest.first() == Some(&byte);
        self.rest = &self.rest[usize::from(is_next)..];
        is_next
    }

    fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn next_is_digit(&self) -> bool {
        self.rest.first().is_some_and(u8::is_ascii_digit)
    }

    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let value = digits.iter().try_fold(0, |value, byte| {
            byte.is_ascii_digit()
                .then(|| value * 10 + i32::from(byte - b'0'))
        })?;
        self.rest = rest;
        Some(value)
    }

    /// Number of digits that come next.
    fn digit_count(&self) -> usize {
        let is_other = |byte: &u8| !byte.is_ascii_digit();
        self.rest
            .iter()
            .position(is_other)
            .unwrap_or(self.rest.len())
    }

    /// The whole text by the ISO grammar.
    fn iso(mut self) -> Option<Iso> {
        if self.eat(b'T') {
            return self.time_after_t();
        }
        if self.rest.get(2) == Some(&b':') {
            let (micros, offset_seconds) = self.extended_time()?;
            return self.is_done().then_some(Iso::Time {
                micros,
                offset_seconds,
            });
        }
        let (days, form) = self.date()?;
        if self.is_done() {
            return Some(Iso::Date(days as i32));
        }
        if !self.eat(b'T') && !self.eat(b' ') {
            return None;
        }
        let (wall, offset_seconds) = self.time_after_date(form)?;
        let offset = i64::from(offset_seconds.unwrap_or(0)) * SECOND;
        self.is_done().then_some(Iso::Timestamp(Timestamp {
            micros: days * DAY + wall - offset,
            offset_seconds,
        }))
    }

    fn time_after_t(mut self) -> Option<Iso> {
        let (micros, offset_seconds) = self.compact_time()?;
        self.is_done().then_some(Iso::Time {
            micros,
            offset_seconds,
        })
    }

    fn time_after_date(&mut self, form: DateForm) -> Option<(i64, Option<i32>)> {
        if form == DateForm::Extended && self.rest.get(2) == Some(&b':') {
            return self.extended_time();
        }
        if form == DateForm::Extended && self.digit_count() != 2 {
            return None;
        }
        self.compact_time()
    }

    /// `HH:MM` or `HH:MM:SS`, the latter with any fraction; then an offset.
    fn extended_time(&mut self) -> Option<(i64, Option<i32>)> {
        let hour = self.digits(2)?;
        self.eat(b':').then_some(())?;
        let minute = self.digits(2)?;
        if !self.eat(b':') {
            return Some((clock(hour, minute, 0)?, self.offset()?));
        }
        let second = self.digits(2)?;
        let micros = clock(hour, minute, second)? + self.fraction()?;
        Some((micros, self.offset()?))
    }

    /// `HH`, `HH:MM` (but not `HH:MM:SS`), `HHMM` or `HHMMSS`, the latter with any fraction; then an offset.
    fn compact_time(&mut self) -> Option<(i64, Option<i32>)> {
        let hour = self.digits(2)?;
        if self.eat(b':') {
            let minute = self.digits(2)?;
            return Some((clock(hour, minute, 0)?, self.offset()?));
        }
        if !self.next_is_digit() {
            return Some((clock(hour, 0, 0)?, self.offset()?));
        }
        let minute = self.digits(2)?;
        if !self.next_is_digit() {
            return Some((clock(hour, minute, 0)?, self.offset()?));
        }
        let second = self.digits(2)?;
        let micros = clock(hour, minute, second)? + self.fraction()?;
        Some((micros, self.offset()?))
    }

    /// `.` or `,` and at least one digit, or nothing.
    fn fraction(&mut self) -> Option<i64> {
        if !self.eat(b'.') && !self.eat(b',') {
            return Some(0);
        }
        let count = self.digit_count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        (count > 0).then(|| micros_of(digits))
    }

    /// `Z`, `±HH`, `±HH:`, `±HHMM`, `±HH:MM` or nothing; to the east of at most 24 hours.
    fn offset(&mut self) -> Option<Option<i32>> {
        if self.eat(b'Z') {
            return Some(Some(0));
        }
        let is_west = self.rest.first() == Some(&b'-');
        if !self.eat(b'-') && !self.eat(b'+') {
            return Some(None);
        }
        let hours = self.digits(2)?;
        let _ = self.eat(b':');
        let minutes = if self.is_done() { 0 } else { self.digits(2)? };
        let seconds = hours * 3600 + minutes * 60;
        (is_west || seconds <= DAY_SECONDS).then_some(Some(if is_west {
            -seconds
        } else {
            seconds
        }))
    }

    /// Days since 1970-01-01 and how they were written.
    fn date(&mut self) -> Option<(i64, DateForm)> {
        let year = self.digits(4)?;
        if self.eat(b'W') {
            let week = self.digits(2)?;
            let day = if self.next_is_digit() {
                self.digits(1)?
            } else {
                1
            };
            return Some((week_day(year, week, day)?, DateForm::Compact));
        }
        if self.eat(b'-') {
            return Some((self.date_after_hyphen(year)?, DateForm::Extended));
        }
        match self.digit_count() {
            3 => Some((ordinal(year, self.digits(3)?)?, DateForm::Compact)),
            4 => {
                let (month, day) = (self.digits(2)?, self.digits(2)?);
                Some((days_of(year, month, day)?, DateForm::Compact))
            }
            _ => None,
        }
    }

    /// `MM`, `MM-DD`, `DDD`, `Www` or `Www-D`.
    fn date_after_hyphen(&mut self, year: i32) -> Option<i64> {
        if self.eat(b'W') {
            let week = self.digits(2)?;
            let day = if self.eat(b'-') { self.digits(1)? } else { 1 };
            return week_day(year, week, day);
        }
        if self.digit_count() == 3 {
            return ordinal(year, self.digits(3)?);
        }
        let month = self.digits(2)?;
        let day = if self.eat(b'-') { self.digits(2)? } else { 1 };
        days_of(year, month, day)
    }

    /// The whole text by the common grammar: `[YYYY[[/:]MM[/:]DD]][ ][H]H:[M]M[:[S]S][.f]`. Where digits could be
    /// a month or an hour, the month is tried first.
    fn common(self) -> Option<Iso> {
        if self.digit_count() < 4 {
            let micros = self.common_rest()?;
            let offset_seconds = None;
            return micros.map(|micros| Iso::Time {
                micros,
                offset_seconds,
            });
        }
        let mut reader = self;
        let year = reader.digits(4)?;
        let mut with_month = Reader { rest: reader.rest };
        if let Some((month, day)) = with_month.common_month_and_day()
            && let Some(micros) = with_month.common_rest()
        {
            return Some(date_and_time(days_of(year, month, day)?, micros));
        }
        Some(date_and_time(days_of(year, 1, 1)?, reader.common_rest()?))
    }

    fn common_month_and_day(&mut self) -> Option<(i32, i32)> {
        let _ = self.eat(b'/') || self.eat(b':');
        let month = self.digits(2)?;
        let _ = self.eat(b'/') || self.eat(b':');
        Some((month, self.digits(2)?))
    }

    /// A time up to the end of the text, `Some(None)` when the text has ended.
    fn common_rest(mut self) -> Option<Option<i64>> {
        if self.is_done() {
            return Some(None);
        }
        let micros = self.common_time()?;
        self.is_done().then_some(Some(micros))
    }

    fn common_time(&mut self) -> Option<i64> {
        self.eat(b' ');
        let hour = self.one_or_two_digits()?;
        self.eat(b':').then_some(())?;
        let minute = self.one_or_two_digits()?;
        let second = if self.eat(b':') {
            self.one_or_two_digits()?
        } else {
            0
        };
        let mut micros = clock(hour, minute, second)?;
        if self.eat(b'.') || self.eat(b'|') || self.eat(b',') {
            let count = self.digit_count();
            let (digits, rest) = self.rest.split_at(count);
            self.rest = rest;
            (1..=9).contains(&count).then_some(())?;
            micros += micros_of(digits);
        }
        Some(micros)
    }

    fn one_or_two_digits(&mut self) -> Option<i32> {
        self.digits(self.digit_count().clamp(1, 2))
    }
}

fn date_and_time(days: i64, micros: Option<i64>) -> Iso {
    match micros {
        Some(micros) => Iso::Timestamp(Timestamp::naive(days * DAY + micros)),
        None => Iso::Date(days as i32),
    }
}

/// Microseconds since midnight.
fn clock(hour: i32, minute: i32, second: i32) -> Option<i64> {
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then(|| i64::from(hour * 3600 + minute * 60 + second) * SECOND)
}

/// Day `day` of the year, from 1.
fn ordinal(year: i32, day: i32) -> Option<i64> {
    let is_day = day >= 1 && day <= 365 + i32::from(is_leap(year));
    is_day.then_some(days_of(year, 1, 1)? + i64::from(day) - 1)
}

/// Day `day` of an ISO week: 1 is Monday, and 0 the day before it, which pendulum accepts.
fn week_day(year: i32, week: i32, day: i32) -> Option<i64> {
    if day > 7 || week > weeks_of(year)? {
        return None;
    }
    let days = first_monday(year)? + i64::from(week - 1) * 7 + i64::from(day) - 1;
    DAYS.contains(&days).then_some(days)
}

/// Monday of the week that holds January 4.
fn first_monday(year: i32) -> Option<i64> {
    let fourth = days_of(year, 1, 4)?;
    // 1970-01-01 was a Thursday.
    Some(fourth - (fourth + 3).rem_euclid(7))
}

fn weeks_of(year: i32) -> Option<i32> {
    let january = days_of(year, 1, 1)?;
    let weekday = (january + 3).rem_euclid(7);
    Some(52 + i32::from(weekday == 3 || (weekday == 2 && is_leap(year))))
}

/// A timestamp as Python's `isoformat` writes it: `2024-01-02T03:04:05.000006+02:00`.
pub fn timestamp_text(at: Timestamp) -> String {
    let wall = at.wall_micros();
    let date = date_text(wall.div_euclid(DAY) as i32);
    let time = time_text(wall.rem_euclid(DAY));
    let offset = at.offset_seconds.map(offset_text).unwrap_or_default();
    format!("{date}T{time}{offset}")
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (minutes, seconds) = (seconds.abs() / 60, seconds.abs() % 60);
    let seconds = if seconds == 0 {
        String::new()
    } else {
        format!(":{seconds:02}")
    };
    format!("{sign}{:02}:{:02}{seconds}", minutes / 60, minutes % 60)
}

/// A date as `2024-01-02`.
pub fn date_text(days: i32) -> String {
    let (year, month, day) = civil(i64::from(days));
    format!("{year:04}-{month:02}-{day:02}")
}

/// A time of day as `03:04:05`, with six further digits when there is a fraction.
pub fn time_text(micros: i64) -> String {
    let (seconds, micros) = (micros / SECOND, micros % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if micros == 0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    format!("{hour:02}:{minute:02}:{second:02}.{micros:06}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOLDEN: &str = include_str!("../../../fixtures/golden/iso.jsonl");

    /// The golden line that our functions give for `text`; errors are only known to be errors.
    fn line(text: &str) -> serde_json::Value {
        let out = |kind: &str, text: Option<String>| match text {
            Some(text) => serde_json::json!({ "out": { kind: text } }),
            None => serde_json::json!({ "error": "?" }),
        };
        serde_json::json!({
            "in": text,
            "iso_timestamp": is_timestamp(text).then_some("timestamp"),
            "iso_date": is_date(text).then_some("date"),
            "as_timestamp": out("$datetime", as_timestamp(text).map(timestamp_text)),
            "as_date": out("$date", as_date(text).map(date_text)),
            "as_time": out("$time", as_time(text).map(time_text)),
        })
    }

    #[test]
    fn every_golden_text_is_read_as_dlt_reads_it() {
        for golden in GOLDEN.lines() {
            let mut expected: serde_json::Value = serde_json::from_str(golden).unwrap();
            for key in ["as_timestamp", "as_date", "as_time"] {
                if let Some(error) = expected[key].get_mut("error") {
                    *error = "?".into();
                }
            }
            assert_eq!(line(expected["in"].as_str().unwrap()), expected);
        }
    }

    #[test]
    fn the_odd_forms_that_pendulum_takes_are_taken() {
        for (text, expected) in [
            ("20241:2", "2024-01-01T01:02:00"),
            ("202400:00.5", "2024-01-01T00:00:00.500000"),
            ("2024/06/1510:00|5", "2024-06-15T10:00:00.500000"),
            ("20240615 1:2", "2024-06-15T01:02:00"),
            ("2024001T10:00Z", "2024-01-01T10:00:00+00:00"),
            ("2024-W01-0T10", "2023-12-31T10:00:00"),
            ("2024-01-01T10:00+02:", "2024-01-01T10:00:00+02:00"),
            ("2024-06 10:00", "2024-06-01T10:00:00"),
        ] {
            assert!(is_timestamp(text), "{text}");
            assert_eq!(
                timestamp_text(as_timestamp(text).unwrap()),
                expected,
                "{text}"
            );
        }
        for text in [
            "20240101T10:00:00",
            "2024001T10:0000",
            "2024-W01T1000",
            "2024-06-15T10:00:00+24:01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(is_timestamp("2024-01-01T10:00:00-99:99"));
        assert_eq!(as_timestamp("2024-01-01T10:00:00-99:99"), None);
    }

    #[test]
    fn the_ends_of_time_are_kept() {
        for text in ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999+00:00"] {
            assert_eq!(timestamp_text(as_timestamp(text).unwrap()), text);
        }
        assert_eq!(as_date("9999-12-31T23:59:59-01:00"), None);
        assert_eq!(timestamp_of_seconds(253_402_300_800.0), None);
        assert_eq!(timestamp_of_seconds(-62_135_596_801.0), None);
        assert!(timestamp_of_seconds(-62_135_596_800.0).is_some());
    }

    #[test]
    fn fractions_of_seconds_round_half_to_even() {
        let text = |seconds| timestamp_text(timestamp_of_seconds(seconds).unwrap());
        assert_eq!(text(0.0000015), "1970-01-01T00:00:00.000002+00:00");
        assert_eq!(text(0.1234565), "1970-01-01T00:00:00.123456+00:00");
        assert_eq!(text(1.9999999), "1970-01-01T00:00:02+00:00");
        assert_eq!(text(-0.5), "1969-12-31T23:59:59.500000+00:00");
    }

    proptest! {
        #[test]
        fn a_timestamp_survives_its_text(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000, offset in prop::option::of(-1439i32..1440)) {
            let offset_seconds = offset.map(|minutes| minutes * 60);
            let at = Timestamp { micros, offset_seconds };
            prop_assume!(DAYS.contains(&at.wall_micros().div_euclid(DAY)));
            prop_assert_eq!(as_timestamp(&timestamp_text(at)), Some(at));
        }

        #[test]
        fn the_plain_form_means_the_same_to_the_general_reader(text in "20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,8})?(Z|[+-][0-2][0-9]:[0-9]{2})?") {
            if let Some(at) = plain_timestamp(text.as_bytes()) {
                prop_assert_eq!(Reader::new(&text).iso(), Some(Iso::Timestamp(at)));
            }
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "[0-9TWZ:/+. ,|-]{0,30}|.{0,20}") {
            let _ = (parse(&text), as_timestamp(&text), as_date(&text), as_time(&text));
        }

        #[test]
        fn a_day_survives_its_calendar_date(days in -719_162i64..=2_932_896) {
            let (year, month, day) = civil(days);
            prop_assert_eq!(days_of(year as i32, month as i32, day as i32), Some(days));
        }
    }
}
