//! The program over Postgres: loads, messages, kills, many processes. Skipped where `cargo xtask test` found no server.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tipple_testkit::dump::dump_postgres;
use tipple_testkit::server::Database;

use crate::cli::{check, told, told_words};
use crate::killed::kill_when;
use crate::program::{DATASET, Place, fixtures};

/// Runs that are killed; `TIPPLE_KILLS` asks for another number.
const KILLS: u32 = 20;
/// Processes that load one dataset at the same time.
const PROCESSES: usize = 8;

const PIPELINE: &str = r"
pipeline: shop
dataset: shop
destination: postgres
files:
  resources:
    - name: orders
      path: orders.jsonl
      primary_key: id
      write_disposition: merge
";

/// A project whose destination is a database of its own.
struct Warehouse {
    place: Place,
    database: Database,
}

impl Warehouse {
    /// Nothing where no server is.
    fn new() -> Option<Self> {
        let database = Database::for_test()?;
        let warehouse = Warehouse {
            place: Place::new(),
            database,
        };
        warehouse.credentials(&warehouse.database.url());
        Some(warehouse)
    }

    fn credentials(&self, text: &str) {
        std::fs::create_dir_all(self.place.path(".dlt")).unwrap();
        let secrets = format!("[destination.postgres]\ncredentials = \"{text}\"\n");
        let path = self.place.write(".dlt/secrets.toml", secrets);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn orders(&self, copies: usize) {
        let orders = std::fs::read_to_string(fixtures("orders/orders.jsonl")).unwrap();
        self.place.write("orders.jsonl", orders.repeat(copies));
    }

    fn started(&self, words: &[&str]) -> Child {
        let mut command = self.place.tipple(words);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[track_caller]
    fn run(&self, words: &[&str]) {
        let ended = self.place.ended(self.place.tipple(words).output().unwrap());
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    }

    /// What a command tells, without what differs from server to server.
    fn told(&self, typed: &str) -> String {
        self.masked(told(&self.place, typed))
    }

    fn masked(&self, text: String) -> String {
        let url = self.database.url();
        let port = url
            .rsplit_once(':')
            .and_then(|(_, rest)| rest.split_once('/'));
        text.replace(self.database.name(), "[database]")
            .replace(&format!(":{}", port.unwrap().0), ":[port]")
    }

    #[track_caller]
    fn text(&self, sql: &str) -> String {
        self.database.texts(sql).unwrap().join("\n")
    }
}

#[test]
fn a_pipeline_moves_to_postgres_by_one_flag_and_one_secret() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    let first = r#"{"id":1,"at":"2026-01-02T03:04:05.6Z","total":12.5,"items":[{"sku":"a"},{"sku":"b"}],"raw":null}
{"id":2,"at":"2026-01-03T00:00:00Z","total":7,"items":[]}
"#;
    let second = r#"{"id":2,"at":"2026-01-04T00:00:00Z","total":"n/a","items":[{"sku":"c","qty":2}],"note":"new"}
"#;
    let load =
        "load orders.jsonl --table orders --pipeline shop --dataset shop --destination postgres";
    let typed = [
        format!("{load} --primary-key id --write-disposition merge"),
        format!("{load} --primary-key id --write-disposition merge"),
        "pipeline shop info".to_owned(),
    ];
    warehouse.place.write("orders.jsonl", first);
    let mut transcript = vec![warehouse.told(&typed[0])];
    warehouse.place.write("orders.jsonl", second);
    transcript.push(warehouse.told(&typed[1]));
    for words in [
        [
            "query",
            "shop",
            "SELECT id, at, total, total__v_text, note FROM orders ORDER BY id",
        ],
        [
            "query",
            "shop",
            "SELECT o.id, i.sku, i.qty FROM orders__items i JOIN orders o ON o._dlt_id = i._dlt_parent_id ORDER BY 1, 2",
        ],
        ["query", "shop", "DELETE FROM orders"],
    ] {
        transcript.push(warehouse.masked(told_words(&warehouse.place, &words)));
    }
    transcript.extend(typed[2..].iter().map(|typed| warehouse.told(typed)));
    check("postgres_moves", &transcript.join("\n"));
}

#[test]
fn replaced_dropped_and_synced_as_on_any_destination() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    warehouse.orders(1);
    let load = [
        "load",
        "orders.jsonl",
        "--table",
        "orders",
        "--pipeline",
        "shop",
        "--dataset",
        "shop",
        "--destination",
        "postgres",
        "--write-disposition",
        "replace",
    ];
    warehouse.run(&load);
    warehouse.run(&load);
    assert_eq!(warehouse.text("SELECT count(*) FROM shop.orders"), "400");
    std::fs::remove_dir_all(warehouse.place.path("data")).unwrap();
    warehouse.run(&[
        "pipeline",
        "shop",
        "sync",
        "--yes",
        "--destination",
        "postgres",
        "--dataset",
        "shop",
    ]);
    warehouse.run(&load);
    assert_eq!(
        warehouse.text("SELECT count(*) FROM shop.orders__items"),
        "799"
    );
    warehouse.run(&["pipeline", "shop", "drop", "orders", "--yes"]);
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'shop'::regnamespace ORDER BY 1";
    assert_eq!(
        warehouse.text(tables),
        "_dlt_loads\n_dlt_pipeline_state\n_dlt_version"
    );
}

