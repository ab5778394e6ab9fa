//! The command line as a person meets it: help, results, messages, exit codes.

use std::process::Stdio;

use crate::program::Place;

const ORDERS: &str = r#"{"id":1,"customer":"Ada","amount":10,"at":"2026-01-01T00:00:00Z","items":[{"sku":"a"},{"sku":"b"}]}
{"id":2,"customer":"Bob","amount":"n/a","at":"2026-01-02T00:00:00Z","items":[],"note":null}
"#;

const PIPELINE: &str = r"
dataset: shop
files:
  resources:
    - name: orders
      path: orders.jsonl
      primary_key: id
      write_disposition: merge
      incremental: { cursor_path: at }
";

/// A place with a pipeline file and its data.
fn place() -> Place {
    let place = Place::new();
    place.write("orders.jsonl", ORDERS);
    place.write("shop.yaml", PIPELINE);
    place
}

fn loaded() -> Place {
    let place = place();
    let ended = place.ended(place.tipple(&["run", "shop.yaml"]).output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    place
}

/// What a command writes to both streams, and its exit code.
pub fn told(place: &Place, typed: &str) -> String {
    told_words(place, &typed.split_whitespace().collect::<Vec<_>>())
}

pub fn told_words(place: &Place, words: &[&str]) -> String {
    let output = place.tipple(words).stdin(Stdio::null()).output().unwrap();
    let folder = place.path("").canonicalize().unwrap();
    let clean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.replace(&*folder.to_string_lossy(), "[folder]")
            .replace(
                place.path("").to_string_lossy().trim_end_matches('/'),
                "[folder]",
            )
    };
    let mut told = format!("$ tipple {}\n{}", words.join(" "), clean(&output.stdout));
    let stderr = clean(&output.stderr);
    if !stderr.is_empty() {
        told.push_str(&format!("-- stderr\n{stderr}"));
    }
    match output.status.code() {
        Some(0) => (),
        code => told.push_str(&format!("-- exit code {code:?}\n")),
    }
    told
}

