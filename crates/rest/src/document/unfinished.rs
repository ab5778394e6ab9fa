//! Places that a converter has left to a person.
//!
//! Null would be read as "nothing", and a filter that nobody wrote again would load other rows without a word; a mark in
//! the place of the value cannot be overlooked.

use serde_json::Value;
use tipple_source::Problem;
use tipple_source::fields::join;

/// How a value begins that a person has to write.
const MARK: &str = "<TODO ";

/// The value that stands for `text`, which has no form in a file.
pub(crate) fn marked(text: &str) -> Value {
    Value::String(format!("{MARK}{text}>"))
}

/// All marks below `value`, as mistakes.
pub(super) fn unfinished(value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    collect(value, "", &mut problems);
    problems
}

fn collect(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::String(text) if text.starts_with(MARK) => problems.push(Problem {
            path: path.to_owned(),
            line: None,
            message: "this is left to be written by hand".to_owned(),
            help: Some("see the notes at the top of the file".to_owned()),
        }),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                collect(value, &format!("{path}[{index}]"), problems);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, &join(path, key), problems);
            }
        }
        _ => {}
    }
}
