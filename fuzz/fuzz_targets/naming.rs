//! Any text as a name: no panic, names keep to the maximum length, and a name that was made stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tipple_schema::Naming;

const CONVENTIONS: [&str; 6] =
    ["snake_case", "direct", "duck_case", "sql_cs_v1", "sql_ci_v1", "s3_tables"];

fuzz_target!(|input: (u8, String)| {
    let (limit, text) = input;
    // Shorter limits than this leave no room for the tag of a shortened name.
    let limit = usize::from(limit).max(16);
    for convention in CONVENTIONS {
        let naming = Naming::from_name(convention, Some(limit)).expect("a known convention");
        if let Ok(name) = naming.identifier(&text) {
            assert!(name.chars().count() <= limit, "{convention}: {name}");
        }
        if let Ok(path) = naming.path(&text) {
            assert!(path.chars().count() <= limit, "{convention}: {path}");
        }
        let _ = naming.fragments(&[&text, &text]);
    }
});
