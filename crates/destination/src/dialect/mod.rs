//! How each destination writes names, values, types and statements.
//!
//! Text only, no I/O: a dialect is tested against what dlt writes (fixtures/golden) and by snapshots. The methods with a
//! body are what most destinations have in common; a dialect overrides what differs. Start with [`SqlDialect`].

mod bigquery;
mod databricks;
mod duckdb;
mod literal;
mod postgres;
mod redshift;
mod snowflake;
mod widening;

use std::fmt::Debug;

use tipple_schema::{Column, DataType};

pub use self::bigquery::BigQuery;
pub use self::databricks::Databricks;
pub use self::duckdb::DuckDb;
pub use self::literal::Literal;
pub use self::postgres::Postgres;
pub use self::redshift::Redshift;
pub use self::snowflake::Snowflake;
use crate::capabilities::{AddColumns, Capabilities};
use crate::names::TableRef;
use crate::statement::StatementKind;
use crate::table::LoadTable;
use crate::verify::Problem;

/// Hints that may become clauses of a column, in the order in which they are written.
const COLUMN_HINTS: [&str; 3] = ["unique", "cluster", "sort"];

/// A column that the destination has no type for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{destination} has no type for `{data_type}` with precision {precision}: {why}")]
pub struct UnsupportedType {
    /// Name of the dialect.
    pub destination: &'static str,
    /// Type of the column.
    pub data_type: DataType,
    /// Precision that was asked for.
    pub precision: i64,
    /// The limit that was broken.
    pub why: String,
}

/// Columns that join a table, which may be new itself.
#[derive(Debug, Clone, Copy)]
pub struct TableChange<'a> {
    /// Full name of the table.
    pub at: &'a TableRef,
    /// The table as the schema has it.
    pub table: &'a LoadTable,
    /// Columns that join it, in schema order.
    pub columns: &'a [&'a Column],
    /// True when the table is made.
    pub is_new: bool,
    /// Whether hints become constraints.
    pub create_indexes: bool,
}

impl TableChange<'_> {
    /// Names of the new columns that have one of `hints` with any value but null and false, in schema order.
    fn columns_with(&self, hints: &[&str]) -> Vec<&str> {
        let has_any = |column: &&&Column| hints.iter().any(|hint| column.has(hint));
        let columns = self.columns.iter().filter(has_any);
        columns.map(|column| column.name.as_str()).collect()
    }
}

/// What a table has besides its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableExtras {
    /// Constraints over several columns, inside the parentheses of CREATE TABLE.
    pub constraints: Vec<String>,
    /// Clauses behind the parentheses of CREATE TABLE, in order.
    pub clauses: Vec<String>,
    /// Statements that run after the table was made or got its columns.
    pub after: Vec<String>,
}

/// SQL of one destination.
pub trait SqlDialect: Debug + Send + Sync {
    /// Short name, as in settings.
    fn name(&self) -> &'static str;

    /// What the destination can do.
    fn capabilities(&self) -> &'static Capabilities;

    /// A name made safe for a statement.
    fn quote(&self, identifier: &str) -> String;

    /// A value as it stands in a statement.
    fn literal(&self, value: &Literal) -> String;

    /// Type of a complete column.
    ///
    /// # Errors
    /// [`UnsupportedType`] when a precision is beyond what the destination has.
    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType>;

    /// The words in which the catalogue reports a column that was made as `sql_type`, so that both can be compared.
    /// A text that comes from the catalogue stays as it is, but for case and spaces.
    fn catalog_type(&self, sql_type: &str) -> String {
        sql_type.to_ascii_lowercase().replace(" (", "(")
    }

    /// Text that stands for the bound value number `index`, from 0.
    fn placeholder(&self, _index: usize) -> String {
        "?".to_owned()
    }

