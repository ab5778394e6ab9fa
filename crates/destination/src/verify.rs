//! What is wrong with a schema for a destination, found before any statement runs.
//!
//! All problems are collected, so that one run tells everything (spec/schema.md §6, spec/load.md §5.3). What merely has
//! no effect is a warning. Start with [`verify`].

use std::fmt;

use indexmap::IndexMap;

use crate::capabilities::{MergeStrategy, ReplaceStrategy, WriteDisposition};
use crate::context::{PlanContext, PlanWarning};
use crate::dialect::UnsupportedType;
use crate::merge::{SCOPE_PLACEHOLDERS, check_condition};
use crate::table::{LoadTable, is_system_table};

/// One reason why a schema cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Two names are one at the destination.
    #[error(
        "{what} `{name}` of {place} and `{other}` are the same name at the destination, \
         which {folding}; rename one, or use a naming convention that ignores case"
    )]
    Collision {
        /// `table` or `column`.
        what: &'static str,
        /// Table or schema.
        place: String,
        /// The later name.
        name: String,
        /// The earlier name.
        other: String,
        /// How names are compared.
        folding: &'static str,
    },
    /// A name is longer than the destination takes.
    #[error("{what} `{name}` has {length} characters; the destination takes at most {length_max}")]
    IdentifierTooLong {
        /// `table` or `column`.
        what: &'static str,
        /// The name; of a column with its table.
        name: String,
        /// Its length in characters.
        length: usize,
        /// The limit.
        length_max: usize,
    },
    /// A table has more columns than the destination takes.
    #[error(
        "table `{table}` would have {count} columns; the destination takes at most {count_max}. \
         Nest less deep with `max_table_nesting`, or give the widest objects the hint `data_type: json`"
    )]
    TooManyColumns {
        /// The table.
        table: String,
        /// Its columns with those that would be added.
        count: usize,
        /// The limit.
        count_max: usize,
    },
    /// The destination has no type for a column.
    #[error("column `{column}` of table `{table}`: {cause}")]
    UnsupportedType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The limit.
        cause: UnsupportedType,
    },
    /// The destination cannot merge as wished, or not at all.
    #[error("table `{table}` cannot be merged{}; {}", wish.as_ref().map(|w| format!(" by `{w}`")).unwrap_or_default(), available(known))]
    MergeStrategy {
        /// The table.
        table: String,
        /// The strategy that was asked for.
        wish: Option<String>,
        /// Strategies of the destination.
        known: &'static [MergeStrategy],
    },
    /// The destination cannot replace as wished.
    #[error("table `{table}` cannot be replaced{}; {}", wish.map(|w| format!(" by `{w}`")).unwrap_or_default(), available(known))]
    ReplaceStrategy {
        /// The table.
        table: String,
        /// The strategy that was asked for.
        wish: Option<ReplaceStrategy>,
        /// Strategies of the destination.
        known: &'static [ReplaceStrategy],
    },
    /// A strategy needs a primary key.
    #[error("table `{table}` has no primary key, which merge strategy `{strategy}` needs")]
    NoPrimaryKey {
        /// The table.
        table: String,
        /// The strategy.
        strategy: MergeStrategy,
    },
    /// A hint that only one column may have is on several.
    #[error(
        "columns {} of table `{table}` have the hint `{hint}`; only one may have it",
        quoted(columns)
    )]
    SeveralColumns {
        /// The table.
        table: String,
        /// The hint.
        hint: &'static str,
        /// The columns.
        columns: Vec<String>,
    },
    /// A condition written by the user cannot be used.
    #[error("`{option}` of table `{table}` is not usable: {why}\n  condition: {condition}")]
    Condition {
        /// The table.
        table: String,
        /// The option.
        option: &'static str,
        /// Its text.
        condition: String,
        /// The rule that was broken.
        why: String,
    },
    /// No column identifies a row.
    #[error(
        "table `{table}` has no column that identifies a row (row key, unique, or a single primary key{})",
        several(primary_keys)
    )]
    RowKey {
        /// The table.
        table: String,
        /// Its primary key columns.
        primary_keys: Vec<String>,
    },
    /// No column of a child table leads to its root row.
    #[error(
        "table `{table}` has no root key (`_dlt_root_id`) that leads to table `{root}`; load it once with write disposition `merge` from the start, or set `root_key`"
    )]
    RootKey {
        /// The table.
        table: String,
        /// Root of the chain.
        root: String,
        /// True when a parent key would do.
        is_direct: bool,
    },
    /// A history table lacks one of its columns.
    #[error(
        "table `{table}` has no column with the hint `{hint}`, which merge strategy `scd2` needs"
    )]
    HistoryColumn {
        /// The table.
        table: String,
        /// The hint.
        hint: &'static str,
    },
    /// A job is for a table that the schema does not have.
    #[error("table `{table}` has rows to load but is not in the schema")]
    UnknownTable {
        /// The table.
        table: String,
    },
}

