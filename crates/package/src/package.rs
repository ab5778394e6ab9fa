//! A sealed package: its documents, its jobs, and the steps that move them.
//!
//! The folder that a job file lies in is its state; the folder that the package lies in is the state of the package.
//! Every step can be repeated: what a crash leaves between two of them is settled by the recovery of the store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::document::PackageDocument;
use crate::error::{PackageError, Result};
use crate::fsx::{self, Disk, point};
use crate::job::{ARROW, JobReader};
use crate::manifest::Manifest;
use crate::names::{Completion, EXCEPTION, JobName, JobState, PackageState};
use crate::snapshot::{RESTORE, Snapshot};

pub(crate) const SCHEMA: &str = "schema.json";
pub(crate) const SCHEMA_UPDATES: &str = "schema_updates.json";
pub(crate) const APPLIED_SCHEMA_UPDATES: &str = "applied_schema_updates.json";
pub(crate) const STATE: &str = "load_package_state.json";
pub(crate) const COMPLETED: &str = "package_completed.json";
pub(crate) const EXCEPTIONS: &str = ".exceptions";
pub(crate) const PENDING_TRANSITIONS: &str = ".pending_transitions";

/// A package on disk.
#[derive(Debug, Clone)]
pub struct Package {
    disk: Disk,
    root: PathBuf,
    load_id: String,
    state: PackageState,
    manifest: Option<Manifest>,
}

/// One job of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Name of the file.
    pub name: JobName,
    /// State: the folder of the file.
    pub state: JobState,
    /// The file.
    pub path: PathBuf,
    /// Table.
    pub table: String,
    /// Rows, if the manifest says so.
    pub rows: Option<u64>,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Job {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// I/O errors naming the file; a file that is no complete Arrow IPC file.
    pub fn open(&self) -> Result<JobReader> {
        JobReader::open(&self.path)
    }
}

/// Whether trying a job again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Network, lock, unknown.
    Transient,
    /// Bad data, permission, missing column.
    Terminal,
}

impl FailureKind {
    fn as_str(self) -> &'static str {
        match self {
            FailureKind::Transient => "transient",
            FailureKind::Terminal => "terminal",
        }
    }
}

/// Message of one try of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobException {
    /// Number of the try, from 0.
    pub retry: u32,
    /// Kind of the failure.
    pub kind: FailureKind,
    /// Message.
    pub message: String,
}

impl Package {
    pub(crate) fn open(
        disk: Disk,
        root: &Path,
        state: PackageState,
        load_id: &str,
    ) -> Result<Package> {
        let mut package = Package {
            disk,
            root: root.to_owned(),
            load_id: load_id.to_owned(),
            state,
            manifest: None,
        };
        if !package.path().is_dir() {
            return Err(PackageError::NotFound {
                load_id: load_id.to_owned(),
                root: root.to_owned(),
            });
        }
        package.manifest = Manifest::read(&package.path())?;
        Ok(package)
    }

    /// Load id.
    pub fn load_id(&self) -> &str {
        &self.load_id
    }

    /// State: the folder that the package lies in.
    pub fn state(&self) -> PackageState {
        self.state
    }

    /// Folder of the package.
    pub fn path(&self) -> PathBuf {
        self.root.join(self.state.folder()).join(&self.load_id)
    }

