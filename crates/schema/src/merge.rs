//! Merging tables into a schema: the only way in which schemas grow.
//!
//! Columns are merged property by property, nothing is ever removed, and the order of columns is the order in which
//! they became complete; both loads and hashes depend on these rules, so they are dlt's to the letter
//! (spec/schema.md §1.2, spec/normalize.md §7.1). Start with [`Schema::update_table`].

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::properties::{is_compound_property, object_at};
use crate::{Column, Naming, NamingError, ROOT_ID, ROW_ID, Schema, SchemaError, Table};

/// What becomes of keys and other compound properties that a table has when new ones are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompoundProperties {
    /// New columns join the set.
    Join,
    /// New columns are the set.
    Replace,
}

impl Schema {
    /// Adds a table, or merges what data has brought into the table of the same name; identifiers must be normalized.
    ///
    /// Returns the part of `partial` that was new or different, `None` when the schema stays as it was.
    ///
    /// # Errors
    /// [`SchemaError::ParentNotFound`], [`SchemaError::TableConflict`], [`SchemaError::Contract`]; the schema is
    /// unchanged then.
    pub fn update_table(&mut self, partial: Table) -> Result<Option<Table>, SchemaError> {
        self.merge_partial(partial, CompoundProperties::Join)
    }

    /// As [`Schema::update_table`], for the hints of a resource: keys, partitions, clusters and incremental columns of
    /// `partial` replace those of the table as a whole, if there are any.
    ///
    /// # Errors
    /// As [`Schema::update_table`].
    pub fn update_table_hints(&mut self, partial: Table) -> Result<Option<Table>, SchemaError> {
        self.merge_partial(partial, CompoundProperties::Replace)
    }

    /// Checks that `partial` changes no type of a complete column, nor the parent of the table.
    ///
    /// # Errors
    /// [`SchemaError::TypeConflict`], [`SchemaError::TableConflict`].
    pub fn check_compatible(&self, partial: &Table) -> Result<(), SchemaError> {
        let Some(table) = self.tables.get(&partial.name) else {
            return Ok(());
        };
        self.check_parent(table, partial)?;
        for column in partial.columns.values() {
            let known = table
                .columns
                .get(&column.name)
                .and_then(|known| known.data_type);
            if let (Some(old), Some(new)) = (known, column.data_type)
                && old != new
            {
                return Err(SchemaError::TypeConflict {
                    schema: self.name.clone(),
                    table: table.name.clone(),
                    column: column.name.clone(),
                    old,
                    new,
                });
            }
        }
        Ok(())
    }

    /// Takes over settings, normalizers and tables of another state of the same source; root tables come before
    /// their children.
    ///
    /// # Errors
    /// As [`Schema::update_table`] and [`Schema::change_naming`].
    pub fn update_schema(&mut self, incoming: &Schema) -> Result<(), SchemaError> {
        let naming = incoming.naming(None)?;
        self.settings = incoming.settings.clone();
        self.change_normalizers(incoming.normalizers.clone())?;
        self.add_default_hints();
        let refused = |cause| SchemaError::Naming {
            schema: incoming.name.clone(),
            cause,
        };
        for root in incoming.tables.values().filter(|table| !table.is_nested()) {
            for name in incoming.chain(&root.name) {
                if let Some(table) = incoming.tables.get(name) {
                    self.update_table(table.normalized(&naming).map_err(refused)?)?;
                }
            }
        }
        Ok(())
    }

    /// Removes tables; a table and all tables below it must be named together.
    ///
    /// # Errors
    /// [`SchemaError::TableNotFound`], [`SchemaError::Orphaned`]; the schema is unchanged then.
    pub fn drop_tables(&mut self, names: &[&str]) -> Result<Vec<Table>, SchemaError> {
        for name in names {
            self.table(name)?;
            if let Some(orphan) = self
                .chain(name)
                .into_iter()
                .find(|table| !names.contains(table))
            {
                return Err(SchemaError::Orphaned {
                    schema: self.name.clone(),
                    table: (*name).to_owned(),
                    orphan: orphan.to_owned(),
                });
            }
        }
        Ok(names
            .iter()
            .filter_map(|name| self.drop_table(name))
            .collect())
    }

