//! Only files that changed since the last run.
//!
//! `incremental: { cursor_path: modification_date }` on a resource of files means the files, as with dlt's filesystem
//! source: each file is an item of a cursor, told apart from others of the same instant by its path. Files are read
//! oldest first, and each one is remembered when all of it was handed over, so that a run that stops early goes on with
//! the file where it stopped.

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tipple_json::{Timestamp, iso};
use tipple_source::{Cursor, IncrementalSpec, Key, Place, ResourceSpec, SourceError};

use crate::find::FileEntry;

/// Cursor path that stands for the time at which a file was changed.
pub(crate) const MODIFICATION_DATE: &str = "modification_date";

/// The cursor over files.
pub(crate) struct ModifiedFiles {
    /// Sees every file when it was read.
    cursor: Cursor,
    state: Map<String, Value>,
}

impl ModifiedFiles {
    /// Takes from `entries` those that are new by `state`, oldest first.
    pub fn start(
        resource: &str,
        incremental: &IncrementalSpec,
        state: &Map<String, Value>,
        mut entries: Vec<FileEntry>,
    ) -> Result<(Self, Vec<FileEntry>), SourceError> {
        let by_path = IncrementalSpec {
            primary_key: incremental
                .primary_key
                .clone()
                .or(Some(Key::One("file_url".to_owned()))),
            ..incremental.clone()
        };
        let spec = ResourceSpec {
            incremental: Some(by_path),
            ..ResourceSpec::named(resource)
        };
        let (Some(mut chooser), Some(cursor)) =
            (Cursor::start(&spec, state)?, Cursor::start(&spec, state)?)
        else {
            return Err(SourceError::Other {
                code: "source.file.cursor",
                message: format!("resource `{resource}` has no cursor over its files"),
                help: Vec::new(),
                cause: None,
            });
        };
        entries.sort_by(|a, b| {
            a.modified
                .cmp(&b.modified)
                .then_with(|| a.name.cmp(&b.name))
        });
        let mut chosen = Vec::new();
        for entry in entries {
            if see(&mut chooser, &entry)? {
                chosen.push(entry);
            }
        }
        Ok((
            ModifiedFiles {
                cursor,
                state: state.clone(),
            },
            chosen,
        ))
    }

    /// Remembers that `entry` was read.
    pub fn finish(&mut self, entry: &FileEntry) -> Result<(), SourceError> {
        see(&mut self.cursor, entry).map(|_| ())
    }

    /// Members of the state of the resource.
    pub fn state(&self) -> Map<String, Value> {
        let mut state = self.state.clone();
        self.cursor.write_state(&mut state);
        state
    }
}

/// Shows a file to a cursor. True when it is new.
fn see(cursor: &mut Cursor, entry: &FileEntry) -> Result<bool, SourceError> {
    let since = entry
        .modified
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let modified = iso::timestamp_text(Timestamp::utc(since.as_micros() as i64));
    let item = json!({
        "file_url": entry.name,
        "modification_date": format!("\u{F027}{modified}"),
        "size_in_bytes": entry.size,
    });
    let chunk = Bytes::from(item.to_string());
    Ok(cursor
        .filter_json(&chunk, &Place::start_of(entry.name.as_str()))?
        .is_some())
}
