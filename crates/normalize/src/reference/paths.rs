//! What each key of the data stands for, found once and kept.
//!
//! A key at a position of an item (a *node*) leads to a column, to a deeper node, or to a list and hence a child table.
//! Normalizing and joining names for each value would cost more than all the rest, and hostile items have a new key in
//! every record, so each raw key is looked at once. Columns of one table are *slots*: they exist as soon as a key was
//! seen, whether the schema has the column or not. Start with [`Paths::key`].

use std::collections::HashMap;
use std::sync::Arc;

use ahash::AHashMap;
use tipple_schema::{
    Column, DataType, HintRules, Naming, NamingError, RowFilter, Schema, SchemaError,
};

use crate::builders::ColumnType;
use crate::error::{NormalizeError, RowError};
use crate::rules::TypeCaps;

/// Name of a column whose key is blank.
const BLANK_KEY: &str = "_empty";

/// Index that stands for nothing.
pub const NONE: u32 = u32::MAX;

/// A complete column of the schema, as far as rows need it.
#[derive(Debug, Clone, Copy)]
pub struct SlotColumn {
    /// Form of the values.
    pub column_type: ColumnType,
    /// False when null is an error.
    pub is_nullable: bool,
}

/// A place for a value in rows of one table.
#[derive(Debug)]
pub struct Slot {
    /// Name of the column.
    pub name: String,
    /// The column, once the schema has it complete.
    pub column: Option<SlotColumn>,
    /// Type that the settings want for a column of this name.
    pub preferred: Option<DataType>,
    /// True when the settings say that a column of this name is not nullable.
    pub is_not_null: bool,
    /// True when a filter of the schema takes the field out of every row.
    pub is_excluded: bool,
    /// Last row that had the slot, and the place of the value in that row.
    pub met: (u64, u32),
    /// Where the column was when it was last written.
    pub builder_hint: u32,
    /// True when a row had null here.
    pub was_null: bool,
    /// Variant slots by kind of value.
    pub(super) variants: Vec<(DataType, u32)>,
    /// Node and key where the slot was first met.
    origin: Option<(u32, Box<str>)>,
}

/// One table.
#[derive(Debug)]
pub struct TableState {
    /// Normalized name.
    pub name: String,
    /// Fields met so far.
    pub slots: Vec<Slot>,
    by_name: AHashMap<String, u32>,
    /// Slots of the system columns.
    pub system: SystemSlots,
}

/// Slots of the system columns of a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSlots {
    /// `_dlt_load_id`
    pub load_id: u32,
    /// `_dlt_id`
    pub row_id: u32,
    /// `_dlt_parent_id`
    pub parent_id: u32,
    /// `_dlt_list_idx`
    pub list_index: u32,
    /// `value`, for elements of lists that are no objects
    pub value: u32,
}

impl TableState {
    /// Slot of the column `name`.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// A slot.
    pub fn slot(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }

    /// A slot to change.
    pub fn slot_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }
}

/// Rows of one table reached by one path: what a list (or a resource) leads to.
#[derive(Debug)]
pub(super) struct RowPlace {
    /// Path of the table, neither cut nor shortened.
    path: String,
    pub(super) table: u32,
    /// Node of the row itself.
    pub(super) node: u32,
}

/// A position inside of a row at which keys are found.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: u32,
    /// Normalized path below the row, joined; empty for the row itself.
    path: String,
    /// Path in the data from the item down.
    json_path: String,
    keys: AHashMap<Arc<str>, u32>,
    /// Lists by normalized key.
    lists: AHashMap<String, u32>,
    /// Nodes of objects by normalized key.
    children: AHashMap<String, u32>,
}

/// What a key at a node stands for.
#[derive(Debug)]
pub struct Key {
    /// Node of the key.
    pub(super) node: u32,
    /// As in the data.
    pub(super) name: Arc<str>,
    /// Slot of the value.
    pub slot: u32,
    /// Node of the members when the value is an object; [`NONE`] until there was one.
    pub(super) child: u32,
    /// The list when the value is one; [`NONE`] until there was one.
    pub(super) list: u32,
}

