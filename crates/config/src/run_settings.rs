//! The settings of a run (spec/config.md §4), as one struct in which nothing is optional that must be there.
//!
//! Settings of dlt that have no meaning here (telemetry, process pools, Airflow) are accepted in the files and ignored.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::ConfigError;
use crate::lookup::Scope;
use crate::secret::Secret;
use crate::settings::Settings;

/// Ways to start a source over.
const REFRESH: &[&str] = &["drop_sources", "drop_resources", "drop_data"];
const REPLACE: &[&str] = &[
    "truncate-and-insert",
    "insert-from-staging",
    "staging-optimized",
];
const PARALLELISM: &[&str] = &["parallel", "table-sequential", "sequential"];
const ROW_ID_BYTES: &str = "DLT_DLT_ID_LENGTH_BYTES";
/// More would not make a clash any less likely and only take space.
const ROW_ID_BYTES_MAX: usize = 64;
const ITEM_MODES: &[&str] = &["round_robin", "fifo"];

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// `runtime`.
    pub runtime: RuntimeSettings,
    /// `pipelines.<name>`.
    pub pipeline: PipelineSettings,
    /// `schema`.
    pub schema: SchemaSettings,
    /// `extract`.
    pub extract: ExtractSettings,
    /// `normalize`.
    pub normalize: NormalizeSettings,
    /// `load`.
    pub load: LoadSettings,
    /// `destination.<name>`.
    pub destination: DestinationSettings,
    /// Variables with names of their own.
    pub variables: Variables,
}

/// Variables of the environment that dlt reads by their own names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables {
    /// `DLT_INTERVAL_TIMEZONE`: IANA name of the zone of times without one.
    pub time_zone: Option<String>,
    /// `DLT_DLT_ID_LENGTH_BYTES`: random bytes of a row id.
    pub row_id_bytes: Option<usize>,
    /// `DLT_DEFAULT_NAMING_MODULE`: naming convention where no setting says one.
    pub naming: Option<String>,
}

impl Variables {
    fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let text = |name: &str| settings.variable(name).map(str::to_owned);
        let bytes = text(ROW_ID_BYTES).map(|text| match text.trim().parse() {
            Ok(bytes @ 1..=ROW_ID_BYTES_MAX) => Ok(bytes),
            _ => Err(ConfigError::Invalid {
                field: ROW_ID_BYTES.to_owned(),
                why: format!("`{ROW_ID_BYTES}` is `{text}`, but must be a number from 1 to {ROW_ID_BYTES_MAX}"),
            }),
        });
        Ok(Variables {
            time_zone: text("DLT_INTERVAL_TIMEZONE"),
            row_id_bytes: bytes.transpose()?,
            naming: text("DLT_DEFAULT_NAMING_MODULE"),
        })
    }
}

/// Process, requests, notifications.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeSettings {
    /// Least severe message that is shown.
    pub log_level: String,
    /// `JSON` for one object per line.
    pub log_format: Option<String>,
    /// Longest wait for an answer.
    pub request_timeout: Duration,
    /// Attempts of a request in all.
    pub request_attempts_max: u32,
    /// First wait between attempts; doubled each time.
    pub request_backoff: Duration,
    /// Longest wait between attempts.
    pub request_delay_max: Duration,
    /// Response bodies in error messages.
    pub http_show_error_body: bool,
    /// Characters of them.
    pub http_error_body_max: usize,
    /// Address for notifications.
    pub slack_incoming_hook: Option<Secret<String>>,
    /// Memory for data in flight, in bytes; `None`: the machine decides.
    pub memory_bytes_max: Option<u64>,
    /// Run documents that are kept.
    pub keep_runs: usize,
}

