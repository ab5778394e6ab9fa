//! Items of a chunk of text that go on together.

use bytes::{Bytes, BytesMut};

/// Byte range of an item: start and end.
pub(crate) type Span = (usize, usize);

/// Some items of a chunk, in order.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Byte ranges; neighbours are one range, with what separates them.
    spans: Vec<Span>,
    /// Number of the item that would go on the last range.
    next_item: u64,
    /// Items that were added.
    pub count: u64,
}

impl Runs {
    /// Adds the item with this number in its chunk, from 0.
    pub fn add(&mut self, item: u64, span: Span) {
        match self.spans.last_mut() {
            Some(run) if self.next_item == item => run.1 = span.1,
            _ => self.spans.push(span),
        }
        self.next_item = item + 1;
        self.count += 1;
    }

    /// Where the items begin, when they are neighbours.
    pub fn start(&self) -> Option<usize> {
        match self.spans[..] {
            [(start, _)] => Some(start),
            _ => None,
        }
    }

    /// The items as a chunk of their own; shares memory with `chunk` when they are neighbours.
    pub fn bytes_of(&self, chunk: &Bytes) -> Bytes {
        if let [(start, end)] = self.spans[..] {
            return chunk.slice(start..end);
        }
        let length = self.spans.iter().map(|(start, end)| end - start + 1).sum();
        let mut bytes = BytesMut::with_capacity(length);
        for (start, end) in &self.spans {
            bytes.extend_from_slice(&chunk[*start..*end]);
            bytes.extend_from_slice(b"\n");
        }
        bytes.freeze()
    }
}
