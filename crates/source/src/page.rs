//! Pages and the traits of those who give them.
//!
//! Reading is pulled, one page at a time: the caller decides when the next request or file read happens, so that an
//! incremental cursor can end the reading after any page and memory stays bounded by what the caller holds. Traits are
//! synchronous: a source that talks to the network hides its own executor behind [`PageReader`].

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::SourceError;
use crate::joint::JointSource;
use crate::spec::{ResourceSpec, SourceSpec};

/// Where a page was found; goes into error messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name, URL without secrets, or a word such as `rows`.
    pub origin: Arc<str>,
    /// Number of the page within its origin, from 1.
    pub page: u64,
    /// Line of the first byte of the page within its origin, from 1; 0 where lines mean nothing.
    pub line: u64,
    /// Offset of the first byte of the page within its (decompressed) origin.
    pub byte_offset: u64,
}

impl Place {
    /// The first page of `origin`, at its first byte.
    pub fn start_of(origin: impl Into<Arc<str>>) -> Self {
        Place {
            origin: origin.into(),
            page: 1,
            line: 1,
            byte_offset: 0,
        }
    }

    /// The place of byte `at` of `text`, which begins at this place.
    pub fn moved_to(&self, text: &[u8], at: usize) -> Self {
        let before = &text[..at.min(text.len())];
        let lines = match self.line {
            0 => 0,
            _ => memchr::memchr_iter(b'\n', before).count() as u64,
        };
        Place {
            origin: self.origin.clone(),
            page: self.page,
            line: self.line + lines,
            byte_offset: self.byte_offset + at as u64,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}", self.origin, self.line)
        } else {
            write!(f, "{} page {}", self.origin, self.page)
        }
    }
}

/// What a page holds.
#[derive(Debug, Clone)]
pub enum Body {
    /// A sequence of JSON values separated by blanks, line ends or commas; each value is one item. May be empty: a page
    /// without items is still a page (the table becomes known, `replace` truncates).
    Json(Bytes),
    /// Rows that are columns already; they keep their shape (spec/normalize.md §7.3).
    Arrow(RecordBatch),
}

impl Body {
    /// Size in memory, for budgets.
    pub fn byte_count(&self) -> usize {
        match self {
            Body::Json(text) => text.len(),
            Body::Arrow(batch) => batch.get_array_memory_size(),
        }
    }
}

/// One response or one chunk of a file.
#[derive(Debug, Clone)]
pub struct Page {
    /// The items.
    pub body: Body,
    /// Where they were found.
    pub place: Place,
    /// Number of items when the reader knows it.
    pub item_count: Option<u64>,
}

/// Gives the pages of one resource, in order.
pub trait PageReader: Send {
    /// The next page; `None` at the end, and ever after. Blocks.
    ///
    /// # Errors
    /// [`SourceError`] when the origin cannot be read or holds something else than it should. Do not go on after it.
    fn next_page(&mut self) -> Result<Option<Page>, SourceError>;

    /// What this resource wants to remember, as members of its state object (`sources.<source>.resources.<resource>`).
    /// Asked once, after the last page was read; members that are not named keep their value.
    fn state(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// What a reader needs to know before it starts.
#[derive(Debug, Clone, Default)]
pub struct ReadRequest {
    /// State object of the resource as it was before this run; empty on the first run and with `replace`.
    pub state: Map<String, Value>,
    /// Cursor value from which on the caller keeps rows, lag included, in typed form; a reader may use it to ask for less.
    pub start_value: Option<Value>,
    /// Cursor value at which the caller stops keeping rows.
    pub end_value: Option<Value>,
    /// The caller reads at most this many pages.
    pub page_limit: Option<u64>,
}

/// One stream of items.
pub trait Resource: Send + Sync {
    /// Name and hints.
    fn spec(&self) -> &ResourceSpec;

    /// Starts reading from the beginning. Each call gives an independent reader.
    ///
    /// # Errors
    /// [`SourceError`] when it is clear already that nothing can be read, for instance because no file matches.
    fn open(&self, request: &ReadRequest) -> Result<Box<dyn PageReader>, SourceError>;
}

/// How the resources of a source are read.
pub enum Reading {
    /// Each by itself, to its end, in the order in which they are listed.
    Separate(Vec<Box<dyn Resource>>),
    /// In one schedule, because some are fed by the items of others.
    Joint(Box<dyn JointSource>),
}

/// A named group of resources, ready to be read.
pub struct Source {
    /// Name and settings.
    pub spec: SourceSpec,
    /// Its resources and how they are read.
    pub reading: Reading,
}

impl Source {
    /// A source of resources that do not depend on one another.
    pub fn separate(spec: SourceSpec, resources: Vec<Box<dyn Resource>>) -> Self {
        Source {
            spec,
            reading: Reading::Separate(resources),
        }
    }

    /// A source whose resources are read in one schedule.
    pub fn joint(spec: SourceSpec, source: impl JointSource + 'static) -> Self {
        Source {
            spec,
            reading: Reading::Joint(Box::new(source)),
        }
    }

    /// Names and hints of the resources, in their order.
    pub fn specs(&self) -> Vec<&ResourceSpec> {
        match &self.reading {
            Reading::Separate(resources) => resources.iter().map(|r| r.spec()).collect(),
            Reading::Joint(source) => source.specs(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.specs().iter().map(|spec| spec.name.as_str()).collect();
        f.debug_struct("Source")
            .field("name", &self.spec.name)
            .field("resources", &names)
            .finish()
    }
}
