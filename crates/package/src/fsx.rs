//! Durable steps on disk: the one module that renames and syncs.
//!
//! A file or folder appears whole or not at all: contents first, then a sync, then a rename, then a sync of the folder
//! that holds the name. Everything else in tipple that must survive a power cut goes through [`Disk`]. Every step has a
//! fail point (feature `failpoints`), so that crash tests can stop the program between any two of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{PackageError, Result};

/// Start of the name of anything that is not finished; removed at the next start.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// Names of the fail points of this crate, in the order in which a run passes them.
///
/// Each is reached through [`point`]. Actions (environment variable `FAILPOINTS` when the program sets them up):
/// `return(kill)` ends the process at once, `return(full)` is a full disk, `return(denied)` a read-only folder.
pub const FAIL_POINTS: &[&str] = &[
    "fsx.create_dir",
    "fsx.append",
    "fsx.write.before",
    "fsx.write.before_rename",
    "fsx.write.after_rename",
    "fsx.sync_file",
    "fsx.sync_dir",
    "fsx.rename",
    "fsx.remove",
    "package.create",
    "package.seal.before_manifest",
    "package.seal.before_sync",
    "package.seal.before_rename",
    "package.seal.after_rename",
    "package.jobs.before_start",
    "package.jobs.after_start",
    "package.jobs.before_complete",
    "package.jobs.after_complete",
    "package.schema.before_commit",
    "package.schema.after_commit",
    "package.complete.before_marker",
    "package.complete.before_rename",
    "package.complete.after_rename",
    "package.abort.after_flag",
    "package.abort.after_restore",
    "package.abort.after_delete",
];

/// Passes the fail point `name`: nothing without the feature `failpoints`.
///
/// # Errors
/// The error that a test has asked for.
pub fn point(name: &'static str) -> io::Result<()> {
    let _ = name;
    fail::fail_point!(name, |action| Err(injected(action.as_deref())));
    Ok(())
}

#[cfg(feature = "failpoints")]
fn injected(action: Option<&str>) -> io::Error {
    match action {
        Some("kill") => std::process::abort(),
        Some("full") => io::ErrorKind::StorageFull.into(),
        Some("denied") => io::ErrorKind::PermissionDenied.into(),
        _ => io::Error::other("fail point"),
    }
}

/// How durable writes are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    syncs: bool,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name; names that are not Unicode are left out of listings.
    pub name: String,
    /// True for a folder.
    pub is_dir: bool,
}

impl Disk {
    /// Syncs at every step: what was promised survives a power cut.
    pub const DURABLE: Disk = Disk { syncs: true };
    /// Never syncs: survives the end of the process only. For tests and throw-away machines.
    pub const RELAXED: Disk = Disk { syncs: false };

    /// Creates `path` and its parents; no error if it exists.
    ///
    /// # Errors
    /// I/O errors naming the path, as all functions here.
    pub fn create_dir(self, path: &Path) -> Result<()> {
        point("fsx.create_dir")
            .and_then(|()| fs::create_dir_all(path))
            .map_err(|source| PackageError::io("create", path, source))
    }

