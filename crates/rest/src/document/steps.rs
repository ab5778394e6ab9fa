//! `processing_steps` (spec/rest-api.md §§14, 21).

use serde_json::{Map, Value};
use tipple_config::Secret;
use tipple_source::fields::{Fields, join, kind_of, nearest, quoted_list};
use tipple_source::typed_value;

use super::Reader;
use crate::steps::{
    CastType, FieldPath, HashAlgorithm, HashStep, OnError, Step, StepAction, Steps,
};

/// Steps that are programs, in the order in which dlt applies those of one map.
const PROGRAMS: [&str; 3] = ["filter", "map", "yield_map"];

/// Built-in steps.
const BUILT_IN: [&str; 11] = [
    "where",
    "select",
    "drop",
    "rename",
    "set",
    "mask",
    "hash",
    "explode",
    "cast",
    "parse_json",
    "flatten",
];

/// All words of a step but `on_error`, for editors.
pub(crate) const WORDS: [&str; 15] = [
    "filter",
    "map",
    "yield_map",
    "where",
    "select",
    "drop",
    "rename",
    "set",
    "mask",
    "hash",
    "explode",
    "as",
    "cast",
    "parse_json",
    "flatten",
];

/// Members beside a step.
const BESIDE: [&str; 2] = ["on_error", "as"];

