//! `incremental` of an endpoint, and the older forms (spec/rest-api.md §13).

use serde_json::{Map, Value};
use tipple_source::fields::{Fields, join};

use super::Reader;
use crate::convert::Convert;

/// Keys of the REST source among those of a cursor.
const OWN_KEYS: [&str; 6] = [
    "per_parent",
    "start_param",
    "end_param",
    "convert",
    "transform",
    "allow_external_schedulers",
];

/// What a document says about the cursor of an endpoint.
#[derive(Debug, Default)]
pub(super) struct CursorWish {
    /// Path of the document at which it was found.
    pub path: String,
    /// Parameters of the cursor itself, for the hints of the resource.
    pub spec: Value,
    /// `cursor_path`, for placeholders.
    pub cursor_path: String,
    /// Parameter that takes the start.
    pub start_param: Option<String>,
    /// Parameter that takes the end.
    pub end_param: Option<String>,
    pub convert: Option<Convert>,
    /// Each parent row has a cursor of its own.
    pub is_per_parent: bool,
}

impl Reader<'_> {
    /// The cursor of `endpoint`: from `incremental`, or from a parameter of the type `incremental`.
    pub(super) fn cursor_wish(
        &mut self,
        endpoint: &Map<String, Value>,
        path: &str,
    ) -> Option<CursorWish> {
        let params = endpoint.get("params").and_then(Value::as_object);
        let is_cursor =
            |value: &Value| value.get("type").and_then(Value::as_str) == Some("incremental");
        let in_params: Vec<(&String, &Value)> = params
            .into_iter()
            .flatten()
            .filter(|(_, value)| is_cursor(value))
            .collect();
        let own = endpoint.get("incremental").filter(|value| !value.is_null());
        let own_path = join(path, "incremental");
        match in_params[..] {
            [] => self.cursor(own?, &own_path, None),
            [(name, value)] => {
                if own.is_some() {
                    let message = format!("the parameter `{name}` is a cursor already");
                    let help = "keep `incremental` and write `\"{incremental.start_value}\"` as the value of the parameter";
                    self.problems.add_with_help(own_path, message, help);
                }
                self.cursor(value, &join(&join(path, "params"), name), Some(name))
            }
            [_, (second, _), ..] => {
                let message = "an endpoint can have one cursor";
                let help = "move it to `incremental` and use `start_param` and `end_param`";
                self.problems
                    .add_with_help(join(&join(path, "params"), second), message, help);
                None
            }
        }
    }

    /// Reads a cursor. `param` is the parameter in which it was found.
    fn cursor(&mut self, value: &Value, path: &str, param: Option<&str>) -> Option<CursorWish> {
        let mut fields = Fields::of(value, path, &mut self.problems)?;
        let start_param = fields.text("start_param", &mut self.problems);
        let end_param = fields.text("end_param", &mut self.problems);
        let convert = self.convert(&mut fields);
        fields.bool("allow_external_schedulers", &mut self.problems);
        let is_per_parent = fields.bool("per_parent", &mut self.problems);
        if param.is_some() {
            for key in ["end_value", "end_param"] {
                if value.get(key).is_some_and(|value| !value.is_null()) {
                    let help = "move the cursor to `incremental` of the endpoint, with `start_param` and `end_param`";
                    self.problems.add_with_help(
                        join(path, key),
                        "a cursor in a parameter cannot have it",
                        help,
                    );
                }
            }
        }
        let mut spec = value.as_object().cloned().unwrap_or_default();
        spec.retain(|key, _| {
            !(OWN_KEYS.contains(&key.as_str()) || (param.is_some() && key == "type"))
        });
        Some(CursorWish {
            path: path.to_owned(),
            cursor_path: value
                .get("cursor_path")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            spec: Value::Object(spec),
            start_param: start_param.or(param.map(str::to_owned)),
            end_param,
            convert,
            is_per_parent: is_per_parent.unwrap_or_default(),
        })
    }

    fn convert(&mut self, fields: &mut Fields<'_>) -> Option<Convert> {
        let old = fields.value("transform");
        if old.is_some() {
            self.warn(format!(
                "`{}` is the old name of `convert`",
                fields.path_of("transform")
            ));
        }
        let (key, value) = match fields.value("convert") {
            Some(value) => ("convert", value),
            None => ("transform", old?),
        };
        let path = fields.path_of(key);
        match value {
            Value::String(word) => match word.parse() {
                Ok(convert) => Some(convert),
                Err(_) => {
                    self.problems
                        .add_unknown_word(&path, word, &Convert::words());
                    None
                }
            },
            Value::Object(_) => {
                let mut program = Fields::of(value, &path, &mut self.problems)?;
                let text = program.text("jq", &mut self.problems);
                program.finish(&mut self.problems);
                self.jq(text.as_deref(), &path).map(Convert::Jq)
            }
            _ => {
                let help = "write a word such as `epoch_s`, or `{ jq: \"…\" }`";
                self.problems
                    .add_with_help(path, "it is no conversion", help);
                None
            }
        }
    }
}
