//! Pipeline files: one document that says what to load from where, and how.
//!
//! The header is the same for all sources; exactly one further member says what kind of source it is. Every mistake of
//! the file is reported at once, with its line and the nearest spelling. Start with [`PipelineFile::load`].

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::document::{Document, Syntax};
use crate::error::SourceError;
use crate::fields::{Fields, Problems, join, quoted_list};
use crate::incremental::check_range;
use crate::page::Body;
use crate::rows::{Rows, lines_of};
use crate::spec::{FileSpec, ResourceSpec, SourceSpec};

/// Version of the grammar.
const VERSION: u64 = 1;

/// Members that say what kind of source a file describes.
const KINDS: [&str; 2] = ["files", "rows"];

/// A pipeline as its file describes it.
#[derive(Debug, Clone)]
pub struct PipelineFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Name of the pipeline; the file's own name without ending when the file does not say.
    pub pipeline: String,
    /// Name and settings of the source; named after the pipeline, without a final `_pipeline`, when the file does not
    /// say.
    pub source: SourceSpec,
    /// Name of the dataset, when the file says.
    pub dataset: Option<String>,
    /// Name of the destination, when the file says.
    pub destination: Option<String>,
    /// Where the items are.
    pub body: PipelineBody,
}

/// Where the items of a pipeline are.
#[derive(Debug, Clone)]
pub enum PipelineBody {
    /// In files.
    Files(Vec<FileBody>),
    /// In the document.
    Rows(Vec<Rows>),
}

/// One resource of files.
#[derive(Debug, Clone, PartialEq)]
pub struct FileBody {
    /// Name and hints.
    pub spec: ResourceSpec,
    /// Where the files are and how they are read.
    pub files: FileSpec,
}

impl PipelineFile {
    /// Reads the file at `path`; its ending tells whether it is YAML, TOML or JSON.
    ///
    /// # Errors
    /// [`SourceError::Io`], [`SourceError::Malformed`], or [`SourceError::Spec`] with all mistakes.
    pub fn load(path: &Path) -> Result<Self, SourceError> {
        let origin = path.to_string_lossy().into_owned();
        let syntax = Syntax::of_name(&origin).ok_or_else(|| SourceError::Other {
            code: "source.file.format",
            message: format!("`{origin}` is no pipeline file"),
            help: vec!["name it `….yaml`, `….toml` or `….json`".to_owned()],
            cause: None,
        })?;
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path, syntax),
            Err(cause) => Err(SourceError::Io { origin, cause }),
        }
    }

    /// Reads `text` as the content of the file at `path`.
    ///
    /// # Errors
    /// As [`PipelineFile::load`].
    pub fn parse(text: &str, path: &Path, syntax: Syntax) -> Result<Self, SourceError> {
        let document = Document::parse(text, &path.to_string_lossy(), syntax)?;
        document.read(|value, problems| read_file(value, path, problems))
    }

    /// The folder from which relative paths in the file are meant.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Specs of all resources, in the order of the file.
    pub fn resources(&self) -> Vec<&ResourceSpec> {
        match &self.body {
            PipelineBody::Files(bodies) => bodies.iter().map(|body| &body.spec).collect(),
            PipelineBody::Rows(rows) => rows.iter().map(crate::Resource::spec).collect(),
        }
    }
}

fn read_file(value: &Value, path: &Path, problems: &mut Problems) -> Option<PipelineFile> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut fields = Fields::of(value, "", problems)?;
    let pipeline = fields
        .text("pipeline", problems)
        .unwrap_or_else(|| identifier(&stem));
    let schema = pipeline
        .strip_suffix("_pipeline")
        .unwrap_or(&pipeline)
        .to_owned();
    if let Some(version) = fields
        .count("version", problems)
        .filter(|version| *version != VERSION)
    {
        problems.add(
            "version",
            format!("this program reads version {VERSION}, not {version}"),
        );
    }
    let source = SourceSpec::read(&mut fields, &schema, problems);
    let dataset = fields.text("dataset", problems);
    let destination = fields.text("destination", problems);
    let body = read_body(&mut fields, path, problems);
    fields.finish(problems);
    let path = path.to_owned();
    Some(PipelineFile {
        path,
        pipeline,
        source,
        dataset,
        destination,
        body: body?,
    })
}