    fn drop_table(&mut self, name: &str) -> Option<Table> {
        let json = self.normalizers.get_mut("json");
        let config = json.and_then(|json| json.get_mut("config"));
        let propagation = config.and_then(|config| config.get_mut("propagation"));
        let tables = propagation.and_then(|propagation| propagation.get_mut("tables"));
        if let Some(tables) = tables.and_then(Value::as_object_mut) {
            tables.shift_remove(name);
        }
        self.tables.shift_remove(name)
    }

    fn merge_partial(
        &mut self,
        partial: Table,
        compound: CompoundProperties,
    ) -> Result<Option<Table>, SchemaError> {
        if let Some(parent) = &partial.parent
            && !self.tables.contains_key(parent)
        {
            return Err(SchemaError::ParentNotFound {
                schema: self.name.clone(),
                table: partial.name.clone(),
                parent: parent.clone(),
            });
        }
        self.check_contracts([&partial])?;
        let name = partial.name.clone();
        if let Some(table) = self.tables.get(&name) {
            self.check_parent(table, &partial)?;
            self.check_resource(table, &partial)?;
        }
        let (is_new, applied) = match self.tables.get_mut(&name) {
            Some(table) => (false, merge_table(table, &partial, compound)),
            None => {
                self.tables.insert(name.clone(), partial.clone());
                (true, Some(partial))
            }
        };
        // Plain columns decide nothing about root keys, and a wide table brings thousands of them one by one.
        if applied
            .as_ref()
            .is_some_and(|applied| is_new || may_need_root_key(applied))
        {
            self.propagate_root_key(&name);
        }
        Ok(applied)
    }

    fn check_parent(&self, table: &Table, partial: &Table) -> Result<(), SchemaError> {
        if table.parent == partial.parent {
            return Ok(());
        }
        let text = |parent: &Option<String>| parent.clone().unwrap_or_else(|| "none".to_owned());
        Err(SchemaError::TableConflict {
            schema: self.name.clone(),
            table: table.name.clone(),
            property: "parent",
            old: text(&table.parent),
            new: text(&partial.parent),
        })
    }

