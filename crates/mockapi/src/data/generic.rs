//! Rows of the generic area: small, with one column of every simple type.

use super::{CHILDREN_MAX, Kind, created_s, updated_s};
use crate::write::Writer;

const NAMES: [&str; 4] = ["alpha", "béta", "\"gamma\"", "дельта"];

pub(super) fn write(kind: Kind, index: u64, out: &mut Writer<'_>) {
    let place = index as i64;
    let name = NAMES[index as usize % NAMES.len()];
    out.open(b'{');
    match kind {
        Kind::Children => {
            out.key("cid")
                .int(place)
                .key("label")
                .text(&format!("{name} {index}"));
            out.key("price").raw(&format!("{}.5", index % 50));
            out.key("updated_at").atom(updated_s(index));
        }
        Kind::Toys => {
            out.key("toy")
                .int(place)
                .key("color")
                .plain(["red", "blue", "grün"][index as usize % 3]);
        }
        Kind::Events => {
            out.key("id").int(place + 1).key("seq").int(place + 1);
            out.key("kind")
                .plain(["view", "click", "buy"][index as usize % 3]);
            out.key("created_at")
                .atom(created_s(index))
                .key("updated_at")
                .atom(updated_s(index));
            out.key("details")
                .open(b'{')
                .key("value")
                .int(place * 7)
                .close(b'}');
        }
        _ => {
            out.key("id")
                .int(place + 1)
                .key("name")
                .text(&format!("{name} {index}"));
            out.key("score").raw(&format!("{}.25", index * 3));
            out.key("active").flag(index.is_multiple_of(2));
            out.key("created_at")
                .atom(created_s(index))
                .key("updated_at")
                .atom(updated_s(index));
            out.key("labels").open(b'[');
            for label in 0..index % 3 {
                out.plain(NAMES[label as usize]);
            }
            out.close(b']')
                .key("owner")
                .open(b'{')
                .key("id")
                .int(place % 5);
            out.key("city").plain("Köln").close(b'}');
        }
    }
    out.close(b'}');
}

/// Row numbers of the children of a row.
pub(crate) fn children(parent: u64, count: u64) -> std::ops::Range<u64> {
    let first = parent * CHILDREN_MAX;
    first..first + count.min(CHILDREN_MAX)
}