#[test]
fn a_plan_is_read_and_applied() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    warehouse.place.write(
        "orders.jsonl",
        r#"{"id":1,"tags":["a"],"at":"2026-01-02T03:04:05Z","wide":{"b":true}}"#,
    );
    warehouse.place.write("shop.yaml", PIPELINE);
    let transcript: Vec<String> = [
        "plan shop.yaml --out plan.json",
        "apply plan.json",
        "plan shop.yaml",
        "run shop.yaml",
    ]
    .map(|typed| warehouse.told(typed))
    .into();
    check("postgres_plan", &transcript.join("\n"));
    assert_eq!(warehouse.text("SELECT count(*) FROM shop.orders"), "1");
}

#[test]
fn errors_say_what_to_do_and_never_the_password() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    warehouse.place.write("orders.jsonl", r#"{"id":1}"#);
    let wide: Vec<String> = (0..1601).map(|i| format!("\"c{i}\":{i}")).collect();
    warehouse
        .place
        .write("wide.jsonl", format!("{{{}}}", wide.join(",")));
    let load = "load orders.jsonl --table orders --pipeline shop --destination postgres";
    let user = format!("user_{}", warehouse.database.name());
    let make = format!("CREATE ROLE {user} LOGIN PASSWORD 'canary'");
    warehouse.database.run(&make).unwrap();
    let mut transcript = Vec::new();
    for credentials in [
        warehouse.database.url_of("tipple", "canary"),
        "postgresql://tipple:canary@127.0.0.1:1/shop".to_owned(),
        warehouse.database.url_of(&user, "canary"),
        "canary".to_owned(),
        "host=localhost password=canary".to_owned(),
    ] {
        warehouse.credentials(&credentials);
        transcript.push(warehouse.told(load));
    }
    warehouse.credentials(&warehouse.database.url());
    let elsewhere = "load orders.jsonl --table orders --destination mysql://u:canary@h/d";
    let told = warehouse.told(elsewhere);
    // The command line itself repeats what was typed.
    let (_, answer) = told.split_once('\n').unwrap();
    assert!(
        answer.contains("mysql://…") && !answer.contains("canary"),
        "{answer}"
    );
    transcript.push(
        warehouse.told("load wide.jsonl --table wide --pipeline wide --destination postgres"),
    );
    warehouse
        .database
        .run(&format!("DROP OWNED BY {user}; DROP ROLE {user}"))
        .unwrap();
    let columns: Vec<String> = (0..1601).map(|i| format!("c{i}")).collect();
    let transcript = transcript.join("\n").replace(&user, "[user]");
    let transcript = transcript.replace(&columns.join(", "), "c0 … c1600");
    assert!(!transcript.contains("canary"));
    check("postgres_errors", &transcript);
}

