//! The program `tipple` in a folder of its own, with what a test wants to know of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tipple_testkit::dump::dump_file;

/// Dataset that tests load.
pub const DATASET: &str = "shop";

/// A folder with a database, a project and working folders.
pub struct Place {
    folder: TempDir,
}

/// How a run ended.
pub struct Ended {
    /// Exit code; nothing when it was killed.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Place {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("shop.duckdb")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with these arguments, in this folder, with an environment that a test can know.
    pub fn tipple(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for (key, _) in std::env::vars_os() {
            let key = key.to_string_lossy().into_owned();
            if key.contains("__") || key.starts_with("DLT_") {
                command.env_remove(key);
            }
        }
        command
            .env("NO_COLOR", "1")
            .env("HOME", self.folder.path())
            .env("COLUMNS", "100");
        command.env("DLT_DATA_DIR", self.path("data"));
        command
    }

    /// `tipple load` of a file into the table `orders` of the database.
    pub fn load_command(&self, file: &str, more: &[&str]) -> Command {
        let destination = format!("duckdb:{}", self.database().display());
        let mut command = self.tipple(&["load", file, "--table", "orders", "--pipeline", "shop"]);
        command
            .args(["--dataset", DATASET, "--destination", &destination])
            .args(more);
        command
    }

    pub fn load(&self, file: &str, more: &[&str]) -> Ended {
        self.ended(self.load_command(file, more).output().unwrap())
    }

    pub fn ended(&self, output: Output) -> Ended {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ended {
            code: output.status.code(),
            stderr: self.without_chance(&stderr),
        }
    }

    /// Replaces what differs from run to run: folders, load ids, times, process numbers.
    fn without_chance(&self, text: &str) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text.replace(&*folder.to_string_lossy(), "[folder]");
        let text = text.replace(&*self.folder.path().to_string_lossy(), "[folder]");
        let mut out = Vec::new();
        for line in text.lines() {
            out.push(masked_numbers(line.trim_end()));
        }
        out.join("\n")
    }

    /// What another database in the folder holds.
    pub fn database_dump(&self, file: &str, dataset: &str) -> Value {
        dump_file(&self.path(file), dataset).unwrap()
    }

    /// Load id of the only load in a database of the folder.
    pub fn load_id(&self, file: &str, dataset: &str) -> String {
        let database = duckdb::Connection::open(self.path(file)).unwrap();
        let sql = format!("SELECT load_id FROM {dataset}._dlt_loads");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// What the database holds.
    pub fn dump(&self) -> Value {
        dump_file(&self.database(), DATASET).unwrap()
    }
}

/// Masks load ids (`1795291809.2349`), seconds (`0.31 s`) and process numbers (`process 4242`, `PID 4242`).
fn masked_numbers(line: &str) -> String {
    let mut words = Vec::new();
    let mut before = "";
    for (index, word) in line.split(' ').enumerate() {
        let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = !core.is_empty() && core.chars().all(|c| c.is_ascii_digit() || c == '.');
        let is_load_id = is_number && core.len() > 14 && core.contains('.');
        let is_process = is_number
            && ["process", "PID", "pid"]
                .iter()
                .any(|name| before.ends_with(name));
        let is_seconds = is_number && matches!(line.split(' ').nth(index + 1), Some("s"));
        words.push(if is_seconds {
            word.replace(core, "[seconds]")
        } else if is_load_id {
            word.replace(core, "[load id]")
        } else if is_process {
            word.replace(core, "[process]")
        } else {
            word.to_owned()
        });
        before = word;
    }
    words.join(" ")
}

/// The built program: named by `TIPPLE_BIN`, or beside the test.
#[expect(
    clippy::disallowed_methods,
    reason = "names a program for the tests, not a setting"
)]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TIPPLE_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).map(|folder| folder.join("tipple"));
    let built = built.filter(|path| path.exists());
    built.expect(
        "the program is not built: run `cargo xtask test`, or build the package tipple first",
    )
}

/// Folder of fixtures.
pub fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name)
}
