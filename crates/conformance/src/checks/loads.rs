//! One load: whole or not at all, once, and nothing left behind.

use std::thread;

use serde_json::{Value, json};
use tipple_destination::{Statement, StatementKind, SystemNames, Target};

use crate::crash;
use crate::lab::{Lab, Setup, wait};
use crate::wrap::{Twist, twisted};

fn t() -> Value {
    json!({"name": "t"})
}

fn with(lab: &Lab, twist: Twist) -> Setup {
    lab.setup().through(twisted(lab.destination(), twist))
}

pub(super) fn nothing_to_load(lab: &Lab) {
    lab.load(&t(), &[]);
    assert_eq!(lab.tables(Target::Final), [""; 0]);
}

pub(super) fn receipts(lab: &Lab) {
    let first = lab.load(&t(), &[json!({"id": 1})]);
    let second = lab.load(&t(), &[json!({"id": 2, "name": "new"})]);
    let mut expected = Vec::new();
    for report in [first, second] {
        let ids = report
            .packages
            .iter()
            .map(|package| format!("{} | lab | 0", package.load_id));
        expected.extend(ids);
    }
    assert_eq!(
        lab.rows("_dlt_loads", "load_id schema_name status"),
        expected
    );
    let stored = lab.rows("_dlt_version", "version_hash");
    let used = lab.rows("_dlt_loads", "schema_version_hash");
    assert!(
        used.iter().all(|hash| stored.contains(hash)),
        "{used:?} {stored:?}"
    );
}

pub(super) fn rows_carry_their_load(lab: &Lab) {
    let first = lab.load(&t(), &[json!({"id": 1})]);
    let second = lab.load(&t(), &[json!({"id": 2})]);
    let expected = [
        format!("1 | {}", first.packages[0].load_id),
        format!("2 | {}", second.packages[0].load_id),
    ];
    assert_eq!(lab.rows("t", "id _dlt_load_id"), expected);
}

pub(super) fn committed_twice(lab: &Lab) {
    let setup = with(lab, Twist::CommitTwice);
    let rows = [json!({"id": 1, "l": [1, 2]})];
    setup.load(&t(), &rows);
    let merged = json!({"name": "u", "write_disposition": "merge", "primary_key": "id"});
    setup.load(&merged, &rows);
    setup.load(&json!({"name": "v", "write_disposition": "replace"}), &rows);
    for table in ["t", "u", "v"] {
        assert_eq!(lab.count(Target::Final, table), 1);
        assert_eq!(lab.count(Target::Final, &format!("{table}__l")), 2);
    }
    assert_eq!(lab.count(Target::Final, "_dlt_loads"), 3);
}

/// A load that failed at the end of its commit.
fn break_a_load(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let broken = with(lab, Twist::BreakCommit);
    let rows = [json!({"id": 2, "l": [1]})];
    broken.try_load(&t(), &rows).unwrap_err();
}

pub(super) fn all_or_nothing(lab: &Lab) {
    break_a_load(lab);
    lab.expect("t", "id", &["1"]);
    assert_eq!(lab.count(Target::Final, "t__l"), 0);
    assert_eq!(lab.count(Target::Final, "_dlt_loads"), 1);
    assert_eq!(lab.count(Target::Final, "_dlt_pipeline_state"), 1);
}

pub(super) fn failed_load_goes_on(lab: &Lab) {
    break_a_load(lab);
    let report = lab.load(&t(), &[json!({"id": 3})]);
    assert!(report.loaded_pending);
    lab.expect("t", "id", &["1", "2"]);
    lab.expect("t__l", "value", &["1"]);
    lab.load(&t(), &[json!({"id": 3})]);
    lab.expect("t", "id", &["1", "2", "3"]);
}

pub(super) fn killed_between_calls(lab: &Lab) {
    crash::kill_between_calls(lab);
}

pub(super) fn killed_at_disk_steps(lab: &Lab) {
    crash::kill_at_disk_steps(lab);
}