/// A list at a node.
#[derive(Debug)]
pub struct ListEntry {
    /// Where its elements go.
    pub place: u32,
    /// Last row that had the list, and the place of the list in that row.
    pub met: (u64, u32),
}

/// Normalized names of system columns.
#[derive(Debug, Clone)]
pub struct SystemNames {
    /// `_dlt_load_id`
    pub load_id: String,
    /// `_dlt_id`
    pub row_id: String,
    /// `_dlt_parent_id`
    pub parent_id: String,
    /// `_dlt_list_idx`
    pub list_index: String,
    /// `value`
    pub value: String,
}

impl SystemNames {
    /// The names under `naming`.
    pub fn new(naming: &Naming) -> Result<Self, NamingError> {
        Ok(SystemNames {
            load_id: naming.identifier("_dlt_load_id")?,
            row_id: naming.identifier("_dlt_id")?,
            parent_id: naming.identifier("_dlt_parent_id")?,
            list_index: naming.identifier("_dlt_list_idx")?,
            value: naming.identifier("value")?,
        })
    }
}

/// All keys, columns and tables met so far.
pub struct Paths {
    naming: Naming,
    breaks_paths: bool,
    hints: HintRules,
    filters: HashMap<String, RowFilter>,
    capabilities: TypeCaps,
    /// Names of the system columns.
    pub names: SystemNames,
    tables: Vec<TableState>,
    table_names: AHashMap<String, u32>,
    pub(super) places: Vec<RowPlace>,
    place_paths: AHashMap<String, u32>,
    pub(super) nodes: Vec<Node>,
    pub(super) keys: Vec<Key>,
    pub(super) lists: Vec<ListEntry>,
}

impl Paths {
    /// Nothing met yet; settings are those of `schema`.
    pub fn new(
        schema: &Schema,
        naming: Naming,
        capabilities: TypeCaps,
    ) -> Result<Self, NormalizeError> {
        let filters = schema.filters()?;
        Ok(Paths {
            names: SystemNames::new(&naming)?,
            naming,
            breaks_paths: schema.breaks_paths(),
            hints: schema.hint_rules()?,
            filters: filters
                .into_iter()
                .map(|(table, f)| (table.to_owned(), f))
                .collect(),
            capabilities,
            tables: Vec::new(),
            table_names: AHashMap::new(),
            places: Vec::new(),
            place_paths: AHashMap::new(),
            nodes: Vec::new(),
            keys: Vec::new(),
            lists: Vec::new(),
        })
    }

    /// The naming convention.
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Rules by which new columns get types and hints.
    pub fn hints(&self) -> &HintRules {
        &self.hints
    }

    /// What the destination's types can do.
    pub fn capabilities(&self) -> &TypeCaps {
        &self.capabilities
    }

    /// A table.
    pub fn table(&self, table: u32) -> &TableState {
        &self.tables[table as usize]
    }

    /// A table to change.
    pub fn table_mut(&mut self, table: u32) -> &mut TableState {
        &mut self.tables[table as usize]
    }

    /// All tables.
    pub fn tables(&self) -> &[TableState] {
        &self.tables
    }

    /// Table of a place.
    pub fn table_of(&self, place: u32) -> u32 {
        self.places[place as usize].table
    }

    /// Node of the rows of a place.
    pub fn node_of(&self, place: u32) -> u32 {
        self.places[place as usize].node
    }

    /// A list.
    pub fn list_mut(&mut self, list: u32) -> &mut ListEntry {
        &mut self.lists[list as usize]
    }

    /// Place of the items of a root table; `name` is normalized.
    pub fn root(&mut self, schema: &Schema, name: &str) -> Result<u32, RowError> {
        self.place(schema, name.to_owned(), "$".to_owned())
    }

