//! From an object to one flat row, its system columns, and the lists that wait for their turn.
//!
//! A row is a list of slots with cells, in the order in which dlt's dictionaries would have them: a field that is met
//! again keeps its place and takes the new value (spec/normalize.md §2 to §4). Start with [`Reference::emit`].

use std::rc::Rc;

use tipple_json::{Value, write_sorted};
use tipple_schema::ContractMode;

use super::{Cell, Facts, Frame, Handed, HandedDown, Input, Members, Parent, Reference, RowIdRule};
use crate::coerce::to_text;
use crate::error::RowError;
use crate::hashes;
use crate::marks;
use crate::rejected::Reason;
use crate::tables::{RowRef, Tables};

/// Keys of an item that do not count for its hash.
const UNHASHED_PREFIX: &str = "_dlt";

/// A flat row before its values are typed.
pub(super) struct Row<'v> {
    pub table: u32,
    /// Number of the row; slots that were met in it carry the number.
    serial: u64,
    pub cells: Vec<(u32, Cell<'v>)>,
    lists: Vec<(u32, &'v [Value])>,
    /// True when the id of the row is made from that of its parent.
    pub is_child: bool,
}

/// The id of a row as far as it is known before the row is written.
pub(super) enum RowId {
    /// Made when the batch is finished.
    Pending,
    /// Hash of the row.
    Made(Vec<u8>),
    /// Of the data.
    Given(String),
}

/// An object in a row whose members are still to be added.
struct Open<'v> {
    /// Its place in the table.
    node: u32,
    /// Levels that may follow below it.
    level: i64,
    members: &'v [(String, Value)],
}

