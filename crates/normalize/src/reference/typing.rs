//! Values into columns: coercion, types of new columns, variants, and the write itself.
//!
//! A row is typed as a whole before anything of it is written, because a contract may still drop it. New columns are
//! collected with their definitions and merged into the schema at once (spec/normalize.md §5). Start with
//! [`Reference::write`].

use indexmap::IndexMap;
use tipple_json::Value;
use tipple_schema::{Column, DataType};

use super::rows::{Row, RowId};
use super::{Cell, Input, Reference, VariantNote};
use crate::builders::Datum;
use crate::coerce::{Misfit, coerce, kind_of, to_text};
use crate::error::{RowError, shorten};
use crate::hashes;
use crate::lineage;
use crate::marks;
use crate::tables::{Links, RowRef, Tables};

/// A row whose values are typed.
pub(super) struct Typed<'v> {
    pub table: u32,
    pub values: Vec<(u32, Datum<'v>)>,
    pub links: Links,
    /// Definitions of columns that the schema lacks.
    pub columns: IndexMap<String, Column>,
    /// Slot and kind of the first value of each of them.
    pub kinds: Vec<(u32, DataType)>,
    /// The id, when it had to be made early.
    pub id: RowId,
}

impl Reference {
    /// Types a row and appends it; false when a contract drops it.
    pub(super) fn write<'v>(
        &mut self,
        root: usize,
        row: Row<'v>,
        input: &Input<'_>,
        id: RowId,
        tables: &mut Tables,
    ) -> Result<bool, RowError> {
        let mut typed = Typed {
            table: row.table,
            values: Vec::with_capacity(row.cells.len()),
            links: Links::NONE,
            columns: IndexMap::new(),
            kinds: Vec::new(),
            id,
        };
        if row.is_child {
            typed.links.parent = parent_row(input);
            typed.links.list_index = input.list_index;
        }
        for (slot, cell) in row.cells {
            match cell {
                Cell::Value(value) => self.add_value(&mut typed, slot, value)?,
                Cell::Shared(value) => self.add_owned(&mut typed, slot, &value)?,
                system => self.add_system(&mut typed, slot, &system, input, tables)?,
            }
        }
        if !typed.columns.is_empty() && !self.change_schema(root, &mut typed, input)? {
            return Ok(false);
        }
        self.append(typed, tables);
        Ok(true)
    }

    fn append(&mut self, typed: Typed<'_>, tables: &mut Tables) {
        let state = self.paths.table_mut(typed.table);
        let table = tables.table_index(&state.name);
        for (slot, datum) in &typed.values {
            let slot = state.slot_mut(*slot);
            let Some(column) = slot.column else { continue };
            let builder = tables.table_mut(table);
            let hint = slot.builder_hint;
            if hint as usize >= builder.column_count() || builder.column_name(hint) != slot.name {
                slot.builder_hint = builder.column_index(&slot.name, column.column_type);
            }
            tables.push(table, slot.builder_hint, datum);
        }
        let row = tables.end_row(table, typed.links).row as usize;
        let ids = &mut tables.table_mut(table).ids;
        match typed.id {
            RowId::Pending => {}
            RowId::Made(bytes) => ids.set_bytes(row, &bytes),
            RowId::Given(text) => ids.set_text(row, &text),
        }
    }

    fn add_owned(
        &mut self,
        typed: &mut Typed<'_>,
        slot: u32,
        value: &Value,
    ) -> Result<(), RowError> {
        let mut owned = Typed {
            table: typed.table,
            values: Vec::new(),
            links: Links::NONE,
            columns: std::mem::take(&mut typed.columns),
            kinds: std::mem::take(&mut typed.kinds),
            id: RowId::Pending,
        };
        let result = self.add_value(&mut owned, slot, value);
        typed.columns = owned.columns;
        typed.kinds = owned.kinds;
        typed.values.extend(
            owned
                .values
                .into_iter()
                .map(|(slot, datum)| (slot, datum.into_owned())),
        );
        result
    }

    fn add_value<'v>(
        &mut self,
        typed: &mut Typed<'v>,
        slot: u32,
        value: &'v Value,
    ) -> Result<(), RowError> {
        if let Value::Text(text) = value
            && let Some(decoded) = marks::decode(text)
        {
            return self.add_owned(typed, slot, &decoded);
        }
        let Some(kind) = kind_of(value) else {
            return self.add_null(typed.table, slot);
        };
        match self.paths.table(typed.table).slot(slot).column {
            None => self.add_new(typed, slot, value, kind, false),
            Some(column) => match coerce(column.column_type.data_type, value, &self.zone) {
                Ok(datum) => {
                    self.push(typed, slot, column.column_type.is_aware, datum);
                    Ok(())
                }
                Err(misfit) => self.add_variant(typed, slot, value, kind, misfit),
            },
        }
    }

    /// A null makes no column and no value; it is an error where values must be.
    fn add_null(&mut self, table: u32, slot: u32) -> Result<(), RowError> {
        let state = self.paths.table_mut(table);
        let name = state.name.clone();
        let slot = state.slot_mut(slot);
        let is_refused = match slot.column {
            Some(column) => !column.is_nullable,
            None => slot.is_not_null && !is_known(&self.schema, &name, &slot.name),
        };
        if is_refused {
            return Err(RowError::Null {
                table: name,
                column: slot.name.clone(),
            });
        }
        slot.was_null |= slot.column.is_none();
        Ok(())
    }

    /// A value for a column that the schema lacks or has without a type.
    fn add_new<'v>(
        &mut self,
        typed: &mut Typed<'v>,
        slot: u32,
        value: &'v Value,
        kind: DataType,
        is_variant: bool,
    ) -> Result<(), RowError> {
        let preferred = self.paths.table(typed.table).slot(slot).preferred;
        let detected = || self.detections.detect(value).unwrap_or(kind);
        let data_type = preferred.filter(|_| !is_variant).unwrap_or_else(detected);
        match coerce(data_type, value, &self.zone) {
            Ok(datum) => {
                let is_aware = self.define(typed, slot, data_type, kind, is_variant);
                self.push(typed, slot, is_aware, datum);
                Ok(())
            }
            Err(_) if is_variant => Err(self.misfit(typed.table, slot, value, kind, data_type)),
            Err(misfit) => self.add_variant(typed, slot, value, kind, misfit),
        }
    }

    /// A value that does not fit its column goes to another one (spec/normalize.md §5.5).
    fn add_variant<'v>(
        &mut self,
        typed: &mut Typed<'v>,
        slot: u32,
        value: &'v Value,
        kind: DataType,
        misfit: Misfit,
    ) -> Result<(), RowError> {
        if let Misfit::Oversized(text) = misfit {
            let slot = self.paths.oversized(&self.schema, typed.table, slot)?;
            return self.add_oversized(typed, slot, text);
        }
        let variant = self.paths.variant(&self.schema, typed.table, slot, kind)?;
        self.note_variant(typed.table, slot, variant, value);
        let Some(column) = self.paths.table(typed.table).slot(variant).column else {
            return self.add_new(typed, variant, value, kind, true);
        };
        let data_type = column.column_type.data_type;
        match coerce(data_type, value, &self.zone) {
            Ok(datum) => {
                self.push(typed, variant, column.column_type.is_aware, datum);
                Ok(())
            }
            Err(_) => Err(self.misfit(typed.table, variant, value, kind, data_type)),
        }
    }

    fn note_variant(&mut self, table: u32, slot: u32, variant: u32, value: &Value) {
        let state = self.paths.table(table);
        let note = self
            .variants
            .entry((table, variant))
            .or_insert_with(|| VariantNote {
                table: state.name.clone(),
                column: state.slot(slot).name.clone(),
                variant: state.slot(variant).name.clone(),
                count: 0,
                first: shorten(&to_text(value)),
            });
        note.count += 1;
    }

    fn add_oversized(
        &mut self,
        typed: &mut Typed<'_>,
        slot: u32,
        digits: String,
    ) -> Result<(), RowError> {
        let value = Value::Text(digits);
        let to = self
            .paths
            .table(typed.table)
            .slot(slot)
            .column
            .map(|c| c.column_type.data_type);
        if to.is_none() {
            self.define(typed, slot, DataType::Text, DataType::Wei, true);
        }
        let to = to.unwrap_or(DataType::Text);
        match coerce(to, &value, &self.zone) {
            Ok(datum) => {
                typed
                    .values
                    .extend(datum.map(|datum| (slot, datum.into_owned())));
                Ok(())
            }
            Err(_) => Err(self.misfit(typed.table, slot, &value, DataType::Text, to)),
        }
    }

    fn misfit(
        &self,
        table: u32,
        slot: u32,
        value: &Value,
        from: DataType,
        to: DataType,
    ) -> RowError {
        let state = self.paths.table(table);
        RowError::Misfit {
            table: state.name.clone(),
            column: state.slot(slot).name.clone(),
            from,
            to,
            value: shorten(&to_text(value)),
        }
    }

    /// Adds a value that fits; naive columns show the wall clock of the zone.
    fn push<'v>(&self, typed: &mut Typed<'v>, slot: u32, is_aware: bool, datum: Option<Datum<'v>>) {
        let datum = match datum {
            Some(Datum::Timestamp(micros)) if !is_aware => {
                Some(Datum::Timestamp(self.zone.wall(micros)))
            }
            datum => datum,
        };
        typed.values.extend(datum.map(|datum| (slot, datum)));
    }

    /// Adds the definition of a column to what the schema will get; true unless it is one of naive timestamps.
    fn define(
        &mut self,
        typed: &mut Typed<'_>,
        slot: u32,
        data_type: DataType,
        kind: DataType,
        is_variant: bool,
    ) -> bool {
        let state = self.paths.table(typed.table);
        let name = state.slot(slot).name.as_str();
        let mut column = Column::new(name, data_type);
        column.nullable = Some(!state.slot(slot).is_not_null);
        column.hints = self.paths.hints().default_hints_for(name);
        if is_variant {
            column.hints.insert("variant".to_owned(), true.into());
            let text = format!("Variant of column {name} generated by dlt");
            column.hints.insert("description".to_owned(), text.into());
        }
        self.paths.capabilities().adjust(&mut column);
        // What the user has said of the column wins.
        let hinted = self
            .schema
            .tables
            .get(&state.name)
            .and_then(|table| table.columns.get(name));
        if let Some(hinted) = hinted {
            column.merge(hinted);
        }
        let column_type = self.paths.capabilities().column_type(&column);
        typed.kinds.push((slot, kind));
        typed.columns.insert(name.to_owned(), column);
        column_type.is_none_or(|column_type| column_type.is_aware)
    }

    /// A system column: filled by links where its type is the usual one, else an ordinary value.
    fn add_system(
        &mut self,
        typed: &mut Typed<'_>,
        slot: u32,
        cell: &Cell<'_>,
        input: &Input<'_>,
        tables: &mut Tables,
    ) -> Result<(), RowError> {
        let expected = match cell {
            Cell::ListIndex => DataType::Bigint,
            _ => DataType::Text,
        };
        let state = self.paths.table(typed.table).slot(slot);
        let known = state.column.map(|column| column.column_type.data_type);
        if known
            .or(state.preferred)
            .is_some_and(|data_type| data_type != expected)
        {
            let value = self.system_value(typed, cell, input, tables);
            return self.add_owned(typed, slot, &value);
        }
        if known.is_none() {
            self.define(typed, slot, expected, expected, false);
        }
        self.link(typed, slot, cell, tables)
    }

    fn link(
        &mut self,
        typed: &mut Typed<'_>,
        slot: u32,
        cell: &Cell<'_>,
        tables: &mut Tables,
    ) -> Result<(), RowError> {
        let links = &mut typed.links;
        match cell {
            Cell::LoadId => links.has_load_id = true,
            Cell::RowId => links.has_row_id = true,
            Cell::ParentId => links.has_parent_id = true,
            Cell::ListIndex => links.has_list_index = true,
            Cell::IdOf(row) => {
                let name = &self.paths.table(typed.table).slot(slot).name;
                let table = tables.table_index(&self.paths.table(typed.table).name);
                if tables.table_mut(table).set_root_column(name) {
                    links.root = *row;
                } else {
                    let value = Value::Text(lineage::id_now(tables, *row, &mut *self.random));
                    self.add_owned(typed, slot, &value)?;
                }
            }
            Cell::Value(_) | Cell::Shared(_) => {}
        }
        Ok(())
    }

    /// The value of a system column, made now.
    fn system_value(
        &mut self,
        typed: &mut Typed<'_>,
        cell: &Cell<'_>,
        input: &Input<'_>,
        tables: &mut Tables,
    ) -> Value {
        match cell {
            Cell::LoadId => self.load_id.clone(),
            Cell::ListIndex => Value::Int(i64::from(input.list_index)),
            Cell::ParentId => Value::Text(lineage::id_now(
                tables,
                parent_row(input),
                &mut *self.random,
            )),
            Cell::IdOf(row) => Value::Text(lineage::id_now(tables, *row, &mut *self.random)),
            Cell::RowId => Value::Text(self.own_id(typed, input, tables)),
            Cell::Value(value) => (*value).clone(),
            Cell::Shared(value) => value.as_ref().clone(),
        }
    }

    /// Makes the id of the row that is being typed.
    fn own_id(&mut self, typed: &mut Typed<'_>, input: &Input<'_>, tables: &mut Tables) -> String {
        if matches!(typed.id, RowId::Pending) {
            let parent = typed.links.parent;
            typed.id = RowId::Made(if parent.is_some() {
                let parent = lineage::id_now(tables, parent, &mut *self.random);
                let table = &self.paths.table(typed.table).name;
                hashes::child_id(&parent, table, input.list_index, self.id_bytes)
            } else {
                let mut bytes = vec![0; self.id_bytes];
                self.random.fill(&mut bytes);
                bytes
            });
        }
        match &typed.id {
            RowId::Made(bytes) => hashes::id_text(bytes),
            RowId::Given(text) => text.clone(),
            RowId::Pending => String::new(),
        }
    }
}

fn parent_row(input: &Input<'_>) -> RowRef {
    input
        .parent
        .as_ref()
        .map_or(RowRef::NONE, |parent| parent.row)
}

fn is_known(schema: &tipple_schema::Schema, table: &str, column: &str) -> bool {
    schema
        .tables
        .get(table)
        .is_some_and(|table| table.columns.contains_key(column))
}
