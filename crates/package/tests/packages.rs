//! Life of a package, from the outside: what is written, what is found, what moves where.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use serde_json::json;
use tipple_package::{
    Completion, FailureKind, FileLimits, JobState, PackageError, PackageState, PackageStore,
    Snapshot, fsx::Disk, lock, lock_holder,
};

const ID: &str = "1795291809.2349176";

fn store(root: &Path) -> PackageStore {
    PackageStore::open_with(&root.join("shop"), Disk::RELAXED).unwrap()
}

fn rows(ids: &[i64]) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    RecordBatch::try_from_iter([("id", column)]).unwrap()
}

fn named_rows(ids: &[i64], names: &[&str]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in tipple_package::fsx::list(folder).unwrap() {
            let name = format!("{prefix}{}", entry.name);
            if entry.is_dir {
                walk(&folder.join(&entry.name), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found
}

#[test]
fn a_sealed_package_has_dlts_folders_and_names() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let mut writer = store.create(ID, &json!({"name": "shop"})).unwrap();
    writer.write("orders", &rows(&[1, 2])).unwrap();
    writer.write("orders__items", &rows(&[3])).unwrap();
    let package = writer
        .seal(
            &json!({"name": "shop", "version": 2}),
            &json!({"orders": {}}),
        )
        .unwrap();
    assert_eq!(package.state(), PackageState::Normalized);
    assert_eq!(
        tree(&root.path().join("shop")),
        [
            "load/.version",
            "load/normalized/1795291809.2349176/load_package_state.json",
            "load/normalized/1795291809.2349176/manifest.jsonl",
            "load/normalized/1795291809.2349176/new_jobs/orders.fee7000000.0.arrow",
            "load/normalized/1795291809.2349176/new_jobs/orders__items.fee7000001.0.arrow",
            "load/normalized/1795291809.2349176/schema.json",
            "load/normalized/1795291809.2349176/schema_updates.json",
            "normalize/.version",
        ]
    );
    assert_eq!(package.schema().unwrap()["version"], 2);
    assert_eq!(package.manifest().unwrap().rows(), 3);
    package.verify().unwrap();
}

#[test]
fn rows_come_back_batch_by_batch_in_order() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    for start in [1, 10, 20] {
        writer.write("orders", &rows(&[start, start + 1])).unwrap();
    }
    let package = writer.seal(&json!({}), &json!({})).unwrap();
    let jobs = package.jobs().unwrap();
    assert_eq!((jobs.len(), jobs[0].rows), (1, Some(6)));
    let read: Vec<RecordBatch> = jobs[0].open().unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [rows(&[1, 2]), rows(&[10, 11]), rows(&[20, 21])]);
    let some = jobs[0].open().unwrap().only(1..9).unwrap();
    assert_eq!(some.map(Result::unwrap).collect::<Vec<_>>(), read[1..]);
}

#[test]
fn a_new_column_begins_a_new_file() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    writer.write("orders", &rows(&[1])).unwrap();
    writer.write("orders", &named_rows(&[2], &["b"])).unwrap();
    writer.write("orders", &named_rows(&[3], &["c"])).unwrap();
    let jobs = writer.seal(&json!({}), &json!({})).unwrap().jobs().unwrap();
    assert_eq!(
        jobs.iter().map(|job| job.rows).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
}

#[test]
fn a_full_file_begins_a_new_one() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    writer.set_limits(FileLimits {
        rows_max: 2,
        ..FileLimits::default()
    });
    for id in 0..5 {
        writer.write("orders", &rows(&[id])).unwrap();
    }
    let jobs = writer.seal(&json!({}), &json!({})).unwrap().jobs().unwrap();
    assert_eq!(
        jobs.iter().map(|job| job.rows).collect::<Vec<_>>(),
        [Some(2), Some(2), Some(1)]
    );
}

#[test]
fn the_same_package_made_again_is_the_same_bytes() {
    let make = |root: &Path| {
        let mut writer = store(root).create(ID, &json!({})).unwrap();
        writer.write("b", &rows(&[1])).unwrap();
        writer.write("a", &rows(&[2])).unwrap();
        let package = writer.seal(&json!({}), &json!({})).unwrap();
        (package.manifest().unwrap().clone(), tree(&package.path()))
    };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(make(first.path()), make(second.path()));
}

#[test]
fn a_table_without_rows_gets_an_empty_job_once() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    writer.write("full", &rows(&[1])).unwrap();
    for table in ["full", "empty", "empty"] {
        writer.touch(table, rows(&[]).schema()).unwrap();
    }
    let package = writer.seal(&json!({}), &json!({})).unwrap();
    let jobs: Vec<_> = package
        .jobs()
        .unwrap()
        .into_iter()
        .map(|job| (job.table, job.rows))
        .collect();
    assert_eq!(
        jobs,
        [("full".to_owned(), Some(1)), ("empty".to_owned(), Some(0))]
    );
}

