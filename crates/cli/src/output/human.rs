//! Numbers and times as people read them.

use jiff::Timestamp;

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `163 B`, `12.3 KB`, `1.8 MB`: powers of 1,000.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `0.02 s`, `12.3 s`, `2 min 5 s`.
pub fn seconds(number: f64) -> String {
    if number < 10.0 {
        format!("{number:.2} s")
    } else if number < 120.0 {
        format!("{number:.1} s")
    } else {
        let whole = number.round() as u64;
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

/// `40 s`, `18 min`, `2 h 5 min`: for estimates.
pub fn about(number: f64) -> String {
    let whole = number.round().max(0.0) as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=7_199 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// `2 min ago`, against `now`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let passed = now.as_second().saturating_sub(then.as_second());
    match passed {
        i64::MIN..=4 => "just now".to_owned(),
        5..=59 => format!("{passed} s ago"),
        60..=3_599 => format!("{} min ago", passed / 60),
        3_600..=86_399 => format!("{} h ago", passed / 3_600),
        86_400..=172_799 => "yesterday".to_owned(),
        _ => format!("{} days ago", passed / 86_400),
    }
}

/// `2026-03-02 10:14:07 UTC`.
pub fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The singular for one, else the plural.
pub fn plural<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// `3 tables`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), plural(number, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(
            [163, 1_000, 12_345, 999_999, 5_600_000_000].map(bytes),
            ["163 B", "1.0 KB", "12.3 KB", "1.0 MB", "5.6 GB"]
        );
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            [0.024, 12.34, 125.0].map(seconds),
            ["0.02 s", "12.3 s", "2 min 5 s"]
        );
        assert_eq!(
            [0.4, 40.0, 1_100.0, 7_500.0].map(about),
            ["0 s", "40 s", "18 min", "2 h 5 min"]
        );
    }

    #[test]
    fn ages_are_rough() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ages = [1, 30, 150, 7_300, 100_000, 900_000]
            .map(|s| ago(Timestamp::from_second(1_000_000 - s).unwrap(), now));
        assert_eq!(
            ages,
            [
                "just now",
                "30 s ago",
                "2 min ago",
                "2 h ago",
                "yesterday",
                "10 days ago"
            ]
        );
    }
}