impl Problem {
    /// Dotted word that names the problem for people and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::Collision { .. } => "destination.schema.name_collision",
            Problem::IdentifierTooLong { .. } => "destination.schema.name_too_long",
            Problem::TooManyColumns { .. } => "destination.schema.too_many_columns",
            Problem::UnsupportedType { .. } => "destination.schema.unsupported_type",
            Problem::MergeStrategy { .. } => "destination.schema.merge_strategy",
            Problem::ReplaceStrategy { .. } => "destination.schema.replace_strategy",
            Problem::NoPrimaryKey { .. } => "destination.schema.no_primary_key",
            Problem::SeveralColumns { .. } => "destination.schema.several_columns",
            Problem::Condition { .. } => "destination.schema.condition",
            Problem::RowKey { .. } => "destination.schema.no_row_key",
            Problem::RootKey { .. } => "destination.schema.no_root_key",
            Problem::HistoryColumn { .. } => "destination.schema.no_history_column",
            Problem::UnknownTable { .. } => "destination.schema.unknown_table",
        }
    }

    /// Name of the class that dlt raises for the same problem.
    pub fn dlt_class(&self) -> &'static str {
        match self {
            Problem::Collision { .. } => "SchemaIdentifierNormalizationCollision",
            Problem::IdentifierTooLong { .. } => "IdentifierTooLongException",
            Problem::TooManyColumns { .. } => "DatabaseTerminalException",
            Problem::UnsupportedType { .. } => "TerminalValueError",
            Problem::MergeStrategy { wish: None, .. } => "WriteDispositionNotSupported",
            Problem::MergeStrategy { .. } => "DestinationCapabilitiesException",
            Problem::RowKey { .. } | Problem::RootKey { .. } => "MergeDispositionException",
            _ => "SchemaCorruptedException",
        }
    }
}

fn available<T: fmt::Display>(known: &[T]) -> String {
    match known.is_empty() {
        true => "the destination has no such strategy".to_owned(),
        false => format!("the destination has {}", quoted(known)),
    }
}

fn quoted<T: fmt::Display>(words: &[T]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn several(keys: &[String]) -> String {
    match keys.len() {
        0 | 1 => String::new(),
        _ => format!("; it has {}", quoted(keys)),
    }
}

/// All problems of one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblems {
    /// Name of the schema.
    pub schema: String,
    /// Name of the dialect.
    pub destination: &'static str,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SchemaProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "schema `{}` cannot be loaded into {}",
            self.schema, self.destination
        )?;
        match self.problems.as_slice() {
            [only] => write!(f, ": {only}"),
            problems => problems
                .iter()
                .try_for_each(|problem| write!(f, "\n- {problem}")),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Reasons why the schema cannot be loaded.
    pub problems: Vec<Problem>,
    /// What has no effect or another one than wished.
    pub warnings: Vec<PlanWarning>,
}

