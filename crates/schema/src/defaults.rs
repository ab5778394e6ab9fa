//! What a schema has before any data: system tables, settings, default hints.
//!
//! Descriptions belong to the content and hence to the hash, so every text here is that of dlt
//! (spec/schema.md §1.3, §3). Start with [`Schema::new`].

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::document::RELATIONAL_NORMALIZER;
use crate::{
    Column, DataType, ENGINE_VERSION, Hints, Naming, NamingError, Schema, SchemaError,
    SchemaSettings, Table,
};

/// Table of the schema versions in a dataset, before normalization.
pub const VERSION_TABLE: &str = "_dlt_version";

/// Table of the completed loads in a dataset, before normalization.
pub const LOADS_TABLE: &str = "_dlt_loads";

/// Table of the pipeline states in a dataset, before normalization.
pub const STATE_TABLE: &str = "_dlt_pipeline_state";

/// Beginning of the names of system tables and columns, before normalization.
pub const SYSTEM_PREFIX: &str = "_dlt";

/// System columns; no built-in convention changes these names.
pub const ROW_ID: &str = "_dlt_id";

/// Load that brought a row of a root table.
pub const LOAD_ID: &str = "_dlt_load_id";

/// Row id of the root row.
pub const ROOT_ID: &str = "_dlt_root_id";

/// Row id of the parent row.
pub const PARENT_ID: &str = "_dlt_parent_id";

/// Position in the list of the parent row.
pub const LIST_INDEX: &str = "_dlt_list_idx";

/// Longest name of a schema.
const NAME_LENGTH_MAX: usize = 64;

/// Hints that new columns with the names of system columns get.
const DEFAULT_HINTS: [(&str, &[&str]); 5] = [
    (
        "not_null",
        &[ROW_ID, ROOT_ID, PARENT_ID, LIST_INDEX, LOAD_ID],
    ),
    ("parent_key", &[PARENT_ID]),
    ("root_key", &[ROOT_ID]),
    ("unique", &[ROW_ID]),
    ("row_key", &[ROW_ID]),
];

impl Schema {
    /// An empty schema with the system tables, named and configured as dlt does it.
    ///
    /// `naming` is the name of a convention, as it will be stored.
    ///
    /// # Errors
    /// [`SchemaError::InvalidName`]; [`SchemaError::Naming`] for an unknown convention.
    pub fn new(name: &str, naming: &str) -> Result<Self, SchemaError> {
        check_name(name)?;
        let refused = |cause| SchemaError::Naming {
            schema: name.to_owned(),
            cause,
        };
        let convention = Naming::from_name(naming, None).map_err(refused)?;
        let mut schema = Schema {
            name: name.to_owned(),
            version: 1,
            engine_version: ENGINE_VERSION,
            settings: SchemaSettings {
                detections: Some(vec!["iso_timestamp".to_owned()]),
                ..SchemaSettings::default()
            },
            normalizers: default_normalizers(naming),
            ..Schema::default()
        };
        schema.add_default_hints();
        for table in [version_table(), loads_table()] {
            let table = table.normalized(&convention).map_err(refused)?;
            schema.tables.insert(table.name.clone(), table);
        }
        Ok(schema)
    }

    /// Adds the hints of the system columns, where the settings lack them.
    pub fn add_default_hints(&mut self) {
        let default_hints = DEFAULT_HINTS.iter().map(|(hint, columns)| {
            (
                (*hint).to_owned(),
                columns.iter().map(|column| (*column).to_owned()).collect(),
            )
        });
        self.merge_default_hints(default_hints.collect());
    }

    /// Adds patterns to the default hints, those that are there already excepted.
    ///
    /// An exact name and the anchored expression that means the same count as one.
    pub fn merge_default_hints(&mut self, new: IndexMap<String, Vec<String>>) {
        let default_hints = self.settings.default_hints.get_or_insert_default();
        for (hint, patterns) in new {
            let known = default_hints.entry(hint).or_default();
            for pattern in patterns {
                if !known
                    .iter()
                    .any(|other| canonical(other) == canonical(&pattern))
                {
                    known.push(pattern);
                }
            }
        }
    }

    /// Adds or replaces preferred types, pattern by pattern.
    pub fn merge_preferred_types(&mut self, new: IndexMap<String, String>) {
        let types = self.settings.preferred_types.get_or_insert_default();
        for (pattern, data_type) in new {
            let known = types
                .keys()
                .find(|other| canonical(other) == canonical(&pattern));
            types.insert(known.cloned().unwrap_or(pattern), data_type);
        }
    }

    /// Adds a type detection, unless it is there.
    pub fn add_detection(&mut self, detection: &str) {
        let detections = self.settings.detections.get_or_insert_default();
        if !detections.iter().any(|known| known == detection) {
            detections.push(detection.to_owned());
        }
    }

    /// Removes a type detection, if it is there.
    pub fn remove_detection(&mut self, detection: &str) {
        if let Some(detections) = &mut self.settings.detections {
            detections.retain(|known| known != detection);
        }
    }
}

/// The form in which two patterns that mean the same are equal.
fn canonical(pattern: &str) -> String {
    if pattern.starts_with("re:") {
        pattern.to_owned()
    } else {
        format!("re:^{pattern}$")
    }
}

