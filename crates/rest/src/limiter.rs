//! One budget for all requests of a source: so many at a time, so many a second, and no more than the server allows.
//!
//! A request takes a [`Permit`] first and gives it back with the answer. The rate is kept by a grid of times that is one
//! percent wider than the budget, and checked against the times at which requests really left, so that a late timer
//! cannot push two requests into one window. What answers tell (remaining requests, waits) holds back all tasks at once
//! (spec/rest-api.md §16). Start with [`Limiter::acquire`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::retry::Quota;

/// By how much the grid of times is wider than the budget asks for.
const SLACK: f64 = 1.01;

/// Two ends of a quota window that differ by less are the same: servers count in whole seconds.
const SAME_WINDOW: Duration = Duration::from_millis(1_500);

/// The budget of one source.
#[derive(Debug)]
pub struct Limiter {
    slots: Arc<Semaphore>,
    /// Requests are let go one after another: who holds this waits for the next time.
    gate: tokio::sync::Mutex<Pace>,
    shared: Mutex<Shared>,
    changed: Notify,
}

/// Times at which requests leave.
#[derive(Debug)]
struct Pace {
    /// Time between two requests; none without a budget.
    interval: Option<Duration>,
    /// Requests that may leave in `window`.
    burst: usize,
    window: Duration,
    next: Option<Instant>,
    /// The last `burst` departures.
    left_at: VecDeque<Instant>,
}

/// What answers have told.
#[derive(Debug, Default)]
struct Shared {
    in_flight: u64,
    paused_until: Option<(Instant, String)>,
    quota: Option<(u64, Instant)>,
}

/// The right to one request; gives it back when dropped.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    _slot: OwnedSemaphorePermit,
}

/// Why a request has to wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// How long from now.
    pub wait: Duration,
    /// For what.
    pub reason: String,
}

