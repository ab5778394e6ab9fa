//! What to do with a value whose type is not that of its column.

use crate::fields::{Fields, Problems};

/// What to do with a value whose type is not that of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeChange {
    /// A second column takes it, `NAME__v_TYPE`, as dlt does.
    #[default]
    Variant,
    /// The column takes a type that holds old and new values without loss; where there is none, a variant does.
    Widen,
    /// The run ends before anything is loaded.
    Refuse,
}

const WORDS: [(&str, TypeChange); 3] = [
    ("variant", TypeChange::Variant),
    ("widen", TypeChange::Widen),
    ("refuse", TypeChange::Refuse),
];

impl TypeChange {
    pub(crate) fn read(fields: &mut Fields, problems: &mut Problems) -> Option<Self> {
        let path = fields.path_of("on_type_change");
        let word = fields.text("on_type_change", problems)?;
        let found = WORDS.iter().find(|(known, _)| *known == word);
        if found.is_none() {
            problems.add_unknown_word(&path, &word, &WORDS.map(|(known, _)| known));
        }
        found.map(|(_, change)| *change)
    }
}
