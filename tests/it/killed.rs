//! A process that is killed: whatever it was doing, running again gives what one undisturbed run gives.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Place, fixtures};

/// Orders that keep a run busy long enough to be caught in every step.
const COPIES: usize = 60;

fn place_with_orders() -> Place {
    let place = Place::new();
    let orders = std::fs::read_to_string(fixtures("orders/orders.jsonl")).unwrap();
    place.write("orders.jsonl", orders.repeat(COPIES));
    place
}

/// Rows per table, and the sum of what they hold; load ids differ between runs that were killed.
fn content(place: &Place) -> Vec<(String, Value)> {
    let dump = place.dump();
    let tables = dump["tables"].as_object().unwrap();
    let data = tables.iter().filter(|(name, _)| !name.starts_with("_dlt"));
    data.map(|(name, table)| {
        let mut rows = table["rows"].clone();
        for row in rows.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("_dlt_load_id");
        }
        (name.clone(), rows)
    })
    .collect()
}

/// Kills the first run as soon as `is_time`, runs again until a run has loaded the file, and compares.
#[track_caller]
fn check(is_time: impl Fn(&Place) -> bool) {
    let undisturbed = place_with_orders();
    assert_eq!(
        undisturbed
            .load("orders.jsonl", &["--write-disposition", "replace"])
            .code,
        Some(0)
    );
    let place = place_with_orders();
    let mut first = start(&place);
    let was_killed = kill_when(&mut first, || is_time(&place));
    // A killed run left a package, which the next run loads; the one after it reads the file.
    for _ in 0..2 {
        let ended = place.load("orders.jsonl", &["--write-disposition", "replace"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(content(&place), content(&undisturbed));
    assert!(was_killed, "the run ended before it could be killed");
}

fn start(place: &Place) -> Child {
    let mut command = place.load_command("orders.jsonl", &["--write-disposition", "replace"]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the process when the condition holds; false when it ended before.
pub fn kill_when(child: &mut Child, is_time: impl Fn() -> bool) -> bool {
    let limit = Instant::now() + Duration::from_secs(60);
    while Instant::now() < limit {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_time() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        std::hint::spin_loop();
    }
    panic!("the moment did not come");
}

fn load_folder(place: &Place) -> PathBuf {
    place.path("data/pipelines/shop/load")
}

fn has_entry(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

#[test]
fn killed_while_it_reads() {
    check(|place| has_entry(&load_folder(place).join("new")));
}

#[test]
fn killed_after_the_package_is_sealed() {
    check(|place| has_entry(&load_folder(place).join("normalized")));
}

#[test]
fn killed_while_it_loads() {
    check(|place| {
        place
            .path("shop.duckdb.wal")
            .metadata()
            .is_ok_and(|file| file.len() > 0)
    });
}
