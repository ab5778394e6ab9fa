//! Rows of a file that seed a child (spec/rest-api.md §20.5).

use std::path::Path;

use tipple_files::FileResource;
use tipple_source::document::{Document, Syntax};
use tipple_source::{
    Body, FileSpec, PageReader, ReadRequest, Resource as _, ResourceSpec, Rows, SourceError,
};

/// Opens a `.jsonl`, `.json`, `.csv` or `.yaml` file.
///
/// # Errors
/// The file cannot be read or holds something else.
pub(crate) fn open(spec: &ResourceSpec, path: &Path) -> Result<Box<dyn PageReader>, SourceError> {
    let origin = path.to_string_lossy().into_owned();
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    if matches!(extension.as_str(), "yaml" | "yml") {
        let text = std::fs::read_to_string(path).map_err(|cause| SourceError::Io {
            origin: origin.clone(),
            cause,
        })?;
        let document = Document::parse(&text, &origin, Syntax::Yaml)?;
        let rows = document.read(|value, problems| match value {
            serde_json::Value::Array(rows) => Some(rows.clone()),
            _ => {
                problems.add("", "the file must hold a list of rows");
                None
            }
        })?;
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let rows = Rows::new(spec.clone(), origin, vec![Body::Json(text.into())]);
        return rows.open(&ReadRequest::default());
    }
    let settings = serde_json::json!({"path": origin});
    let files = FileSpec::from_value(&settings, &origin)?;
    FileResource::new(spec.clone(), files, Path::new("")).open(&ReadRequest::default())
}
