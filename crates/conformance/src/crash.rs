//! Processes that are killed between two steps of a load, and what the next run makes of it.
//!
//! A child is the test binary itself, which runs only the test [`child`]; it does the second load of a small shop and ends
//! at once at the place that it was told. The parent then runs the same load again and looks at the tables. Places are
//! the fail points of `tipple-package` (steps on disk) and the calls of a client (steps at the destination).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tipple_destination::Target;
use tipple_package::fsx::FAIL_POINTS;
use tipple_pipeline::{RunOptions, RunReport};

use crate::harness::Harness;
use crate::lab::{Lab, Setup, of_rows};
use crate::wrap::{Twist, twisted};

/// Variables that make a child of a test process: address of the place, folder of its working folders, call to stop at.
const ADDRESS: &str = "TIPPLE_CONFORMANCE_ADDRESS";
const FOLDER: &str = "TIPPLE_CONFORMANCE_FOLDER";
const CALL: &str = "TIPPLE_CONFORMANCE_CALL";

/// More calls than a load ever makes.
const CALLS_MAX: usize = 100;

/// Not a test of its own: does the second load when another test has started this process for it.
pub fn child<H: Harness>() {
    let Some(address) = std::env::var_os(ADDRESS) else {
        return;
    };
    let scenario = fail::FailScenario::setup();
    let lab = Lab::reopen::<H>(&address.to_string_lossy());
    let mut setup = lab.setup();
    setup.options.pipelines_dir = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let call = std::env::var(CALL)
        .ok()
        .map(|number| number.parse().unwrap());
    if let Some(number) = call {
        setup = setup.through(twisted(lab.destination(), Twist::KillBefore(number)));
    }
    load(&setup, 2);
    scenario.teardown();
}

/// Rows of the shop's three resources in its first and second load.
fn shop(load: usize) -> [(Value, Vec<Value>); 3] {
    let orders =
        json!({"name": "orders", "primary_key": "id", "incremental": {"cursor_path": "id"}});
    let users = json!({"name": "users", "write_disposition": "merge", "primary_key": "id"});
    let rates = json!({"name": "rates", "write_disposition": "replace"});
    let rows = match load {
        1 => [
            vec![json!({"id": 1, "tags": ["a", "b"]}), json!({"id": 2})],
            vec![
                json!({"id": 1, "name": "Ada", "roles": ["x"]}),
                json!({"id": 2, "name": "Bob"}),
            ],
            vec![json!({"currency": "EUR"}), json!({"currency": "USD"})],
        ],
        _ => [
            vec![json!({"id": 2}), json!({"id": 3, "tags": ["c"]})],
            vec![json!({"id": 1, "name": "Ada L.", "roles": ["y", "z"], "since": 2020})],
            vec![json!({"currency": "GBP"})],
        ],
    };
    let [a, b, c] = rows;
    [(orders, a), (users, b), (rates, c)]
}

fn load(setup: &Setup, number: usize) -> RunReport {
    let resources = shop(number);
    let resources = resources
        .iter()
        .map(|(resource, rows)| of_rows(resource, rows))
        .collect();
    let done = setup.run(resources, &RunOptions::default());
    done.unwrap_or_else(|error| panic!("{error}"))
}

/// Starts the second load in a process of its own; true when it was killed.
fn is_killed(lab: &Lab, folder: &Path, variable: (&str, &str)) -> bool {
    let test = format!("{}::child", lab.tests());
    let child = Command::new(std::env::current_exe().unwrap())
        .args([test.trim_start_matches("::"), "--exact", "--nocapture"])
        .env(ADDRESS, lab.address())
        .env(FOLDER, folder)
        .env(variable.0, variable.1)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ended = String::from_utf8_lossy(&child.stdout);
    let was_there = ended.contains("running 1 test");
    assert!(was_there, "the test `{test}` is missing:\n{ended}");
    let was_panic = ended.contains("panicked") || ended.contains("FAILED");
    assert!(
        !was_panic,
        "{ended}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    !child.status.success()
}

/// After a kill the same load runs again, twice: the first may load what was left, the second reads anew.
fn check_after_kill(lab: &Lab, setup: &Setup, place: &str) {
    load(setup, 2);
    load(setup, 2);
    let compare = |table: &str, columns: &str, expected: &[&str]| {
        assert_eq!(
            lab.rows(table, columns),
            expected,
            "`{table}` after a kill at {place}"
        );
    };
    compare("orders", "id", &["1", "2", "3"]);
    compare(
        "orders__tags",
        "value _dlt_list_idx",
        &["a | 0", "b | 1", "c | 0"],
    );
    compare(
        "users",
        "id name since",
        &["1 | Ada L. | 2020", "2 | Bob | ∅"],
    );
    compare("users__roles", "value", &["y", "z"]);
    compare("rates", "currency", &["GBP"]);
    let without_receipt = without_receipt(lab);
    assert_eq!(
        without_receipt, [""; 0],
        "loads without a receipt after a kill at {place}"
    );
}

/// Load ids in `orders` that `_dlt_loads` does not have.
fn without_receipt(lab: &Lab) -> Vec<String> {
    let receipts = lab.rows("_dlt_loads", "load_id");
    let mut loads = lab.rows("orders", "_dlt_load_id");
    loads.retain(|load| !receipts.contains(load));
    loads
}

/// A place after the first load, with the folder of its pipeline.
fn after_first_load(lab: &Lab) -> (Lab, Setup) {
    let place = lab.another();
    let setup = place.setup();
    load(&setup, 1);
    assert_eq!(place.count(Target::Final, "orders"), 2);
    (place, setup)
}

/// Kills a load before each call that it makes to the destination.
pub(crate) fn kill_between_calls(lab: &Lab) {
    for number in 0..CALLS_MAX {
        let (place, setup) = after_first_load(lab);
        let call = number.to_string();
        if !is_killed(&place, &setup.options.pipelines_dir, (CALL, &call)) {
            assert!(number > 5, "a load has more than {number} calls");
            return;
        }
        check_after_kill(&place, &setup, &format!("call {number}"));
    }
    panic!("a load does not end after {CALLS_MAX} calls");
}

/// Kills a load at each durable step on disk.
pub(crate) fn kill_at_disk_steps(lab: &Lab) {
    let mut kills = 0;
    // Giving packages up is another command than loading them.
    let of_loads = FAIL_POINTS
        .iter()
        .filter(|point| !point.contains(".abort."));
    for point in of_loads {
        let (place, setup) = after_first_load(lab);
        let action = format!("{point}=return(kill)");
        if is_killed(
            &place,
            &setup.options.pipelines_dir,
            ("FAILPOINTS", &action),
        ) {
            kills += 1;
            check_after_kill(&place, &setup, point);
        }
    }
    assert!(
        kills > 15,
        "only {kills} kills: are the fail points compiled in?"
    );
}
