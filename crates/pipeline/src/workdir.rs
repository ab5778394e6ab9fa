//! The working folder of a pipeline: state, schemas, load packages, as dlt lays them out (spec/load.md §1).
//!
//! Only documents are read and written here; packages are the business of `tipple-package`. Every write goes through its
//! file layer, which replaces a file whole or not at all. Start with [`WorkDir::open`].

use std::path::{Path, PathBuf};

use serde_json::Value;
use tipple_package::fsx::{self, Disk};
use tipple_package::{PackageStore, Snapshot};
use tipple_schema::{ExchangeFormat, Schema, follow_import};

use crate::error::Cause;
use crate::state::PipelineState;

const STATE_FILE: &str = "state.json";
const SCHEMAS: &str = "schemas";
const SCHEMA_SUFFIX: &str = ".schema.json";

/// Form of the files for people.
const FILE_FORMAT: ExchangeFormat = ExchangeFormat::Yaml;

/// Versions of the folder formats that dlt looks for.
const FORMAT_MARKS: [(&str, &str); 2] =
    [("normalize/.version", "1.0.1"), ("load/.version", "1.0.2")];

/// Folders with schema files that people read and edit (spec/schema.md §4).
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// Files that replace the stored schema when they were edited.
    pub import: Option<PathBuf>,
    /// Files that are written whenever a schema is stored.
    pub export: Option<PathBuf>,
}

/// Documents of one pipeline.
#[derive(Debug, Clone)]
pub struct WorkDir {
    root: PathBuf,
    disk: Disk,
    exchange: Exchange,
}

