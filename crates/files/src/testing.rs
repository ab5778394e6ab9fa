//! Helpers of the tests of this crate.

use std::io::{self, Read};

use crate::{Chunks, Content};

/// A reader that gives a few bytes at a time.
pub(crate) struct Dribble {
    text: Vec<u8>,
    at: usize,
    step: usize,
}

impl Dribble {
    pub fn new(text: &[u8], step: usize) -> Self {
        Dribble {
            text: text.to_vec(),
            at: 0,
            step,
        }
    }
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len()).min(self.text.len() - self.at);
        buffer[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Text, line and offset of every chunk.
pub(crate) fn texts_of(chunks: &mut dyn Chunks) -> Vec<(String, u64, u64)> {
    let mut found = Vec::new();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        let Content::Json(text) = chunk.content else {
            panic!("not JSON")
        };
        let text = String::from_utf8(text.to_vec()).unwrap();
        found.push((text, chunk.line, chunk.byte_offset));
    }
    found
}

/// All items of all chunks, parsed.
pub(crate) fn items_of(chunks: &mut dyn Chunks) -> Vec<serde_json::Value> {
    let texts = texts_of(chunks);
    let mut items = Vec::new();
    for (text, ..) in &texts {
        let mut scanner = tipple_json::Scanner::new(text);
        loop {
            scanner.skip_separators();
            if scanner.peek().is_none() {
                break;
            }
            items.push(serde_json::from_str(scanner.skip_value().unwrap()).unwrap());
        }
    }
    items
}
