//! A resource whose items are in files.
//!
//! A thread per reader opens file after file and cuts chunks; a short queue hands them over, so that reading overlaps
//! with normalising and no more than a few chunks are in memory. The thread starts with the first page and ends when
//! the reader is dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};
use tipple_json::JsonPath;
use tipple_source::{
    Body, FileSpec, Format, IncrementalSpec, Page, PageReader, Place, ReadRequest, Resource,
    ResourceSpec, SourceError,
};

use crate::columnar::ParquetChunks;
use crate::csv::{CsvChunks, Survey};
use crate::find::{FileEntry, find};
use crate::input::Input;
use crate::json;
use crate::jsonl::LineChunks;
use crate::modified::{MODIFICATION_DATE, ModifiedFiles};
use crate::{Chunks, Content};

/// What an interrupted user is told: files are not read on from the middle.
pub const STARTS_OVER: &str = "run again to start the reading over";

/// How often a waiting reader looks whether the user has asked to stop.
const STOP_CHECKED_EVERY: Duration = Duration::from_millis(50);

/// Pages that may wait for the caller.
const PAGES_AHEAD: usize = 2;

/// Bytes from which the format is told when the name says nothing.
const SNIFF_BYTES: usize = 4 << 10;

/// One stream of items out of files.
#[derive(Debug)]
pub struct FileResource {
    spec: ResourceSpec,
    files: FileSpec,
    base: PathBuf,
    /// Cursor over the files instead of over their rows.
    file_cursor: Option<IncrementalSpec>,
    /// Set when the user has asked to stop.
    stop: Arc<AtomicBool>,
}

impl FileResource {
    /// A resource of `files`; relative paths are meant from the folder `base`.
    ///
    /// An incremental cursor over `modification_date` is taken out of `spec`: it chooses files, not rows.
    pub fn new(mut spec: ResourceSpec, files: FileSpec, base: impl Into<PathBuf>) -> Self {
        let is_over_files = |i: &IncrementalSpec| i.cursor_path == MODIFICATION_DATE;
        let file_cursor = spec
            .incremental
            .take_if(|incremental| is_over_files(incremental));
        FileResource {
            spec,
            files,
            base: base.into(),
            file_cursor,
            stop: Arc::default(),
        }
    }

    /// Lets readers end with an error soon after `stop` is set, even while they wait for a silent input.
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// The files that are there now, in the order in which they would be read without a cursor.
    ///
    /// # Errors
    /// [`SourceError::NoFile`] when a path or pattern matches nothing.
    pub fn find_files(&self) -> Result<Vec<FileEntry>, SourceError> {
        find(&self.spec.name, &self.files.paths, &self.base)
    }

    /// The folder from which relative paths are meant.
    pub fn base(&self) -> &Path {
        &self.base
    }
}

impl Resource for FileResource {
    fn spec(&self) -> &ResourceSpec {
        &self.spec
    }

    fn open(&self, request: &ReadRequest) -> Result<Box<dyn PageReader>, SourceError> {
        let mut entries = self.find_files()?;
        let mut modified = None;
        if let Some(cursor) = &self.file_cursor {
            let started = ModifiedFiles::start(&self.spec.name, cursor, &request.state, entries)?;
            (modified, entries) = (Some(started.0), started.1);
        }
        let files = self.files.clone();
        Ok(Box::new(FileReader {
            state: ReaderState::Fresh { entries, files },
            modified,
            stop: Arc::clone(&self.stop),
        }))
    }
}

/// What the reading thread says.
enum Message {
    /// A page, and the file that ends with it.
    Page(Page, Option<FileEntry>),
    Failed(SourceError),
    /// All files were read.
    End,
}

enum ReaderState {
    Fresh {
        entries: Vec<FileEntry>,
        files: FileSpec,
    },
    Running(Receiver<Message>),
    Done,
}

struct FileReader {
    state: ReaderState,
    modified: Option<ModifiedFiles>,
    stop: Arc<AtomicBool>,
}

impl FileReader {
    /// Starts the thread when it does not run yet.
    fn start(&mut self) -> Result<(), SourceError> {
        let ReaderState::Fresh { entries, files } = &mut self.state else {
            return Ok(());
        };
        let (entries, files) = (std::mem::take(entries), std::mem::take(files));
        let (sender, messages) = sync_channel(PAGES_AHEAD);
        thread::Builder::new()
            .name("read files".to_owned())
            .spawn(move || read_all(&entries, &files, &sender))
            .map_err(|cause| SourceError::Io {
                origin: "a new thread".to_owned(),
                cause,
            })?;
        self.state = ReaderState::Running(messages);
        Ok(())
    }
}

impl PageReader for FileReader {
    fn next_page(&mut self) -> Result<Option<Page>, SourceError> {
        self.start()?;
        let ReaderState::Running(messages) = &self.state else {
            return Ok(None);
        };
        match awaited(messages, &self.stop) {
            Message::Page(page, ended) => {
                if let (Some(entry), Some(modified)) = (ended, &mut self.modified) {
                    modified.finish(&entry)?;
                }
                return Ok(Some(page));
            }
            Message::Failed(error) => {
                self.state = ReaderState::Done;
                return Err(error);
            }
            Message::End => self.state = ReaderState::Done,
        }
        Ok(None)
    }