    /// What `key` at `node` stands for.
    pub fn key(&mut self, schema: &Schema, node: u32, key: &str) -> Result<u32, RowError> {
        if let Some(known) = self.nodes[node as usize].keys.get(key) {
            return Ok(*known);
        }
        let name = self.column_name(node, key)?;
        let table = self.table_of(self.nodes[node as usize].place);
        let slot = self.slot_at(schema, table, &name, Some((node, key)));
        let id = self.keys.len() as u32;
        let key: Arc<str> = key.into();
        self.keys.push(Key {
            node,
            name: Arc::clone(&key),
            slot,
            child: NONE,
            list: NONE,
        });
        self.nodes[node as usize].keys.insert(key, id);
        Ok(id)
    }

    /// Slot of a key.
    pub fn slot_of(&self, key: u32) -> u32 {
        self.keys[key as usize].slot
    }

    /// Node of the members of the object under `key`.
    pub fn child(&mut self, node: u32, key: &str, id: u32) -> Result<u32, RowError> {
        if self.keys[id as usize].child != NONE {
            return Ok(self.keys[id as usize].child);
        }
        let fragment = self.fragment(key)?;
        let child = match self.nodes[node as usize].children.get(&fragment) {
            Some(child) => *child,
            None => self.new_child(node, key, fragment),
        };
        self.keys[id as usize].child = child;
        Ok(child)
    }

    /// Keys of one normalized name share a node: lists below them are one list of the row.
    fn new_child(&mut self, node: u32, key: &str, fragment: String) -> u32 {
        let parent = &self.nodes[node as usize];
        let child = Node {
            place: parent.place,
            path: self.naming.join(&[parent.path.as_str(), &fragment]),
            json_path: member_path(&parent.json_path, key),
            keys: AHashMap::new(),
            lists: AHashMap::new(),
            children: AHashMap::new(),
        };
        let index = self.nodes.len() as u32;
        self.nodes.push(child);
        self.nodes[node as usize].children.insert(fragment, index);
        index
    }

    /// The list under `key`.
    pub fn list(
        &mut self,
        schema: &Schema,
        node: u32,
        key: &str,
        id: u32,
    ) -> Result<u32, RowError> {
        if self.keys[id as usize].list != NONE {
            return Ok(self.keys[id as usize].list);
        }
        let fragment = self.table_fragment(key)?;
        let list = match self.nodes[node as usize].lists.get(&fragment) {
            Some(list) => *list,
            None => self.new_list(schema, node, key, fragment)?,
        };
        self.keys[id as usize].list = list;
        Ok(list)
    }

    fn new_list(
        &mut self,
        schema: &Schema,
        node: u32,
        key: &str,
        fragment: String,
    ) -> Result<u32, RowError> {
        let at = &self.nodes[node as usize];
        let above = self.places[at.place as usize].path.as_str();
        let path = self.naming.join(&[above, at.path.as_str(), &fragment]);
        let json_path = format!("{}[*]", member_path(&at.json_path, key));
        let place = self.place(schema, path, json_path)?;
        let list = self.lists.len() as u32;
        self.lists.push(ListEntry { place, met: (0, 0) });
        self.nodes[node as usize].lists.insert(fragment, list);
        Ok(list)
    }

    /// Slot of the column `name` of a table.
    pub fn slot(&mut self, schema: &Schema, table: u32, name: &str) -> u32 {
        self.slot_at(schema, table, name, None)
    }

    /// Slot that takes values of `kind` that do not fit `slot`.
    pub fn variant(
        &mut self,
        schema: &Schema,
        table: u32,
        slot: u32,
        kind: DataType,
    ) -> Result<u32, RowError> {
        let known = &self.table(table).slot(slot).variants;
        if let Some((_, variant)) = known.iter().find(|(known, _)| *known == kind) {
            return Ok(*variant);
        }
        let name = self.variant_name(table, slot, kind.as_str())?;
        let legacy = match kind {
            DataType::Json => Some(self.variant_name(table, slot, "complex")?),
            _ => None,
        };
        // Datasets of old versions have `__v_complex` where `__v_json` would be.
        let columns = schema
            .tables
            .get(&self.table(table).name)
            .map(|table| &table.columns);
        let is_variant = |name: &&String| {
            columns
                .and_then(|columns| columns.get(*name))
                .is_some_and(|c| c.has("variant"))
        };
        let name = legacy.as_ref().filter(is_variant).unwrap_or(&name);
        let variant = self.slot_like(schema, table, name, slot);
        self.table_mut(table)
            .slot_mut(slot)
            .variants
            .push((kind, variant));
        Ok(variant)
    }