/// The pipeline itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineSettings {
    /// Directory of working folders, if it is not the usual one.
    pub pipelines_dir: Option<PathBuf>,
    /// Dataset.
    pub dataset_name: Option<String>,
    /// Layout with `%s` for the dataset name.
    pub dataset_name_layout: Option<String>,
    /// Type of the destination.
    pub destination_type: Option<String>,
    /// Name of the destination.
    pub destination_name: Option<String>,
    /// Type of the staging storage.
    pub staging_type: Option<String>,
    /// Name of the staging storage.
    pub staging_name: Option<String>,
    /// Folder of schemas to start from.
    pub import_schema_path: Option<PathBuf>,
    /// Folder that schemas are written to.
    pub export_schema_path: Option<PathBuf>,
    /// State and schemas come back from the destination.
    pub restore_from_destination: bool,
    /// All schemas in one dataset.
    pub use_single_dataset: bool,
    /// A fresh dataset at each run.
    pub dev_mode: bool,
    /// What is dropped first.
    pub refresh: Option<String>,
}

/// Schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaSettings {
    /// Naming convention; `None`: the destination's.
    pub naming: Option<String>,
    /// Names of tables with data may change with the naming convention.
    pub allow_identifier_change_on_table_with_data: Option<bool>,
}

/// Reading.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtractSettings {
    /// Requests in flight.
    pub workers: usize,
    /// Items waited for at once.
    pub parallel_items_max: usize,
    /// One item from each resource in turn (`round_robin`), or one resource after the other (`fifo`).
    pub next_item_mode: String,
}

/// Normalizing.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizeSettings {
    /// Threads; `None`: the machine decides.
    pub workers: Option<usize>,
    /// `_dlt_id` in Arrow data.
    pub arrow_add_dlt_id: bool,
    /// `_dlt_load_id` in Arrow data.
    pub arrow_add_dlt_load_id: bool,
    /// Bytes after which a job file is ended.
    pub file_bytes_max: Option<u64>,
    /// Rows after which a job file is ended.
    pub file_items_max: Option<u64>,
    /// No compression of text files.
    pub disable_compression: bool,
}

/// Loading.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSettings {
    /// Jobs at once.
    pub workers: usize,
    /// Order of jobs; `None`: the destination's.
    pub parallelism_strategy: Option<String>,
    /// A job that is refused for good ends the run.
    pub raise_on_failed_jobs: bool,
    /// Tries after which the run ends; 0: never.
    pub retries_max: u32,
    /// Files of loaded packages are deleted.
    pub delete_completed_jobs: bool,
    /// Staging tables are emptied after the load.
    pub truncate_staging_dataset: bool,
    /// New jobs are begun after an interrupt.
    pub start_new_jobs_on_signal: bool,
    /// A job that is refused for good gives the package up.
    pub auto_abort_on_terminal_error: bool,
}

/// The destination, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationSettings {
    /// How `replace` is done; `None`: the destination's first.
    pub replace_strategy: Option<String>,
    /// Whether unique hints become constraints; `None`: as the destination does by itself.
    pub create_indexes: Option<bool>,
    /// Layout of the staging dataset's name.
    pub staging_dataset_name_layout: String,
    /// The dataset name is normalized.
    pub enable_dataset_name_normalization: bool,
    /// Staging storage is emptied before a load.
    pub truncate_tables_on_staging_destination_before_load: bool,
}

impl RunSettings {
    /// Reads the settings of a run. `destination` is the configured name, if it is known already.
    ///
    /// # Errors
    /// Values of another type, words that are none of the choices.
    pub fn read(
        settings: &Settings,
        pipeline: &str,
        destination: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let read = |scope: Scope| Reader {
            settings,
            scope: scope.in_pipeline(pipeline),
        };
        let destination = match destination {
            Some(name) => Scope::destination(name),
            None => Scope::new(["destination"]),
        };
        Ok(RunSettings {
            runtime: read(Scope::fixed("runtime")).runtime()?,
            pipeline: Reader {
                settings,
                scope: Scope::new(["pipelines", pipeline]),
            }
            .pipeline()?,
            schema: read(Scope::new(["schema"])).schema()?,
            extract: read(Scope::new(["extract"])).extract()?,
            normalize: read(Scope::new(["normalize"])).normalize()?,
            load: read(Scope::new(["load"])).load()?,
            destination: read(destination).destination()?,
            variables: Variables::read(settings)?,
        })
    }
}

