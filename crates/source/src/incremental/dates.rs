//! Texts that are dates: their form is recognized, the moment read, and a moved moment written in the same form.
//!
//! Cursors over text are common (APIs give `2024-01-31T10:00:00Z`), and a lag must give a text that still compares with
//! the others. Hence only forms that can be written back exactly are known: those of dlt 1.31.

use tipple_json::{Timestamp, iso};

use super::{DAY, SECOND};

/// How a text writes a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Date and time down to the given precision, with the given zone.
    DateTime(Precision, Zone),
    /// `2024-01-31`
    Date,
    /// `20240131`
    CompactDate,
    /// `2024-01`
    Month,
    /// `202401`; dlt reads such a text as seconds since 1970.
    CompactMonth,
    /// `2024`
    Year,
    /// `2024-W05`
    Week,
    /// `2024-W05-3`
    WeekDay,
    /// `2024-031`
    DayOfYear,
}

/// Smallest unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Hour,
    Minute,
    Second,
    Fraction,
}

/// How a text writes its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    None,
    Z,
    /// `+02:00`
    Colon,
    /// `+0200`
    Plain,
}

impl Form {
    /// True for the forms that stand for a day rather than a moment.
    pub fn is_date(self) -> bool {
        matches!(self, Form::Date | Form::CompactDate)
    }

    /// The form of `text`; `None` when it is no date that is known.
    pub fn of(text: &str) -> Option<Form> {
        let shape: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        Some(match shape.as_str() {
            "0000-00-00" => Form::Date,
            "00000000" => Form::CompactDate,
            "0000-00" => Form::Month,
            "000000" => Form::CompactMonth,
            "0000" => Form::Year,
            "0000-W00" => Form::Week,
            "0000-W00-0" => Form::WeekDay,
            "0000-000" => Form::DayOfYear,
            _ => date_time_form(shape.strip_prefix("0000-00-00T")?)?,
        })
    }

    /// Reads `text`, which has this form.
    pub fn read(self, text: &str) -> Option<Timestamp> {
        iso::as_timestamp(text)
    }

    /// Writes `moment` in this form.
    pub fn write(self, moment: &Timestamp) -> String {
        let wall = moment.wall_micros();
        let days = wall.div_euclid(DAY);
        let (year, month, day) = iso::civil(days);
        match self {
            Form::DateTime(precision, zone) => {
                let time = time_text(wall.rem_euclid(DAY), precision);
                let zone = zone_text(moment.offset_seconds.unwrap_or(0), zone);
                format!("{year:04}-{month:02}-{day:02}T{time}{zone}")
            }
            Form::Date => format!("{year:04}-{month:02}-{day:02}"),
            Form::CompactDate => format!("{year:04}{month:02}{day:02}"),
            Form::Month => format!("{year:04}-{month:02}"),
            Form::CompactMonth => format!("{year:04}{month:02}"),
            Form::Year => format!("{year:04}"),
            Form::Week => {
                let (year, week, _) = week_of(days);
                format!("{year:04}-W{week:02}")
            }
            Form::WeekDay => {
                let (year, week, day) = week_of(days);
                format!("{year:04}-W{week:02}-{day}")
            }
            Form::DayOfYear => format!("{year:04}-{:03}", day_of_year(days)),
        }
    }
}

fn date_time_form(time: &str) -> Option<Form> {
    let (zone, time) = if let Some(time) = time.strip_suffix('Z') {
        (Zone::Z, time)
    } else if let Some(time) = strip_offset(time, "00:00") {
        (Zone::Colon, time)
    } else if let Some(time) = strip_offset(time, "0000") {
        (Zone::Plain, time)
    } else {
        (Zone::None, time)
    };
    let precision = match time {
        "00:00:00" => Precision::Second,
        "00:00" if zone == Zone::None => Precision::Minute,
        "00" if zone == Zone::None => Precision::Hour,
        _ if zone != Zone::None => {
            let fraction = time.strip_prefix("00:00:00.")?;
            let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b == b'0');
            is_fraction.then_some(Precision::Fraction)?
        }
        _ => return None,
    };
    Some(Form::DateTime(precision, zone))
}

fn strip_offset<'a>(time: &'a str, offset: &str) -> Option<&'a str> {
    time.strip_suffix(offset)?.strip_suffix(['+', '-'])
}

fn time_text(micros: i64, precision: Precision) -> String {
    let seconds = micros / SECOND;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match precision {
        Precision::Hour => format!("{hour:02}"),
        Precision::Minute => format!("{hour:02}:{minute:02}"),
        Precision::Second => format!("{hour:02}:{minute:02}:{second:02}"),
        Precision::Fraction => {
            format!("{hour:02}:{minute:02}:{second:02}.{:06}", micros % SECOND)
        }
    }
}

fn zone_text(seconds: i32, zone: Zone) -> String {
    match zone {
        Zone::None => String::new(),
        Zone::Z => "Z".to_owned(),
        Zone::Colon => offset_text(seconds, ":"),
        Zone::Plain => offset_text(seconds, ""),
    }
}

fn offset_text(seconds: i32, separator: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

/// 1 for January 1.
fn day_of_year(days: i64) -> i64 {
    let (year, _, _) = iso::civil(days);
    let first = iso::as_date(&format!("{year:04}-01-01")).map_or(days, i64::from);
    days - first + 1
}

/// 0 for Monday.
fn week_day(days: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (days + 3).rem_euclid(7)
}

/// ISO year, week and day of the week from 1.
fn week_of(days: i64) -> (i64, i64, i64) {
    let thursday = days - week_day(days) + 3;
    let (year, _, _) = iso::civil(thursday);
    let week = (day_of_year(thursday) - 1) / 7 + 1;
    (year, week, week_day(days) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_a_known_form_is_written_back_as_it_was() {
        for text in [
            "2024-03-10T12:30:00Z",
            "2024-03-10T12:30:00.123456Z",
            "2024-03-10T12:30:00+02:00",
            "2024-03-10T12:30:00-0530",
            "2024-03-10T12:30:00.500000-05:30",
            "2024-03-10T12:30:00",
            "2024-03-10T12:30",
            "2024-03-10T12",
            "2024-03-10",
            "20240310",
            "2024-03",
            "2024",
            "2024-W10",
            "2020-W53-7",
            "2024-366",
        ] {
            let form = Form::of(text).unwrap_or_else(|| panic!("{text} has no form"));
            assert_eq!(form.write(&form.read(text).unwrap()), text, "{form:?}");
        }
    }

    #[test]
    fn other_texts_have_no_form() {
        for text in [
            "",
            "x",
            "2024-03-10 12:30:00",
            "2024-03-10T12:30:00.5",
            "2024-03-10T12:30Z",
            "2024-3-1",
            "2024-03-10T12:30:00.Z",
            "24",
            "2024-03-10T12:30:00+02",
            "12:30:00",
        ] {
            assert_eq!(Form::of(text), None, "{text}");
        }
        assert_eq!(Form::Date.read("2023-02-29"), None);
    }
}
