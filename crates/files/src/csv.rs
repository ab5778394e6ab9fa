//! CSV records become JSON objects, one per line.
//!
//! CSV has no types. Guessing them value by value would send half of a column into variant columns, and guessing
//! too boldly loses zeros and signs; so all records are surveyed first, and a column is a number only when every value
//! of it survives the way there and back. Standard input cannot be read twice: there the first megabytes are surveyed.
//! Start with [`survey`], then [`CsvChunks`].

mod kind;

use std::io::Read;

use bytes::Bytes;
use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use tipple_source::{Compression, FileSpec, Place, SourceError};

use crate::input::Input;
use crate::jsonl::BOM;
use crate::{CHUNK_BYTES, Chunk, Chunks, Content};
use kind::{Evidence, Kind};

/// Bytes from which the delimiter is guessed.
const GUESS_BYTES: usize = 64 << 10;

/// Bytes that are surveyed of an input that can be read only once.
const SAMPLE_BYTES: usize = 4 << 20;

/// What was learned about columns, by name.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    columns: Vec<(String, Evidence)>,
}

impl Survey {
    /// Looks at all records of `input`.
    pub fn add(&mut self, input: Input, spec: &FileSpec) -> Result<(), SourceError> {
        if spec.is_all_text {
            return Ok(());
        }
        let mut records = Records::open(input, spec)?;
        let slots: Vec<usize> = records
            .names
            .clone()
            .iter()
            .map(|name| self.slot(name))
            .collect();
        while records.read()? {
            for (value, slot) in records.record.iter().zip(&slots) {
                self.columns[*slot].1.add(value);
            }
        }
        Ok(())
    }

    /// Looks at the beginning of `input`, which can be read as before afterwards.
    pub fn add_sample(&mut self, input: Input, spec: &FileSpec) -> Result<Input, SourceError> {
        let mut input = input;
        let mut sample = Vec::new();
        input.fill(&mut sample, SAMPLE_BYTES)?;
        let is_whole = sample.len() < SAMPLE_BYTES;
        // The last record may be cut: what is behind the last line end is left out.
        let end = match memchr::memrchr(b'\n', &sample) {
            Some(newline) if !is_whole => newline + 1,
            _ => sample.len(),
        };
        let start = input.part(sample[..end].to_vec());
        match self.add(start, spec) {
            // A quoted field with a line end in it may be cut all the same; the real reading tells real mistakes.
            Err(_) if !is_whole => {}
            result => result?,
        }
        Ok(input.with_start(sample))
    }

    fn slot(&mut self, name: &str) -> usize {
        let known = self.columns.iter().position(|(known, _)| known == name);
        known.unwrap_or_else(|| {
            self.columns.push((name.to_owned(), Evidence::default()));
            self.columns.len() - 1
        })
    }

    fn kind_of(&self, name: &str) -> Kind {
        let known = self.columns.iter().find(|(known, _)| known == name);
        known.map_or(Kind::Text, |(_, evidence)| evidence.kind())
    }
}

/// Records of one file, with the names of their columns.
struct Records {
    reader: Reader<Box<dyn Read + Send>>,
    origin: String,
    compression: Compression,
    names: Vec<String>,
    record: ByteRecord,
    /// The header turned out to be a record.
    is_first_pending: bool,
}

impl Records {
    fn open(mut input: Input, spec: &FileSpec) -> Result<Self, SourceError> {
        let mut start = Vec::new();
        input.fill(&mut start, GUESS_BYTES)?;
        if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
            return Err(not_utf8(&input.name, 1));
        }
        if start.starts_with(BOM) {
            start.drain(..BOM.len());
        }
        let delimiter = spec.delimiter.unwrap_or_else(|| guess_delimiter(&start));
        let (origin, compression) = (input.name.clone(), input.compression);
        let reader: Box<dyn Read + Send> = Box::new(input.with_start(start));
        let has_header = spec.has_header.unwrap_or(spec.column_names.is_empty());
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .buffer_capacity(256 << 10)
            .from_reader(reader);
        let record = ByteRecord::new();
        let names = spec.column_names.clone();
        let mut records = Records {
            reader,
            origin,
            compression,
            names,
            record,
            is_first_pending: false,
        };
        records.read_names(has_header)?;
        Ok(records)
    }

    fn read_names(&mut self, has_header: bool) -> Result<(), SourceError> {
        if !self.read_record()? {
            return Ok(());
        }
        if has_header && self.names.is_empty() {
            self.names = names_of(&self.record, &self.origin)?;
        }
        self.is_first_pending = !has_header;
        let count = self.record.len();
        if self.names.is_empty() {
            self.names = (1..=count)
                .map(|number| format!("column_{number}"))
                .collect();
        }
        if self.names.len() != count {
            let reason = format!(
                "{count} fields stand against {} column names",
                self.names.len()
            );
            return Err(self.malformed(1, reason));
        }
        Ok(())
    }

    /// Reads the next record of data. False at the end.
    fn read(&mut self) -> Result<bool, SourceError> {
        if std::mem::take(&mut self.is_first_pending) {
            return Ok(true);
        }
        self.read_record()
    }

    fn read_record(&mut self) -> Result<bool, SourceError> {
        self.reader
            .read_byte_record(&mut self.record)
            .map_err(|error| self.failed(error))
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn failed(&self, error: csv::Error) -> SourceError {
        match error.into_kind() {
            ErrorKind::Io(cause) => Input::failure(&self.origin, self.compression, cause),
            ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => {
                let line = pos.map_or(0, |pos| pos.line());
                self.malformed(
                    line,
                    format!("the record has {len} fields, those before have {expected_len}"),
                )
            }
            _ => self.malformed(self.line(), "the record cannot be read".to_owned()),
        }
    }

    fn malformed(&self, line: u64, reason: String) -> SourceError {
        let fields: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        let start = Place::start_of(self.origin.as_str());
        SourceError::Malformed {
            format: "CSV",
            place: Place {
                line,
                byte_offset: self.record.position().map_or(0, |p| p.byte()),
                ..start
            },
            column: 1,
            reason,
            excerpt: fields.join(",").chars().take(80).collect(),
        }
    }
}

