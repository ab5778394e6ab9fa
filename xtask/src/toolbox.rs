//! Folders, environment and programs that all commands share.
//!
//! Every cargo invocation gets the same environment and the same features, so that nothing is built twice. Built files
//! stay out of the checkout, in the target folder of the user's cache, unless `CARGO_TARGET_DIR` says otherwise.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::duckdb;
use crate::failure::Failure;

/// How binaries are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build, with checks.
    Dev,
    /// Release speed, quicker to build.
    Quick,
    /// What is installed.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Quick => "quick",
            Profile::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        if self == Profile::Dev {
            "debug"
        } else {
            self.name()
        }
    }
}

/// What commands need to know about the machine.
#[derive(Debug)]
pub struct Toolbox {
    /// Root of the checkout.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// Folder of the prebuilt DuckDB library; none when DuckDB must be compiled.
    pub duckdb: Option<PathBuf>,
}

impl Toolbox {
    /// Finds the folders and makes the DuckDB library if it is not there yet.
    pub fn new() -> Result<Self, Failure> {
        let duckdb = match duckdb::library() {
            Ok(folder) => Some(folder),
            Err(failure) => {
                eprintln!("no prebuilt DuckDB library: {failure}");
                eprintln!("DuckDB is compiled instead, which takes about an hour of CPU");
                None
            }
        };
        Ok(Toolbox {
            root: root()?,
            target: target_folder()?,
            duckdb,
        })
    }

    /// A program in the root of the checkout that finds the DuckDB library.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        if let Some(folder) = &self.duckdb {
            command
                .env("DUCKDB_LIB_DIR", folder)
                .env("LD_LIBRARY_PATH", library_path(folder));
        }
        command
    }

    /// Cargo with the environment of all builds.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// Features of all builds: the DuckDB library that is there, or the bundled one.
    pub fn features(&self) -> [&'static str; 3] {
        let features = if self.duckdb.is_some() {
            "tipple/duckdb,tipple/postgres"
        } else {
            "tipple/bundled,tipple/postgres"
        };
        ["--no-default-features", "--features", features]
    }

    /// Builds the program `tipple` and gives its path.
    pub fn tipple(&self, profile: Profile) -> Result<PathBuf, Failure> {
        self.build("tipple", profile)
    }

    /// Builds the judge of the testkit and gives its path.
    pub fn judge(&self) -> Result<PathBuf, Failure> {
        self.build("tipple-judge", Profile::Dev)
    }

    /// Builds the mock server of the APIs and gives its path.
    pub fn mockapi(&self, profile: Profile) -> Result<PathBuf, Failure> {
        self.build("mockapi", profile)
    }

    /// Builds the program that measures single stages and gives its path.
    pub fn throughput(&self, profile: Profile) -> Result<PathBuf, Failure> {
        self.build("tipple-throughput", profile)
    }

    fn build(&self, binary: &str, profile: Profile) -> Result<PathBuf, Failure> {
        let mut command = self.cargo(&["build", "--quiet", "--profile", profile.name()]);
        if profile == Profile::Dev {
            // All members at once: the features of what they share are then the same for every command.
            command.args(["--workspace", "--bins", "--exclude", "xtask"]);
        } else {
            for package in ["tipple", "tipple-testkit", "tipple-mockapi"] {
                command.args(["--package", package]);
            }
            command.args(["--bin", binary]);
        }
        command.args(self.features());
        run(&mut command)?;
        Ok(self.target.join(profile.folder()).join(binary))
    }

    /// A folder of the cache for this checkout's experiments; made if missing.
    pub fn work_folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.target.join("xtask").join(name);
        fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
        Ok(folder)
    }
}

fn library_path(folder: &Path) -> String {
    let before = env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let folder = folder.display().to_string();
    match before.as_str() {
        "" => folder,
        before if before.split(':').any(|part| part == folder) => before.to_owned(),
        before => format!("{folder}:{before}"),
    }
}

/// Root of the checkout.
pub fn root() -> Result<PathBuf, Failure> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().map(Path::to_owned);
    root.ok_or_else(|| Failure::Other("the folder of the checkout is not known".to_owned()))
}

/// Folder for things that can be made again: libraries, virtual environments.
pub fn lab_folder() -> Result<PathBuf, Failure> {
    Ok(match env::var_os("TIPPLE_LAB") {
        Some(folder) => PathBuf::from(folder),
        None => cache_folder()?.join("tipple-lab"),
    })
}

fn target_folder() -> Result<PathBuf, Failure> {
    Ok(match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => cache_folder()?.join("tipple-target"),
    })
}

fn cache_folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    let home = env::var_os("HOME").ok_or_else(|| Failure::Other("HOME is not set".to_owned()))?;
    Ok(PathBuf::from(home).join(".cache"))
}

/// Runs a program to its end; an exit code other than 0 is a failure.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|cause| not_started(command, cause))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Ended {
            command: shown(command),
            status,
        })
    }
}

/// Runs a program and gives what it wrote to its standard output.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| not_started(command, cause))?;
    if !output.status.success() {
        return Err(Failure::Ended {
            command: shown(command),
            status: output.status,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn not_started(command: &Command, cause: std::io::Error) -> Failure {
    Failure::NotStarted {
        program: command.get_program().to_string_lossy().into_owned(),
        cause,
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// True when a program is there and says its version.
pub fn is_there(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