/// The name of a file as the name of a pipeline.
fn identifier(stem: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    stem.chars().map(plain).collect()
}

fn read_body(fields: &mut Fields, path: &Path, problems: &mut Problems) -> Option<PipelineBody> {
    let found: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| fields.value(kind).is_some())
        .collect();
    match found[..] {
        ["files"] => {
            let bodies = read_resources(fields, "files", problems, read_file_body);
            check_names(bodies.iter().map(|body| &body.spec.name), "files", problems);
            Some(PipelineBody::Files(bodies))
        }
        ["rows"] => {
            let origin = path.to_string_lossy();
            let rows = read_resources(fields, "rows", problems, |value, path, problems| {
                read_rows(value, path, &origin, problems)
            });
            check_names(
                rows.iter().map(|rows| &crate::Resource::spec(rows).name),
                "rows",
                problems,
            );
            Some(PipelineBody::Rows(rows))
        }
        _ => {
            let help = format!(
                "say where the items are, with one of {}",
                quoted_list(&KINDS)
            );
            let message = match found.len() {
                0 => "the file names no source".to_owned(),
                _ => format!("the file names several sources: {}", quoted_list(&found)),
            };
            problems.add_with_help("", message, help);
            None
        }
    }
}

fn read_resources<T>(
    fields: &mut Fields,
    kind: &'static str,
    problems: &mut Problems,
    read: impl Fn(&Value, &str, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let Some(value) = fields.value(kind) else {
        return Vec::new();
    };
    let Some(mut fields) = Fields::of(value, kind, problems) else {
        return Vec::new();
    };
    let path = fields.path_of("resources");
    let list = fields
        .list("resources", problems)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if list.is_empty() {
        problems.add_with_help(
            kind,
            "there are no resources",
            "list at least one under `resources:`",
        );
    }
    fields.finish(problems);
    let read_one = |(index, value)| read(value, &format!("{path}[{index}]"), problems);
    list.iter().enumerate().filter_map(read_one).collect()
}

fn read_spec(
    value: &Value,
    others: &[&str],
    path: &str,
    problems: &mut Problems,
) -> Option<ResourceSpec> {
    let spec = ResourceSpec::read(value, others, path, problems)?;
    if let Some(Err(error)) = spec.incremental.as_ref().map(check_range) {
        problems.add_with_help(join(path, "incremental"), error.to_string(), error.help());
    }
    Some(spec)
}

fn read_file_body(value: &Value, path: &str, problems: &mut Problems) -> Option<FileBody> {
    let spec = read_spec(value, &FileSpec::KEYS, path, problems)?;
    let files = FileSpec::read(value, path, problems)?;
    Some(FileBody { spec, files })
}

fn read_rows(value: &Value, path: &str, origin: &str, problems: &mut Problems) -> Option<Rows> {
    let spec = read_spec(value, &["rows", "pages"], path, problems)?;
    let mut fields = Fields::of(value, path, problems)?;
    let rows = fields.list("rows", problems);
    let pages_path = fields.path_of("pages");
    let mut pages: Vec<Body> = rows
        .map(|rows| Body::Json(lines_of(rows)))
        .into_iter()
        .collect();
    for (index, page) in fields
        .list("pages", problems)
        .into_iter()
        .flatten()
        .enumerate()
    {
        match page {
            Value::Array(rows) => pages.push(Body::Json(lines_of(rows))),
            _ => problems.add(
                format!("{pages_path}[{index}]"),
                "a page must be a list of rows",
            ),
        }
    }
    if rows.is_none() && pages.is_empty() && value.get("pages").is_none() {
        problems.add_with_help(
            path,
            "the resource has no `rows`",
            "list its items under `rows:`",
        );
    }
    Some(Rows::new(spec, origin, pages))
}

fn check_names<'a>(names: impl Iterator<Item = &'a String>, kind: &str, problems: &mut Problems) {
    let mut known: Vec<&String> = Vec::new();
    for (index, name) in names.enumerate() {
        if known.contains(&name) && !name.is_empty() {
            let path = format!("{kind}.resources[{index}].name");
            let help = "give each resource its own name; `table_name` may be the same";
            problems.add_with_help(
                path,
                format!("there are two resources named `{name}`"),
                help,
            );
        }
        known.push(name);
    }
}

#[cfg(test)]
mod tests;