/// Compares with a snapshot in which everything that differs from run to run is masked.
#[track_caller]
pub fn check(name: &str, told: &str) {
    let mut settings = insta::Settings::clone_current();
    for (pattern, mask) in [
        (r"\b\d{10}\.\d+", "[load id]"),
        (r"\b[0-9a-f]{32}\b", "[run]"),
        (r"Run [0-9a-f]{8} ", "Run [run] "),
        (r"(?m)^[0-9a-f]{8}  ", "[run]     "),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "[time]"),
        (
            r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?",
            "[time]",
        ),
        (r"(just now|\d+ (s|min|h) ago)", "[ago]"),
        (r"\d+\.\d+ seconds", "[seconds]"),
        (r" +\d+\.\d\d s\b", " [seconds]"),
        (r#""seconds": ?[0-9.e-]+"#, r#""seconds": "[seconds]""#),
        (r"peak memory [0-9.]+ .B", "peak memory [bytes]"),
        (
            r#"(peak_memory_bytes|bytes|file_size)": ?\d+"#,
            r#"$1": "[bytes]""#,
        ),
        (r"hash [A-Za-z0-9+/]{8}…", "hash [hash]"),
        (r#"[A-Za-z0-9+/]{43}="#, "[hash]"),
        (r#"(pid|process_start)": ?\d+"#, r#"$1": "[process]""#),
        (r#"span_id": ?"[0-9a-f]+""#, r#"span_id": "[span]""#),
        (r"\b[0-9a-f]{10}\b", "[file id]"),
        (r" +\d+(\.\d)? K?B\b", " [bytes]"),
        (r"tipple \d+\.\d+\.\d+", "tipple [version]"),
    ] {
        settings.add_filter(pattern, mask);
    }
    settings.bind(|| insta::assert_snapshot!(name, told));
}

#[test]
fn every_help_is_as_it_was() {
    let place = Place::new();
    let commands = [
        "",
        "run",
        "load",
        "check",
        "init",
        "convert-config",
        "plan",
        "apply",
        "pipeline",
        "pipeline info",
        "pipeline trace",
        "pipeline runs",
        "pipeline schema",
        "pipeline failed-jobs",
        "pipeline load-package",
        "pipeline sync",
        "pipeline drop",
        "pipeline abort-packages",
        "query",
        "schema",
        "schema pin",
        "config",
        "config explain",
        "explain",
        "completions",
        "version",
    ];
    for command in commands {
        let name = format!("help_{}", command.replace([' ', '-'], "_"));
        check(
            name.trim_end_matches('_'),
            &told(&place, &format!("{command} --help")),
        );
    }
}

#[test]
fn the_version_needs_no_project() {
    let place = Place::new();
    place.write(".dlt", "this is a file where a folder should be");
    let told: Vec<String> = ["version", "--version", "version -v", "version -o json"]
        .map(|typed| told(&place, typed))
        .into();
    check("version", &told.join("\n"));
}

#[test]
fn wrong_usage_is_told_with_the_nearest_spelling() {
    let place = Place::new();
    let typed = [
        "rum shop.yaml",
        "run",
        "run shop.yaml --destinatoin duckdb",
        "load a.json",
        "version --output jsn",
        "version -o jsn -o json",
        "run missing.yaml",
        "run shop.txt",
        "explain source.jsn.malformed",
    ];
    let told: Vec<String> = typed.map(|typed| told(&place, typed)).into();
    check("wrong_usage", &told.join("\n"));
}

#[test]
fn a_run_ends_with_its_summary() {
    let place = place();
    let first = told(&place, "run shop.yaml");
    let second = told(&place, "run shop.yaml -q");
    check("run", &format!("{first}\n{second}"));
}

#[test]
fn a_run_can_tell_its_events_as_json() {
    check(
        "run_json_log",
        &told(&place(), "run shop.yaml --log-format json"),
    );
}

#[test]
fn a_run_can_tell_its_report_as_json() {
    check("run_json", &told(&place(), "run shop.yaml -q -o json"));
}

#[test]
fn a_dry_run_keeps_nothing() {
    let place = place();
    check("dry_run", &told(&place, "run shop.yaml --dry-run -v"));
    assert!(!place.path("shop.duckdb").exists());
    check("dry_run_left_nothing", &told(&place, "query shop x"));
}

#[test]
fn a_pipeline_is_shown_in_both_word_orders() {
    let place = loaded();
    check("pipeline_list", &told(&place, "pipeline"));
    check("pipeline_info", &told(&place, "pipeline shop"));
    check("pipeline_trace", &told(&place, "pipeline shop trace"));
    check("pipeline_runs", &told(&place, "pipeline runs shop"));
    check(
        "pipeline_failed_jobs",
        &told(&place, "pipeline shop failed-jobs"),
    );
    check(
        "pipeline_load_package",
        &told(&place, "pipeline shop load-package -v"),
    );
    check(
        "pipeline_schema",
        &told(
            &place,
            "pipeline shop schema --remove-defaults --table orders",
        ),
    );
    check(
        "pipeline_info_json",
        &told(&place, "pipeline info shop -o json"),
    );
}

#[test]
fn what_is_not_there_is_told_with_exit_code_8() {
    let place = loaded();
    let typed = [
        "pipeline shpo",
        "pipeline shop trcae",
        "pipeline shop trace --run abc",
        "pipeline shop load-package 17",
        "pipeline shop schema --table ordrs",
        "run shop.yaml ordrs",
        "query shpo x",
    ];
    let told: Vec<String> = typed.map(|typed| told(&place, typed)).into();
    check("not_found", &told.join("\n"));
}

#[test]
fn a_query_answers_in_every_form() {
    let place = loaded();
    let sql = "select id, customer, amount, amount__v_text from orders order by id";
    let told: Vec<String> = ["table", "csv", "md", "json", "jsonl", "yaml"]
        .map(|form| told_words(&place, &["query", "shop", sql, "-o", form]))
        .into();
    check("query", &told.join("\n"));
    let limited = told_words(
        &place,
        &[
            "query",
            "shop",
            "select id from orders order by id",
            "--limit",
            "1",
        ],
    );
    check("query_limited", &limited);
}

#[test]
fn a_query_stays_inside_its_dataset() {
    let place = loaded();
    place.write("secret.csv", "a\n1\n");
    let sql = [
        "select * from 'secret.csv'",
        "select * from read_csv('secret.csv')",
        "delete from orders",
        "select 1; select 2",
        "select * from ordrs",
        "selec 1",
        "select getenv('HOME')",
        "select amount / nothing from orders",
    ];
    let told: Vec<String> = sql
        .map(|sql| told_words(&place, &["query", "shop", sql]))
        .into();
    check("query_refused", &told.join("\n"));
}

#[test]
fn a_change_that_is_not_confirmed_is_none() {
    let place = loaded();
    check("drop_declined", &told(&place, "pipeline shop drop orders"));
    check(
        "drop_planned",
        &told(&place, "pipeline shop drop orders --dry-run"),
    );
    check("drop", &told(&place, "pipeline shop drop orders -y"));
    check("drop_nothing_named", &told(&place, "pipeline shop drop"));
    check("sync", &told(&place, "pipeline shop sync -y"));
    check(
        "abort_nothing",
        &told(&place, "pipeline shop abort-packages"),
    );
    check(
        "dropped",
        &told_words(&place, &["query", "shop", "select * from orders"]),
    );
}

#[test]
fn a_setting_is_explained() {
    let place = Place::new();
    std::fs::create_dir(place.path(".dlt")).unwrap();
    place.write(
        ".dlt/config.toml",
        "[sources.shop]\nbase_url = \"https://x\"\n",
    );
    place.write(
        ".dlt/secrets.toml",
        "[sources]\napi_key = \"canary-4711\"\n",
    );
    check(
        "config_explain",
        &told(&place, "config explain sources.shop.base_url"),
    );
    let secret = told(&place, "config explain sources.shop.api_key");
    assert!(!secret.contains("canary"), "{secret}");
    check("config_explain_secret", &secret);
    check(
        "config_explain_csv",
        &told(
            &place,
            "config explain runtime.log_level --pipeline p -o csv",
        ),
    );
}

#[test]
fn an_error_is_explained() {
    let place = Place::new();
    check("explain", &told(&place, "explain source.json.malformed"));
    check("explain_all", &told(&place, "explain"));
}

#[test]
fn an_unknown_destination_is_told_with_those_that_are_there() {
    let place = place();
    std::fs::create_dir(place.path(".dlt")).unwrap();
    place.write(
        ".dlt/config.toml",
        "[destination.warehouse]\ndestination_type = \"duckdb\"\n",
    );
    let typed = [
        "run shop.yaml --destination ducdb",
        "run shop.yaml --destination oracle",
        "run shop.yaml --destination oracle -o json",
    ];
    let told: Vec<String> = typed.map(|typed| told(&place, typed)).into();
    check("unknown_destination", &told.join("\n"));
    let named = place.ended(
        place
            .tipple(&["run", "shop.yaml", "--destination", "warehouse"])
            .output()
            .unwrap(),
    );
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    assert!(place.path("warehouse.duckdb").exists());
}

#[test]
fn a_schema_file_is_checked_and_converted() {
    let place = loaded();
    let yaml = place
        .tipple(&["pipeline", "shop", "schema"])
        .output()
        .unwrap();
    place.write("schema.yaml", &yaml.stdout);
    let json = place
        .tipple(&["schema", "schema.yaml", "--format", "json"])
        .output()
        .unwrap();
    place.write("schema.json", &json.stdout);
    let back = place.tipple(&["schema", "schema.json"]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&back.stdout),
        String::from_utf8_lossy(&yaml.stdout)
    );
    place.write("broken.yaml", "name: a\ntables: [\n");
    place.write("no_schema.json", "{\"tables\": {}}");
    let typed = [
        "schema broken.yaml",
        "schema no_schema.json",
        "schema missing.yaml",
    ];
    let told: Vec<String> = typed.map(|typed| told(&place, typed)).into();
    check("schema_file", &told.join("\n"));
}

#[test]
fn mistakes_of_a_pipeline_file_are_all_told() {
    let place = place();
    place.write("bad.yaml", "pipline: x\nfiles:\n  resources:\n    - name: a\n      pth: a.json\n      write_disposition: mrge\n");
    check("pipeline_file_mistakes", &told(&place, "run bad.yaml"));
}

#[test]
fn rows_from_stdin_are_loaded() {
    use std::io::Write as _;
    let place = Place::new();
    let mut child = place
        .tipple(&["load", "-", "--table", "t", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"a\":1}\n{\"a\":2}\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    check(
        "stdin",
        &told_words(
            &place,
            &["query", "load", "select a from t order by a", "-o", "csv"],
        ),
    );
}

#[test]
fn completions_are_scripts() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = place.tipple(&["completions", shell]).output().unwrap();
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("tipple"),
            "{shell}"
        );
    }
}

