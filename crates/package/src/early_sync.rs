//! Syncs large job files while they are still being written.
//!
//! A package must be on the medium before it is sealed. Left to the end, that wait is added to the run (95 to 145 ms for
//! 105 MB on a plain disk); begun early, on a thread of its own, the medium works while the processor does (45 ms are
//! left). Nothing depends on it: sealing syncs every file again, and only asks here whether an early sync failed, because
//! the system reports such a failure once.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::error::{PackageError, Result};
use crate::fsx::Disk;

/// Bytes of one file between two early syncs: about what a disk takes while the same amount is normalized.
pub(crate) const EARLY_SYNC_BYTES: u64 = 32 * 1024 * 1024;

/// The thread, started with the first request.
#[derive(Debug, Default)]
pub(crate) struct EarlySync {
    worker: Mutex<Option<Worker>>,
}

#[derive(Debug)]
struct Worker {
    requests: Sender<PathBuf>,
    thread: JoinHandle<Result<()>>,
}

impl EarlySync {
    /// Asks for a sync of what `path` holds now. Does not wait.
    pub(crate) fn request(&self, disk: Disk, path: &Path) {
        let mut worker = self
            .worker
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let worker = worker.get_or_insert_with(|| Worker::start(disk));
        // A worker that has failed takes no more; the failure is reported when the package is sealed.
        let _ = worker.requests.send(path.to_owned());
    }

    /// Waits for the syncs that were asked for.
    ///
    /// # Errors
    /// The first sync that failed.
    pub(crate) fn finish(&self) -> Result<()> {
        let worker = self
            .worker
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
        let Some(Worker { requests, thread }) = worker else {
            return Ok(());
        };
        drop(requests);
        thread.join().unwrap_or_else(|_| {
            let cause = std::io::Error::other("the thread that syncs has panicked");
            Err(PackageError::io("sync", Path::new("job files"), cause))
        })
    }
}

impl Worker {
    fn start(disk: Disk) -> Self {
        let (requests, incoming) = channel();
        Worker {
            requests,
            thread: std::thread::spawn(move || sync_all(disk, &incoming)),
        }
    }
}

fn sync_all(disk: Disk, incoming: &Receiver<PathBuf>) -> Result<()> {
    incoming.iter().try_for_each(|path| disk.sync_file(&path))
}
