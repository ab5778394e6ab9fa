//! What every destination must do, done by DuckDB.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a broken expectation is a failed test"
)]

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tipple_conformance::Harness;
use tipple_destination::Destination;
use tipple_destination_duckdb::DuckDb;
use tipple_schema::DataType;

/// A database file in a folder of its own.
struct DuckDbFile {
    path: PathBuf,
    /// Removes the folder; absent in the process of a child.
    _folder: Option<TempDir>,
}

impl Harness for DuckDbFile {
    const NAME: &'static str = "duckdb";

    fn fresh() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(DuckDbFile {
            path: folder.path().join("lab.duckdb"),
            _folder: Some(folder),
        })
    }

    fn reopen(address: &str) -> Self {
        DuckDbFile {
            path: PathBuf::from(address),
            _folder: None,
        }
    }

    fn address(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn destination(&self) -> Arc<dyn Destination> {
        Arc::new(DuckDb::at(&self.path))
    }

    fn dataset(&self) -> String {
        "conformance_data".to_owned()
    }

    fn text(&self, data_type: DataType, column: &str) -> String {
        match data_type {
            DataType::Timestamp => format!("CAST(epoch_us({column}) AS VARCHAR)"),
            DataType::Time => format!("CAST(epoch_us({column}) AS VARCHAR)"),
            DataType::Binary => format!("hex({column})"),
            _ => format!("CAST({column} AS VARCHAR)"),
        }
    }
}

mod conformance {
    tipple_conformance::conformance_suite!(super::DuckDbFile);
}
