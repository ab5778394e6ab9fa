//! Questions to a schema: tables of a chain, inherited properties, hints of new columns.
//!
//! Patterns of the settings are compiled once into [`HintRules`], which the caller keeps for as long as the settings
//! do not change; the schema itself stays a plain value. Start with [`Schema::chain`] and [`Schema::hint_rules`].

use std::collections::{HashMap, HashSet};

use regex::Regex;
use serde_json::Value;

use crate::{
    DataType, Hints, LOADS_TABLE, Naming, STATE_TABLE, Schema, SchemaError, Table, VERSION_TABLE,
};

/// Names of the system tables under the naming convention of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemTables {
    /// Table of the schema versions.
    pub version: String,
    /// Table of the completed loads.
    pub loads: String,
    /// Table of the pipeline states.
    pub state: String,
}

impl Schema {
    /// The naming convention of the schema with the length limit of a destination.
    ///
    /// # Errors
    /// [`SchemaError::Naming`].
    pub fn naming(&self, max_length: Option<usize>) -> Result<Naming, SchemaError> {
        let name = self
            .normalizers
            .get("names")
            .and_then(Value::as_str)
            .unwrap_or("snake_case");
        Naming::from_name(name, max_length).map_err(|cause| SchemaError::Naming {
            schema: self.name.clone(),
            cause,
        })
    }

    /// Names of the system tables.
    ///
    /// # Errors
    /// [`SchemaError::Naming`].
    pub fn system_tables(&self, max_length: Option<usize>) -> Result<SystemTables, SchemaError> {
        let naming = self.naming(max_length)?;
        let name = |table: &str| {
            let refused = |cause| SchemaError::Naming {
                schema: self.name.clone(),
                cause,
            };
            naming.table_identifier(table).map_err(refused)
        };
        Ok(SystemTables {
            version: name(VERSION_TABLE)?,
            loads: name(LOADS_TABLE)?,
            state: name(STATE_TABLE)?,
        })
    }

    /// True for names of system tables and columns, which no contract and no filter touches.
    pub fn is_system(&self, name: &str) -> bool {
        let prefix = self
            .naming(None)
            .map_or(crate::SYSTEM_PREFIX, |naming| naming.system_prefix());
        name.starts_with(prefix)
    }

    /// The table called `name`.
    ///
    /// # Errors
    /// [`SchemaError::TableNotFound`].
    pub fn table(&self, name: &str) -> Result<&Table, SchemaError> {
        self.tables
            .get(name)
            .ok_or_else(|| SchemaError::TableNotFound {
                schema: self.name.clone(),
                table: name.to_owned(),
            })
    }

    /// Tables that hold data, in order of creation; without incomplete ones, that is tables without complete columns.
    pub fn data_tables(&self) -> impl Iterator<Item = &Table> {
        let tables = self
            .tables
            .values()
            .filter(|table| !self.is_system(&table.name));
        tables.filter(|table| table.complete_columns().next().is_some())
    }

    /// True when the table is not there, or has no complete column yet.
    pub fn is_new_table(&self, table: &str) -> bool {
        self.tables
            .get(table)
            .is_none_or(|table| table.complete_columns().next().is_none())
    }

    /// Name of the root table above `table`; the name itself for root tables and unknown ones.
    pub fn root_of<'a>(&'a self, table: &'a str) -> &'a str {
        self.ancestors(table)
            .last()
            .map_or(table, |root| &root.name)
    }

