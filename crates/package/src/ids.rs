//! Load ids: a clock that never gives the same time twice.
//!
//! A load id is Unix time with its fraction as text, as Python prints a float. Ids order packages, and the newest state
//! in a destination wins by its load id, so they must grow even when the wall clock is set back between two runs.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Source of load ids for one pipeline.
#[derive(Debug)]
pub struct LoadIds {
    last: Mutex<f64>,
    now: fn() -> f64,
}

impl Default for LoadIds {
    fn default() -> Self {
        LoadIds::new()
    }
}

impl LoadIds {
    /// Ids from the wall clock.
    pub fn new() -> Self {
        LoadIds::with_clock(wall_clock)
    }

    /// Ids from another clock (seconds since 1970-01-01 UTC).
    pub fn with_clock(now: fn() -> f64) -> Self {
        LoadIds {
            last: Mutex::new(0.0),
            now,
        }
    }

    /// The same clock; every id will be later than `load_id`. Text that is no number changes nothing.
    #[must_use]
    pub fn after(self, load_id: &str) -> Self {
        if let Ok(seen) = load_id.parse::<f64>() {
            let mut last = self
                .last
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            *last = last.max(seen);
        }
        self
    }

    /// The next id.
    pub fn next_id(&self) -> String {
        let mut last = self
            .last
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *last = (self.now)().max(last.next_up());
        text(*last)
    }
}

fn wall_clock() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// A float as Python prints it, for times after 1970 and before the year 300,000,000.
fn text(seconds: f64) -> String {
    format!("{seconds:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_though_the_clock_stands_still() {
        let ids = LoadIds::with_clock(|| 1_795_291_809.234_917_6);
        let made: Vec<String> = (0..100).map(|_| ids.next_id()).collect();
        assert_eq!(made[0], "1795291809.2349176");
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_clock_set_back_does_not_go_behind_the_last_package() {
        let ids = LoadIds::with_clock(|| 5.0).after("1795291809.5");
        assert!(ids.next_id().as_str() > "1795291809.5");
    }

    #[test]
    fn a_whole_second_keeps_its_point() {
        assert_eq!(
            LoadIds::with_clock(|| 1_795_291_809.0).next_id(),
            "1795291809.0"
        );
    }
}
