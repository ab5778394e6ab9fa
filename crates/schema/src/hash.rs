//! The hash of a schema's content, and the rule by which a save raises its version.
//!
//! The hash is computed over the stored document, not over the model, so that a document of another program can be
//! checked before it is understood (spec/schema.md §2). Start with [`document_hash`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha3::{Digest, Sha3_256};

use crate::{ENGINE_VERSION, Schema};

/// Hashes that are kept of earlier versions.
const PREVIOUS_HASHES_MAX: usize = 10;

/// Properties that say which version a document is and are not its content.
const VERSION_PROPERTIES: [&str; 4] = [
    "version",
    "version_hash",
    "imported_version_hash",
    "previous_hashes",
];

/// Hash of the content of a schema document: base64 of SHA3-256 over sorted JSON and the order of the columns.
pub fn document_hash(document: &Map<String, Value>) -> String {
    let mut content = document.clone();
    for property in VERSION_PROPERTIES {
        content.shift_remove(property);
    }
    let mut tables: Vec<(&String, &Value)> = document
        .get("tables")
        .and_then(Value::as_object)
        .map(|tables| tables.iter().collect())
        .unwrap_or_default();
    tables.sort_by_key(|(name, _)| *name);

    let mut content = Value::Object(content);
    content.sort_all_objects();
    let mut hash = Sha3_256::new();
    hash.update(content.to_string());
    for (name, table) in tables {
        hash.update(name);
        let columns = table.get("columns").and_then(Value::as_object);
        columns
            .into_iter()
            .flat_map(Map::keys)
            .for_each(|column| hash.update(column));
    }
    STANDARD.encode(hash.finalize())
}

/// True when a stored document has the content that its hash promises.
///
/// Documents of an older engine change when they are read, so nothing can be said about them: they count as intact.
pub fn is_document_intact(document: &Map<String, Value>) -> bool {
    if document.get("engine_version").and_then(Value::as_i64) != Some(ENGINE_VERSION) {
        return true;
    }
    let stored = document.get("version_hash").and_then(Value::as_str);
    stored == Some(document_hash(document).as_str())
}

impl Schema {
    /// Hash of the content as it is now.
    pub fn content_hash(&self) -> String {
        document_hash(&self.to_properties())
    }

    /// True when the content differs from what was saved last, or nothing was saved yet.
    pub fn is_modified(&self) -> bool {
        self.version_hash.as_deref() != Some(self.content_hash().as_str())
    }

    /// Takes over the hash of the content and raises the version if the content differs from the saved one; returns
    /// whether the hash is new.
    pub fn bump(&mut self) -> bool {
        let hash = self.content_hash();
        let saved = self.version_hash.take().filter(|saved| !saved.is_empty());
        let is_changed = saved.as_ref() != Some(&hash);
        if let Some(saved) = saved.filter(|_| is_changed) {
            self.version += 1;
            self.store_previous_hash(saved);
        }
        self.version_hash = Some(hash);
        is_changed
    }

    /// Puts a hash in front of the hashes of earlier versions, unless it is there.
    pub fn store_previous_hash(&mut self, hash: String) {
        if !self.previous_hashes.contains(&hash) {
            self.previous_hashes.insert(0, hash);
            self.previous_hashes.truncate(PREVIOUS_HASHES_MAX);
        }
    }
}
