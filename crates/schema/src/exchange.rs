//! Schemas that are exchanged with people: exported files, and imported files that people have edited.
//!
//! Whether to import is decided here, on values; reading and writing files is the pipeline's. Start with
//! [`Schema::to_export`] and [`follow_import`] (spec/schema.md §4).

use serde_json::{Map, Value};

use crate::yaml::{self, YamlError};
use crate::{Schema, SchemaError};

/// Marks of tables and columns that runs make and that an imported file should not have.
const PROCESSING_HINTS: [&str; 3] = ["x-normalizer", "x-loader", "x-extractor"];

/// Form of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExchangeFormat {
    /// YAML; the default.
    #[default]
    Yaml,
    /// Indented JSON.
    Json,
}

impl ExchangeFormat {
    /// End of the names of such files.
    pub fn extension(self) -> &'static str {
        match self {
            ExchangeFormat::Yaml => "yaml",
            ExchangeFormat::Json => "json",
        }
    }
}

/// A file that cannot be read as a schema.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The text is not YAML.
    #[error("the schema file is not valid YAML: {0}")]
    Yaml(#[from] YamlError),
    /// The text is not JSON.
    #[error("the schema file is not valid JSON: {0}")]
    Json(String),
    /// The document is not a schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The schema to go on with.
    pub schema: Schema,
    /// True when the file replaced what was stored, or nothing was stored.
    pub is_replaced: bool,
}

impl Schema {
    /// The schema without the marks that runs make.
    pub fn without_processing_hints(&self) -> Schema {
        let mut schema = self.clone();
        for table in schema.tables.values_mut() {
            table
                .hints
                .retain(|hint, _| !PROCESSING_HINTS.contains(&hint.as_str()));
            for column in table.columns.values_mut() {
                column.hints.shift_remove(PROCESSING_HINTS[0]);
            }
        }
        schema
    }

    /// The document for people: names stand only as keys, and no link to an imported file.
    ///
    /// The version and hash are those that a save would give.
    pub fn to_export_document(&self) -> Value {
        let mut saved = Schema {
            imported_version_hash: None,
            ..self.clone()
        };
        saved.bump();
        let mut document = saved.to_properties();
        for table in objects(document.get_mut("tables")) {
            table.shift_remove("name");
            for column in objects(table.get_mut("columns")) {
                column.shift_remove("name");
            }
        }
        Value::Object(document)
    }

    /// Text of an exported file, see [`Schema::to_export_document`].
    pub fn to_export(&self, format: ExchangeFormat) -> String {
        let document = self.to_export_document();
        match format {
            ExchangeFormat::Yaml => yaml::to_text(&document),
            ExchangeFormat::Json => format!("{document:#}\n"),
        }
    }

    /// Reads an exported or edited file.
    ///
    /// The version is raised if the content does not give the hash in the file, that is if somebody edited it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn from_export(text: &str, format: ExchangeFormat) -> Result<Schema, ImportError> {
        let document = match format {
            ExchangeFormat::Yaml => yaml::parse(text)?,
            ExchangeFormat::Json => {
                serde_json::from_str(text).map_err(|error| ImportError::Json(error.to_string()))?
            }
        };
        let mut schema = Schema::from_document(&document)?;
        schema.bump();
        Ok(schema)
    }
}

/// Decides between the stored schema and the imported file: a file that changed since the last import replaces what is
/// stored, and keeps the hash of what it replaced.
pub fn follow_import(stored: Option<Schema>, mut imported: Schema) -> Import {
    imported.bump();
    let hash = imported.version_hash.clone();
    match stored {
        Some(stored) if stored.imported_version_hash == hash => {
            return Import {
                schema: stored,
                is_replaced: false,
            };
        }
        Some(stored) => {
            let replaced = stored.content_hash();
            if Some(&replaced) != hash.as_ref() {
                imported.store_previous_hash(replaced);
            }
        }
        None => {}
    }
    imported.imported_version_hash = hash;
    Import {
        schema: imported,
        is_replaced: true,
    }
}

fn objects(map: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let entries = map
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut);
    entries.filter_map(Value::as_object_mut)
}
