//! Stopping a long extraction, by the user or by force, and going on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tipple_mockapi::{MockApi, Options};

use crate::program::{DATASET, Place};

/// Key of the server; nothing that is left on disk may hold it.
const CANARY: &str = "canary-4712-api-key";

const PAGES: usize = 100;

struct Shop {
    api: MockApi,
    place: Place,
}

impl Shop {
    fn new() -> Self {
        let options = Options {
            key: CANARY.to_owned(),
            latency_ms: 10,
            ..Options::default()
        };
        let shop = Shop {
            api: MockApi::start(options).unwrap(),
            place: Place::new(),
        };
        std::fs::create_dir(shop.place.path(".dlt")).unwrap();
        let secrets = format!("[shop]\nkey = \"{CANARY}\"\n");
        shop.place.write(".dlt/secrets.toml", secrets);
        let text = format!(
            "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {}/g\n  \
             auth: {{ type: api_key, name: key, api_key: \"${{secrets.shop.key}}\", location: query }}\n\
             resources:\n  - name: rows\n    endpoint:\n      path: page\n      params: {{ rows: {} }}\n      \
             paginator: {{ type: page_number, base_page: 1 }}\n",
            shop.api.url(),
            2 * PAGES
        );
        shop.place.write("shop.yaml", text);
        shop
    }

    fn command(&self) -> Command {
        let destination = format!("duckdb:{}", self.place.database().display());
        let mut command = self
            .place
            .tipple(&["run", "shop.yaml", "--destination", &destination]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a run and lets it come to the middle.
    fn half_way(&self) -> Child {
        let child = self.command().spawn().unwrap();
        let begun = Instant::now();
        while self.api.requests().len() < PAGES / 2 && begun.elapsed() < Duration::from_secs(30) {
            std::thread::yield_now();
        }
        child
    }

    fn pages_asked_for(&self) -> usize {
        self.api.requests().len()
    }

    fn row_count(&self) -> u64 {
        let dump = self.place.dump();
        let rows = dump["tables"]["rows"]["rows"].as_array().map(Vec::len);
        rows.unwrap_or_default() as u64
    }

    /// The second run: everything is there, once.
    fn goes_on(&self) {
        let output = self.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("were used again"), "{stderr}");
        assert_eq!(self.row_count(), 2 * PAGES as u64);
        assert!(!stderr.contains(CANARY));
    }

    fn search(&self) {
        let mut folders = vec![self.place.path("data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => {
                        let bytes = std::fs::read(entry.path()).unwrap();
                        let found = bytes
                            .windows(CANARY.len())
                            .any(|part| part == CANARY.as_bytes());
                        assert!(!found, "{}", entry.path().display());
                    }
                }
            }
        }
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn ctrl_c_keeps_what_was_read_and_the_next_run_goes_on() {
    let shop = Shop::new();
    let child = shop.half_way();
    signal(&child, "-INT");
    let ended = shop.place.ended(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let last: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with("extract "))
        .collect();
    insta::assert_snapshot!(last.join("\n"));
    shop.search();
    let before = shop.pages_asked_for();
    assert!(before < PAGES);
    shop.goes_on();
    assert_eq!(shop.pages_asked_for(), PAGES, "no page is asked for twice");
}

#[test]
fn a_killed_run_repeats_no_more_than_what_was_under_way() {
    let shop = Shop::new();
    let mut child = shop.half_way();
    child.kill().unwrap();
    child.wait().unwrap();
    shop.search();
    shop.goes_on();
    assert!(
        shop.pages_asked_for() <= PAGES + 2,
        "{}",
        shop.pages_asked_for()
    );
}

#[test]
fn no_checkpoints_are_kept_when_they_are_not_wanted() {
    let shop = Shop::new();
    let mut command = shop.command();
    let child = command.arg("--no-checkpoints").spawn().unwrap();
    let begun = Instant::now();
    while shop.pages_asked_for() < PAGES / 2 && begun.elapsed() < Duration::from_secs(30) {
        std::thread::yield_now();
    }
    signal(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert!(!shop.place.path("data/pipelines/shop/checkpoints").exists());
}

#[test]
fn a_file_that_does_not_end_stops_at_the_second_ctrl_c() {
    let place = Place::new();
    let mut child = place
        .load_command("-", &["--format", "jsonl"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    // The handler is there once the program waits for its input.
    while begun.elapsed() < Duration::from_millis(700) {
        std::thread::yield_now();
    }
    signal(&child, "-INT");
    while begun.elapsed() < Duration::from_millis(900) {
        std::thread::yield_now();
    }
    signal(&child, "-INT");
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(130));
}

#[test]
fn what_was_complete_is_not_used_again() {
    let shop = Shop::new();
    for _ in 0..2 {
        assert_eq!(shop.command().output().unwrap().status.code(), Some(0));
    }
    assert_eq!(shop.pages_asked_for(), 2 * PAGES);
    let state: Value = Value::from(shop.row_count());
    assert_eq!(state, 4 * PAGES);
}

#[test]
fn one_ctrl_c_is_enough_while_nothing_comes_from_standard_input() {
    let place = Place::new();
    let mut command = place.load_command("-", &["--format", "jsonl"]);
    let streams = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"id\": 1}\n").unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("sync ") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Only now: the input was open all the time.
    drop(input);
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("run again to start"), "{rest}");
    assert!(!place.database().exists() || place.dump()["tables"].get("orders").is_none());
}
