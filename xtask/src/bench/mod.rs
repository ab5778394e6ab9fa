//! tipple and its peers on the same work, in turn, on this machine.
//!
//! Every run is a whole process, from start to exit, into a fresh database. Peers alternate, so that what else the machine
//! does hits all of them; the median of several runs counts, with the spread beside it. Ratios always name their peer.

mod data;
mod postgres;
mod random;
mod rest;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data::{Framing, SHAPES};
use table::{Line, Sample, print_lines, print_seconds};

use crate::failure::Failure;
use crate::measure::{Cost, measure};
use crate::python::DLT;
use crate::toolbox::{Profile, Toolbox, output};

const DLT_PROGRAM: &str = include_str!("dlt_load.py");

/// Records of the file that everybody loads.
const ROWS: u64 = 200_000;

/// dlt's default format is so slow that it gets a tenth of the records.
const DEFAULT_ARM_SHARE: u64 = 10;

/// Records of the two files that must not grow memory: lines, and one array.
const MEMORY_ROWS: u64 = 10_000_000;
const MEMORY_ARRAY_ITEMS: u64 = 2_000_000;

/// Resident bytes that both may use.
const MEMORY_LIMIT: u64 = 512 << 20;

/// What `cargo xtask bench` was asked for.
struct Request {
    parts: Vec<String>,
    rows: u64,
    runs: usize,
    memory_rows: u64,
    rest_rows: u64,
    profile: Profile,
}

impl Request {
    fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Request {
            parts: Vec::new(),
            rows: ROWS,
            runs: 5,
            memory_rows: MEMORY_ROWS,
            rest_rows: rest::ROWS,
            profile: Profile::Release,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let number = words
                    .next()
                    .and_then(|number| number.replace('_', "").parse().ok());
                number.ok_or_else(|| Failure::Other(format!("{word} wants a number")))
            };
            match word.as_str() {
                "--rows" => request.rows = number()?,
                "--runs" => request.runs = number()?.max(1) as usize,
                "--memory-rows" => request.memory_rows = number()?,
                "--rest-rows" => request.rest_rows = number()?,
                "--quick" => request.profile = Profile::Quick,
                part @ ("speed" | "shapes" | "memory" | "start" | "rest" | "postgres") => {
                    request.parts.push(part.to_owned());
                }
                other => return Err(Failure::Other(format!("unknown argument `{other}`"))),
            }
        }
        if request.parts.is_empty() {
            request.parts = ["speed", "shapes", "start", "memory", "rest", "postgres"]
                .map(str::to_owned)
                .to_vec();
        }
        Ok(request)
    }
}

/// `cargo xtask bench [speed] [shapes] [memory] [start] [rest] [postgres] [--rows N] [--runs N] [--memory-rows N] [--rest-rows N] [--quick]`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let request = Request::read(arguments)?;
    let toolbox = Toolbox::new()?;
    let bench = Bench {
        tipple: toolbox.tipple(request.profile)?,
        throughput: toolbox.throughput(request.profile)?,
        folder: toolbox.work_folder("bench")?,
        toolbox,
        request,
    };
    bench.print_machine();
    for part in &bench.request.parts {
        println!("\n── {part}");
        match part.as_str() {
            "speed" => bench.speed()?,
            "shapes" => bench.shapes()?,
            "memory" => bench.memory()?,
            "rest" => bench.rest()?,
            "postgres" => bench.postgres()?,
            _ => bench.start()?,
        }
    }
    Ok(())
}

struct Bench {
    toolbox: Toolbox,
    tipple: PathBuf,
    /// Program that measures the normaliser alone, and DuckDB alone.
    throughput: PathBuf,
    folder: PathBuf,
    request: Request,
}

/// One way to do the work.
struct Peer {
    label: &'static str,
    /// How many times the work of this peer fits into the whole work.
    scale: f64,
    command: Command,
}

/// Lets the disk finish what the run before left to write, which the next run would otherwise pay for.
fn settle() {
    nix::unistd::sync();
}

impl Bench {
    fn print_machine(&self) {
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or("");
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        println!("{cpus} processors{model}, load before the start {load}");
    }

