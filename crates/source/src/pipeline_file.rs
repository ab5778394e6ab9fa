//! Pipeline files: one document that says what to load from where, and how.
//!
//! The header is the same for all sources; exactly one further member says what kind of source it is. Every mistake of
//! the file is reported at once, with its line and the nearest spelling. Start with [`PipelineFile::load`].

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::document::{Document, Syntax};
use crate::error::SourceError;
use crate::fields::{Fields, Problem, Problems, join, quoted_list};
use crate::incremental::check_range;
use crate::page::Body;
use crate::rows::{Rows, lines_of};
use crate::spec::{FileSpec, ResourceSpec, SourceSpec};

/// Version of the grammar.
const VERSION: u64 = 1;

/// Members that say what kind of source a file describes.
const KINDS: [&str; 2] = ["files", "rows"];

/// Members of a REST API or a built-in source; any of them, or none of `files` and `rows` beside a `source`, makes the
/// file one of those.
const DECLARED: [&str; 4] = ["client", "resource_defaults", "resources", "options"];

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
    /// Behind a REST API, or in a built-in source that the file names.
    Declared(Box<Declared>),
}

/// A source that its own reader reads: a REST API, or a built-in one.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The whole document; the reader looks at `client`, `resource_defaults`, `resources` and `options`.
    pub document: Document,
    /// Mistakes in the header, to be reported with those that the reader finds. Nobody else reports them.
    pub problems: Vec<Problem>,
}

impl Declared {
    /// True when the document describes an API by itself, without a built-in source.
    pub fn has_client(&self) -> bool {
        self.document.value.get("client").is_some()
    }

    /// The header's mistakes as an error, for a file that nobody can read.
    ///
    /// # Errors
    /// [`SourceError::Spec`] when there are any.
    pub fn check(&self) -> Result<(), SourceError> {
        self.document.read(|_, problems| {
            problems.0.extend_from_slice(&self.problems);
            Some(())
        })
    }
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
        if is_declared(&document.value) {
            return read_declared(document, path);
        }
        document.read(|value, problems| read_file(value, path, problems))
    }

    /// The folder from which relative paths in the file are meant.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Specs of all resources, in the order of the file; none for a source that its own reader reads.
    pub fn resources(&self) -> Vec<&ResourceSpec> {
        match &self.body {
            PipelineBody::Files(bodies) => bodies.iter().map(|body| &body.spec).collect(),
            PipelineBody::Rows(rows) => rows.iter().map(crate::Resource::spec).collect(),
            PipelineBody::Declared(_) => Vec::new(),
        }
    }
}

/// True for a REST API or a built-in source.
fn is_declared(value: &Value) -> bool {
    let has = |key: &&str| value.get(*key).is_some();
    let is_other = KINDS.iter().any(has);
    DECLARED.iter().any(has) || (!is_other && value.get("source").is_some())
}

/// Reads the header; the rest is left to whoever knows the source.
fn read_declared(document: Document, path: &Path) -> Result<PipelineFile, SourceError> {
    let mut problems = Problems::default();
    let header = read_header(&document.value, path, &mut problems);
    let Some((mut file, mut fields)) = header else {
        return document.read(|_, found| {
            found.0.append(&mut problems.0);
            None
        });
    };
    for kind in KINDS.iter().filter(|kind| fields.value(kind).is_some()) {
        let help = "a pipeline file has one source: split it into two files";
        problems.add_with_help(*kind, "the file names several sources", help);
    }
    fields.leave(&DECLARED);
    fields.finish(&mut problems);
    file.body = PipelineBody::Declared(Box::new(Declared {
        problems: problems.0,
        document: document.clone(),
    }));
    Ok(file)
}

fn read_file(value: &Value, path: &Path, problems: &mut Problems) -> Option<PipelineFile> {
    let (mut file, mut fields) = read_header(value, path, problems)?;
    let body = read_body(&mut fields, path, problems);
    fields.finish(problems);
    file.body = body?;
    Some(file)
}

/// What all files have in common, and the members that are left. The body is empty still.
fn read_header<'a>(
    value: &'a Value,
    path: &Path,
    problems: &mut Problems,
) -> Option<(PipelineFile, Fields<'a>)> {
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
    let file = PipelineFile {
        path: path.to_owned(),
        pipeline,
        source: SourceSpec::read(&mut fields, &schema, problems),
        dataset: fields.text("dataset", problems),
        destination: fields.text("destination", problems),
        body: PipelineBody::Rows(Vec::new()),
    };
    Some((file, fields))
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
                "say where the items are: {} for files and rows, `client` and `resources` for a REST API",
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
