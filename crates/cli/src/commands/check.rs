//! `tipple check FILE [RESOURCE…]`: reads and checks a pipeline file, and asks the API once.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tipple_config::{RunSettings, redact};
use tipple_files::FileResource;
use tipple_rest::RestSource;
use tipple_rest::model::{Endpoint, Origin, PageRule, RestConfig};
use tipple_source::{JointRequest, JointSource, PipelineBody, PipelineFile, silent};

use super::Outcome;
use crate::args::Global;
use crate::diagnostics::{Diagnostic, codes, config, nearest, source};
use crate::exit::Exit;
use crate::interrupt;
use crate::output::{Align, Terminal, align_columns, human};
use crate::project::Project;
use crate::sources::{self, Surroundings};

/// Arguments of `tipple check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Pipeline file (YAML, TOML or JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Ask for one page of each of these resources; without a name, of the first one
    #[arg(value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Send no request
    #[arg(long, conflicts_with = "resources")]
    offline: bool,
}

/// What was checked.
#[derive(Debug, Serialize)]
struct Report {
    format: u32,
    file: String,
    source: String,
    resources: Vec<Line>,
    asked: Vec<Asked>,
}

/// One resource.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    /// Method and address, or the files.
    from: String,
    /// How further pages are found, or whose rows feed it.
    how: String,
}

/// One answer.
#[derive(Debug, Serialize)]
struct Asked {
    resource: String,
    rows: u64,
    bytes: u64,
}

impl Check {
    /// Checks the file, sends at most one request for each resource, and prints what was found.
    pub fn run(self, global: &Global, terminal: &Terminal) -> Outcome {
        let file = PipelineFile::load(&self.file).map_err(|error| source::from_source(&error))?;
        let project = Project::load(global, terminal)?;
        let settings = RunSettings::read(&project.settings, &file.pipeline, None)
            .map_err(|error| config::from_config(&error))?;
        let around = Surroundings {
            settings: &project.settings,
            runtime: &settings.runtime,
            extract: &settings.extract,
            keeps_checkpoints: false,
        };
        let report = match &file.body {
            PipelineBody::Declared(body) => {
                let config = sources::rest_config(&file, body, &around)
                    .map_err(|error| source::from_source(&error))?;
                project.tell_warnings(terminal);
                config
                    .warnings
                    .iter()
                    .for_each(|warning| terminal.warn(warning));
                self.rest(&file, config)?
            }
            PipelineBody::Files(_) => self.files(&file)?,
            PipelineBody::Rows(_) => self.report(&file, rows(&file)),
        };
        terminal.print_document(&report, || text(&report))?;
        Ok(Exit::Done)
    }

    fn report(&self, file: &PipelineFile, resources: Vec<Line>) -> Report {
        Report {
            format: 1,
            file: self.file.to_string_lossy().into_owned(),
            source: file.source.name.clone(),
            resources,
            asked: Vec::new(),
        }
    }

    fn files(&self, file: &PipelineFile) -> Result<Report, Diagnostic> {
        let PipelineBody::Files(bodies) = &file.body else {
            return Ok(self.report(file, Vec::new()));
        };
        let mut lines = Vec::with_capacity(bodies.len());
        for body in bodies {
            let resource = FileResource::new(body.spec.clone(), body.files.clone(), file.folder());
            let found = resource
                .find_files()
                .map_err(|error| source::from_source(&error))?;
            lines.push(Line {
                name: body.spec.name.clone(),
                from: body.files.paths.join(", "),
                how: human::counted(found.len() as u64, "file", "files"),
            });
        }
        Ok(self.report(file, lines))
    }

    fn rest(&self, file: &PipelineFile, config: RestConfig) -> Result<Report, Diagnostic> {
        let lines = config.resources.iter().map(|resource| {
            let parent = resource.parent.as_ref().map(|link| link.name.as_str());
            let (from, how) = match &resource.origin {
                Origin::Seed(_) => ("rows of the file".to_owned(), String::new()),
                Origin::Endpoint(endpoint) => (address(endpoint), how(endpoint, parent)),
            };
            Line {
                name: resource.spec.name.clone(),
                from,
                how,
            }
        });
        let mut report = self.report(file, lines.collect());
        if !self.offline {
            let asked = self.wanted(&config)?;
            let source = RestSource::new(file.source.name.clone(), config, interrupt::flag());
            let source = source.without_checkpoints();
            for index in asked {
                report.asked.push(ask(&source, index)?);
            }
        }
        Ok(report)
    }

