//! The run document: one JSON file per run, written while it runs (spec/workbench.md §4).
//!
//! Written when the run starts, at the end of each step, and at the end, so that a run that dies leaves what it had
//! done. Field names are those of dlt's trace where it has them. No value of a setting is ever in it. Start with
//! [`RunHistory::begin`].

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tipple_package::PackageError;
use tipple_package::fsx::{self, Disk};

use crate::report::Step;
use crate::time::{iso, now_micros};

/// Version of the document.
pub const RUN_FORMAT: u32 = 1;

/// Documents kept per pipeline unless a setting says otherwise.
pub const KEEP_RUNS_DEFAULT: usize = 500;

const SUFFIX: &str = ".json";

/// How a run is going or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Its process is at work.
    Running,
    /// All is loaded.
    Succeeded,
    /// Nothing was loaded.
    Failed,
    /// A package is left pending.
    Partial,
    /// Its process is gone.
    Interrupted,
    /// The user asked it to stop.
    Cancelled,
}

impl RunStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Succeeded => "succeeded",
            RunStatus::Failed => "failed",
            RunStatus::Partial => "partial",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Cancelled => "cancelled",
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// Version of the document.
    pub format: u32,
    /// Identifies the run; also the name of the file.
    pub transaction_id: String,
    /// Pipeline.
    pub pipeline_name: String,
    /// Name of the destination in the configuration.
    #[serde(default)]
    pub destination_name: String,
    /// Kind of the destination.
    #[serde(default)]
    pub destination_type: String,
    /// Dataset.
    #[serde(default)]
    pub dataset_name: String,
    /// Profile, in a workspace.
    #[serde(default)]
    pub profile: Option<String>,
    /// Job of a schedule that ran it.
    #[serde(default)]
    pub job_ref: Option<String>,
    /// What started it: `manual`, `schedule`, …
    #[serde(default)]
    pub trigger: Option<String>,
    /// Start of the interval that it was for.
    #[serde(default)]
    pub interval_start: Option<String>,
    /// End of that interval.
    #[serde(default)]
    pub interval_end: Option<String>,
    /// Time of the start, ISO 8601.
    pub started_at: String,
    /// Time of the end.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// How it goes.
    pub status: RunStatus,
    /// Machine and program.
    #[serde(default)]
    pub execution_context: ExecutionContext,
    /// Steps in the order in which they were begun.
    #[serde(default)]
    pub steps: Vec<StepDocument>,
    /// Settings that were used, without values.
    #[serde(default)]
    pub resolved_config_values: Vec<ConfigValueDocument>,
    /// What the user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Fields of a newer program, kept.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Machine and program of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecutionContext {
    /// Operating system and architecture.
    #[serde(default)]
    pub os: String,
    /// Processors.
    #[serde(default)]
    pub cpu: usize,
    /// True on a build server.
    #[serde(default)]
    pub ci_run: bool,
    /// Where it ran: `docker`, `kubernetes`, `github_actions`, …
    #[serde(default)]
    pub exec_info: Vec<String>,
    /// Program and version.
    #[serde(default)]
    pub library: Library,
    /// Process.
    #[serde(default)]
    pub pid: u32,
    /// When the process was started, in the system's own units: tells it from a later one of the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_start: Option<u64>,
}

/// A program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

impl ExecutionContext {
    /// This process.
    pub fn of_process(ci_run: bool, exec_info: Vec<String>) -> Self {
        let pid = std::process::id();
        ExecutionContext {
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: std::thread::available_parallelism().map_or(1, usize::from),
            ci_run,
            exec_info,
            library: Library {
                name: "tipple".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            pid,
            process_start: process_start(pid),
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDocument {
    /// `sync`, `extract`, `normalize`, `load`.
    pub step: String,
    /// Identifies the step in the run.
    pub span_id: String,
    /// Time of the start.
    pub started_at: String,
    /// Time of the end.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
    /// What each resource gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_metrics: Vec<ResourceMetrics>,
    /// What each table got.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub table_metrics: Vec<TableMetrics>,
    /// What became of each job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub job_metrics: Vec<JobMetrics>,
    /// Packages of the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_packages: Vec<PackageMetrics>,
}

/// Why a step failed, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// Stable code, `source.http.unauthorized`.
    pub code: String,
    /// First line.
    pub message: String,
    /// Causes, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// What can be done.
    #[serde(default)]
    pub help: Option<String>,
}

/// What one resource gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceMetrics {
    /// Resource.
    pub resource_name: String,
    /// Resource that it is fed by.
    pub parent_name: Option<String>,
    /// Items that passed the cursor.
    pub items_count: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Pages read.
    pub pages: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that were repeated.
    pub retries: u64,
    /// Time waited for a rate limit or between attempts.
    pub waited_ms: u64,
    /// Answers by status.
    pub status_counts: Map<String, Value>,
    /// Time of the first request.
    pub started_at: Option<String>,
    /// Time of the last answer.
    pub finished_at: Option<String>,
    /// Incremental cursor.
    pub cursor: Option<CursorMetrics>,
}

/// Where an incremental cursor stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CursorMetrics {
    /// Its path in the items.
    pub path: String,
    /// Value that the run started from.
    pub start: Value,
    /// Value that it ended with.
    pub last: Value,
}

/// What one table got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableMetrics {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table_name: String,
    /// Rows.
    pub items_count: u64,
    /// Bytes of its files.
    pub file_size: u64,
    /// Files.
    pub files: u64,
}

