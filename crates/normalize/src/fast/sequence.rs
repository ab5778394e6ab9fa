//! Pages in, batches out, in order, with as many threads as there are.
//!
//! Text is taken in *chunks* of some pages. A chunk is walked over optimistically by any thread with the plan of the
//! moment; at the first surprise the thread gives back what it has, and the rest is done here, where the reference is.
//! Results are taken in the order of the chunks, so rows, columns and batches are the same for any number of threads: an
//! older plan is still right, and what it does not know comes back as a surprise. Start with [`Sequence::push`].

use std::sync::Arc;

use bytes::Bytes;
use tipple_json::{JsonError, Scanner, text_of};

use super::crew::{Crew, Done, Job};
use super::{Engine, ItemError, Slate};
use crate::batches::TableBatch;
use crate::error::{ItemPlace, NormalizeError, Place, RowError};
use crate::identity::{self, SeededIds};
use crate::reference::Reference;
use crate::rules::RandomIds;

/// Text of a chunk, at least; a batch ends with its chunk. Twice as much is no faster, half as much makes small batches.
const CHUNK_BYTES: usize = 2 << 20;
/// Chunks that wait or are being worked on, for each thread.
const CHUNKS_PER_THREAD: usize = 2;

/// Takes finished batches.
pub(crate) type Emit<'e> = dyn FnMut(TableBatch) -> Result<(), NormalizeError> + 'e;

/// Text with items of one root table.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Table of the items.
    pub root_table: Arc<str>,
    /// JSON values with blanks or commas between them.
    pub text: Bytes,
    /// Where the text was found.
    pub place: Place,
}

/// A part of a page that begins and ends between items.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub page: Page,
    pub start: usize,
    pub end: usize,
    /// Items of the page before the piece.
    items_before: u64,
}

/// A place between two items of a chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position {
    /// Index of the piece.
    pub piece: usize,
    /// Offset in the text of its page.
    pub at: usize,
    /// Items of the piece before.
    pub item: u64,
}

impl Position {
    fn start_of(piece: &Piece) -> Self {
        Position {
            at: piece.start,
            ..Position::default()
        }
    }
}

impl Piece {
    /// The text of the piece.
    ///
    /// # Errors
    /// When it is not UTF-8, with the offset in the page.
    pub fn text(&self) -> Result<&str, JsonError> {
        let text = text_of(&self.page.text[self.start..self.end]);
        text.map_err(|error| error.shifted(self.start))
    }
}

/// Everything between the text and the batches.
pub(crate) struct Sequence {
    engine: Engine,
    /// Rows of the present chunk.
    slate: Slate,
    /// Ids of the root rows of the present chunk, when there is a crew: chunks are not done in order.
    random: Option<SeededIds>,
    /// Text of the present chunk so far.
    chunk_bytes: usize,
    /// Text of a chunk, at least.
    chunk_bytes_min: usize,
    batch_bytes_max: usize,
    id_bytes: usize,
    /// Pieces of the present chunk, when there is a crew.
    waiting: Vec<Piece>,
    crew: Option<Crew>,
    /// Slates of chunks that are done.
    spare: Vec<Slate>,
}

impl Sequence {
    /// No text yet. With more than one thread, so many are started.
    pub fn new(id_bytes: usize, batch_bytes_max: usize, threads: usize) -> Self {
        Sequence {
            engine: Engine::default(),
            slate: Slate::new(id_bytes),
            random: None,
            chunk_bytes: 0,
            // Columns are seldom smaller than their text.
            chunk_bytes_min: CHUNK_BYTES.min(batch_bytes_max),
            batch_bytes_max,
            id_bytes,
            waiting: Vec::new(),
            crew: (threads > 1).then(|| Crew::new(threads)),
            spare: Vec::new(),
        }
    }

    /// Gives every item to the reference from now on.
    pub fn stop(&mut self) {
        self.engine.stop();
    }

    /// Takes a page; batches of earlier pages may come out.
    pub fn push(
        &mut self,
        reference: &mut Reference,
        page: &Page,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        let text = match text_of(&page.text) {
            Ok(text) => text,
            Err(error) => {
                self.settle(reference, emit)?;
                return Err(malformed(page, error));
            }
        };
        for piece in pieces(page, text, self.chunk_bytes_min) {
            self.chunk_bytes += piece.end - piece.start;
            if self.crew.is_some() {
                self.waiting.push(piece);
            } else {
                self.run(reference, &piece, Position::start_of(&piece), emit)?;
            }
            if self.chunk_bytes >= self.chunk_bytes_min {
                self.end_chunk(reference, emit)?;
            }
        }
        Ok(())
    }

    /// Brings everything to an end that was pushed: all its batches come out.
    pub fn settle(
        &mut self,
        reference: &mut Reference,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        if self.chunk_bytes > 0 {
            self.end_chunk(reference, emit)?;
        }
        self.collect(reference, 0, emit)
    }

    /// Forgets the plan: the schema was changed from outside. Everything must have been settled.
    pub fn forget(&mut self) {
        self.engine.forget();
    }

    /// The tables, which are empty when everything was settled.
    pub fn slate(&mut self) -> &mut Slate {
        &mut self.slate
    }

    fn end_chunk(
        &mut self,
        reference: &mut Reference,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        self.chunk_bytes = 0;
        let pieces = std::mem::take(&mut self.waiting);
        let Some(crew) = &mut self.crew else {
            return self.cut(reference, emit);
        };
        if self.engine.is_calm() {
            let limit = crew.size() * CHUNKS_PER_THREAD;
            let slate = self
                .spare
                .pop()
                .unwrap_or_else(|| Slate::new(self.id_bytes));
            crew.send(Job {
                pieces: pieces.into(),
                plan: self.engine.plan(reference),
                slate,
                random: SeededIds::new(reference.seed()),
                stamp: reference.stamp(),
                batch_bytes_max: self.batch_bytes_max,
            });
            return self.collect(reference, limit, emit);
        }
        self.collect(reference, 0, emit)?;
        let from = pieces.first().map(Position::start_of).unwrap_or_default();
        self.run_from(reference, &pieces, from, emit)
    }