/// A pipeline file with rows of its own.
fn rows_file(rows: &str) -> String {
    format!(
        "pipeline: people\nsource: people\ndataset: shop\nrows:\n  resources:\n    - {{name: users, rows: {rows}}}\n"
    )
}

#[test]
fn a_schema_file_that_was_edited_replaces_the_stored_schema() {
    let place = Place::new();
    let run = |rows: &str| {
        place.write("people.yaml", rows_file(rows));
        let mut command = place.tipple(&["run", "people.yaml"]);
        command.env("IMPORT_SCHEMA_PATH", "import");
        command.env("EXPORT_SCHEMA_PATH", "export");
        place.ended(command.output().unwrap())
    };
    let read = |file: &str| std::fs::read_to_string(place.path(file)).unwrap();
    assert_eq!(run("[{id: 1, v: a}]").code, Some(0));
    let offered = read("import/people.schema.yaml");
    assert!(offered.contains("  users:\n    columns: {}\n"), "{offered}");
    assert!(!offered.contains("x-normalizer"), "{offered}");
    assert!(read("export/people.schema.yaml").contains("      v:\n"));

    let hint = "  users:\n    columns:\n      score:\n        data_type: double\n";
    let edited = offered.replace("  users:\n    columns: {}\n", hint);
    place.write("import/people.schema.yaml", &edited);
    let second = run("[{id: 2, v: b, score: 3}]");
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let warned = "the schema file of `people` was edited and has replaced the stored schema";
    assert!(second.stderr.contains(warned), "{}", second.stderr);
    let exported = read("export/people.schema.yaml");
    let order: Vec<usize> = ["      score:\n", "      id:\n", "      v:\n"]
        .iter()
        .map(|column| exported.find(column).unwrap())
        .collect();
    assert!(order.is_sorted(), "{exported}");
    assert!(exported.contains("      score:\n        data_type: double\n"));

    let third = run("[{id: 3, v: c}]");
    assert!(!third.stderr.contains(warned), "{}", third.stderr);
    place.write("import/people.schema.yaml", "name: [");
    check("schema_file_broken", &run("[{id: 4}]").stderr);
    place.write(
        "import/people.schema.yaml",
        edited.replace("name: people", "name: other"),
    );
    check("schema_file_of_another", &run("[{id: 4}]").stderr);
}

