//! Columns and tables as the property maps that documents and hints are written in.
//!
//! The model types a few properties and keeps the others as they came. A typed property whose value has another form
//! (an explicit `null`, most often) is kept among the others too, so that a document leaves as it entered and keeps
//! its hash. Start with [`Column::set_property`].

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::{Column, DataType, Hints, Table};

/// Properties that are replaced as a whole when the hints of a resource bring new ones.
const COMPOUND_PROPERTIES: [&str; 5] = [
    "primary_key",
    "merge_key",
    "partition",
    "cluster",
    "incremental",
];

/// True when `property` names a set of columns rather than a fact about one (a key, for instance).
pub fn is_compound_property(property: &str) -> bool {
    COMPOUND_PROPERTIES.contains(&property)
}

/// True when `value` says of the column property `property` what its absence says.
pub fn is_default_value(property: &str, value: &Value) -> bool {
    match property {
        "name" | "data_type" | "precision" | "scale" => value.is_null(),
        "timezone" | "nullable" => value.is_null() || *value == Value::Bool(true),
        // `null` marks active records of scd2 with NULL.
        "x-active-record-timestamp" => false,
        _ => value.is_null() || *value == Value::Bool(false),
    }
}

impl Column {
    /// A column with the properties of a document or of hints.
    pub fn from_properties(name: impl Into<String>, properties: &Map<String, Value>) -> Self {
        let mut column = Column::incomplete(name);
        for (property, value) in properties
            .iter()
            .filter(|(property, _)| *property != "name")
        {
            column.set_property(property, value.clone());
        }
        column
    }

    /// All properties that are set, `name` first.
    pub fn to_properties(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        properties.insert("name".to_owned(), self.name.clone().into());
        for property in ["data_type", "nullable", "precision", "scale", "timezone"] {
            if let Some(value) = self.property(property) {
                properties.insert(property.to_owned(), value);
            }
        }
        for (property, value) in &self.hints {
            properties.insert(property.clone(), value.clone());
        }
        properties
    }

    /// Value of any property of the column, typed or not.
    pub fn property(&self, property: &str) -> Option<Value> {
        let typed = match property {
            "name" => Some(Value::from(self.name.as_str())),
            "data_type" => self.data_type.map(|data_type| data_type.as_str().into()),
            "nullable" => self.nullable.map(Value::Bool),
            "precision" => self.precision.map(Value::from),
            "scale" => self.scale.map(Value::from),
            "timezone" => self.timezone.map(Value::Bool),
            _ => None,
        };
        typed.or_else(|| self.hints.get(property).cloned())
    }

    /// Sets any property of the column but its name, replacing what was there.
    pub fn set_property(&mut self, property: &str, value: Value) {
        let is_typed = match property {
            "data_type" => set(&mut self.data_type, data_type(&value)),
            "nullable" => set(&mut self.nullable, value.as_bool()),
            "precision" => set(&mut self.precision, value.as_i64()),
            "scale" => set(&mut self.scale, value.as_i64()),
            "timezone" => set(&mut self.timezone, value.as_bool()),
            _ => false,
        };
        if is_typed {
            self.hints.shift_remove(property);
        } else {
            self.hints.insert(property.to_owned(), value);
        }
    }

    /// Removes a property, typed or not.
    pub fn remove_property(&mut self, property: &str) {
        match property {
            "data_type" => self.data_type = None,
            "nullable" => self.nullable = None,
            "precision" => self.precision = None,
            "scale" => self.scale = None,
            "timezone" => self.timezone = None,
            _ => {}
        }
        self.hints.shift_remove(property);
    }

    /// True when the column has `property` with a value other than its default.
    pub fn has_property(&self, property: &str) -> bool {
        match property {
            "name" | "data_type" | "nullable" | "precision" | "scale" | "timezone" => self
                .property(property)
                .is_some_and(|value| !is_default_value(property, &value)),
            hint => self
                .hints
                .get(hint)
                .is_some_and(|value| !is_default_value(hint, value)),
        }
    }

    /// Copies all properties of `other` but the name; what `other` does not say stays.
    pub fn merge(&mut self, other: &Column) {
        for (property, value) in other.to_properties().into_iter().skip(1) {
            self.set_property(&property, value);
        }
    }
}

/// Puts a value that has the right form and tells whether it had; a wrong form clears the place.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn data_type(value: &Value) -> Option<DataType> {
    match value.as_str()? {
        // The name of `json` before engine 10.
        "complex" => Some(DataType::Json),
        word => word.parse().ok(),
    }
}

impl Table {
    /// A table with the properties of a document; names inside `columns` give way to their keys.
    pub fn from_properties(name: impl Into<String>, properties: &Map<String, Value>) -> Self {
        let mut table = Table::new(name);
        for (property, value) in properties {
            match (property.as_str(), value) {
                ("name", _) => {}
                ("parent", Value::String(parent)) => table.parent = Some(parent.clone()),
                ("columns", Value::Object(columns)) => table.columns = columns_from(columns),
                _ => {
                    table.hints.insert(property.clone(), value.clone());
                }
            }
        }
        table
    }

    /// All properties that are set: `name`, `columns`, `parent`, then the others in their order.
    pub fn to_properties(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        properties.insert("name".to_owned(), self.name.clone().into());
        let columns = self
            .columns
            .iter()
            .map(|(name, c)| (name.clone(), c.to_properties().into()));
        properties.insert("columns".to_owned(), Value::Object(columns.collect()));
        if let Some(parent) = &self.parent {
            properties.insert("parent".to_owned(), parent.clone().into());
        }
        properties.extend(
            self.hints
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        properties
    }

    /// True when the rows of the table hang on rows of a parent table.
    pub fn is_nested(&self) -> bool {
        self.parent
            .as_deref()
            .is_some_and(|parent| !parent.is_empty())
    }

    /// Names of the columns that have `property` with a value other than its default, in schema order; incomplete
    /// columns too.
    pub fn columns_with_property(&self, property: &str) -> Vec<&str> {
        let columns = self
            .columns
            .values()
            .filter(|column| column.has_property(property));
        columns.map(|column| column.name.as_str()).collect()
    }

    /// Sets the mark `mark` in `x-normalizer`.
    pub fn set_normalizer_mark(&mut self, mark: &str, value: Value) {
        let marks = self
            .hints
            .entry("x-normalizer")
            .or_insert_with(|| Hints::new().into());
        match marks {
            Value::Object(marks) => {
                marks.insert(mark.to_owned(), value);
            }
            other => *other = Hints::from_iter([(mark.to_owned(), value)]).into(),
        }
    }

    /// Records that rows of this table have passed normalize: columns may no longer evolve freely, names are fixed.
    pub fn mark_seen_data(&mut self) {
        if let Some(Value::Object(marks)) = self.hints.get_mut("x-normalizer") {
            marks.shift_remove("evolve-columns-once");
            if marks.contains_key("seen-data") {
                return;
            }
        }
        self.set_normalizer_mark("seen-data", true.into());
    }
}

/// The object under `key`, made if it is not there.
pub(crate) fn object_at<'a>(
    map: &'a mut Map<String, Value>,
    key: &str,
) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        // Just made an object of everything else.
        _ => unreachable!("the value is an object"),
    }
}

fn columns_from(columns: &Map<String, Value>) -> IndexMap<String, Column> {
    let no_properties = Map::new();
    let column = |(name, properties): (&String, &Value)| {
        let properties = properties.as_object().unwrap_or(&no_properties);
        (name.clone(), Column::from_properties(name, properties))
    };
    columns.iter().map(column).collect()
}