/// What became of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobMetrics {
    /// Job.
    pub job_id: String,
    /// Table.
    pub table_name: String,
    /// Format of the file.
    pub file_format: String,
    /// Bytes of the file.
    pub file_size: u64,
    /// `new_jobs`, `started_jobs`, `failed_jobs`, `completed_jobs`.
    pub state: String,
    /// Time of the start; absent for a job that has not run.
    pub started_at: Option<String>,
    /// Time of the end.
    pub finished_at: Option<String>,
    /// Tries before this one.
    pub retry_count: u32,
    /// Where the destination put the file.
    pub remote_url: Option<String>,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackageMetrics {
    /// Package.
    pub load_id: String,
    /// Schema.
    pub schema_name: String,
    /// Hash of the schema.
    pub schema_hash: String,
    /// `normalized`, `loaded`, `aborted`.
    pub state: String,
    /// Time at which it was completed.
    pub completed_at: Option<String>,
    /// Columns added, by table.
    pub schema_update: Map<String, Value>,
    /// Number of jobs by state.
    pub jobs: Map<String, Value>,
}

/// A setting that was used, without its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigValueDocument {
    /// Key.
    pub key: String,
    /// Sections under which it was found.
    pub sections: Vec<String>,
    /// Provider.
    pub provider: String,
    /// File or variable.
    pub location: String,
    /// True for a secret.
    pub is_secret: bool,
    /// What it was used for.
    pub used_by: Option<String>,
}

impl RunDocument {
    /// The document of a run that begins now in this process.
    pub fn new(transaction_id: &str, pipeline_name: &str) -> Self {
        RunDocument {
            format: RUN_FORMAT,
            transaction_id: transaction_id.to_owned(),
            pipeline_name: pipeline_name.to_owned(),
            destination_name: String::new(),
            destination_type: String::new(),
            dataset_name: String::new(),
            profile: None,
            job_ref: None,
            trigger: None,
            interval_start: None,
            interval_end: None,
            started_at: iso(now_micros()),
            finished_at: None,
            status: RunStatus::Running,
            execution_context: ExecutionContext::of_process(false, Vec::new()),
            steps: Vec::new(),
            resolved_config_values: Vec::new(),
            warnings: Vec::new(),
            extra: Map::new(),
        }
    }

    /// The step that was begun last, if it is this one.
    fn current(&mut self, step: Step) -> Option<&mut StepDocument> {
        self.steps
            .last_mut()
            .filter(|last| last.step == step.as_str())
    }

    /// A run whose process is gone is an interrupted one.
    fn settle(mut self) -> Self {
        let context = &self.execution_context;
        if self.status == RunStatus::Running
            && !is_process_running(context.pid, context.process_start)
        {
            self.status = RunStatus::Interrupted;
        }
        self
    }
}

/// The documents of one pipeline.
#[derive(Debug, Clone)]
pub struct RunHistory {
    folder: PathBuf,
    keep: usize,
}

impl RunHistory {
    /// Documents of `pipeline` below the folder of all runs.
    pub fn new(runs_dir: &Path, pipeline: &str) -> Self {
        RunHistory {
            folder: runs_dir.join(pipeline),
            keep: KEEP_RUNS_DEFAULT,
        }
    }

    /// Keeps another number of documents (at least one).
    #[must_use]
    pub fn keeping(self, count: usize) -> Self {
        RunHistory {
            keep: count.max(1),
            ..self
        }
    }

    /// Writes the first version of a document, and removes the oldest beyond the number to keep.
    ///
    /// `trace` is a file that always holds a copy of the last document (`trace.json` in the working folder).
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn begin(
        &self,
        document: RunDocument,
        trace: Option<PathBuf>,
    ) -> Result<RunRecorder, PackageError> {
        Disk::DURABLE.create_dir(&self.folder)?;
        let path = self.path(&document.transaction_id);
        let recorder = RunRecorder {
            document,
            path,
            trace,
        };
        recorder.save()?;
        self.prune()?;
        Ok(recorder)
    }

