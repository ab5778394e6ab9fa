//! Bad input and bad surroundings: what is said, with which exit code, and that nothing has changed at the destination.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::program::{Ended, Place};

/// A place in which three orders are loaded already.
fn loaded_place() -> Place {
    let place = Place::new();
    place.write(
        "good.jsonl",
        "{\"id\":1,\"total\":2.5}\n{\"id\":2}\n{\"id\":3,\"items\":[{\"sku\":\"a\"}]}\n",
    );
    let ended = place.load("good.jsonl", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    place
}

/// Loads `content` after good data: a snapshot of message and exit code, and no change in the database.
#[track_caller]
fn check(name: &str, file: &str, content: impl AsRef<[u8]>, more: &[&str]) {
    let place = loaded_place();
    let before = place.dump();
    place.write(file, content);
    let ended = place.load(file, more);
    snapshot(name, &ended);
    assert_eq!(place.dump(), before, "the destination has changed");
    // The pipeline is not stuck: good data can be loaded at once.
    place.write("more.jsonl", "{\"id\":4}\n");
    let ended = place.load("more.jsonl", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[track_caller]
fn snapshot(name: &str, ended: &Ended) {
    let code = ended
        .code
        .map_or_else(|| "none".to_owned(), |code| code.to_string());
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\.[0-9a-f]{10}\.", ".[file id].");
    settings.add_filter(r"\b\d{10}\.\d+", "[load id]");
    settings.add_filter(r"held by \S+", "held by [program]");
    settings.bind(|| {
        insta::assert_snapshot!(name, format!("{}\n\nexit code {code}", ended.stderr));
    });
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (1..=count).fold(String::new(), |mut text, number| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

#[test]
fn malformed_json_is_named_by_file_line_and_column() {
    let content = lines(1500, |number| match number {
        1000 => r#"{"id": 1000, "customer": {"city": "Oslo",, "zip": "0150"}}"#.to_owned(),
        _ => format!(r#"{{"id": {number}}}"#),
    });
    check("malformed_json", "bad.jsonl", content, &[]);
}

#[test]
fn a_truncated_gzip_is_named() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let text = lines(20_000, |number| {
        format!(r#"{{"id": {number}, "text": "{:x}"}}"#, number * 7919)
    });
    encoder.write_all(text.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    check(
        "truncated_gzip",
        "bad.jsonl.gz",
        &bytes[..bytes.len() / 2],
        &[],
    );
}

#[test]
fn an_integer_beyond_64_bit_is_refused() {
    let content = "{\"id\": 10}\n{\"id\": 11, \"amount\": 18446744073709551616}\n";
    check("integer_beyond_64_bit", "bad.jsonl", content, &[]);
}

#[test]
fn a_nan_is_refused() {
    check(
        "nan",
        "bad.jsonl",
        "{\"id\": 10}\n{\"id\": 11, \"total\": NaN}\n",
        &[],
    );
}

#[test]
fn ten_thousand_levels_are_refused() {
    let content = format!(
        "{{\"id\": 10, \"a\": {}1{}}}\n",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    check("ten_thousand_levels", "bad.jsonl", content, &[]);
}

#[test]
fn a_hundred_thousand_keys_are_refused() {
    let keys = (0..100_000).fold(String::new(), |mut text, number| {
        let _ = write!(text, ",\"key_{number}\":{number}");
        text
    });
    check(
        "hundred_thousand_keys",
        "bad.jsonl",
        format!("{{\"id\": 10{keys}}}\n"),
        &[],
    );
}

#[test]
fn a_key_that_is_no_text_is_refused() {
    check(
        "key_not_utf8",
        "bad.jsonl",
        b"{\"id\": 10}\n{\"id\": 11, \"caf\xe9\": 1}\n",
        &[],
    );
}

#[test]
fn a_frozen_contract_is_kept() {
    let place = loaded_place();
    let before = place.dump();
    place.write(
        "frozen.yaml",
        "pipeline: shop\ndataset: shop\nsource: shop\nrows:\n  resources:\n    - name: orders\n      schema_contract: { columns: freeze }\n      rows: [{ id: 4 }, { id: 5, discount: 10 }]\n",
    );
    let destination = format!("duckdb:{}", place.database().display());
    let run = place
        .tipple(&["run", "frozen.yaml", "--destination", &destination])
        .output()
        .unwrap();
    snapshot("frozen_contract", &place.ended(run));
    assert_eq!(place.dump(), before, "the destination has changed");
}

#[test]
fn a_missing_primary_key_is_named() {
    let more = ["--primary-key", "number", "--write-disposition", "merge"];
    let place = Place::new();
    place.write("bad.jsonl", "{\"id\": 10}\n");
    let ended = place.load("bad.jsonl", &more);
    snapshot("missing_primary_key", &ended);
    assert!(!place.database().exists() || place.dump()["tables"].get("orders").is_none());
}

/// Odd keys are no error: later values win, and an empty key has a name of its own.
#[test]
fn keys_that_collide_and_empty_keys_are_loaded() {
    let place = Place::new();
    place.write(
        "odd.jsonl",
        "{\"id\": 1, \"a b\": 1, \"a_b\": 2, \"aB\": 3, \"\": 4, \"  \": 5}\n",
    );
    let ended = place.load("odd.jsonl", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let dump = place.dump();
    let row = &dump["tables"]["orders"]["rows"][0];
    assert_eq!(
        (&row["a_b"], &row["_empty"]),
        (&3.into(), &5.into()),
        "{row}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = loaded_place();
    let before = place.dump();
    snapshot("no_such_file", &place.load("nothing-*.jsonl", &[]));
    assert_eq!(place.dump(), before, "the destination has changed");
}

#[test]
fn a_database_held_by_another_process_is_named() {
    let place = loaded_place();
    let before = place.dump();
    place.write("more.jsonl", "{\"id\":4}\n");
    let held = duckdb::Connection::open(place.database()).unwrap();
    let mut command = place.load_command("more.jsonl", &[]);
    command.env("DESTINATION__DUCKDB__LOCK_WAIT", "0.2");
    let ended = place.ended(command.output().unwrap());
    snapshot("database_held", &ended);
    drop(held);
    assert_eq!(place.dump(), before, "the destination has changed");
    let ended = place.load("more.jsonl", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_time_to_wait_that_is_none_is_refused() {
    let place = Place::new();
    place.write("more.jsonl", "{\"id\":4}\n");
    let mut command = place.load_command("more.jsonl", &[]);
    command.env("DESTINATION__DUCKDB__LOCK_WAIT", "-1");
    let ended = place.ended(command.output().unwrap());
    snapshot("lock_wait_negative", &ended);
    assert!(!place.database().exists(), "a database was made");
}

/// Runs a load in a mount namespace of its own, after `setup` (a shell command); nothing when that is not allowed here.
fn in_namespace(place: &Place, setup: &str, file: &str) -> Option<Ended> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]);
        command.stdin(Stdio::null()).current_dir(place.path(""));
        command
    };
    let probe = unshare(setup).output().ok()?;
    if !probe.status.success() {
        eprintln!(
            "skipped: mounts are not allowed here: {}",
            String::from_utf8_lossy(&probe.stderr)
        );
        return None;
    }
    let load = place.load_command(file, &[]);
    let mut command = unshare(&format!("{setup} && exec \"$@\""));
    command.arg(load.get_program()).args(load.get_args());
    for (key, value) in load.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    Some(place.ended(command.output().unwrap()))
}

#[test]
fn a_database_that_cannot_be_written_is_named() {
    let place = loaded_place();
    let before = place.dump();
    place.write("more.jsonl", "{\"id\":4}\n");
    let setup = "mount --bind shop.duckdb shop.duckdb && mount -o remount,ro,bind shop.duckdb";
    let Some(ended) = in_namespace(&place, setup, "more.jsonl") else {
        return;
    };
    snapshot("database_read_only", &ended);
    assert_eq!(place.dump(), before, "the destination has changed");
}

#[test]
fn a_full_disk_is_named() {
    let place = loaded_place();
    let before = place.dump();
    place.write(
        "more.jsonl",
        lines(30_000, |number| {
            format!(r#"{{"id": {number}, "text": "{:x}"}}"#, number * 7919)
        }),
    );
    let setup = "mkdir -p data && mount -t tmpfs -o size=256k tmpfs data";
    let Some(ended) = in_namespace(&place, setup, "more.jsonl") else {
        return;
    };
    snapshot("disk_full", &ended);
    assert_eq!(place.dump(), before, "the destination has changed");
}
