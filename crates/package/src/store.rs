//! The packages of one pipeline: create, list, find.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{PackageError, Result};
use crate::fsx::{self, Disk};
use crate::ids::LoadIds;
use crate::names::PackageState;
use crate::package::Package;
use crate::writer::PackageWriter;

/// Version files of dlt's storages: place and version.
const VERSIONS: [(&str, &str); 2] = [("load/.version", "1.0.2"), ("normalize/.version", "1.0.1")];

/// All packages in a working folder.
#[derive(Debug, Clone)]
pub struct PackageStore {
    pub(crate) disk: Disk,
    pub(crate) root: PathBuf,
}

impl PackageStore {
    /// Opens the working folder of a pipeline for writing; makes dlt's folders if they are not there.
    ///
    /// # Errors
    /// I/O errors naming the path; a folder of a newer program.
    pub fn open(working_dir: &Path) -> Result<Self> {
        Self::open_with(working_dir, Disk::DURABLE)
    }

    /// As [`PackageStore::open`], with another way of writing.
    ///
    /// # Errors
    /// As [`PackageStore::open`].
    pub fn open_with(working_dir: &Path, disk: Disk) -> Result<Self> {
        let store = PackageStore {
            disk,
            root: working_dir.to_owned(),
        };
        for state in PackageState::ALL {
            disk.create_dir(&store.folder(state))?;
        }
        for (file, version) in VERSIONS {
            store.settle_version(&working_dir.join(file), version)?;
        }
        Ok(store)
    }

    /// Looks into a working folder without changing anything; a folder that is not there has no packages.
    pub fn view(working_dir: &Path) -> Self {
        PackageStore {
            disk: Disk::DURABLE,
            root: working_dir.to_owned(),
        }
    }

    fn settle_version(&self, path: &Path, known: &'static str) -> Result<()> {
        match fsx::read_text(path)? {
            Some(found) if parts(&found) > parts(known) => Err(PackageError::Version {
                path: path.to_owned(),
                found: found.trim().to_owned(),
                known,
            }),
            Some(found) if found.trim() == known => Ok(()),
            _ => self.disk.write(path, known.as_bytes()),
        }
    }

    /// Working folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the packages in one state.
    pub fn folder(&self, state: PackageState) -> PathBuf {
        self.root.join(state.folder())
    }

    /// Source of load ids that are later than every package here.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn load_ids(&self) -> Result<LoadIds> {
        let mut ids = LoadIds::new();
        for state in PackageState::ALL {
            if let Some(last) = self.list(state)?.last() {
                ids = ids.after(last);
            }
        }
        Ok(ids)
    }

    /// Begins a package. `schema` is the stored schema document at its start.
    ///
    /// # Errors
    /// I/O errors naming the path; a package of this id that exists.
    pub fn create(&self, load_id: &str, schema: &Value) -> Result<PackageWriter> {
        if let Ok(found) = self.find(load_id) {
            return Err(PackageError::Exists {
                load_id: load_id.to_owned(),
                path: found.path(),
            });
        }
        PackageWriter::create(self.disk, &self.root, load_id, schema)
    }

    /// Load ids in one state, oldest first.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn list(&self, state: PackageState) -> Result<Vec<String>> {
        let entries = fsx::list(&self.folder(state))?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.is_dir && !entry.name.starts_with(fsx::TEMPORARY_PREFIX))
            .map(|entry| entry.name)
            .collect())
    }

    /// Sealed packages that are not loaded yet, oldest first.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn pending(&self) -> Result<Vec<Package>> {
        let ids = self.list(PackageState::Normalized)?;
        ids.iter()
            .map(|load_id| self.package(PackageState::Normalized, load_id))
            .collect()
    }

    /// The package of this id, in whatever state.
    ///
    /// # Errors
    /// [`PackageError::NotFound`].
    pub fn find(&self, load_id: &str) -> Result<Package> {
        let state = PackageState::ALL
            .into_iter()
            .rev()
            .find(|state| self.folder(*state).join(load_id).is_dir())
            .ok_or_else(|| PackageError::NotFound {
                load_id: load_id.to_owned(),
                root: self.root.clone(),
            })?;
        self.package(state, load_id)
    }

    /// The youngest package, loaded or pending.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn newest(&self) -> Result<Option<Package>> {
        let mut newest = None;
        for state in [PackageState::Loaded, PackageState::Normalized] {
            let last = self.list(state)?.pop().map(|load_id| (load_id, state));
            newest = newest.max(last);
        }
        newest
            .map(|(load_id, state)| self.package(state, &load_id))
            .transpose()
    }

    pub(crate) fn package(&self, state: PackageState, load_id: &str) -> Result<Package> {
        Package::open(self.disk, &self.root, state, load_id)
    }
}

fn parts(version: &str) -> Vec<u32> {
    version
        .trim()
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}