    /// A fresh folder for one run.
    fn fresh(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("run");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::file("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
        Ok(folder)
    }

    fn tipple_load(&self, file: &Path) -> Command {
        let run = self.folder.join("run");
        let mut command = self.toolbox.program(&self.tipple);
        command
            .current_dir(&run)
            .arg("load")
            .arg(file)
            .args(["--table", "orders"]);
        command.args([
            "--write-disposition",
            "replace",
            "--dataset",
            "bench_data",
            "--quiet",
        ]);
        command
            .arg("--destination")
            .arg(format!("duckdb:{}", run.join("out.duckdb").display()));
        command.env("DLT_DATA_DIR", run.join("data"));
        command
    }

    fn duckdb_reader(&self, file: &Path) -> Command {
        let run = self.folder.join("run");
        let mut command = self.toolbox.program(&self.throughput);
        command
            .current_dir(&run)
            .arg("duckdb")
            .arg(file)
            .arg(run.join("out.duckdb"));
        command
    }

    fn dlt_load(
        &self,
        python: &Path,
        file: &Path,
        format: Option<&str>,
    ) -> Result<Command, Failure> {
        let program = self.folder.join("dlt_load.py");
        fs::write(&program, DLT_PROGRAM).map_err(Failure::file("write", &program))?;
        let run = self.folder.join("run");
        let mut command = Command::new(python);
        command
            .current_dir(&run)
            .arg(program)
            .arg(file)
            .arg(run.join("out.duckdb"))
            .args(format);
        Ok(command)
    }

    /// Runs all peers in turn, several times.
    fn alternate(&self, peers: &[Peer], runs: usize) -> Result<Vec<Line>, Failure> {
        let mut lines: Vec<Line> = peers
            .iter()
            .map(|peer| Line::new(peer.label, peer.scale))
            .collect();
        for round in 1..=runs {
            for (peer, line) in peers.iter().zip(&mut lines) {
                let cost = self.once(&peer.command, None)?;
                eprintln!("round {round}: {} {:.2} s", peer.label, cost.wall);
                line.samples.push(cost);
            }
        }
        Ok(lines)
    }

    fn once(&self, command: &Command, memory: Option<u64>) -> Result<Cost, Failure> {
        self.fresh()?;
        settle();
        measure(command, memory, &self.folder.join("run.log"))
    }

    fn speed(&self) -> Result<(), Failure> {
        let rows = self.request.rows;
        let file = data::orders(&self.folder, rows, Framing::Lines)?;
        let few = data::orders(&self.folder, rows / DEFAULT_ARM_SHARE, Framing::Lines)?;
        let bytes = fs::metadata(&file)
            .map_err(Failure::file("read", &file))?
            .len();
        let python = DLT.python()?;
        let peer = |label, scale, command| Peer {
            label,
            scale,
            command,
        };
        let peers = [
            peer("tipple", 1.0, self.tipple_load(&file)),
            peer("DuckDB's own reader", 1.0, self.duckdb_reader(&file)),
            peer(
                "dlt, parquet",
                1.0,
                self.dlt_load(&python, &file, Some("parquet"))?,
            ),
            peer(
                "dlt, default",
                DEFAULT_ARM_SHARE as f64,
                self.dlt_load(&python, &few, None)?,
            ),
        ];
        println!(
            "{rows} orders, {:.0} MB, to a DuckDB file; dlt's default arm loads {} and counts {DEFAULT_ARM_SHARE} times",
            bytes as f64 / 1e6,
            rows / DEFAULT_ARM_SHARE
        );
        let lines = self.alternate(&peers, self.request.runs)?;
        print_lines(&lines, 0);
        self.same_content(&peers[0].command, &peers[1].command)?;
        println!("\nthe normaliser alone, in memory, on one core:");
        print!("{}", self.normalizer_alone(&file)?);
        Ok(())
    }

    /// Both programs must have left the same rows.
    fn same_content(&self, first: &Command, second: &Command) -> Result<(), Failure> {
        let mut contents = Vec::new();
        for (command, dataset) in [(first, "bench_data"), (second, "main")] {
            self.once(command, None)?;
            let mut content = self.toolbox.program(&self.throughput);
            content
                .arg("content")
                .arg(self.folder.join("run/out.duckdb"))
                .arg(dataset);
            contents.push(output(&mut content)?);
        }
        if contents[0] != contents[1] {
            return Err(Failure::Other(format!(
                "the rows differ:\n{}\n{}",
                contents[0], contents[1]
            )));
        }
        println!(
            "rows and content hash per table, equal for tipple and DuckDB's own reader:\n{}",
            contents[0].trim_end()
        );
        Ok(())
    }

    fn normalizer_alone(&self, file: &Path) -> Result<String, Failure> {
        output(
            self.toolbox
                .program(&self.throughput)
                .arg("normalize")
                .arg(file),
        )
    }

    fn shapes(&self) -> Result<(), Failure> {
        println!("JSON text to finished batches, in memory, on one core");
        for shape in SHAPES {
            let file = shape.file(&self.folder)?;
            let line = output(
                self.toolbox
                    .program(&self.throughput)
                    .args(["normalize", "--brief"])
                    .arg(&file),
            )?;
            println!("{:14} {}", shape.name, line.trim_end());
        }
        Ok(())
    }

    fn memory(&self) -> Result<(), Failure> {
        let lines = data::orders(&self.folder, self.request.memory_rows, Framing::Lines)?;
        let array_items = MEMORY_ARRAY_ITEMS.min(self.request.memory_rows);
        let array = data::orders(&self.folder, array_items, Framing::Array)?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!("hard limit {:.0} MiB, default settings", mib(MEMORY_LIMIT));
        for (what, file) in [("lines", lines), ("one array", array)] {
            let bytes = fs::metadata(&file)
                .map_err(Failure::file("read", &file))?
                .len();
            let cost = self.once(&self.tipple_load(&file), Some(MEMORY_LIMIT))?;
            println!(
                "{what}: {:.1} GB in {:.1} s, CPU {:.1} s, peak {:.0} MiB resident",
                bytes as f64 / 1e9,
                cost.wall,
                cost.cpu,
                mib(cost.peak)
            );
        }
        Ok(())
    }

    fn start(&self) -> Result<(), Failure> {
        let mut version = self.toolbox.program(&self.tipple);
        version.arg("version");
        print_seconds("tipple version", &self.repeat(&version, 30)?);
        let row = self.folder.join("row.jsonl");
        fs::write(&row, "{\"id\":1,\"name\":\"x\"}\n").map_err(Failure::file("write", &row))?;
        let load = self.tipple_load(&row);
        print_seconds("one row to a new DuckDB file", &self.repeat(&load, 20)?);
        Ok(())
    }

    fn repeat(&self, command: &Command, runs: usize) -> Result<Sample, Failure> {
        // The first run warms the caches and is not counted.
        let costs: Result<Vec<Cost>, Failure> =
            (0..=runs).map(|_| self.once(command, None)).collect();
        Ok(Sample::of(costs?.iter().skip(1).map(|cost| cost.wall)))
    }
}