/// What the tables hold: orders, and children by the order that they belong to.
fn content(warehouse: &Warehouse) -> Vec<String> {
    [
        "SELECT md5(string_agg(q::text, '|' ORDER BY id)) FROM (SELECT id, uuid, created_at, status, total, customer__email FROM shop.orders) AS q",
        "SELECT md5(string_agg(q::text, '|' ORDER BY id, idx)) FROM (SELECT o.id, i._dlt_list_idx AS idx, i.sku, i.qty, i.price FROM shop.orders__items AS i JOIN shop.orders AS o ON o._dlt_id = i._dlt_parent_id) AS q",
        "SELECT count(*)::text FROM shop.orders",
        "SELECT count(*)::text FROM shop.orders__items",
        "SELECT count(*)::text FROM shop.orders__tags",
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'shop_staging'::regnamespace",
        "SELECT count(*)::text FROM pg_class WHERE relpersistence = 't'",
    ]
    .map(|sql| warehouse.text(sql))
    .into()
}

/// Waits until the server has noticed that a process is gone; fails when a transaction stays open.
#[track_caller]
fn wait_for_rest(warehouse: &Warehouse) {
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tipple'";
    let limit = Instant::now() + Duration::from_secs(30);
    while warehouse.text(open) != "0" {
        assert!(
            Instant::now() < limit,
            "a session of a killed process stays"
        );
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

#[test]
fn killed_at_any_moment_and_run_again_nothing_is_lost_or_doubled() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    warehouse.orders(5);
    warehouse.place.write("shop.yaml", PIPELINE);
    let run = ["run", "shop.yaml"];
    let mut duration = timed(|| warehouse.run(&run));
    let undisturbed = content(&warehouse);
    assert_eq!(undisturbed[2], "400");
    let kills = std::env::var("TIPPLE_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(KILLS);
    let mut killed = 0;
    for number in 0..kills {
        warehouse
            .database
            .run("DROP SCHEMA shop CASCADE; DROP SCHEMA shop_staging CASCADE")
            .unwrap();
        let mut first = warehouse.started(&run);
        let (began, moment) = (Instant::now(), duration * number / kills);
        killed += u32::from(kill_when(&mut first, || began.elapsed() >= moment));
        // A killed run may have left a package, which the next run loads; the one after it reads the file.
        warehouse.run(&run);
        // Other work on the machine comes and goes.
        duration = timed(|| warehouse.run(&run));
        assert_eq!(content(&warehouse), undisturbed, "killed after {moment:?}");
        wait_for_rest(&warehouse);
    }
    assert!(
        killed > kills / 2,
        "only {killed} of {kills} runs were caught alive"
    );
}

#[test]
fn processes_with_pipelines_of_their_own_load_one_dataset_at_once() {
    let Some(warehouse) = Warehouse::new() else {
        return;
    };
    warehouse.orders(1);
    for round in 0..2 {
        let start = |number: usize| {
            let (pipeline, own) = (format!("p{number}"), format!("orders_{number}"));
            // First tables of their own, then all the same one.
            let table = if round == 0 { &own } else { "orders" };
            warehouse.started(&[
                "load",
                "orders.jsonl",
                "--table",
                table,
                "--pipeline",
                &pipeline,
                "--dataset",
                DATASET,
                "--destination",
                "postgres",
            ])
        };
        let children: Vec<Child> = (0..PROCESSES).map(start).collect();
        for child in children {
            let ended = warehouse.place.ended(child.wait_with_output().unwrap());
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
    }
    let count = |table: &str| warehouse.text(&format!("SELECT count(*) FROM shop.{table}"));
    for number in 0..PROCESSES {
        assert_eq!(count(&format!("orders_{number}")), "400");
    }
    assert_eq!(
        (count("orders"), count("orders__items")),
        ("3200".to_owned(), "6392".to_owned())
    );
    let dump = dump_postgres(&warehouse.database.url(), DATASET).unwrap();
    assert_eq!(dump["loads"].as_array().unwrap().len(), 2 * PROCESSES);
}