impl Reader<'_> {
    pub(super) fn steps(&mut self, value: &Value, path: &str) -> Steps {
        let Some(list) = value.as_array() else {
            let message = format!("must be a list, not {}", kind_of(value));
            self.problems.add(path, message);
            return Steps::default();
        };
        let mut steps = Vec::new();
        for (index, value) in list.iter().enumerate() {
            self.step(value, &format!("{path}[{index}]"), &mut steps);
        }
        Steps::new(steps)
    }

    fn step(&mut self, value: &Value, path: &str, steps: &mut Vec<Step>) {
        let Value::Object(map) = value else {
            let help = "write a step as an object: `{ drop: [email] }`";
            self.problems.add_with_help(
                path,
                format!("must be an object, not {}", kind_of(value)),
                help,
            );
            return;
        };
        let on_error = self.on_error(map, path);
        let words: Vec<&String> = map
            .keys()
            .filter(|key| !BESIDE.contains(&key.as_str()))
            .collect();
        for word in &words {
            self.check_word(word, path);
        }
        let built_in: Vec<&&String> = words
            .iter()
            .filter(|word| BUILT_IN.contains(&word.as_str()))
            .collect();
        if built_in.len() > 1 || (built_in.len() == 1 && words.len() > 1) {
            let help = "write each step as an element of the list, so that their order is clear";
            self.problems
                .add_with_help(path, "several steps stand in one object", help);
            return;
        }
        if words.is_empty() {
            let help = format!(
                "write one of {}",
                quoted_list(&[&PROGRAMS[..], &BUILT_IN[..]].concat())
            );
            self.problems.add_with_help(path, "there is no step", help);
        }
        let mut add = |action: Option<StepAction>| {
            steps.extend(action.map(|action| Step { action, on_error }))
        };
        for word in PROGRAMS {
            if let Some(value) = map.get(word) {
                add(self.program(word, value, &join(path, word)));
            }
        }
        for word in BUILT_IN {
            if let Some(value) = map.get(word) {
                add(self.built_in(word, value, map, path));
            }
        }
    }

    fn check_word(&mut self, word: &str, path: &str) {
        let known = [&PROGRAMS[..], &BUILT_IN[..], &BESIDE[..]].concat();
        if known.contains(&word) {
            return;
        }
        let help = match nearest(word, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("steps: {}", quoted_list(&known)),
        };
        self.problems
            .add_with_help(join(path, word), "there is no such step", help);
    }

    fn on_error(&mut self, map: &Map<String, Value>, path: &str) -> OnError {
        match map.get("on_error") {
            None => OnError::Raise,
            // YAML reads the bare word as null.
            Some(Value::Null) => OnError::Null,
            Some(Value::String(word)) => match word.as_str() {
                "raise" => OnError::Raise,
                "drop" => OnError::Drop,
                "null" => OnError::Null,
                other => {
                    self.problems.add_unknown_word(
                        &join(path, "on_error"),
                        other,
                        &["raise", "drop", "null"],
                    );
                    OnError::Raise
                }
            },
            Some(other) => {
                self.problems.add(
                    join(path, "on_error"),
                    format!("must be a word, not {}", kind_of(other)),
                );
                OnError::Raise
            }
        }
    }

    fn program(&mut self, word: &str, value: &Value, path: &str) -> Option<StepAction> {
        let program = match value {
            Value::Object(_) => {
                let mut fields = Fields::of(value, path, &mut self.problems)?;
                let program = fields.text("jq", &mut self.problems);
                fields.finish(&mut self.problems);
                self.jq(program.as_deref(), path)?
            }
            other => {
                let message = format!("must be `{{ jq: … }}`, not {}", kind_of(other));
                let help = format!(
                    "Python functions have no file form; write the program in jq: `{word}: {{ jq: \".id > 5\" }}`"
                );
                self.problems.add_with_help(path, message, help);
                return None;
            }
        };
        Some(match word {
            "filter" => StepAction::Filter(program),
            "map" => StepAction::Map(program),
            _ => StepAction::YieldMap(program),
        })
    }

    fn built_in(
        &mut self,
        word: &str,
        value: &Value,
        map: &Map<String, Value>,
        path: &str,
    ) -> Option<StepAction> {
        let at = join(path, word);
        Some(match word {
            "where" => {
                let text = self.step_text(value, &at)?;
                match text.parse() {
                    Ok(condition) => StepAction::Where(condition),
                    Err(error) => {
                        let error: tipple_json::PathError = error;
                        let help = "write `status == 'ok' & id > 5`";
                        let message = format!(
                            "`{}` is no condition: {} at character {}",
                            error.path, error.reason, error.at
                        );
                        self.problems.add_with_help(at, message, help);
                        return None;
                    }
                }
            }
            "select" => StepAction::Select(self.step_fields(value, &at)),
            "drop" => StepAction::Drop(self.step_fields(value, &at)),
            "mask" => StepAction::Mask(self.step_fields(value, &at)),
            "parse_json" => StepAction::ParseJson(self.step_fields(value, &at)),
            "flatten" => StepAction::Flatten(self.step_fields(value, &at)),
            "rename" => StepAction::Rename(self.step_map(
                value,
                &at,
                |value| value.as_str().map(str::to_owned),
                "a name",
            )),
            "set" => StepAction::Set(self.step_map(
                value,
                &at,
                |value| Some(typed_value(value)),
                "a value",
            )),
            "cast" => StepAction::Cast(self.step_map(
                value,
                &at,
                cast_type,
                "one of `text`, `bigint`, `double`, `bool`, `timestamp`, `date`",
            )),
            "hash" => StepAction::Hash(self.hash_step(value, &at)?),
            _ => {
                let text = self.step_text(value, &at)?;
                let field = self.step_field(&text, &at)?;
                let target = map.get("as").and_then(Value::as_str);
                let target = target.unwrap_or_else(|| field.last_name()).to_owned();
                StepAction::Explode { field, target }
            }
        })
    }

    fn step_text(&mut self, value: &Value, path: &str) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.problems
                .add(path, format!("must be a text, not {}", kind_of(value)));
        }
        text
    }

    fn step_field(&mut self, text: &str, path: &str) -> Option<FieldPath> {
        match text.parse() {
            Ok(field) => Some(field),
            Err(error) => {
                let error: crate::steps::FieldError = error;
                let help = "write `name`, `meta.name` or `list[*].name`";
                self.problems.add_with_help(path, error.to_string(), help);
                None
            }
        }
    }

    /// A field or a list of them.
    fn step_fields(&mut self, value: &Value, path: &str) -> Vec<FieldPath> {
        let single = std::slice::from_ref(value);
        let list = value.as_array().map_or(single, Vec::as_slice);
        let mut fields = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let path = match value_is_list(single) {
                true => format!("{path}[{index}]"),
                false => path.to_owned(),
            };
            if let Some(text) = self.step_text(value, &path) {
                fields.extend(self.step_field(&text, &path));
            }
        }
        fields
    }

    fn step_map<T>(
        &mut self,
        value: &Value,
        path: &str,
        read: impl Fn(&Value) -> Option<T>,
        wanted: &str,
    ) -> Vec<(FieldPath, T)> {
        let Value::Object(map) = value else {
            self.problems
                .add(path, format!("must be an object, not {}", kind_of(value)));
            return Vec::new();
        };
        let mut pairs = Vec::with_capacity(map.len());
        for (name, value) in map {
            let path = join(path, name);
            let field = self.step_field(name, &path);
            match (field, read(value)) {
                (Some(field), Some(value)) => pairs.push((field, value)),
                (_, None) => self
                    .problems
                    .add(path, format!("must be {wanted}, not {}", shown(value))),
                (None, _) => {}
            }
        }
        pairs
    }

    fn hash_step(&mut self, value: &Value, path: &str) -> Option<HashStep> {
        const ALGORITHMS: [(&str, HashAlgorithm); 2] = [
            ("sha256", HashAlgorithm::Sha256),
            ("sha512", HashAlgorithm::Sha512),
        ];
        if !value.is_object() {
            return Some(HashStep {
                fields: self.step_fields(value, path),
                algorithm: HashAlgorithm::Sha256,
                salt: Secret::new(String::new()),
            });
        }
        let mut fields = Fields::of(value, path, &mut self.problems)?;
        let names = fields.value("fields");
        let salt = self.secret(&mut fields, "salt");
        let algorithm = fields.word("algorithm", &ALGORITHMS, &mut self.problems);
        fields.finish(&mut self.problems);
        let Some(names) = names else {
            self.problems.add_with_help(
                path,
                "there are no `fields`",
                "write `{ hash: { fields: [email] } }`",
            );
            return None;
        };
        Some(HashStep {
            fields: self.step_fields(names, &join(path, "fields")),
            algorithm: algorithm.unwrap_or_default(),
            salt: salt.unwrap_or_else(|| Secret::new(String::new())),
        })
    }
}

fn value_is_list(single: &[Value]) -> bool {
    single.first().is_some_and(Value::is_array)
}

fn cast_type(value: &Value) -> Option<CastType> {
    let word = value.as_str()?;
    CastType::WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, kind)| *kind)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => kind_of(other).to_owned(),
    }
}
