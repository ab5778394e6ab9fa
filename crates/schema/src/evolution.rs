//! How one schema differs from another, as a value that can be printed, stored and asked.
//!
//! Everything that a person wants to know about a change of tables is here, with its cause where the caller knows it;
//! what a destination does about it is the migration plan's business. System columns and tables are part of the
//! difference like all others. Start with [`diff`].

mod text;

use serde_json::{Map, Value, json};

use crate::properties::is_default_value;
use crate::{Column, DataType, Schema, Table};

/// Properties that are shown with the type and not as hints.
const TYPE_PROPERTIES: [&str; 5] = ["data_type", "precision", "scale", "timezone", "nullable"];

/// Table hints that are records of the program and not decisions of anybody.
const RECORDS: [&str; 3] = ["x-normalizer", "x-loader", "x-extractor"];

/// What made a column: the first value that needed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// Resource whose data or hints it was.
    pub resource: Option<String>,
    /// Where the value stood in its item.
    pub json_path: Option<String>,
    /// What the value was: `string`, `integer`, `object`, …
    pub value_kind: Option<String>,
    /// Load that brought it.
    pub load_id: Option<String>,
}

/// All differences between two schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaDiff {
    /// Name of the newer schema.
    pub schema: String,
    /// Version of the older schema.
    pub old_version: i64,
    /// Version of the newer schema.
    pub new_version: i64,
    /// Tables that differ: new and changed ones in order of the newer schema, then removed ones.
    pub tables: Vec<TableDiff>,
    /// Settings and normalizers that differ.
    pub settings: Vec<HintChange>,
}

/// Differences of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDiff {
    /// The table.
    pub table: String,
    /// What happened to it as a whole.
    pub change: TableChange,
    /// Hints of the table that differ; for a new table all of them.
    pub hints: Vec<HintChange>,
    /// Columns that differ: new and changed ones in order of the newer schema, then removed ones.
    pub columns: Vec<ColumnDiff>,
}

/// What happened to a table as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// It is new.
    Added {
        /// Table of the parent row, for a child table.
        parent: Option<String>,
    },
    /// It was there and is there.
    Changed,
    /// It is gone.
    Removed,
}

/// Differences of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDiff {
    /// The column.
    pub column: String,
    /// What happened to it.
    pub change: ColumnChange,
    /// Why, if the caller told.
    pub cause: Option<Cause>,
}

/// What happened to a column. Columns without a type are nowhere but in the schema, so one counts as new when it gets
/// its type.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnChange {
    /// It is new.
    Added(Column),
    /// It is new and takes values that do not fit another column.
    VariantAdded {
        /// Column that the values were for.
        of: String,
        /// The new column.
        column: Column,
    },
    /// It has other properties.
    Changed {
        /// The type before and after, if that differs.
        data_type: Option<TypeChange>,
        /// Other properties that differ.
        hints: Vec<HintChange>,
    },
    /// It is gone.
    Removed,
}

/// The type of a column, before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeChange {
    /// Column before.
    pub old: Column,
    /// Column after.
    pub new: Column,
    /// What it would mean for values that are stored.
    pub effect: TypeEffect,
}

/// What another type means for values that are stored under the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeEffect {
    /// Every value fits.
    Widens,
    /// Every value can be converted, some not exactly.
    LosesData,
    /// Some values cannot be converted.
    MayFail,
}

/// A property, before and after; `None` where it is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct HintChange {
    /// Name of the property.
    pub hint: String,
    /// Value before.
    pub old: Option<Value>,
    /// Value after.
    pub new: Option<Value>,
}

/// Differences that bring `old` to `new`.
pub fn diff(old: &Schema, new: &Schema) -> SchemaDiff {
    let changed = new
        .tables
        .values()
        .filter_map(|table| match old.tables.get(&table.name) {
            Some(known) => changed_table(known, table),
            None => Some(added_table(table)),
        });
    let removed = old
        .tables
        .keys()
        .filter(|name| !new.tables.contains_key(*name));
    let removed = removed.map(|name| TableDiff {
        table: name.clone(),
        change: TableChange::Removed,
        hints: Vec::new(),
        columns: Vec::new(),
    });
    SchemaDiff {
        schema: new.name.clone(),
        old_version: old.version,
        new_version: new.version,
        tables: changed.chain(removed).collect(),
        settings: changed_hints(&settings(old), &settings(new)),
    }
}

/// Settings and normalizers of a schema in one map.
fn settings(schema: &Schema) -> Map<String, Value> {
    let document = schema.to_properties();
    let part = |key: &str| document.get(key).and_then(Value::as_object).cloned();
    let mut settings = part("settings").unwrap_or_default();
    settings.extend(part("normalizers").unwrap_or_default());
    settings
}

fn added_table(table: &Table) -> TableDiff {
    let columns = table
        .complete_columns()
        .map(|column| added_column(table, column));
    TableDiff {
        table: table.name.clone(),
        change: TableChange::Added {
            parent: table.parent.clone(),
        },
        hints: changed_hints(&Map::new(), &shown_hints(table)),
        columns: columns.collect(),
    }
}

