//! Words about waiting.

use std::time::Duration;

/// A duration for people: `2.5 s`, `1 min 12 s`, `18 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=599 if !seconds.is_multiple_of(60) => {
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        _ => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_as_people_say_it() {
        let said: Vec<String> = [0.25, 9.0, 42.0, 72.0, 120.0, 1_099.0]
            .iter()
            .map(|seconds| duration(Duration::from_secs_f64(*seconds)))
            .collect();
        assert_eq!(
            said,
            ["0.2 s", "9.0 s", "42 s", "1 min 12 s", "2 min", "18 min"]
        );
    }
}