    /// A nested table belongs to the resource of its root table and to no other.
    fn check_resource(&self, table: &Table, partial: &Table) -> Result<(), SchemaError> {
        match partial.text_hint("resource") {
            Some(resource) if table.is_nested() && !resource.is_empty() => {
                Err(SchemaError::TableConflict {
                    schema: self.name.clone(),
                    table: table.name.clone(),
                    property: "resource",
                    old: table.parent.clone().unwrap_or_default(),
                    new: resource.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Records for all chains that children carry the id of their root row, where something needs it.
    pub fn propagate_root_keys(&mut self) {
        let roots = self.tables.values().filter(|table| !table.is_nested());
        let roots: Vec<String> = roots.map(|table| table.name.clone()).collect();
        roots.iter().for_each(|root| self.propagate_root_key(root));
    }

    /// Records for the chain of `table` that children carry the id of their root row, if something needs it.
    fn propagate_root_key(&mut self, table: &str) {
        let root = self.root_of(table).to_owned();
        if !self.needs_root_key(&root) {
            return;
        }
        let row_id = self.tables.get(&root).and_then(|root| {
            root.columns_with_property("row_key")
                .first()
                .map(|name| (*name).to_owned())
        });
        let row_id = row_id.unwrap_or_else(|| ROW_ID.to_owned());
        let tables = Map::from_iter([(root, json!({row_id: ROOT_ID}))]);
        merge_objects(
            self.normalizer_config_mut(),
            json!({"propagation": {"tables": tables}}),
        );
    }

    fn needs_root_key(&self, root: &str) -> bool {
        let is_chosen = self
            .normalizer_config("root_key_propagation")
            .and_then(Value::as_bool);
        let is_merged = !self.is_system(root)
            && is_chosen.unwrap_or_else(|| {
                self.merge_strategy(root)
                    .is_some_and(|strategy| strategy != "scd2")
            });
        is_merged
            || self
                .chain(root)
                .into_iter()
                .filter_map(|name| self.tables.get(name))
                .any(|table| {
                    table
                        .columns
                        .values()
                        .any(|column| column.has_property("root_key"))
                })
    }

    fn normalizer_config_mut(&mut self) -> &mut Map<String, Value> {
        let json = object_at(&mut self.normalizers, "json");
        object_at(json, "config")
    }
}

/// Copies `source` over `target`, going into objects that both have.
fn merge_objects(target: &mut Map<String, Value>, source: Value) {
    let Value::Object(source) = source else {
        return;
    };
    for (key, value) in source {
        match (target.get_mut(&key), value) {
            (Some(Value::Object(inner)), value @ Value::Object(_)) => merge_objects(inner, value),
            (_, value) => {
                target.insert(key, value);
            }
        }
    }
}

/// True for changes of a table that could make its chain need root keys.
fn may_need_root_key(applied: &Table) -> bool {
    let is_key = |column: &Column| column.has("root_key") || column.has("row_key");
    !applied.hints.is_empty() || applied.columns.values().any(is_key)
}

/// Merges in place and returns what is new or different.
fn merge_table(table: &mut Table, partial: &Table, compound: CompoundProperties) -> Option<Table> {
    let mut applied = Table {
        parent: table.parent.clone(),
        ..Table::new(&table.name)
    };
    applied.columns = merge_columns(&mut table.columns, &partial.columns, compound);
    for (hint, value) in &partial.hints {
        let merged = match hint.as_str() {
            "references" => merged_references(table.hints.get(hint), value),
            _ => Some(value.clone()),
        };
        if let Some(merged) = merged.filter(|merged| table.hints.get(hint) != Some(merged)) {
            table.hints.insert(hint.clone(), merged.clone());
            applied.hints.insert(hint.clone(), merged);
        }
    }
    let is_empty = applied.columns.is_empty() && applied.hints.is_empty();
    (!is_empty).then_some(applied)
}

/// Merges in place and returns the columns that are new or different.
fn merge_columns(
    columns: &mut IndexMap<String, Column>,
    partial: &IndexMap<String, Column>,
    compound: CompoundProperties,
) -> IndexMap<String, Column> {
    let mut before: IndexMap<String, Option<Column>> = match compound {
        CompoundProperties::Join => IndexMap::new(),
        CompoundProperties::Replace => remove_replaced(columns, partial),
    };
    for (name, column) in partial {
        let known = columns.get(name).cloned();
        let is_completed =
            column.is_complete() && known.as_ref().is_some_and(|known| !known.is_complete());
        if is_completed {
            // A column that becomes complete takes its place at the end, as if it were new.
            columns.shift_remove(name);
        }
        let mut merged = known.clone().unwrap_or_else(|| Column::incomplete(name));
        merged.merge(column);
        columns.insert(name.clone(), merged);
        before.entry(name.clone()).or_insert(known);
    }
    let changed = before.into_iter().filter_map(|(name, old)| {
        let column = columns
            .get(&name)
            .filter(|column| old.as_ref() != Some(*column))?;
        Some((name, column.clone()))
    });
    changed.collect()
}

/// Takes the compound properties that `partial` sets away from all columns; returns the columns that had them.
fn remove_replaced(
    columns: &mut IndexMap<String, Column>,
    partial: &IndexMap<String, Column>,
) -> IndexMap<String, Option<Column>> {
    let is_set =
        |column: &Column, hint: &str| is_compound_property(hint) && column.has_property(hint);
    let replaced: HashSet<&String> = partial
        .values()
        .flat_map(|column| column.hints.keys().filter(|hint| is_set(column, hint)))
        .collect();
    let mut before = IndexMap::new();
    for column in columns.values_mut() {
        if column.hints.keys().any(|hint| replaced.contains(hint)) {
            before.insert(column.name.clone(), Some(column.clone()));
            column.hints.retain(|hint, _| !replaced.contains(hint));
        }
    }
    before
}

/// Adds references to tables that are not referenced yet, and replaces those that name other columns; `None` when
/// there are none.
fn merged_references(known: Option<&Value>, new: &Value) -> Option<Value> {
    let referenced = |reference: &Value| reference["referenced_table"].as_str().map(str::to_owned);
    let known = known.and_then(Value::as_array).into_iter().flatten();
    let known: IndexMap<Option<String>, &Value> = known
        .map(|reference| (referenced(reference), reference))
        .collect();
    // Compared with what was there before, so that of two new references to one table the last stays.
    let is_new = |reference: &&Value| {
        let known = known.get(&referenced(reference));
        known.is_none_or(|known| column_pairs(known) != column_pairs(reference))
    };
    let new: Vec<&Value> = new
        .as_array()
        .into_iter()
        .flatten()
        .filter(is_new)
        .collect();
    if new.is_empty() {
        return None;
    }
    let mut merged = known.clone();
    merged.extend(
        new.into_iter()
            .map(|reference| (referenced(reference), reference)),
    );
    Some(merged.into_values().cloned().collect())
}

/// Column → referenced column, whatever the order.
fn column_pairs(reference: &Value) -> Map<String, Value> {
    let texts = |key: &str| reference[key].as_array().cloned().unwrap_or_default();
    let columns = texts("columns")
        .into_iter()
        .filter_map(|c| c.as_str().map(str::to_owned));
    columns.zip(texts("referenced_columns")).collect()
}

/// What `new` has that `old` has not: new columns, columns with changed properties, changed hints; `None` if nothing.
pub fn diff_table(old: &Table, new: &Table) -> Option<Table> {
    let mut diff = Table {
        parent: new.parent.clone(),
        ..Table::new(&new.name)
    };
    let is_changed = |(name, column): &(&String, &Column)| old.columns.get(*name) != Some(*column);
    let columns = new.columns.iter().filter(is_changed);
    diff.columns = columns
        .map(|(name, column)| (name.clone(), column.clone()))
        .collect();
    let hints = new
        .hints
        .iter()
        .filter(|(hint, value)| old.hints.get(*hint) != Some(*value));
    diff.hints = hints
        .map(|(hint, value)| (hint.clone(), value.clone()))
        .collect();
    let is_empty = diff.columns.is_empty() && diff.hints.is_empty() && old.parent == new.parent;
    (!is_empty).then_some(diff)
}

impl Table {
    /// The table with all its identifiers normalized; columns whose names become equal are merged.
    ///
    /// # Errors
    /// [`NamingError::Blank`] for a name without text.
    pub fn normalized(&self, naming: &Naming) -> Result<Table, NamingError> {
        let mut table = Table {
            name: naming.table_path(&self.name)?,
            parent: self
                .parent
                .as_deref()
                .map(|parent| naming.table_path(parent))
                .transpose()?,
            columns: IndexMap::with_capacity(self.columns.len()),
            hints: self.hints.clone(),
        };
        for column in self.columns.values() {
            let name = naming.path(&column.name)?;
            match table.columns.get_mut(&name) {
                Some(other) => merge_without_defaults(other, column),
                None => {
                    table.columns.insert(
                        name.clone(),
                        Column {
                            name,
                            ..column.clone()
                        },
                    );
                }
            }
        }
        if let Some(references) = self.hints.get("references").and_then(Value::as_array) {
            let references = normalized_references(references, naming)?;
            table.hints.insert("references".to_owned(), references);
        }
        Ok(table)
    }
}

fn merge_without_defaults(column: &mut Column, other: &Column) {
    for (property, value) in other.to_properties().into_iter().skip(1) {
        if !crate::properties::is_default_value(&property, &value) {
            column.set_property(&property, value);
        }
    }
}

/// Normalizes references; of several to one table the last stays.
fn normalized_references(references: &[Value], naming: &Naming) -> Result<Value, NamingError> {
    let mut by_table: IndexMap<String, Value> = IndexMap::new();
    for reference in references {
        let mut reference = reference.clone();
        let referenced = reference["referenced_table"].as_str().unwrap_or_default();
        let referenced = naming.table_path(referenced)?;
        for key in ["columns", "referenced_columns"] {
            let Some(columns) = reference.get_mut(key).and_then(Value::as_array_mut) else {
                continue;
            };
            for column in columns {
                *column = naming.path(column.as_str().unwrap_or_default())?.into();
            }
        }
        if let Some(properties) = reference.as_object_mut() {
            properties.insert("referenced_table".to_owned(), referenced.clone().into());
            by_table.insert(referenced, reference);
        }
    }
    Ok(by_table.into_values().collect())
}
