//! Reading a source that puts the pages of its resources in order itself.
//!
//! The order of pages is the source's: it decides which value of a key is seen first, so nothing is grouped here. What
//! the source tells about its requests arrives on other threads and is counted until the reading ends.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use serde_json::Value;
use tipple_package::PackageState;
use tipple_source::{JointPage, JointReader, JointRequest, JointSource, Notify, SourceEvent};

use super::Run;
use crate::error::{AtStep, RunError};
use crate::events::{Event, Events};
use crate::report::{ResourceReport, Step};

/// Folder of checkpoints in the working folder of a pipeline.
const CHECKPOINTS: &str = "checkpoints";

/// Requests of each resource, counted while they happen.
type Counts = Arc<Mutex<IndexMap<String, ResourceReport>>>;

impl Run<'_> {
    /// Reads all pages in the order of the source and keeps what its resources want to remember.
    pub(super) fn read_jointly(
        &mut self,
        source: &dyn JointSource,
    ) -> Result<Box<dyn JointReader>, RunError> {
        let counts = Counts::default();
        let request = self.joint_request(&counts);
        self.was_read.clone_from(&request.wanted);
        let result = source
            .open(request)
            .at(Step::Extract)
            .and_then(|mut reader| {
                let result = self.take_pages(reader.as_mut());
                self.report.warnings.extend(reader.take_warnings());
                result.map(|()| reader)
            });
        self.take_counts(&counts);
        let reader = result?;
        self.keep_states(reader.as_ref());
        Ok(reader)
    }

    fn joint_request(&self, counts: &Counts) -> JointRequest {
        let source = &self.source.spec.name;
        let state_of = |spec: &tipple_source::ResourceSpec| {
            let state = self.state.resource(source, &spec.name);
            state.cloned().unwrap_or_default()
        };
        let is_kept = !self.extraction.options.dry_run && self.extraction.options.limit.is_none();
        JointRequest {
            wanted: self.selected(),
            states: self.specs.iter().map(state_of).collect(),
            epoch: self.epoch(),
            page_limit: self.page_limit(),
            checkpoint_dir: is_kept.then(|| self.extraction.workdir.root().join(CHECKPOINTS)),
            notify: notify(self.extraction.events, counts),
        }
    }

    /// The newest package that was sealed: what came before it is safe.
    fn epoch(&self) -> String {
        let states = [PackageState::Normalized, PackageState::Loaded];
        let names = states.iter().filter_map(|state| {
            let names = self.extraction.store.list(*state).ok()?;
            names.into_iter().max()
        });
        names.max().unwrap_or_default()
    }

    fn take_pages(&mut self, reader: &mut dyn JointReader) -> Result<(), RunError> {
        while let Some(JointPage {
            resource,
            page,
            byte_count,
        }) = reader.next_page().at(Step::Extract)?
        {
            self.count_page(resource, byte_count);
            self.count_items(resource, &page);
            self.take_page(resource, page)?;
        }
        Ok(())
    }

    fn take_counts(&mut self, counts: &Counts) {
        let counted = counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, counted) in counted.iter() {
            let counts = self.report.resources.entry(name.clone()).or_default();
            counts.requests = counted.requests;
            counts.retries = counted.retries;
            counts.waited_ms = counted.waited_ms;
            counts.status_counts.clone_from(&counted.status_counts);
        }
    }

    fn keep_states(&mut self, reader: &dyn JointReader) {
        let source = &self.source.spec.name;
        for (resource, members) in reader.states() {
            let state = self.state.resource_mut(source, &self.specs[resource].name);
            for (key, value) in members {
                merge_member(state, key, value);
            }
        }
    }
}

/// Members of objects are added to what is there: a cursor leaves the entries of other paths alone.
fn merge_member(state: &mut serde_json::Map<String, Value>, key: String, value: Value) {
    match (state.get_mut(&key), value) {
        (Some(Value::Object(known)), Value::Object(new)) => known.extend(new),
        (_, value) => {
            state.insert(key, value);
        }
    }
}

fn notify(events: &Events, counts: &Counts) -> Notify {
    let (events, counts) = (events.clone(), Arc::clone(counts));
    Arc::new(move |event| {
        count(&counts, &event);
        if let Some(event) = told(event) {
            events.send(event);
        }
    })
}

fn count(counts: &Counts, event: &SourceEvent) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        SourceEvent::Answered { resource, status } => {
            let counts = counts.entry(resource.to_string()).or_default();
            counts.requests += 1;
            *counts.status_counts.entry(status.to_string()).or_default() += 1;
        }
        SourceEvent::Retrying { resource, wait, .. } => {
            let counts = counts.entry(resource.to_string()).or_default();
            counts.retries += 1;
            counts.waited_ms += wait.as_millis() as u64;
        }
        SourceEvent::Waiting { resource, wait, .. } => {
            let counts = counts.entry(resource.to_string()).or_default();
            counts.waited_ms += wait.as_millis() as u64;
        }
        SourceEvent::Expected { .. } | SourceEvent::Note { .. } => {}
    }
}

fn told(event: SourceEvent) -> Option<Event> {
    Some(match event {
        SourceEvent::Answered { .. } => return None,
        SourceEvent::Retrying {
            resource,
            attempt,
            wait,
            reason,
        } => Event::RequestRetried {
            resource: resource.to_string(),
            attempt,
            wait_seconds: wait.as_secs_f64(),
            reason,
        },
        SourceEvent::Waiting {
            resource,
            wait,
            reason,
        } => Event::Waiting {
            resource: resource.to_string(),
            wait_seconds: wait.as_secs_f64(),
            reason,
        },
        SourceEvent::Expected { resource, pages } => Event::PagesExpected {
            resource: resource.to_string(),
            pages,
        },
        SourceEvent::Note { resource, message } => Event::Note {
            resource: resource.to_string(),
            message,
        },
    })
}
