//! Writing a package: folder under `new`, job files, documents, and one rename that makes it count.
//!
//! Until [`PackageWriter::seal`] nothing has been promised: a package that is dropped or left by a crash is removed, and
//! the cursors in the pipeline state have not moved.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde_json::Value;

use crate::document::PackageDocument;
use crate::error::{PackageError, Result};
use crate::fsx::{self, Disk, TEMPORARY_PREFIX, point};
use crate::job::{ARROW, JobPlace, JobWriter, Shared};
use crate::manifest::{self, MANIFEST, ManifestEntry};
use crate::names::{JobName, JobState, PackageState};
use crate::package::{
    EXCEPTIONS, PENDING_TRANSITIONS, Package, SCHEMA, SCHEMA_UPDATES, STATE, state_bytes,
};
use crate::snapshot::{RESTORE, Snapshot};

/// When a table's file is ended and another begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes after which a file is ended; the batch that reaches it is still in it.
    pub bytes_max: u64,
    /// Rows after which a file is ended.
    pub rows_max: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        // 1 GiB: no destination wants larger files, and a repeated job repeats no more.
        FileLimits {
            bytes_max: 1 << 30,
            rows_max: u64::MAX,
        }
    }
}

/// A package that is being written. Dropped before it is sealed, it is removed.
#[derive(Debug)]
pub struct PackageWriter {
    disk: Disk,
    root: PathBuf,
    load_id: String,
    state: PackageDocument,
    limits: FileLimits,
    open: HashMap<String, JobWriter>,
    next: AtomicU64,
    shared: Arc<Shared>,
    is_sealed: bool,
}

impl PackageWriter {
    pub(crate) fn create(disk: Disk, root: &Path, load_id: &str, schema: &Value) -> Result<Self> {
        let writer = PackageWriter {
            disk,
            root: root.to_owned(),
            load_id: load_id.to_owned(),
            state: PackageDocument::new(load_id),
            limits: FileLimits::default(),
            open: HashMap::new(),
            next: AtomicU64::new(0),
            shared: Arc::default(),
            is_sealed: false,
        };
        // With its manifest or not at all: a package in `new` without one is another program's.
        let path = writer.path();
        let temporary = path.with_file_name(format!("{TEMPORARY_PREFIX}{load_id}"));
        for folder in JobState::ALL
            .map(JobState::folder)
            .iter()
            .chain(&[EXCEPTIONS, PENDING_TRANSITIONS])
        {
            disk.create_dir(&temporary.join(folder))?;
        }
        disk.append(&temporary.join(MANIFEST), &manifest::head(load_id))?;
        disk.rename(&temporary, &path)?;
        writer.write_document(SCHEMA, schema)?;
        point("package.create").map_err(|source| PackageError::io("create", &path, source))?;
        Ok(writer)
    }

    /// Load id of the package.
    pub fn load_id(&self) -> &str {
        &self.load_id
    }

    /// Folder of the package while it is being written.
    pub fn path(&self) -> PathBuf {
        self.root
            .join(PackageState::New.folder())
            .join(&self.load_id)
    }

    /// The package state, to be filled before sealing (`dropped_tables`, `pipeline_state`, …).
    pub fn state_mut(&mut self) -> &mut PackageDocument {
        &mut self.state
    }

    /// Size at which files are ended.
    pub fn set_limits(&mut self, limits: FileLimits) {
        self.limits = limits;
    }

