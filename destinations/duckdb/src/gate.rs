//! One instance at a time that writes a file, in this process.
//!
//! DuckDB's lock on a file keeps other processes out, not this one: a second instance that is opened while the first is
//! still closing reads a file in change, or misses a log that is just being removed. Start with [`Gate::enter`].

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Lets one instance in; the next waits until it has left.
#[derive(Debug, Default)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_taken: Mutex<bool>,
    left: Condvar,
}

/// Held as long as an instance is open; leaves the gate when dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Shared>);

impl Gate {
    /// Waits until nobody is in, and goes in.
    pub fn enter(&self) -> Pass {
        *self.wait() = true;
        Pass(Arc::clone(&self.0))
    }

    /// Waits until nobody is in.
    pub fn wait(&self) -> MutexGuard<'_, bool> {
        let taken = self.0.is_taken.lock();
        let taken = taken.unwrap_or_else(PoisonError::into_inner);
        let taken = self.0.left.wait_while(taken, |is_taken| *is_taken);
        taken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        *self
            .0
            .is_taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_is_in_at_a_time() {
        let (gate, inside) = (Gate::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let pass = gate.enter();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(pass);
                    }
                });
            }
        });
    }
}
