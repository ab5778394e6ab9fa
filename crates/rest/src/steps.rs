//! What is done to rows between their selection and the incremental filter (spec/rest-api.md §§14, 21).
//!
//! Built-in steps and jq programs work on one row at a time and are checked when the configuration is read. Only the
//! rows of resources that have steps become trees. Start with [`Steps::apply`].

mod edit;

use std::fmt;

use tipple_json::{Condition, Scanner, Value, write_compact};

use crate::jq::{Jq, JqError};

pub use edit::{FieldError, FieldPath};

/// What stands in place of a masked value.
const MASK: &str = "***";

/// Steps in their order.
#[derive(Debug, Clone, Default)]
pub struct Steps(Vec<Step>);

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub action: StepAction,
    /// What happens to a row on which it fails.
    pub on_error: OnError,
}

/// What a step does with a row.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// Keeps rows for which the program gives something true.
    Filter(Jq),
    /// Replaces the row by the first output; a row without output is dropped.
    Map(Jq),
    /// Replaces the row by all outputs.
    YieldMap(Jq),
    /// Keeps rows for which the condition holds.
    Where(Condition),
    /// Keeps only these fields.
    Select(Vec<FieldPath>),
    /// Removes these fields.
    Drop(Vec<FieldPath>),
    /// Renames fields in their place.
    Rename(Vec<(FieldPath, String)>),
    /// Sets fields to fixed values.
    Set(Vec<(FieldPath, Value)>),
    /// Replaces values that are not null by three stars.
    Mask(Vec<FieldPath>),
    /// Replaces values that are not null by a digest.
    Hash(HashStep),
    /// One row for each element of a list; none for an empty or missing one.
    Explode {
        /// The list.
        field: FieldPath,
        /// Field that takes the element, in place of the list.
        target: String,
    },
    /// Changes types of values; null stays null.
    Cast(Vec<(FieldPath, CastType)>),
    /// Reads texts as JSON.
    ParseJson(Vec<FieldPath>),
    /// Puts the members of an object in its place; a field that the row has already stays.
    Flatten(Vec<FieldPath>),
}

/// Parameters of a digest.
#[derive(Clone)]
pub struct HashStep {
    /// Fields.
    pub fields: Vec<FieldPath>,
    /// Hash.
    pub algorithm: HashAlgorithm,
    /// Put before each value.
    pub salt: tipple_config::Secret<String>,
}

impl fmt::Debug for HashStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashStep")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// Hash of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashAlgorithm {
    /// SHA-256
    #[default]
    Sha256,
    /// SHA-512
    Sha512,
}

/// Type of a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastType {
    /// Text, as Python writes the value.
    Text,
    /// Whole number.
    Bigint,
    /// Number.
    Double,
    /// True or false.
    Bool,
    /// Moment as ISO text, from ISO texts and epoch numbers.
    Timestamp,
    /// Day as ISO text.
    Date,
}

/// What happens to a row on which a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The load fails.
    #[default]
    Raise,
    /// The row is dropped.
    Drop,
    /// The value, or for a program the row, becomes null.
    Null,
}

/// A step has failed on a row.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("step {step} (`{name}`) failed on row {row} of the page: {reason}")]
pub struct StepError {
    /// Number of the step, from 1.
    pub step: usize,
    /// Its word.
    pub name: &'static str,
    /// Number of the row in its page, from 1.
    pub row: usize,
    /// Why.
    pub reason: String,
}

impl StepError {
    /// How to go on.
    pub fn help(&self) -> &'static str {
        "correct the step, or set `on_error: drop` (the row goes) or `on_error: null` (the value goes) beside it"
    }
}

impl StepAction {
    /// The word of the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            StepAction::Filter(_) => "filter",
            StepAction::Map(_) => "map",
            StepAction::YieldMap(_) => "yield_map",
            StepAction::Where(_) => "where",
            StepAction::Select(_) => "select",
            StepAction::Drop(_) => "drop",
            StepAction::Rename(_) => "rename",
            StepAction::Set(_) => "set",
            StepAction::Mask(_) => "mask",
            StepAction::Hash(_) => "hash",
            StepAction::Explode { .. } => "explode",
            StepAction::Cast(_) => "cast",
            StepAction::ParseJson(_) => "parse_json",
            StepAction::Flatten(_) => "flatten",
        }
    }
}

/// Rows after all steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stepped {
    /// JSON texts, one a line.
    pub text: String,
    /// How many.
    pub row_count: usize,
}

impl Steps {
    /// Steps in this order.
    pub fn new(steps: Vec<Step>) -> Self {
        Steps(steps)
    }

    /// True when rows stay as they are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Takes the rows of a page (JSON values with blanks or commas between) through all steps.
    ///
    /// # Errors
    /// [`StepError`] for the first row on which a step fails; text that is no JSON counts as a failure of the first.
    pub fn apply(&self, rows: &str) -> Result<Stepped, StepError> {
        let mut stepped = Stepped::default();
        let mut scanner = Scanner::new(rows);
        let mut number = 0;
        loop {
            scanner.skip_separators();
            if scanner.peek().is_none() {
                return Ok(stepped);
            }
            number += 1;
            let row = scanner.value().map_err(|error| StepError {
                step: 1,
                name: self.0.first().map_or("", |step| step.action.name()),
                row: number,
                reason: error.to_string(),
            })?;
            for row in self.apply_row(row, number)? {
                write_compact(&row, &mut stepped.text);
                stepped.text.push('\n');
                stepped.row_count += 1;
            }
        }
    }

