//! A picture of what the reference knows, for the fast path.
//!
//! Everything that is odd is left out here, so that the fast path need not know the odd rules: tables that are declared
//! or filtered, ids made from the data, names that two keys share, columns of the system. Start with
//! [`Reference::update_plan`].

use ahash::AHashMap;
use tipple_schema::DataType;

use super::paths::{NONE, Slot};
use super::{Facts, Reference, RowIdRule};
use crate::fast::plan::{self as fast, Action, KeyText, Plan};

/// How often places are shared: a place that two names lead to is not for the fast path.
struct Sharing {
    /// Keys that lead to each node.
    nodes: Vec<u32>,
    /// Keys that lead to each list.
    lists: Vec<u32>,
    /// Lists and roots that lead to each table.
    tables: Vec<u32>,
    /// Keys with objects or lists below them, by node.
    branches: AHashMap<u32, Vec<u32>>,
}

impl Reference {
    /// Brings `plan` up to what is known now.
    pub(crate) fn update_plan(&mut self, plan: &mut Plan) {
        plan.zone = self.zone.clone();
        self.add_tables(plan);
        self.add_keys(plan);
        let sharing = self.sharing();
        self.update_keys(&sharing, plan);
        for table in 0..plan.tables.len() {
            self.update_slots(table as u32, plan);
        }
        plan.lists.clear();
        plan.lists.resize(self.paths.lists.len(), fast::List::ASK);
        for (name, root) in self.root_names.clone() {
            let known = self.plan_root(root, &sharing, plan);
            plan.roots.insert(name, known);
        }
    }

    /// Counts a value that went to a variant slot.
    pub(crate) fn count_variant(&mut self, table: u32, slot: u32) {
        if let Some(note) = self.variants.get_mut(&(table, slot)) {
            note.count += 1;
        }
    }

    fn add_tables(&self, plan: &mut Plan) {
        for state in &self.paths.tables()[plan.tables.len()..] {
            let name = state.name.as_str().into();
            plan.tables.push(fast::Table {
                name,
                root_column: None,
                slots: Vec::new(),
            });
        }
        plan.slot_count = 0;
        for (state, table) in self.paths.tables().iter().zip(&mut plan.tables) {
            let known = table.slots.len();
            table.slots.extend(
                state.slots[known..]
                    .iter()
                    .map(|slot| fast::Slot::new(&slot.name)),
            );
            plan.slot_count += table.slots.len();
        }
    }

    fn add_keys(&self, plan: &mut Plan) {
        plan.nodes
            .resize_with(self.paths.nodes.len(), fast::Node::default);
        let known = plan.keys.len();
        for (index, key) in self.paths.keys.iter().enumerate().skip(known) {
            let table = self
                .paths
                .table_of(self.paths.nodes[key.node as usize].place);
            plan.slot_mut(table, key.slot).key_count += 1;
            plan.nodes[key.node as usize]
                .keys
                .insert(key.name.clone(), index as u32);
            let text = KeyText::new(&key.name);
            plan.keys.push(fast::Key {
                text,
                slot: key.slot,
                child: NONE,
                list: NONE,
            });
        }
    }

    fn sharing(&self) -> Sharing {
        let paths = &self.paths;
        let mut sharing = Sharing {
            nodes: vec![0; paths.nodes.len()],
            lists: vec![0; paths.lists.len()],
            tables: vec![0; paths.tables().len()],
            branches: AHashMap::new(),
        };
        for (index, key) in paths.keys.iter().enumerate() {
            if key.child != NONE {
                sharing.nodes[key.child as usize] += 1;
            }
            if key.list != NONE {
                sharing.lists[key.list as usize] += 1;
            }
            if key.child != NONE || key.list != NONE {
                sharing
                    .branches
                    .entry(key.node)
                    .or_default()
                    .push(index as u32);
            }
        }
        let list_places = paths.lists.iter().map(|list| list.place);
        for place in list_places.chain(self.roots.iter().map(|root| root.place)) {
            sharing.tables[paths.table_of(place) as usize] += 1;
        }
        sharing
    }

    /// Takes over where keys lead, but for places that several keys share.
    fn update_keys(&self, sharing: &Sharing, plan: &mut Plan) {
        for (known, key) in plan.keys.iter_mut().zip(&self.paths.keys) {
            let is_own = |count: &[u32], index: u32| index != NONE && count[index as usize] == 1;
            known.child = if is_own(&sharing.nodes, key.child) {
                key.child
            } else {
                NONE
            };
            known.list = if is_own(&sharing.lists, key.list) {
                key.list
            } else {
                NONE
            };
        }
    }

    fn update_slots(&self, table: u32, plan: &mut Plan) {
        let state = self.paths.table(table);
        for (known, slot) in plan.tables[table as usize]
            .slots
            .iter_mut()
            .zip(&state.slots)
        {
            known.action = action(slot);
            known.takes_null = takes_null(slot) && known.key_count <= 1;
            if let Some(column) = slot.column {
                known.column_type = column.column_type;
            }
            known.variants.clear();
            let is_noted = |variant: &u32| self.variants.contains_key(&(table, *variant));
            known
                .variants
                .extend(slot.variants.iter().filter(|(_, slot)| is_noted(slot)));
        }
        let system = state.system;
        for slot in [
            system.load_id,
            system.row_id,
            system.parent_id,
            system.list_index,
        ] {
            plan.slot_mut(table, slot).action = Action::Ask;
        }
    }

    /// What is known of a root table; adds what is known of the lists below it to `plan`.
    fn plan_root(&mut self, index: usize, sharing: &Sharing, plan: &mut Plan) -> fast::Root {
        let root = &self.roots[index];
        let (table, place, level) = (root.table, root.place, root.max_nesting);
        for (table, slot) in root.filtered_slots.keys() {
            plan.slot_mut(*table, *slot).action = Action::Ask;
        }
        let facts = self.facts(table);
        let handed = self.handed_id(table, &facts);
        let system = self.paths.table(table).system;
        let is_known = !facts.is_child
            && facts.row_id == RowIdRule::Random
            && handed.is_some()
            && sharing.tables[table as usize] == 1
            && !self.roots[index].filtered_tables.contains(&table)
            && self.has_type(table, system.load_id, DataType::Text)
            && self.has_type(table, system.row_id, DataType::Text);
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
            for key in sharing.branches.get(&node).into_iter().flatten() {
                let fast::Key { child, list, .. } = plan.keys[*key as usize];
                nodes.extend((child != NONE).then_some(child));
                if list != NONE {
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
            && sharing.tables[table as usize] == 1
            && !self.roots[root].filtered_tables.contains(&table)
            && self.has_type(table, system.row_id, DataType::Text)
            && self.has_type(table, system.parent_id, DataType::Text)
            && self.has_type(table, system.list_index, DataType::Bigint);
        if !is_known {
            return None;
        }
        if let Some(name) = handed {
            let slot = self.paths.table(table).find(name)?;
            if !self.has_type(table, slot, DataType::Text) {
                return None;
            }
            plan.slot_mut(table, slot).action = Action::Ask;
            plan.tables[table as usize].root_column = Some(name.into());
        }
        let inner = self.inner_list(table, node, plan);
        plan.lists[list as usize] = fast::List {
            table,
            node,
            value_slot: system.value,
            inner,
        };
        Some(node)
    }

    /// The list of elements that are themselves lists.
    fn inner_list(&self, table: u32, node: u32, plan: &Plan) -> u32 {
        let Some(key) = plan.nodes[node as usize].keys.get("list") else {
            return NONE;
        };
        let key = &plan.keys[*key as usize];
        match plan.slot(table, key.slot).action {
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
