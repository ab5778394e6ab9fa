//! The plain transcription of the rules: one item at a time, from a tree of values to rows of tables.
//!
//! Everything odd about dlt lives here and nowhere else: the order of flattened fields, lists after their row and depth
//! first, the nesting limit, variants, contracts. The fast path handles only rows that hold no surprise and gives every
//! other row to this one, so it must be complete before it is fast. Start with [`Reference::row`].

mod arrow;
mod change;
mod declare;
mod paths;
mod plan;
mod rows;
mod typing;

use std::rc::Rc;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use indexmap::IndexMap;
use tipple_json::Value;
use tipple_schema::{Contract, ContractMode, DataType, Schema, Table};

use crate::batches::{Filled, Seen, Stamp, TableBatch};
use crate::detect::Detections;
use crate::error::{ItemPlace, NormalizeError, Place, RowError};
use crate::identity::SEED_BYTES;
use crate::rejected::Rejected;
use crate::rules::{RandomIds, Rules};
use crate::tables::{RowRef, Tables};
use crate::zone::Zone;

use paths::Paths;
pub use paths::SystemNames;

/// True when the schema or the meaning of known keys changed while a row was normalized.
pub type SchemaChanged = bool;

/// Where a new column came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnCause {
    /// Table of the column.
    pub table: String,
    /// The new column.
    pub column: String,
    /// Resource of the item.
    pub resource: String,
    /// Path in the item, such as `$.a.b[*].c`.
    pub json_path: String,
    /// Kind of the first value.
    pub value_kind: DataType,
    /// True when the column takes values that do not fit another one.
    pub is_variant: bool,
}

/// Values that did not fit their column and went to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantNote {
    /// Table of both columns.
    pub table: String,
    /// Column that the values do not fit.
    pub column: String,
    /// Column that took them.
    pub variant: String,
    /// Number of values.
    pub count: u64,
    /// The first of them, shortened.
    pub first: String,
}

/// What a load has come to.
pub(crate) struct Outcome {
    pub schema_name: String,
    pub schema: Schema,
    pub updates: IndexMap<String, Table>,
    pub causes: Vec<ColumnCause>,
    pub variants: Vec<VariantNote>,
    pub rejected: Rejected,
}

/// How the ids of the rows of a root table are made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RowIdRule {
    Random,
    /// Hash of the values of these columns.
    KeyHash(Vec<String>),
    /// Hash of the item.
    RowHash,
}

/// What the schema says of a table, looked up once per change of the schema.
#[derive(Debug, Clone)]
struct Facts {
    epoch: u64,
    is_child: bool,
    row_id: RowIdRule,
    /// Columns that rows below repeat: own slot → their column.
    handed_down: Vec<(u32, String)>,
}

/// What is known of a root table in this load.
#[derive(Debug)]
struct Root {
    table: u32,
    place: u32,
    max_nesting: i64,
    /// Tables whose rows are dropped.
    filtered_tables: AHashSet<u32>,
    /// Fields that are dropped, by table and slot.
    filtered_slots: AHashMap<(u32, u32), ContractMode>,
    contracts: AHashMap<u32, Contract>,
}

/// A value of a row, or what it will be made from.
#[derive(Debug, Clone)]
enum Cell<'v> {
    /// Of the item.
    Value(&'v Value),
    /// Copied from a row above.
    Shared(Rc<Value>),
    LoadId,
    /// Id of the row itself.
    RowId,
    /// Id of the row that held the list.
    ParentId,
    ListIndex,
    /// Id of a row above.
    IdOf(RowRef),
}

/// A value that rows below repeat.
#[derive(Debug, Clone)]
enum Handed {
    Value(Rc<Value>),
    IdOf(RowRef),
}

