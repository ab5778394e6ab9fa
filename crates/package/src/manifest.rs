//! `manifest.jsonl`: what a package is made of, one line per job file.
//!
//! The first line says who writes, the last that nothing is missing; in between rows, bytes and checksum of each file.
//! It is only ever appended to, and it names the table of a job where the file name had to be cut. A package without
//! it was made by another program.

use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::error::{PackageError, Result};
use crate::fsx;

/// File name in the package.
pub(crate) const MANIFEST: &str = "manifest.jsonl";

const FORMAT: u32 = 1;

/// One job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Job id: file name without the number of tries.
    pub job: String,
    /// Table.
    pub table: String,
    /// Rows in the file.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Record batches in the file.
    pub batches: u64,
    /// CRC-32 of the file, eight hexadecimal digits.
    pub crc32: String,
}

/// The manifest of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// One entry per job file by job id, in the order in which they were begun.
    pub entries: IndexMap<String, ManifestEntry>,
    /// True if the last line is there: the package was sealed.
    pub is_sealed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    File(ManifestEntry),
    Head {
        format: u32,
        program: String,
        load_id: String,
    },
    Tail {
        end: bool,
        jobs: u64,
        rows: u64,
        bytes: u64,
    },
}

impl Manifest {
    /// Rows in all files.
    pub fn rows(&self) -> u64 {
        self.entries.values().map(|entry| entry.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum()
    }

    /// The entry of a job.
    pub fn entry(&self, job_id: &str) -> Option<&ManifestEntry> {
        self.entries.get(job_id)
    }

    /// Reads the manifest in the folder of a package; `None` if there is none.
    ///
    /// A torn last line is left out: the package then counts as not sealed.
    pub(crate) fn read(package: &Path) -> Result<Option<Self>> {
        let Some(text) = fsx::read_text(&package.join(MANIFEST))? else {
            return Ok(None);
        };
        let mut manifest = Manifest::default();
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            match serde_json::from_str(line) {
                Ok(Line::File(entry)) => {
                    manifest.entries.insert(entry.job.clone(), entry);
                }
                Ok(Line::Tail { jobs, .. }) => {
                    manifest.is_sealed = jobs == manifest.entries.len() as u64;
                }
                Ok(Line::Head { .. }) => {}
                Err(source) => return Err(PackageError::document(&package.join(MANIFEST), source)),
            }
        }
        Ok(Some(manifest))
    }
}

/// First line of a manifest.
pub(crate) fn head(load_id: &str) -> Vec<u8> {
    let program = concat!("tipple ", env!("CARGO_PKG_VERSION")).to_owned();
    line(&Line::Head {
        format: FORMAT,
        program,
        load_id: load_id.to_owned(),
    })
}

/// Lines of `entries` and the last line.
pub(crate) fn body(entries: &[ManifestEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend(line(&Line::File(entry.clone())));
    }
    bytes.extend(line(&Line::Tail {
        end: true,
        jobs: entries.len() as u64,
        rows: entries.iter().map(|entry| entry.rows).sum(),
        bytes: entries.iter().map(|entry| entry.bytes).sum(),
    }));
    bytes
}

fn line(line: &Line) -> Vec<u8> {
    // Plain structs of text and numbers: cannot fail.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