impl WorkDir {
    /// Makes the folder of the pipeline and what dlt expects in it.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn open(root: PathBuf) -> Result<Self, Cause> {
        let workdir = WorkDir {
            root,
            disk: Disk::DURABLE,
            exchange: Exchange::default(),
        };
        workdir.disk.create_dir(&workdir.root.join(SCHEMAS))?;
        for (file, version) in FORMAT_MARKS {
            let path = workdir.root.join(file);
            if fsx::read_text(&path)?.is_none() {
                workdir
                    .disk
                    .create_dir(path.parent().unwrap_or(&workdir.root))?;
                Disk::RELAXED.write(&path, version.as_bytes())?;
            }
        }
        Ok(workdir)
    }

    /// Looks at a folder without making anything.
    pub fn view(root: PathBuf) -> Self {
        WorkDir {
            root,
            disk: Disk::DURABLE,
            exchange: Exchange::default(),
        }
    }

    /// The same with folders for schema files.
    pub fn exchanging(self, exchange: Exchange) -> Self {
        WorkDir { exchange, ..self }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The load packages in it.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn packages(&self) -> Result<PackageStore, Cause> {
        Ok(PackageStore::open(&self.root)?)
    }

    /// The stored state; nothing before the first run.
    ///
    /// # Errors
    /// A damaged document, or I/O errors naming the path.
    pub fn load_state(&self) -> Result<Option<PipelineState>, Cause> {
        let path = self.root.join(STATE_FILE);
        let Some(text) = fsx::read_text(&path)? else {
            return Ok(None);
        };
        PipelineState::from_json(&text)
            .map(Some)
            .map_err(|cause| Cause::State {
                place: path.display().to_string(),
                cause,
            })
    }

    /// Stores the state.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn save_state(&self, state: &PipelineState) -> Result<(), Cause> {
        Ok(self
            .disk
            .write(&self.root.join(STATE_FILE), state.to_json().as_bytes())?)
    }

    /// Names of the stored schemas, sorted.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn schema_names(&self) -> Result<Vec<String>, Cause> {
        let entries = fsx::list(&self.root.join(SCHEMAS))?;
        let mut names: Vec<String> = entries
            .iter()
            .filter_map(|entry| entry.name.strip_suffix(SCHEMA_SUFFIX))
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    fn schema_path(&self, name: &str) -> PathBuf {
        self.root
            .join(SCHEMAS)
            .join(format!("{name}{SCHEMA_SUFFIX}"))
    }

    /// A stored schema; nothing when it is not there.
    ///
    /// # Errors
    /// A document that was edited by hand (its content does not give its hash), a damaged one, or I/O errors.
    pub fn load_schema(&self, name: &str) -> Result<Option<Schema>, Cause> {
        let path = self.schema_path(name);
        let Some(document) = fsx::read_json::<Value>(&path)? else {
            return Ok(None);
        };
        let schema = Schema::from_document(&document)?;
        let is_untouched = document.get("engine_version").and_then(Value::as_i64)
            != Some(tipple_schema::ENGINE_VERSION)
            || schema.version_hash.is_none()
            || schema.version_hash.as_deref() == Some(schema.content_hash().as_str());
        if is_untouched {
            return Ok(Some(schema));
        }
        Err(Cause::SchemaFileEdited {
            schema: name.to_owned(),
            path,
        })
    }

    /// Stores a schema whose version is up to date.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn save_schema(&self, schema: &Schema) -> Result<(), Cause> {
        let text = serde_json::to_string_pretty(&schema.to_document())
            .map_err(|error| Cause::Internal(error.to_string()))?;
        self.disk
            .write(&self.schema_path(&schema.name), text.as_bytes())?;
        self.export(schema)
    }

    /// Writes the file for people; without the marks of runs when it is also the one that is imported.
    fn export(&self, schema: &Schema) -> Result<(), Cause> {
        let Some(folder) = &self.exchange.export else {
            return Ok(());
        };
        let text = match self.exchange.import.as_ref() == Some(folder) {
            true => schema.without_processing_hints().to_export(FILE_FORMAT),
            false => schema.to_export(FILE_FORMAT),
        };
        self.disk.create_dir(folder)?;
        Ok(self
            .disk
            .write(&exchange_file(folder, &schema.name), text.as_bytes())?)
    }

    /// Lets an edited file replace the stored schema; true when it did and something was stored before.
    ///
    /// # Errors
    /// A file that is no schema, or I/O errors naming the path.
    pub fn import(&self, name: &str) -> Result<bool, Cause> {
        let Some(imported) = self.read_import(name)? else {
            return Ok(false);
        };
        let stored = self.load_schema(name)?;
        let was_stored = stored.is_some();
        let import = follow_import(stored, imported);
        if import.is_replaced {
            self.save_schema(&import.schema)?;
        }
        Ok(import.is_replaced && was_stored)
    }

    fn read_import(&self, name: &str) -> Result<Option<Schema>, Cause> {
        let Some(folder) = &self.exchange.import else {
            return Ok(None);
        };
        let path = exchange_file(folder, name);
        let Some(text) = fsx::read_text(&path)? else {
            return Ok(None);
        };
        let schema = Schema::from_export(&text, FILE_FORMAT);
        let schema = schema.map_err(|cause| Cause::SchemaFile {
            path: path.clone(),
            cause,
        })?;
        match schema.name == name {
            true => Ok(Some(schema)),
            false => Err(Cause::SchemaFileName {
                path,
                expected: name.to_owned(),
                found: schema.name,
            }),
        }
    }

    /// Writes the file to be edited if there is none yet, and links the schema to it.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn offer_import(&self, schema: &mut Schema) -> Result<(), Cause> {
        let Some(folder) = &self.exchange.import else {
            return Ok(());
        };
        let path = exchange_file(folder, &schema.name);
        if fsx::read_text(&path)?.is_some() {
            return Ok(());
        }
        let offered = schema.without_processing_hints();
        self.disk.create_dir(folder)?;
        self.disk
            .write(&path, offered.to_export(FILE_FORMAT).as_bytes())?;
        let document = offered.to_export_document();
        let hash = document.get("version_hash").and_then(Value::as_str);
        schema.imported_version_hash = hash.map(str::to_owned);
        Ok(())
    }

    /// Removes all stored schemas.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn clear_schemas(&self) -> Result<(), Cause> {
        for name in self.schema_names()? {
            self.disk.remove_file(&self.schema_path(&name))?;
        }
        Ok(())
    }

    /// Removes state and schemas, as after the destination was found empty.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn forget(&self) -> Result<(), Cause> {
        self.clear_schemas()?;
        Ok(self.disk.remove_file(&self.root.join(STATE_FILE))?)
    }

    /// Copy of state and schemas as they are now.
    ///
    /// # Errors
    /// I/O errors naming the path.
    pub fn snapshot(&self) -> Result<Snapshot, Cause> {
        Ok(Snapshot::take(&self.root)?)
    }
}

fn exchange_file(folder: &Path, schema: &str) -> PathBuf {
    folder.join(format!("{schema}.schema.{}", FILE_FORMAT.extension()))
}
