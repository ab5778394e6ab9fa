//! What every planner needs to know, in one value.

use std::fmt;

use tipple_schema::Schema;

use crate::capabilities::{Capabilities, MergeStrategy, ReplaceStrategy, WriteDisposition};
use crate::dialect::SqlDialect;
use crate::names::{DatasetNames, SystemNames, TableRef, Target};
use crate::table::{LoadTable, is_system_table, root_of};

/// Settings of a destination that change what is planned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanSettings {
    /// How tables are replaced; absent means the first strategy of the destination.
    pub replace_strategy: Option<ReplaceStrategy>,
    /// Whether unique hints become constraints; absent means the default of the destination.
    pub create_indexes: Option<bool>,
    /// Whether the staging dataset is emptied at the end of a load.
    pub truncate_staging: bool,
}

/// Everything a planner reads. Pure data; the clock is handed in.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// Schema of the package, with its seen-data marks.
    pub schema: &'a Schema,
    /// Names of the two datasets.
    pub datasets: &'a DatasetNames,
    /// Names of system tables and columns.
    pub names: &'a SystemNames,
    /// SQL of the destination.
    pub dialect: &'a dyn SqlDialect,
    /// Settings of the destination.
    pub settings: &'a PlanSettings,
    /// Now, in microseconds since 1970-01-01 UTC.
    pub now: i64,
}

impl<'a> PlanContext<'a> {
    /// What the destination can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        self.dialect.capabilities()
    }

    /// A table of the schema with its inherited hints; nothing if the schema does not have it.
    pub fn table(&self, name: &str) -> Option<LoadTable> {
        LoadTable::prepare(self.schema, name)
    }

    /// Full quoted name of `table`.
    pub fn qualified(&self, target: Target, table: &str) -> String {
        self.dialect.qualified(&self.at(target, table))
    }

    /// Full name of `table`.
    pub fn at(&self, target: Target, table: &str) -> TableRef {
        self.datasets.table(target, table)
    }

    /// How replaced tables are replaced.
    pub fn replace_strategy(&self) -> Option<ReplaceStrategy> {
        let known = self.capabilities().replace_strategies;
        match self.settings.replace_strategy {
            Some(wish) => known.contains(&wish).then_some(wish),
            None => known.first().copied(),
        }
    }

    /// How `root` is merged: its own wish or the first strategy of the destination; nothing if that is not supported.
    pub fn merge_strategy(&self, root: &LoadTable) -> Option<MergeStrategy> {
        let known = self.capabilities().merge_strategies;
        match root.text_hint("x-merge-strategy") {
            Some(word) => word.parse().ok().filter(|wish| known.contains(wish)),
            None => known.first().copied(),
        }
    }

    /// True when rows of `root` and its children go to the staging dataset first.
    pub fn is_staged(&self, root: &LoadTable) -> bool {
        match root.disposition {
            WriteDisposition::Merge => true,
            WriteDisposition::Replace => {
                self.replace_strategy() != Some(ReplaceStrategy::TruncateAndInsert)
            }
            WriteDisposition::Append | WriteDisposition::Skip => false,
        }
    }

    /// Names of all data tables that the staging dataset must have, whether they get rows now or not.
    pub fn staged_tables(&self) -> Vec<&'a str> {
        let is_staged = |name: &&str| {
            self.table(root_of(self.schema, name))
                .is_some_and(|root| self.is_staged(&root))
        };
        self.schema
            .tables
            .values()
            .filter(|table| table.has_seen_data() && !is_system_table(&table.name))
            .map(|table| table.name.as_str())
            .filter(is_staged)
            .collect()
    }

    /// Whether unique hints become constraints.
    pub fn create_indexes(&self) -> bool {
        self.settings
            .create_indexes
            .unwrap_or(self.capabilities().create_indexes)
    }
}

/// Something that works but that the user should know, each with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanWarning {
    /// A NOT NULL column joins a table that may have rows.
    NotNullAdded {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A hint that only works when a table is made joins a table that is there.
    HintOnExisting {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The hint.
        hint: String,
    },
    /// A timestamp cannot have both a time zone and a precision.
    PrecisionIgnored {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A merge without any key adds rows.
    MergeWithoutKeys {
        /// The table.
        table: String,
    },
    /// `merge_key` has no meaning for the strategy, or `destination_scope` takes its place.
    MergeKeyIgnored {
        /// The table.
        table: String,
        /// The strategy.
        strategy: MergeStrategy,
        /// True when `destination_scope` takes its place.
        is_scope_given: bool,
    },
    /// An option has no meaning for the strategy.
    OptionIgnored {
        /// The table.
        table: String,
        /// The option.
        option: &'static str,
        /// The strategy.
        strategy: MergeStrategy,
        /// Strategies that know the option.
        known: &'static [MergeStrategy],
    },
    /// A column hint has no meaning here.
    ColumnHintIgnored {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The hint.
        hint: &'static str,
        /// The reason.
        why: &'static str,
    },
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanWarning::NotNullAdded { table, column } => write!(
                f,
                "column `{column}` with NOT NULL is added to table `{table}`; this fails if the table has rows"
            ),
            PlanWarning::HintOnExisting {
                table,
                column,
                hint,
            } => write!(
                f,
                "column `{column}` with hint `{hint}` is added to table `{table}`, which is there already; \
                 the hint may have no effect"
            ),
            PlanWarning::PrecisionIgnored { table, column } => write!(
                f,
                "column `{column}` of table `{table}` has both a time zone and a precision; \
                 the precision is ignored unless `timezone` is false"
            ),
            PlanWarning::MergeWithoutKeys { table } => write!(
                f,
                "table `{table}` is merged without primary key or merge key, so its rows are added; \
                 give it a key or use `append`"
            ),
            PlanWarning::MergeKeyIgnored {
                table,
                is_scope_given: true,
                ..
            } => write!(
                f,
                "table `{table}` has a merge key and a `destination_scope`; the merge key is ignored"
            ),
            PlanWarning::MergeKeyIgnored {
                table, strategy, ..
            } => write!(
                f,
                "the merge key of table `{table}` is ignored by merge strategy `{strategy}`"
            ),
            PlanWarning::OptionIgnored {
                table,
                option,
                strategy,
                known,
            } => write!(
                f,
                "option `{option}` of table `{table}` is ignored by merge strategy `{strategy}`; known to {}",
                known
                    .iter()
                    .map(|s| format!("`{s}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            PlanWarning::ColumnHintIgnored {
                table,
                column,
                hint,
                why,
            } => {
                write!(
                    f,
                    "hint `{hint}` of column `{column}` of table `{table}` is ignored: {why}"
                )
            }
        }
    }
}