impl Reference {
    /// Makes a row of `input` and appends it, unless a filter or contract drops it; gives the lists that it held.
    pub(super) fn emit<'v>(
        &mut self,
        root: usize,
        input: Input<'v>,
        tables: &mut Tables,
    ) -> Result<Option<Frame<'v>>, RowError> {
        let table = self.paths.table_of(input.place);
        if self.roots[root].filtered_tables.contains(&table) {
            self.rejected
                .add_row(&self.paths.table(table).name, Reason::Table);
            return Ok(None);
        }
        let facts = self.facts(table);
        let mut row = self.flatten(table, &input)?;
        self.add_handed_down(&mut row, &input.handed);
        let is_root = input.is_root || !facts.is_child;
        let is_scalar = matches!(input.members, Members::Scalar(_));
        let system = self.paths.table(table).system;
        if is_root && !is_scalar {
            self.set(&mut row, system.load_id, Cell::LoadId);
        }
        let id = self.add_row_id(&mut row, &input, &facts, is_root)?;
        let place = tables.table_index(&self.paths.table(table).name);
        let reference = tables.next_row(place);
        let parent = Parent {
            table,
            row: reference,
            id: self.given_id(&row, &id),
        };
        let handed = self.hand_down(&row, &input, &facts, &parent);
        if !self.keep_fields(root, &mut row) {
            return Ok(None);
        }
        let lists = std::mem::take(&mut row.lists);
        if !self.write(root, row, &input, id, tables)? || lists.is_empty() {
            return Ok(None);
        }
        let level = input.level - 1;
        Ok(Some(Frame {
            lists,
            list: 0,
            element: 0,
            parent,
            level,
            handed,
        }))
    }

    /// The fields of an object in order; lists are set aside.
    fn flatten<'v>(&mut self, table: u32, input: &Input<'v>) -> Result<Row<'v>, RowError> {
        self.serial += 1;
        let mut row = Row {
            table,
            serial: self.serial,
            cells: Vec::new(),
            lists: Vec::new(),
            is_child: false,
        };
        let node = self.paths.node_of(input.place);
        let level = input.level;
        let mut open: Vec<Open<'v>> = Vec::new();
        match input.members {
            Members::Object(members) => open.push(Open {
                node,
                level,
                members,
            }),
            Members::Wrapped(key, value) => {
                self.add_member(&mut row, &mut open, (node, level), key, value)?;
            }
            Members::Scalar(value) => {
                let slot = self.paths.table(table).system.value;
                self.set(&mut row, slot, Cell::Value(value));
            }
        }
        while let Some(object) = open.pop() {
            for (key, value) in object.members {
                self.add_member(&mut row, &mut open, (object.node, object.level), key, value)?;
            }
        }
        Ok(row)
    }

    /// Adds a member of an object at `(node, level)`; an object in it is put on `open`.
    fn add_member<'v>(
        &mut self,
        row: &mut Row<'v>,
        open: &mut Vec<Open<'v>>,
        (node, level): (u32, i64),
        key: &str,
        value: &'v Value,
    ) -> Result<(), RowError> {
        let id = self.paths.key(&self.schema, node, key)?;
        let slot = self.paths.slot_of(id);
        match value {
            Value::Object(members) if !self.is_kept_whole(row.table, slot, level) => {
                let child = self.paths.child(node, key, id)?;
                open.push(Open {
                    node: child,
                    level: level - 1,
                    members,
                });
            }
            Value::List(elements) if !self.is_kept_whole(row.table, slot, level) => {
                let list = self.paths.list(&self.schema, node, key, id)?;
                self.set_aside(row, list, elements);
            }
            scalar => self.set(row, slot, Cell::Value(scalar)),
        }
        Ok(())
    }

    /// True when an object or list stays one value: a json column, or the nesting limit is reached.
    fn is_kept_whole(&self, table: u32, slot: u32, level: i64) -> bool {
        let slot = self.paths.table(table).slot(slot);
        let known = slot.column.map(|column| column.column_type.data_type);
        level <= 0 || known.or(slot.preferred) == Some(tipple_schema::DataType::Json)
    }

    /// Sets a field; one that is there already keeps its place.
    pub(super) fn set<'v>(&mut self, row: &mut Row<'v>, slot: u32, cell: Cell<'v>) {
        let state = self.paths.table_mut(row.table).slot_mut(slot);
        if state.met.0 == row.serial {
            row.cells[state.met.1 as usize].1 = cell;
        } else {
            state.met = (row.serial, row.cells.len() as u32);
            row.cells.push((slot, cell));
        }
    }

    /// Sets a list; one that is there already keeps its place.
    fn set_aside<'v>(&mut self, row: &mut Row<'v>, list: u32, elements: &'v [Value]) {
        let entry = self.paths.list_mut(list);
        if entry.met.0 == row.serial {
            row.lists[entry.met.1 as usize].1 = elements;
        } else {
            entry.met = (row.serial, row.lists.len() as u32);
            row.lists.push((list, elements));
        }
    }

    fn find<'r, 'v>(&self, row: &'r Row<'v>, slot: u32) -> Option<&'r Cell<'v>> {
        let met = self.paths.table(row.table).slot(slot).met;
        (met.0 == row.serial).then(|| &row.cells[met.1 as usize].1)
    }

    fn add_handed_down(&mut self, row: &mut Row<'_>, handed: &HandedDown) {
        for (name, value) in handed.iter().flat_map(|handed| handed.iter()) {
            let slot = self.paths.slot(&self.schema, row.table, name);
            let cell = match value {
                Handed::Value(value) => Cell::Shared(Rc::clone(value)),
                Handed::IdOf(row) => Cell::IdOf(*row),
            };
            self.set(row, slot, cell);
        }
    }

    /// Adds the id of the row and, for rows of lists, parent and position; an id of the data is kept instead.
    fn add_row_id(
        &mut self,
        row: &mut Row<'_>,
        input: &Input<'_>,
        facts: &Facts,
        is_root: bool,
    ) -> Result<RowId, RowError> {
        let system = self.paths.table(row.table).system;
        let is_scalar = matches!(input.members, Members::Scalar(_));
        if let Some(value) = self.find(row, system.row_id).and_then(Cell::value)
            && !is_scalar
            && is_true(value)
        {
            return Ok(RowId::Given(to_text(value).into_owned()));
        }
        let id = if !is_root {
            self.add_link(row, input)
        } else {
            self.root_id(row, input, facts)?
        };
        self.set(row, system.row_id, Cell::RowId);
        Ok(id)
    }

    /// Adds parent and position of a row of a child table.
    fn add_link(&mut self, row: &mut Row<'_>, input: &Input<'_>) -> RowId {
        row.is_child = true;
        let system = self.paths.table(row.table).system;
        let parent = input.parent.as_ref().and_then(|parent| parent.id.clone());
        let id = parent.as_ref().map_or(RowId::Pending, |parent| {
            let table = &self.paths.table(row.table).name;
            let parent = to_text(parent);
            RowId::Made(hashes::child_id(
                &parent,
                table,
                input.list_index,
                self.id_bytes,
            ))
        });
        self.set(
            row,
            system.parent_id,
            parent.map_or(Cell::ParentId, Cell::Shared),
        );
        self.set(row, system.list_index, Cell::ListIndex);
        id
    }

    fn root_id(&self, row: &Row<'_>, input: &Input<'_>, facts: &Facts) -> Result<RowId, RowError> {
        match &facts.row_id {
            RowIdRule::Random => Ok(RowId::Pending),
            RowIdRule::KeyHash(columns) => {
                let text = self.key_text(row, columns)?;
                Ok(RowId::Made(hashes::shake128(
                    text.as_bytes(),
                    self.id_bytes,
                )))
            }
            RowIdRule::RowHash => {
                let text = item_text(input.members);
                Ok(RowId::Made(hashes::shake128(
                    text.as_bytes(),
                    self.id_bytes,
                )))
            }
        }
    }

    /// Canonical JSON of the key of a row.
    fn key_text(&self, row: &Row<'_>, columns: &[String]) -> Result<String, RowError> {
        let state = self.paths.table(row.table);
        let mut members = Vec::with_capacity(columns.len());
        for column in columns {
            let cell = state.find(column).and_then(|slot| self.find(row, slot));
            let value = match cell {
                Some(Cell::Value(value)) => (*value).clone(),
                Some(Cell::Shared(value)) => value.as_ref().clone(),
                Some(Cell::LoadId) => self.load_id.clone(),
                _ => {
                    let (table, column) = (state.name.clone(), column.clone());
                    return Err(RowError::KeyMissing { table, column });
                }
            };
            members.push((column.clone(), value));
        }
        let mut text = String::new();
        write_sorted(&Value::Object(members), &mut text);
        Ok(text)
    }

    /// The id of the row when rows below must repeat it as more than a text.
    fn given_id(&self, row: &Row<'_>, id: &RowId) -> Option<Rc<Value>> {
        if !matches!(id, RowId::Given(_)) {
            return None;
        }
        let system = self.paths.table(row.table).system;
        match self.find(row, system.row_id)? {
            Cell::Value(Value::Text(text)) if marks::decode(text).is_none() => None,
            Cell::Value(value) => Some(Rc::new((*value).clone())),
            Cell::Shared(value) => Some(Rc::clone(value)),
            _ => None,
        }
    }

    /// What rows below the row repeat: what came from above, and what the row adds.
    fn hand_down(
        &self,
        row: &Row<'_>,
        input: &Input<'_>,
        facts: &Facts,
        parent: &Parent,
    ) -> HandedDown {
        if row.lists.is_empty() || facts.handed_down.is_empty() {
            return input.handed.clone();
        }
        let mut handed: Vec<(String, Handed)> = input
            .handed
            .as_ref()
            .map_or_else(Vec::new, |handed| handed.to_vec());
        for (slot, name) in &facts.handed_down {
            let Some(value) = self
                .find(row, *slot)
                .map(|cell| self.handed(cell, input, parent))
            else {
                continue;
            };
            match handed.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = value,
                None => handed.push((name.clone(), value)),
            }
        }
        Some(Rc::new(handed))
    }

    fn handed(&self, cell: &Cell<'_>, input: &Input<'_>, own: &Parent) -> Handed {
        let above = input
            .parent
            .as_ref()
            .map_or(RowRef::NONE, |parent| parent.row);
        match cell {
            Cell::Value(value) => Handed::Value(Rc::new((*value).clone())),
            Cell::Shared(value) => Handed::Value(Rc::clone(value)),
            Cell::LoadId => Handed::Value(Rc::new(self.load_id.clone())),
            Cell::ListIndex => Handed::Value(Rc::new(Value::Int(i64::from(input.list_index)))),
            Cell::RowId => Handed::IdOf(own.row),
            Cell::ParentId => Handed::IdOf(above),
            Cell::IdOf(row) => Handed::IdOf(*row),
        }
    }

    /// Takes out fields that filters and earlier contract breaks exclude; false when the whole row goes.
    fn keep_fields(&mut self, root: usize, row: &mut Row<'_>) -> bool {
        let state = self.paths.table(row.table);
        row.cells.retain(|(slot, _)| !state.slot(*slot).is_excluded);
        if row.cells.is_empty() {
            return false;
        }
        let filtered = &self.roots[root].filtered_slots;
        if filtered.is_empty() {
            return true;
        }
        let mode = |slot: u32| filtered.get(&(row.table, slot)).copied();
        let is_dropped =
            |(slot, _): &(u32, Cell<'_>)| mode(*slot) == Some(ContractMode::DiscardRow);
        if row.cells.iter().any(is_dropped) {
            self.rejected.add_row(&state.name, Reason::Column);
            return false;
        }
        row.cells.retain(|(slot, cell)| {
            let is_kept = mode(*slot).is_none();
            if !is_kept && !cell.is_null() {
                self.rejected
                    .add_value(&state.name, &state.slot(*slot).name);
            }
            is_kept
        });
        !row.cells.is_empty()
    }

    /// What the schema says of a table.
    pub(super) fn facts(&mut self, table: u32) -> Rc<Facts> {
        if let Some(facts) = self
            .facts
            .get(&table)
            .filter(|facts| facts.epoch == self.facts_epoch)
        {
            return Rc::clone(facts);
        }
        let facts = Rc::new(self.look_up_facts(table));
        self.facts.insert(table, Rc::clone(&facts));
        facts
    }

    fn look_up_facts(&mut self, table: u32) -> Facts {
        let name = self.paths.table(table).name.clone();
        let known = self.schema.tables.get(&name);
        let handed_down: Vec<(String, String)> = self
            .schema
            .propagated_columns(&name)
            .into_iter()
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .collect();
        Facts {
            epoch: self.facts_epoch,
            is_child: known.is_none_or(|table| table.is_nested()),
            row_id: self.row_id_rule(&name),
            handed_down: handed_down
                .into_iter()
                .map(|(from, to)| (self.paths.slot(&self.schema, table, &from), to))
                .collect(),
        }
    }

    fn row_id_rule(&self, name: &str) -> RowIdRule {
        let Some(table) = self.schema.tables.get(name) else {
            return RowIdRule::Random;
        };
        let columns = |hint: &str| -> Vec<String> {
            table
                .columns_with_property(hint)
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        match self.schema.merge_strategy(name) {
            Some("upsert" | "insert-only" | "cdc") => RowIdRule::KeyHash(columns("primary_key")),
            Some("scd2") if columns("x-row-version").first() == Some(&self.paths.names.row_id) => {
                RowIdRule::RowHash
            }
            _ => RowIdRule::Random,
        }
    }
}

impl Cell<'_> {
    /// The value of a cell that has one already.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Cell::Value(value) => Some(value),
            Cell::Shared(value) => Some(value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.value().is_some_and(Value::is_null)
    }
}

/// Canonical JSON of an item without the keys that do not count.
fn item_text(members: Members<'_>) -> String {
    let mut text = String::new();
    let wrapped;
    let members = match members {
        Members::Object(members) => members,
        Members::Wrapped(key, value) => {
            wrapped = [(key.to_owned(), value.clone())];
            &wrapped[..]
        }
        Members::Scalar(value) => {
            wrapped = [("value".to_owned(), value.clone())];
            &wrapped[..]
        }
    };
    let counted: Vec<(String, Value)> = members
        .iter()
        .filter(|(key, _)| !key.starts_with(UNHASHED_PREFIX))
        .cloned()
        .collect();
    write_sorted(&Value::Object(counted), &mut text);
    text
}

/// True for what Python takes as true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}
