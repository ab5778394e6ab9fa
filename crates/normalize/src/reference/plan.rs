//! A picture of what the reference knows, for the fast path.
//!
//! Everything that is odd is left out here, so that the fast path need not know the odd rules: tables that are declared
//! or filtered, ids made from the data, names that two keys share, columns of the system. Start with
//! [`Reference::plan`].

use ahash::AHashMap;
use tipple_json::text::write_string;
use tipple_schema::DataType;

use super::paths::{NONE, Slot};
use super::{Facts, Reference, RowIdRule};
use crate::builders::ColumnType;
use crate::fast::plan::{self as fast, Action, Plan};

/// How often places are shared: a place that two names lead to is not for the fast path.
struct Sharing {
    /// First slot of each table in the sequence of all slots.
    first_slots: Vec<u32>,
    /// Keys that lead to each slot.
    keys_of_slots: Vec<u32>,
    /// Keys that lead to each list.
    keys_of_lists: Vec<u32>,
    /// Lists and roots that lead to each table.
    lists_of_tables: Vec<u32>,
}

impl Reference {
    /// What is known now.
    pub(crate) fn plan(&mut self) -> Plan {
        let sharing = self.sharing();
        let mut plan = Plan {
            nodes: self.plan_nodes(),
            keys: self.plan_keys(&sharing),
            lists: vec![
                fast::List { table: NONE, node: NONE, value_slot: NONE, inner: NONE };
                self.paths.lists.len()
            ],
            slots: self.plan_slots(&sharing),
            tables: self.plan_tables(),
            roots: AHashMap::new(),
            zone: self.zone.clone(),
        };
        for (name, root) in self.root_names.clone() {
            let known = self.plan_root(root, &sharing, &mut plan);
            plan.roots.insert(name, known);
        }
        plan
    }

    /// Counts a value that went to a variant slot.
    pub(crate) fn count_variant(&mut self, table: u32, slot: u32) {
        if let Some(note) = self.variants.get_mut(&(table, slot)) {
            note.count += 1;
        }
    }

    fn sharing(&self) -> Sharing {
        let paths = &self.paths;
        let mut first_slots = Vec::with_capacity(paths.tables().len());
        let mut slot_count = 0;
        for table in paths.tables() {
            first_slots.push(slot_count as u32);
            slot_count += table.slots.len();
        }
        let mut sharing = Sharing {
            first_slots,
            keys_of_slots: vec![0; slot_count],
            keys_of_lists: vec![0; paths.lists.len()],
            lists_of_tables: vec![0; paths.tables().len()],
        };
        for node in &paths.nodes {
            let first = sharing.first_slots[paths.table_of(node.place) as usize];
            for key in node.keys.values().map(|key| &paths.keys[*key as usize]) {
                sharing.keys_of_slots[(first + key.slot) as usize] += 1;
                if key.list != NONE {
                    sharing.keys_of_lists[key.list as usize] += 1;
                }
            }
        }
        let list_places = paths.lists.iter().map(|list| list.place);
        for place in list_places.chain(self.roots.iter().map(|root| root.place)) {
            sharing.lists_of_tables[paths.table_of(place) as usize] += 1;
        }
        sharing
    }

    fn plan_nodes(&self) -> Vec<fast::Node> {
        self.paths.nodes.iter().map(|node| fast::Node { keys: node.keys.clone() }).collect()
    }

    fn plan_keys(&self, sharing: &Sharing) -> Vec<fast::Key> {
        let unknown = || fast::Key { text: Box::default(), slot: NONE, child: NONE, list: NONE };
        let mut keys: Vec<fast::Key> = self.paths.keys.iter().map(|_| unknown()).collect();
        for node in &self.paths.nodes {
            let first = sharing.first_slots[self.paths.table_of(node.place) as usize];
            for (name, id) in &node.keys {
                let key = &self.paths.keys[*id as usize];
                let mut text = String::with_capacity(name.len() + 3);
                write_string(name, &mut text);
                text.push(':');
                keys[*id as usize] = fast::Key {
                    text: text.into_bytes().into(),
                    slot: first + key.slot,
                    child: key.child,
                    list: key.list,
                };
            }
        }
        keys
    }

    fn plan_slots(&self, sharing: &Sharing) -> Vec<fast::Slot> {
        let mut slots = Vec::with_capacity(sharing.keys_of_slots.len());
        for (table, state) in self.paths.tables().iter().enumerate() {
            let first = sharing.first_slots[table];
            for (index, slot) in state.slots.iter().enumerate() {
                let is_shared = sharing.keys_of_slots[first as usize + index] > 1;
                let variants = slot.variants.iter().filter(|(_, variant)| {
                    self.variants.contains_key(&(table as u32, *variant))
                });
                slots.push(fast::Slot {
                    action: action(slot),
                    takes_null: takes_null(slot) && !is_shared,
                    table: table as u32,
                    index: index as u32,
                    column_type: slot
                        .column
                        .map_or(ColumnType::plain(DataType::Text), |column| column.column_type),
                    name: slot.name.as_str().into(),
                    variants: variants.map(|(kind, slot)| (*kind, first + slot)).collect(),
                });
            }
            let system = state.system;
            for slot in [system.load_id, system.row_id, system.parent_id, system.list_index] {
                slots[(first + slot) as usize].action = Action::Ask;
            }
        }
        slots
    }

