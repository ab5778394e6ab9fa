//! A REST API from the mock server: videos by the page, against a loop that only reads them, and against dlt.
//!
//! The mock makes pages much faster than any loader takes them, but it shares the processors with whoever reads; the
//! plain loop pays for that as well.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::table::print_lines;
use super::{Bench, MEMORY_LIMIT, Peer};
use crate::failure::Failure;
use crate::fetch;
use crate::python::DLT;
use crate::toolbox::output;

const DLT_PROGRAM: &str = include_str!("dlt_rest.py");

/// Videos of the long load.
pub const ROWS: u64 = 1_000_000;
const PAGE_SIZE: u64 = 100;
/// dlt is so slow that it gets this many.
const DLT_ROWS: u64 = 50_000;
/// Pages of the load with latency and a budget.
const BUDGET_PAGES: u64 = 200;
const BUDGET_REQUESTS_S: u64 = 10;
const LATENCY_MS: u64 = 50;
/// Rows of the load with faults.
const FAULTY_ROWS: u64 = 100_000;

/// 5 % of all requests go wrong, a quarter of them in each way.
const FAULTS: &str = r#"{"seed": 7, "rules": [
    {"match": "GET /videos", "when": {"rate": 0.0125}, "do": {"status": 429}},
    {"match": "GET /videos", "when": {"rate": 0.0127}, "do": {"status": 500}},
    {"match": "GET /videos", "when": {"rate": 0.0128}, "do": {"close_before_answer": true}},
    {"match": "GET /videos", "when": {"rate": 0.0130}, "do": {"truncate": 0.5}}
]}"#;

/// `Basic` of `mock-key` without a password.
const AUTHORIZATION: &str = "Basic bW9jay1rZXk6";

/// A mock server in a process of its own; it ends when this is dropped.
struct Mock {
    child: Child,
    url: String,
}

