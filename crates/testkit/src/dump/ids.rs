//! Canonical row ids: what a random id stands for.
//!
//! Root rows are sorted by content, children included, and numbered; a child is named by the path from its root. Ids that
//! are computed from the data must be equal in two programs and are kept. A child whose id is not the hash of its place
//! is marked. Start with [`Dump::with_canonical_ids`].

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use sha3::Shake128;
use sha3::digest::{ExtendableOutput, Update, XofReader};

use super::{Dump, Row, is_true};
use crate::text::{Keys, python_json};

/// Deeper chains of parents are taken for a cycle.
const DEPTH_MAX: usize = 50;

/// A row and its place in the forest of rows.
struct Node {
    row: Row,
    id: Option<String>,
    parent_id: Option<String>,
    root_id: Option<String>,
    /// Position in the list; none sorts as -1.
    index: Option<i64>,
    /// Rows of child tables: table and position in its list of nodes.
    children: Vec<(usize, usize)>,
    signature: String,
    /// Canonical path of the parent; empty for roots.
    parent_path: String,
    path: String,
}

/// A table with its rows, and the names of its system columns.
struct Group {
    name: String,
    parent: Option<String>,
    id_column: Option<String>,
    parent_column: Option<String>,
    root_column: Option<String>,
    is_deterministic: bool,
    nodes: Vec<Node>,
}

impl Dump {
    /// Replaces random ids by canonical ones and sorts all rows.
    pub(super) fn with_canonical_ids(
        &self,
        data: BTreeMap<String, Vec<Row>>,
    ) -> BTreeMap<String, Vec<Row>> {
        let mut groups: Vec<Group> = data
            .into_iter()
            .map(|(name, rows)| self.group(name, rows))
            .collect();
        groups.sort_by_cached_key(|group| (self.depth(&group.name), group.name.clone()));
        link_children(&mut groups);
        sign(&mut groups);
        name_paths(&mut groups);
        replace_ids(&mut groups);
        let rows = |group: Group| {
            (
                group.name,
                group.nodes.into_iter().map(|node| node.row).collect(),
            )
        };
        groups.into_iter().map(rows).collect()
    }

    fn group(&self, name: String, rows: Vec<Row>) -> Group {
        let column = |column: &str| self.column_like(&name, column).map(str::to_owned);
        let (id_column, parent_column) = (column("_dlt_id"), column("_dlt_parent_id"));
        let (root_column, index_column) = (column("_dlt_root_id"), column("_dlt_list_idx"));
        let field = |row: &Row, column: &Option<String>| {
            column
                .as_ref()
                .and_then(|column| row.get(column))
                .map(plain_text)
        };
        let node = |row: Row| Node {
            id: field(&row, &id_column),
            parent_id: field(&row, &parent_column),
            root_id: field(&row, &root_column),
            index: index_column
                .as_ref()
                .and_then(|column| row.get(column)?.as_i64()),
            row,
            children: Vec::new(),
            signature: String::new(),
            parent_path: String::new(),
            path: String::new(),
        };
        Group {
            nodes: rows.into_iter().map(node).collect(),
            parent: self.parent(&name).map(str::to_owned),
            is_deterministic: self.is_deterministic(&name),
            name,
            id_column,
            parent_column,
            root_column,
        }
    }

    fn parent(&self, table: &str) -> Option<&str> {
        self.table(table)
            .get("parent")?
            .as_str()
            .filter(|parent| !parent.is_empty())
    }

    fn depth(&self, table: &str) -> usize {
        std::iter::successors(self.parent(table), |table| self.parent(table))
            .take(DEPTH_MAX + 1)
            .count()
    }

    /// True for tables whose row ids are computed from the data.
    fn is_deterministic(&self, table: &str) -> bool {
        let ancestors = std::iter::successors(Some(table), |table| self.parent(table));
        let root = ancestors.take(DEPTH_MAX + 1).last().unwrap_or(table);
        let document = self.table(root);
        let hint = |key: &str| document.get(key).and_then(Value::as_str);
        if hint("write_disposition") != Some("merge") {
            return false;
        }
        match hint("x-merge-strategy") {
            Some("upsert" | "insert-only" | "cdc") => true,
            Some("scd2") => self.column_like(root, "_dlt_id").is_some_and(|id| {
                let column = super::columns_of(document).get(id);
                is_true(column.and_then(|column| column.get("x-row-version")))
            }),
            _ => false,
        }
    }
}

