//! What a pipeline remembers between runs, as dlt stores it.
//!
//! The state is one JSON object: names, counters, and per source whatever cursors need. It is kept as a JSON object here
//! as well, because sources of either program may put anything into it and all of it must survive. Its hash decides
//! whether a new row goes into the state table (spec/schema.md §3). Start with [`PipelineState`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha3::{Digest, Sha3_256};
use tipple_destination::{pack_document, unpack_document};

/// Version of the state document that this program writes.
pub const STATE_ENGINE_VERSION: i64 = 4;

/// Private-use character in front of a date-time in typed JSON (spec/normalize.md §7.4).
const DATETIME_MARK: char = '\u{F027}';

/// Keys that do not count when the state is hashed.
const UNHASHED: [&str; 4] = [
    "_state_version",
    "_state_engine_version",
    "_version_hash",
    "_local",
];

/// A stored state that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not the base64 of zlib-compressed JSON, nor plain JSON.
    #[error("the stored pipeline state is no JSON document: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Base64, but not of a compressed text.
    #[error("the stored pipeline state cannot be unpacked: {0}")]
    Damaged(String),
    /// Written by a newer program.
    #[error(
        "the pipeline state has engine version {found}; this program reads up to {STATE_ENGINE_VERSION}"
    )]
    TooNew {
        /// Engine version in the document.
        found: i64,
    },
    /// The document is JSON but no object.
    #[error("the stored pipeline state is not a JSON object")]
    NotAnObject,
}

/// State of one pipeline: the stored document and its `_local` part, which never leaves this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineState {
    document: Map<String, Value>,
}

impl Default for PipelineState {
    fn default() -> Self {
        let document = json!({
            "_state_version": 0,
            "_state_engine_version": STATE_ENGINE_VERSION,
            "_local": {"first_run": true, "_dev_mode": false},
        });
        PipelineState {
            document: into_object(document),
        }
    }
}

fn into_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The object under `key`, made when it is missing or no object.
fn object_at<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = parent
        .entry(key.to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("the slot was made an object above"),
    }
}