    /// Slot that takes wei numbers that are too large for `slot`.
    pub fn oversized(&mut self, schema: &Schema, table: u32, slot: u32) -> Result<u32, RowError> {
        let name = self.variant_name(table, slot, "str")?;
        Ok(self.slot_like(schema, table, &name, slot))
    }

    fn variant_name(&self, table: u32, slot: u32, suffix: &str) -> Result<String, RowError> {
        let name = self.table(table).slot(slot).name.as_str();
        let parts = [name, &format!("v_{suffix}")];
        self.naming
            .fragments(&parts)
            .map_err(|error| refused(name, error))
    }

    /// A slot that was met where `model` was met.
    fn slot_like(&mut self, schema: &Schema, table: u32, name: &str, model: u32) -> u32 {
        let origin = self.table(table).slot(model).origin.clone();
        let origin = origin.as_ref().map(|(node, key)| (*node, key.as_ref()));
        self.slot_at(schema, table, name, origin)
    }

    /// Path in the data where a slot was first met, such as `$.a.b[*].c`.
    pub fn json_path(&self, table: u32, slot: u32) -> Option<String> {
        let (node, key) = self.table(table).slot(slot).origin.as_ref()?;
        Some(member_path(&self.nodes[*node as usize].json_path, key))
    }

    /// Takes over the filters of the schema.
    pub fn reload_filters(&mut self, schema: &Schema) -> Result<(), SchemaError> {
        let filters = schema.filters()?;
        self.filters = filters
            .into_iter()
            .map(|(table, f)| (table.to_owned(), f))
            .collect();
        for table in 0..self.tables.len() {
            let excluded: Vec<bool> = {
                let state = &self.tables[table];
                state
                    .slots
                    .iter()
                    .map(|slot| self.is_excluded(&state.name, &slot.name))
                    .collect()
            };
            for (slot, is_excluded) in self.tables[table].slots.iter_mut().zip(excluded) {
                slot.is_excluded = is_excluded;
            }
        }
        Ok(())
    }