    /// Takes results in order until at most `open_max` chunks are left.
    fn collect(
        &mut self,
        reference: &mut Reference,
        open_max: usize,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        while let Some(done) = self.crew.as_mut().and_then(|crew| crew.next(open_max)) {
            self.take(reference, done, emit)?;
        }
        Ok(())
    }

    /// Takes the result of a thread, and does here what the thread has left.
    fn take(
        &mut self,
        reference: &mut Reference,
        done: Done,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        for (table, slot) in done.variants {
            reference.count_variant(table, slot);
        }
        for filled in done.batches {
            reference
                .assemble(filled)?
                .into_iter()
                .try_for_each(&mut *emit)?;
        }
        let Some(from) = done.rest else {
            self.spare.push(done.slate);
            return Ok(());
        };
        let before = std::mem::replace(&mut self.slate, done.slate);
        self.spare.push(before);
        self.random = Some(done.random);
        self.run_from(reference, &done.pieces, from, emit)
    }

    /// Does the rest of a chunk and ends it.
    fn run_from(
        &mut self,
        reference: &mut Reference,
        pieces: &[Piece],
        mut from: Position,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        while let Some(piece) = pieces.get(from.piece) {
            self.run(reference, piece, from, emit)?;
            let piece = from.piece + 1;
            let start = pieces
                .get(piece)
                .map(Position::start_of)
                .unwrap_or_default();
            from = Position { piece, ..start };
        }
        self.cut(reference, emit)
    }

    /// Does the items of a piece from a position on.
    fn run(
        &mut self,
        reference: &mut Reference,
        piece: &Piece,
        from: Position,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        let page = &piece.page;
        let text = piece.text().map_err(|error| malformed(page, error))?;
        let mut scanner = Scanner::starting_at(text, from.at - piece.start);
        let mut item = piece.items_before + from.item;
        loop {
            scanner.skip_separators();
            if scanner.peek().is_none() {
                return Ok(());
            }
            item += 1;
            let start = scanner.at();
            let (engine, slate) = (&mut self.engine, &mut self.slate);
            let result = engine.item(reference, slate, &mut scanner, &page.root_table);
            result.map_err(|error| match error {
                ItemError::Json(error) => malformed(page, error.shifted(piece.start)),
                ItemError::Row(error) => row_error(error, page, piece.start + start, item),
            })?;
            if self.slate.tables.bytes() >= self.batch_bytes_max {
                self.flush(reference, emit)?;
            }
        }
    }

    /// Ends the present chunk.
    fn cut(
        &mut self,
        reference: &mut Reference,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        self.flush(reference, emit)?;
        self.random = None;
        Ok(())
    }

    /// Makes batches of the rows so far.
    fn flush(
        &mut self,
        reference: &mut Reference,
        emit: &mut Emit<'_>,
    ) -> Result<(), NormalizeError> {
        if self.crew.is_some() && self.random.is_none() {
            self.random = Some(SeededIds::new(reference.seed()));
        }
        if self.slate.tables.row_count() == 0 {
            return Ok(());
        }
        let random = self
            .random
            .as_mut()
            .map(|random| random as &mut dyn RandomIds);
        let random = random.unwrap_or_else(|| reference.random());
        identity::make_all(&mut self.slate.tables, random);
        let filled = reference.stamp().fill(&mut self.slate.tables);
        reference.assemble(filled)?.into_iter().try_for_each(emit)
    }
}

/// The whole page, or pieces of it when it is much larger than a chunk.
fn pieces(page: &Page, text: &str, chunk_bytes: usize) -> Vec<Piece> {
    let piece = |start, end, items_before| Piece {
        page: page.clone(),
        start,
        end,
        items_before,
    };
    if text.len() <= 2 * chunk_bytes {
        return vec![piece(0, text.len(), 0)];
    }
    let mut pieces = Vec::with_capacity(text.len() / chunk_bytes.max(1) + 1);
    let (mut start, mut items, mut items_before) = (0, 0, 0);
    let mut scanner = Scanner::new(text);
    loop {
        scanner.skip_separators();
        // What is wrong is found again, and reported, when the last piece is normalized.
        if scanner.peek().is_none() || scanner.skip_value().is_err() {
            pieces.push(piece(start, text.len(), items_before));
            return pieces;
        }
        items += 1;
        if scanner.at() - start >= chunk_bytes {
            pieces.push(piece(start, scanner.at(), items_before));
            (start, items_before) = (scanner.at(), items);
        }
    }
}

fn malformed(page: &Page, error: JsonError) -> NormalizeError {
    let found = tipple_json::locate(&page.text, error.at);
    NormalizeError::Json {
        place: page.place.clone(),
        line: match page.place.line {
            0 => 0,
            first => first + found.line as u64 - 1,
        },
        column: found.column as u64,
        excerpt: found.excerpt,
        error,
    }
}

fn row_error(error: RowError, page: &Page, start: usize, item: u64) -> NormalizeError {
    let lines = memchr::memchr_iter(b'\n', &page.text[..start]).count() as u64;
    let line = if page.place.line == 0 {
        0
    } else {
        page.place.line + lines
    };
    let place = ItemPlace {
        chunk: page.place.clone(),
        line,
        item,
    };
    NormalizeError::Row {
        place,
        error: Box::new(error),
    }
}
