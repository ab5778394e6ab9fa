//! Files as a source: JSONL, JSON, CSV and Parquet, plain or compressed, from disk or standard input.
//!
//! Reading is a small assembly line of threads: one decompresses, one cuts the bytes into chunks at item boundaries (or
//! turns CSV records into JSON), the caller normalises; between them stand short queues, so that memory is bounded
//! whatever the size of the files. JSON is cut, not parsed: the normaliser checks it, and errors come back with file and
//! line from the place that each chunk carries. Start with [`FileResource`].

mod columnar;
mod csv;
mod find;
mod input;
mod json;
mod jsonl;
mod modified;
mod resource;
#[cfg(test)]
mod testing;

pub use find::FileEntry;
pub use resource::{FileResource, STARTS_OVER};
pub use tipple_source::{Compression, FileSpec, Format};

use arrow_array::RecordBatch;
use bytes::Bytes;
use tipple_source::SourceError;

/// Bytes that a chunk of text aims for.
const CHUNK_BYTES: usize = 2 << 20;

/// Bytes that a single item may have.
const ITEM_BYTES_MAX: usize = 512 << 20;

/// One piece of a file.
#[derive(Debug)]
struct Chunk {
    content: Content,
    /// Line of its first byte, from 1; 0 where lines mean nothing.
    line: u64,
    /// Offset of its first byte in the decompressed file.
    byte_offset: u64,
}

#[derive(Debug)]
enum Content {
    Json(Bytes),
    Arrow(RecordBatch),
}

/// Gives the chunks of one file, in order.
trait Chunks: Send {
    /// The next chunk; `None` at the end.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError>;
}
