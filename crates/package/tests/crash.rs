//! Stops at every durable step: typed errors when the disk refuses, and a whole package or none after a crash.
//!
//! A crash is a child process that aborts at a fail point; the parent then looks at the folder as the next run would.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed step is a failed test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use fail::FailScenario;
use serde_json::json;
use tipple_package::fsx::FAIL_POINTS;
use tipple_package::{
    Completion, JobState, PackageError, PackageState, PackageStore, Progress, Snapshot,
};

const ID: &str = "1795291809.5";

fn rows(count: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    RecordBatch::try_from_iter([("id", column)]).unwrap()
}

fn make(working: &Path) -> tipple_package::Result<()> {
    let store = PackageStore::open(working)?;
    let mut writer = store.create(ID, &json!({"name": "shop"}))?;
    writer.keep_for_restore(&Snapshot::take(working)?)?;
    writer.write("orders", &rows(100_000))?;
    writer.write("items", &rows(10))?;
    writer.seal(&json!({"name": "shop"}), &json!({"orders": {}}))?;
    Ok(())
}

fn load(working: &Path) -> tipple_package::Result<()> {
    let package = PackageStore::open(working)?.find(ID)?;
    package.commit_schema_updates(&json!({"orders": {}}))?;
    let started = package.start(&package.jobs()?)?;
    // The commit of the destination would be here.
    package.complete_jobs(&started)?;
    package.complete(Completion::Loaded)?;
    Ok(())
}

fn give_up(working: &Path) -> tipple_package::Result<()> {
    let store = PackageStore::open(working)?;
    if let Some(plan) = store.plan_abort(None)? {
        store.abort(&plan)?;
    }
    Ok(())
}

fn step(name: &str, working: &Path) -> tipple_package::Result<()> {
    match name {
        "make" => make(working),
        "load" => load(working),
        _ => give_up(working),
    }
}

/// Runs a step in a child process that is killed at the fail point. True if it was.
fn killed_at(point: &str, name: &str, working: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["child_that_runs_one_step", "--exact", "--nocapture"])
        .env("STEP", name)
        .env("WORKING", working)
        .env("FAILPOINTS", format!("{point}=return(kill)"))
        .output()
        .unwrap()
        .status;
    !status.success()
}

#[test]
fn child_that_runs_one_step() {
    let Ok(name) = std::env::var("STEP") else {
        return;
    };
    let scenario = FailScenario::setup();
    step(&name, &PathBuf::from(std::env::var("WORKING").unwrap())).unwrap();
    scenario.teardown();
}

/// After any crash the package is there whole, or not at all; then the run goes on to the end.
#[test]
fn a_kill_at_any_point_leaves_a_whole_package_or_none() {
    let mut kills = 0;
    for point in FAIL_POINTS {
        for name in ["make", "load", "abort"] {
            let root = tempfile::tempdir().unwrap();
            let working = root.path().join("shop");
            if name != "make" {
                make(&working).unwrap();
            }
            if killed_at(point, name, &working) {
                kills += 1;
                check_after_kill(&working, name, point);
            }
        }
    }
    assert!(
        kills > 30,
        "only {kills} kills: are the fail points compiled in?"
    );
}

fn check_after_kill(working: &Path, name: &str, point: &str) {
    let store = PackageStore::open(working).unwrap();
    let recovery = store.recover().unwrap();
    assert_eq!(
        store.list(PackageState::New).unwrap(),
        [""; 0],
        "{name} {point}"
    );
    for pending in &recovery.pending {
        pending
            .package
            .verify()
            .unwrap_or_else(|error| panic!("{name} {point}: {error}"));
        if pending.progress == Progress::Aborting {
            give_up(working).unwrap();
        } else {
            pending.package.reset_jobs().unwrap();
        }
    }
    let is_pending = !store.pending().unwrap().is_empty();
    match (name, store.find(ID)) {
        ("make", Err(PackageError::NotFound { .. })) => make(working).unwrap(),
        ("make" | "load", Ok(package)) if is_pending => {
            assert_eq!(
                package.jobs_in(JobState::New).unwrap().len(),
                2,
                "{name} {point}"
            );
            load(working).unwrap();
        }
        (_, Ok(package)) => assert!(is_pending || package.completion().unwrap().is_some()),
        (_, Err(error)) => panic!("{name} {point}: {error}"),
    }
    let again = store.recover().unwrap();
    assert!(
        again.removed.is_empty() && again.finished.is_empty(),
        "{name} {point}: {again:?}"
    );
}

#[test]
fn a_torn_write_is_deleted() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    let store = PackageStore::open(&working).unwrap();
    std::fs::write(working.join(".tmp-state.json"), "{").unwrap();
    std::fs::create_dir_all(working.join("load/new/.tmp-1.5/new_jobs")).unwrap();
    assert_eq!(store.recover().unwrap().removed.len(), 2);
    assert!(!working.join(".tmp-state.json").exists());
}

