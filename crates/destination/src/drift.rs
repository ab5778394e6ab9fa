//! What somebody has changed at the destination behind the back of the schema.
//!
//! Loads look only for what is missing, so a column that was retyped by hand shows first when a value does not fit.
//! Comparing the catalogue with the schema of the last load shows it before. Pure; start with [`drift`].

use std::fmt;

use crate::catalog::{Catalog, StoredColumn};
use crate::context::PlanContext;
use crate::table::{LoadTable, is_system_table};

/// One difference between a table of the schema and the table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The table.
    pub table: String,
    /// What happened to it.
    pub change: DriftChange,
}

/// What happened to a table outside of loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftChange {
    /// The table is gone.
    TableGone,
    /// A column is gone.
    ColumnGone {
        /// The column.
        column: String,
    },
    /// A column has another type.
    ColumnRetyped {
        /// The column.
        column: String,
        /// Type by the schema, in the words of the destination.
        expected: String,
        /// Type that is there.
        found: String,
    },
    /// A column is there that no load has made.
    ColumnForeign {
        /// The column.
        column: String,
        /// Type that is there.
        found: String,
        /// False when it must have a value, which no load gives it.
        is_nullable: bool,
    },
}

impl Drift {
    /// The word for the change in documents.
    pub fn kind(&self) -> &'static str {
        match self.change {
            DriftChange::TableGone => "table_gone",
            DriftChange::ColumnGone { .. } => "column_gone",
            DriftChange::ColumnRetyped { .. } => "column_retyped",
            DriftChange::ColumnForeign { .. } => "column_foreign",
        }
    }

    /// The column, unless the whole table is meant.
    pub fn column(&self) -> Option<&str> {
        match &self.change {
            DriftChange::TableGone => None,
            DriftChange::ColumnGone { column }
            | DriftChange::ColumnRetyped { column, .. }
            | DriftChange::ColumnForeign { column, .. } => Some(column),
        }
    }

    /// True when loads go on as if nothing had happened.
    pub fn is_harmless(&self) -> bool {
        matches!(
            self.change,
            DriftChange::ColumnForeign {
                is_nullable: true,
                ..
            }
        )
    }

    /// What it means for the next load, and what to do about it. Loads look at the tables only when the schema is new.
    pub fn advice(&self) -> &'static str {
        match self.change {
            DriftChange::TableGone => {
                "loads into it are refused; `tipple plan FILE --out plan.json` and `tipple apply plan.json` \
                 make it anew, without the old rows"
            }
            DriftChange::ColumnGone { .. } => {
                "loads are refused; `tipple plan FILE --out plan.json` and `tipple apply plan.json` add it \
                 again, empty for the rows that are there"
            }
            DriftChange::ColumnRetyped { .. } => {
                "values that do not fit will be refused; give the column its type back, or give the \
                 resource the new type with `columns: { NAME: { data_type: … } }`"
            }
            DriftChange::ColumnForeign {
                is_nullable: true, ..
            } => "loads leave it empty",
            DriftChange::ColumnForeign { .. } => {
                "loads have no value for it and will be refused; drop it or allow NULL"
            }
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.change {
            DriftChange::TableGone => write!(f, "table `{table}` is gone"),
            DriftChange::ColumnGone { column } => write!(f, "column `{table}.{column}` is gone"),
            DriftChange::ColumnRetyped {
                column,
                expected,
                found,
            } => write!(f, "column `{table}.{column}` is {found} and not {expected}"),
            DriftChange::ColumnForeign {
                column,
                found,
                is_nullable,
            } => {
                let must = if *is_nullable { "" } else { " NOT NULL" };
                write!(
                    f,
                    "column `{table}.{column}` {found}{must} was not made by a load"
                )
            }
        }
    }
}

/// What differs between the tables that loads have filled, by the schema of `context`, and `catalog`.
///
/// The schema must be the one that was loaded last: a column that waits for its first load would count as gone.
/// Nothing is reported for a dataset that is not there. System tables are left out.
pub fn drift(context: &PlanContext<'_>, catalog: &Catalog) -> Vec<Drift> {
    if !catalog.exists {
        return Vec::new();
    }
    let loaded = context
        .schema
        .tables
        .values()
        .filter(|table| table.has_seen_data() && !is_system_table(&table.name));
    loaded
        .filter_map(|table| context.table(&table.name))
        .flat_map(|table| table_drift(context, &table, catalog))
        .collect()
}