#[test]
fn times_without_a_zone_are_those_of_the_zone_of_the_environment() {
    let place = Place::new();
    place.write(
        "p.yaml",
        rows_file("[{id: 1, seen: '2026-07-01T12:00:00'}]"),
    );
    let run = |zone: &str| {
        let mut command = place.tipple(&["run", "p.yaml"]);
        command.env("DLT_INTERVAL_TIMEZONE", zone);
        place.ended(command.output().unwrap())
    };
    check("zone_unknown", &run("Mars/Olympus").stderr);
    let ended = run("Europe/Paris");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let typed = [
        "query",
        "people",
        "SELECT epoch(seen)::BIGINT AS s FROM users",
        "-o",
        "csv",
    ];
    assert!(told_words(&place, &typed).contains("1782900000"));
}

#[test]
fn row_ids_have_the_length_that_the_environment_says() {
    let place = Place::new();
    place.write("p.yaml", rows_file("[{id: 1}]"));
    let run = |bytes: &str| {
        let mut command = place.tipple(&["run", "p.yaml"]);
        command.env("DLT_DLT_ID_LENGTH_BYTES", bytes);
        place.ended(command.output().unwrap())
    };
    check("row_id_bytes_wrong", &run("many").stderr);
    assert_eq!(run("16").code, Some(0));
    let typed = [
        "query",
        "people",
        "SELECT length(_dlt_id) AS n FROM users",
        "-o",
        "csv",
    ];
    assert!(told_words(&place, &typed).contains("22"));
}
