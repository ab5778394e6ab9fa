//! What a run tells while it runs: events for whoever listens, and the run document.
//!
//! Both say the same things at the same moments, so they are told from one place. A run document that cannot be written
//! does not stop a run: the data matters more than its history. Start with [`Watch::begin`].

use std::time::Instant;

use serde_json::Value;

use crate::error::RunError;
use crate::events::{Event, Events};
use crate::options::PipelineOptions;
use crate::report::{RunReport, Step, StepReport};
use crate::rundoc::{
    ErrorDocument, PackageMetrics, ResourceMetrics, RunDocument, RunHistory, RunRecorder,
    RunStatus, TableMetrics,
};
use crate::workdir::WorkDir;

/// File in the working folder that holds a copy of the last run document.
const TRACE: &str = "trace.json";

/// Code of the error of a run that the user has stopped, whoever noticed it.
const INTERRUPTED: &str = "pipeline.interrupted";

/// Watches one run.
pub(crate) struct Watch {
    events: Events,
    recorder: Option<RunRecorder>,
    begun: Instant,
    step: Option<(Step, Instant)>,
}

impl Watch {
    /// A run begins.
    pub(crate) fn begin(
        options: &PipelineOptions,
        workdir: &WorkDir,
        report: &RunReport,
        events: &Events,
    ) -> Self {
        events.send(Event::RunStarted {
            transaction_id: report.transaction_id.clone(),
            pipeline: report.pipeline_name.clone(),
        });
        let recorder = options.runs_dir.as_ref().and_then(|runs_dir| {
            let mut document = RunDocument::new(&report.transaction_id, &report.pipeline_name);
            document
                .destination_name
                .clone_from(&report.destination_name);
            document
                .destination_type
                .clone_from(&report.destination_type);
            document.dataset_name.clone_from(&report.dataset_name);
            let location = Value::String(report.location.clone());
            document.extra.insert("location".to_owned(), location);
            let history = RunHistory::new(runs_dir, &report.pipeline_name);
            history
                .begin(document, Some(workdir.root().join(TRACE)))
                .ok()
        });
        Watch {
            events: events.clone(),
            recorder,
            begun: Instant::now(),
            step: None,
        }
    }

    /// A step begins.
    pub(crate) fn start(&mut self, step: Step) {
        self.step = Some((step, Instant::now()));
        self.events.send(Event::StepStarted { step });
        if let Some(recorder) = &mut self.recorder {
            recorder.start_step(step);
        }
    }

    /// The step has ended; its wall time goes into the report.
    pub(crate) fn done(&mut self, report: &mut RunReport) {
        self.close(report, None);
    }

    fn close(&mut self, report: &mut RunReport, error: Option<&RunError>) {
        let Some((step, begun)) = self.step.take() else {
            return;
        };
        let seconds = begun.elapsed().as_secs_f64();
        report.steps.push(StepReport { step, seconds });
        self.events.send(Event::StepFinished {
            step,
            seconds,
            is_ok: error.is_none(),
        });
        if let Some(recorder) = &mut self.recorder {
            fill(recorder, step, report);
            // A history that cannot be written is no reason to stop.
            let _ = recorder.finish_step(step, error.map(error_document));
        }
    }

    /// The run has ended.
    pub(crate) fn finish(mut self, report: &mut RunReport, error: Option<&RunError>) {
        self.close(report, error);
        for message in &report.warnings {
            self.events.send(Event::Warning {
                message: message.clone(),
                help: None,
            });
        }
        let status = match error {
            None => RunStatus::Succeeded,
            Some(error) if error.cause.code() == INTERRUPTED => RunStatus::Cancelled,
            Some(error) if error.package_pending => RunStatus::Partial,
            Some(_) => RunStatus::Failed,
        };
        let seconds = self.begun.elapsed().as_secs_f64();
        self.events.send(Event::RunFinished { status, seconds });
        if let Some(mut recorder) = self.recorder.take() {
            recorder
                .document_mut()
                .warnings
                .clone_from(&report.warnings);
            let _ = recorder.finish(status);
        }
    }

    /// Tells what extract and normalize have made.
    pub(crate) fn tell_tables(&self, report: &RunReport) {
        for (resource, counts) in &report.resources {
            self.events.send(Event::ResourceFinished {
                resource: resource.clone(),
                rows: counts.items,
                bytes: counts.bytes,
                pages: counts.pages,
            });
        }
        for table in &report.new_tables {
            let columns = report
                .new_columns
                .iter()
                .filter(|column| &column.table == table);
            self.events.send(Event::SchemaChanged {
                table: table.clone(),
                columns: columns.map(|column| column.column.clone()).collect(),
                is_new_table: true,
            });
        }
        for column in &report.new_columns {
            if !report.new_tables.contains(&column.table) {
                self.events.send(Event::SchemaChanged {
                    table: column.table.clone(),
                    columns: vec![column.column.clone()],
                    is_new_table: false,
                });
            }
        }
        for (table, rows) in &report.rows {
            self.events.send(Event::TableNormalized {
                table: table.clone(),
                rows: *rows,
            });
        }
    }
}

fn fill(recorder: &mut RunRecorder, step: Step, report: &RunReport) {
    let Some(document) = recorder.step_mut(step) else {
        return;
    };
    match step {
        Step::Sync => {}
        Step::Extract | Step::Normalize => {
            let resources = report
                .resources
                .iter()
                .map(|(name, counts)| ResourceMetrics {
                    resource_name: name.clone(),
                    items_count: counts.items,
                    bytes: counts.bytes,
                    pages: counts.pages,
                    requests: counts.requests,
                    retries: counts.retries,
                    waited_ms: counts.waited_ms,
                    status_counts: counts
                        .status_counts
                        .iter()
                        .map(|(status, count)| (status.clone(), Value::from(*count)))
                        .collect(),
                    ..ResourceMetrics::default()
                });
            document.resource_metrics = resources.collect();
            let tables = report.rows.iter().map(|(name, rows)| TableMetrics {
                table_name: name.clone(),
                items_count: *rows,
                ..TableMetrics::default()
            });
            document.table_metrics = tables.collect();
        }
        Step::Load => {
            let packages = report.packages.iter().map(|package| PackageMetrics {
                load_id: package.load_id.clone(),
                schema_name: package.schema_name.clone(),
                state: if package.is_loaded {
                    "loaded"
                } else {
                    "normalized"
                }
                .to_owned(),
                ..PackageMetrics::default()
            });
            document.load_packages = packages.collect();
        }
    }
}

fn error_document(error: &RunError) -> ErrorDocument {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(&error.cause);
    while let Some(found) = cause {
        causes.push(found.to_string());
        cause = found.source();
    }
    ErrorDocument {
        code: error.cause.code().to_owned(),
        message: error.cause.to_string(),
        causes,
        help: None,
    }
}