pub(super) fn two_pipelines_at_once(lab: &Lab) {
    const LOADS: usize = 5;
    let destination = lab.destination();
    thread::scope(|scope| {
        for name in ["ants", "bees"] {
            let setup = lab.setup().named(name).through(destination.clone());
            scope.spawn(move || {
                let resource =
                    json!({"name": name, "write_disposition": "merge", "primary_key": "id"});
                for number in 0..LOADS {
                    setup.load(
                        &resource,
                        &[json!({"id": number, "l": [number]}), json!({"id": 0})],
                    );
                }
            });
        }
    });
    drop(destination);
    assert_eq!(
        lab.tables(Target::Final),
        ["ants", "ants__l", "bees", "bees__l"]
    );
    for name in ["ants", "bees"] {
        assert_eq!(lab.count(Target::Final, name), LOADS);
        assert_eq!(lab.count(Target::Final, &format!("{name}__l")), LOADS - 1);
    }
    assert_eq!(lab.count(Target::Final, "_dlt_loads"), 2 * LOADS);
}

fn merged() -> Value {
    json!({"name": "t", "write_disposition": "merge", "primary_key": "id",
           "columns": {"gone": {"data_type": "bool", "hard_delete": true}}})
}

pub(super) fn staging_is_left_empty(lab: &Lab) {
    let setup = lab
        .setup()
        .with(|settings| settings.truncate_staging_dataset = true);
    for id in [1, 2] {
        setup.load(&merged(), &[json!({"id": id, "l": [1]})]);
    }
    assert_eq!(lab.count(Target::Staging, "t"), 0);
    assert_eq!(lab.count(Target::Staging, "t__l"), 0);
    lab.expect("t", "id", &["1", "2"]);
}

pub(super) fn no_table_is_left_behind(lab: &Lab) {
    for id in [1, 2] {
        lab.load(&merged(), &[json!({"id": id, "l": [1]})]);
    }
    assert_eq!(
        lab.all_tables(Target::Final),
        [
            "_dlt_loads",
            "_dlt_pipeline_state",
            "_dlt_version",
            "t",
            "t__l",
        ]
    );
    assert_eq!(
        lab.all_tables(Target::Staging),
        ["_dlt_version", "t", "t__l"]
    );
}

pub(super) fn readers_cannot_write(lab: &Lab) {
    lab.load(&t(), &[json!({"id": 1})]);
    let (destination, names) = (lab.destination(), lab.names());
    let table = destination
        .dialect()
        .qualified(&names.table(Target::Final, "t"));
    let orders = [
        (
            StatementKind::Delete,
            format!("DELETE FROM {table} WHERE 1 = 1"),
        ),
        (StatementKind::DropTable, format!("DROP TABLE {table}")),
        (
            StatementKind::AlterTable,
            format!("ALTER TABLE {table} ADD COLUMN x varchar"),
        ),
    ];
    wait(async {
        let mut reader = destination.connect_read_only(&names).await.unwrap();
        let read = reader.query(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(read.unwrap()[0].num_rows(), 1);
        for (kind, sql) in orders {
            let statement = Statement::new(kind, "t", &sql, "a test");
            assert!(reader.execute(&[statement]).await.is_err(), "{sql}");
            assert!(reader.query(&sql).await.is_err(), "{sql}");
        }
    });
    lab.expect("t", "id", &["1"]);
}

pub(super) fn nothing_is_there(lab: &Lab) {
    let names = SystemNames::default();
    lab.with_client(async |client| {
        for target in [Target::Final, Target::Staging] {
            assert!(!client.dataset_exists(target).await.unwrap());
            assert!(!client.read_catalog(target, &[]).await.unwrap().exists);
            assert!(
                !client
                    .has_schema_version(target, &names, "x")
                    .await
                    .unwrap()
            );
        }
        assert_eq!(client.read_stored_schema(&names, None).await.unwrap(), None);
        assert_eq!(
            client.read_state(&names, "conformance").await.unwrap(),
            None
        );
        assert!(!client.has_receipt(&names, "1").await.unwrap());
    });
}