fn changed_table(old: &Table, new: &Table) -> Option<TableDiff> {
    let hints = changed_hints(&shown_hints(old), &shown_hints(new));
    let known = |name: &str| old.columns.get(name).filter(|column| column.is_complete());
    let changed = new
        .complete_columns()
        .filter_map(|column| match known(&column.name) {
            Some(known) => changed_column(known, column),
            None => Some(added_column(new, column)),
        });
    let is_gone = |column: &&Column| !new.columns.contains_key(&column.name);
    let removed = old
        .complete_columns()
        .filter(is_gone)
        .map(|column| ColumnDiff {
            column: column.name.clone(),
            change: ColumnChange::Removed,
            cause: None,
        });
    let columns: Vec<ColumnDiff> = changed.chain(removed).collect();
    let is_same = hints.is_empty() && columns.is_empty();
    (!is_same).then(|| TableDiff {
        table: new.name.clone(),
        change: TableChange::Changed,
        hints,
        columns,
    })
}

/// Hints of a table that somebody decided; of the marks only the nesting limit.
fn shown_hints(table: &Table) -> Map<String, Value> {
    let hints = table
        .hints
        .iter()
        .filter(|(hint, _)| !RECORDS.contains(&hint.as_str()));
    let mut shown: Map<String, Value> = hints
        .map(|(hint, value)| (hint.clone(), value.clone()))
        .collect();
    if let Some(max_nesting) = table.normalizer_mark("max_nesting") {
        shown.insert("max_nesting".to_owned(), max_nesting.clone());
    }
    shown
}

fn added_column(table: &Table, column: &Column) -> ColumnDiff {
    let change = match column
        .has("variant")
        .then(|| variant_of(table, &column.name))
        .flatten()
    {
        Some(of) => ColumnChange::VariantAdded {
            of: of.to_owned(),
            column: column.clone(),
        },
        None => ColumnChange::Added(column.clone()),
    };
    ColumnDiff {
        column: column.name.clone(),
        change,
        cause: None,
    }
}

/// The column of `table` that takes no more than the values of its type, so that `variant` was made for the others.
pub fn variant_of<'a>(table: &'a Table, variant: &str) -> Option<&'a str> {
    let candidates = table.columns.keys().map(String::as_str);
    let named = |name: &&str| {
        let rest = variant.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with("__v_") || rest.starts_with("▶v_"))
    };
    candidates.filter(named).max_by_key(|name| name.len())
}

fn changed_column(old: &Column, new: &Column) -> Option<ColumnDiff> {
    let differs = TYPE_PROPERTIES[..4].iter().any(|property| {
        let value = |column: &Column| {
            column
                .property(property)
                .filter(|value| !is_default_value(property, value))
        };
        value(old) != value(new)
    });
    let data_type = differs.then(|| TypeChange {
        old: old.clone(),
        new: new.clone(),
        effect: type_effect(old, new),
    });
    let hints = changed_hints(&column_hints(old), &column_hints(new));
    let is_same = data_type.is_none() && hints.is_empty();
    (!is_same).then(|| ColumnDiff {
        column: new.name.clone(),
        change: ColumnChange::Changed { data_type, hints },
        cause: None,
    })
}

/// Properties of a column that are neither its type nor what their absence says.
fn column_hints(column: &Column) -> Map<String, Value> {
    let is_shown = |property: &str, value: &Value| {
        !TYPE_PROPERTIES[..4].contains(&property) && !is_default_value(property, value)
    };
    let properties = column.to_properties().into_iter().skip(1);
    properties
        .filter(|(property, value)| is_shown(property, value))
        .collect()
}

fn changed_hints(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<HintChange> {
    let changed = new
        .iter()
        .filter(|(hint, value)| old.get(*hint) != Some(*value));
    let changed = changed.map(|(hint, value)| HintChange {
        hint: hint.clone(),
        old: old.get(hint).cloned(),
        new: Some(value.clone()),
    });
    let removed = old.iter().filter(|(hint, _)| !new.contains_key(*hint));
    let removed = removed.map(|(hint, value)| HintChange {
        hint: hint.clone(),
        old: Some(value.clone()),
        new: None,
    });
    changed.chain(removed).collect()
}

/// What becoming `new` means for values of `old`, whatever the destination.
fn type_effect(old: &Column, new: &Column) -> TypeEffect {
    use DataType::{Bigint, Bool, Date, Decimal, Double, Json, Text, Timestamp, Wei};
    use TypeEffect::{LosesData, MayFail, Widens};
    let (Some(from), Some(to)) = (old.data_type, new.data_type) else {
        return MayFail;
    };
    match (from, to) {
        (from, to) if from == to => digits_effect(old, new),
        (_, Text) | (Bool, Bigint) | (Bigint, Decimal | Wei) | (Wei, Decimal) => digits_effect(
            &Column {
                precision: None,
                scale: None,
                ..old.clone()
            },
            new,
        ),
        (Date, Timestamp) => Widens,
        (Bigint | Decimal | Wei, Double) | (Timestamp, Date) => LosesData,
        (Double | Decimal, Bigint | Wei | Decimal) => LosesData,
        (Json, _) | (_, Json) => MayFail,
        _ => MayFail,
    }
}

/// Fewer digits lose data; an absent precision is the largest.
fn digits_effect(old: &Column, new: &Column) -> TypeEffect {
    let shrinks = |old: Option<i64>, new: Option<i64>| match (old, new) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    };
    let whole = |column: &Column| Some(column.precision? - column.scale.unwrap_or(0));
    let is_smaller = shrinks(old.precision, new.precision)
        || shrinks(whole(old), whole(new))
        || (old.scale.is_some() && shrinks(old.scale, new.scale));
    if is_smaller {
        TypeEffect::LosesData
    } else {
        TypeEffect::Widens
    }
}

