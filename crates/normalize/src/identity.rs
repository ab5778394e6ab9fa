//! Ids of all rows of a batch, column by column.
//!
//! Hashing is the costliest thing that a row of a list needs, and rows of one table have messages of one layout, so they
//! are hashed side by side (see [`tipple_json::shake`]). Root rows get random ids in order. The ids that result are those
//! of the plain version in `lineage`, which also stands in where ids have another length. Start with [`make_all`].

use tipple_json::shake::{self, ChildIds, ID_BYTES, ID_CHARS};

use crate::lineage;
use crate::row_ids::RowIds;
use crate::rules::RandomIds;
use crate::tables::{Links, RowRef, Tables};

/// Bytes of a seed of [`SeededIds`].
pub const SEED_BYTES: usize = 32;
/// Random bytes that one hash gives.
const STRETCH_BYTES: usize = 160;

/// Random ids that follow from a seed, so that several threads can make them without waiting for one another.
///
/// The stream is SHAKE-128 of the seed and a counter: as hard to foresee as the seed.
#[derive(Debug, Clone)]
pub struct SeededIds {
    seed: [u8; SEED_BYTES],
    counter: u64,
    stretch: [u8; STRETCH_BYTES],
    used: usize,
}

impl SeededIds {
    /// The stream of `seed`.
    pub fn new(seed: [u8; SEED_BYTES]) -> Self {
        SeededIds {
            seed,
            counter: 0,
            stretch: [0; STRETCH_BYTES],
            used: STRETCH_BYTES,
        }
    }

    fn renew(&mut self) {
        let mut message = [0; SEED_BYTES + 8];
        message[..SEED_BYTES].copy_from_slice(&self.seed);
        message[SEED_BYTES..].copy_from_slice(&self.counter.to_le_bytes());
        self.stretch = shake::shake128(&message);
        self.counter += 1;
        self.used = 0;
    }
}

impl RandomIds for SeededIds {
    fn fill(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if self.used == STRETCH_BYTES {
                self.renew();
            }
            let count = bytes.len().min(STRETCH_BYTES - self.used);
            let (now, later) = bytes.split_at_mut(count);
            now.copy_from_slice(&self.stretch[self.used..self.used + count]);
            self.used += count;
            bytes = later;
        }
    }
}

/// Makes all ids that are pending.
pub fn make_all(tables: &mut Tables, random: &mut dyn RandomIds) {
    if tables.id_bytes() != ID_BYTES {
        return lineage::make_all(tables, random);
    }
    let count = tables.all().len() as u32;
    (0..count).for_each(|table| make_roots(tables, table, random));
    // A parent's table is nearly always met before that of its children, so one turn does it.
    while (0..count).fold(0, |made, table| made + make_children(tables, table)) > 0 {}
}

/// Makes the ids of rows without a parent.
fn make_roots(tables: &mut Tables, table: u32, random: &mut dyn RandomIds) {
    let (links, ids) = tables.table_mut(table).links_and_ids();
    if !ids.has_pending() {
        return;
    }
    let mut bytes = [0; ID_BYTES];
    if ids.are_all_pending() && links.iter().all(|links| !links.parent.is_some()) {
        let mut made = Vec::with_capacity(links.len() * ID_CHARS);
        for _ in links {
            random.fill(&mut bytes);
            made.extend_from_slice(&shake::id_text(bytes));
        }
        return ids.set_all(made);
    }
    for (row, links) in links.iter().enumerate() {
        if !links.parent.is_some() && ids.is_pending(row) {
            random.fill(&mut bytes);
            ids.set_bytes(row, &bytes);
        }
    }
}

/// Makes the ids of rows whose parents have theirs; gives their number.
fn make_children(tables: &mut Tables, table: u32) -> usize {
    let ids = &tables.table(table).ids;
    if !ids.has_pending() {
        return 0;
    }
    let mut maker = ChildIds::new(&tables.table(table).name);
    if ids.are_all_pending() && have_ids(tables, table) {
        let links = tables.table(table).links();
        let mut made = Vec::with_capacity(links.len() * ID_CHARS);
        maker.extend(links.iter().map(|links| message(tables, links)), &mut made);
        tables.table_mut(table).ids.set_all(made);
        return tables.table(table).row_count();
    }
    let rows: Vec<usize> = ready_rows(tables, table);
    let links = tables.table(table).links();
    let mut made = Vec::with_capacity(rows.len() * ID_CHARS);
    maker.extend(
        rows.iter().map(|row| message(tables, &links[*row])),
        &mut made,
    );
    let ids = &mut tables.table_mut(table).ids;
    for (row, id) in rows.iter().zip(made.chunks_exact(ID_CHARS)) {
        ids.set_made(*row, id);
    }
    rows.len()
}

