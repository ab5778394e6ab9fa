//! Names on disk: package folders and job files.
//!
//! Folders and job file names are dlt's (spec/load.md §1), so that people and tools recognise them. A table name may
//! hold characters that a file name cannot (or that would end the name early): those are written as `%XX`.

use std::fmt::Write;

use crate::error::{PackageError, Result};

/// Longest encoded table name in a file name; file systems allow 255 bytes for the whole.
const STEM_BYTES_MAX: usize = 180;

/// State of a load package: the folder that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PackageState {
    /// Extracted, not yet normalized.
    Extracted,
    /// Being written.
    New,
    /// Sealed: ready to load or being loaded.
    Normalized,
    /// Loaded or aborted.
    Loaded,
}

impl PackageState {
    /// All states, in the order in which a package passes them.
    pub const ALL: [PackageState; 4] = [
        PackageState::Extracted,
        PackageState::New,
        PackageState::Normalized,
        PackageState::Loaded,
    ];

    /// Folder relative to the working folder of the pipeline.
    pub fn folder(self) -> &'static str {
        match self {
            PackageState::Extracted => "normalize/extracted",
            PackageState::New => "load/new",
            PackageState::Normalized => "load/normalized",
            PackageState::Loaded => "load/loaded",
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            PackageState::Extracted => "extracted",
            PackageState::New => "new",
            PackageState::Normalized => "normalized",
            PackageState::Loaded => "loaded",
        }
    }
}

/// How a package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// Its rows are visible.
    Loaded,
    /// It was given up.
    Aborted,
}

impl Completion {
    /// The word in `package_completed.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Completion::Loaded => "loaded",
            Completion::Aborted => "aborted",
        }
    }
}

/// State of a job: the folder that its file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobState {
    /// Waiting.
    New,
    /// Handed to the destination.
    Started,
    /// Refused for good.
    Failed,
    /// Done.
    Completed,
}

impl JobState {
    /// All states, in the order in which dlt lists them.
    pub const ALL: [JobState; 4] = [
        JobState::New,
        JobState::Failed,
        JobState::Started,
        JobState::Completed,
    ];

    /// Folder in the package.
    pub fn folder(self) -> &'static str {
        match self {
            JobState::New => "new_jobs",
            JobState::Started => "started_jobs",
            JobState::Failed => "failed_jobs",
            JobState::Completed => "completed_jobs",
        }
    }
}

/// Name of a job file: `TABLE.FILEID.RETRY.FORMAT[.gz]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobName {
    /// Table name as it stands in the file name (encoded).
    stem: String,
    /// Ten hexadecimal digits, unique in the package.
    pub file_id: String,
    /// Tries so far.
    pub retry: u32,
    /// `arrow`, `parquet`, `jsonl`, … and what dlt writes.
    pub format: String,
    /// True for a name that ends in `.gz`.
    pub is_compressed: bool,
}

impl JobName {
    /// Name of the first try of a job for `table`.
    pub fn new(table: &str, file_id: impl Into<String>, format: impl Into<String>) -> Self {
        JobName {
            stem: encode(table),
            file_id: file_id.into(),
            retry: 0,
            format: format.into(),
            is_compressed: false,
        }
    }

    /// Reads a file name.
    ///
    /// # Errors
    /// [`PackageError::JobName`] if it has another form.
    pub fn parse(name: &str) -> Result<Self> {
        let parts: Vec<&str> = name.split('.').collect();
        let (&[stem, file_id, retry, format], is_compressed) = (match parts.as_slice() {
            [head @ .., "gz"] if head.len() == 4 => (head, true),
            all => (all, false),
        }) else {
            return Err(PackageError::JobName {
                name: name.to_owned(),
            });
        };
        let retry = retry.parse().map_err(|_| PackageError::JobName {
            name: name.to_owned(),
        })?;
        Ok(JobName {
            stem: stem.to_owned(),
            file_id: file_id.to_owned(),
            retry,
            format: format.to_owned(),
            is_compressed,
        })
    }

