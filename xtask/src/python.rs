//! Virtual environments of Python, made once and kept in the cache.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::toolbox::{lab_folder, run};

/// Packages of the environment that runs the real dlt.
///
/// `sqlglot` below 28: dlt 1.31 breaks with later ones when a dataset is read.
pub const DLT: Environment = Environment {
    name: "dlt-1.31.0",
    packages: &[
        "dlt[duckdb,parquet]==1.31.0",
        "duckdb==2.0.0",
        "orjson",
        "sqlglot<28",
        "pandas",
    ],
};

/// Packages of the environment in which dlt makes the SQL of its warehouses; their drivers are imported, never connected.
pub const WAREHOUSES: Environment = Environment {
    name: "dlt-1.31.0-warehouses",
    packages: &[
        "dlt[duckdb,postgres,redshift,bigquery,snowflake,databricks]==1.31.0",
        "pyyaml",
        "cryptography",
    ],
};

/// Packages of the environment in which dlt loads Postgres.
pub const DLT_POSTGRES: Environment = Environment {
    name: "dlt-1.31.0-postgres",
    packages: &["dlt[postgres]==1.31.0", "orjson", "sqlglot<28"],
};

/// A virtual environment.
#[derive(Debug)]
pub struct Environment {
    /// Name of its folder; changes when the packages change.
    pub name: &'static str,
    /// What pip installs.
    pub packages: &'static [&'static str],
}

impl Environment {
    /// The Python of the environment, which is made if it is not there.
    pub fn python(&self) -> Result<PathBuf, Failure> {
        let folder = lab_folder()?.join("py").join(self.name);
        let (python, done) = (folder.join("bin/python"), folder.join(".done"));
        if done.exists() {
            return Ok(python);
        }
        eprintln!(
            "installing {} into {}",
            self.packages.join(", "),
            folder.display()
        );
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::file("remove", &folder))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).map_err(|failure| {
            Failure::Other(format!(
                "{failure}; Python with its module `venv` is needed (Debian: apt install python3-venv)"
            ))
        })?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        run(pip.args(self.packages))?;
        fs::write(&done, "").map_err(Failure::file("write", &done))?;
        Ok(python)
    }
}
