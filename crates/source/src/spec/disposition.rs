//! Write dispositions: one word, or an object with the strategy of a merge and its options.

use serde_json::{Map, Value};

use crate::fields::{Fields, Problems};

const DISPOSITIONS: [(&str, Disposition); 4] = [
    ("append", Disposition::Append),
    ("replace", Disposition::Replace),
    ("merge", Disposition::Merge),
    ("skip", Disposition::Skip),
];

const STRATEGIES: [&str; 5] = ["cdc", "delete-insert", "insert-only", "scd2", "upsert"];

/// Option of a merge → strategies that take it.
const STRATEGY_OPTIONS: [(&str, &[&str]); 8] = [
    ("deduplicated", &["delete-insert"]),
    ("source_filter", &["delete-insert", "scd2", "upsert", "cdc"]),
    ("destination_scope", &["delete-insert", "scd2", "cdc"]),
    ("skip_unchanged_rows", &["upsert", "cdc"]),
    ("row_version_column_name", &["scd2", "upsert", "cdc"]),
    ("validity_column_names", &["scd2"]),
    ("active_record_timestamp", &["scd2"]),
    ("boundary_timestamp", &["scd2"]),
];

/// Options that dlt passes over in silence when the strategy has no use for them.
const TOLERATED_ANYWHERE: [&str; 4] = [
    "deduplicated",
    "validity_column_names",
    "active_record_timestamp",
    "boundary_timestamp",
];

/// How rows get into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Added to what is there.
    Append,
    /// Instead of what is there.
    Replace,
    /// By key.
    Merge,
    /// Not at all.
    Skip,
}

impl Disposition {
    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::Append => "append",
            Disposition::Replace => "replace",
            Disposition::Merge => "merge",
            Disposition::Skip => "skip",
        }
    }
}

/// A write disposition with the options of its strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteDisposition {
    /// The word.
    pub disposition: Disposition,
    /// `strategy` and its options as written, without `disposition`; a member that is null stays (it means something).
    pub options: Map<String, Value>,
    is_word: bool,
}

impl From<Disposition> for WriteDisposition {
    fn from(disposition: Disposition) -> Self {
        WriteDisposition {
            disposition,
            options: Map::new(),
            is_word: true,
        }
    }
}

impl WriteDisposition {
    /// True when it was given as a word, not as an object.
    pub fn is_word(&self) -> bool {
        self.is_word
    }

    /// Name of the merge strategy, if one is asked for.
    pub fn strategy(&self) -> Option<&str> {
        self.options.get("strategy").and_then(Value::as_str)
    }

    pub(super) fn read(fields: &mut Fields, problems: &mut Problems) -> Option<Self> {
        let path = fields.path_of("write_disposition");
        match fields.value("write_disposition")? {
            Value::Object(map) => Self::read_object(map, &path, problems),
            _ => fields
                .word("write_disposition", &DISPOSITIONS, problems)
                .map(Self::from),
        }
    }

    fn read_object(map: &Map<String, Value>, path: &str, problems: &mut Problems) -> Option<Self> {
        let value = Value::Object(map.clone());
        let mut fields = Fields::of(&value, path, problems)?;
        let disposition = fields.word("disposition", &DISPOSITIONS, problems);
        if disposition.is_none() && fields.value("disposition").is_none() {
            problems.add(path, "an object needs the member `disposition`");
        }
        if let Some(strategy) = fields.text("strategy", problems) {
            check_strategy(&strategy, map, path, problems);
        }
        fields.leave(&STRATEGY_OPTIONS.map(|(option, _)| option));
        fields.finish(problems);
        let mut options = map.clone();
        options.shift_remove("disposition");
        Some(WriteDisposition {
            disposition: disposition?,
            options,
            is_word: false,
        })
    }
}

fn check_strategy(strategy: &str, map: &Map<String, Value>, path: &str, problems: &mut Problems) {
    if !STRATEGIES.contains(&strategy) {
        problems.add_unknown_word(&format!("{path}.strategy"), strategy, &STRATEGIES);
        return;
    }
    for (option, strategies) in STRATEGY_OPTIONS {
        let is_set = map.get(option).is_some_and(is_truthy);
        if is_set && !strategies.contains(&strategy) && !TOLERATED_ANYWHERE.contains(&option) {
            let strategies = crate::fields::quoted_list(strategies);
            problems.add_with_help(
                format!("{path}.{option}"),
                format!("the strategy `{strategy}` does not take it"),
                format!("remove `{option}` or use one of the strategies {strategies}"),
            );
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(word) => *word,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}