impl PipelineState {
    /// Reads `state.json`.
    ///
    /// # Errors
    /// [`StateError`] when the text is no state document of a known version.
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        let Value::Object(document) = serde_json::from_str(text)? else {
            return Err(StateError::NotAnObject);
        };
        let mut state = PipelineState { document };
        state.migrate()?;
        Ok(state)
    }

    /// Reads the text of a row of the state table: base64 of zlib of JSON, or plain JSON.
    ///
    /// # Errors
    /// As [`PipelineState::from_json`].
    pub fn from_stored(text: &str) -> Result<Self, StateError> {
        Self::from_json(&unpack_document(text).map_err(StateError::Damaged)?)
    }

    /// Text of `state.json`, with the local part.
    pub fn to_json(&self) -> String {
        Value::Object(self.document.clone()).to_string()
    }

    /// Text for the state table: without the local part, compressed.
    pub fn to_stored(&self) -> String {
        let mut document = self.document.clone();
        document.shift_remove("_local");
        pack_document(&Value::Object(document).to_string())
    }

    fn migrate(&mut self) -> Result<(), StateError> {
        let found = self.number("_state_engine_version").unwrap_or(1);
        if found > STATE_ENGINE_VERSION {
            return Err(StateError::TooNew { found });
        }
        object_at(&mut self.document, "_local");
        if found < 4 {
            self.migrate_destination_names();
        }
        self.document.insert(
            "_state_engine_version".to_owned(),
            json!(STATE_ENGINE_VERSION),
        );
        Ok(())
    }

    /// Engine 3 kept one `destination` where engine 4 has a type and a name.
    fn migrate_destination_names(&mut self) {
        for role in ["destination", "staging"] {
            if let Some(old) = self.document.shift_remove(role) {
                self.document.insert(format!("{role}_type"), old);
                self.document.insert(format!("{role}_name"), Value::Null);
            }
        }
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.document.get(key).and_then(Value::as_i64)
    }

    /// Text under a top-level key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.document.get(key).and_then(Value::as_str)
    }

    /// Sets a top-level key.
    pub fn set(&mut self, key: &str, value: Value) {
        self.document.insert(key.to_owned(), value);
    }

    /// The document, for readers.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// Counts changes, from 0.
    pub fn version(&self) -> i64 {
        self.number("_state_version").unwrap_or(0)
    }

    /// Hash of the content at the last bump.
    pub fn version_hash(&self) -> Option<&str> {
        self.text("_version_hash")
    }

    /// Names of the schemas of this pipeline.
    pub fn schema_names(&self) -> Vec<String> {
        let names = self.document.get("schema_names").and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Hash of the content: base64 of SHA3-256 of the JSON with sorted keys (spec/schema.md §3).
    pub fn content_hash(&self) -> String {
        let mut content = self.document.clone();
        for key in UNHASHED {
            content.shift_remove(key);
        }
        let mut value = Value::Object(content);
        value.sort_all_objects();
        STANDARD.encode(Sha3_256::digest(value.to_string().as_bytes()))
    }

    /// Brings version and hash up to date with the content; returns the hash.
    pub fn bump(&mut self) -> String {
        let hash = self.content_hash();
        let changed = self.version_hash().is_some_and(|before| before != hash);
        if changed {
            let version = self.version() + 1;
            self.document
                .insert("_state_version".to_owned(), json!(version));
        }
        self.document
            .insert("_version_hash".to_owned(), json!(hash));
        hash
    }

    /// The part that stays on this machine.
    pub fn local(&self) -> Option<&Map<String, Value>> {
        self.document.get("_local").and_then(Value::as_object)
    }

    /// The part that stays on this machine, to change.
    pub fn local_mut(&mut self) -> &mut Map<String, Value> {
        object_at(&mut self.document, "_local")
    }

    /// True until a load has succeeded or a state was found at the destination.
    pub fn is_first_run(&self) -> bool {
        self.local()
            .and_then(|local| local.get("first_run"))
            .and_then(Value::as_bool)
            .unwrap_or(true)
    }

    /// True when the content is not what was put into the state table last.
    pub fn must_extract(&self) -> bool {
        let last = self
            .local()
            .and_then(|local| local.get("_last_extracted_hash"));
        last.and_then(Value::as_str) != self.version_hash()
    }

    /// Remembers that the present content went into the state table at `now` (ISO text).
    pub fn mark_extracted(&mut self, now: &str) {
        let hash = self.version_hash().map(str::to_owned);
        let local = self.local_mut();
        local.insert(
            "_last_extracted_at".to_owned(),
            json!(format!("{DATETIME_MARK}{now}")),
        );
        local.insert("_last_extracted_hash".to_owned(), json!(hash));
    }

    /// Makes the next run put the state into the state table even when nothing changed.
    pub fn force_extract(&mut self) {
        let local = self.local_mut();
        local.shift_remove("_last_extracted_at");
        local.shift_remove("_last_extracted_hash");
    }

    /// State of a source, if it has any.
    pub fn source(&self, source: &str) -> Option<&Map<String, Value>> {
        self.document.get("sources")?.get(source)?.as_object()
    }

    /// State of a source, made empty when it has none (as touching it does in dlt).
    pub fn source_mut(&mut self, source: &str) -> &mut Map<String, Value> {
        object_at(object_at(&mut self.document, "sources"), source)
    }

    /// Makes the map of sources when there is none.
    pub fn touch_sources(&mut self) {
        object_at(&mut self.document, "sources");
    }

    /// Removes what a source remembers beside its resources.
    pub fn clear_source(&mut self, source: &str) {
        if self.source(source).is_some_and(|state| !state.is_empty()) {
            self.source_mut(source).retain(|key, _| key == "resources");
        }
    }

    /// Removes keys of the state of a source, its resources excepted; tells which were there.
    pub fn remove_source_keys(&mut self, source: &str, keys: &[String]) -> Vec<String> {
        if self.source(source).is_none() {
            return Vec::new();
        }
        let state = self.source_mut(source);
        let is_there = |key: &&String| key.as_str() != "resources" && state.contains_key(*key);
        let removed: Vec<String> = keys.iter().filter(is_there).cloned().collect();
        for key in &removed {
            state.shift_remove(key);
        }
        removed
    }

    /// What a resource remembers.
    pub fn resource(&self, source: &str, resource: &str) -> Option<&Map<String, Value>> {
        self.source(source)?
            .get("resources")?
            .get(resource)?
            .as_object()
    }

    /// What a resource remembers, made empty when it is nothing.
    pub fn resource_mut(&mut self, source: &str, resource: &str) -> &mut Map<String, Value> {
        object_at(object_at(self.source_mut(source), "resources"), resource)
    }

    /// Forgets everything about a resource; the source keeps its (perhaps empty) entry.
    pub fn reset_resource(&mut self, source: &str, resource: &str) {
        if let Some(Value::Object(resources)) = self.source_mut(source).get_mut("resources") {
            resources.shift_remove(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bump_keeps_the_version_and_a_change_raises_it() {
        let mut state = PipelineState::default();
        state.set("pipeline_name", json!("p"));
        state.bump();
        assert_eq!(state.version(), 0);
        state
            .resource_mut("s", "r")
            .insert("last_value".to_owned(), json!(1));
        state.bump();
        assert_eq!(state.version(), 1);
        state.bump();
        assert_eq!(state.version(), 1);
    }

    #[test]
    fn the_hash_ignores_the_order_of_keys_and_the_local_part() {
        let mut one = PipelineState::default();
        one.set("a", json!(1));
        one.set("b", json!({"x": 1, "y": 2}));
        let mut other = PipelineState::default();
        other.set("b", json!({"y": 2, "x": 1}));
        other.set("a", json!(1));
        other
            .local_mut()
            .insert("first_run".to_owned(), json!(false));
        assert_eq!(one.content_hash(), other.content_hash());
    }

    #[test]
    fn the_stored_form_comes_back_without_the_local_part() {
        let mut state = PipelineState::default();
        state.set("pipeline_name", json!("p"));
        state.mark_extracted("2024-01-01T00:00:00Z");
        let back = PipelineState::from_stored(&state.to_stored()).unwrap();
        assert_eq!(back.text("pipeline_name"), Some("p"));
        assert!(back.local().unwrap().is_empty());
    }

    #[test]
    fn a_state_of_a_newer_program_is_refused() {
        let error = PipelineState::from_json(r#"{"_state_engine_version": 5}"#).unwrap_err();
        assert!(matches!(error, StateError::TooNew { found: 5 }));
    }

    #[test]
    fn resetting_a_resource_leaves_the_source_entry() {
        let mut state = PipelineState::default();
        state
            .resource_mut("s", "r")
            .insert("last_value".to_owned(), json!(1));
        state.reset_resource("s", "r");
        assert_eq!(
            state.source("s").map(|s| Value::Object(s.clone())),
            Some(json!({"resources": {}}))
        );
    }
}
