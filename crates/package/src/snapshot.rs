//! `.restore/`: pipeline state and schemas as they were before a package was begun.
//!
//! Giving a package up puts them back, so that the cursors have not moved and the next run reads the same data again.

use std::path::Path;

use crate::error::Result;
use crate::fsx::{self, Disk};

const STATE: &str = "state.json";
const SCHEMAS: &str = "schemas";
const SCHEMA_SUFFIX: &str = ".schema.json";

/// Folder in the package.
pub(crate) const RESTORE: &str = ".restore";

/// Copy of the documents of a working folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Text of `state.json`, if there was one.
    pub state: Option<String>,
    /// Name and text of each stored schema, by name.
    pub schemas: Vec<(String, String)>,
}

impl Snapshot {
    /// Copies the documents of the working folder (or of a `.restore` folder) at `root`.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn take(root: &Path) -> Result<Self> {
        let mut schemas = Vec::new();
        for entry in fsx::list(&root.join(SCHEMAS))? {
            let path = root.join(SCHEMAS).join(&entry.name);
            let Some(name) = entry.name.strip_suffix(SCHEMA_SUFFIX) else {
                continue;
            };
            if let Some(text) = fsx::read_text(&path)? {
                schemas.push((name.to_owned(), text));
            }
        }
        Ok(Snapshot {
            state: fsx::read_text(&root.join(STATE))?,
            schemas,
        })
    }

    /// Puts the documents back: afterwards `root` holds these and no other. Doing it twice is doing it once.
    ///
    /// # Errors
    /// I/O errors naming the file.
    pub fn install(&self, disk: Disk, root: &Path) -> Result<()> {
        for entry in fsx::list(&root.join(SCHEMAS))? {
            let name = entry.name.strip_suffix(SCHEMA_SUFFIX);
            let is_known = self
                .schemas
                .iter()
                .any(|(known, _)| Some(known.as_str()) == name);
            if name.is_some() && !is_known {
                disk.remove_file(&root.join(SCHEMAS).join(&entry.name))?;
            }
        }
        self.write(disk, root)?;
        if self.state.is_none() {
            disk.remove_file(&root.join(STATE))?;
        }
        Ok(())
    }

    /// Writes the documents under `root`.
    pub(crate) fn write(&self, disk: Disk, root: &Path) -> Result<()> {
        disk.create_dir(&root.join(SCHEMAS))?;
        for (name, text) in &self.schemas {
            disk.write(
                &root.join(SCHEMAS).join(format!("{name}{SCHEMA_SUFFIX}")),
                text.as_bytes(),
            )?;
        }
        match &self.state {
            Some(state) => disk.write(&root.join(STATE), state.as_bytes()),
            None => Ok(()),
        }
    }
}
