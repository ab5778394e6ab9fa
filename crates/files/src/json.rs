//! JSON documents, cut into chunks at the ends of their items, in bounded memory.
//!
//! A document is a list whose elements are the items, or values one after another that are the items themselves. With a
//! selector the list lies inside the document; a plain path to it (`data.items`, `data[*]`) is walked in the stream, so
//! that a document of any size may be read. Any other selector needs the whole document in memory. Start with
//! [`JsonChunks::next_chunk`](crate::Chunks).

mod items;
mod nesting;
mod whole;

use bytes::Bytes;
use tipple_json::{JsonPath, Scanner};
use tipple_source::{Place, SourceError};

use crate::input::Input;
use crate::jsonl::{BOM, too_long};
use crate::{CHUNK_BYTES, Chunk, Chunks, Content, ITEM_BYTES_MAX};
use items::{Items, Misplaced};
use nesting::Nesting;
pub(crate) use whole::WholeChunks;

/// Keys of an object that are listed when the selected one is missing.
const LISTED_KEYS_MAX: usize = 12;

/// Reads `input` as JSON, items at `selector`.
pub(crate) fn chunks(input: Input, selector: Option<&JsonPath>) -> Box<dyn Chunks> {
    match selector {
        None => Box::new(JsonChunks::new(input, Vec::new())),
        Some(path) => match path.list_keys() {
            Some(keys) => Box::new(JsonChunks::new(input, keys)),
            None => Box::new(WholeChunks::new(input, path.clone())),
        },
    }
}

pub(crate) struct JsonChunks {
    input: Input,
    chunk_bytes: usize,
    /// Keys that lead to the items.
    keys: Vec<String>,
    buffer: Vec<u8>,
    /// Start of the bytes of the buffer that are still needed.
    start: usize,
    /// End of those that were looked at.
    at: usize,
    is_at_end: bool,
    /// Place of `start`.
    line: u64,
    byte_offset: u64,
    state: State,
    /// A chunk was given already.
    has_given: bool,
}

enum State {
    /// Between documents.
    Outside,
    /// Among the items.
    Items(Items),
    /// The list has ended: so many objects around it are still open.
    After,
    Done,
}

impl JsonChunks {
    fn new(input: Input, keys: Vec<String>) -> Self {
        JsonChunks {
            input,
            chunk_bytes: CHUNK_BYTES,
            keys,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            is_at_end: false,
            line: 1,
            byte_offset: 0,
            state: State::Outside,
            has_given: false,
        }
    }

    /// Reads one more block. False at the end of the input.
    fn read_block(&mut self) -> Result<bool, SourceError> {
        if self.is_at_end {
            return Ok(false);
        }
        let is_first = self.byte_offset == 0 && self.buffer.is_empty();
        self.buffer.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        // The first block must be long enough to show a byte order mark.
        let wanted = self.chunk_bytes.max(BOM.len());
        let read = self.input.fill(&mut self.buffer, wanted)?;
        self.is_at_end = read < wanted;
        if is_first && self.buffer.starts_with(BOM) {
            self.at = BOM.len();
            self.forget();
        }
        Ok(read > 0)
    }

    /// Forgets what was looked at.
    fn forget(&mut self) {
        let seen = &self.buffer[self.start..self.at];
        self.line += memchr::memchr_iter(b'\n', seen).count() as u64;
        self.byte_offset += seen.len() as u64;
        self.start = self.at;
    }

    /// The next byte, without stepping over it.
    fn peek(&mut self) -> Result<Option<u8>, SourceError> {
        while self.at == self.buffer.len() {
            self.forget();
            if !self.read_block()? {
                return Ok(None);
            }
        }
        Ok(self.buffer.get(self.at).copied())
    }

    fn skip_blanks(&mut self) -> Result<Option<u8>, SourceError> {
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(Some(byte));
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Steps over `byte`, which must come next.
    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), SourceError> {
        match self.skip_blanks()? {
            Some(next) if next == byte => self.at += 1,
            Some(_) => return Err(self.malformed(self.at, reason)),
            None => return Err(self.truncated()),
        }
        Ok(())
    }

