//! When a request is sent again and how long to wait first (spec/rest-api.md §16). Pure: times come in as values.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// Larger numbers in reset headers are points in time, not waits.
const RESET_SECONDS_MAX: f64 = 86_400.0;

/// Part of a wait by which it is prolonged at most, so that clients do not return in step.
const JITTER_MAX: f64 = 0.1;

/// Headers that say when to come back, in the order in which they count.
const WAIT_HEADERS: [&str; 4] = [
    "retry-after",
    "x-ratelimit-retry-after",
    "x-ratelimit-reset",
    "ratelimit-reset",
];

/// Rules of repetition.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts_max: u32,
    /// Seconds before the second attempt; doubled for each further one.
    pub backoff_factor: f64,
    /// Longest single wait.
    pub delay_max: Duration,
    /// Waits that the server asks for do not count as attempts while their sum is below this.
    pub total_wait_max: Duration,
    /// Statuses that are repeated besides 429 and 500–599.
    pub statuses: Vec<u16>,
    /// Prolong waits at random by up to a tenth.
    pub has_jitter: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempts_max: 5,
            backoff_factor: 1.0,
            delay_max: Duration::from_secs(300),
            total_wait_max: Duration::from_secs(900),
            statuses: Vec::new(),
            has_jitter: true,
        }
    }
}

impl RetryPolicy {
    /// True for a status that may be gone the next time.
    pub fn repeats(&self, status: u16) -> bool {
        status == 429 || (500..=599).contains(&status) || self.statuses.contains(&status)
    }

    /// Wait after attempt `attempt` (from 1) when the server says nothing: `factor · 2^(attempt-1)`, capped.
    /// `chance` is a random number below 1.
    pub fn backoff(&self, attempt: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let jitter = if self.has_jitter {
            chance * JITTER_MAX
        } else {
            0.0
        };
        let seconds = self.backoff_factor.max(0.0) * 2_f64.powi(exponent.min(64)) * (1.0 + jitter);
        // An infinite product means the cap as well.
        Duration::try_from_secs_f64(seconds).map_or(self.delay_max, |wait| wait.min(self.delay_max))
    }
}

/// How long the server asks to wait; nothing if it does not say or says nothing usable.
pub fn server_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    WAIT_HEADERS
        .iter()
        .find_map(|name| wait_of(headers.get(*name)?.to_str().ok()?.trim(), now))
}

/// Seconds, a point in time in seconds since 1970, or an HTTP date; nothing for a wait that is none.
fn wait_of(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds > RESET_SECONDS_MAX {
            let at = SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?;
            return at.duration_since(now).ok();
        }
        return (seconds > 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).ok())
            .flatten();
    }
    let until = httpdate::parse_http_date(text).ok()?;
    until
        .duration_since(now)
        .ok()
        .filter(|wait| !wait.is_zero())
}

/// What the server says about requests that are left, and how long that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests that may still be sent.
    pub left: u64,
    /// Time until it is renewed.
    pub renewed_in: Duration,
}

/// The quota in the headers of an answer.
pub fn quota(headers: &HeaderMap, now: SystemTime) -> Option<Quota> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let left = number("x-ratelimit-remaining").or_else(|| number("ratelimit-remaining"))?;
    let renewed_in = server_wait(headers, now)?;
    Some(Quota { left, renewed_in })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                reqwest::header::HeaderName::from_static(name),
                value.parse().unwrap(),
            )
        });
        pairs.collect()
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000)
    }

    #[track_caller]
    fn check_wait(pairs: &[(&'static str, &str)], seconds: Option<f64>) {
        let wait = server_wait(&headers(pairs), now()).map(|wait| wait.as_secs_f64());
        assert_eq!(wait, seconds, "{pairs:?}");
    }

    #[test]
    fn waits_double_and_are_capped() {
        let policy = RetryPolicy {
            has_jitter: false,
            delay_max: Duration::from_secs(6),
            ..RetryPolicy::default()
        };
        let waits: Vec<f64> = (1..=5)
            .map(|attempt| policy.backoff(attempt, 0.0).as_secs_f64())
            .collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 6.0, 6.0]);
        assert_eq!(policy.backoff(u32::MAX, 0.9), policy.delay_max);
    }

    #[test]
    fn jitter_only_prolongs_by_a_tenth() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(1, 0.0), Duration::from_secs(1));
        assert_eq!(policy.backoff(1, 1.0), Duration::from_millis(1100));
    }

    #[test]
    fn the_server_says_how_long_in_several_ways() {
        check_wait(&[("retry-after", "7")], Some(7.0));
        check_wait(&[("retry-after", "1.5")], Some(1.5));
        check_wait(&[("x-ratelimit-retry-after", "2")], Some(2.0));
        check_wait(&[("x-ratelimit-reset", "1750000030")], Some(30.0));
        check_wait(&[("ratelimit-reset", "9")], Some(9.0));
        check_wait(
            &[("retry-after", "Sun, 15 Jun 2025 15:06:45 GMT")],
            Some(5.0),
        );
        check_wait(
            &[("retry-after", "3"), ("x-ratelimit-retry-after", "2")],
            Some(3.0),
        );
    }

    #[test]
    fn a_wait_that_is_none_does_not_count() {
        check_wait(&[], None);
        check_wait(&[("retry-after", "0")], None);
        check_wait(&[("retry-after", "-3")], None);
        check_wait(&[("retry-after", "soon")], None);
        check_wait(&[("retry-after", "Sun, 15 Jun 2025 15:06:30 GMT")], None);
        check_wait(&[("x-ratelimit-reset", "1740000030")], None);
        check_wait(
            &[("retry-after", "0"), ("x-ratelimit-retry-after", "2")],
            Some(2.0),
        );
    }

    #[test]
    fn a_quota_needs_both_headers() {
        let both = headers(&[
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-retry-after", "9"),
        ]);
        let quota_found = quota(&both, now()).unwrap();
        assert_eq!((quota_found.left, quota_found.renewed_in.as_secs()), (3, 9));
        assert_eq!(
            quota(&headers(&[("x-ratelimit-remaining", "3")]), now()),
            None
        );
    }
}