struct Reader<'a> {
    settings: &'a Settings,
    scope: Scope,
}

impl Reader<'_> {
    fn runtime(&self) -> Result<RuntimeSettings, ConfigError> {
        Ok(RuntimeSettings {
            log_level: self
                .text("log_level")?
                .unwrap_or_else(|| "WARNING".to_owned()),
            log_format: self.text("log_format")?,
            request_timeout: self.seconds("request_timeout", 60.0)?,
            request_attempts_max: self.count("request_max_attempts")?.unwrap_or(5),
            request_backoff: self.seconds("request_backoff_factor", 1.0)?,
            request_delay_max: self.seconds("request_max_retry_delay", 300.0)?,
            http_show_error_body: self.flag("http_show_error_body", false)?,
            http_error_body_max: self.count("http_max_error_body_length")?.unwrap_or(8192),
            slack_incoming_hook: self.settings.secret(&self.scope, "slack_incoming_hook")?,
            memory_bytes_max: self.bytes("max_memory")?,
            keep_runs: self.count("keep_runs")?.unwrap_or(500),
        })
    }

    fn pipeline(&self) -> Result<PipelineSettings, ConfigError> {
        let path = |key| Ok::<_, ConfigError>(self.text(key)?.map(|path| self.project_path(&path)));
        Ok(PipelineSettings {
            pipelines_dir: path("pipelines_dir")?,
            dataset_name: self.text("dataset_name")?,
            dataset_name_layout: self.layout("dataset_name_layout")?,
            destination_type: self.text("destination_type")?,
            destination_name: self.text("destination_name")?,
            staging_type: self.text("staging_type")?,
            staging_name: self.text("staging_name")?,
            import_schema_path: path("import_schema_path")?,
            export_schema_path: path("export_schema_path")?,
            restore_from_destination: self.flag("restore_from_destination", true)?,
            use_single_dataset: self.flag("use_single_dataset", true)?,
            dev_mode: self.flag("dev_mode", false)?,
            refresh: self.settings.choice(&self.scope, "refresh", REFRESH)?,
        })
    }

    fn schema(&self) -> Result<SchemaSettings, ConfigError> {
        let allow = "allow_identifier_change_on_table_with_data";
        Ok(SchemaSettings {
            naming: self.text("naming")?,
            allow_identifier_change_on_table_with_data: self.settings.bool(&self.scope, allow)?,
        })
    }

    fn extract(&self) -> Result<ExtractSettings, ConfigError> {
        let mode = self
            .settings
            .choice(&self.scope, "next_item_mode", ITEM_MODES)?;
        Ok(ExtractSettings {
            workers: self.count("workers")?.unwrap_or(5),
            parallel_items_max: self.count("max_parallel_items")?.unwrap_or(20),
            next_item_mode: mode.unwrap_or_else(|| "round_robin".to_owned()),
        })
    }

    fn normalize(&self) -> Result<NormalizeSettings, ConfigError> {
        let arrow = self.within("parquet_normalizer");
        let writer = self.within("data_writer");
        Ok(NormalizeSettings {
            workers: self.count("workers")?,
            arrow_add_dlt_id: arrow.flag("add_dlt_id", false)?,
            arrow_add_dlt_load_id: arrow.flag("add_dlt_load_id", false)?,
            file_bytes_max: writer.bytes("file_max_bytes")?,
            file_items_max: writer.count("file_max_items")?,
            disable_compression: writer.flag("disable_compression", false)?,
        })
    }

    fn load(&self) -> Result<LoadSettings, ConfigError> {
        let strategy = self
            .settings
            .choice(&self.scope, "parallelism_strategy", PARALLELISM)?;
        Ok(LoadSettings {
            workers: self.count("workers")?.unwrap_or(20),
            parallelism_strategy: strategy,
            raise_on_failed_jobs: self.flag("raise_on_failed_jobs", true)?,
            retries_max: self.count("raise_on_max_retries")?.unwrap_or(5),
            delete_completed_jobs: self.flag("delete_completed_jobs", false)?,
            truncate_staging_dataset: self.flag("truncate_staging_dataset", false)?,
            start_new_jobs_on_signal: self.flag("start_new_jobs_on_signal", false)?,
            auto_abort_on_terminal_error: self.flag("auto_abort_on_terminal_error", false)?,
        })
    }

    fn destination(&self) -> Result<DestinationSettings, ConfigError> {
        let layout = self.layout("staging_dataset_name_layout")?;
        let truncate = "truncate_tables_on_staging_destination_before_load";
        Ok(DestinationSettings {
            replace_strategy: self
                .settings
                .choice(&self.scope, "replace_strategy", REPLACE)?,
            create_indexes: self.settings.bool(&self.scope, "create_indexes")?,
            staging_dataset_name_layout: layout.unwrap_or_else(|| "%s_staging".to_owned()),
            enable_dataset_name_normalization: self
                .flag("enable_dataset_name_normalization", true)?,
            truncate_tables_on_staging_destination_before_load: self.flag(truncate, true)?,
        })
    }

    fn within(&self, field: &str) -> Self {
        Reader {
            settings: self.settings,
            scope: self.scope.clone().within(field),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        self.settings.text(&self.scope, key)
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.settings.bool(&self.scope, key)?.unwrap_or(default))
    }

    fn count<N: TryFrom<i64>>(&self, key: &str) -> Result<Option<N>, ConfigError> {
        let Some(found) = self.settings.int(&self.scope, key)? else {
            return Ok(None);
        };
        match N::try_from(found) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(self.invalid(key, format!("`{key}` is {found}, which is out of range"))),
        }
    }

    fn seconds(&self, key: &str, default: f64) -> Result<Duration, ConfigError> {
        let found = self.settings.float(&self.scope, key)?.unwrap_or(default);
        Duration::try_from_secs_f64(found)
            .map_err(|_| self.invalid(key, format!("`{key}` is {found}, not a number of seconds")))
    }

    /// Bytes: a number, or one with `KB MB GB TB` (powers of 1000) or `KiB MiB GiB TiB`.
    fn bytes(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        match parse_bytes(&text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(self.invalid(
                key,
                format!(
                    "`{key}` is `{text}`, not a number of bytes (`1073741824`, `1 GiB`, `500MB`)"
                ),
            )),
        }
    }

    fn layout(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let layout = self.text(key)?;
        match &layout {
            Some(layout) if !layout.contains("%s") => Err(self.invalid(
                key,
                format!(
                    "`{key}` is `{layout}` and must contain `%s` for the dataset name (`prefix_%s`)"
                ),
            )),
            _ => Ok(layout),
        }
    }

    fn project_path(&self, path: &str) -> PathBuf {
        self.settings.places().project_dir.join(path)
    }

    fn invalid(&self, key: &str, why: String) -> ConfigError {
        ConfigError::Invalid {
            field: key.to_owned(),
            why,
        }
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor: f64 = match unit.trim().to_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * factor;
    // Within 2^53: exact.
    (bytes < 9.0e15).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(parse_bytes("1073741824"), Some(1 << 30));
        assert_eq!(parse_bytes("1 GiB"), Some(1 << 30));
        assert_eq!(parse_bytes("1.5KiB"), Some(1536));
        assert_eq!(parse_bytes("500MB"), Some(500_000_000));
        assert_eq!(parse_bytes("much"), None);
        assert_eq!(parse_bytes("-1"), None);
    }
}
