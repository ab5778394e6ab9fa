//! What a run is doing, while it does it: typed events on a broadcast.
//!
//! Progress display, JSON log, live pages, metrics and tests all listen to the same events. A listener has a queue of
//! its own; one that is too slow loses the oldest events and never slows the run. Without listeners an event costs one
//! load of an atomic. Start with [`Events::send`] and [`Events::listen`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::report::Step;
use crate::rundoc::RunStatus;
use crate::time::{iso, now_micros};

/// Events kept for a listener that is behind. At ten pages a second this is more than a minute.
const QUEUE_EVENTS_MAX: usize = 1024;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run has begun.
    RunStarted {
        /// Identifies the run.
        transaction_id: String,
        /// Pipeline.
        pipeline: String,
    },
    /// A step has begun.
    StepStarted {
        /// Step.
        step: Step,
    },
    /// A step has ended.
    StepFinished {
        /// Step.
        step: Step,
        /// Wall time.
        seconds: f64,
        /// False if it failed.
        is_ok: bool,
    },
    /// A page of a resource was read.
    PageRead {
        /// Resource.
        resource: String,
        /// Items of the page.
        rows: u64,
        /// Bytes of the page.
        bytes: u64,
    },
    /// A request failed and is sent again after a wait.
    RequestRetried {
        /// Resource.
        resource: String,
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Wait before the next one.
        wait_seconds: f64,
        /// Why it failed.
        reason: String,
    },
    /// A resource waits before it sends more requests.
    Waiting {
        /// Resource.
        resource: String,
        /// How long.
        wait_seconds: f64,
        /// For what.
        reason: String,
    },
    /// The source knows how many pages there are.
    PagesExpected {
        /// Resource.
        resource: String,
        /// Pages in all, those that were read included.
        pages: u64,
    },
    /// The source has decided something for the user.
    Note {
        /// Resource.
        resource: String,
        /// The decision.
        message: String,
    },
    /// A resource has no more pages.
    ResourceFinished {
        /// Resource.
        resource: String,
        /// Items in all.
        rows: u64,
        /// Bytes in all.
        bytes: u64,
        /// Pages.
        pages: u64,
    },
    /// The rows of a table are in their files.
    TableNormalized {
        /// Table.
        table: String,
        /// Rows.
        rows: u64,
    },
    /// A table or column was added.
    SchemaChanged {
        /// Table.
        table: String,
        /// Columns added, in order; all of them for a new table.
        columns: Vec<String>,
        /// True for a new table.
        is_new_table: bool,
    },
    /// A job was handed to the destination.
    JobStarted {
        /// Package.
        load_id: String,
        /// Job.
        job: String,
        /// Table.
        table: String,
    },
    /// A job is done.
    JobFinished {
        /// Package.
        load_id: String,
        /// Job.
        job: String,
        /// Table.
        table: String,
        /// Rows.
        rows: u64,
        /// Bytes of the file.
        bytes: u64,
    },
    /// A job failed and will be tried again.
    JobRetried {
        /// Package.
        load_id: String,
        /// Job.
        job: String,
        /// Table.
        table: String,
        /// Number of the try that failed, from 0.
        retry: u32,
        /// Why it failed.
        message: String,
    },
    /// A package is visible.
    PackageLoaded {
        /// Package.
        load_id: String,
        /// Rows in all its jobs.
        rows: u64,
    },
    /// The run has ended.
    RunFinished {
        /// How.
        status: RunStatus,
        /// Wall time.
        seconds: f64,
    },
    /// Something that the user should know.
    Warning {
        /// What it is.
        message: String,
        /// What can be done about it.
        help: Option<String>,
    },
}

/// An event with its time and run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stamped {
    /// Time, ISO 8601.
    pub ts: String,
    /// Run; empty before the first [`Event::RunStarted`].
    pub run: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// Where a run tells what it does. Copies tell the same listeners.
#[derive(Clone, Default)]
pub struct Events {
    hub: Arc<Hub>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.hub.listener_count.load(Ordering::Relaxed);
        f.debug_struct("Events").field("listeners", &count).finish()
    }
}

impl Events {
    /// Events that nobody listens to yet.
    pub fn new() -> Self {
        Events::default()
    }

    /// Tells all listeners. Never waits for one.
    pub fn send(&self, event: Event) {
        if self.hub.listener_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut inner = locked(&self.hub.inner);
        if let Event::RunStarted { transaction_id, .. } = &event {
            inner.run.clone_from(transaction_id);
        }
        let stamped = Stamped {
            ts: iso(now_micros()),
            run: inner.run.clone(),
            event,
        };
        inner.queues.retain(|queue| Arc::strong_count(queue) > 1);
        self.hub
            .listener_count
            .store(inner.queues.len(), Ordering::Relaxed);
        for queue in &inner.queues {
            queue.push(stamped.clone());
        }
    }

    /// A new listener; it hears what is sent from now on.
    pub fn listen(&self) -> Listener {
        let queue = Arc::new(Queue::default());
        let mut inner = locked(&self.hub.inner);
        inner.queues.push(Arc::clone(&queue));
        self.hub
            .listener_count
            .store(inner.queues.len(), Ordering::Relaxed);
        Listener { queue }
    }
}