    /// The document of a run; a run whose process is gone is `interrupted`. `None`: there is none.
    ///
    /// # Errors
    /// I/O errors naming the path; a document that cannot be read.
    pub fn read(&self, transaction_id: &str) -> Result<Option<RunDocument>, PackageError> {
        let document: Option<RunDocument> = fsx::read_json(&self.path(transaction_id))?;
        Ok(document.map(RunDocument::settle))
    }

    /// All documents, newest first. One that cannot be read is left out.
    ///
    /// # Errors
    /// I/O errors naming the folder.
    pub fn list(&self) -> Result<Vec<RunDocument>, PackageError> {
        let mut documents: Vec<RunDocument> = self
            .ids()?
            .iter()
            .filter_map(|id| self.read(id).ok().flatten())
            .collect();
        documents.sort_by(|left, right| right.started_at.cmp(&left.started_at));
        Ok(documents)
    }

    /// The newest document.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn newest(&self) -> Result<Option<RunDocument>, PackageError> {
        let ids = self.ids()?;
        match ids.iter().max_by_key(|id| modified(&self.path(id))) {
            Some(id) => self.read(id),
            None => Ok(None),
        }
    }

    fn ids(&self) -> Result<Vec<String>, PackageError> {
        let entries = fsx::list(&self.folder)?;
        let names = entries
            .iter()
            .filter(|entry| !entry.is_dir)
            .map(|entry| &entry.name);
        Ok(names
            .filter(|name| !name.starts_with(fsx::TEMPORARY_PREFIX))
            .filter_map(|name| name.strip_suffix(SUFFIX).map(str::to_owned))
            .collect())
    }

    fn path(&self, transaction_id: &str) -> PathBuf {
        self.folder.join(format!("{transaction_id}{SUFFIX}"))
    }

    fn prune(&self) -> Result<(), PackageError> {
        let mut ids = self.ids()?;
        if ids.len() <= self.keep {
            return Ok(());
        }
        ids.sort_by_key(|id| std::cmp::Reverse(modified(&self.path(id))));
        ids.split_off(self.keep)
            .iter()
            .try_for_each(|id| Disk::DURABLE.remove_file(&self.path(id)))
    }
}

/// Keeps the document of a run up to date on disk.
#[derive(Debug)]
pub struct RunRecorder {
    document: RunDocument,
    path: PathBuf,
    trace: Option<PathBuf>,
}

impl RunRecorder {
    /// The document as it is.
    pub fn document(&self) -> &RunDocument {
        &self.document
    }

    /// The document, to be filled; written with the next step.
    pub fn document_mut(&mut self) -> &mut RunDocument {
        &mut self.document
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A step has begun. Not written: the end of the step is.
    pub fn start_step(&mut self, step: Step) -> &mut StepDocument {
        let number = self.document.steps.len();
        let id = &self.document.transaction_id;
        let span_id = format!("{}{number:04x}", id.get(..12).unwrap_or(id));
        self.document.steps.push(StepDocument {
            step: step.as_str().to_owned(),
            span_id,
            started_at: iso(now_micros()),
            finished_at: None,
            error: None,
            resource_metrics: Vec::new(),
            table_metrics: Vec::new(),
            job_metrics: Vec::new(),
            load_packages: Vec::new(),
        });
        &mut self.document.steps[number]
    }

    /// The step that was begun last, if it is this one, to be filled.
    pub fn step_mut(&mut self, step: Step) -> Option<&mut StepDocument> {
        self.document.current(step)
    }

    /// A step has ended; writes the document.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn finish_step(
        &mut self,
        step: Step,
        error: Option<ErrorDocument>,
    ) -> Result<(), PackageError> {
        if let Some(current) = self.document.current(step) {
            current.finished_at = Some(iso(now_micros()));
            current.error = error;
        }
        self.save()
    }

