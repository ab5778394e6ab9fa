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

use std::fmt::Debug;

use tipple_schema::{Column, DataType};

pub use self::bigquery::BigQuery;
pub use self::databricks::Databricks;
pub use self::duckdb::DuckDb;
pub use self::literal::Literal;
pub use self::postgres::Postgres;
pub use self::redshift::Redshift;
pub use self::snowflake::Snowflake;
use crate::capabilities::Capabilities;
use crate::names::TableRef;

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

    /// Text that stands for the bound value number `index`, from 0.
    fn placeholder(&self, _index: usize) -> String {
        "?".to_owned()
    }

    /// Clause of a column hint that the destination keeps, for instance `UNIQUE`.
    fn hint_clause(&self, _hint: &str) -> Option<&'static str> {
        None
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
        for hint in ["unique", "primary_key"] {
            if create_indexes
                && column.has(hint)
                && let Some(clause) = self.hint_clause(hint)
            {
                text.push(' ');
                text.push_str(clause);
            }
        }
        if !column.is_nullable() {
            text.push_str(" NOT NULL");
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
        let clauses: Vec<String> = definitions
            .iter()
            .map(|definition| format!("ADD COLUMN {definition}"))
            .collect();
        if self.capabilities().add_many_columns {
            vec![format!("ALTER TABLE {table} {}", clauses.join(", "))]
        } else {
            clauses
                .iter()
                .map(|clause| format!("ALTER TABLE {table} {clause}"))
                .collect()
        }
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
