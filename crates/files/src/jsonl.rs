//! One JSON value per line: the text is cut after the last line end of each block, nothing is looked at.

use bytes::Bytes;
use tipple_source::SourceError;

use crate::input::Input;
use crate::{CHUNK_BYTES, Chunk, Chunks, Content, ITEM_BYTES_MAX};

/// Byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

pub(crate) struct LineChunks {
    input: Input,
    chunk_bytes: usize,
    /// The start of a line whose end was not read yet.
    rest: Vec<u8>,
    line: u64,
    byte_offset: u64,
    is_done: bool,
}

impl LineChunks {
    pub fn new(input: Input) -> Self {
        let chunk_bytes = CHUNK_BYTES;
        LineChunks {
            input,
            chunk_bytes,
            rest: Vec::new(),
            line: 1,
            byte_offset: 0,
            is_done: false,
        }
    }

    /// A buffer that holds the rest and at least one line end, or all that is left.
    fn read_lines(&mut self) -> Result<(Vec<u8>, usize), SourceError> {
        let mut buffer = Vec::with_capacity(self.chunk_bytes);
        buffer.append(&mut self.rest);
        loop {
            let start = buffer.len();
            let wanted = self
                .chunk_bytes
                .saturating_sub(start)
                .max(self.chunk_bytes / 2)
                .max(1);
            if self.input.fill(&mut buffer, wanted)? < wanted {
                self.is_done = true;
                let end = buffer.len();
                return Ok((buffer, end));
            }
            if let Some(newline) = memchr::memrchr(b'\n', &buffer[start..]) {
                return Ok((buffer, start + newline + 1));
            }
            if buffer.len() > ITEM_BYTES_MAX {
                return Err(too_long(&self.input.name, self.line));
            }
        }
    }
}

/// The error for an item that would not fit into memory.
pub(crate) fn too_long(name: &str, line: u64) -> SourceError {
    SourceError::Other {
        code: "source.file.item_too_long",
        message: format!(
            "`{name}` has an item at line {line} that is longer than {} MiB",
            ITEM_BYTES_MAX >> 20
        ),
        help: vec![
            "if the file is one JSON document, say so: `format: json` (with `selector`, when the items are inside it)"
                .to_owned(),
        ],
        cause: None,
    }
}

impl Chunks for LineChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        if self.is_done {
            return Ok(None);
        }
        let (mut buffer, end) = self.read_lines()?;
        self.rest.extend_from_slice(&buffer[end..]);
        buffer.truncate(end);
        let (line, byte_offset) = (self.line, self.byte_offset);
        self.line += memchr::memchr_iter(b'\n', &buffer).count() as u64;
        self.byte_offset += buffer.len() as u64;
        let mut text = Bytes::from(buffer);
        if byte_offset == 0 && text.starts_with(BOM) {
            text = text.slice(BOM.len()..);
        }
        if text.is_empty() && byte_offset > 0 {
            return Ok(None);
        }
        Ok(Some(Chunk {
            content: Content::Json(text),
            line,
            byte_offset,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Dribble, texts_of};

    fn chunks(text: &[u8], chunk_bytes: usize, step: usize) -> Vec<(String, u64, u64)> {
        let mut chunks = LineChunks::new(Input::of(Dribble::new(text, step)));
        chunks.chunk_bytes = chunk_bytes;
        texts_of(&mut chunks)
    }

    #[test]
    fn chunks_end_at_line_ends_and_know_their_place() {
        let found = chunks(b"{\"a\":1}\n{\"a\":22222222}\n{\"a\":3}", 12, 5);
        let expected = [
            ("{\"a\":1}\n", 1, 0),
            ("{\"a\":22222222}\n", 2, 8),
            ("{\"a\":3}", 3, 23),
        ];
        assert_eq!(
            found,
            expected.map(|(text, line, offset)| (text.to_owned(), line, offset))
        );
    }

    #[test]
    fn an_empty_file_gives_one_empty_chunk_and_a_mark_is_dropped() {
        assert_eq!(chunks(b"", 12, 5), [(String::new(), 1, 0)]);
        assert_eq!(
            chunks(b"\xEF\xBB\xBF{}\r\n", 12, 5),
            [("{}\r\n".to_owned(), 1, 0)]
        );
    }

    proptest! {
        #[test]
        fn chunks_joined_are_the_file(
            text in "[a-c\n]{0,200}", chunk_bytes in 1usize..64, step in 1usize..16,
        ) {
            let found = chunks(text.as_bytes(), chunk_bytes, step);
            let joined: String = found.iter().map(|chunk| chunk.0.as_str()).collect();
            prop_assert_eq!(&joined, &text);
            for (chunk, line, offset) in &found[..found.len() - 1] {
                prop_assert!(chunk.ends_with('\n'));
                let before = &text[..*offset as usize];
                prop_assert_eq!(before.matches('\n').count() as u64 + 1, *line);
            }
        }
    }
}
