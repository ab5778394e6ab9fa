//! Changing the naming convention or the normalizers of a schema that exists.
//!
//! A convention that would rename what has been loaded is refused, because the destination keeps the old names and
//! would get new tables beside them (spec/schema.md §2, seen-data). Start with [`Schema::change_naming`].

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    Hints, Naming, NamingError, Schema, SchemaError, Table, loads_table, state_table, version_table,
};

/// Settings that stay when new normalizers do not mention them.
const KEPT: [&str; 2] = [
    "use_break_path_on_normalize",
    "allow_identifier_change_on_table_with_data",
];

impl Schema {
    /// Renames everything in the schema under the convention called `names`.
    ///
    /// # Errors
    /// [`SchemaError::IdentifiersFrozen`] when tables have data and the change is not allowed;
    /// [`SchemaError::Naming`]. The schema is unchanged then.
    pub fn change_naming(&mut self, names: &str) -> Result<(), SchemaError> {
        let mut normalizers = self.normalizers.clone();
        normalizers.insert("names".to_owned(), names.into());
        self.change_normalizers(normalizers)
    }

    /// Takes over normalizers, with the default hints and root keys that they bring.
    pub(crate) fn change_normalizers(&mut self, mut normalizers: Hints) -> Result<(), SchemaError> {
        for key in KEPT {
            if let (Some(value), false) = (self.normalizers.get(key), normalizers.contains_key(key))
            {
                normalizers.insert(key.to_owned(), value.clone());
            }
        }
        let mut changed = Schema {
            normalizers,
            ..self.clone()
        };
        let (from, to) = (self.naming(None)?, changed.naming(None)?);
        if from.kind() != to.kind() {
            changed.tables = self.renamed_tables(&changed, &from, &to)?;
        }
        changed
            .normalize_settings(&to)
            .map_err(|cause| self.refused(cause))?;
        changed.add_default_hints();
        *self = changed;
        Ok(())
    }

    fn refused(&self, cause: NamingError) -> SchemaError {
        SchemaError::Naming {
            schema: self.name.clone(),
            cause,
        }
    }

    fn renamed_tables(
        &self,
        changed: &Schema,
        from: &Naming,
        to: &Naming,
    ) -> Result<IndexMap<String, Table>, SchemaError> {
        let is_allowed = changed
            .normalizers
            .get("allow_identifier_change_on_table_with_data");
        let is_allowed = is_allowed.and_then(Value::as_bool).unwrap_or(false);
        let frozen = |table: &str, problem: String| SchemaError::IdentifiersFrozen {
            schema: self.name.clone(),
            table: table.to_owned(),
            from: from.kind(),
            to: to.kind(),
            problem,
        };
        let mut tables = IndexMap::new();
        for table in self.originals()? {
            let renamed = table.normalized(to).map_err(|cause| self.refused(cause))?;
            if table.has_seen_data()
                && !is_allowed
                && let Some(problem) = renaming(&table, &renamed)
            {
                return Err(frozen(&table.name, problem));
            }
            tables.insert(renamed.name.clone(), renamed);
        }
        if !is_allowed && self.tables.values().any(Table::has_seen_data) {
            // Names that stay could still have been made from other source names.
            return Err(frozen(
                "-",
                "the names of the source are not known any more".to_owned(),
            ));
        }
        Ok(tables)
    }

    /// Tables as they are, system tables with the columns that they had before normalization and ahead of the others.
    fn originals(&self) -> Result<Vec<Table>, SchemaError> {
        let names = self.system_tables(None)?;
        let mut state = state_table();
        state
            .columns
            .extend(self.tables.get(&names.state).and_then(|table| {
                table
                    .columns
                    .get_key_value(crate::ROW_ID)
                    .map(|(name, id)| (name.clone(), id.clone()))
            }));
        let originals = [
            (names.version, version_table()),
            (names.loads, loads_table()),
            (names.state, state),
        ];
        let mut tables = Vec::new();
        for (name, original) in originals {
            if let Some(table) = self.tables.get(&name) {
                tables.push(Table {
                    columns: original.columns,
                    ..table.clone()
                });
            }
        }
        tables.extend(
            self.tables
                .values()
                .filter(|table| !self.is_system(&table.name))
                .cloned(),
        );
        Ok(tables)
    }

    /// Normalizes exact names and simple expressions of the settings.
    fn normalize_settings(&mut self, naming: &Naming) -> Result<(), NamingError> {
        for patterns in self
            .settings
            .default_hints
            .iter_mut()
            .flat_map(IndexMap::values_mut)
        {
            for pattern in patterns {
                *pattern = normalize_pattern(pattern, naming)?;
            }
        }
        if let Some(types) = self.settings.preferred_types.take() {
            let types = types.into_iter();
            let types: Result<IndexMap<_, _>, NamingError> = types
                .map(|(pattern, word)| Ok((normalize_pattern(&pattern, naming)?, word)))
                .collect();
            self.settings.preferred_types = Some(types?);
        }
        Ok(())
    }
}

/// What would be renamed in a table, as text.
fn renaming(table: &Table, renamed: &Table) -> Option<String> {
    if table.name != renamed.name {
        return Some(format!("the table would be renamed to `{}`", renamed.name));
    }
    let old: BTreeSet<&String> = table.columns.keys().collect();
    let new: BTreeSet<&String> = renamed.columns.keys().collect();
    let changed: Vec<&str> = old
        .symmetric_difference(&new)
        .map(|name| name.as_str())
        .collect();
    (!changed.is_empty()).then(|| format!("columns would be renamed: {}", changed.join(", ")))
}

/// Normalizes a pattern of column names if it is a name, or an expression that is nothing but a name.
///
/// # Errors
/// Those of [`Naming::path`].
pub fn normalize_pattern(pattern: &str, naming: &Naming) -> Result<String, NamingError> {
    let (prefix, rest) = match pattern.strip_prefix("re:") {
        Some(expression) => ("re:", expression),
        None => ("", pattern),
    };
    let anchored = rest
        .strip_prefix('^')
        .and_then(|rest| rest.strip_suffix('$'));
    let name = anchored.unwrap_or(rest);
    if !is_plain(name) {
        return Ok(pattern.to_owned());
    }
    let name = naming.path(name)?;
    Ok(match anchored {
        Some(_) => format!("{prefix}^{name}$"),
        None => format!("{prefix}{name}"),
    })
}

/// True when a regular expression means its own text.
fn is_plain(expression: &str) -> bool {
    // The characters that Python escapes: those with a meaning, and white space.
    !expression.contains(|c: char| "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c))
}