    fn apply_row(&self, row: Value, number: usize) -> Result<Vec<Value>, StepError> {
        let mut rows = vec![row];
        for (index, step) in self.0.iter().enumerate() {
            let mut next = Vec::with_capacity(rows.len());
            for row in rows {
                step.apply(row, &mut next).map_err(|reason| StepError {
                    step: index + 1,
                    name: step.action.name(),
                    row: number,
                    reason,
                })?;
            }
            rows = next;
        }
        Ok(rows)
    }
}

impl Step {
    /// Adds what becomes of `row` to `out`.
    fn apply(&self, row: Value, out: &mut Vec<Value>) -> Result<(), String> {
        let done = match &self.action {
            StepAction::Filter(program) => program.first(&row).map(|kept| match is_true(&kept) {
                true => vec![row],
                false => vec![],
            }),
            StepAction::Map(program) => program
                .run(&row)
                .map(|outputs| outputs.into_iter().take(1).collect()),
            StepAction::YieldMap(program) => program.run(&row),
            other => return self.apply_built_in(other, row, out),
        };
        match (done, self.on_error) {
            (Ok(rows), _) => out.extend(rows),
            (Err(_), OnError::Drop) => {}
            (Err(_), OnError::Null) => out.push(Value::Null),
            (
                Err(JqError::Failed { reason, .. } | JqError::Syntax { reason, .. }),
                OnError::Raise,
            ) => {
                return Err(reason);
            }
        }
        Ok(())
    }

    fn apply_built_in(
        &self,
        action: &StepAction,
        mut row: Value,
        out: &mut Vec<Value>,
    ) -> Result<(), String> {
        let is_kept = match action {
            StepAction::Where(condition) => holds(condition, &row)?,
            StepAction::Explode { field, target } => {
                edit::explode(row, field, target, out);
                return Ok(());
            }
            StepAction::Select(fields) => {
                row = edit::select(&row, fields);
                true
            }
            StepAction::Drop(fields) => {
                fields.iter().for_each(|field| field.remove(&mut row));
                true
            }
            StepAction::Rename(renames) => {
                renames
                    .iter()
                    .for_each(|(field, name)| field.rename(&mut row, name));
                true
            }
            StepAction::Set(values) => {
                values
                    .iter()
                    .for_each(|(field, value)| field.set(&mut row, value));
                true
            }
            StepAction::Flatten(fields) => {
                fields.iter().for_each(|field| field.flatten(&mut row));
                true
            }
            StepAction::Mask(fields) => {
                let mask = |_: &Value| Ok(Value::Text(MASK.to_owned()));
                self.change(fields, &mut row, mask)?
            }
            StepAction::Hash(step) => {
                self.change(&step.fields, &mut row, |value| Ok(step.digest(value)))?
            }
            StepAction::ParseJson(fields) => self.change(fields, &mut row, parse_text)?,
            StepAction::Cast(casts) => {
                let mut is_kept = true;
                for (field, kind) in casts {
                    let fields = std::slice::from_ref(field);
                    is_kept &= self.change(fields, &mut row, |value| edit::cast(value, *kind))?;
                }
                is_kept
            }
            StepAction::Filter(_) | StepAction::Map(_) | StepAction::YieldMap(_) => true,
        };
        if is_kept {
            out.push(row);
        }
        Ok(())
    }

    /// Changes every value at `fields` that is not null. False when the row has to go.
    fn change(
        &self,
        fields: &[FieldPath],
        row: &mut Value,
        change: impl Fn(&Value) -> Result<Value, String>,
    ) -> Result<bool, String> {
        let mut failed = None;
        let mut one = |value: &mut Value| match change(value) {
            Ok(changed) => *value = changed,
            Err(_) if self.on_error == OnError::Null => *value = Value::Null,
            Err(reason) => failed = Some(reason),
        };
        for field in fields {
            field.each(row, &mut |value| {
                if !value.is_null() {
                    one(value);
                }
            });
        }
        match (failed, self.on_error) {
            (Some(reason), OnError::Raise) => Err(reason),
            (Some(_), _) => Ok(false),
            (None, _) => Ok(true),
        }
    }
}

impl HashStep {
    fn digest(&self, value: &Value) -> Value {
        let algorithm = match self.algorithm {
            HashAlgorithm::Sha256 => &ring::digest::SHA256,
            HashAlgorithm::Sha512 => &ring::digest::SHA512,
        };
        let mut text = self.salt.expose().clone();
        match tipple_json::plain_text(value) {
            Some(plain) => text.push_str(&plain),
            None => write_compact(value, &mut text),
        }
        let digest = ring::digest::digest(algorithm, text.as_bytes());
        Value::Text(
            digest
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn holds(condition: &Condition, row: &Value) -> Result<bool, String> {
    let mut text = String::new();
    write_compact(row, &mut text);
    condition.holds(&text).map_err(|error| error.to_string())
}

fn parse_text(value: &Value) -> Result<Value, String> {
    match value {
        Value::Text(text) => tipple_json::parse_value(text.as_bytes())
            .map_err(|error| format!("the text is not JSON: {error}")),
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests;
