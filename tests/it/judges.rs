//! Oracle cases and golden vectors of the repository, also with other threads and pages.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tipple_testkit::case::{Case, RunShape, StoreKind, find_cases, judge};
use tipple_testkit::golden::judge_folder;
use tipple_testkit::server::Database;

use crate::program::fixtures;

/// Performs all cases, two at a time, and wants no difference.
#[track_caller]
fn check(shape: RunShape) {
    check_over(shape, &StoreKind::DuckDb);
}

#[track_caller]
fn check_over(shape: RunShape, kind: &StoreKind) {
    let cases = find_cases(&fixtures("oracle")).unwrap();
    assert!(!cases.is_empty());
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(path) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = Case::read(path).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let differences = judge(&case, folder.path(), shape, kind);
            let differences = differences.unwrap_or_else(|error| vec![error.to_string()]);
            for difference in differences {
                problems
                    .lock()
                    .unwrap()
                    .push(format!("{}: {difference}", case.name));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_oracle_case_gives_what_dlt_gives() {
    check(RunShape::default());
}

#[test]
fn every_oracle_case_gives_the_same_in_postgres() {
    let Some(database) = Database::for_test() else {
        return;
    };
    check_over(RunShape::default(), &StoreKind::Postgres(database.url()));
}

#[test]
fn every_oracle_case_is_the_same_on_one_thread() {
    check(RunShape {
        threads: Some(1),
        page_rows: None,
    });
}

#[test]
fn every_oracle_case_is_the_same_on_two_threads_with_two_rows_a_page() {
    check(RunShape {
        threads: Some(2),
        page_rows: Some(2),
    });
}

#[test]
fn every_oracle_case_is_the_same_on_eight_threads_with_one_row_a_page() {
    check(RunShape {
        threads: Some(8),
        page_rows: Some(1),
    });
}

#[test]
fn every_golden_line_is_what_dlt_gives() {
    let mut problems = Vec::new();
    for file in judge_folder(&fixtures("golden")).unwrap() {
        problems.extend(
            file.failures
                .iter()
                .map(|(line, problem)| format!("{}:{line}: {problem}", file.name)),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
