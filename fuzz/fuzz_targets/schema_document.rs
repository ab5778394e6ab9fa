//! Any JSON as a schema document: no panic, and what is accepted survives writing and reading with its hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tipple_schema::Schema;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = serde_json::from_slice(data) else { return };
    let Ok(schema) = Schema::from_document(&document) else { return };
    let written = schema.to_document();
    let again = Schema::from_document(&written).expect("a document that was written can be read");
    assert_eq!(again.to_document(), written);
    assert_eq!(again.content_hash(), schema.content_hash());
});