/// Members of the object that becomes a row.
#[derive(Debug, Clone, Copy)]
enum Members<'v> {
    Object(&'v [(String, Value)]),
    /// Something else under a key of its own.
    Wrapped(&'v str, &'v Value),
    /// A scalar element of a list, which is never flattened.
    Scalar(&'v Value),
}

/// The row that held a list.
#[derive(Debug, Clone)]
struct Parent {
    /// Its table, as [`Paths`] counts tables.
    table: u32,
    /// The row, as [`Tables`] counts tables and rows.
    row: RowRef,
    /// Its id when that came with the data and is more than a text.
    id: Option<Rc<Value>>,
}

/// Columns that rows below a row repeat; shared by all of them.
type HandedDown = Option<Rc<Vec<(String, Handed)>>>;

/// An element on its way to become a row.
struct Input<'v> {
    place: u32,
    members: Members<'v>,
    level: i64,
    parent: Option<Parent>,
    list_index: u32,
    is_root: bool,
    handed: HandedDown,
}

/// The lists of a row, while their elements become rows.
struct Frame<'v> {
    lists: Vec<(u32, &'v [Value])>,
    list: usize,
    element: usize,
    parent: Parent,
    level: i64,
    handed: HandedDown,
}

impl<'v> Frame<'v> {
    /// The next element, its list and its position in it.
    fn next(&mut self) -> Option<(u32, &'v Value, u32)> {
        loop {
            let (list, elements) = self.lists.get(self.list)?;
            if let Some(element) = elements.get(self.element) {
                self.element += 1;
                return Some((*list, element, (self.element - 1) as u32));
            }
            self.list += 1;
            self.element = 0;
        }
    }
}

/// Turns items into rows of [`Tables`] and lets the schema grow.
pub struct Reference {
    schema: Schema,
    paths: Paths,
    detections: Detections,
    zone: Zone,
    load_id: Value,
    id_bytes: usize,
    max_columns: usize,
    random: Box<dyn RandomIds>,
    roots: Vec<Root>,
    root_names: AHashMap<String, usize>,
    facts: AHashMap<u32, Rc<Facts>>,
    /// Counts changes of the schema.
    epoch: u64,
    /// Counts changes on which facts may depend.
    facts_epoch: u64,
    /// Counts rows, to tell whether a slot was met in the present one.
    serial: u64,
    updates: IndexMap<String, Table>,
    causes: Vec<ColumnCause>,
    /// By table and variant slot.
    variants: IndexMap<(u32, u32), VariantNote>,
    rejected: Rejected,
    /// Columns of the batches so far.
    seen: Seen,
    stamp: Arc<Stamp>,
}

impl Reference {
    /// A normaliser that continues `schema`.
    ///
    /// # Errors
    /// When settings of the schema or names cannot be used.
    pub fn new(schema: Schema, rules: Rules) -> Result<Self, NormalizeError> {
        let names = schema.settings.detections.clone().unwrap_or_default();
        let paths = Paths::new(&schema, rules.naming, rules.capabilities)?;
        let stamp = Stamp {
            names: paths.names.clone(),
            load_id: rules.load_id.clone(),
        };
        Ok(Reference {
            paths,
            stamp: Arc::new(stamp),
            detections: Detections::new(&names, rules.process_start),
            zone: rules.zone,
            load_id: Value::Text(rules.load_id),
            id_bytes: rules.id_bytes,
            max_columns: rules.max_columns,
            random: rules.random,
            roots: Vec::new(),
            root_names: AHashMap::new(),
            facts: AHashMap::new(),
            epoch: 0,
            facts_epoch: 0,
            serial: 0,
            updates: IndexMap::new(),
            causes: Vec::new(),
            variants: IndexMap::new(),
            rejected: Rejected::default(),
            seen: Seen::default(),
            schema,
        })
    }