impl Mock {
    fn start(program: &Path, rows: u64, more: &[&str]) -> Result<Mock, Failure> {
        let mut child = Command::new(program)
            .args(["--scenario", "load", "--rows", &rows.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| Failure::NotStarted {
                program: program.display().to_string(),
                cause,
            })?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // An empty line is caught below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let address = line.trim().strip_prefix("listening ");
        let address =
            address.ok_or_else(|| Failure::Other("the mock server did not start".to_owned()))?;
        Ok(Mock {
            child,
            url: format!("http://{address}"),
        })
    }

    fn stats(&self) -> Result<Value, Failure> {
        let body = fetch::once("GET", &format!("{}/__stats", self.url), "")?;
        serde_json::from_slice(&body).map_err(|cause| Failure::Other(cause.to_string()))
    }

    fn post(&self, path: &str, body: &str) -> Result<(), Failure> {
        fetch::once("POST", &format!("{}{path}", self.url), body).map(drop)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It has no state worth a farewell; a child that is gone already needs none.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration that everybody loads, with settings for `client.http`.
fn document(url: &str, http: Value) -> Value {
    let mut client = json!({
        "base_url": url,
        "auth": {"type": "http_basic", "username": "mock-key", "password": ""},
        "paginator": {
            "type": "page_number", "base_page": 1, "page_param": "currentPage",
            "total_path": "pagination.pagesTotal",
        },
    });
    if !http.is_null() {
        client["http"] = http;
    }
    json!({
        "version": 1, "pipeline": "bench", "source": "api_video", "dataset": "bench_data",
        "client": client,
        "resources": [{
            "name": "videos", "write_disposition": "append",
            "endpoint": {"path": "videos", "data_selector": "data", "params": {"pageSize": PAGE_SIZE}},
        }],
    })
}

impl Bench {
    /// All parts of the REST benchmark.
    pub(super) fn rest(&self) -> Result<(), Failure> {
        let mockapi = self.toolbox.mockapi(self.request.profile)?;
        self.rest_speed(&mockapi)?;
        self.rest_against_dlt(&mockapi)?;
        self.rest_budget(&mockapi)?;
        self.rest_faults(&mockapi)
    }

    fn tipple_run(&self, url: &str, http: Value) -> Result<Command, Failure> {
        // Beside the folder of the run, which is made anew for every run.
        let file = self.folder.join("videos.json");
        let text = document(url, http).to_string();
        fs::write(&file, text).map_err(Failure::file("write", &file))?;
        let run = self.folder.join("run");
        let mut command = self.toolbox.program(&self.tipple);
        command.current_dir(&run).arg("run").arg(&file);
        command.arg("--quiet").arg("--destination");
        command.arg(format!("duckdb:{}", run.join("out.duckdb").display()));
        command.env("DLT_DATA_DIR", run.join("data"));
        Ok(command)
    }

    fn plain_loop(&self, url: &str, pages: u64) -> Result<Command, Failure> {
        let own = std::env::current_exe().map_err(|cause| Failure::Other(cause.to_string()))?;
        let list = format!("{url}/videos?pageSize={PAGE_SIZE}&currentPage=");
        let mut command = Command::new(own);
        command.args(["fetch", &list, AUTHORIZATION, &pages.to_string()]);
        Ok(command)
    }

    fn rest_speed(&self, mockapi: &Path) -> Result<(), Failure> {
        let rows = self.request.rest_rows;
        let mock = Mock::start(mockapi, rows, &[])?;
        let peers = [
            Peer {
                label: "plain loop",
                scale: 1.0,
                command: self.plain_loop(&mock.url, rows.div_ceil(PAGE_SIZE))?,
            },
            Peer {
                label: "tipple",
                scale: 1.0,
                command: self.tipple_run(&mock.url, Value::Null)?,
            },
        ];
        println!("{rows} videos in pages of {PAGE_SIZE}, no rate limit, to a DuckDB file");
        let lines = self.alternate(&peers, self.request.runs)?;
        print_lines(&lines, 0);
        let stats = mock.stats()?;
        let bytes = stats["bytes"].as_f64().unwrap_or(0.0) / (2 * self.request.runs) as f64;
        println!("{:.0} MB of bodies", bytes / 1e6);
        self.once(&peers[1].command, Some(MEMORY_LIMIT))?;
        println!(
            "tipple also ends under a hard limit of {} MiB",
            MEMORY_LIMIT >> 20
        );
        print!("{}", self.rest_content()?);
        Ok(())
    }

    fn rest_against_dlt(&self, mockapi: &Path) -> Result<(), Failure> {
        let mock = Mock::start(mockapi, DLT_ROWS, &[])?;
        let program = self.folder.join("dlt_rest.py");
        fs::write(&program, DLT_PROGRAM).map_err(Failure::file("write", &program))?;
        let run = self.folder.join("run");
        let mut dlt = Command::new(DLT.python()?);
        dlt.current_dir(&run).arg(program).arg(&mock.url);
        dlt.arg(run.join("out.duckdb"));
        let peers = [
            Peer {
                label: "tipple",
                scale: 1.0,
                command: self.tipple_run(&mock.url, Value::Null)?,
            },
            Peer {
                label: "dlt 1.31, parquet",
                scale: 1.0,
                command: dlt,
            },
        ];
        println!("\n{DLT_ROWS} videos, the same configuration");
        let lines = self.alternate(&peers, self.request.runs.min(3))?;
        print_lines(&lines, 0);
        Ok(())
    }

    fn rest_budget(&self, mockapi: &Path) -> Result<(), Failure> {
        let latency = LATENCY_MS.to_string();
        let mock = Mock::start(
            mockapi,
            BUDGET_PAGES * PAGE_SIZE,
            &["--latency-ms", &latency],
        )?;
        let command = self.tipple_run(&mock.url, json!({"max_rps": BUDGET_REQUESTS_S}))?;
        let cost = self.once(&command, None)?;
        let stats = mock.stats()?;
        let least =
            (BUDGET_PAGES - 1) as f64 / BUDGET_REQUESTS_S as f64 + LATENCY_MS as f64 / 1000.0;
        println!(
            "\n{BUDGET_PAGES} pages, {LATENCY_MS} ms latency, budget {BUDGET_REQUESTS_S} requests a second: \
             {:.2} s, {:.3} times the least possible {least:.2} s; at most {} requests within a second",
            cost.wall,
            cost.wall / least,
            stats["second_requests_max"]
        );
        Ok(())
    }

    fn rest_faults(&self, mockapi: &Path) -> Result<(), Failure> {
        let mock = Mock::start(mockapi, FAULTY_ROWS, &[])?;
        let command = self.tipple_run(&mock.url, json!({"backoff_factor": 0.01}))?;
        self.once(&command, None)?;
        let expected = self.rest_content()?;
        mock.post("/__reset", "")?;
        mock.post("/__control/faults", FAULTS)?;
        self.once(&command, None)?;
        let stats = mock.stats()?;
        if self.rest_content()? != expected {
            return Err(Failure::Other("faults changed the rows".to_owned()));
        }
        println!(
            "\n{FAULTY_ROWS} videos with 5 % faults (429, 500, dropped, truncated): the same rows; {} requests for {} pages",
            stats["requests"],
            FAULTY_ROWS / PAGE_SIZE
        );
        Ok(())
    }

    /// Rows and content hash per table of the last run.
    fn rest_content(&self) -> Result<String, Failure> {
        let mut content = self.toolbox.program(&self.throughput);
        let database = self.folder.join("run/out.duckdb");
        output(content.arg("content").arg(database).arg("bench_data"))
    }
}