/// Checks that `name` can be that of a schema: letters, digits and underscores, at most 64.
///
/// # Errors
/// [`SchemaError::InvalidName`].
pub fn check_name(name: &str) -> Result<(), SchemaError> {
    let is_start = |c: char| c == '_' || c.is_alphabetic();
    let is_legal = name.starts_with(is_start)
        && name.chars().all(|c| c == '_' || c.is_alphanumeric())
        && name.chars().count() <= NAME_LENGTH_MAX;
    if is_legal {
        Ok(())
    } else {
        Err(SchemaError::InvalidName(name.to_owned()))
    }
}

/// Turns any name into that of a schema.
///
/// # Errors
/// [`NamingError::Blank`].
pub fn normalize_schema_name(name: &str) -> Result<String, NamingError> {
    Naming::from_name("snake_case", Some(NAME_LENGTH_MAX))?.identifier(name)
}

fn default_normalizers(naming: &str) -> Hints {
    Hints::from_iter([
        ("names".to_owned(), naming.into()),
        ("json".to_owned(), json!({"module": RELATIONAL_NORMALIZER})),
    ])
}

/// The table of the schema versions, not yet normalized.
pub fn version_table() -> Table {
    let columns = [
        (
            "version",
            DataType::Bigint,
            "Numeric version of the schema, incremented on each schema change",
        ),
        (
            "engine_version",
            DataType::Bigint,
            "Version of the dlt schema engine that created this schema",
        ),
        (
            "inserted_at",
            DataType::Timestamp,
            "Timestamp when this schema version was stored",
        ),
        ("schema_name", DataType::Text, "Name of the schema"),
        (
            "version_hash",
            DataType::Text,
            "Unique hash of the schema content, used to detect changes",
        ),
        (
            "schema",
            DataType::Text,
            "JSON representation of the complete schema definition",
        ),
    ];
    let columns = columns.map(|(name, data_type, text)| described(name, data_type, false, text));
    system_table(
        VERSION_TABLE,
        "Created by DLT. Tracks schema updates",
        columns,
    )
}

/// The table of the completed loads, not yet normalized.
pub fn loads_table() -> Table {
    let mut load_id = described(
        "load_id",
        DataType::Text,
        false,
        "Unique identifier of the load operation",
    );
    load_id.precision = Some(64);
    let columns = [
        load_id,
        described(
            "schema_name",
            DataType::Text,
            true,
            "Name of the schema associated with this load",
        ),
        described(
            "status",
            DataType::Bigint,
            false,
            "Status of the load operation (0 = success)",
        ),
        described(
            "inserted_at",
            DataType::Timestamp,
            false,
            "Timestamp when the load was completed",
        ),
        described(
            "schema_version_hash",
            DataType::Text,
            true,
            "Hash of the schema version used during this load",
        ),
    ];
    system_table(
        LOADS_TABLE,
        "Created by DLT. Tracks completed loads",
        columns,
    )
}

/// The table of the pipeline states as extract declares it, not yet normalized; normalize adds the row id.
pub fn state_table() -> Table {
    let mut load_id = described(
        LOAD_ID,
        DataType::Text,
        false,
        "Load identifier linking this row to its load operation",
    );
    load_id.precision = Some(64);
    let columns = [
        described(
            "version",
            DataType::Bigint,
            false,
            "Numeric version of the pipeline state",
        ),
        described(
            "engine_version",
            DataType::Bigint,
            false,
            "Version of the dlt state engine",
        ),
        described(
            "pipeline_name",
            DataType::Text,
            false,
            "Name of the pipeline this state belongs to",
        ),
        described(
            "state",
            DataType::Text,
            false,
            "Compressed JSON representation of the pipeline state",
        ),
        described(
            "created_at",
            DataType::Timestamp,
            false,
            "Timestamp when this state was created",
        ),
        described(
            "version_hash",
            DataType::Text,
            true,
            "Hash of the state content, used to detect changes",
        ),
        load_id,
    ];
    let mut table = table_of(STATE_TABLE, columns);
    for (hint, value) in [
        ("write_disposition", "append"),
        ("file_format", "preferred"),
        ("resource", STATE_TABLE),
    ] {
        table.hints.insert(hint.to_owned(), value.into());
    }
    table
}

fn described(name: &str, data_type: DataType, is_nullable: bool, description: &str) -> Column {
    Column {
        nullable: Some(is_nullable),
        hints: Hints::from_iter([("description".to_owned(), Value::from(description))]),
        ..Column::new(name, data_type)
    }
}

fn table_of(name: &str, columns: impl IntoIterator<Item = Column>) -> Table {
    let columns = columns
        .into_iter()
        .map(|column| (column.name.clone(), column));
    Table {
        columns: columns.collect(),
        ..Table::new(name)
    }
}

/// A table that the load step writes itself.
fn system_table(name: &str, description: &str, columns: impl IntoIterator<Item = Column>) -> Table {
    let mut table = table_of(name, columns);
    for (hint, value) in [
        ("write_disposition", "skip"),
        ("resource", name),
        ("description", description),
    ] {
        table.hints.insert(hint.to_owned(), value.into());
    }
    table
}
