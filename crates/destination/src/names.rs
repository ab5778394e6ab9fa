//! Names of datasets, tables and system columns as a destination sees them.
//!
//! Every name here has already passed the naming convention of the schema; quoting is the dialect's work. System names
//! are a struct and not constants because a convention may fold their case.

/// The two datasets that a pipeline writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetNames {
    /// Database that holds both; only where a name of two parts would be ambiguous.
    pub catalog: Option<String>,
    /// Where tables live.
    pub dataset: String,
    /// Where rows wait for a merge or replace.
    pub staging: String,
}

impl DatasetNames {
    /// Names without a catalog; the staging dataset is called as dlt calls it.
    pub fn new(dataset: impl Into<String>) -> Self {
        let dataset = dataset.into();
        let staging = format!("{dataset}_staging");
        DatasetNames {
            catalog: None,
            dataset,
            staging,
        }
    }

    /// Name of one of the two datasets.
    pub fn get(&self, target: Target) -> &str {
        match target {
            Target::Final => &self.dataset,
            Target::Staging => &self.staging,
        }
    }

    /// A table in one of the two datasets.
    pub fn table(&self, target: Target, table: impl Into<String>) -> TableRef {
        TableRef {
            catalog: self.catalog.clone(),
            dataset: self.get(target).to_owned(),
            table: table.into(),
        }
    }
}

/// Which of the two datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The dataset that readers use.
    Final,
    /// The staging dataset.
    Staging,
}

/// Full name of a table, not quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableRef {
    /// Database, where needed.
    pub catalog: Option<String>,
    /// Dataset.
    pub dataset: String,
    /// Table.
    pub table: String,
}

macro_rules! system_names {
    ($($field:ident = $name:literal, $doc:literal;)*) => {
        /// Names of the system tables and their columns under a naming convention (spec/schema.md §3).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct SystemNames {
            $(#[doc = $doc] pub $field: String,)*
        }

        impl SystemNames {
            /// Normalizes every name with `normalize`, which is the convention's rule for one identifier.
            pub fn new(normalize: impl Fn(&str) -> String) -> Self {
                SystemNames { $($field: normalize($name),)* }
            }
        }
    };
}

system_names! {
    version_table = "_dlt_version", "Table of schema versions.";
    loads_table = "_dlt_loads", "Table of load receipts.";
    state_table = "_dlt_pipeline_state", "Table of pipeline states.";
    version = "version", "Number of a schema or state version.";
    engine_version = "engine_version", "Version of the stored document's form.";
    inserted_at = "inserted_at", "When a version or receipt was written.";
    schema_name = "schema_name", "Name of a schema.";
    version_hash = "version_hash", "Hash of a schema or state.";
    schema = "schema", "The stored schema document.";
    load_id = "load_id", "Load id in the table of receipts.";
    status = "status", "Status of a load; 0 is success.";
    schema_version_hash = "schema_version_hash", "Hash of the schema of a load.";
    pipeline_name = "pipeline_name", "Name of a pipeline.";
    state = "state", "The stored state document.";
    created_at = "created_at", "When a state was made.";
    row_load_id = "_dlt_load_id", "Load id in a data table.";
}

impl Default for SystemNames {
    /// The names as they are, right for every convention that leaves lower snake case alone.
    fn default() -> Self {
        SystemNames::new(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_names_follow_the_convention() {
        let names = SystemNames::new(str::to_uppercase);
        assert_eq!(names.loads_table, "_DLT_LOADS");
        assert_eq!(names.row_load_id, "_DLT_LOAD_ID");
    }

    #[test]
    fn the_staging_dataset_is_named_after_the_dataset() {
        let names = DatasetNames::new("shop");
        assert_eq!(
            names.table(Target::Staging, "orders").dataset,
            "shop_staging"
        );
    }
}