    fn state(&self) -> Map<String, Value> {
        self.modified
            .as_ref()
            .map(ModifiedFiles::state)
            .unwrap_or_default()
    }
}

/// The next message of the reading thread; an error once `stop` is set.
fn awaited(messages: &Receiver<Message>, stop: &AtomicBool) -> Message {
    loop {
        match messages.recv_timeout(STOP_CHECKED_EVERY) {
            Ok(message) => return message,
            Err(RecvTimeoutError::Disconnected) => return Message::Failed(lost_thread()),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                return Message::Failed(SourceError::interrupted(STARTS_OVER));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn lost_thread() -> SourceError {
    SourceError::Other {
        code: "source.file.thread",
        message: "the thread that reads files has ended by itself".to_owned(),
        help: vec!["this is a mistake in the program: please report it".to_owned()],
        cause: None,
    }
}

/// Nobody takes the pages any more.
struct Abandoned;

/// Sends the pages of all files.
fn read_all(entries: &[FileEntry], files: &FileSpec, sender: &SyncSender<Message>) {
    let _nobody_listens = match try_read_all(entries, files, sender) {
        Ok(Ok(())) => sender.send(Message::End),
        Ok(Err(Abandoned)) => return,
        Err(error) => sender.send(Message::Failed(error)),
    };
}

fn try_read_all(
    entries: &[FileEntry],
    files: &FileSpec,
    sender: &SyncSender<Message>,
) -> Result<Result<(), Abandoned>, SourceError> {
    let mut survey = survey(entries, files)?;
    for entry in entries {
        let mut chunks = open_chunks(entry, files, &mut survey)?;
        if let Err(Abandoned) = send_file(entry, chunks.as_mut(), sender)? {
            return Ok(Err(Abandoned));
        }
    }
    Ok(Ok(()))
}

/// Sends the pages of one file; each waits for the next, so that the last one is known as such.
fn send_file(
    entry: &FileEntry,
    chunks: &mut dyn Chunks,
    sender: &SyncSender<Message>,
) -> Result<Result<(), Abandoned>, SourceError> {
    let origin: Arc<str> = Arc::from(entry.name.as_str());
    let mut number = 0;
    let mut next = chunks.next_chunk()?;
    while let Some(chunk) = next {
        number += 1;
        next = chunks.next_chunk()?;
        let body = match chunk.content {
            Content::Json(text) => Body::Json(text),
            Content::Arrow(batch) => Body::Arrow(batch),
        };
        let (line, byte_offset) = (chunk.line, chunk.byte_offset);
        let place = Place {
            origin: origin.clone(),
            page: number,
            line,
            byte_offset,
        };
        let ended = next.is_none().then(|| entry.clone());
        let page = Page {
            body,
            place,
            item_count: None,
        };
        if sender.send(Message::Page(page, ended)).is_err() {
            return Ok(Err(Abandoned));
        }
    }
    Ok(Ok(()))
}

/// Looks at the CSV files that can be read twice.
fn survey(entries: &[FileEntry], files: &FileSpec) -> Result<Survey, SourceError> {
    let mut survey = Survey::default();
    for entry in entries {
        let format = files.format.or_else(|| Format::of_name(&entry.name));
        if format == Some(Format::Csv) && !entry.is_stdin() {
            survey.add(Input::open(entry, files.compression)?, files)?;
        }
    }
    Ok(survey)
}

fn open_chunks(
    entry: &FileEntry,
    files: &FileSpec,
    survey: &mut Survey,
) -> Result<Box<dyn Chunks>, SourceError> {
    let known = files.format.or_else(|| Format::of_name(&entry.name));
    if known == Some(Format::Parquet) {
        return Ok(Box::new(ParquetChunks::open(entry)?));
    }
    let input = Input::open(entry, files.compression)?;
    let (format, input) = match known {
        Some(format) => (format, input),
        None => sniff(input)?,
    };
    let selector = files
        .selector
        .as_ref()
        .and_then(|text| text.parse::<JsonPath>().ok());
    Ok(match format {
        Format::Jsonl if selector.is_none() => Box::new(LineChunks::new(input)),
        Format::Jsonl | Format::Json => json::chunks(input, selector.as_ref()),
        Format::Csv => {
            let input = match entry.is_stdin() {
                true => survey.add_sample(input, files)?,
                false => input,
            };
            Box::new(CsvChunks::new(input, files, survey)?)
        }
        Format::Parquet => Box::new(ParquetChunks::open(entry)?),
    })
}

/// Tells the format from the first bytes: JSON is easy to know, everything else must be named.
fn sniff(mut input: Input) -> Result<(Format, Input), SourceError> {
    let mut start = Vec::new();
    input.fill(&mut start, SNIFF_BYTES)?;
    let text = start.strip_prefix(crate::jsonl::BOM).unwrap_or(&start);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = first.is_none_or(|byte| matches!(byte, b'{' | b'['));
    if is_json {
        return Ok((Format::Json, input.with_start(start)));
    }
    let help = match start.starts_with(b"PAR1") {
        true => "it looks like Parquet: `format: parquet`",
        false => "name it: `format: jsonl`, `json`, `csv` or `parquet`",
    };
    Err(SourceError::Other {
        code: "source.file.format",
        message: format!(
            "the format of `{}` cannot be told from its name",
            input.name
        ),
        help: vec![help.to_owned()],
        cause: None,
    })
}

#[cfg(test)]
mod tests;