    /// Steps over the rest of what `nesting` is inside of.
    fn skip(&mut self, mut nesting: Nesting) -> Result<(), SourceError> {
        loop {
            if let Some(end) = nesting.run(&self.buffer[self.at..]) {
                self.at += end;
                return Ok(());
            }
            self.at = self.buffer.len();
            if self.peek()?.is_none() {
                return Err(self.truncated());
            }
        }
    }

    fn skip_value(&mut self) -> Result<(), SourceError> {
        let first = self.skip_blanks()?;
        self.at += usize::from(first.is_some());
        match first {
            Some(b'"') => self.skip(Nesting::in_text()),
            Some(b'{' | b'[') => self.skip(Nesting::inside(1)),
            Some(_) => {
                while let Some(byte) = self.peek()?
                    && !matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
                {
                    self.at += 1;
                }
                Ok(())
            }
            None => Err(self.truncated()),
        }
    }

    /// Reads the key of a member.
    fn key(&mut self) -> Result<String, SourceError> {
        self.expect(b'"', "a key in double quotes is expected")?;
        self.forget();
        let mut nesting = Nesting::in_text();
        let mut length = 0;
        while let Some(rest) = self.buffer.get(self.start + length..) {
            if let Some(end) = nesting.run(rest) {
                length += end;
                break;
            }
            length += rest.len();
            if length > ITEM_BYTES_MAX || !self.read_block()? {
                return Err(self.truncated());
            }
        }
        let quoted = [b"\"", &self.buffer[self.start..self.start + length]].concat();
        let key = tipple_json::text_of(&quoted)
            .and_then(|text| {
                Scanner::new(text)
                    .string()
                    .map(|key| key.unescape().into_owned())
            })
            .map_err(|error| self.malformed(self.start + error.at, error.kind.to_string()))?;
        self.at = self.start + length;
        self.expect(b':', "`:` is expected after the key")?;
        Ok(key)
    }

    /// Goes down along the keys to the value that is selected.
    fn walk(&mut self) -> Result<(), SourceError> {
        for depth in 0..self.keys.len() {
            if self.skip_blanks()? != Some(b'{') {
                return Err(self.nothing_selected(depth, "is no object".to_owned()));
            }
            self.at += 1;
            self.walk_into(depth)?;
        }
        Ok(())
    }

    fn walk_into(&mut self, depth: usize) -> Result<(), SourceError> {
        let mut keys = Vec::new();
        let mut next = self.skip_blanks()?;
        while next != Some(b'}') {
            let key = self.key()?;
            if key == self.keys[depth] {
                return Ok(());
            }
            keys.push(key);
            self.skip_value()?;
            next = self.skip_blanks()?;
            match next {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                Some(_) => return Err(self.malformed(self.at, "`,` or `}` is expected")),
                None => return Err(self.truncated()),
            }
        }
        let shown = keys
            .iter()
            .take(LISTED_KEYS_MAX)
            .map(|key| format!("`{key}`"));
        let reason = match keys.len() {
            0 => "is empty".to_owned(),
            count if count > LISTED_KEYS_MAX => {
                format!(
                    "has {count} other keys, among them {}",
                    shown.collect::<Vec<_>>().join(", ")
                )
            }
            _ => format!("has only the keys {}", shown.collect::<Vec<_>>().join(", ")),
        };
        Err(self.nothing_selected(depth, reason))
    }

    /// Begins the next document.
    fn begin(&mut self) -> Result<(), SourceError> {
        if self.skip_blanks()?.is_none() {
            self.state = State::Done;
            return Ok(());
        }
        self.walk()?;
        let first = self.skip_blanks()?;
        self.state = match first {
            Some(b'[') => {
                self.at += 1;
                State::Items(Items::of_list())
            }
            _ if self.keys.is_empty() => State::Items(Items::in_sequence()),
            _ => return Err(self.nothing_selected(self.keys.len(), "is no list".to_owned())),
        };
        self.forget();
        Ok(())
    }

