//! One process per pipeline.
//!
//! The lock is the operating system's lock on a file beside the working folder: it ends with the process, so that a
//! crash leaves nothing stale, and it survives `drop`, which empties the working folder. The file holds the process id
//! for the message that another process gets.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{PackageError, Result};
use crate::fsx;

/// Held while a process works on a pipeline; released when dropped or when the process ends.
#[derive(Debug)]
pub struct PipelineLock {
    // Closing the file releases the lock.
    _file: File,
    path: PathBuf,
}

impl PipelineLock {
    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes the lock of the pipeline whose working folder is `working_dir`.
///
/// # Errors
/// [`PackageError::Locked`] if another process holds it; I/O errors naming the path.
pub fn lock(working_dir: &Path) -> Result<PipelineLock> {
    let path = lock_path(working_dir);
    if let Some(parent) = path.parent() {
        fsx::Disk::DURABLE.create_dir(parent)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| PackageError::io("write", &path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(working_dir, path)),
        Err(TryLockError::Error(source)) => return Err(PackageError::io("lock", &path, source)),
    }
    note_process(&mut file).map_err(|source| PackageError::io("write", &path, source))?;
    Ok(PipelineLock { _file: file, path })
}

/// Process that holds the lock of a pipeline now, if any (0 if it cannot be read).
///
/// # Errors
/// I/O errors naming the path.
pub fn lock_holder(working_dir: &Path) -> Result<Option<u32>> {
    let path = lock_path(working_dir);
    let Ok(file) = File::open(&path) else {
        return Ok(None);
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_pid(&path).unwrap_or(0))),
        Err(TryLockError::Error(source)) => Err(PackageError::io("lock", &path, source)),
    }
}

fn note_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn held(working_dir: &Path, path: PathBuf) -> PackageError {
    let pipeline = working_dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    PackageError::Locked {
        pipeline,
        pid: read_pid(&path),
        path,
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn lock_path(working_dir: &Path) -> PathBuf {
    let name = working_dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    working_dir.with_file_name(format!(".{name}.lock"))
}
