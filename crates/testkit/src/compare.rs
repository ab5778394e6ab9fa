//! Compares two canonical dumps and names the differences.
//!
//! What counts is what a reader of the dataset can see: names, types, rows, versions, state. Error texts and class names of
//! recorded runs are information and not compared. Start with [`differences`].

use serde_json::Value;

use crate::text::{Keys, python_json};

/// Members of a run outcome that must agree.
const RUN_KEYS: [&str; 3] = ["ok", "step", "contract"];

/// A value is shown up to this many characters.
const SHOWN_CHARS_MAX: usize = 160;

/// What to leave out of the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Leave out hashes of schema versions.
    pub skip_hashes: bool,
    /// Leave out hints of tables and columns.
    pub skip_hints: bool,
    /// Leave out schema versions.
    pub skip_versions: bool,
    /// Leave out the pipeline state.
    pub skip_state: bool,
    /// Leave out outcomes of runs.
    pub skip_runs: bool,
}

/// Differences between two dumps, one line each; empty when they agree.
pub fn differences(expected: &Value, actual: &Value, scope: Scope) -> Vec<String> {
    let (mut expected, mut actual) = (prepared(expected, scope), prepared(actual, scope));
    if expected.get("runs").is_none() || actual.get("runs").is_none() {
        remove(&mut expected, "runs");
        remove(&mut actual, "runs");
    }
    let mut lines = Vec::new();
    compare_values("", &expected, &actual, &mut lines);
    lines
}

fn compare_values(path: &str, expected: &Value, actual: &Value, lines: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => compare_values(&format!("{path}.{key}"), value, other, lines),
                    None => lines.push(format!(
                        "{path}.{key}: missing in actual (expected {})",
                        short(value)
                    )),
                }
            }
            let extra = b.iter().filter(|(key, _)| !a.contains_key(*key));
            lines.extend(extra.map(|(key, value)| {
                format!("{path}.{key}: not expected (actual {})", short(value))
            }));
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                lines.push(format!("{path}: {} expected, {} actual", a.len(), b.len()));
            }
            for (i, (x, y)) in a.iter().zip(b).enumerate() {
                compare_values(&format!("{path}[{i}]"), x, y, lines);
            }
        }
        (a, b) if a == b => {}
        (a, b) => lines.push(format!(
            "{path}: expected {}, actual {}",
            short(a),
            short(b)
        )),
    }
}

fn short(value: &Value) -> String {
    let text = python_json(value, Keys::AsTheyAre);
    if text.chars().count() < SHOWN_CHARS_MAX {
        return text;
    }
    let head: String = text.chars().take(SHOWN_CHARS_MAX - 3).collect();
    format!("{head}...")
}

fn prepared(dump: &Value, scope: Scope) -> Value {
    let mut dump = dump.clone();
    remove(&mut dump, "dump_version");
    prepare_runs(&mut dump, scope);
    prepare_versions(&mut dump, scope);
    prepare_state(&mut dump, scope);
    if scope.skip_hints {
        drop_hints(&mut dump);
    }
    dump
}

fn prepare_runs(dump: &mut Value, scope: Scope) {
    if scope.skip_runs {
        remove(dump, "runs");
    }
    for run in members(dump, "runs") {
        if let Value::Object(run) = run {
            run.retain(|key, _| RUN_KEYS.contains(&key.as_str()));
        }
    }
}

fn prepare_versions(dump: &mut Value, scope: Scope) {
    if scope.skip_hashes {
        members(dump, "schema_versions").for_each(|version| remove(version, "version_hash"));
    }
    if scope.skip_versions {
        remove(dump, "schema_versions");
        members(dump, "loads").for_each(|load| remove(load, "schema_version"));
        members(dump, "schemas").for_each(|schema| remove(schema, "version"));
    }
}

/// The order in a set of hashes has no meaning.
fn prepare_state(dump: &mut Value, scope: Scope) {
    if scope.skip_state {
        remove(dump, "state");
    }
    for state in members(dump, "state") {
        let Some(document) = state.get_mut("doc") else {
            continue;
        };
        for source in members(document, "sources") {
            for resource in members(source, "resources") {
                for cursor in members(resource, "incremental") {
                    if let Some(Value::Array(hashes)) = cursor.get_mut("unique_hashes") {
                        hashes.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                    }
                }
            }
        }
    }
}

fn drop_hints(dump: &mut Value) {
    for table in members(dump, "tables") {
        remove(table, "hints");
        for column in members(table, "columns") {
            remove(column, "hints");
            remove(column, "schema_nullable");
        }
    }
}

fn remove(value: &mut Value, key: &str) {
    if let Value::Object(fields) = value {
        fields.shift_remove(key);
    }
}

/// Values of the object or list under `key`; none when there is neither.
fn members<'a>(value: &'a mut Value, key: &str) -> Box<dyn Iterator<Item = &'a mut Value> + 'a> {
    match value.get_mut(key) {
        Some(Value::Object(fields)) => Box::new(fields.iter_mut().map(|(_, value)| value)),
        Some(Value::Array(items)) => Box::new(items.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(expected: Value, actual: Value, lines: &[&str]) {
        assert_eq!(differences(&expected, &actual, Scope::default()), lines);
    }

    #[test]
    fn equal_dumps_have_no_differences() {
        let dump = json!({"tables": {"t": {"rows": [{"a": 1}]}}});
        check(dump.clone(), dump, &[]);
    }

    #[test]
    fn an_integer_is_not_a_float() {
        check(
            json!({"a": 1}),
            json!({"a": 1.0}),
            &[".a: expected 1, actual 1.0"],
        );
    }

    #[test]
    fn missing_extra_and_different_members_are_named_by_path() {
        check(
            json!({"t": {"a": 1, "b": [1, 2]}}),
            json!({"t": {"b": [1], "c": "x"}}),
            &[
                ".t.a: missing in actual (expected 1)",
                ".t.b: 2 expected, 1 actual",
                ".t.c: not expected (actual \"x\")",
            ],
        );
    }

    #[test]
    fn runs_are_compared_by_outcome_and_only_when_both_have_them() {
        let run =
            |message: &str| json!({"runs": [{"ok": false, "step": "load", "message": message}]});
        check(run("a"), run("b"), &[]);
        check(run("a"), json!({}), &[]);
        check(
            json!({"runs": [{"ok": true}]}),
            run("b"),
            &[
                ".runs[0].ok: expected true, actual false",
                ".runs[0].step: not expected (actual \"load\")",
            ],
        );
    }

    #[test]
    fn hashes_of_a_cursor_are_a_set() {
        let state = |hashes: [&str; 2]| {
            let cursor = json!({"unique_hashes": hashes});
            json!({"state": {"p": {"doc": {"sources": {"s": {"resources": {"r": {"incremental": {"u": cursor}}}}}}}}})
        };
        check(state(["a", "b"]), state(["b", "a"]), &[]);
    }
}