#[test]
fn any_table_name_keeps_its_name() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    let names = ["a/b.c", "../up", "Größe 50%", &"long".repeat(100)];
    for name in names {
        writer.write(name, &rows(&[1])).unwrap();
    }
    let package = writer.seal(&json!({}), &json!({})).unwrap();
    package.check().unwrap();
    let jobs: Vec<_> = package
        .jobs()
        .unwrap()
        .into_iter()
        .map(|job| job.table)
        .collect();
    assert_eq!(jobs, names);
}

#[test]
fn thousands_of_tables_hold_no_open_files() {
    let root = tempfile::tempdir().unwrap();
    let writer = store(root.path()).create(ID, &json!({})).unwrap();
    let mut jobs = Vec::new();
    for index in 0..3000 {
        let mut job = writer
            .job(&format!("t{index}"), rows(&[]).schema())
            .unwrap();
        job.write(&rows(&[index])).unwrap();
        jobs.push(job);
    }
    let open = std::fs::read_dir("/proc/self/fd")
        .map(Iterator::count)
        .unwrap_or(0);
    assert!(open < 100, "{open} open files");
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let mut writer = store.create(ID, &json!({})).unwrap();
    writer.write("orders", &rows(&[1])).unwrap();
    drop(writer);
    assert_eq!(tree(&root.path().join("shop/load/new")), [""; 0]);
    assert!(matches!(store.find(ID), Err(PackageError::NotFound { .. })));
}

#[test]
fn an_id_is_used_once() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    store
        .create(ID, &json!({}))
        .unwrap()
        .seal(&json!({}), &json!({}))
        .unwrap();
    assert!(matches!(
        store.create(ID, &json!({})),
        Err(PackageError::Exists { .. })
    ));
    assert!(store.load_ids().unwrap().next_id().as_str() > ID);
}

#[test]
fn jobs_move_from_folder_to_folder_until_the_package_is_loaded() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let mut writer = store.create(ID, &json!({})).unwrap();
    writer.write("a", &rows(&[1])).unwrap();
    writer.write("b", &rows(&[1])).unwrap();
    let package = writer
        .seal(&json!({}), &json!({"a": {"columns": {}}}))
        .unwrap();
    let started = package.start(&package.jobs().unwrap()).unwrap();
    assert_eq!(package.jobs_in(JobState::Started).unwrap(), started);
    package
        .commit_schema_updates(&json!({"a": {"columns": {}}}))
        .unwrap();
    assert!(package.schema_updates().unwrap().is_none());
    assert!(package.is_partially_loaded().unwrap());
    package.complete_jobs(&started).unwrap();
    assert!(!package.is_partially_loaded().unwrap());
    let loaded = package.complete(Completion::Loaded).unwrap();
    assert_eq!(loaded.completion().unwrap(), Some(Completion::Loaded));
    assert_eq!(store.find(ID).unwrap().state(), PackageState::Loaded);
    assert!(store.pending().unwrap().is_empty());
    let again = loaded.complete(Completion::Loaded);
    assert!(matches!(again, Err(PackageError::Completed { .. })));
}

#[test]
fn each_try_of_a_job_keeps_its_message() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    writer.write("a", &rows(&[1])).unwrap();
    let package = writer.seal(&json!({}), &json!({})).unwrap();
    let mut job = package.jobs().unwrap().remove(0);
    for (kind, message) in [
        (FailureKind::Transient, "lost\nconnection"),
        (FailureKind::Terminal, "bad value"),
    ] {
        let started = package.start(&[job]).unwrap().remove(0);
        job = package.retry(&started, kind, message).unwrap();
    }
    assert_eq!(job.name.retry, 2);
    let exceptions = package.exceptions(&job.name).unwrap();
    let seen: Vec<_> = exceptions
        .iter()
        .map(|one| (one.retry, one.kind, one.message.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, FailureKind::Transient, "lost\nconnection"),
            (1, FailureKind::Terminal, "bad value")
        ]
    );
    let failed = package.fail(&job, "bad value").unwrap();
    assert_eq!(
        package.failed_message(&failed).unwrap().as_deref(),
        Some("bad value")
    );
    assert_eq!(package.jobs_in(JobState::Failed).unwrap(), [failed]);
}