#[derive(Default)]
struct Hub {
    listener_count: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    run: String,
    queues: Vec<Arc<Queue>>,
}

/// The last sender is gone: listeners are told that nothing more comes.
impl Drop for Hub {
    fn drop(&mut self) {
        for queue in &locked(&self.inner).queues {
            locked(&queue.state).is_closed = true;
            queue.arrived.notify_all();
        }
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Stamped>,
    lost: u64,
    is_closed: bool,
}

impl Queue {
    fn push(&self, event: Stamped) {
        let mut state = locked(&self.state);
        if state.waiting.len() == QUEUE_EVENTS_MAX {
            state.waiting.pop_front();
            state.lost += 1;
        }
        state.waiting.push_back(event);
        self.arrived.notify_one();
    }
}

/// Hears the events of a run.
pub struct Listener {
    queue: Arc<Queue>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("waiting", &locked(&self.queue.state).waiting.len())
            .finish()
    }
}

impl Listener {
    /// The next event; waits for it. `None`: nothing more will come.
    pub fn next_event(&self) -> Option<Stamped> {
        let mut state = locked(&self.queue.state);
        loop {
            match state.waiting.pop_front() {
                Some(event) => return Some(event),
                None if state.is_closed => return None,
                None => {
                    let waited = self.queue.arrived.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// The next event, waiting at most `patience`. `None`: none came, or nothing more will ([`Listener::is_over`]).
    pub fn next_within(&self, patience: Duration) -> Option<Stamped> {
        let until = Instant::now() + patience;
        let mut state = locked(&self.queue.state);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match state.waiting.pop_front() {
                Some(event) => return Some(event),
                None if state.is_closed || left.is_zero() => return None,
                None => {
                    let waited = self.queue.arrived.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Events that wait now, oldest first. Does not wait.
    pub fn drain(&self) -> Vec<Stamped> {
        locked(&self.queue.state).waiting.drain(..).collect()
    }

    /// True if nothing waits and nothing more will come.
    pub fn is_over(&self) -> bool {
        let state = locked(&self.queue.state);
        state.is_closed && state.waiting.is_empty()
    }

    /// Events that were lost because this listener was behind.
    pub fn lost(&self) -> u64 {
        locked(&self.queue.state).lost
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use super::*;

    fn page(rows: u64) -> Event {
        Event::PageRead {
            resource: "orders".to_owned(),
            rows,
            bytes: 1,
        }
    }

    fn started(run: &str) -> Event {
        Event::RunStarted {
            transaction_id: run.to_owned(),
            pipeline: "shop".to_owned(),
        }
    }

    #[test]
    fn every_listener_hears_everything_from_when_it_listens() {
        let events = Events::new();
        events.send(page(0));
        let first = events.listen();
        events.send(started("r1"));
        let second = events.listen();
        events.clone().send(page(1));
        let heard = |listener: &Listener| -> Vec<Event> {
            listener
                .drain()
                .into_iter()
                .map(|stamped| stamped.event)
                .collect()
        };
        assert_eq!(heard(&first), [started("r1"), page(1)]);
        assert_eq!(heard(&second), [page(1)]);
    }

    #[test]
    fn a_slow_listener_loses_the_oldest_and_holds_nobody_up() {
        let events = Events::new();
        let slow = events.listen();
        for rows in 0..QUEUE_EVENTS_MAX as u64 + 10 {
            events.send(page(rows));
        }
        assert_eq!(slow.lost(), 10);
        assert_eq!(slow.next_event().unwrap().event, page(10));
    }

    #[test]
    fn a_listener_ends_with_the_last_sender() {
        let events = Events::new();
        let listener = events.listen();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while listener.next_event().is_some() {
                count += 1;
            }
            (count, listener.is_over())
        });
        let copy = events.clone();
        drop(events);
        copy.send(page(1));
        drop(copy);
        assert_eq!(thread.join().unwrap(), (1, true));
    }

    #[test]
    fn patience_ends() {
        let events = Events::new();
        let listener = events.listen();
        assert!(listener.next_within(Duration::from_millis(1)).is_none());
        assert!(!listener.is_over());
        events.send(page(1));
        assert!(listener.next_within(Duration::from_secs(10)).is_some());
    }

    #[test]
    fn a_listener_that_is_gone_is_forgotten() {
        let events = Events::new();
        drop(events.listen());
        events.send(page(1));
        assert_eq!(format!("{events:?}"), "Events { listeners: 0 }");
    }

    #[test]
    fn an_event_is_one_flat_json_object() {
        let events = Events::new();
        let listener = events.listen();
        events.send(started("r1"));
        events.send(page(7));
        let mut json = serde_json::to_value(listener.drain().pop().unwrap()).unwrap();
        assert!(json["ts"].take().as_str().unwrap().ends_with("+00:00"));
        assert_eq!(
            json,
            serde_json::json!({
                "ts": null, "run": "r1", "event": "page_read", "resource": "orders", "rows": 7, "bytes": 1
            })
        );
    }
}
