//! Settings of a DuckDB destination and the forms in which users write them (spec/destinations.md §4.1).

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tipple_destination::{DestinationError, Result};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In memory of this process. dlt refuses this; it is for tests.
    Memory,
}

impl Location {
    /// Name that DuckDB gives to the catalog: the file name up to its first point.
    pub fn catalog(&self) -> String {
        match self {
            Location::Memory => "memory".to_owned(),
            Location::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.split('.').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// True when there is something to open.
    pub fn exists(&self) -> bool {
        match self {
            Location::Memory => true,
            Location::File(path) => path.exists(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Memory => f.write_str("duckdb:///:memory:"),
            Location::File(path) => write!(f, "duckdb:///{}", path.display()),
        }
    }
}

/// Folders and names that a location may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Folder of relative paths.
    pub local_dir: &'a Path,
    /// Working directory of the pipeline, for `:pipeline:`.
    pub pipeline_dir: Option<&'a Path>,
    /// Name of the pipeline; names the file when the destination has no name of its own.
    pub pipeline_name: Option<&'a str>,
    /// Name of the destination where the user gave one; names the file.
    pub destination_name: Option<&'a str>,
}

impl Places<'_> {
    fn default_file(&self) -> String {
        let name = self
            .destination_name
            .or(self.pipeline_name)
            .unwrap_or("duckdb");
        format!("{name}.duckdb")
    }
}

/// Settings of a DuckDB destination, complete.
#[derive(Clone, PartialEq)]
pub struct DuckDbSettings {
    /// Name of the destination: `duckdb` unless the user gave another.
    pub name: String,
    /// Where the database is.
    pub location: Location,
    /// Open the database for reading only.
    pub read_only: bool,
    /// Extensions to load when the database is opened.
    pub extensions: Vec<String>,
    /// `SET GLOBAL` settings, when the database is opened.
    pub global_config: Map<String, Value>,
    /// `SET SESSION` settings of each connection.
    pub local_config: Map<String, Value>,
    /// `PRAGMA` statements of each connection.
    pub pragmas: Vec<String>,
    /// Statements that run when the database is opened; may hold secrets.
    pub statements: Vec<String>,
    /// Time zone of each connection; absent leaves DuckDB's choice.
    pub session_timezone: Option<String>,
    /// How long a load waits for the lock of another process.
    pub lock_wait: Duration,
    /// How long a reader waits for it.
    pub read_lock_wait: Duration,
    /// Threads of DuckDB; absent means all cores.
    pub threads: Option<usize>,
    /// Memory of DuckDB in bytes; absent means DuckDB's choice, 80 % of the machine.
    pub memory_bytes_max: Option<u64>,
}

impl fmt::Debug for DuckDbSettings {
    /// Leaves out what may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuckDbSettings")
            .field("name", &self.name)
            .field("location", &self.location)
            .field("read_only", &self.read_only)
            .field(
                "statements",
                &format_args!("{} hidden", self.statements.len()),
            )
            .finish_non_exhaustive()
    }
}

impl DuckDbSettings {
    /// True when there is no file yet, and nothing in sight that would keep it from being made.
    ///
    /// Whatever may fail when the database is opened must fail before the source is read, so statements and the like
    /// count as unknown.
    pub(crate) fn is_certainly_empty(&self) -> bool {
        let Location::File(path) = &self.location else {
            return false;
        };
        let has_set_up = self.read_only
            || !self.extensions.is_empty()
            || !self.global_config.is_empty()
            || !self.local_config.is_empty()
            || !self.pragmas.is_empty()
            || !self.statements.is_empty();
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return false,
        };
        let is_writable = |folder: &Path| {
            folder
                .metadata()
                .is_ok_and(|facts| facts.is_dir() && !facts.permissions().readonly())
        };
        // A dangling link is no file and yet cannot be taken for nothing.
        !has_set_up && path.symlink_metadata().is_err() && is_writable(folder)
    }

    /// Settings with defaults.
    pub fn new(location: Location) -> Self {
        DuckDbSettings {
            name: "duckdb".to_owned(),
            location,
            read_only: false,
            extensions: Vec::new(),
            global_config: Map::new(),
            local_config: Map::new(),
            pragmas: Vec::new(),
            statements: Vec::new(),
            session_timezone: Some("UTC".to_owned()),
            lock_wait: Duration::from_secs(30),
            read_lock_wait: Duration::from_secs(3),
            threads: None,
            memory_bytes_max: None,
        }
    }

    /// Reads `credentials` as users write them: nothing, a path or URL, or an object of fields.
    ///
    /// # Errors
    /// [`DestinationError::Settings`] for an unknown field, a value of another kind, or `:pipeline:` without a pipeline.
    pub fn parse(credentials: &Value, places: &Places<'_>) -> Result<Self> {
        let reader = Reader {
            name: places.destination_name.unwrap_or("duckdb"),
        };
        let mut settings = match credentials {
            Value::Null => DuckDbSettings::new(reader.location(None, places)?),
            Value::String(text) => DuckDbSettings::new(reader.location(Some(text), places)?),
            Value::Object(fields) => reader.object(fields, places)?,
            _ => return Err(reader.error("credentials", "a path, a URL or fields are expected")),
        };
        settings.name = reader.name.to_owned();
        Ok(settings)
    }
}