#[test]
fn a_damaged_file_is_named() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store(root.path()).create(ID, &json!({})).unwrap();
    writer.write("a", &rows(&[1])).unwrap();
    let package = writer.seal(&json!({}), &json!({})).unwrap();
    let job = package.jobs().unwrap().remove(0);
    let mut bytes = std::fs::read(&job.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&job.path, &bytes).unwrap();
    package.check().unwrap();
    let error = package.verify().unwrap_err().to_string();
    assert!(error.contains("has another checksum") && error.contains("a.fee7000000.0.arrow"));
    std::fs::write(&job.path, &bytes[..middle]).unwrap();
    assert!(
        package
            .check()
            .unwrap_err()
            .to_string()
            .contains("bytes instead of")
    );
    assert!(job.open().is_err());
}

#[test]
fn a_package_of_another_program_is_left_alone_and_named() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let folder = root.path().join("shop/load/normalized/1.5/new_jobs");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("o.3ec5591cd6.0.insert_values.gz"), "x").unwrap();
    let extracted = root.path().join("shop/normalize/extracted/2.5");
    std::fs::create_dir_all(&extracted).unwrap();
    let recovery = store.recover().unwrap();
    assert_eq!(recovery.foreign, [extracted]);
    let error = recovery.pending[0].package.check().unwrap_err();
    assert!(matches!(error, PackageError::Foreign { .. }), "{error}");
}

#[test]
fn giving_up_puts_state_and_schemas_back_and_deletes_what_is_younger() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let working = root.path().join("shop");
    std::fs::create_dir_all(working.join("schemas")).unwrap();
    std::fs::write(working.join("state.json"), "old").unwrap();
    std::fs::write(working.join("schemas/shop.schema.json"), "{}").unwrap();
    for (load_id, state) in [("1.5", "newer"), ("2.5", "newest")] {
        let mut writer = store.create(load_id, &json!({})).unwrap();
        writer
            .keep_for_restore(&Snapshot::take(&working).unwrap())
            .unwrap();
        writer.write("a", &rows(&[1])).unwrap();
        writer.seal(&json!({}), &json!({})).unwrap();
        std::fs::write(working.join("state.json"), state).unwrap();
    }
    std::fs::write(working.join("schemas/other.schema.json"), "{}").unwrap();
    let package = store.find("1.5").unwrap();
    let started = package.start(&package.jobs().unwrap()).unwrap();
    package
        .retry(&started[0], FailureKind::Terminal, "bad value")
        .unwrap();

    let plan = store.plan_abort(None).unwrap().unwrap();
    let doomed = plan.package_to_abort.clone().unwrap();
    assert_eq!(
        (doomed.load_id.as_str(), doomed.terminal_jobs.len()),
        ("1.5", 1)
    );
    assert_eq!(plan.packages_to_delete, ["2.5"]);
    assert!(store.abort(&plan).unwrap().is_restored);

    assert_eq!(
        std::fs::read_to_string(working.join("state.json")).unwrap(),
        "old"
    );
    assert_eq!(tree(&working.join("schemas")), ["shop.schema.json"]);
    assert!(store.pending().unwrap().is_empty());
    let aborted = store.find("1.5").unwrap();
    assert_eq!(aborted.completion().unwrap(), Some(Completion::Aborted));
    assert_eq!(aborted.jobs_in(JobState::Failed).unwrap().len(), 1);
    assert!(store.plan_abort(None).unwrap().is_none());
}

#[test]
fn giving_up_a_younger_package_leaves_the_older_one() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    for load_id in ["1.5", "2.5", "3.5"] {
        store
            .create(load_id, &json!({}))
            .unwrap()
            .seal(&json!({}), &json!({}))
            .unwrap();
    }
    let plan = store.plan_abort(Some("2.5")).unwrap().unwrap();
    assert_eq!(plan.package_to_abort, None);
    assert_eq!(plan.packages_to_delete, ["2.5", "3.5"]);
    assert!(!store.abort(&plan).unwrap().is_restored);
    assert_eq!(store.list(PackageState::Normalized).unwrap(), ["1.5"]);
    assert!(matches!(
        store.plan_abort(Some("9.5")),
        Err(PackageError::NotFound { .. })
    ));
}

#[test]
fn a_second_process_is_told_who_runs_the_pipeline() {
    let root = tempfile::tempdir().unwrap();
    let working = root.path().join("shop");
    let held = lock(&working).unwrap();
    assert_eq!(lock_holder(&working).unwrap(), Some(std::process::id()));
    let error = lock(&working).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "pipeline `shop` is being run by another process (process {})",
            std::process::id()
        )
    );
    drop(held);
    assert_eq!(lock_holder(&working).unwrap(), None);
    lock(&working).unwrap();
}

#[test]
fn a_folder_of_a_newer_program_is_refused() {
    let root = tempfile::tempdir().unwrap();
    store(root.path());
    std::fs::write(root.path().join("shop/load/.version"), "2.0.0").unwrap();
    let error = PackageStore::open(&root.path().join("shop")).unwrap_err();
    assert!(matches!(error, PackageError::Version { found, .. } if found == "2.0.0"));
}
