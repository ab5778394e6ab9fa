//! Schema differences as people read them.
//!
//! One line per table, column or hint, marked `+`, `~` or `-` like a text difference; columns of a table are aligned.
//! Start with the `Display` of [`SchemaDiff`].

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::{Cause, ColumnChange, ColumnDiff, HintChange, SchemaDiff, TableChange, TableDiff};
use crate::Column;
use crate::properties::is_default_value;

/// Type, digits and nullability of a column: `decimal(10,2), not null`.
pub(super) fn type_text(column: &Column) -> String {
    let name = column
        .data_type
        .map_or("no type", |data_type| data_type.as_str());
    let mut text = match (column.precision, column.scale) {
        (Some(precision), Some(scale)) => format!("{name}({precision},{scale})"),
        (Some(precision), None) => format!("{name}({precision})"),
        _ => name.to_owned(),
    };
    if column.timezone == Some(false) {
        text.push_str(" without time zone");
    }
    text
}

/// What is known of a new column, but its name and description.
fn column_text(column: &Column) -> String {
    let mut parts = vec![type_text(column)];
    if !column.is_nullable() {
        parts.push("not null".to_owned());
    }
    for (hint, value) in &column.hints {
        match value {
            _ if is_default_value(hint, value)
                || ["description", "variant"].contains(&hint.as_str()) => {}
            Value::Bool(true) => parts.push(hint.clone()),
            value => parts.push(format!("{hint}: {}", value_text(value))),
        }
    }
    parts.join(", ")
}

fn value_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Display for SchemaDiff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "schema `{}`, version {} → {}",
            self.schema, self.old_version, self.new_version
        )?;
        if self.is_empty() {
            return f.write_str("\n  no changes");
        }
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        if !self.settings.is_empty() {
            f.write_str("\n~ settings")?;
        }
        self.settings
            .iter()
            .try_for_each(|change| write!(f, "\n    {change}"))
    }
}

impl Display for TableDiff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.change {
            TableChange::Added {
                parent: Some(parent),
            } => {
                write!(f, "+ {}  new table, child of {parent}", self.table)?;
            }
            TableChange::Added { parent: None } => write!(f, "+ {}  new table", self.table)?,
            TableChange::Changed => write!(f, "~ {}", self.table)?,
            TableChange::Removed => write!(f, "- {}  table removed", self.table)?,
        }
        // Neither what the destination shows as a comment nor what the name of the table says already.
        let is_shown = |change: &&HintChange| {
            let is_own_name = change.new.as_ref().and_then(Value::as_str) == Some(&self.table);
            change.hint != "description" && (change.hint != "resource" || !is_own_name)
        };
        let hints = self.hints.iter().filter(is_shown);
        for change in hints {
            write!(f, "\n    {change}")?;
        }
        let width = self
            .columns
            .iter()
            .map(|diff| diff.column.chars().count())
            .max()
            .unwrap_or(0);
        self.columns.iter().try_for_each(|column| {
            f.write_str("\n    ")?;
            write_column(column, width, f)
        })
    }
}

fn write_column(diff: &ColumnDiff, width: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let name = format!("{:width$}", diff.column);
    match &diff.change {
        ColumnChange::Added(column) => write!(f, "+ {name}  {}", column_text(column))?,
        ColumnChange::VariantAdded { of, column } => {
            write!(
                f,
                "+ {name}  {}, for values that do not fit {of}",
                column_text(column)
            )?;
        }
        ColumnChange::Removed => write!(f, "- {}", diff.column)?,
        ColumnChange::Changed { data_type, hints } => {
            write!(f, "~ {name}")?;
            let mut separator = "  ";
            if let Some(change) = data_type {
                let (old, new) = (type_text(&change.old), type_text(&change.new));
                write!(
                    f,
                    "{separator}{old} → {new} ({})",
                    effect_text(change.effect)
                )?;
                separator = ", ";
            }
            for change in hints {
                write!(f, "{separator}{change}")?;
                separator = ", ";
            }
        }
    }
    diff.cause
        .as_ref()
        .map_or(Ok(()), |cause| write!(f, "  ← {cause}"))
}

fn effect_text(effect: super::TypeEffect) -> &'static str {
    match effect {
        super::TypeEffect::Widens => "all values fit",
        super::TypeEffect::LosesData => "values may lose digits",
        super::TypeEffect::MayFail => "some values may not convert",
    }
}

impl Display for HintChange {
    /// `+ sort`, `- sort`, `+ not null`, `~ description: old → new`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.hint == "nullable" {
            let is_nullable = self
                .new
                .as_ref()
                .is_none_or(|new| *new == Value::Bool(true));
            return f.write_str(if is_nullable {
                "- not null"
            } else {
                "+ not null"
            });
        }
        match (&self.old, &self.new) {
            (None, Some(Value::Bool(true))) => write!(f, "+ {}", self.hint),
            (None, Some(new)) => write!(f, "+ {}: {}", self.hint, value_text(new)),
            (Some(old), Some(new)) => {
                write!(
                    f,
                    "~ {}: {} → {}",
                    self.hint,
                    value_text(old),
                    value_text(new)
                )
            }
            (_, None) => write!(f, "- {}", self.hint),
        }
    }
}

impl Display for Cause {
    /// `string at $.a.b, resource orders, load 1795291809.234`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = match (&self.value_kind, &self.json_path) {
            (Some(kind), Some(path)) => Some(format!("{kind} at {path}")),
            (Some(kind), None) => Some(kind.clone()),
            (None, Some(path)) => Some(path.clone()),
            (None, None) => None,
        };
        let resource = self
            .resource
            .as_ref()
            .map(|resource| format!("resource {resource}"));
        let load = self
            .load_id
            .as_ref()
            .map(|load_id| format!("load {load_id}"));
        let known: Vec<String> = [value, resource, load].into_iter().flatten().collect();
        f.write_str(&known.join(", "))
    }
}
