//! Everything a running server knows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::data::Store;
use crate::faults::{Desk, Twist};
use crate::log::Log;
use crate::options::Options;
use crate::request::{Answer, Request};
use crate::time::{BASE_S, Clock};
use crate::tokens::Tokens;

/// How long Pixlee's cache keeps an answer.
const CACHE_MS: u64 = 120_000;

/// State shared by all connections and by the handle in the test.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) latency_ms: AtomicU64,
    store: Mutex<Store>,
    log: Mutex<Log>,
    faults: Mutex<Desk>,
    tokens: Mutex<Tokens>,
    window: Mutex<Window>,
    /// Answers of Pixlee's cache and the moment at which they end, by URL.
    cache: Mutex<HashMap<String, (u64, Answer)>>,
}

/// One fixed window of a rate limit.
#[derive(Debug, Default)]
pub(crate) struct Window {
    began_ms: u64,
    used: u32,
}

/// What the rate limit says about one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Whole seconds to the end of the window.
    pub(crate) reset_s: u64,
    pub(crate) is_over: bool,
}

impl State {
    pub(crate) fn new(options: Options, url: String) -> Self {
        State {
            latency_ms: AtomicU64::new(options.latency_ms),
            store: Mutex::new(Store::new(&options)),
            options,
            url,
            clock: Clock::new(),
            log: Mutex::default(),
            faults: Mutex::default(),
            tokens: Mutex::default(),
            window: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        locked(&self.log)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Desk> {
        locked(&self.faults)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        locked(&self.tokens)
    }

    /// The moment that rows are compared with: the base of all data plus the time since the start.
    pub(crate) fn now_s(&self) -> i64 {
        BASE_S + (self.clock.now_ms() / 1000) as i64
    }

    pub(crate) fn latency_ms(&self) -> u64 {
        self.latency_ms.load(Ordering::Relaxed)
    }

    /// Forgets log, faults, tokens, changes of data and the rate window.
    pub(crate) fn reset(&self) {
        *self.store() = Store::new(&self.options);
        self.log().reset();
        *self.faults() = Desk::default();
        *self.tokens() = Tokens::default();
        *locked(&self.window) = Window::default();
        locked(&self.cache).clear();
    }

    /// The answer to a URL that the cache still has, or the one that is made now and kept for a while.
    pub(crate) fn cached(&self, url: String, make: impl FnOnce() -> Answer) -> Answer {
        let now_ms = self.clock.now_ms();
        let known = locked(&self.cache).get(&url).cloned();
        if let Some((_, answer)) = known.filter(|(end_ms, _)| now_ms < *end_ms) {
            return answer;
        }
        let answer = make();
        locked(&self.cache).insert(url, (now_ms + CACHE_MS, answer.clone()));
        answer
    }

    /// Counts a request against the rate limit.
    pub(crate) fn use_allowance(&self) -> Allowance {
        let window_ms = self.options.window_s * 1000;
        let Some(limit) = self.options.rate_limit else {
            return Allowance {
                limit: 1_000_000,
                remaining: 1_000_000,
                reset_s: self.options.window_s,
                is_over: false,
            };
        };
        let now_ms = self.clock.now_ms();
        let mut window = locked(&self.window);
        if now_ms >= window.began_ms + window_ms || window.used == 0 {
            *window = Window {
                began_ms: now_ms,
                used: 0,
            };
        }
        let is_over = window.used >= limit;
        window.used += u32::from(!is_over);
        Allowance {
            limit,
            remaining: limit - window.used,
            reset_s: (window.began_ms + window_ms - now_ms).div_ceil(1000),
            is_over,
        }
    }
}

/// A panic of one request must not take the server away from all later ones.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request in the hands of a handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) state: &'a State,
    pub(crate) request: &'a Request,
    pub(crate) twist: Twist,
}