    /// Clause of a column hint that the destination keeps, for instance `UNIQUE`.
    fn hint_clause(&self, _hint: &str) -> Option<&'static str> {
        None
    }

    /// What stands behind a column's definition, for instance a comment.
    fn column_options(&self, _column: &Column) -> Option<String> {
        None
    }

    /// What the hints of a table and its new columns add: constraints, clauses, statements (spec/destinations.md §3).
    ///
    /// # Errors
    /// [`Problem::SeveralColumns`] when a hint is on more columns than the destination can have it on.
    fn table_extras(&self, _change: &TableChange<'_>) -> Result<TableExtras, Problem> {
        Ok(TableExtras::default())
    }

    /// What stands before a column of a changed table that has no alias.
    fn column_qualifier(&self, at: &TableRef) -> String {
        self.qualified(at)
    }

    /// `expression`, which has the type of `column`, in a form that can be compared.
    fn comparable(&self, _column: &Column, expression: String) -> String {
        expression
    }

    /// Several columns as one text, to look them up as one key.
    fn concatenation(&self, columns: &[String]) -> String {
        format!("CONCAT({})", columns.join(", "))
    }

    /// Full name of a table, quoted.
    fn qualified(&self, at: &TableRef) -> String {
        let parts = [at.catalog.as_deref(), Some(&at.dataset), Some(&at.table)];
        parts
            .into_iter()
            .flatten()
            .map(|part| self.quote(part))
            .collect::<Vec<_>>()
            .join(".")
    }

    /// Full name of a dataset, quoted.
    fn qualified_dataset(&self, catalog: Option<&str>, dataset: &str) -> String {
        let parts = [catalog, Some(dataset)];
        parts
            .into_iter()
            .flatten()
            .map(|part| self.quote(part))
            .collect::<Vec<_>>()
            .join(".")
    }

    /// Name, type, hints and nullability of a column, as in CREATE TABLE and ADD COLUMN.
    ///
    /// # Errors
    /// As [`SqlDialect::column_type`].
    fn column_definition(
        &self,
        column: &Column,
        create_indexes: bool,
    ) -> Result<String, UnsupportedType> {
        let mut text = format!("{} {}", self.quote(&column.name), self.column_type(column)?);
        for hint in COLUMN_HINTS {
            let is_kept = create_indexes || hint != "unique";
            if let Some(clause) = self
                .hint_clause(hint)
                .filter(|_| is_kept && column.has(hint))
            {
                text.push(' ');
                text.push_str(clause);
            }
        }
        if !column.is_nullable() {
            text.push_str(" NOT NULL");
        }
        if let Some(options) = self.column_options(column) {
            text.push(' ');
            text.push_str(&options);
        }
        Ok(text)
    }

    /// Makes a dataset if it is not there.
    fn create_dataset(&self, catalog: Option<&str>, dataset: &str) -> String {
        format!(
            "CREATE SCHEMA IF NOT EXISTS {}",
            self.qualified_dataset(catalog, dataset)
        )
    }

    /// Makes a table from finished column definitions.
    fn create_table(&self, at: &TableRef, definitions: &[String], if_not_exists: bool) -> String {
        let not_exists = if if_not_exists { "IF NOT EXISTS " } else { "" };
        format!(
            "CREATE TABLE {not_exists}{} (\n    {}\n)",
            self.qualified(at),
            definitions.join(",\n    ")
        )
    }

    /// Adds columns from finished definitions: one statement, or one per column where the destination wants that.
    fn add_columns(&self, at: &TableRef, definitions: &[String]) -> Vec<String> {
        let table = self.qualified(at);
        let add = |definitions: &str| format!("ALTER TABLE {table} ADD COLUMN {definitions}");
        match self.capabilities().add_columns {
            AddColumns::OneEach => definitions.iter().map(|one| add(one)).collect(),
            AddColumns::ManyClauses => vec![add(&definitions.join(", ADD COLUMN "))],
            AddColumns::OneList => vec![add(&definitions.join(", "))],
        }
    }

    /// False when a timestamp with a time zone has the same digits whatever its precision.
    fn keeps_precision_with_zone(&self) -> bool {
        true
    }

    /// What a statement of a migration locks or rewrites while it runs, for the one who reads the plan; nothing where
    /// nobody would notice.
    fn impact(&self, _kind: StatementKind) -> Option<&'static str> {
        None
    }

    /// Gives a column of the type `found` (in the words of the catalogue) the type of `column` with all its values;
    /// nothing where that is no widening or the destination cannot do it in place.
    fn widen_column(&self, at: &TableRef, column: &Column, found: &str) -> Option<String> {
        let wanted = self.column_type(column).ok()?;
        let is_wider = widening::widens(&self.catalog_type(found), &self.catalog_type(&wanted));
        if !is_wider || !self.capabilities().widens_columns {
            return None;
        }
        let name = self.quote(&column.name);
        let value = match data_type(column) {
            // Not in the time zone of the session.
            DataType::Timestamp if column.timezone.unwrap_or(true) => {
                format!("{name}::timestamp AT TIME ZONE 'UTC'")
            }
            _ => format!("{name}::{wanted}"),
        };
        Some(format!(
            "ALTER TABLE {} ALTER COLUMN {name} TYPE {wanted} USING {value}",
            self.qualified(at)
        ))
    }

    /// Gives a column another name.
    fn rename_column(&self, at: &TableRef, from: &str, to: &str) -> String {
        format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {}",
            self.qualified(at),
            self.quote(from),
            self.quote(to)
        )
    }

    /// Removes a column with its values.
    fn drop_column(&self, at: &TableRef, column: &str) -> String {
        format!(
            "ALTER TABLE {} DROP COLUMN {}",
            self.qualified(at),
            self.quote(column)
        )
    }

    /// Removes all rows of a table.
    fn truncate(&self, at: &TableRef) -> String {
        match self.capabilities().truncate {
            true => format!("TRUNCATE TABLE {}", self.qualified(at)),
            false => format!("DELETE FROM {}", self.qualified(at)),
        }
    }

    /// Removes a table if it is there.
    fn drop_table(&self, at: &TableRef) -> String {
        format!("DROP TABLE IF EXISTS {}", self.qualified(at))
    }

    /// Expression for the position of a row in its table, where there is one.
    fn row_position(&self) -> Option<&'static str> {
        None
    }

    /// Order of rows in a window without a wish: by position, so that the first row wins; else any.
    fn any_order(&self) -> &'static str {
        self.row_position().unwrap_or("(SELECT NULL)")
    }

    /// Expression for the microseconds since 1970-01-01 UTC of the timestamp `expression`.
    fn epoch_micros(&self, expression: &str) -> String {
        format!("CAST(EXTRACT(EPOCH FROM {expression}) * 1000000 AS BIGINT)")
    }

    /// ISO text as a timestamp with time zone.
    fn timestamp_literal(&self, text: &str) -> String {
        self.literal(&Literal::Moment(text.to_owned()))
    }
}

