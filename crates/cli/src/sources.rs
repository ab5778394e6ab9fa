//! The registry of sources: from what a pipeline file says to resources that can be read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tipple_config::{ExtractSettings, RuntimeSettings, Settings};
use tipple_files::FileResource;
use tipple_rest::builtin::BuiltIn;
use tipple_rest::model::RestConfig;
use tipple_rest::{RestSource, document};
use tipple_source::{
    Declared, FileBody, Page, PageReader, PipelineBody, PipelineFile, ReadRequest, Resource,
    ResourceSpec, Source, SourceError, SourceSpec,
};

use crate::diagnostics::quoted;

/// What a REST source needs to be read besides its file.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Settings and secrets.
    pub settings: &'a Settings,
    /// Settings of the run.
    pub runtime: &'a RuntimeSettings,
    /// Order in which pages are taken.
    pub extract: &'a ExtractSettings,
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
            .map(|body| of_files(body, file.folder(), stop))
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
    let config = rest_config(file, body, around)?;
    let warnings = config.warnings.clone();
    let extract = around.extract;
    let source = RestSource::new(file.source.name.clone(), config, Arc::clone(stop))
        .in_order(extract.next_item_mode == "fifo", extract.parallel_items_max);
    let source = match extract.is_deterministic {
        true => source.deterministic(),
        false => source,
    };
    let source = match around.keeps_checkpoints {
        true => source,
        false => source.without_checkpoints(),
    };
    Ok(Prepared {
        source: Source::joint(file.source.clone(), source),
        warnings,
    })
}

/// The configuration of an API: the file's own, that of a built-in source, or that of dlt's settings files. Advice on
/// configurations that are known not to work is among its warnings.
///
/// # Errors
/// All mistakes of the file; a source that is neither described nor built in.
pub fn rest_config(
    file: &PipelineFile,
    body: &Declared,
    around: &Surroundings<'_>,
) -> Result<RestConfig, SourceError> {
    let name = file.source.name.as_str();
    let surroundings = document::Surroundings {
        settings: around.settings,
        runtime: around.runtime,
        source: name,
        pipeline: &file.pipeline,
        folder: file.folder(),
    };
    let names_source = body.document.value.get("source").is_some();
    if let (false, Some(built_in)) = (body.has_client(), built_in(name)) {
        return built_in.read(&body.document, &body.problems, &surroundings);
    }
    let found = match body.has_client() || !names_source {
        true => Some(document::read(
            &body.document,
            &body.problems,
            &surroundings,
        )?),
        false => {
            body.check()?;
            document::read_settings(&surroundings)?
        }
    };
    let mut config = found.ok_or_else(|| no_such_source(name))?;
    config.warnings.extend(tipple_pixlee::advise(name, &config));
    config
        .warnings
        .extend(tipple_api_video::advise(name, &config));
    Ok(config)
}

/// Sources that are part of the program.
pub const BUILT_IN: [&BuiltIn; 2] = [&tipple_api_video::API_VIDEO, &tipple_pixlee::PIXLEE];

/// The built-in source of this name.
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN
        .into_iter()
        .find(|source| source.names.contains(&name))
}

fn no_such_source(name: &str) -> SourceError {
    let known: Vec<&str> = BUILT_IN.iter().map(|source| source.names[0]).collect();
    let near = tipple_source::nearest(name, &known).map(|near| format!("did you mean `{near}`?"));
    let mut help: Vec<String> = near.into_iter().collect();
    help.push(format!(
        "built-in sources: {}; any other API needs `client:` and `resources:` in the file, or in .dlt/config.toml under [sources.rest_api.{name}]",
        quoted(&known)
    ));
    SourceError::Other {
        code: "source.unknown",
        message: format!("there is no source `{name}`"),
        help,
        cause: None,
    }
}

/// A source of one resource that is read from files.
pub fn of_one(spec: SourceSpec, body: &FileBody, folder: &Path, stop: &Arc<AtomicBool>) -> Source {
    stoppable(spec, vec![of_files(body, folder, stop)], stop)
}

fn of_files(body: &FileBody, folder: &Path, stop: &Arc<AtomicBool>) -> Box<dyn Resource> {
    let resource = FileResource::new(body.spec.clone(), body.files.clone(), folder);
    Box::new(resource.stopped_by(Arc::clone(stop)))
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
            return Err(SourceError::interrupted(tipple_files::STARTS_OVER));
        }
        self.inner.next_page()
    }

    fn state(&self) -> Map<String, Value> {
        self.inner.state()
    }
}
