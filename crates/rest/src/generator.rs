//! Generators of pages: a resource from its beginning, or a child over the rows of one page of its parent.
//!
//! A child asks for its rows one after another, but the requests of the next rows are under way already; pages come out
//! in the order of the rows. Start with [`Generator::next`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tipple_json::{JsonError, Scanner, text_of};
use tipple_source::{Page, PageReader, SourceError};

use crate::cursors::key_of;
use crate::error::Failure;
use crate::model::ParentLink;
use crate::page::{Rows, with_members};
use crate::request::{Fields, fields_of, included};
use crate::sequence::{Fetched, FromParent, Lane, Shared, Wired};

/// Something that gives pages of one resource.
pub(crate) enum Generator {
    /// A sequence of requests.
    Root(Lane),
    /// Rows that stand in the configuration or a file.
    Seed(Box<dyn PageReader>),
    /// Sequences for the rows of a page of the parent.
    Children(Children),
}

/// A page before the steps of its resource.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) rows: Rows,
    pub(crate) byte_count: usize,
    pub(crate) origin: Arc<str>,
    pub(crate) number: u64,
    /// Key of the cursor of the parent row that it belongs to.
    pub(crate) cursor_key: Option<Arc<str>>,
}

impl Generator {
    /// The next page; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Raw, SourceError>> {
        match self {
            Generator::Root(lane) => Some(lane.next().await?.map(raw)),
            Generator::Seed(reader) => reader
                .next_page()
                .transpose()
                .map(|page| page.and_then(seeded)),
            Generator::Children(children) => children.next().await,
        }
    }
}

fn raw(page: Fetched) -> Raw {
    Raw {
        rows: page.rows,
        byte_count: page.byte_count,
        origin: page.origin,
        number: page.number,
        cursor_key: None,
    }
}

fn seeded(page: Page) -> Result<Raw, SourceError> {
    let tipple_source::Body::Json(text) = page.body else {
        return Err(Failure::Answer {
            code: "source.rest.seed",
            reason: "the rows come as columns".to_owned(),
            help: "seed resources with .jsonl, .json, .csv or .yaml files".to_owned(),
        }
        .at(&page.place.origin));
    };
    let rows = crate::page::read_lines(&text)
        .map_err(|error| SourceError::malformed_json(&text, &page.place, &error))?;
    Ok(Raw {
        byte_count: text.len(),
        rows,
        origin: page.place.origin,
        number: page.place.page,
        cursor_key: None,
    })
}

type Lanes = VecDeque<Result<Lane, SourceError>>;

/// The first of so many lanes that has a page, an error or its end; its place.
fn poll_first(
    lanes: &mut Lanes,
    looked_at: usize,
    context: &mut Context<'_>,
) -> Poll<(usize, Option<Result<Fetched, SourceError>>)> {
    for (index, lane) in lanes.iter_mut().enumerate().take(looked_at) {
        let Ok(lane) = lane else {
            let error = lanes.remove(index).and_then(Result::err);
            return Poll::Ready((index, error.map(Err)));
        };
        if let Poll::Ready(delivery) = lane.poll_next(context) {
            return Poll::Ready((index, delivery));
        }
    }
    Poll::Pending
}

/// A child over the rows of one page of its parent.
pub(crate) struct Children {
    shared: Arc<Shared>,
    wired: Arc<Wired>,
    link: ParentLink,
    rows: Bytes,
    /// Where the next row begins.
    at: usize,
    lanes: Lanes,
}

