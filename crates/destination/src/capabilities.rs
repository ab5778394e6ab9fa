//! What a destination can do, as data.
//!
//! Planning code reads this struct and nothing downcasts, so a destination can be printed, compared and documented from
//! one place (spec/destinations.md §1). The values of each destination stand beside its dialect.

use std::fmt;
use std::str::FromStr;

/// Format of a job file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Arrow IPC file.
    Arrow,
    /// Parquet.
    Parquet,
    /// One JSON object per line.
    Jsonl,
    /// Comma separated values.
    Csv,
    /// SQL text with rows.
    InsertValues,
}

/// How a merge is done (spec/load.md §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MergeStrategy {
    /// Delete what matches a key, then insert.
    DeleteInsert,
    /// Keep a history of versions.
    Scd2,
    /// Update or insert by primary key.
    Upsert,
    /// Insert keys that are new, change nothing.
    InsertOnly,
    /// Upsert that also deletes what the load does not bring.
    Cdc,
}

/// How a replace is done (spec/load.md §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplaceStrategy {
    /// Empty the tables, insert the rows.
    TruncateAndInsert,
    /// Rows go to the staging dataset and are copied.
    InsertFromStaging,
    /// Rows go to the staging dataset, whose tables take the place of the old ones.
    StagingOptimized,
}

/// How rows of a root table and its children get into the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteDisposition {
    /// Add rows.
    Append,
    /// Take the place of what was there.
    Replace,
    /// Add, change and delete by key.
    Merge,
    /// Never loaded as jobs: system tables.
    Skip,
}

macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident = $word:literal),*) => {
        impl $type {
            /// All values.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The word that stands for the value in schema documents and settings.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                $type::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| {
                    UnknownWord {
                        what: $what,
                        word: word.to_owned(),
                        known: $type::ALL.iter().map(|value| value.as_str()).collect(),
                    }
                })
            }
        }
    };
}

words!(
    FileFormat,
    "file format",
    Arrow = "arrow",
    Parquet = "parquet",
    Jsonl = "jsonl",
    Csv = "csv",
    InsertValues = "insert_values"
);
words!(
    MergeStrategy,
    "merge strategy",
    DeleteInsert = "delete-insert",
    Scd2 = "scd2",
    Upsert = "upsert",
    InsertOnly = "insert-only",
    Cdc = "cdc"
);
words!(
    ReplaceStrategy,
    "replace strategy",
    TruncateAndInsert = "truncate-and-insert",
    InsertFromStaging = "insert-from-staging",
    StagingOptimized = "staging-optimized"
);
words!(
    WriteDisposition,
    "write disposition",
    Append = "append",
    Replace = "replace",
    Merge = "merge",
    Skip = "skip"
);

/// A word that is not in a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what}; known are {}", known.join(", "))]
pub struct UnknownWord {
    /// What was expected.
    pub what: &'static str,
    /// What was found.
    pub word: String,
    /// All words that are known.
    pub known: Vec<&'static str>,
}

/// What the destination does to the case of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseFolding {
    /// Names are stored as they are.
    Keep,
    /// Names are stored in lower case.
    Lower,
    /// Names are stored in upper case.
    Upper,
}

/// How several columns join a table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddColumns {
    /// One statement for each column.
    OneEach,
    /// One statement, `ADD COLUMN` before each column.
    ManyClauses,
    /// One statement, `ADD COLUMN` once before all columns.
    OneList,
}

/// What a destination can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    /// Formats of job files that can be loaded, the preferred one first.
    pub file_formats: &'static [FileFormat],
    /// Formats that can be loaded from a bucket, the preferred one first.
    pub staging_file_formats: &'static [FileFormat],
    /// Longest name of a table, in characters.
    pub identifier_len_max: usize,
    /// Longest name of a column, in characters.
    pub column_identifier_len_max: usize,
    /// Most columns of a table; absent where there is no limit worth a check.
    pub columns_max: Option<usize>,
    /// What happens to the case of names.
    pub case_folding: CaseFolding,
    /// True when two names may differ by case alone.
    pub case_sensitive: bool,
    /// Precision and scale of a decimal column that says nothing.
    pub decimal_precision: (u32, u32),
    /// Precision and scale of a `wei` column.
    pub wei_precision: (u32, u32),
    /// Fraction digits of a timestamp that says nothing.
    pub timestamp_precision: u32,
    /// Most fraction digits of a timestamp.
    pub timestamp_precision_max: u32,
    /// True when timestamps without a time zone are kept as such.
    pub naive_timestamps: bool,
    /// Longest text, in bytes.
    pub text_bytes_max: u64,
    /// Longest statement, in bytes.
    pub query_bytes_max: u64,
    /// True when NUL characters can be stored in text.
    pub nul_in_text: bool,
    /// True when DDL can be rolled back.
    pub ddl_in_transaction: bool,
    /// A column can take a wider type in place, with an expression for the values that it has.
    pub widens_columns: bool,
    /// True when a group of statements can be rolled back.
    pub transactions: bool,
    /// How one ALTER TABLE adds several columns.
    pub add_columns: AddColumns,
    /// True when a temporary table can be made in the middle of a transaction and lives until its end.
    pub temporary_tables: bool,
    /// True when the table of a DELETE may have an alias.
    pub delete_alias: bool,
    /// True when one condition may hold several subqueries about the changed row, combined with OR.
    pub subqueries_with_or: bool,
    /// True when the condition of a DELETE or UPDATE may hold a subquery that holds another one.
    pub nested_subqueries: bool,
    /// True when the destination has TRUNCATE.
    pub truncate: bool,
    /// True when a table can be cloned.
    pub clone_table: bool,
    /// Merge strategies, the default one first.
    pub merge_strategies: &'static [MergeStrategy],
    /// Replace strategies, the default one first.
    pub replace_strategies: &'static [ReplaceStrategy],
    /// True when a unique hint becomes a constraint unless settings say otherwise.
    pub create_indexes: bool,
    /// Size of a job file that loads best, in bytes.
    pub file_bytes_recommended: Option<u64>,
}

impl Capabilities {
    /// The poorest destination there can be; others are written as differences to it.
    pub const POOREST: Capabilities = Capabilities {
        file_formats: &[],
        staging_file_formats: &[],
        identifier_len_max: 65536,
        column_identifier_len_max: 65536,
        columns_max: None,
        case_folding: CaseFolding::Keep,
        case_sensitive: false,
        decimal_precision: (38, 9),
        wei_precision: (38, 0),
        timestamp_precision: 6,
        timestamp_precision_max: 6,
        naive_timestamps: true,
        text_bytes_max: 1 << 30,
        query_bytes_max: 32 << 20,
        nul_in_text: false,
        ddl_in_transaction: false,
        widens_columns: false,
        transactions: false,
        add_columns: AddColumns::OneEach,
        temporary_tables: false,
        delete_alias: true,
        subqueries_with_or: true,
        nested_subqueries: true,
        truncate: false,
        clone_table: false,
        merge_strategies: &[],
        replace_strategies: &[ReplaceStrategy::TruncateAndInsert],
        create_indexes: false,
        file_bytes_recommended: None,
    };

    /// A name as the destination compares it with others.
    pub fn fold(&self, name: &str) -> String {
        match (self.case_folding, self.case_sensitive) {
            (CaseFolding::Keep, true) => name.to_owned(),
            (CaseFolding::Upper, _) => name.to_uppercase(),
            (CaseFolding::Lower, _) | (CaseFolding::Keep, false) => name.to_lowercase(),
        }
    }
}