    /// Looks at more bytes until a chunk is full or the list ends; gives the chunk.
    fn gather(&mut self) -> Result<Option<Chunk>, SourceError> {
        // Counted from `start`, which stays while the buffer moves.
        let mut item_end = None;
        loop {
            let State::Items(items) = &mut self.state else {
                return Ok(None);
            };
            let found = match items.run(&self.buffer[self.at..]) {
                Ok(found) => found,
                Err(Misplaced { at, reason }) => return Err(self.malformed(self.at + at, reason)),
            };
            let seen = self.at - self.start;
            item_end = found.item_end.map(|end| seen + end).or(item_end);
            self.at = found
                .list_end
                .map_or(self.buffer.len(), |end| self.at + end);
            if found.list_end.is_some() {
                self.state = State::After;
                return Ok(self.give(item_end));
            }
            if item_end.is_some_and(|end| end >= self.chunk_bytes / 2) {
                return Ok(self.give(item_end));
            }
            if self.buffer.len() > ITEM_BYTES_MAX {
                return Err(too_long(&self.input.name, self.line));
            }
            if !self.read_block()? {
                return self.end_sequence();
            }
        }
    }

    /// The input has ended among the items.
    fn end_sequence(&mut self) -> Result<Option<Chunk>, SourceError> {
        let State::Items(items) = &mut self.state else {
            return Ok(None);
        };
        if items.is_open_at_end() {
            return Err(self.truncated());
        }
        self.state = State::Done;
        Ok(self.give(Some(self.buffer.len() - self.start)))
    }

    /// Gives the `length` bytes from `start` on, without the separators at their beginning.
    fn give(&mut self, length: Option<usize>) -> Option<Chunk> {
        let end = self.start + length?;
        let is_separator = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',');
        let skipped = self.buffer[self.start..end]
            .iter()
            .position(|byte| !is_separator(byte))?;
        let seen_beyond = self.at - end;
        self.at = self.start + skipped;
        self.forget();
        let rest = self.buffer.split_off(end);
        let text = Bytes::from(std::mem::replace(&mut self.buffer, rest)).slice(self.start..);
        let (line, byte_offset) = (self.line, self.byte_offset);
        self.line += memchr::memchr_iter(b'\n', &text).count() as u64;
        self.byte_offset += text.len() as u64;
        (self.start, self.at) = (0, seen_beyond);
        Some(Chunk {
            content: Content::Json(text),
            line,
            byte_offset,
        })
    }

    fn place(&self) -> Place {
        let start = Place::start_of(self.input.name.as_str());
        Place {
            line: self.line,
            byte_offset: self.byte_offset,
            ..start
        }
    }

    fn malformed(&self, at: usize, reason: impl Into<String>) -> SourceError {
        let text = &self.buffer[self.start..];
        Input::malformed("JSON", text, &self.place(), at - self.start, reason)
    }

    fn truncated(&self) -> SourceError {
        SourceError::Truncated {
            origin: self.input.name.clone(),
            reason: format!("a JSON value that is open at line {} has no end", self.line),
        }
    }

    fn nothing_selected(&self, depth: usize, reason: String) -> SourceError {
        let whole = self.keys.join(".");
        let above = match depth {
            0 => "the document".to_owned(),
            _ => format!("`{}`", self.keys[..depth].join(".")),
        };
        SourceError::Other {
            code: "source.file.selector",
            message: format!(
                "the selector `{whole}` finds no items in `{}`: {above} {reason}",
                self.place()
            ),
            help: vec![
                "name the path to the list of items, for instance `selector: data.items`"
                    .to_owned(),
            ],
            cause: None,
        }
    }
}

impl Chunks for JsonChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            match self.state {
                State::Outside => self.begin()?,
                State::Items(_) => {
                    if let Some(chunk) = self.gather()? {
                        self.has_given = true;
                        return Ok(Some(chunk));
                    }
                }
                State::After => {
                    if !self.keys.is_empty() {
                        self.skip(Nesting::inside(self.keys.len() as u32))?;
                    }
                    self.state = State::Outside;
                }
                State::Done if self.has_given => return Ok(None),
                // A file without items is still a page: the table becomes known, `replace` empties it.
                State::Done => {
                    self.has_given = true;
                    let content = Content::Json(Bytes::new());
                    return Ok(Some(Chunk {
                        content,
                        line: 1,
                        byte_offset: 0,
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