    /// What the package is made of; `None` if another program made it.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// How the package ended; `None` while it is pending.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn completion(&self) -> Result<Option<Completion>> {
        let word = fsx::read_text(&self.path().join(COMPLETED))?;
        Ok(word.map(|word| match word.trim() {
            "aborted" => Completion::Aborted,
            _ => Completion::Loaded,
        }))
    }

    /// Time at which the package was completed.
    pub fn completed_at(&self) -> Option<std::time::SystemTime> {
        std::fs::metadata(self.path().join(COMPLETED))
            .ok()?
            .modified()
            .ok()
    }

    /// Schema that the package was made with, as a document.
    ///
    /// # Errors
    /// [`PackageError::Damaged`] if it is not there.
    pub fn schema(&self) -> Result<Value> {
        self.document(SCHEMA)?
            .ok_or_else(|| self.damaged(SCHEMA, "is missing"))
    }

    /// Partial tables that the package adds to the destination; `None` once that is done.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn schema_updates(&self) -> Result<Option<Map<String, Value>>> {
        self.document(SCHEMA_UPDATES)
    }

    /// Partial tables that were added to the destination; `None` before that is done.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn applied_schema_updates(&self) -> Result<Option<Map<String, Value>>> {
        self.document(APPLIED_SCHEMA_UPDATES)
    }

    /// The package state.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn document_state(&self) -> Result<PackageDocument> {
        let map = self.document(STATE)?;
        Ok(map.map_or_else(
            || PackageDocument::new(&self.load_id),
            PackageDocument::from_map,
        ))
    }

    /// Replaces the package state; its version is counted.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn save_state(&self, state: &mut PackageDocument) -> Result<()> {
        let path = self.path();
        self.disk
            .write(&path.join(STATE), &state_bytes(&path, state)?)
    }

    /// Documents of the working folder as they were before this package; `None` if none were kept.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn snapshot(&self) -> Result<Option<Snapshot>> {
        let folder = self.path().join(RESTORE);
        if folder.is_dir() {
            Snapshot::take(&folder).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Jobs of all states, in the order in which they were written.
    ///
    /// # Errors
    /// I/O errors naming the folder; files that are not named like jobs.
    pub fn jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for state in JobState::ALL {
            for entry in fsx::list(&self.path().join(state.folder()))? {
                if entry.is_dir
                    || entry.name.ends_with(EXCEPTION)
                    || entry.name.starts_with(fsx::TEMPORARY_PREFIX)
                {
                    continue;
                }
                jobs.push(self.job(state, &entry.name)?);
            }
        }
        jobs.sort_by(|left, right| {
            (&left.name.file_id, &left.name).cmp(&(&right.name.file_id, &right.name))
        });
        Ok(jobs)
    }

    /// Jobs in one state.
    ///
    /// # Errors
    /// As [`Package::jobs`].
    pub fn jobs_in(&self, state: JobState) -> Result<Vec<Job>> {
        Ok(self
            .jobs()?
            .into_iter()
            .filter(|job| job.state == state)
            .collect())
    }

    fn job(&self, state: JobState, file_name: &str) -> Result<Job> {
        let name = JobName::parse(file_name)?;
        let path = self.path().join(state.folder()).join(file_name);
        let entry = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.entry(&name.job_id()));
        let bytes = std::fs::metadata(&path)
            .map_err(|source| PackageError::io("read", &path, source))?
            .len();
        Ok(Job {
            table: entry
                .map(|entry| entry.table.clone())
                .or_else(|| name.table())
                .unwrap_or_else(|| file_name.to_owned()),
            rows: entry.map(|entry| entry.rows),
            name,
            state,
            path,
            bytes,
        })
    }

    /// Checks that tipple made the package and that every file of the manifest is there in its size.
    ///
    /// # Errors
    /// [`PackageError::Foreign`], [`PackageError::Damaged`].
    pub fn check(&self) -> Result<()> {
        let jobs = self.jobs()?;
        if let Some(job) = jobs.iter().find(|job| job.name.format != ARROW) {
            return Err(PackageError::Foreign {
                load_id: self.load_id.clone(),
                job: job.name.file_name(),
            });
        }
        let Some(manifest) = &self.manifest else {
            return Err(self.damaged(crate::manifest::MANIFEST, "is missing"));
        };
        if !manifest.is_sealed {
            return Err(self.damaged(crate::manifest::MANIFEST, "has no last line"));
        }
        let by_id: HashMap<String, &Job> =
            jobs.iter().map(|job| (job.name.job_id(), job)).collect();
        for entry in manifest.entries.values() {
            let Some(job) = by_id.get(&entry.job) else {
                return Err(self.damaged(&entry.job, "is missing"));
            };
            if job.bytes != entry.bytes {
                let why = format!("has {} bytes instead of {}", job.bytes, entry.bytes);
                return Err(self.damaged(&entry.job, &why));
            }
        }
        Ok(())
    }

    /// Checks, in addition, the contents of every file against its checksum. Reads all of it.
    ///
    /// # Errors
    /// As [`Package::check`].
    pub fn verify(&self) -> Result<()> {
        self.check()?;
        for job in self.jobs()? {
            let found = checksum(&job.path)?;
            let entry = self
                .manifest
                .as_ref()
                .and_then(|all| all.entry(&job.name.job_id()));
            if entry.is_some_and(|entry| entry.crc32 != found) {
                return Err(self.damaged(&job.name.file_name(), "has another checksum"));
            }
        }
        Ok(())
    }

    /// Marks waiting jobs as handed to the destination.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn start(&self, jobs: &[Job]) -> Result<Vec<Job>> {
        self.pass("package.jobs.before_start")?;
        let started = self.move_jobs(jobs, JobState::New, JobState::Started)?;
        self.pass("package.jobs.after_start")?;
        Ok(started)
    }

    /// Marks started jobs as done.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn complete_jobs(&self, jobs: &[Job]) -> Result<Vec<Job>> {
        self.pass("package.jobs.before_complete")?;
        let completed = self.move_jobs(jobs, JobState::Started, JobState::Completed)?;
        self.pass("package.jobs.after_complete")?;
        Ok(completed)
    }

    /// Takes started and completed jobs back to waiting: nothing of the package was visible, all of it is run again.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn reset_jobs(&self) -> Result<()> {
        for state in [JobState::Started, JobState::Completed] {
            self.move_jobs(&self.jobs_in(state)?, state, JobState::New)?;
        }
        Ok(())
    }

    /// Puts a started job back to waiting, one try later, and keeps the message.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn retry(&self, job: &Job, kind: FailureKind, message: &str) -> Result<Job> {
        let text = format!("retry: {}\n{message}", kind.as_str());
        let note = self.path().join(EXCEPTIONS);
        self.disk.create_dir(&note)?;
        self.disk
            .write(&note.join(job.name.exception_name()), text.as_bytes())?;
        let next = job.name.next_try().file_name();
        self.rename_job(job, JobState::New, &next)?;
        self.sync_jobs(&[job.state, JobState::New])?;
        self.job(JobState::New, &next)
    }

    /// Gives a job up for good and keeps the message beside it.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn fail(&self, job: &Job, message: &str) -> Result<Job> {
        let name = job.name.file_name();
        let folder = self.path().join(JobState::Failed.folder());
        self.disk.write(
            &folder.join(format!("{name}{EXCEPTION}")),
            message.as_bytes(),
        )?;
        self.rename_job(job, JobState::Failed, &name)?;
        self.sync_jobs(&[job.state, JobState::Failed])?;
        self.job(JobState::Failed, &name)
    }

    /// Messages of the tries of a job, oldest first.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn exceptions(&self, name: &JobName) -> Result<Vec<JobException>> {
        let folder = self.path().join(EXCEPTIONS);
        let mut found = Vec::new();
        for entry in fsx::list(&folder)? {
            let retry = entry
                .name
                .strip_prefix(&name.exception_prefix())
                .and_then(|rest| rest.strip_suffix(EXCEPTION))
                .and_then(|digits| digits.parse().ok());
            if let (Some(retry), Some(text)) = (retry, fsx::read_text(&folder.join(&entry.name))?) {
                found.push(exception(retry, &text));
            }
        }
        found.sort_by_key(|exception| exception.retry);
        Ok(found)
    }

    /// Message beside a failed job.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn failed_message(&self, job: &Job) -> Result<Option<String>> {
        let name = format!("{}{EXCEPTION}", job.name.file_name());
        fsx::read_text(&self.path().join(JobState::Failed.folder()).join(name))
    }

    /// Notes that the destination has the schema now: `applied` are the partial tables that it really added.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn commit_schema_updates(&self, applied: &Value) -> Result<()> {
        self.pass("package.schema.before_commit")?;
        let path = self.path().join(APPLIED_SCHEMA_UPDATES);
        self.disk.write(&path, &fsx::json_bytes(&path, applied)?)?;
        self.disk.remove_file(&self.path().join(SCHEMA_UPDATES))?;
        self.pass("package.schema.after_commit")
    }

    /// Ends the package: marker, then the rename to `loaded`.
    ///
    /// # Errors
    /// [`PackageError::Completed`] if it is there already.
    pub fn complete(&self, completion: Completion) -> Result<Package> {
        if self.state == PackageState::Loaded {
            return Err(PackageError::Completed {
                load_id: self.load_id.clone(),
            });
        }
        self.pass("package.complete.before_marker")?;
        let marker = self.path().join(COMPLETED);
        self.disk.write(&marker, completion.as_str().as_bytes())?;
        self.pass("package.complete.before_rename")?;
        self.move_to_loaded()
    }

    /// Settles the bookkeeping of a package whose receipt is in the destination: every job is done, the package loaded.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn complete_after_receipt(&self) -> Result<Package> {
        for state in [JobState::New, JobState::Started] {
            self.move_jobs(&self.jobs_in(state)?, state, JobState::Completed)?;
        }
        if let Some(updates) = self.schema_updates()? {
            self.commit_schema_updates(&Value::Object(updates))?;
        }
        self.complete(Completion::Loaded)
    }

    pub(crate) fn move_to_loaded(&self) -> Result<Package> {
        let loaded = self
            .root
            .join(PackageState::Loaded.folder())
            .join(&self.load_id);
        self.disk.move_dir(&self.path(), &loaded)?;
        let package = Package {
            state: PackageState::Loaded,
            manifest: self.manifest.clone(),
            ..self.clone()
        };
        package.pass("package.complete.after_rename")?;
        Ok(package)
    }

    /// Removes the files of completed jobs, unless a job failed.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn remove_completed_jobs(&self) -> Result<()> {
        if !self.jobs_in(JobState::Failed)?.is_empty() {
            return Ok(());
        }
        self.disk
            .remove_dir(&self.path().join(JobState::Completed.folder()))
    }

    /// Removes the package from disk.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn delete(self) -> Result<()> {
        self.disk.remove_dir(&self.path())
    }

    /// True if the destination may have been changed by a part of the package (as dlt judges it).
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn is_partially_loaded(&self) -> Result<bool> {
        if !fsx::list(&self.path().join(PENDING_TRANSITIONS))?.is_empty() {
            return Ok(true);
        }
        let jobs = self.jobs()?;
        let completed = jobs
            .iter()
            .filter(|job| job.state == JobState::Completed)
            .count();
        let is_migrated = self
            .applied_schema_updates()?
            .is_some_and(|tables| !tables.is_empty());
        let is_retried = jobs
            .iter()
            .any(|job| job.state == JobState::New && job.name.retry > 1);
        Ok(is_retried || (completed < jobs.len() && (completed > 0 || is_migrated)))
    }

    pub(crate) fn mark_completed(&self, completion: Completion) -> Result<()> {
        self.disk
            .write(&self.path().join(COMPLETED), completion.as_str().as_bytes())
    }

    fn move_jobs(&self, jobs: &[Job], from: JobState, to: JobState) -> Result<Vec<Job>> {
        let mut moved = Vec::with_capacity(jobs.len());
        for job in jobs {
            let name = job.name.file_name();
            if job.state != from {
                return Err(self.no_job(&name, from));
            }
            self.rename_job(job, to, &name)?;
            moved.push(Job {
                state: to,
                path: self.path().join(to.folder()).join(name),
                ..job.clone()
            });
        }
        if !jobs.is_empty() {
            self.sync_jobs(&[to, from])?;
        }
        Ok(moved)
    }

    fn rename_job(&self, job: &Job, to: JobState, new_name: &str) -> Result<()> {
        let from = self
            .path()
            .join(job.state.folder())
            .join(job.name.file_name());
        if !from.is_file() {
            return Err(self.no_job(&job.name.file_name(), job.state));
        }
        self.disk
            .rename(&from, &self.path().join(to.folder()).join(new_name))
    }

    fn sync_jobs(&self, states: &[JobState]) -> Result<()> {
        states
            .iter()
            .try_for_each(|state| self.disk.sync_dir(&self.path().join(state.folder())))
    }

    fn document<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        fsx::read_json(&self.path().join(name))
    }

    fn pass(&self, name: &'static str) -> Result<()> {
        point(name).map_err(|source| PackageError::io("write", &self.path(), source))
    }

    fn no_job(&self, name: &str, state: JobState) -> PackageError {
        PackageError::NoJob {
            load_id: self.load_id.clone(),
            job: name.to_owned(),
            folder: state.folder(),
        }
    }

    fn damaged(&self, name: &str, why: &str) -> PackageError {
        PackageError::Damaged {
            load_id: self.load_id.clone(),
            path: self.path().join(name),
            why: why.to_owned(),
        }
    }
}

pub(crate) fn state_bytes(package: &Path, state: &mut PackageDocument) -> Result<Vec<u8>> {
    state.bump();
    fsx::json_bytes(&package.join(STATE), state.as_map())
}

fn exception(retry: u32, text: &str) -> JobException {
    let (first, rest) = text.split_once('\n').unwrap_or(("", text));
    let kind = match first {
        "retry: terminal" => FailureKind::Terminal,
        _ => FailureKind::Transient,
    };
    let message = if first.starts_with("retry: ") {
        rest
    } else {
        text
    };
    JobException {
        retry,
        kind,
        message: message.to_owned(),
    }
}

fn checksum(path: &Path) -> Result<String> {
    let read = || -> std::io::Result<String> {
        let mut hasher = crc32fast::Hasher::new();
        let mut file = std::fs::File::open(path)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match std::io::Read::read(&mut file, &mut buffer)? {
                0 => return Ok(format!("{:08x}", hasher.finalize())),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    read().map_err(|source| PackageError::io("read", path, source))
}