    /// The run has ended; writes the document for the last time.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn finish(mut self, status: RunStatus) -> Result<RunDocument, PackageError> {
        self.document.status = status;
        self.document.finished_at = Some(iso(now_micros()));
        self.save()?;
        Ok(self.document)
    }

    /// Writes the document and its copy.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn save(&self) -> Result<(), PackageError> {
        let bytes =
            serde_json::to_vec_pretty(&self.document).map_err(|source| PackageError::Document {
                path: self.path.clone(),
                source,
            })?;
        // Not synced: a run document is a record, no promise; after a power cut the last one may be missing.
        Disk::RELAXED.write(&self.path, &bytes)?;
        match &self.trace {
            Some(trace) => Disk::RELAXED.write(trace, &bytes),
            None => Ok(()),
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// True if the process is there, and is the one that was started then.
fn is_process_running(pid: u32, start: Option<u64>) -> bool {
    if pid == std::process::id() {
        return true;
    }
    process_exists(pid) && (start.is_none() || process_start(pid) == start)
}

#[cfg(target_os = "linux")]
fn process_exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn process_exists(pid: u32) -> bool {
    let mut ask = std::process::Command::new("kill");
    ask.args(["-0", &pid.to_string()]);
    ask.output().is_ok_and(|answer| answer.status.success())
}

#[cfg(not(unix))]
fn process_exists(_: u32) -> bool {
    // Cannot be found out without the system's own interface: the pipeline lock tells instead.
    true
}

/// Field 22 of `/proc/PID/stat`: clock ticks between boot and the start of the process.
fn process_start(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold blanks.
    text.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use super::*;

    fn begin(root: &Path, id: &str) -> RunRecorder {
        let history = RunHistory::new(root, "shop");
        history
            .begin(RunDocument::new(id, "shop"), Some(root.join("trace.json")))
            .unwrap()
    }

    #[test]
    fn a_run_is_on_disk_from_its_start_to_its_end() {
        let root = tempfile::tempdir().unwrap();
        let history = RunHistory::new(root.path(), "shop");
        let mut recorder = begin(root.path(), "0123456789abcdef");
        let read = || history.read("0123456789abcdef").unwrap().unwrap();
        assert_eq!(read().status, RunStatus::Running);

        recorder
            .start_step(Step::Extract)
            .resource_metrics
            .push(ResourceMetrics {
                resource_name: "orders".to_owned(),
                items_count: 3,
                ..ResourceMetrics::default()
            });
        recorder.finish_step(Step::Extract, None).unwrap();
        let step = read().steps.remove(0);
        assert_eq!(
            (step.step.as_str(), step.span_id.as_str()),
            ("extract", "0123456789ab0000")
        );
        assert_eq!(step.resource_metrics[0].items_count, 3);
        assert!(step.finished_at.is_some());

        recorder.start_step(Step::Load);
        let error = ErrorDocument {
            code: "destination.locked".to_owned(),
            message: "the file is open in another program".to_owned(),
            ..ErrorDocument::default()
        };
        recorder
            .finish_step(Step::Load, Some(error.clone()))
            .unwrap();
        let finished = recorder.finish(RunStatus::Partial).unwrap();
        assert_eq!(read(), finished);
        assert_eq!(finished.steps[1].error, Some(error));
        let copy: RunDocument =
            serde_json::from_slice(&std::fs::read(root.path().join("trace.json")).unwrap())
                .unwrap();
        assert_eq!(copy, finished);
    }

    #[test]
    fn a_run_whose_process_is_gone_is_interrupted() {
        let root = tempfile::tempdir().unwrap();
        let mut recorder = begin(root.path(), "a");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        recorder.document_mut().execution_context.pid = child.id();
        recorder.save().unwrap();
        let history = RunHistory::new(root.path(), "shop");
        assert_eq!(
            history.newest().unwrap().unwrap().status,
            RunStatus::Interrupted
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_process_of_the_same_number_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        let mut recorder = begin(root.path(), "a");
        let context = &mut recorder.document_mut().execution_context;
        (context.pid, context.process_start) = (1, Some(u64::MAX));
        recorder.save().unwrap();
        let history = RunHistory::new(root.path(), "shop");
        assert_eq!(
            history.read("a").unwrap().unwrap().status,
            RunStatus::Interrupted
        );
    }

    #[test]
    fn only_the_newest_documents_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let history = RunHistory::new(root.path(), "shop").keeping(3);
        for number in 0..6 {
            let mut document = RunDocument::new(&format!("run{number}"), "shop");
            document.started_at = format!("2026-01-01T00:00:0{number}");
            let recorder = history.begin(document, None).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number);
            std::fs::File::open(recorder.path())
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        let ids: Vec<String> = history
            .list()
            .unwrap()
            .into_iter()
            .map(|run| run.transaction_id)
            .collect();
        assert_eq!(ids, ["run5", "run4", "run3"]);
    }

    #[test]
    fn fields_of_a_newer_program_are_kept() {
        let text = r#"{"format":1,"transaction_id":"a","pipeline_name":"shop",
            "started_at":"2026-01-01T00:00:00+00:00","status":"succeeded","colour":"red"}"#;
        let document: RunDocument = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&document).unwrap()["colour"], "red");
    }

    #[test]
    fn a_pipeline_that_never_ran_has_no_history() {
        let root = tempfile::tempdir().unwrap();
        let history = RunHistory::new(root.path(), "shop");
        assert!(history.list().unwrap().is_empty());
        assert!(history.newest().unwrap().is_none());
        assert!(history.read("a").unwrap().is_none());
    }
}