/// Options of a merge with the strategies that know them.
const OPTIONS: [(&str, &str, &[MergeStrategy]); 3] = [
    (
        "source_filter",
        "x-merge-source-filter",
        &[
            MergeStrategy::DeleteInsert,
            MergeStrategy::Scd2,
            MergeStrategy::Upsert,
            MergeStrategy::Cdc,
        ],
    ),
    (
        "destination_scope",
        "x-merge-destination-scope",
        &[
            MergeStrategy::DeleteInsert,
            MergeStrategy::Scd2,
            MergeStrategy::Cdc,
        ],
    ),
    (
        "skip_unchanged_rows",
        "x-merge-skip-unchanged-rows",
        &[MergeStrategy::Upsert, MergeStrategy::Cdc],
    ),
];
const ROW_VERSION_STRATEGIES: &[MergeStrategy] = &[
    MergeStrategy::Scd2,
    MergeStrategy::Upsert,
    MergeStrategy::Cdc,
];

/// Checks all data tables for names, and `tables` (those with jobs) for types and dispositions.
pub fn verify(context: &PlanContext<'_>, tables: &[&str]) -> Findings {
    let mut findings = Findings::default();
    check_names(context, &mut findings.problems);
    for table in tables.iter().filter_map(|name| context.table(name)) {
        check_types(context, &table, &mut findings.problems);
        if !table.is_child() {
            check_disposition(context, &table, &mut findings);
            check_single_hints(&table, &mut findings);
        }
    }
    findings
}

fn check_names(context: &PlanContext<'_>, problems: &mut Vec<Problem>) {
    let capabilities = context.capabilities();
    let data = context
        .schema
        .tables
        .values()
        .filter(|table| !is_system_table(&table.name));
    let place = format!("schema `{}`", context.schema.name);
    let mut tables = Names::new(context, "table", place);
    for table in data {
        tables.check(
            &table.name,
            capabilities.identifier_len_max,
            &table.name,
            problems,
        );
        let mut columns = Names::new(context, "column", format!("table `{}`", table.name));
        for name in table.columns.keys() {
            let full = format!("{}.{name}", table.name);
            columns.check(
                name,
                capabilities.column_identifier_len_max,
                &full,
                problems,
            );
        }
    }
}

/// Names of one place, by their folded form.
struct Names<'a> {
    context: &'a PlanContext<'a>,
    what: &'static str,
    place: String,
    seen: IndexMap<String, String>,
}

impl<'a> Names<'a> {
    fn new(context: &'a PlanContext<'a>, what: &'static str, place: String) -> Self {
        Names {
            context,
            what,
            place,
            seen: IndexMap::new(),
        }
    }

    fn check(&mut self, name: &str, length_max: usize, full: &str, problems: &mut Vec<Problem>) {
        let capabilities = self.context.capabilities();
        let folded = capabilities.fold(name);
        if let Some(other) = self.seen.get(&folded) {
            problems.push(Problem::Collision {
                what: self.what,
                place: self.place.clone(),
                name: name.to_owned(),
                other: other.clone(),
                folding: match capabilities.case_sensitive {
                    true => "keeps upper and lower case apart",
                    false => "takes upper and lower case as the same",
                },
            });
        }
        self.seen.insert(folded, name.to_owned());
        let length = name.chars().count();
        if length > length_max {
            let (what, name) = (self.what, full.to_owned());
            problems.push(Problem::IdentifierTooLong {
                what,
                name,
                length,
                length_max,
            });
        }
    }
}

fn check_types(context: &PlanContext<'_>, table: &LoadTable, problems: &mut Vec<Problem>) {
    for column in table.columns.values() {
        if let Err(cause) = context.dialect.column_type(column) {
            let (table, column) = (table.name.clone(), column.name.clone());
            problems.push(Problem::UnsupportedType {
                table,
                column,
                cause,
            });
        }
    }
}

fn check_disposition(context: &PlanContext<'_>, table: &LoadTable, findings: &mut Findings) {
    match table.disposition {
        WriteDisposition::Merge => check_merge(context, table, findings),
        WriteDisposition::Replace if context.replace_strategy().is_none() => {
            findings.problems.push(Problem::ReplaceStrategy {
                table: table.name.clone(),
                wish: context.settings.replace_strategy,
                known: context.capabilities().replace_strategies,
            });
        }
        _ => {}
    }
}

