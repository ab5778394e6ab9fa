//! Sources whose resources are read in one schedule.
//!
//! Where the items of one resource make the requests of another, pages of all of them come interleaved, in an order that
//! decides the types of columns (spec/rest-api.md §19). Such a source therefore gives tagged pages through one reader,
//! and runs the cursors of its resources itself: a child is fed with what the cursor of its parent has kept. Start with
//! [`JointSource`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::SourceError;
use crate::page::Page;
use crate::spec::ResourceSpec;

/// What a source does while it reads; for progress and counts, never for decisions.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceEvent {
    /// A request was answered.
    Answered {
        /// Resource that sent it.
        resource: Arc<str>,
        /// Status of the answer.
        status: u16,
    },
    /// A request failed and is sent again after a wait.
    Retrying {
        /// Resource that sent it.
        resource: Arc<str>,
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Wait before the next one.
        wait: Duration,
        /// Why it failed, without secrets.
        reason: String,
    },
    /// Requests are held back.
    Waiting {
        /// Resource that waits.
        resource: Arc<str>,
        /// How long.
        wait: Duration,
        /// For what.
        reason: String,
    },
    /// An answer has told how many pages there are.
    Expected {
        /// Resource that has them.
        resource: Arc<str>,
        /// Pages in all, those that were read included.
        pages: u64,
    },
    /// A decision that the source has made for the user, with what to write to make it explicit.
    Note {
        /// Resource that it is about.
        resource: Arc<str>,
        /// The decision.
        message: String,
    },
}

/// Hears what a source does. Called from any thread; must not block.
pub type Notify = Arc<dyn Fn(SourceEvent) + Send + Sync>;

/// A listener that does nothing.
pub fn silent() -> Notify {
    Arc::new(|_| ())
}

/// What a joint reader needs to know before it starts.
#[derive(Clone)]
pub struct JointRequest {
    /// Resources whose items are wanted, as indexes into [`JointSource::specs`]; others are read only to feed these.
    pub wanted: Vec<usize>,
    /// State object of each resource as it was before this run, in the order of the specs.
    pub states: Vec<Map<String, Value>>,
    /// Changes whenever something that was read before is safe: a checkpoint of another epoch is of no use.
    pub epoch: String,
    /// Pages of each resource after which it stops.
    pub page_limit: Option<u64>,
    /// Folder for what makes an interrupted reading go on where it was; none to keep nothing.
    pub checkpoint_dir: Option<PathBuf>,
    /// Hears what happens.
    pub notify: Notify,
}

/// A page and the resource that it belongs to.
#[derive(Debug, Clone)]
pub struct JointPage {
    /// Index into [`JointSource::specs`].
    pub resource: usize,
    /// The page, already filtered by the cursor of the resource.
    pub page: Page,
    /// Bytes that were read for it, decompressed.
    pub byte_count: u64,
}

/// Gives the pages of several resources in the order in which they have to be taken.
pub trait JointReader: Send {
    /// The next page; `None` at the end, and ever after. Blocks.
    ///
    /// # Errors
    /// [`SourceError`] when the origin cannot be read or holds something else than it should. Do not go on after it.
    fn next_page(&mut self) -> Result<Option<JointPage>, SourceError>;

    /// What each resource wants to remember, as members of its state object; members that are not named keep their
    /// value. Asked once, after the last page was read.
    fn states(&self) -> Vec<(usize, Map<String, Value>)>;

    /// What the user should know, since the last call.
    fn take_warnings(&mut self) -> Vec<String>;

    /// Everything that was read is safe now: what was kept for an interruption may go.
    fn sealed(&mut self);
}

/// A source whose resources are read in one schedule.
pub trait JointSource: Send + Sync {
    /// Names and hints of the resources, in their order.
    fn specs(&self) -> Vec<&ResourceSpec>;

    /// Starts reading from the beginning.
    ///
    /// # Errors
    /// [`SourceError`] when it is clear already that nothing can be read.
    fn open(&self, request: JointRequest) -> Result<Box<dyn JointReader>, SourceError>;
}