    /// The schema as it is now.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Counts the changes of the schema so far; equal numbers mean equal schemas.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Normalizes one item of the resource of `root_table` and appends its rows to `tables`.
    ///
    /// # Errors
    /// [`RowError`]; the rows of the item that were appended before are left in `tables`.
    pub fn row(
        &mut self,
        item: &Value,
        root_table: &str,
        tables: &mut Tables,
    ) -> Result<SchemaChanged, RowError> {
        let epoch = self.epoch;
        let root = self.root(root_table)?;
        let value_name = self.paths.names.value.clone();
        let members = match item {
            Value::Object(members) => Members::Object(members),
            other => Members::Wrapped(&value_name, other),
        };
        let first = Input {
            place: self.roots[root].place,
            members,
            level: self.roots[root].max_nesting,
            parent: None,
            list_index: 0,
            is_root: true,
            handed: None,
        };
        let mut stack: Vec<Frame<'_>> = Vec::new();
        stack.extend(self.emit(root, first, tables)?);
        while let Some(frame) = stack.last_mut() {
            let Some((list, element, list_index)) = frame.next() else {
                stack.pop();
                continue;
            };
            let (members, level) = match element {
                Value::Object(members) => (Members::Object(members), frame.level),
                Value::List(_) => (Members::Wrapped("list", element), frame.level - 1),
                scalar => (Members::Scalar(scalar), frame.level),
            };
            let input = Input {
                place: self.paths.list_mut(list).place,
                members,
                level,
                parent: Some(frame.parent.clone()),
                list_index,
                is_root: false,
                handed: frame.handed.clone(),
            };
            stack.extend(self.emit(root, input, tables)?);
        }
        Ok(self.epoch != epoch)
    }

    /// Normalized name of the table that items of `root_table` go to.
    ///
    /// # Errors
    /// [`NormalizeError::Name`].
    pub fn table_name(&self, root_table: &str) -> Result<String, NormalizeError> {
        Ok(self.paths.naming().fragments(&[root_table])?)
    }

    /// Makes the system columns of a table that has no rows.
    pub(crate) fn discover(
        &mut self,
        root_table: &str,
        tables: &mut Tables,
    ) -> Result<(), NormalizeError> {
        let mark = tables.mark();
        let result = self.row(&Value::Object(Vec::new()), root_table, tables);
        tables.truncate_to(&mark);
        let place = ItemPlace {
            chunk: Place::start_of(root_table),
            line: 0,
            item: 0,
        };
        result.map(drop).map_err(|error| NormalizeError::Row {
            place,
            error: Box::new(error),
        })
    }

    /// Ids of root rows.
    pub(crate) fn random(&mut self) -> &mut dyn RandomIds {
        &mut *self.random
    }

    /// A seed for the ids of the root rows of a chunk.
    pub(crate) fn seed(&mut self) -> [u8; SEED_BYTES] {
        let mut seed = [0; SEED_BYTES];
        self.random.fill(&mut seed);
        seed
    }

    /// What finished rows are stamped with.
    pub(crate) fn stamp(&self) -> Arc<Stamp> {
        Arc::clone(&self.stamp)
    }

    /// The batches of finished rows; chunks must come in their order.
    pub(crate) fn assemble(
        &mut self,
        filled: Vec<Filled>,
    ) -> Result<Vec<TableBatch>, NormalizeError> {
        self.seen.assemble(filled, &self.schema)
    }

    /// Columns that had nothing but nulls: table, column.
    pub(crate) fn null_only_columns(&self) -> Vec<(String, String)> {
        let mut columns = Vec::new();
        for table in self.paths.tables() {
            let is_known = self.schema.tables.contains_key(&table.name);
            for slot in table.slots.iter().filter(|slot| is_known && slot.was_null) {
                if slot.column.is_none() {
                    columns.push((table.name.clone(), slot.name.clone()));
                }
            }
        }
        columns.sort();
        columns
    }

    /// What the load has come to.
    pub(crate) fn into_outcome(self) -> Outcome {
        Outcome {
            schema_name: self.schema.name.clone(),
            schema: self.schema,
            updates: self.updates,
            causes: self.causes,
            variants: self.variants.into_values().collect(),
            rejected: self.rejected,
        }
    }

    /// Index of a root table, which is looked up when it is met first; the name is normalized here.
    fn root(&mut self, name: &str) -> Result<usize, RowError> {
        if let Some(root) = self.root_names.get(name) {
            return Ok(*root);
        }
        let place = self.paths.root(&self.schema, name)?;
        let table = self.paths.table_of(place);
        self.roots.push(Root {
            table,
            place,
            max_nesting: self.schema.max_nesting(&self.paths.table(table).name),
            filtered_tables: AHashSet::new(),
            filtered_slots: AHashMap::new(),
            contracts: AHashMap::new(),
        });
        self.root_names
            .insert(name.to_owned(), self.roots.len() - 1);
        Ok(self.roots.len() - 1)
    }
}