    /// Takes over what the schema says of the columns `names` of a table.
    pub fn refresh<'a>(
        &mut self,
        schema: &Schema,
        table: u32,
        names: impl Iterator<Item = &'a String>,
    ) {
        let capabilities = &self.capabilities;
        let state = &mut self.tables[table as usize];
        let columns = schema.tables.get(&state.name).map(|table| &table.columns);
        for name in names {
            let column = columns.and_then(|columns| columns.get(name));
            if let Some(slot) = state.by_name.get(name) {
                state.slots[*slot as usize].column =
                    column.and_then(|c| slot_column(capabilities, c));
            }
        }
    }

    /// Index of the table `name`, which is added when it is new.
    pub fn table_index(&mut self, schema: &Schema, name: &str) -> u32 {
        if let Some(table) = self.table_names.get(name) {
            return *table;
        }
        let table = self.tables.len() as u32;
        self.table_names.insert(name.to_owned(), table);
        self.tables.push(TableState {
            name: name.to_owned(),
            slots: Vec::new(),
            by_name: AHashMap::new(),
            system: SystemSlots::default(),
        });
        let names = self.names.clone();
        let system = SystemSlots {
            load_id: self.slot(schema, table, &names.load_id),
            row_id: self.slot(schema, table, &names.row_id),
            parent_id: self.slot(schema, table, &names.parent_id),
            list_index: self.slot(schema, table, &names.list_index),
            value: self.slot(schema, table, &names.value),
        };
        self.table_mut(table).system = system;
        table
    }

    fn place(&mut self, schema: &Schema, path: String, json_path: String) -> Result<u32, RowError> {
        if let Some(place) = self.place_paths.get(&path) {
            return Ok(*place);
        }
        let name = self
            .naming
            .fragments(&[&path])
            .map_err(|error| refused(&path, error))?;
        let table = self.table_index(schema, &name);
        let place = self.places.len() as u32;
        let node = self.nodes.len() as u32;
        self.nodes.push(Node {
            place,
            path: String::new(),
            json_path,
            keys: AHashMap::new(),
            lists: AHashMap::new(),
            children: AHashMap::new(),
        });
        self.places.push(RowPlace {
            path: path.clone(),
            table,
            node,
        });
        self.place_paths.insert(path, place);
        Ok(place)
    }

    fn slot_at(
        &mut self,
        schema: &Schema,
        table: u32,
        name: &str,
        origin: Option<(u32, &str)>,
    ) -> u32 {
        if let Some(slot) = self.tables[table as usize].by_name.get(name) {
            let slot = *slot;
            let known = &mut self.tables[table as usize].slots[slot as usize].origin;
            if known.is_none() {
                *known = origin.map(|(node, key)| (node, key.into()));
            }
            return slot;
        }
        let state = &self.tables[table as usize];
        let column = schema
            .tables
            .get(&state.name)
            .and_then(|table| table.columns.get(name));
        let slot = Slot {
            name: name.to_owned(),
            column: column.and_then(|column| slot_column(&self.capabilities, column)),
            preferred: self.hints.preferred_type(name),
            is_not_null: self.hints.has_hint("not_null", name),
            is_excluded: self.is_excluded(&state.name, name),
            met: (0, 0),
            builder_hint: NONE,
            was_null: false,
            variants: Vec::new(),
            origin: origin.map(|(node, key)| (node, key.into())),
        };
        let state = &mut self.tables[table as usize];
        let index = state.slots.len() as u32;
        state.slots.push(slot);
        state.by_name.insert(name.to_owned(), index);
        index
    }

    /// True when a filter of the table or of a table above it excludes the field (spec/normalize.md §7.5).
    fn is_excluded(&self, table: &str, field: &str) -> bool {
        if self.filters.is_empty() {
            return false;
        }
        let branch: Vec<&str> = self.naming.break_path(table).collect();
        (1..=branch.len()).rev().any(|depth| {
            let above = self.naming.join(&branch[..depth]);
            let mut below = branch[depth..].to_vec();
            below.push(field);
            let path = self.naming.join(&below);
            self.filters
                .get(&above)
                .is_some_and(|filter| filter.is_excluded(&path))
        })
    }

    /// Name of the column of `key` at `node`.
    fn column_name(&self, node: u32, key: &str) -> Result<String, RowError> {
        let fragment = self.fragment(key)?;
        let above = self.nodes[node as usize].path.as_str();
        if above.is_empty() {
            // A key of separators alone has no name of its own.
            return Ok(if fragment.is_empty() {
                BLANK_KEY.to_owned()
            } else {
                fragment
            });
        }
        self.naming
            .fragments(&[above, &fragment])
            .map_err(|error| refused(key, error))
    }

    fn fragment(&self, key: &str) -> Result<String, RowError> {
        if key.chars().all(char::is_whitespace) {
            return Ok(BLANK_KEY.to_owned());
        }
        let name = match self.breaks_paths {
            true => self.naming.path(key),
            false => self.naming.identifier(key),
        };
        name.map_err(|error| refused(key, error))
    }

    fn table_fragment(&self, key: &str) -> Result<String, RowError> {
        let name = match self.breaks_paths {
            true => self.naming.table_path(key),
            false => self.naming.table_identifier(key),
        };
        name.map_err(|error| refused(key, error))
    }
}

fn slot_column(capabilities: &TypeCaps, column: &Column) -> Option<SlotColumn> {
    let column_type = capabilities.column_type(column)?;
    Some(SlotColumn {
        column_type,
        is_nullable: column.is_nullable(),
    })
}

fn refused(key: &str, error: NamingError) -> RowError {
    RowError::Name {
        key: crate::error::shorten(key),
        error,
    }
}

/// Path of the member `key` of the object at `above`.
fn member_path(above: &str, key: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_plain) {
        format!("{above}.{key}")
    } else {
        format!("{above}[{key:?}]")
    }
}
