//! What is found at the start of a run, and what is done about it.
//!
//! Looks at folders only; the destination's receipt is asked for by the caller, for the packages that come back as
//! [`Progress::Begun`]. Everything here can be repeated, and stopped at any point.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fsx::{self, TEMPORARY_PREFIX};
use crate::manifest::Manifest;
use crate::names::{Completion, JobState, PackageState};
use crate::package::{EXCEPTIONS, Package};
use crate::store::PackageStore;

/// How far the load of a pending package had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was handed to the destination: load it.
    NotBegun,
    /// Something was: ask the destination for the receipt. There: [`Package::complete_after_receipt`]. Not there:
    /// [`Package::reset_jobs`] and load it.
    Begun,
    /// It is to be given up: [`PackageStore::abort`] finishes that.
    Aborting,
}

/// A sealed package that waits.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The package.
    pub package: Package,
    /// How far it had come.
    pub progress: Progress,
}

/// What the recovery did and found.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Torn writes and unsealed packages that were removed.
    pub removed: Vec<PathBuf>,
    /// Load ids whose last step was made up for: rename to `loaded`, or the marker in it.
    pub finished: Vec<String>,
    /// Sealed packages that wait, oldest first.
    pub pending: Vec<Pending>,
    /// Packages in `new` and `extracted` that another program left: untouched.
    pub foreign: Vec<PathBuf>,
}

impl PackageStore {
    /// Settles what a crash left. Call it with the pipeline lock held, before anything else.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn recover(&self) -> Result<Recovery> {
        let mut recovery = Recovery::default();
        self.remove_torn_writes(&mut recovery)?;
        self.remove_unsealed(&mut recovery)?;
        self.settle_loaded(&mut recovery)?;
        self.settle_normalized(&mut recovery)?;
        Ok(recovery)
    }

    fn remove_torn_writes(&self, recovery: &mut Recovery) -> Result<()> {
        let mut folders = vec![self.root.clone(), self.root.join("schemas")];
        for state in PackageState::ALL {
            folders.push(self.folder(state));
        }
        for load_id in self.list(PackageState::Normalized)? {
            let package = self.folder(PackageState::Normalized).join(load_id);
            folders.extend(JobState::ALL.map(|state| package.join(state.folder())));
            folders.push(package.join(EXCEPTIONS));
            folders.push(package);
        }
        folders
            .iter()
            .try_for_each(|folder| self.remove_temporaries(folder, recovery))
    }

    fn remove_temporaries(&self, folder: &Path, recovery: &mut Recovery) -> Result<()> {
        for entry in fsx::list(folder)? {
            if entry.name.starts_with(TEMPORARY_PREFIX) {
                let path = folder.join(&entry.name);
                if entry.is_dir {
                    self.disk.remove_dir(&path)?;
                } else {
                    self.disk.remove_file(&path)?;
                }
                recovery.removed.push(path);
            }
        }
        Ok(())
    }

    fn remove_unsealed(&self, recovery: &mut Recovery) -> Result<()> {
        for state in [PackageState::New, PackageState::Extracted] {
            for load_id in self.list(state)? {
                let path = self.folder(state).join(&load_id);
                match Manifest::read(&path) {
                    Ok(None) => recovery.foreign.push(path),
                    Ok(Some(manifest))
                        if state == PackageState::Extracted && manifest.is_sealed => {}
                    Ok(Some(_)) | Err(_) => {
                        self.disk.remove_dir(&path)?;
                        recovery.removed.push(path);
                    }
                }
            }
        }
        Ok(())
    }

    fn settle_loaded(&self, recovery: &mut Recovery) -> Result<()> {
        for load_id in self.list(PackageState::Loaded)? {
            let package = self.package(PackageState::Loaded, &load_id)?;
            if package.completion()?.is_none() {
                package.mark_completed(Completion::Loaded)?;
                recovery.finished.push(load_id);
            }
        }
        Ok(())
    }

    fn settle_normalized(&self, recovery: &mut Recovery) -> Result<()> {
        for package in self.pending()? {
            if package.completion()?.is_some() {
                recovery.finished.push(package.load_id().to_owned());
                package.move_to_loaded()?;
                continue;
            }
            let progress = progress(&package)?;
            recovery.pending.push(Pending { package, progress });
        }
        Ok(())
    }
}

fn progress(package: &Package) -> Result<Progress> {
    if package.document_state()?.is_abort_requested() {
        return Ok(Progress::Aborting);
    }
    // The schema may have been changed, and the commit may have happened, as soon as a job was started.
    let is_begun = package.jobs()?.iter().any(|job| job.state != JobState::New);
    Ok(if is_begun {
        Progress::Begun
    } else {
        Progress::NotBegun
    })
}