/// True when all rows of the table have parents whose ids are known.
fn have_ids(tables: &Tables, table: u32) -> bool {
    let mut known = RowRef::NONE.table;
    tables.table(table).links().iter().all(|links| {
        // Rows of one table nearly always have parents in one table.
        if links.parent.table != known && has_all_ids(tables, links.parent) {
            known = links.parent.table;
        }
        links.parent.table == known && links.parent.is_some()
    })
}

fn has_all_ids(tables: &Tables, row: RowRef) -> bool {
    row.is_some() && !tables.table(row.table).ids.has_pending()
}

fn ready_rows(tables: &Tables, table: u32) -> Vec<usize> {
    let ids = &tables.table(table).ids;
    let is_ready = |row: usize, parent: RowRef| {
        parent.is_some()
            && ids.is_pending(row)
            && !tables
                .table(parent.table)
                .ids
                .is_pending(parent.row as usize)
    };
    let links = tables.table(table).links().iter().enumerate();
    links
        .filter(|(row, links)| is_ready(*row, links.parent))
        .map(|(row, _)| row)
        .collect()
}

#[inline]
fn message<'t>(tables: &'t Tables, links: &Links) -> (&'t [u8], i64) {
    let ids: &RowIds = &tables.table(links.parent.table).ids;
    (
        ids.id_bytes(links.parent.row as usize),
        i64::from(links.list_index),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tables::Links;

    /// Three tables; each row is a root or has a row of any table as its parent.
    fn tables_of(rows: &[(u32, Option<usize>, u32, u8)]) -> Tables {
        let mut tables = Tables::new(ID_BYTES);
        for name in ["t", "t__a", "t__b"] {
            tables.table_index(name);
        }
        let mut refs: Vec<RowRef> = Vec::new();
        for (table, parent, list_index, kind) in rows {
            let parent = parent.and_then(|i| refs.get(i % refs.len().max(1)).copied());
            let links = Links {
                parent: parent.unwrap_or(RowRef::NONE),
                list_index: *list_index,
                ..Links::ROOT
            };
            let row = tables.end_row(*table, links);
            match kind {
                0 => tables
                    .table_mut(*table)
                    .ids
                    .set_text(row.row as usize, "own id"),
                1 => tables
                    .table_mut(*table)
                    .ids
                    .set_bytes(row.row as usize, &[7; 10]),
                _ => {}
            }
            refs.push(row);
        }
        tables
    }

    fn ids(tables: &Tables) -> Vec<Vec<String>> {
        let ids = |t: &crate::tables::TableBuilder| {
            (0..t.row_count())
                .map(|row| t.ids.id(row).to_owned())
                .collect()
        };
        tables.all().iter().map(ids).collect()
    }

    proptest! {
        #[test]
        fn the_columnar_pass_makes_the_ids_of_the_plain_one(
            rows in prop::collection::vec((0u32..3, prop::option::of(0usize..60), 0u32..2000, 0u8..12), 0..60),
        ) {
            let (mut plain, mut columnar) = (tables_of(&rows), tables_of(&rows));
            lineage::make_all(&mut plain, &mut SeededIds::new([1; SEED_BYTES]));
            make_all(&mut columnar, &mut SeededIds::new([1; SEED_BYTES]));
            prop_assert_eq!(ids(&columnar), ids(&plain));
        }
    }

    #[test]
    fn a_seed_gives_one_stream_however_it_is_taken() {
        let mut whole = [0; 1000];
        SeededIds::new([3; SEED_BYTES]).fill(&mut whole);
        let mut parts = SeededIds::new([3; SEED_BYTES]);
        let mut taken = [0; 1000];
        taken.chunks_mut(7).for_each(|part| parts.fill(part));
        assert_eq!(whole, taken);
        assert_ne!(whole[..160], whole[160..320]);
    }
}