impl SchemaDiff {
    /// True when the schemas are equal in everything that people decide or destinations see.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.settings.is_empty()
    }

    /// Adds causes: `cause` is asked for every column that differs, by table and column.
    pub fn with_causes(mut self, cause: impl Fn(&str, &str) -> Option<Cause>) -> Self {
        for table in &mut self.tables {
            for column in &mut table.columns {
                column.cause = cause(&table.table, &column.column);
            }
        }
        self
    }

    /// The differences without tables for which `is_hidden` says so, for instance system tables.
    pub fn without_tables(mut self, is_hidden: impl Fn(&str) -> bool) -> Self {
        self.tables.retain(|table| !is_hidden(&table.table));
        self
    }

    /// Columns that are new in tables that are not, by table: what a migration adds.
    pub fn added_columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        let changed = self
            .tables
            .iter()
            .filter(|table| table.change == TableChange::Changed);
        changed.flat_map(|table| {
            table
                .columns
                .iter()
                .filter_map(|column| match &column.change {
                    ColumnChange::Added(added)
                    | ColumnChange::VariantAdded { column: added, .. } => {
                        Some((table.table.as_str(), added))
                    }
                    _ => None,
                })
        })
    }

    /// The differences for run documents and other programs.
    pub fn to_document(&self) -> Value {
        json!({
            "schema": self.schema,
            "old_version": self.old_version,
            "new_version": self.new_version,
            "tables": self.tables.iter().map(TableDiff::to_document).collect::<Vec<_>>(),
            "settings": hints_document(&self.settings),
        })
    }
}

impl TableDiff {
    fn to_document(&self) -> Value {
        let mut document = json!({"table": self.table});
        document["change"] = match &self.change {
            TableChange::Added { parent } => {
                if let Some(parent) = parent {
                    document["parent"] = parent.as_str().into();
                }
                "added".into()
            }
            TableChange::Changed => "changed".into(),
            TableChange::Removed => "removed".into(),
        };
        if !self.hints.is_empty() {
            document["hints"] = hints_document(&self.hints);
        }
        if !self.columns.is_empty() {
            document["columns"] = self.columns.iter().map(ColumnDiff::to_document).collect();
        }
        document
    }
}

impl ColumnDiff {
    fn to_document(&self) -> Value {
        let mut document = json!({"column": self.column});
        match &self.change {
            ColumnChange::Added(column) => {
                document["change"] = "added".into();
                document["properties"] = column.to_properties().into();
            }
            ColumnChange::VariantAdded { of, column } => {
                document["change"] = "variant_added".into();
                document["variant_of"] = of.as_str().into();
                document["properties"] = column.to_properties().into();
            }
            ColumnChange::Changed { data_type, hints } => {
                document["change"] = "changed".into();
                if let Some(change) = data_type {
                    document["type"] = json!({
                        "old": text::type_text(&change.old),
                        "new": text::type_text(&change.new),
                        "effect": change.effect.as_str(),
                    });
                }
                if !hints.is_empty() {
                    document["hints"] = hints_document(hints);
                }
            }
            ColumnChange::Removed => document["change"] = "removed".into(),
        }
        if let Some(cause) = &self.cause {
            document["cause"] = cause.to_document();
        }
        document
    }
}

impl TypeEffect {
    /// The word that stands for the effect.
    pub fn as_str(self) -> &'static str {
        match self {
            TypeEffect::Widens => "widens",
            TypeEffect::LosesData => "loses_data",
            TypeEffect::MayFail => "may_fail",
        }
    }
}

impl Cause {
    fn to_document(&self) -> Value {
        let known = [
            ("resource", &self.resource),
            ("json_path", &self.json_path),
            ("value_kind", &self.value_kind),
            ("load_id", &self.load_id),
        ];
        let known = known.into_iter().filter_map(|(key, value)| {
            value
                .as_ref()
                .map(|value| (key.to_owned(), Value::from(value.as_str())))
        });
        known.collect::<Map<_, _>>().into()
    }
}

/// Hint → old and new value.
fn hints_document(hints: &[HintChange]) -> Value {
    let hints = hints.iter().map(|change| {
        (
            change.hint.clone(),
            json!({"old": change.old, "new": change.new}),
        )
    });
    hints.collect::<Map<_, _>>().into()
}