    /// The table itself, its parent, and so on up to the root table; empty for an unknown table.
    pub fn ancestors<'a>(&'a self, table: &str) -> impl Iterator<Item = &'a Table> + use<'a> {
        let parent = |table: &&'a Table| {
            self.tables.get(
                table
                    .parent
                    .as_deref()
                    .filter(|parent| !parent.is_empty())?,
            )
        };
        // A document may claim that a table is its own ancestor; no chain is longer than the schema.
        std::iter::successors(self.tables.get(table), parent).take(self.tables.len())
    }

    /// The table itself and all tables below it, each right after its parent's turn: depth first, siblings in order of
    /// creation; empty for an unknown table.
    pub fn chain<'a>(&'a self, table: &str) -> Vec<&'a str> {
        let Some(first) = self.tables.get(table) else {
            return Vec::new();
        };
        let mut children: HashMap<&str, Vec<&Table>> = HashMap::new();
        for child in self.tables.values() {
            if let Some(parent) = child.parent.as_deref().filter(|_| child.is_nested()) {
                children.entry(parent).or_default().push(child);
            }
        }
        let (mut chain, mut waiting) = (Vec::new(), vec![first]);
        let mut seen = HashSet::new();
        while let Some(table) = waiting.pop() {
            if seen.insert(table.name.as_str()) {
                chain.push(table.name.as_str());
                let below = children.get(table.name.as_str());
                waiting.extend(below.into_iter().flatten().rev());
            }
        }
        chain
    }

    /// Property `key` of the table, or of the nearest table above that has it.
    pub fn inherited(&self, table: &str, key: &str) -> Option<&Value> {
        self.ancestors(table).find_map(|table| table.hints.get(key))
    }

    /// Write disposition of the chain; `append` when nothing says otherwise.
    pub fn write_disposition(&self, table: &str) -> &str {
        self.inherited(table, "write_disposition")
            .and_then(Value::as_str)
            .unwrap_or("append")
    }

    /// Merge strategy of a chain whose write disposition is `merge`; `delete-insert` when nothing says otherwise.
    pub fn merge_strategy(&self, table: &str) -> Option<&str> {
        if self.write_disposition(table) != "merge" {
            return None;
        }
        let strategy = self
            .inherited(table, "x-merge-strategy")
            .and_then(Value::as_str);
        Some(strategy.unwrap_or("delete-insert"))
    }

    /// Value of `key` in the configuration of the JSON normalizer.
    pub fn normalizer_config(&self, key: &str) -> Option<&Value> {
        self.normalizers.get("json")?.get("config")?.get(key)
    }

    /// True when keys of the data are paths: split at the separator before they are normalized.
    pub fn breaks_paths(&self) -> bool {
        let setting = self.normalizers.get("use_break_path_on_normalize");
        setting.and_then(Value::as_bool).unwrap_or(true)
    }

    /// Levels of nesting that are dissolved in rows of the root table `table`.
    pub fn max_nesting(&self, table: &str) -> i64 {
        const UNLIMITED: i64 = 1000;
        let own = self
            .tables
            .get(table)
            .and_then(|table| table.normalizer_mark("max_nesting"));
        let own = own.and_then(Value::as_i64);
        own.or_else(|| self.normalizer_config("max_nesting")?.as_i64())
            .unwrap_or(UNLIMITED)
    }

    /// Columns that rows of `table` hand down to all rows below: column → column of the rows below.
    pub fn propagated_columns(&self, table: &str) -> Vec<(&str, &str)> {
        let propagation = self.normalizer_config("propagation");
        let root = propagation
            .filter(|_| self.root_of(table) == table)
            .and_then(|p| p.get("root"));
        let own = propagation.and_then(|p| p.get("tables")?.get(table));
        let mut columns: Vec<(&str, &str)> = Vec::new();
        for (from, to) in [root, own]
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flatten()
        {
            let Some(to) = to.as_str() else { continue };
            match columns.iter_mut().find(|(known, _)| known == from) {
                Some(known) => known.1 = to,
                None => columns.push((from, to)),
            }
        }
        columns
    }

    /// Filters of the tables that have any, compiled.
    ///
    /// # Errors
    /// [`SchemaError::Pattern`].
    pub fn filters(&self) -> Result<HashMap<&str, RowFilter>, SchemaError> {
        let tables = self
            .tables
            .values()
            .filter(|table| table.hints.contains_key("filters"));
        tables
            .map(|table| Ok((table.name.as_str(), self.filter(table)?)))
            .collect()
    }

    fn filter(&self, table: &Table) -> Result<RowFilter, SchemaError> {
        let patterns = |group: &str| -> Result<Vec<Pattern>, SchemaError> {
            let list = table
                .hints
                .get("filters")
                .and_then(|filters| filters.get(group));
            let list = list.and_then(Value::as_array).into_iter().flatten();
            let place = format!("`filters` of table `{}`", table.name);
            list.filter_map(Value::as_str)
                .map(|p| Pattern::new(p, &place, &self.name))
                .collect()
        };
        Ok(RowFilter {
            excludes: patterns("excludes")?,
            includes: patterns("includes")?,
        })
    }

    /// Compiles the rules by which new columns get types and hints.
    ///
    /// # Errors
    /// [`SchemaError::Pattern`] names the setting.
    pub fn hint_rules(&self) -> Result<HintRules, SchemaError> {
        let mut rules = HintRules {
            types: Vec::new(),
            hints: Vec::new(),
        };
        for (pattern, word) in self.settings.preferred_types.iter().flatten() {
            let place = "`preferred_types`";
            let data_type = word.parse().map_err(|problem: crate::UnknownDataType| {
                refused(pattern, place, &self.name, problem.to_string())
            })?;
            rules
                .types
                .push((Pattern::new(pattern, place, &self.name)?, data_type));
        }
        for (hint, patterns) in self.settings.default_hints.iter().flatten() {
            let place = format!("`default_hints.{hint}`");
            let patterns = patterns.iter().map(|p| Pattern::new(p, &place, &self.name));
            rules
                .hints
                .push((hint.clone(), patterns.collect::<Result<_, _>>()?));
        }
        Ok(rules)
    }
}

