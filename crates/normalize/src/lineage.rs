//! Ids of rows from their links, one at a time.
//!
//! The plain version of the identity pass: root rows get random ids in order, rows of lists the hash of their parent's id.
//! It also serves the rare row that needs an id before the batch is finished. Start with [`make_all`].

use crate::hashes;
use crate::rules::RandomIds;
use crate::tables::{RowRef, Tables};

/// Makes all ids that are pending.
pub fn make_all(tables: &mut Tables, random: &mut dyn RandomIds) {
    let rows = |tables: &Tables, table: u32| tables.table(table).row_count();
    for table in 0..tables.all().len() as u32 {
        for row in 0..rows(tables, table) {
            let links = tables.table(table).links()[row];
            if !links.parent.is_some() && tables.table(table).ids.is_pending(row) {
                make(
                    tables,
                    RowRef {
                        table,
                        row: row as u32,
                    },
                    random,
                );
            }
        }
    }
    for table in 0..tables.all().len() as u32 {
        for row in 0..rows(tables, table) {
            make(
                tables,
                RowRef {
                    table,
                    row: row as u32,
                },
                random,
            );
        }
    }
}

/// The id of a row, made now if it is pending.
pub fn id_now(tables: &mut Tables, row: RowRef, random: &mut dyn RandomIds) -> String {
    if !row.is_some() {
        return String::new();
    }
    make(tables, row, random);
    tables.table(row.table).ids.id(row.row as usize).to_owned()
}

/// Makes the id of a row, and before it those of the rows above it.
fn make(tables: &mut Tables, row: RowRef, random: &mut dyn RandomIds) {
    let mut chain = vec![];
    let mut next = row;
    while next.is_some() && tables.table(next.table).ids.is_pending(next.row as usize) {
        chain.push(next);
        next = tables.table(next.table).links()[next.row as usize].parent;
    }
    let len = tables.id_bytes();
    while let Some(RowRef { table, row }) = chain.pop() {
        let at = row as usize;
        let links = tables.table(table).links()[at];
        let bytes = if links.parent.is_some() {
            let parent = tables
                .table(links.parent.table)
                .ids
                .id(links.parent.row as usize);
            hashes::child_id(parent, &tables.table(table).name, links.list_index, len)
        } else {
            let mut bytes = vec![0; len];
            random.fill(&mut bytes);
            bytes
        };
        tables.table_mut(table).ids.set_bytes(at, &bytes);
    }
}