    fn plan_tables(&self) -> Vec<fast::Table> {
        let table = |name: &str| fast::Table { name: name.into(), root_column: None };
        self.paths.tables().iter().map(|state| table(&state.name)).collect()
    }

    /// What is known of a root table; adds what is known of the lists below it to `plan`.
    fn plan_root(&mut self, index: usize, sharing: &Sharing, plan: &mut Plan) -> fast::Root {
        let root = &self.roots[index];
        let (table, place, level) = (root.table, root.place, root.max_nesting);
        for ((table, slot), _) in &root.filtered_slots {
            let slot = sharing.first_slots[*table as usize] + slot;
            plan.slots[slot as usize].action = Action::Ask;
        }
        let facts = self.facts(table);
        let handed = self.handed_id(table, &facts);
        let mut is_known = !facts.is_child
            && facts.row_id == RowIdRule::Random
            && handed.is_some()
            && sharing.lists_of_tables[table as usize] == 1
            && !self.roots[index].filtered_tables.contains(&table);
        let system = self.paths.table(table).system;
        is_known &= self.has_type(table, system.load_id, DataType::Text);
        is_known &= self.has_type(table, system.row_id, DataType::Text);
        let node = self.paths.node_of(place);
        let handed = handed.flatten();
        if is_known {
            self.plan_lists_at(index, node, handed.as_deref(), sharing, plan);
        }
        fast::Root {
            table: if is_known { table } else { NONE },
            node,
            level,
            hands_down_id: handed.is_some(),
        }
    }

    /// The column that repeats the row's id in rows below: inner `None` when there is none, outer `None` when more or
    /// other things are handed down.
    fn handed_id(&self, table: u32, facts: &Facts) -> Option<Option<String>> {
        match facts.handed_down.as_slice() {
            [] => Some(None),
            [(slot, name)] if *slot == self.paths.table(table).system.row_id => {
                Some(Some(name.clone()))
            }
            _ => None,
        }
    }

    fn has_type(&self, table: u32, slot: u32, expected: DataType) -> bool {
        let column = self.paths.table(table).slot(slot).column;
        column.is_some_and(|column| column.column_type.data_type == expected)
    }

    /// Adds the lists at and below `node`.
    fn plan_lists_at(
        &mut self,
        root: usize,
        node: u32,
        handed: Option<&str>,
        sharing: &Sharing,
        plan: &mut Plan,
    ) {
        let mut nodes = vec![node];
        while let Some(node) = nodes.pop() {
            let keys: Vec<u32> = self.paths.nodes[node as usize].keys.values().copied().collect();
            for key in keys {
                let (child, list) = {
                    let key = &self.paths.keys[key as usize];
                    (key.child, key.list)
                };
                nodes.extend((child != NONE).then_some(child));
                if list != NONE && sharing.keys_of_lists[list as usize] == 1 {
                    nodes.extend(self.plan_list(root, list, handed, sharing, plan));
                }
            }
        }
    }

    /// Adds a list; gives the node of its elements when it is for the fast path.
    fn plan_list(
        &mut self,
        root: usize,
        list: u32,
        handed: Option<&str>,
        sharing: &Sharing,
        plan: &mut Plan,
    ) -> Option<u32> {
        let place = self.paths.lists[list as usize].place;
        let (table, node) = (self.paths.table_of(place), self.paths.node_of(place));
        let facts = self.facts(table);
        let system = self.paths.table(table).system;
        let is_known = facts.is_child
            && facts.handed_down.is_empty()
            && sharing.lists_of_tables[table as usize] == 1
            && !self.roots[root].filtered_tables.contains(&table)
            && self.has_type(table, system.row_id, DataType::Text)
            && self.has_type(table, system.parent_id, DataType::Text)
            && self.has_type(table, system.list_index, DataType::Bigint);
        if !is_known {
            return None;
        }
        let first = sharing.first_slots[table as usize];
        if let Some(name) = handed {
            let slot = self.paths.table(table).find(name)?;
            if !self.has_type(table, slot, DataType::Text) {
                return None;
            }
            plan.slots[(first + slot) as usize].action = Action::Ask;
            plan.tables[table as usize].root_column = Some(name.into());
        }
        plan.lists[list as usize] = fast::List {
            table,
            node,
            value_slot: first + system.value,
            inner: self.inner_list(node, first, plan),
        };
        Some(node)
    }

    /// The list of elements that are themselves lists.
    fn inner_list(&self, node: u32, first_slot: u32, plan: &Plan) -> u32 {
        let Some(key) = self.paths.nodes[node as usize].keys.get("list") else {
            return NONE;
        };
        let key = &self.paths.keys[*key as usize];
        match plan.slots[(first_slot + key.slot) as usize].action {
            Action::Ask | Action::Fit(DataType::Json) => NONE,
            _ => key.list,
        }
    }
}

fn action(slot: &Slot) -> Action {
    if slot.is_excluded {
        return Action::Ask;
    }
    match slot.column {
        Some(column) => Action::Fit(column.column_type.data_type),
        None if slot.preferred == Some(DataType::Json) => Action::Ask,
        None => Action::Absent,
    }
}

/// True when a null changes nothing.
fn takes_null(slot: &Slot) -> bool {
    match slot.column {
        Some(column) => column.is_nullable,
        None => slot.was_null && !slot.is_not_null,
    }
}