fn plain_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn link_children(groups: &mut [Group]) {
    let mut found: HashMap<(&str, &str), Vec<(usize, usize)>> = HashMap::new();
    for (table, group) in groups.iter().enumerate() {
        let Some(parent) = &group.parent else {
            continue;
        };
        for (position, node) in group.nodes.iter().enumerate() {
            if let Some(parent_id) = &node.parent_id {
                found
                    .entry((parent, parent_id))
                    .or_default()
                    .push((table, position));
            }
        }
    }
    let links: Vec<Vec<Vec<(usize, usize)>>> = groups
        .iter()
        .map(|group| {
            let of = |node: &Node| {
                found
                    .get(&(group.name.as_str(), node.id.as_deref()?))
                    .cloned()
            };
            group
                .nodes
                .iter()
                .map(|node| of(node).unwrap_or_default())
                .collect()
        })
        .collect();
    for (group, links) in groups.iter_mut().zip(links) {
        for (node, children) in group.nodes.iter_mut().zip(links) {
            node.children = children;
        }
    }
}

/// Gives every row a text of its content, its children's texts included. Children come first: deeper tables are last.
fn sign(groups: &mut [Group]) {
    for table in (0..groups.len()).rev() {
        for position in 0..groups[table].nodes.len() {
            let signature = signature(groups, table, position);
            groups[table].nodes[position].signature = signature;
        }
    }
}

fn signature(groups: &[Group], table: usize, position: usize) -> String {
    let (group, node) = (&groups[table], &groups[table].nodes[position]);
    let mut by_table: BTreeMap<&str, Vec<(i64, &str)>> = BTreeMap::new();
    for &(table, position) in &node.children {
        let child = &groups[table].nodes[position];
        let entry = (child.index.unwrap_or(-1), child.signature.as_str());
        by_table.entry(&groups[table].name).or_default().push(entry);
    }
    let body: Vec<Value> = by_table
        .into_iter()
        .map(|(name, mut children)| {
            children.sort();
            json!([name, children])
        })
        .collect();
    let mut own = node.row.clone();
    let random_id = group.id_column.as_ref().filter(|_| !group.is_deterministic);
    let made = [
        random_id,
        group.parent_column.as_ref(),
        group.root_column.as_ref(),
    ];
    for column in made.into_iter().flatten() {
        own.shift_remove(column);
    }
    python_json(&json!([own, body]), Keys::Sorted)
}

/// Sorts the rows of every table and names their paths, parents before children.
fn name_paths(groups: &mut [Group]) {
    let mut paths: HashMap<(String, String), String> = HashMap::new();
    for group in groups {
        match &group.parent {
            None => {
                group.nodes.sort_by(|a, b| a.signature.cmp(&b.signature));
                for (i, node) in group.nodes.iter_mut().enumerate() {
                    node.path = format!("{}#{i}", group.name);
                }
            }
            Some(parent) => name_child_paths(&group.name, parent, &mut group.nodes, &paths),
        }
        for node in &group.nodes {
            if let Some(id) = &node.id {
                paths.insert((group.name.clone(), id.clone()), node.path.clone());
            }
        }
    }
}

fn name_child_paths(
    table: &str,
    parent: &str,
    nodes: &mut [Node],
    paths: &HashMap<(String, String), String>,
) {
    for node in nodes.iter_mut() {
        let of_parent = |id: &String| paths.get(&(parent.to_owned(), id.clone())).cloned();
        let known = node.parent_id.as_ref().and_then(of_parent);
        node.parent_path = known.unwrap_or_else(|| "dangling".to_owned());
    }
    nodes.sort_by_cached_key(|node| {
        (
            natural_parts(&node.parent_path),
            node.index.unwrap_or(-1),
            node.signature.clone(),
        )
    });
    let mut used: HashMap<String, usize> = HashMap::new();
    for node in nodes {
        let index = node
            .index
            .map_or_else(|| "None".to_owned(), |index| index.to_string());
        let place = format!("{}/{table}[{index}]", node.parent_path);
        let count = used.entry(place.clone()).or_default();
        *count += 1;
        node.path = if *count == 1 {
            place
        } else {
            format!("{place}~{count}")
        };
    }
}