fn not_utf8(origin: &str, line: u64) -> SourceError {
    SourceError::Other {
        code: "source.file.encoding",
        message: format!("`{origin}` is not UTF-8 (line {line})"),
        help: vec![format!(
            "convert it first: `iconv -f LATIN1 -t UTF-8 {origin}`"
        )],
        cause: None,
    }
}

/// Names of the columns; a repeated name gets a number, an empty one its place.
fn names_of(record: &ByteRecord, origin: &str) -> Result<Vec<String>, SourceError> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (index, field) in record.iter().enumerate() {
        let name = std::str::from_utf8(field)
            .map_err(|_| not_utf8(origin, 1))?
            .trim();
        let name = if name.is_empty() {
            format!("column_{}", index + 1)
        } else {
            name.to_owned()
        };
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !names.contains(name));
        names.extend(free);
    }
    Ok(names)
}

/// The delimiter that stands most often in the first line, outside of quotes; a comma when none does.
fn guess_delimiter(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in start.iter().take_while(|byte| **byte != b'\n') {
        is_quoted ^= *byte == b'"';
        if !is_quoted && let Some(found) = counts.iter_mut().find(|(known, _)| known == byte) {
            found.1 += 1;
        }
    }
    let best = counts
        .iter()
        .max_by_key(|(byte, count)| (*count, *byte == b','));
    best.filter(|(_, count)| *count > 0)
        .map_or(b',', |(byte, _)| *byte)
}

/// Records of one file as JSON.
pub(crate) struct CsvChunks {
    records: Records,
    chunk_bytes: usize,
    /// `{"name":` or `,"name":`, and the kind of the values.
    columns: Vec<(String, Kind)>,
    has_given: bool,
}

impl CsvChunks {
    pub fn new(input: Input, spec: &FileSpec, survey: &Survey) -> Result<Self, SourceError> {
        let records = Records::open(input, spec)?;
        let columns = records.names.iter().enumerate().map(|(index, name)| {
            let mut key = String::from(if index == 0 { "{" } else { "," });
            tipple_json::text::write_string(name, &mut key);
            key.push(':');
            (key, survey.kind_of(name))
        });
        let columns = columns.collect();
        Ok(CsvChunks {
            records,
            chunk_bytes: CHUNK_BYTES,
            columns,
            has_given: false,
        })
    }

    fn write_record(&self, out: &mut String) -> Result<(), SourceError> {
        for ((key, kind), value) in self.columns.iter().zip(&self.records.record) {
            out.push_str(key);
            let value = std::str::from_utf8(value)
                .map_err(|_| not_utf8(&self.records.origin, self.records.line()))?;
            kind.write(value, out);
        }
        out.push_str("}\n");
        Ok(())
    }
}

impl Chunks for CsvChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let mut out = String::with_capacity(self.chunk_bytes + self.chunk_bytes / 8);
        let mut line = 0;
        while out.len() < self.chunk_bytes && self.records.read()? {
            if line == 0 {
                line = self.records.line();
            }
            self.write_record(&mut out)?;
        }
        if out.is_empty() && std::mem::replace(&mut self.has_given, true) {
            return Ok(None);
        }
        self.has_given = true;
        Ok(Some(Chunk {
            content: Content::Json(Bytes::from(out)),
            line,
            byte_offset: 0,
        }))
    }
}

#[cfg(test)]
mod tests;