    /// Replaces the file `path` by `bytes`, whole or not at all.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn write(self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write_private(path, bytes, false)
    }

    /// As [`Disk::write`]; with `is_private` the file is readable by its owner only.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn write_private(self, path: &Path, bytes: &[u8], is_private: bool) -> Result<()> {
        let temporary = temporary_path(path);
        self.write_and_rename(&temporary, path, bytes, is_private)
            .map_err(|source| {
                let _ = fs::remove_file(&temporary);
                PackageError::io("write", path, source)
            })?;
        self.sync_parent(path)
    }

    fn write_and_rename(
        self,
        temporary: &Path,
        path: &Path,
        bytes: &[u8],
        is_private: bool,
    ) -> io::Result<()> {
        point("fsx.write.before")?;
        let mut file = create_file(temporary, is_private)?;
        file.write_all(bytes)?;
        if self.syncs {
            file.sync_all()?;
        }
        drop(file);
        point("fsx.write.before_rename")?;
        fs::rename(temporary, path)?;
        point("fsx.write.after_rename")
    }

    /// Opens `path` for appending, creating it if need be. Not synced.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn open_append(self, path: &Path) -> Result<File> {
        point("fsx.append")
            .and_then(|()| OpenOptions::new().create(true).append(true).open(path))
            .map_err(|source| PackageError::io("write", path, source))
    }

    /// Appends `bytes` to `path`. Not synced.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn append(self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.open_append(path)?
            .write_all(bytes)
            .map_err(|source| PackageError::io("write", path, source))
    }

    /// Contents of `path` are on the medium when this returns.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn sync_file(self, path: &Path) -> Result<()> {
        if !self.syncs {
            return Ok(());
        }
        point("fsx.sync_file")
            .and_then(|()| OpenOptions::new().append(true).open(path)?.sync_all())
            .map_err(|source| PackageError::io("sync", path, source))
    }

    /// Names in the folder `path` are on the medium when this returns.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn sync_dir(self, path: &Path) -> Result<()> {
        if !self.syncs || cfg!(windows) {
            return Ok(());
        }
        point("fsx.sync_dir")
            .and_then(|()| File::open(path)?.sync_all())
            .map_err(|source| PackageError::io("sync", path, source))
    }

    fn sync_parent(self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(parent) => self.sync_dir(parent),
            None => Ok(()),
        }
    }

    /// Renames a file or folder. The caller syncs the folders when a group of renames is done.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn rename(self, from: &Path, to: &Path) -> Result<()> {
        point("fsx.rename")
            .and_then(|()| fs::rename(from, to))
            .map_err(|source| PackageError::io("rename", from, source))
    }

    /// Renames a folder and syncs both parents.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn move_dir(self, from: &Path, to: &Path) -> Result<()> {
        self.rename(from, to)?;
        self.sync_parent(to)?;
        self.sync_parent(from)
    }

    /// Removes a folder with everything in it; no error if it is not there.
    ///
    /// It vanishes under its own name in one step, so that nobody sees half of it.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn remove_dir(self, path: &Path) -> Result<()> {
        let doomed = temporary_path(path);
        let step = || {
            point("fsx.remove")?;
            fs::rename(path, &doomed)?;
            fs::remove_dir_all(&doomed)
        };
        match step() {
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(PackageError::io("remove", path, source)),
            Ok(()) => self.sync_parent(path),
        }
    }

    /// Removes a file; no error if it is not there.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn remove_file(self, path: &Path) -> Result<()> {
        match point("fsx.remove").and_then(|()| fs::remove_file(path)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(PackageError::io("remove", path, source))
            }
            _ => Ok(()),
        }
    }
}

/// Names in a folder, sorted; empty if there is no such folder.
///
/// # Errors
/// I/O errors naming the path.
pub fn list(path: &Path) -> Result<Vec<Entry>> {
    let folder = match fs::read_dir(path) {
        Ok(folder) => folder,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(PackageError::io("read", path, source)),
    };
    let mut entries = Vec::new();
    for entry in folder {
        let entry = entry.map_err(|source| PackageError::io("read", path, source))?;
        let is_dir = entry.path().is_dir();
        if let Ok(name) = entry.file_name().into_string() {
            entries.push(Entry { name, is_dir });
        }
    }
    entries.sort();
    Ok(entries)
}

/// Text of a file; `None` if there is no such file.
///
/// # Errors
/// I/O errors naming the path.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PackageError::io("read", path, source)),
    }
}

/// JSON document in a file; `None` if there is no such file.
///
/// # Errors
/// I/O errors naming the path; a document that cannot be read.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = read_text(path)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|source| PackageError::document(path, source))
}

/// JSON text of a value that is going to be written to `path`.
pub(crate) fn json_bytes<T: serde::Serialize>(path: &Path, value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|source| PackageError::document(path, source))
}

/// The name that stands for `path` until it is finished, or while it is being removed.
fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{TEMPORARY_PREFIX}{name}"))
}

fn create_file(path: &Path, is_private: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if is_private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = is_private;
    options.open(path)
}