impl Children {
    /// Must be called within the runtime: the first sequences start at once.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        wired: &Arc<Wired>,
        link: ParentLink,
        rows: Bytes,
    ) -> Self {
        let mut children = Children {
            shared: Arc::clone(shared),
            wired: Arc::clone(wired),
            link,
            rows,
            at: 0,
            lanes: VecDeque::new(),
        };
        children.fill(children.lanes_max());
        children
    }

    /// Sequences that are open side by side.
    fn lanes_max(&self) -> usize {
        match self.shared.taking.is_on_demand {
            true => 0,
            false => self.shared.http.max_concurrency,
        }
    }

    /// The next page: of the first row that has more, or, when order does not matter, of whichever row is ready.
    async fn next(&mut self) -> Option<Result<Raw, SourceError>> {
        let taking = self.shared.taking;
        let is_free = self.wired.is_parallel && !taking.is_deterministic && !taking.is_on_demand;
        loop {
            self.fill(self.lanes_max().max(1));
            let looked_at = if is_free { self.lanes.len() } else { 1 };
            if self.lanes.is_empty() {
                return None;
            }
            let lanes = &mut self.lanes;
            let (index, delivery) = poll_fn(|context| poll_first(lanes, looked_at, context)).await;
            match delivery {
                Some(Ok(page)) => return Some(self.raw(index, page)),
                Some(Err(error)) => return Some(Err(error)),
                None => drop(self.lanes.remove(index)),
            }
        }
    }

    /// The page of a lane, with what its row gives to it.
    fn raw(&self, index: usize, page: Fetched) -> Result<Raw, SourceError> {
        match self.lanes.get(index) {
            Some(Ok(lane)) => {
                let page = Raw {
                    cursor_key: lane.cursor_key.clone(),
                    ..raw(page)
                };
                self.with_included(page, &lane.included)
            }
            _ => Ok(raw(page)),
        }
    }

    fn with_included(&self, mut page: Raw, members: &str) -> Result<Raw, SourceError> {
        if members.is_empty() || page.rows.count == 0 {
            return Ok(page);
        }
        let Some(text) = with_members(&page.rows.text, members) else {
            let failure = Failure::Answer {
                code: "source.rest.rows",
                reason: "a row is no object, so fields of the parent cannot be added to it"
                    .to_owned(),
                help: "leave out `include_from_parent`, or select objects with `data_selector`"
                    .to_owned(),
            };
            return Err(failure.at(&format!("resource `{}` · {}", self.wired.name, page.origin)));
        };
        page.rows.text = text;
        Ok(page)
    }

    /// Starts sequences until `count` are open or the rows are used up.
    fn fill(&mut self, count: usize) {
        while self.lanes.len() < count {
            match self.next_row() {
                Ok(None) => return,
                Ok(Some(row)) => match self.lane(&row) {
                    Ok(None) => {}
                    Ok(Some(lane)) => self.lanes.push_back(Ok(lane)),
                    Err(error) => {
                        self.at = self.rows.len();
                        self.lanes.push_back(Err(error));
                        return;
                    }
                },
                Err(_) => return,
            }
        }
    }

    fn next_row(&mut self) -> Result<Option<Bytes>, JsonError> {
        let text = text_of(&self.rows)?;
        let mut scanner = Scanner::starting_at(text, self.at);
        scanner.skip_separators();
        if scanner.peek().is_none() {
            return Ok(None);
        }
        let row = scanner.skip_value()?;
        self.at = scanner.at();
        Ok(Some(self.rows.slice_ref(row.as_bytes())))
    }

    fn lane(&self, row: &Bytes) -> Result<Option<Lane>, SourceError> {
        let refused = |failure: Failure| failure.at(&format!("resource `{}`", self.wired.name));
        let row = std::str::from_utf8(row).unwrap_or_default();
        let Fields::Found(values) = fields_of(&self.link, row).map_err(refused)? else {
            self.shared.warn(format!(
                "resource `{}`: rows of the parent without the field were passed over",
                self.wired.name
            ));
            return Ok(None);
        };
        let included = included(&self.link, row).map_err(refused)?;
        let cursor = match &self.wired.own_cursors {
            None => None,
            Some(cursors) => {
                let key = key_of(&values);
                let cursor = cursors.values(&key)?;
                Some((Arc::from(key), cursor))
            }
        };
        let parent = FromParent {
            values,
            included,
            cursor,
        };
        Ok(Some(Lane::start(&self.shared, &self.wired, parent)))
    }
}