impl Limiter {
    /// A budget of so many requests at a time and, if given, so many a second.
    pub fn new(concurrency_max: usize, requests_per_second: Option<f64>) -> Arc<Self> {
        let slot_count = concurrency_max.clamp(1, 1_000);
        Arc::new(Limiter {
            slots: Arc::new(Semaphore::new(slot_count)),
            gate: tokio::sync::Mutex::new(Pace::new(requests_per_second)),
            shared: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Waits until a request may be sent. `tell` hears of waits that the server has caused.
    pub async fn acquire(self: &Arc<Self>, tell: &(dyn Fn(&Hold) + Send + Sync)) -> Permit {
        loop {
            // The semaphore is never closed; without a slot there would be nothing to wait for.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                continue;
            };
            let mut pace = self.gate.lock().await;
            self.wait_for_server(tell).await;
            pace.wait().await;
            self.shared().in_flight += 1;
            return Permit {
                limiter: Arc::clone(self),
                _slot: slot,
            };
        }
    }

    async fn wait_for_server(&self, tell: &(dyn Fn(&Hold) + Send + Sync)) {
        let mut told_until = None;
        loop {
            let changed = self.changed.notified();
            let Some((until, reason, may_change)) = self.hold() else {
                return;
            };
            if told_until != Some(until) && !may_change {
                told_until = Some(until);
                let wait = until.saturating_duration_since(Instant::now());
                tell(&Hold { wait, reason });
            }
            tokio::select! {
                () = sleep_until(until) => {}
                () = changed => {}
            }
        }
    }

    /// Until when nothing may be sent, why, and whether an answer on its way can change that.
    fn hold(&self) -> Option<(Instant, String, bool)> {
        let now = Instant::now();
        let mut shared = self.shared();
        shared.paused_until.take_if(|(until, _)| *until <= now);
        shared.quota.take_if(|(_, until)| *until <= now);
        if let Some((until, reason)) = &shared.paused_until {
            return Some((*until, reason.clone(), false));
        }
        let (left, until) = shared.quota?;
        if left > shared.in_flight {
            return None;
        }
        let reason = "the quota of requests is used up".to_owned();
        Some((until, reason, shared.in_flight > 0))
    }

    /// Nothing is sent for `wait`: the server has said so.
    pub fn pause(&self, wait: Duration, reason: &str) {
        let until = Instant::now() + wait;
        let mut shared = self.shared();
        if shared
            .paused_until
            .as_ref()
            .is_none_or(|(known, _)| *known < until)
        {
            shared.paused_until = Some((until, reason.to_owned()));
        }
    }

    /// Takes in what an answer says about the requests that are left.
    pub fn note_quota(&self, quota: Quota) {
        let until = Instant::now() + quota.renewed_in;
        let mut shared = self.shared();
        let is_same = |known: Instant| {
            let (early, late) = (known.min(until), known.max(until));
            late - early < SAME_WINDOW
        };
        shared.quota = match shared.quota {
            // Answers overtake each other; the smaller number is the newer one.
            Some((left, known)) if is_same(known) => Some((left.min(quota.left), known.max(until))),
            _ => Some((quota.left, until)),
        };
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut shared = self.limiter.shared();
        shared.in_flight = shared.in_flight.saturating_sub(1);
        drop(shared);
        self.limiter.changed.notify_waiters();
    }
}

impl Pace {
    fn new(requests_per_second: Option<f64>) -> Self {
        let rate = requests_per_second.filter(|rate| *rate > 0.0);
        let burst = rate.map_or(1.0, |rate| rate.floor().max(1.0));
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Pace {
            interval: rate.map(|rate| seconds(SLACK / rate)),
            burst: burst as usize,
            window: seconds(rate.map_or(0.0, |rate| burst / rate)),
            next: None,
            left_at: VecDeque::new(),
        }
    }

    async fn wait(&mut self) {
        let Some(interval) = self.interval else {
            return;
        };
        let now = Instant::now();
        let mut due = self.next.map_or(now, |next| next.max(now));
        if self.left_at.len() >= self.burst
            && let Some(oldest) = self.left_at.pop_front()
        {
            due = due.max(oldest + self.window);
        }
        if due > now {
            sleep_until(due).await;
        }
        self.left_at.push_back(Instant::now());
        self.next = Some(due + interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn departures(limiter: &Arc<Limiter>, count: usize) -> Vec<Duration> {
        let begun = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            drop(limiter.acquire(&|_| ()).await);
            times.push(begun.elapsed());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_and_used() {
        let limiter = Limiter::new(5, Some(10.0));
        let times = departures(&limiter, 101).await;
        let whole = times[100];
        assert!(whole >= Duration::from_secs(10), "{whole:?}");
        assert!(whole <= Duration::from_millis(10_300), "{whole:?}");
        for pair in times.windows(11) {
            assert!(pair[10] - pair[0] >= Duration::from_secs(1), "{pair:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everyone_back_and_is_told() {
        let limiter = Limiter::new(2, None);
        limiter.pause(Duration::from_secs(7), "429");
        let holds = Mutex::new(Vec::new());
        let begun = Instant::now();
        drop(
            limiter
                .acquire(&|hold| holds.lock().unwrap().push(hold.clone()))
                .await,
        );
        assert!(begun.elapsed() >= Duration::from_secs(7));
        let hold = Hold {
            wait: Duration::from_secs(7),
            reason: "429".to_owned(),
        };
        assert_eq!(*holds.lock().unwrap(), [hold]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_under_way_count_against_the_quota() {
        let limiter = Limiter::new(5, None);
        let begun = Instant::now();
        limiter.note_quota(Quota {
            left: 1,
            renewed_in: Duration::from_secs(3),
        });
        let first = limiter.acquire(&|_| ()).await;
        assert!(begun.elapsed() < Duration::from_secs(1));
        let _second = limiter.acquire(&|_| ()).await;
        assert!(begun.elapsed() >= Duration::from_secs(3));
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_allowed_are_under_way() {
        let limiter = Limiter::new(2, None);
        let _first = limiter.acquire(&|_| ()).await;
        let second = limiter.acquire(&|_| ()).await;
        let third = tokio::time::timeout(Duration::from_secs(1), limiter.acquire(&|_| ())).await;
        assert!(third.is_err());
        drop(second);
        let _third = limiter.acquire(&|_| ()).await;
    }
}