    /// Keeps the documents that are put back if the package is given up.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn keep_for_restore(&self, snapshot: &Snapshot) -> Result<()> {
        let folder = self.path().join(RESTORE);
        self.disk.create_dir(&folder)?;
        snapshot.write(Disk::RELAXED, &folder)
    }

    /// Begins a job file of its own, for a caller that writes tables on several threads.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn job(&self, table: &str, schema: SchemaRef) -> Result<JobWriter> {
        let order = self.next.fetch_add(1, Ordering::Relaxed);
        let place = JobPlace {
            disk: self.disk,
            folder: self.path().join(JobState::New.folder()),
            name: JobName::new(table, file_id(&self.load_id, order), ARROW),
            order,
            shared: Arc::clone(&self.shared),
        };
        JobWriter::create(place, table, schema)
    }

    /// Appends a batch to the table's file. Other columns than before, or a full file, begin a new one.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn write(&mut self, table: &str, batch: &RecordBatch) -> Result<()> {
        let mut job = match self.open.remove(table) {
            Some(job) if job.accepts(&batch.schema()) => job,
            other => {
                other.map(JobWriter::finish).transpose()?;
                self.job(table, batch.schema())?
            }
        };
        job.write(batch)?;
        if job.bytes() >= self.limits.bytes_max || job.rows() >= self.limits.rows_max {
            return job.finish().map(drop);
        }
        self.open.insert(table.to_owned(), job);
        Ok(())
    }

    /// Gives the table a job without rows, so that a `replace` empties its chain.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn touch(&mut self, table: &str, schema: SchemaRef) -> Result<()> {
        let has_job = self.open.contains_key(table)
            || self
                .finished_entries()
                .iter()
                .any(|entry| entry.table == table);
        if has_job {
            Ok(())
        } else {
            self.job(table, schema)?.finish().map(drop)
        }
    }

    /// True when a job file was begun.
    pub fn has_jobs(&self) -> bool {
        !self.open.is_empty() || !self.finished_entries().is_empty()
    }

    /// Entries of the files that are finished, in the order in which they were begun.
    pub fn finished_entries(&self) -> Vec<ManifestEntry> {
        let finished = self
            .shared
            .finished
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut entries = finished.clone();
        drop(finished);
        entries.sort_by_key(|(order, _)| *order);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Ends the package: from here on it is loaded, after a crash too.
    ///
    /// `schema` is the schema after this package, `updates` the partial tables that it adds (name to table document).
    ///
    /// # Errors
    /// I/O errors naming the file; the package is then removed.
    pub fn seal(mut self, schema: &Value, updates: &Value) -> Result<Package> {
        for (_, job) in std::mem::take(&mut self.open) {
            job.finish()?;
        }
        self.write_document(SCHEMA, schema)?;
        self.write_document(SCHEMA_UPDATES, updates)?;
        let path = self.path();
        Disk::RELAXED.write(&path.join(STATE), &state_bytes(&path, &mut self.state)?)?;
        let at = |source| PackageError::io("write", &path, source);
        point("package.seal.before_manifest").map_err(at)?;
        self.disk.append(
            &path.join(MANIFEST),
            &manifest::body(&self.finished_entries()),
        )?;
        point("package.seal.before_sync").map_err(at)?;
        self.shared.early_sync.finish()?;
        sync_tree(self.disk, &path)?;
        point("package.seal.before_rename").map_err(at)?;
        let sealed = self
            .root
            .join(PackageState::Normalized.folder())
            .join(&self.load_id);
        self.disk.move_dir(&path, &sealed)?;
        self.is_sealed = true;
        point("package.seal.after_rename").map_err(at)?;
        Package::open(
            self.disk,
            &self.root,
            PackageState::Normalized,
            &self.load_id,
        )
    }

    /// Removes the package.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn discard(mut self) -> Result<()> {
        self.open.clear();
        self.is_sealed = true;
        self.disk.remove_dir(&self.path())
    }

    fn write_document(&self, name: &str, document: &Value) -> Result<()> {
        let path = self.path().join(name);
        // Synced with everything else when the package is sealed.
        Disk::RELAXED.write(&path, &fsx::json_bytes(&path, document)?)
    }
}

impl Drop for PackageWriter {
    fn drop(&mut self) {
        if !self.is_sealed {
            self.open.clear();
            // What cannot be removed now is removed at the next start.
            let _ = self.disk.remove_dir(&self.path());
        }
    }
}

/// Ten hexadecimal digits: four from the load id, six that count. Unique in a package, and the same when the same
/// package is made again.
fn file_id(load_id: &str, order: u64) -> String {
    format!(
        "{:04x}{:06x}",
        crc32fast::hash(load_id.as_bytes()) >> 16,
        order & 0xff_ffff
    )
}

/// Syncs every file and folder below `folder`, files first.
fn sync_tree(disk: Disk, folder: &Path) -> Result<()> {
    for entry in fsx::list(folder)? {
        let path = folder.join(&entry.name);
        if entry.is_dir {
            sync_tree(disk, &path)?;
        } else {
            disk.sync_file(&path)?;
        }
    }
    disk.sync_dir(folder)
}
