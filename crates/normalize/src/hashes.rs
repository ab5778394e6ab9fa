//! Hashes of which row ids are made: SHAKE-128, cut to the length of an id.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha3::Shake128;
use sha3::digest::{ExtendableOutput, Update, XofReader};

/// The first `len` bytes of the SHAKE-128 output for `message`.
pub fn shake128(message: &[u8], len: usize) -> Vec<u8> {
    let mut hash = Shake128::default();
    hash.update(message);
    let mut bytes = vec![0; len];
    hash.finalize_xof().read(&mut bytes);
    bytes
}

/// Bytes of the id of row `list_index` of a list, from the id of the row that held it.
pub fn child_id(parent_id: &str, table: &str, list_index: u32, len: usize) -> Vec<u8> {
    shake128(format!("{parent_id}_{table}_{list_index}").as_bytes(), len)
}

/// An id as it is printed.
pub fn id_text(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn child_ids_are_those_of_dlt() {
        for line in include_str!("../../../fixtures/golden/ids.jsonl").lines() {
            let case: Json = serde_json::from_str(line).expect("JSON");
            if case["fn"] == "nested" {
                let text = |key: &str| case[key].as_str().expect("text").to_owned();
                let index = case["idx"].as_u64().expect("a number") as u32;
                let id = id_text(&child_id(&text("parent"), &text("table"), index, 10));
                assert_eq!(id, text("out"), "{line}");
            }
        }
    }
}