fn table_drift(context: &PlanContext<'_>, table: &LoadTable, catalog: &Catalog) -> Vec<Drift> {
    let of = |change| Drift {
        table: table.name.clone(),
        change,
    };
    let Some(stored) = catalog.table(context.capabilities(), &table.name) else {
        return vec![of(DriftChange::TableGone)];
    };
    let ours = table.columns.values();
    let changed = ours.filter_map(|column| column_drift(context, column, stored));
    let fold = |name: &str| context.capabilities().fold(name);
    let is_ours = |name: &str| table.columns.keys().any(|ours| fold(ours) == fold(name));
    let foreign = stored.iter().filter(|column| !is_ours(&column.name));
    let foreign = foreign.map(|column| DriftChange::ColumnForeign {
        column: column.name.clone(),
        found: column.column_type.clone(),
        is_nullable: column.nullable,
    });
    changed.chain(foreign).map(of).collect()
}

fn column_drift(
    context: &PlanContext<'_>,
    column: &tipple_schema::Column,
    stored: &[StoredColumn],
) -> Option<DriftChange> {
    let fold = |name: &str| context.capabilities().fold(name);
    let Some(found) = stored
        .iter()
        .find(|stored| fold(&stored.name) == fold(&column.name))
    else {
        return Some(DriftChange::ColumnGone {
            column: column.name.clone(),
        });
    };
    // A type that the destination does not have is reported by the migration, with the reason.
    let expected = context.dialect.column_type(column).ok()?;
    let in_catalog = |sql_type: &str| context.dialect.catalog_type(sql_type);
    (in_catalog(&expected) != in_catalog(&found.column_type)).then(|| DriftChange::ColumnRetyped {
        column: column.name.clone(),
        expected,
        found: found.column_type.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tipple_schema::Schema;

    use super::*;
    use crate::context::PlanSettings;
    use crate::dialect;
    use crate::names::{DatasetNames, SystemNames};

    fn schema() -> Schema {
        let column = |name: &str, data_type: &str| {
            (
                name.to_owned(),
                json!({"name": name, "data_type": data_type}),
            )
        };
        let columns: serde_json::Map<_, _> = [
            column("id", "bigint"),
            column("name", "text"),
            column("at", "timestamp"),
            column("price", "decimal"),
        ]
        .into_iter()
        .collect();
        let table = |name: &str| {
            json!({
                "name": name,
                "columns": columns,
                "x-normalizer": {"seen-data": true},
            })
        };
        let mut document = Schema::new("shop", "snake_case").unwrap().to_document();
        document["tables"]["orders"] = table("orders");
        document["tables"]["people"] = table("people");
        Schema::from_document(&document).unwrap()
    }

    fn stored(columns: &[(&str, &str, bool)]) -> Vec<StoredColumn> {
        let columns = columns.iter();
        columns
            .map(|(name, column_type, nullable)| StoredColumn {
                name: (*name).to_owned(),
                column_type: (*column_type).to_owned(),
                nullable: *nullable,
            })
            .collect()
    }

    fn told(dialect: &dyn dialect::SqlDialect, orders: &[(&str, &str, bool)]) -> Vec<String> {
        let schema = schema();
        let names = SystemNames::new(str::to_owned);
        let context = PlanContext {
            schema: &schema,
            datasets: &DatasetNames::new("shop"),
            names: &names,
            dialect,
            settings: &PlanSettings::default(),
            now: 0,
        };
        let mut catalog = Catalog {
            exists: true,
            ..Catalog::default()
        };
        catalog.tables.insert("orders".to_owned(), stored(orders));
        let found = drift(&context, &catalog);
        found
            .iter()
            .map(|drift| format!("{drift} ({})", drift.is_harmless()))
            .collect()
    }

    #[test]
    fn what_the_catalogue_writes_otherwise_is_no_drift() {
        let duckdb = [
            ("id", "BIGINT", true),
            ("name", "VARCHAR", true),
            ("at", "TIMESTAMP WITH TIME ZONE", true),
            ("price", "DECIMAL(38,9)", true),
        ];
        let people_gone = ["table `people` is gone (false)"];
        assert_eq!(told(&dialect::DuckDb, &duckdb), people_gone);
        let postgres = [
            ("id", "bigint", true),
            ("name", "character varying", true),
            ("at", "timestamp with time zone", true),
            ("price", "numeric(38,9)", true),
        ];
        assert_eq!(told(&dialect::Postgres, &postgres), people_gone);
    }

    #[test]
    fn columns_that_are_gone_retyped_or_foreign_are_named() {
        let columns = [
            ("id", "VARCHAR", true),
            ("at", "TIMESTAMP WITH TIME ZONE", true),
            ("price", "DECIMAL(38,9)", true),
            ("note", "VARCHAR", true),
            ("must", "BIGINT", false),
        ];
        assert_eq!(
            told(&dialect::DuckDb, &columns),
            [
                "column `orders.id` is VARCHAR and not BIGINT (false)",
                "column `orders.name` is gone (false)",
                "column `orders.note` VARCHAR was not made by a load (true)",
                "column `orders.must` BIGINT NOT NULL was not made by a load (false)",
                "table `people` is gone (false)",
            ]
        );
    }
}
