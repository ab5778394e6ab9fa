//! Times as text, for literals.

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// ISO text of a time in UTC with six fraction digits: `2024-01-02T03:04:05.000006+00:00`.
pub fn iso_utc(micros: i64) -> String {
    let (days, micros) = (
        micros.div_euclid(MICROS_PER_DAY),
        micros.rem_euclid(MICROS_PER_DAY),
    );
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}+00:00")
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// Works on years that begin in March, so that the leap day is the last of a year; 400 of them have 146,097 days.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_six_fraction_digits() {
        assert_eq!(iso_utc(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso_utc(-1), "1969-12-31T23:59:59.999999+00:00");
        assert_eq!(
            iso_utc(1_709_210_096_000_006),
            "2024-02-29T12:34:56.000006+00:00"
        );
        assert_eq!(
            iso_utc(253_402_300_799_999_999),
            "9999-12-31T23:59:59.999999+00:00"
        );
    }
}
