//! The registry of sources: from what a pipeline file says to resources that can be read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tipple_config::{RuntimeSettings, Settings};
use tipple_files::FileResource;
use tipple_rest::{RestSource, document};
use tipple_source::{
    Declared, FileBody, Page, PageReader, PipelineBody, PipelineFile, ReadRequest, Resource,
    ResourceSpec, Source, SourceError, SourceSpec,
};

/// What a REST source needs to be read besides its file.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Settings and secrets.
    pub settings: &'a Settings,
    /// Settings of the run.
    pub runtime: &'a RuntimeSettings,
    /// Keep what makes an interrupted reading go on.
    pub keeps_checkpoints: bool,
}

/// A source, and what the user should know before it is read.
#[derive(Debug)]
pub struct Prepared {
    /// The source.
    pub source: Source,
    /// Warnings about its configuration.
    pub warnings: Vec<String>,
}

/// The source of a pipeline file. Relative paths in it start at its folder.
///
/// # Errors
/// Mistakes in the part of the file that describes the source.
pub fn of_file(
    file: &PipelineFile,
    around: &Surroundings<'_>,
    stop: &Arc<AtomicBool>,
) -> Result<Prepared, SourceError> {
    let resources: Vec<Box<dyn Resource>> = match &file.body {
        PipelineBody::Declared(body) => return of_rest(file, body, around, stop),
        PipelineBody::Files(bodies) => bodies
            .iter()
            .map(|body| of_files(body, file.folder()))
            .collect(),
        PipelineBody::Rows(rows) => rows
            .iter()
            .map(|rows| Box::new(rows.clone()) as Box<dyn Resource>)
            .collect(),
    };
    Ok(Prepared {
        source: stoppable(file.source.clone(), resources, stop),
        warnings: Vec::new(),
    })
}

fn of_rest(
    file: &PipelineFile,
    body: &Declared,
    around: &Surroundings<'_>,
    stop: &Arc<AtomicBool>,
) -> Result<Prepared, SourceError> {
    let name = file.source.name.clone();
    let surroundings = document::Surroundings {
        settings: around.settings,
        runtime: around.runtime,
        source: &name,
        pipeline: &file.pipeline,
        folder: file.folder(),
    };
    let config = document::read(&body.document, &body.problems, &surroundings)?;
    let warnings = config.warnings.clone();
    let source = RestSource::new(name, config, Arc::clone(stop));
    let source = match around.keeps_checkpoints {
        true => source,
        false => source.without_checkpoints(),
    };
    Ok(Prepared {
        source: Source::joint(file.source.clone(), source),
        warnings,
    })
}

/// A source of one resource that is read from files.
pub fn of_one(spec: SourceSpec, body: &FileBody, folder: &Path, stop: &Arc<AtomicBool>) -> Source {
    stoppable(spec, vec![of_files(body, folder)], stop)
}

fn of_files(body: &FileBody, folder: &Path) -> Box<dyn Resource> {
    Box::new(FileResource::new(
        body.spec.clone(),
        body.files.clone(),
        folder,
    ))
}

fn stoppable(
    spec: SourceSpec,
    resources: Vec<Box<dyn Resource>>,
    stop: &Arc<AtomicBool>,
) -> Source {
    let wrapped = resources.into_iter().map(|inner| {
        let resource = Stoppable {
            inner,
            stop: Arc::clone(stop),
        };
        Box::new(resource) as Box<dyn Resource>
    });
    Source::separate(spec, wrapped.collect())
}

/// A resource that ends with an error at the next page once the user has asked to stop.
struct Stoppable<R> {
    inner: R,
    stop: Arc<AtomicBool>,
}

impl Resource for Stoppable<Box<dyn Resource>> {
    fn spec(&self) -> &ResourceSpec {
        self.inner.spec()
    }

    fn open(&self, request: &ReadRequest) -> Result<Box<dyn PageReader>, SourceError> {
        Ok(Box::new(Stoppable {
            inner: self.inner.open(request)?,
            stop: Arc::clone(&self.stop),
        }))
    }
}

impl PageReader for Stoppable<Box<dyn PageReader>> {
    fn next_page(&mut self) -> Result<Option<Page>, SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Other {
                code: "pipeline.interrupted",
                message: "interrupted".to_owned(),
                help: vec!["run again to start the reading over".to_owned()],
                cause: None,
            });
        }
        self.inner.next_page()
    }

    fn state(&self) -> Map<String, Value> {
        self.inner.state()
    }
}