/// Fields of the object form, `drivername` and the like included because URLs decay into them.
const FIELDS: [&str; 11] = [
    "database",
    "drivername",
    "username",
    "read_only",
    "extensions",
    "global_config",
    "local_config",
    "pragmas",
    "statements",
    "session_timezone",
    "path",
];

struct Reader<'a> {
    name: &'a str,
}

impl Reader<'_> {
    fn error(&self, field: &str, why: impl Into<String>) -> DestinationError {
        DestinationError::Settings {
            destination: self.name.to_owned(),
            field: field.to_owned(),
            why: why.into(),
        }
    }

    fn object(&self, fields: &Map<String, Value>, places: &Places<'_>) -> Result<DuckDbSettings> {
        if let Some(field) = fields
            .keys()
            .find(|field| !FIELDS.contains(&field.as_str()))
        {
            let why = format!("the field is unknown; known are {}", FIELDS.join(", "));
            return Err(self.error(&format!("credentials.{field}"), why));
        }
        let database = self
            .text(fields, "database")?
            .or(self.text(fields, "path")?);
        let mut settings = DuckDbSettings::new(self.location(database, places)?);
        settings.read_only = self.flag(fields, "read_only")?;
        settings.extensions = self.list(fields, "extensions")?;
        settings.pragmas = self.list(fields, "pragmas")?;
        settings.statements = self.list(fields, "statements")?;
        settings.global_config = self.map(fields, "global_config")?;
        settings.local_config = self.map(fields, "local_config")?;
        if fields.contains_key("session_timezone") {
            settings.session_timezone = self.text(fields, "session_timezone")?.map(str::to_owned);
        }
        Ok(settings)
    }

    fn location(&self, text: Option<&str>, places: &Places<'_>) -> Result<Location> {
        let text = text.unwrap_or_default();
        let path = match text.split_once("://") {
            Some(("duckdb", rest)) => {
                // `duckdb:///a.duckdb` is relative, `duckdb:////tmp/a.duckdb` absolute.
                let path = rest.strip_prefix('/').unwrap_or(rest);
                path.split('?').next().unwrap_or_default()
            }
            Some((scheme, _)) => {
                let why =
                    format!("`{scheme}://` is no DuckDB database; write a path or duckdb:///PATH");
                return Err(self.error("credentials", why));
            }
            None => text,
        };
        if path.contains('\0') {
            return Err(self.error("credentials", "a path cannot hold a NUL character"));
        }
        match path {
            ":memory:" => Ok(Location::Memory),
            ":pipeline:" => match places.pipeline_dir {
                Some(folder) => Ok(Location::File(folder.join(places.default_file()))),
                None => Err(self.error("credentials", "`:pipeline:` needs a pipeline")),
            },
            "" => Ok(Location::File(places.local_dir.join(places.default_file()))),
            path => Ok(Location::File(places.local_dir.join(path))),
        }
    }

    fn text<'v>(&self, fields: &'v Map<String, Value>, field: &str) -> Result<Option<&'v str>> {
        match fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(&format!("credentials.{field}"), "text is expected")),
        }
    }

    fn flag(&self, fields: &Map<String, Value>, field: &str) -> Result<bool> {
        match fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => {
                Err(self.error(&format!("credentials.{field}"), "true or false is expected"))
            }
        }
    }

    fn list(&self, fields: &Map<String, Value>, field: &str) -> Result<Vec<String>> {
        let error = || {
            self.error(
                &format!("credentials.{field}"),
                "a list of texts is expected",
            )
        };
        match fields.get(field) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned).ok_or_else(error))
                .collect(),
            Some(_) => Err(error()),
        }
    }

    fn map(&self, fields: &Map<String, Value>, field: &str) -> Result<Map<String, Value>> {
        match fields.get(field) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(values)) => Ok(values.clone()),
            Some(_) => Err(self.error(&format!("credentials.{field}"), "fields are expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn location(credentials: Value) -> String {
        let places = Places {
            local_dir: Path::new("/project"),
            pipeline_dir: Some(Path::new("/pipelines/shop")),
            pipeline_name: Some("shop"),
            destination_name: None,
        };
        match DuckDbSettings::parse(&credentials, &places) {
            Ok(settings) => settings.location.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_form_of_a_location_is_understood() {
        for (credentials, expected) in [
            (json!(null), "duckdb:////project/shop.duckdb"),
            (json!("a.duckdb"), "duckdb:////project/a.duckdb"),
            (json!("/tmp/a.duckdb"), "duckdb:////tmp/a.duckdb"),
            (json!("duckdb:///a.duckdb"), "duckdb:////project/a.duckdb"),
            (json!("duckdb:////tmp/a.duckdb"), "duckdb:////tmp/a.duckdb"),
            (json!(":pipeline:"), "duckdb:////pipelines/shop/shop.duckdb"),
            (
                json!("duckdb:///:pipeline:"),
                "duckdb:////pipelines/shop/shop.duckdb",
            ),
            (json!(":memory:"), "duckdb:///:memory:"),
            (json!({"database": "b.db"}), "duckdb:////project/b.db"),
        ] {
            assert_eq!(location(credentials.clone()), expected, "{credentials}");
        }
    }

    #[test]
    fn a_named_destination_names_its_file() {
        let places = Places {
            local_dir: Path::new("/project"),
            pipeline_dir: None,
            pipeline_name: Some("shop"),
            destination_name: Some("archive"),
        };
        let settings = DuckDbSettings::parse(&Value::Null, &places).unwrap();
        assert_eq!(
            settings.location.to_string(),
            "duckdb:////project/archive.duckdb"
        );
        assert_eq!(settings.name, "archive");
    }

    #[test]
    fn wrong_credentials_say_what_is_expected() {
        insta::assert_snapshot!(location(json!("postgres://u:p@h/d")), @"setting `credentials` of destination `duckdb` is not usable: `postgres://` is no DuckDB database; write a path or duckdb:///PATH");
        insta::assert_snapshot!(location(json!({"databse": "x"})), @"setting `credentials.databse` of destination `duckdb` is not usable: the field is unknown; known are database, drivername, username, read_only, extensions, global_config, local_config, pragmas, statements, session_timezone, path");
        insta::assert_snapshot!(location(json!({"read_only": 7})), @"setting `credentials.read_only` of destination `duckdb` is not usable: true or false is expected");
    }

    #[test]
    fn only_a_file_that_can_be_made_is_certainly_empty() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| DuckDbSettings::new(Location::File(folder.path().join(path)));
        assert!(at("new.duckdb").is_certainly_empty());
        assert!(!at("missing/new.duckdb").is_certainly_empty());
        let mut with_statement = at("new.duckdb");
        with_statement.statements = vec!["SELECT 1".to_owned()];
        assert!(!with_statement.is_certainly_empty());
        std::fs::write(folder.path().join("old.duckdb"), "").unwrap();
        assert!(!at("old.duckdb").is_certainly_empty());
        assert!(!DuckDbSettings::new(Location::Memory).is_certainly_empty());
    }

    #[test]
    fn statements_stay_out_of_debug_output() {
        let mut settings = DuckDbSettings::new(Location::Memory);
        settings.statements = vec!["CREATE SECRET canary".to_owned()];
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn the_catalog_is_the_file_name_up_to_its_first_point() {
        assert_eq!(Location::File("/x/shop.v2.duckdb".into()).catalog(), "shop");
    }
}
