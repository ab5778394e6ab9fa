//! The decompressed bytes of a file.
//!
//! Compressed files are read ahead by a thread of their own: decompression is the slowest step of the way into the
//! normaliser, and needs nothing from the others. Plain files are read where they are cut.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use flate2::read::MultiGzDecoder;
use tipple_source::{Compression, Place, SourceError};

use crate::find::FileEntry;

/// Bytes per block that the decompression thread hands over, and how many blocks may wait.
const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS_AHEAD: usize = 3;

/// Bytes from which the compression is told.
const MAGIC_BYTES: usize = 4;

/// A file or stream that is being read.
pub(crate) struct Input {
    /// Its name in messages.
    pub name: String,
    reader: Box<dyn Read + Send>,
    /// How it was compressed.
    pub compression: Compression,
}

impl Input {
    /// Opens `entry`; its compression is told by the first bytes unless it is given.
    pub fn open(entry: &FileEntry, compression: Option<Compression>) -> Result<Self, SourceError> {
        let name = entry.name.clone();
        let failed = |cause| SourceError::Io {
            origin: entry.name.clone(),
            cause,
        };
        let mut raw: Box<dyn Read + Send> = if entry.is_stdin() {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&entry.path).map_err(failed)?)
        };
        let (magic, raw) = match compression {
            Some(_) => (Vec::new(), raw),
            None => {
                let magic = read_start(&mut raw).map_err(failed)?;
                (
                    magic.clone(),
                    Box::new(io::Cursor::new(magic).chain(raw)) as Box<dyn Read + Send>,
                )
            }
        };
        let compression = compression.unwrap_or_else(|| compression_of(&magic));
        let reader = decompressed(raw, compression).map_err(failed)?;
        Ok(Input {
            name,
            reader,
            compression,
        })
    }

    /// An input over bytes in memory.
    #[cfg(test)]
    pub fn of(reader: impl Read + Send + 'static) -> Self {
        let (name, reader) = ("test".to_owned(), Box::new(reader));
        Input {
            name,
            reader,
            compression: Compression::None,
        }
    }

    /// Appends up to `wanted` bytes to `buffer`; fewer only at the end of the input.
    pub fn fill(&mut self, buffer: &mut Vec<u8>, wanted: usize) -> Result<usize, SourceError> {
        let before = buffer.len();
        let reader = self.reader.by_ref();
        let read = reader
            .take(wanted as u64)
            .read_to_end(buffer)
            .map_err(|cause| self.failed(cause));
        read.map(|_| buffer.len() - before)
    }

    /// The same input with `start` before what is left of it.
    pub fn with_start(self, start: Vec<u8>) -> Self {
        let reader = Box::new(io::Cursor::new(start).chain(self.reader));
        Input {
            name: self.name,
            reader,
            compression: self.compression,
        }
    }

    /// An input of the same name that holds only `bytes`.
    pub fn part(&self, bytes: Vec<u8>) -> Self {
        let reader = Box::new(io::Cursor::new(bytes));
        Input {
            name: self.name.clone(),
            reader,
            compression: Compression::None,
        }
    }

    fn failed(&self, cause: io::Error) -> SourceError {
        Self::failure(&self.name, self.compression, cause)
    }

    /// The error for a failed read.
    pub fn failure(name: &str, compression: Compression, cause: io::Error) -> SourceError {
        let origin = name.to_owned();
        let what = match compression {
            Compression::None => return SourceError::Io { origin, cause },
            Compression::Gzip => "gzip",
            Compression::Zstd => "Zstandard",
        };
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Truncated {
                origin,
                reason: format!("the {what} data is incomplete"),
            },
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => {
                SourceError::Io { origin, cause }
            }
            _ => SourceError::Other {
                code: "source.file.corrupt",
                message: format!(
                    "`{origin}` holds {what} data that cannot be decompressed: {cause}"
                ),
                help: vec!["the file is damaged: fetch it again".to_owned()],
                cause: None,
            },
        }
    }

    /// The error for bytes at `place` that are not `format`.
    pub fn malformed(
        format: &'static str,
        text: &[u8],
        place: &Place,
        at: usize,
        reason: impl Into<String>,
    ) -> SourceError {
        let found = tipple_json::locate(text, at);
        SourceError::Malformed {
            format,
            place: place.moved_to(text, at),
            column: found.column as u64,
            reason: reason.into(),
            excerpt: found.excerpt,
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

fn read_start(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(MAGIC_BYTES);
    reader.take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn compression_of(magic: &[u8]) -> Compression {
    if magic.starts_with(&[0x1f, 0x8b]) {
        Compression::Gzip
    } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Compression::Zstd
    } else {
        Compression::None
    }
}

fn decompressed(
    raw: Box<dyn Read + Send>,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send>> {
    match compression {
        Compression::None => Ok(raw),
        Compression::Gzip => {
            let buffered = io::BufReader::with_capacity(BLOCK_BYTES / 4, raw);
            read_ahead(MultiGzDecoder::new(buffered))
        }
        Compression::Zstd => read_ahead(zstd::stream::read::Decoder::new(raw)?),
    }
}

/// Reads from `reader` on a thread of its own. The thread ends with the input, or when nobody listens any more.
fn read_ahead(mut reader: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
    thread::Builder::new()
        .name("decompress".to_owned())
        .spawn(move || {
            loop {
                let mut block = Vec::with_capacity(BLOCK_BYTES);
                let read = reader
                    .by_ref()
                    .take(BLOCK_BYTES as u64)
                    .read_to_end(&mut block);
                let is_last = !matches!(read, Ok(count) if count > 0);
                // What was decompressed before an error is given first, as a plain read would.
                if !block.is_empty() && sender.send(Ok(block)).is_err() {
                    break;
                }
                if let Err(error) = read {
                    let _nobody_listens = sender.send(Err(error));
                }
                if is_last {
                    break;
                }
            }
        })?;
    Ok(Box::new(ReadAhead {
        blocks,
        block: Vec::new(),
        at: 0,
    }))
}

struct ReadAhead {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    at: usize,
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            match self.blocks.recv() {
                Ok(block) => (self.block, self.at) = (block?, 0),
                Err(_sender_is_done) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.block.len() - self.at);
        buffer[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], name: &str) -> Result<Vec<u8>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let entries = crate::find::find("r", &[name.to_owned()], folder.path())?;
        let mut text = Vec::new();
        Input::open(&entries[0], None)?.fill(&mut text, usize::MAX >> 1)?;
        Ok(text)
    }

    #[test]
    fn gzip_of_several_members_and_zstd_are_told_by_their_first_bytes() {
        let long = vec![b'x'; 3 << 20];
        let members = [gzip(b"one"), gzip(b""), gzip(&long)].concat();
        assert_eq!(read(&members, "a").unwrap().len(), 3 + long.len());
        let packed = zstd::encode_all(&long[..], 1).unwrap();
        assert_eq!(read(&packed, "b.txt").unwrap(), long);
        assert_eq!(read(b"", "c").unwrap(), b"");
    }

    #[test]
    fn a_cut_file_is_told_apart_from_a_damaged_one() {
        let text: Vec<u8> = (0..200_000u32)
            .flat_map(|i| i.to_string().into_bytes())
            .collect();
        let packed = gzip(&text);
        let cut = read(&packed[..packed.len() / 2], "a.gz").unwrap_err();
        assert_eq!(cut.code(), "source.truncated");
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0xff);
        assert_eq!(
            read(&damaged, "a.gz").unwrap_err().code(),
            "source.file.corrupt"
        );
        let packed = zstd::encode_all(&text[..], 1).unwrap();
        let cut = read(&packed[..packed.len() / 2], "a.zst").unwrap_err();
        assert_eq!(cut.code(), "source.truncated");
    }
}
