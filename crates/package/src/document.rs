//! `load_package_state.json`: what the steps of a run tell each other about a package.
//!
//! dlt's document, key for key, kept whole: keys of a newer program survive. Content is versioned as dlt versions it
//! (hash over everything but the version fields and the load metrics; the counter grows when the hash changes).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha3::{Digest, Sha3_256};

/// Mark in front of a date-time in typed JSON (spec/normalize.md §7.4).
const DATETIME_MARK: char = '\u{f027}';

const UNVERSIONED: [&str; 4] = [
    "_state_version",
    "_state_engine_version",
    "_version_hash",
    "load_metrics",
];

/// State of a load package as a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PackageDocument(Map<String, Value>);

impl PackageDocument {
    /// State of a new package: version 0 and the time in the load id.
    pub fn new(load_id: &str) -> Self {
        let mut document = PackageDocument::default();
        document.set("_state_version", 0.into());
        document.set("_state_engine_version", 1.into());
        document.set(
            "created_at",
            format!("{DATETIME_MARK}{}", created_at(load_id)).into(),
        );
        document
    }

    /// The document as stored.
    pub fn from_map(map: Map<String, Value>) -> Self {
        PackageDocument(map)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets a key; `null` removes it.
    pub fn set(&mut self, key: &str, value: Value) {
        if value.is_null() {
            self.0.shift_remove(key);
        } else {
            self.0.insert(key.to_owned(), value);
        }
    }

    /// Time at which the package was created, ISO 8601 with offset.
    pub fn created_at(&self) -> Option<&str> {
        self.get("created_at")?
            .as_str()
            .map(|text| text.trim_start_matches(DATETIME_MARK))
    }

    /// Tables that the load drops first (`refresh`): table documents.
    pub fn dropped_tables(&self) -> &[Value] {
        self.list("dropped_tables")
    }

    /// Tables that the load empties first (`refresh`): table documents.
    pub fn truncated_tables(&self) -> &[Value] {
        self.list("truncated_tables")
    }

    /// Refresh mode that the package was extracted with.
    pub fn refresh(&self) -> Option<&str> {
        self.get("refresh")?.as_str()
    }

    /// The pipeline state that this package brings, as the row of `_dlt_pipeline_state`.
    pub fn pipeline_state(&self) -> Option<&Value> {
        self.get("pipeline_state")
    }

    /// True if the package is to be given up at the next load.
    pub fn is_abort_requested(&self) -> bool {
        self.get("abort_requested")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The document.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    fn list(&self, key: &str) -> &[Value] {
        self.get(key)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// Sets the hash, and counts the version up if the content changed since the last one.
    pub(crate) fn bump(&mut self) {
        let hash = self.content_hash();
        let previous = self.get("_version_hash").and_then(Value::as_str);
        if previous.is_some_and(|previous| previous != hash) {
            let version = self
                .get("_state_version")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            self.set("_state_version", (version + 1).into());
        }
        self.set("_version_hash", hash.into());
    }

    fn content_hash(&self) -> String {
        let mut content = self.0.clone();
        content.retain(|key, _| !UNVERSIONED.contains(&key.as_str()));
        let mut content = Value::Object(content);
        content.sort_all_objects();
        BASE64_STANDARD.encode(Sha3_256::digest(content.to_string()))
    }
}

/// The time in a load id, ISO 8601 in UTC with as many digits as Python prints (none or six).
fn created_at(load_id: &str) -> String {
    let seconds: f64 = load_id.parse().unwrap_or(0.0);
    // Within 2^53 for any load id.
    let micros = (seconds * 1e6).round_ties_even() as i64;
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let digits = if micros % 1_000_000 == 0 { 0 } else { 6 };
    let text = format!("{time:.digits$}");
    format!("{}+00:00", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_document_has_the_time_of_the_load_id() {
        let document = PackageDocument::new("1795291809.2349176");
        assert_eq!(
            document.created_at(),
            Some("2026-11-21T20:10:09.234918+00:00")
        );
        assert_eq!(
            PackageDocument::new("5.0").created_at(),
            Some("1970-01-01T00:00:05+00:00")
        );
    }

    #[test]
    fn the_version_grows_only_with_the_content() {
        let mut document = PackageDocument::new("1795291809.5");
        document.bump();
        assert_eq!(document.get("_state_version"), Some(&0.into()));
        document.set("load_metrics", serde_json::json!({"job": 1}));
        document.bump();
        assert_eq!(document.get("_state_version"), Some(&0.into()));
        document.set("abort_requested", true.into());
        document.bump();
        assert_eq!(document.get("_state_version"), Some(&1.into()));
    }
}