/// Splits a path so that numbers sort by value: text, number, text, …
fn natural_parts(path: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, tail) = rest.split_at(start);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        parts.push((before.to_owned(), tail[..end].parse().unwrap_or(u64::MAX)));
        rest = &tail[end..];
    }
    parts.push((rest.to_owned(), 0));
    parts
}

fn replace_ids(groups: &mut [Group]) {
    let mut root_paths: HashMap<(String, String), String> = HashMap::new();
    for group in groups.iter().filter(|group| group.parent.is_none()) {
        for node in &group.nodes {
            if let Some(id) = &node.id {
                root_paths.insert((group.name.clone(), id.clone()), node.path.clone());
            }
        }
    }
    let parents: HashMap<String, Option<String>> = groups
        .iter()
        .map(|group| (group.name.clone(), group.parent.clone()))
        .collect();
    let root_of = |table: &str| {
        let parent = |table: &String| parents.get(table).cloned().flatten();
        std::iter::successors(Some(table.to_owned()), parent)
            .take(DEPTH_MAX + 1)
            .last()
    };
    for group in groups.iter_mut().filter(|group| !group.is_deterministic) {
        let root = root_of(&group.name).unwrap_or_default();
        let root_path = |id: &String| {
            let known = root_paths.get(&(root.clone(), id.clone())).cloned();
            known.unwrap_or_else(|| "dangling".to_owned())
        };
        for node in &mut group.nodes {
            let is_child = group.parent.is_some() && node.parent_id.is_some();
            let id = if is_child {
                child_row_id(&group.name, node)
            } else {
                root_row_id(node)
            };
            set(&mut node.row, group.id_column.as_ref(), id);
            if is_child {
                set(
                    &mut node.row,
                    group.parent_column.as_ref(),
                    Some(node.parent_path.clone()),
                );
                let root_id = node.root_id.as_ref().map(root_path);
                set(&mut node.row, group.root_column.as_ref(), root_id);
            }
        }
    }
}

fn set(row: &mut Row, column: Option<&String>, value: Option<String>) {
    if let (Some(column), Some(value)) = (column, value) {
        row.insert(column.clone(), json!(value));
    }
}

fn child_row_id(table: &str, node: &Node) -> Option<String> {
    let parent_id = node.parent_id.as_deref().unwrap_or_default();
    let index = node
        .index
        .map_or_else(|| "None".to_owned(), |index| index.to_string());
    let derived = derived_id(parent_id, table, &index);
    let mark = if node.id.as_deref() == Some(&derived) {
        ""
    } else {
        "!underived"
    };
    Some(format!("{}{mark}", node.path))
}

/// Ids that were not drawn at random came with the data and stay.
fn root_row_id(node: &Node) -> Option<String> {
    let id = node.id.as_ref()?;
    let is_random = id.len() == 14
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    is_random.then(|| node.path.clone())
}

/// The id that a row at this place must have (spec/normalize.md §4.1).
fn derived_id(parent_id: &str, table: &str, index: &str) -> String {
    let mut hasher = Shake128::default();
    hasher.update(format!("{parent_id}_{table}_{index}").as_bytes());
    let mut digest = [0; 10];
    hasher.finalize_xof().read(&mut digest);
    STANDARD_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_ids_are_the_hash_of_their_place() {
        assert_eq!(
            derived_id("z5jIxXIbUnmbKw", "t__kids", "1"),
            "W4OtA3daGzcj3A"
        );
    }

    #[test]
    fn numbers_in_paths_sort_by_value() {
        assert!(natural_parts("t#2/k[0]") < natural_parts("t#10/k[0]"));
        assert!(natural_parts("t#2/k[9]") < natural_parts("t#2/k[11]"));
    }
}