#[test]
fn a_package_that_was_not_sealed_is_deleted() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    assert!(killed_at("package.seal.before_rename", "make", &working));
    let store = PackageStore::open(&working).unwrap();
    assert_eq!(store.list(PackageState::New).unwrap(), [ID]);
    let recovery = store.recover().unwrap();
    assert_eq!(recovery.removed, [working.join("load/new").join(ID)]);
    assert!(recovery.pending.is_empty());
}

#[test]
fn an_extracted_package_counts_only_with_its_last_line() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    let store = PackageStore::open(&working).unwrap();
    let extracted = store.folder(PackageState::Extracted);
    for (load_id, lines) in [
        (
            "1.5",
            "{\"format\":1,\"program\":\"tipple\",\"load_id\":\"1.5\"}\n",
        ),
        ("2.5", "{\"end\":true,\"jobs\":0,\"rows\":0,\"bytes\":0}\n"),
        ("3.5", "{\"end\":true,\"jobs\":0,\"ro"),
    ] {
        std::fs::create_dir_all(extracted.join(load_id)).unwrap();
        std::fs::write(extracted.join(load_id).join("manifest.jsonl"), lines).unwrap();
    }
    store.recover().unwrap();
    assert_eq!(store.list(PackageState::Extracted).unwrap(), ["2.5"]);
}

#[test]
fn a_load_that_was_not_begun_is_loaded() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    make(&working).unwrap();
    let recovery = PackageStore::open(&working).unwrap().recover().unwrap();
    assert_eq!(recovery.pending[0].progress, Progress::NotBegun);
}

#[test]
fn a_load_that_was_begun_asks_for_the_receipt() {
    for (point, has_receipt) in [
        ("package.jobs.after_start", false),
        ("package.jobs.before_complete", true),
    ] {
        let root = tempfile::tempdir().unwrap();
        let working = root.path().join("shop");
        make(&working).unwrap();
        assert!(killed_at(point, "load", &working));
        let store = PackageStore::open(&working).unwrap();
        let pending = store.recover().unwrap().pending.remove(0);
        assert_eq!(pending.progress, Progress::Begun);
        if has_receipt {
            let loaded = pending.package.complete_after_receipt().unwrap();
            assert_eq!(loaded.jobs_in(JobState::Completed).unwrap().len(), 2);
            assert!(store.pending().unwrap().is_empty());
        } else {
            pending.package.reset_jobs().unwrap();
            load(&working).unwrap();
        }
        assert_eq!(store.list(PackageState::Loaded).unwrap(), [ID]);
    }
}

#[test]
fn a_marker_or_a_rename_that_is_missing_is_made_up_for() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    make(&working).unwrap();
    assert!(killed_at(
        "package.complete.before_rename",
        "load",
        &working
    ));
    let store = PackageStore::open(&working).unwrap();
    assert_eq!(store.recover().unwrap().finished, [ID]);
    let marker = store
        .find(ID)
        .unwrap()
        .path()
        .join("package_completed.json");
    std::fs::remove_file(&marker).unwrap();
    assert_eq!(store.recover().unwrap().finished, [ID]);
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "loaded");
}

#[test]
fn a_full_disk_names_the_file_and_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    PackageStore::open(&working).unwrap();
    let scenario = FailScenario::setup();
    fail::cfg("fsx.append", "1*off->return(full)").unwrap();
    let error = make(&working).unwrap_err();
    scenario.teardown();
    assert!(
        matches!(&error, PackageError::DiskFull { path, .. }
        if path.to_string_lossy().contains("new_jobs/orders.")),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("no space is left to write `"),
        "{error}"
    );
    assert!(
        PackageStore::open(&working)
            .unwrap()
            .list(PackageState::New)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_large_file_that_cannot_be_synced_while_it_is_written_stops_the_seal() {
    let root = tempfile::tempdir().unwrap();
    let store = PackageStore::open(&root.path().join("shop")).unwrap();
    let mut writer = store.create(ID, &json!({})).unwrap();
    let scenario = FailScenario::setup();
    fail::cfg("fsx.sync_file", "1*return(full)->off").unwrap();
    for _ in 0..5 {
        writer.write("orders", &rows(1 << 20)).unwrap();
    }
    let error = writer.seal(&json!({}), &json!({})).unwrap_err();
    scenario.teardown();
    assert!(matches!(error, PackageError::DiskFull { .. }), "{error}");
    assert!(store.find(ID).is_err());
}

#[test]
fn a_folder_without_permission_is_named() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    let scenario = FailScenario::setup();
    fail::cfg("fsx.create_dir", "return(denied)").unwrap();
    let error = PackageStore::open(&working).unwrap_err();
    scenario.teardown();
    assert!(
        matches!(&error, PackageError::NotWritable { path, .. }
        if path.ends_with("normalize/extracted")),
        "{error}"
    );
}