    /// Table that the job belongs to; `None` if the name was too long to be kept whole (the manifest has it).
    pub fn table(&self) -> Option<String> {
        decode(&self.stem)
    }

    /// Identity over all tries: the name without the number of tries.
    pub fn job_id(&self) -> String {
        format!("{}.{}.{}", self.stem, self.file_id, self.extension())
    }

    /// Name of the file.
    pub fn file_name(&self) -> String {
        format!(
            "{}.{}.{}.{}",
            self.stem,
            self.file_id,
            self.retry,
            self.extension()
        )
    }

    /// Name of the file with the message of this try.
    pub fn exception_name(&self) -> String {
        format!("{}.{}.{}{EXCEPTION}", self.stem, self.file_id, self.retry)
    }

    /// The same job, one try later.
    #[must_use]
    pub fn next_try(&self) -> Self {
        JobName {
            retry: self.retry + 1,
            ..self.clone()
        }
    }

    pub(crate) fn exception_prefix(&self) -> String {
        format!("{}.{}.", self.stem, self.file_id)
    }

    fn extension(&self) -> String {
        format!(
            "{}{}",
            self.format,
            if self.is_compressed { ".gz" } else { "" }
        )
    }
}

/// End of the name of a file with an error message.
pub(crate) const EXCEPTION: &str = ".exception";

/// Mark of a name that was cut.
const CUT: &str = "%~";

fn encode(table: &str) -> String {
    let mut stem = String::with_capacity(table.len());
    for byte in table.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            stem.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(stem, "%{byte:02X}");
        }
    }
    if stem.len() > STEM_BYTES_MAX {
        stem.truncate(STEM_BYTES_MAX);
        let _ = write!(stem, "{CUT}{:08x}", crc32fast::hash(table.as_bytes()));
    }
    stem
}

fn decode(stem: &str) -> Option<String> {
    if stem.contains(CUT) {
        return None;
    }
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        match code.map(|code| u8::from_str_radix(code, 16)) {
            Some(Ok(decoded)) if byte == b'%' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_table_gives_dlts_name() {
        let name = JobName::new("orders__items", "3ec5591cd6", "arrow");
        assert_eq!(name.file_name(), "orders__items.3ec5591cd6.0.arrow");
        assert_eq!(name.job_id(), "orders__items.3ec5591cd6.arrow");
        assert_eq!(
            name.next_try().exception_name(),
            "orders__items.3ec5591cd6.1.exception"
        );
    }

    #[test]
    fn dlts_compressed_jobs_can_be_read() {
        let name = JobName::parse("o__t.3ec5591cd6.2.insert_values.gz").unwrap();
        assert_eq!((name.retry, name.is_compressed), (2, true));
        assert_eq!(name.job_id(), "o__t.3ec5591cd6.insert_values.gz");
        assert_eq!(name.file_name(), "o__t.3ec5591cd6.2.insert_values.gz");
    }

    #[test]
    fn other_files_are_no_jobs() {
        for name in ["", "a.b", "a.b.c.arrow", "a.b.1.2.3.4"] {
            assert!(JobName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_very_long_table_name_is_cut_but_stays_distinct() {
        let (first, second) = ("x".repeat(400), format!("{}y", "x".repeat(400)));
        let (first, second) = (
            JobName::new(&first, "0", "arrow"),
            JobName::new(&second, "0", "arrow"),
        );
        assert!(first.file_name().len() < 255);
        assert_ne!(first, second);
        assert_eq!(first.table(), None);
    }

    proptest! {
        #[test]
        fn any_table_name_survives_the_file_name(table in "\\PC{1,40}|[./%\\\\: ~]{1,20}") {
            let name = JobName::new(&table, "00ff00ff00", "arrow");
            let read = JobName::parse(&name.file_name()).unwrap();
            prop_assert_eq!(&read, &name);
            if let Some(found) = read.table() {
                prop_assert_eq!(found, table);
            }
            prop_assert!(name.file_name().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'));
        }
    }
}