/// Precision and scale of a decimal or wei column, defaults filled in.
fn decimal_size(column: &Column, default: (u32, u32)) -> (i64, i64) {
    (
        column.precision.unwrap_or(i64::from(default.0)),
        column.scale.unwrap_or(i64::from(default.1)),
    )
}

/// Type of a column that always has one here; text stands in for a column without a type, which no plan contains.
fn data_type(column: &Column) -> DataType {
    column.data_type.unwrap_or(DataType::Text)
}

fn with_length(name: &str, precision: Option<i64>) -> String {
    match precision {
        Some(precision) => format!("{name}({precision})"),
        None => name.to_owned(),
    }
}

/// Text of the first of `hints` that the column has.
fn first_text<'a>(column: &'a Column, hints: &[&str]) -> Option<&'a str> {
    let mut texts = hints.iter().filter_map(|hint| column.text_hint(hint));
    texts.find(|text| !text.is_empty())
}

/// Quoted names, separated by commas.
fn quoted_list(dialect: &dyn SqlDialect, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| dialect.quote(name)).collect();
    names.join(", ")
}

/// `PRIMARY KEY (…)` over the key columns of a new table, where hints become constraints.
fn primary_key(dialect: &dyn SqlDialect, change: &TableChange<'_>) -> Option<String> {
    let keys = change.columns_with(&["primary_key"]);
    let is_made = change.is_new && change.create_indexes && !keys.is_empty();
    is_made.then(|| format!("PRIMARY KEY ({})", quoted_list(dialect, &keys)))
}

fn unsupported(
    dialect: &dyn SqlDialect,
    column: &Column,
    why: impl Into<String>,
) -> UnsupportedType {
    UnsupportedType {
        destination: dialect.name(),
        data_type: data_type(column),
        precision: column.precision.unwrap_or_default(),
        why: why.into(),
    }
}