    /// Resources to ask for, by index.
    fn wanted(&self, config: &RestConfig) -> Result<Vec<usize>, Diagnostic> {
        let names = || {
            config
                .resources
                .iter()
                .map(|resource| resource.spec.name.as_str())
        };
        if self.resources.is_empty() {
            let is_asked = |origin: &Origin| matches!(origin, Origin::Endpoint(_));
            let first = config
                .resources
                .iter()
                .position(|resource| is_asked(&resource.origin));
            return Ok(first.into_iter().collect());
        }
        let mut wanted = Vec::with_capacity(self.resources.len());
        for name in &self.resources {
            let Some(index) = names().position(|known| known == name) else {
                let diagnostic = Diagnostic::new(
                    &codes::USAGE_ARGUMENTS,
                    format!("the file has no resource `{name}`"),
                );
                return Err(match nearest(name, names()) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                });
            };
            wanted.push(index);
        }
        Ok(wanted)
    }
}

/// Reads one page of a resource.
fn ask(source: &RestSource, index: usize) -> Result<Asked, Diagnostic> {
    let failed = |error: tipple_source::SourceError| source::from_source(&error);
    let states = source
        .specs()
        .iter()
        .map(|_| serde_json::Map::new())
        .collect();
    let name = source.specs()[index].name.clone();
    let request = JointRequest {
        wanted: vec![index],
        states,
        epoch: String::new(),
        page_limit: Some(1),
        checkpoint_dir: None,
        notify: silent(),
    };
    let mut reader = source.open(request).map_err(failed)?;
    let mut asked = Asked {
        resource: name,
        rows: 0,
        bytes: 0,
    };
    if let Some(page) = reader.next_page().map_err(failed)? {
        asked.rows = page.page.item_count.unwrap_or_default();
        asked.bytes = page.byte_count;
    }
    Ok(asked)
}

fn rows(file: &PipelineFile) -> Vec<Line> {
    let lines = file.resources().into_iter().map(|spec| Line {
        name: spec.name.clone(),
        from: "rows of the file".to_owned(),
        how: String::new(),
    });
    lines.collect()
}

/// Method and address of an endpoint, placeholders in braces.
fn address(endpoint: &Endpoint) -> String {
    let path = endpoint.path.shown();
    let is_whole = path.starts_with("http://") || path.starts_with("https://");
    let base = endpoint.base_url.trim_end_matches('/');
    let url = match is_whole || base.is_empty() {
        true => path,
        false => format!("{base}/{}", path.trim_start_matches('/')),
    };
    redact(&format!("{} {url}", endpoint.method)).into_owned()
}

fn how(endpoint: &Endpoint, parent: Option<&str>) -> String {
    let pages = match endpoint.paginator.as_ref().map(|paginator| &paginator.rule) {
        None => "pages: found out from the first answer",
        Some(PageRule::SinglePage) => "one page",
        Some(PageRule::JsonLink { .. }) => "pages: link in the answer",
        Some(PageRule::HeaderLink { .. }) => "pages: Link header",
        Some(PageRule::HeaderCursor { .. }) => "pages: cursor in a header",
        Some(PageRule::Cursor(_)) => "pages: cursor",
        Some(PageRule::PageNumber(_)) => "pages: counted",
        Some(PageRule::Offset(_)) => "pages: offset",
    };
    match parent {
        Some(parent) => format!("{pages}, for each row of {parent}"),
        None => pages.to_owned(),
    }
}

fn text(report: &Report) -> String {
    let count = human::counted(report.resources.len() as u64, "resource", "resources");
    let mut text = format!(
        "{} is in order: {count} of source {}\n",
        report.file, report.source
    );
    let names: Vec<String> = report
        .resources
        .iter()
        .map(|line| format!("  {}", line.name))
        .collect();
    let lines = report.resources.iter().zip(&names);
    let rows: Vec<Vec<&str>> = lines
        .map(|(line, name)| vec![name.as_str(), line.from.as_str(), line.how.as_str()])
        .collect();
    text.push_str(&align_columns(rows.iter(), &[Align::Left; 3]));
    for asked in &report.asked {
        text.push_str(&format!(
            "Asked for one page of {}: {} in {}\n",
            asked.resource,
            human::counted(asked.rows, "row", "rows"),
            human::bytes(asked.bytes)
        ));
    }
    text.push_str(&format!("Next: tipple run {}\n", report.file));
    text
}