fn check_merge(context: &PlanContext<'_>, table: &LoadTable, findings: &mut Findings) {
    let Some(strategy) = context.merge_strategy(table) else {
        findings.problems.push(Problem::MergeStrategy {
            table: table.name.clone(),
            wish: table.text_hint("x-merge-strategy").map(str::to_owned),
            known: context.capabilities().merge_strategies,
        });
        return;
    };
    check_conditions(table, &mut findings.problems);
    check_keys(table, strategy, findings);
    check_options(table, strategy, &mut findings.warnings);
}

fn check_conditions(table: &LoadTable, problems: &mut Vec<Problem>) {
    let placeholders: [&[&str]; 2] = [&[], &SCOPE_PLACEHOLDERS];
    for ((option, hint, _), known) in OPTIONS.into_iter().zip(placeholders) {
        let Some(condition) = table.text_hint(hint) else {
            continue;
        };
        if let Err(why) = check_condition(condition, known) {
            let (table, condition) = (table.name.clone(), condition.to_owned());
            problems.push(Problem::Condition {
                table,
                option,
                condition,
                why,
            });
        }
    }
}

fn check_keys(table: &LoadTable, strategy: MergeStrategy, findings: &mut Findings) {
    let has_primary_key = table.first_with("primary_key").is_some();
    let has_merge_key = table.first_with("merge_key").is_some();
    let has_scope = table.table.hints.contains_key("x-merge-destination-scope");
    let name = || table.name.clone();
    let needs_key = matches!(
        strategy,
        MergeStrategy::Upsert | MergeStrategy::InsertOnly | MergeStrategy::Cdc
    );
    if needs_key && !has_primary_key {
        findings.problems.push(Problem::NoPrimaryKey {
            table: name(),
            strategy,
        });
    }
    let is_keyless = !has_primary_key && !has_merge_key && !has_scope;
    if strategy == MergeStrategy::DeleteInsert && is_keyless {
        findings
            .warnings
            .push(PlanWarning::MergeWithoutKeys { table: name() });
    }
    let knows_scope = OPTIONS[1].2.contains(&strategy);
    let ignores_merge_key = matches!(strategy, MergeStrategy::Upsert | MergeStrategy::InsertOnly);
    if has_merge_key && (ignores_merge_key || (has_scope && knows_scope)) {
        findings.warnings.push(PlanWarning::MergeKeyIgnored {
            table: name(),
            strategy,
            is_scope_given: !ignores_merge_key,
        });
    }
}

fn check_options(table: &LoadTable, strategy: MergeStrategy, warnings: &mut Vec<PlanWarning>) {
    let mut warn = |option, known: &'static [MergeStrategy]| {
        if !known.contains(&strategy) {
            let table = table.name.clone();
            warnings.push(PlanWarning::OptionIgnored {
                table,
                option,
                strategy,
                known,
            });
        }
    };
    for (option, hint, known) in OPTIONS {
        if table.text_hint(hint).is_some() || table.has(hint) {
            warn(option, known);
        }
    }
    if table.first_with("x-row-version").is_some() {
        warn("row_version_column_name", ROW_VERSION_STRATEGIES);
    }
}

fn check_single_hints(table: &LoadTable, findings: &mut Findings) {
    for hint in ["hard_delete", "dedup_sort"] {
        let columns = table.all_with(hint);
        let Some(first) = columns.first() else {
            continue;
        };
        if columns.len() > 1 {
            findings.problems.push(Problem::SeveralColumns {
                table: table.name.clone(),
                hint,
                columns: columns.iter().map(|column| column.name.clone()).collect(),
            });
        }
        if let Some(why) = why_ignored(table, hint) {
            findings.warnings.push(PlanWarning::ColumnHintIgnored {
                table: table.name.clone(),
                column: first.name.clone(),
                hint,
                why,
            });
        }
    }
}

fn why_ignored(table: &LoadTable, hint: &str) -> Option<&'static str> {
    match table.disposition {
        WriteDisposition::Append | WriteDisposition::Replace => {
            Some("it has an effect with write disposition `merge` only")
        }
        WriteDisposition::Merge if hint == "dedup_sort" => {
            if table.first_with("primary_key").is_none() {
                Some("the table has no primary key")
            } else if table.has("x-stage-data-deduplicated") {
                Some("staged rows are declared as deduplicated")
            } else {
                None
            }
        }
        _ => None,
    }
}