/// A pattern of the settings: an exact name, or a regular expression after `re:` that may match anywhere.
#[derive(Debug, Clone)]
pub struct Pattern(PatternKind);

#[derive(Debug, Clone)]
enum PatternKind {
    Exact(String),
    Expression(Regex),
}

impl Pattern {
    fn new(pattern: &str, place: &str, schema: &str) -> Result<Self, SchemaError> {
        let Some(expression) = pattern.strip_prefix("re:") else {
            return Ok(Pattern(PatternKind::Exact(pattern.to_owned())));
        };
        let expression = Regex::new(expression)
            .map_err(|problem| refused(pattern, place, schema, problem.to_string()))?;
        Ok(Pattern(PatternKind::Expression(expression)))
    }

    /// True when the pattern means `name`.
    pub fn matches(&self, name: &str) -> bool {
        match &self.0 {
            PatternKind::Exact(exact) => exact == name,
            PatternKind::Expression(expression) => expression.is_match(name),
        }
    }
}

fn refused(pattern: &str, place: &str, schema: &str, problem: String) -> SchemaError {
    SchemaError::Pattern {
        schema: schema.to_owned(),
        place: place.to_owned(),
        pattern: pattern.to_owned(),
        problem,
    }
}

/// Which fields and rows of a table are left out before inference.
#[derive(Debug, Clone)]
pub struct RowFilter {
    excludes: Vec<Pattern>,
    includes: Vec<Pattern>,
}

impl RowFilter {
    /// True when the path below the table is excluded and not included again.
    pub fn is_excluded(&self, path: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(path));
        any(&self.excludes) && !any(&self.includes)
    }
}

/// Compiled rules by which new columns get types and hints.
#[derive(Debug, Clone)]
pub struct HintRules {
    types: Vec<(Pattern, DataType)>,
    hints: Vec<(String, Vec<Pattern>)>,
}

impl HintRules {
    /// Type that the settings want for a column of this name; the first matching pattern decides.
    pub fn preferred_type(&self, column: &str) -> Option<DataType> {
        let matching = self
            .types
            .iter()
            .find(|(pattern, _)| pattern.matches(column));
        matching.map(|(_, data_type)| *data_type)
    }

    /// True when a new column of this name gets the hint `hint`.
    pub fn has_hint(&self, hint: &str, column: &str) -> bool {
        let rule = self.hints.iter().find(|(known, _)| known == hint);
        rule.is_some_and(|(_, patterns)| patterns.iter().any(|pattern| pattern.matches(column)))
    }

    /// Column properties that a new column of this name gets besides `nullable`, in the order of the settings.
    ///
    /// Ask [`HintRules::has_hint`] with `not_null` for nullability.
    pub fn default_hints_for(&self, column: &str) -> Hints {
        let matching = self.hints.iter().filter(|(hint, patterns)| {
            hint != "not_null" && patterns.iter().any(|pattern| pattern.matches(column))
        });
        // A set flag that says what its absence says (`nullable: true`) is not written.
        let matching = matching.filter(|(hint, _)| hint != "nullable");
        matching
            .map(|(hint, _)| (hint.clone(), Value::Bool(true)))
            .collect()
    }
}
