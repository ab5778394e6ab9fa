//! Giving packages up: plan first, then the steps, which can be repeated after a crash.
//!
//! As dlt does it (spec/load.md §3.1), except that the package that is given up is completed last: until then a mark in
//! its state makes the next start finish the job, so that state and packages can never disagree.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{PackageError, Result};
use crate::fsx::point;
use crate::names::{Completion, JobState, PackageState};
use crate::package::{FailureKind, Job, Package};
use crate::store::PackageStore;

/// The package that ends as `aborted`, and what becomes of its jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AbortedPackage {
    /// Load id.
    pub load_id: String,
    /// Tried, refused for good: will be failed.
    pub terminal_jobs: Vec<String>,
    /// Tried, not refused for good: will be failed.
    pub transient_jobs: Vec<String>,
    /// Started, outcome unknown: will be failed.
    pub interrupted_jobs: Vec<String>,
    /// Done at the destination: stay completed.
    pub committed_jobs: Vec<String>,
}

/// What giving up would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AbortPlan {
    /// The oldest pending package, if it is among those given up.
    pub package_to_abort: Option<AbortedPackage>,
    /// Younger sealed packages, which are deleted.
    pub packages_to_delete: Vec<String>,
    /// Extracted packages, which are deleted.
    pub extracted_packages_to_delete: Vec<String>,
    /// Package whose `.restore` state and schemas are put back.
    pub restore_from_load_id: String,
}

/// What giving up did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aborted {
    /// Folder of the package that now is `aborted`.
    pub package: Option<PathBuf>,
    /// False if no state had been kept: the caller must say that the cursors have not gone back.
    pub is_restored: bool,
}

impl PackageStore {
    /// Plans to give up `load_id` (the oldest pending package if `None`) and everything younger. `None`: nothing is
    /// pending.
    ///
    /// # Errors
    /// [`PackageError::NotFound`] for an id that is not pending.
    pub fn plan_abort(&self, load_id: Option<&str>) -> Result<Option<AbortPlan>> {
        let normalized = self.list(PackageState::Normalized)?;
        let target = match load_id {
            Some(wanted) if !normalized.iter().any(|found| found == wanted) => {
                return Err(PackageError::NotFound {
                    load_id: wanted.to_owned(),
                    root: self.root.clone(),
                });
            }
            Some(wanted) => Some(wanted.to_owned()),
            None => normalized.first().cloned(),
        };
        let mut extracted = self.list(PackageState::Extracted)?;
        if let Some(target) = &target {
            extracted.retain(|found| found >= target);
        }
        let Some(anchor) = target.clone().or_else(|| extracted.first().cloned()) else {
            return Ok(None);
        };
        let package_to_abort = match (&target, normalized.first()) {
            (Some(target), Some(oldest)) if target == oldest => Some(self.classify_jobs(oldest)?),
            _ => None,
        };
        Ok(Some(AbortPlan {
            packages_to_delete: normalized
                .into_iter()
                .filter(|found| match &package_to_abort {
                    Some(aborted) => *found > aborted.load_id,
                    None => target.as_ref().is_some_and(|target| found >= target),
                })
                .collect(),
            package_to_abort,
            extracted_packages_to_delete: extracted,
            restore_from_load_id: anchor,
        }))
    }

    /// Carries a plan out: mark, put state and schemas back, delete the younger packages, end the oldest as `aborted`.
    ///
    /// # Errors
    /// I/O errors naming the path. The plan can be made and carried out again.
    pub fn abort(&self, plan: &AbortPlan) -> Result<Aborted> {
        let pass =
            |name| point(name).map_err(|source| PackageError::io("write", &self.root, source));
        let doomed = match &plan.package_to_abort {
            Some(aborted) => Some(self.package(PackageState::Normalized, &aborted.load_id)?),
            None => None,
        };
        if let Some(package) = &doomed {
            let mut state = package.document_state()?;
            state.set("abort_requested", true.into());
            package.save_state(&mut state)?;
        }
        pass("package.abort.after_flag")?;
        let is_restored = self.restore(&plan.restore_from_load_id)?;
        pass("package.abort.after_restore")?;
        self.delete_planned(plan)?;
        pass("package.abort.after_delete")?;
        let package = match doomed {
            Some(package) => Some(end_as_aborted(&package)?.path()),
            None => None,
        };
        Ok(Aborted {
            package,
            is_restored,
        })
    }

    fn restore(&self, load_id: &str) -> Result<bool> {
        let Some(snapshot) = self.find(load_id)?.snapshot()? else {
            return Ok(false);
        };
        snapshot.install(self.disk, &self.root)?;
        Ok(true)
    }

    /// Youngest first: the one that the state was restored from goes last.
    fn delete_planned(&self, plan: &AbortPlan) -> Result<()> {
        for load_id in plan.extracted_packages_to_delete.iter().rev() {
            self.disk
                .remove_dir(&self.folder(PackageState::Extracted).join(load_id))?;
        }
        for load_id in plan.packages_to_delete.iter().rev() {
            self.disk
                .remove_dir(&self.folder(PackageState::Normalized).join(load_id))?;
        }
        Ok(())
    }

    fn classify_jobs(&self, load_id: &str) -> Result<AbortedPackage> {
        let package = self.package(PackageState::Normalized, load_id)?;
        let mut plan = AbortedPackage {
            load_id: load_id.to_owned(),
            ..Default::default()
        };
        for job in package.jobs()? {
            let name = job.name.file_name();
            match job.state {
                JobState::Started => plan.interrupted_jobs.push(name),
                JobState::Completed => plan.committed_jobs.push(name),
                JobState::New if job.name.retry > 0 => match last_failure(&package, &job)? {
                    FailureKind::Terminal => plan.terminal_jobs.push(name),
                    FailureKind::Transient => plan.transient_jobs.push(name),
                },
                JobState::New | JobState::Failed => {}
            }
        }
        Ok(plan)
    }
}

fn last_failure(package: &Package, job: &Job) -> Result<FailureKind> {
    let exceptions = package.exceptions(&job.name)?;
    Ok(exceptions
        .last()
        .map_or(FailureKind::Transient, |last| last.kind))
}

fn end_as_aborted(package: &Package) -> Result<Package> {
    for job in package.jobs()? {
        let message = match job.state {
            JobState::Started => "the load was interrupted and the package given up".to_owned(),
            JobState::New if job.name.retry > 0 => {
                package.exceptions(&job.name)?.pop().map_or_else(
                    || "the package was given up".to_owned(),
                    |last| last.message,
                )
            }
            _ => continue,
        };
        package.fail(&job, &message)?;
    }
    package.complete(Completion::Aborted)
}
