//! An interrupted reading goes on where it was; the rows are those of an undisturbed one.

use std::sync::atomic::Ordering;

use crate::lab::Lab;

const PAGES: &str = "params: {rows: 200}, paginator: {type: page_number, base_page: 1}";

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.checkpoints = Some(tempfile::tempdir().unwrap());
    lab
}

fn ids(reading: &crate::lab::Reading) -> Vec<i64> {
    reading
        .rows("rows")
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect()
}

#[test]
fn a_failure_at_page_90_repeats_no_page_that_was_read() {
    let lab =
        lab().faults(r#"{"match": "GET /g/page", "when": {"page": 90}, "do": {"status": 500}}"#);
    let text = lab.generic_text("page", PAGES, ", max_attempts: 1");
    assert!(lab.read(&text).error.is_some());
    lab.mock.reset();
    let reading = lab.read(&text);
    assert_eq!(ids(&reading), (1..=200).collect::<Vec<_>>());
    assert_eq!(lab.mock.requests().len(), 11, "pages 90 to 100");
    lab.mock.reset();
    assert_eq!(lab.read(&text).count("rows"), 200);
    assert_eq!(
        lab.mock.requests().len(),
        100,
        "what was complete is not used again"
    );
}

#[test]
fn another_configuration_does_not_go_on() {
    let lab =
        lab().faults(r#"{"match": "GET /g/page", "when": {"page": 9}, "do": {"status": 500}}"#);
    let text = lab.generic_text("page", PAGES, ", max_attempts: 1");
    assert!(lab.read(&text).error.is_some());
    lab.mock.reset();
    let other = text.replace("rows: 200", "rows: 100");
    assert_eq!(lab.read(&other).count("rows"), 100);
    assert_eq!(lab.mock.requests().len(), 50);
}

#[test]
fn a_wrong_answer_is_not_kept() {
    let rule = r#"{"match": "GET /g/page", "when": {"page": 3}, "do": {"status": 200, "body": {"data": [1]}}}"#;
    let lab = lab().faults(rule);
    let text = lab.generic_text("page", PAGES, "");
    let failed = lab.read(&text);
    assert_eq!(failed.error.unwrap().code(), "source.rest.paginator");
    lab.mock.reset();
    assert_eq!(lab.read(&text).count("rows"), 200);
    assert_eq!(lab.mock.requests().len(), 100);
}

#[test]
fn a_user_who_stops_it_goes_on_later() {
    let lab = lab();
    lab.mock.set_latency(std::time::Duration::from_millis(5));
    let text = lab.generic_text("page", PAGES, "");
    let stop = std::sync::Arc::clone(&lab.stop);
    let waiting = std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(250) {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let stopped = lab.read(&text);
    waiting.join().unwrap();
    assert_eq!(stopped.error.unwrap().code(), "pipeline.interrupted");
    let before = lab.mock.requests().len();
    assert!(before < 100, "it was stopped in the middle");
    lab.stop.store(false, Ordering::Relaxed);
    assert_eq!(ids(&lab.read(&text)), (1..=200).collect::<Vec<_>>());
    assert_eq!(
        lab.mock.requests().len(),
        100,
        "every page was asked for once"
    );
}
