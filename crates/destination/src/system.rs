//! Queries on the system tables, the same for every SQL destination.
//!
//! Columns come in the order of the fields of [`StoredSchema`] and [`StoredState`]; times as microseconds. A client runs
//! the text, takes a missing table for an empty one, and builds the value.

use crate::catalog::{StoredSchema, StoredState, unpack_document};
use crate::dialect::SqlDialect;
use crate::names::{SystemNames, TableRef};

/// `SELECT 1` when `table` has a row whose `column` is the bound text.
pub fn find_row_sql(dialect: &dyn SqlDialect, table: &TableRef, column: &str) -> String {
    format!(
        "SELECT 1 FROM {} WHERE {} = {} LIMIT 1",
        dialect.qualified(table),
        dialect.quote(column),
        dialect.placeholder(0)
    )
}

/// The newest version in `versions`: of the schema whose name is bound when `is_named`, else of any.
pub fn stored_schema_sql(
    dialect: &dyn SqlDialect,
    versions: &TableRef,
    names: &SystemNames,
    is_named: bool,
) -> String {
    let filter = match is_named {
        true => format!(
            " WHERE {} = {}",
            dialect.quote(&names.schema_name),
            dialect.placeholder(0)
        ),
        false => String::new(),
    };
    let inserted_at = dialect.quote(&names.inserted_at);
    format!(
        "SELECT {}, {}, {}, {}, {}, {} FROM {}{filter} ORDER BY {inserted_at} DESC, {} DESC LIMIT 1",
        dialect.quote(&names.schema_name),
        dialect.quote(&names.version),
        dialect.quote(&names.engine_version),
        dialect.quote(&names.version_hash),
        dialect.epoch_micros(&inserted_at),
        dialect.quote(&names.schema),
        dialect.qualified(versions),
        dialect.quote(&names.version),
    )
}

/// The newest state in `states`, of the pipeline whose name is bound, that came with a complete load in `loads`.
pub fn stored_state_sql(
    dialect: &dyn SqlDialect,
    states: &TableRef,
    loads: &TableRef,
    names: &SystemNames,
) -> String {
    let column = |alias: &str, name: &str| format!("{alias}.{}", dialect.quote(name));
    let (row_load_id, load_id) = (column("s", &names.row_load_id), column("l", &names.load_id));
    format!(
        "SELECT {}, {}, {}, {}, {}, {row_load_id} FROM {} AS s JOIN {} AS l ON {load_id} = {row_load_id} \
         WHERE {} = {} AND {} = 0 ORDER BY {load_id} DESC LIMIT 1",
        column("s", &names.version),
        column("s", &names.engine_version),
        column("s", &names.pipeline_name),
        column("s", &names.state),
        dialect.epoch_micros(&column("s", &names.created_at)),
        dialect.qualified(states),
        dialect.qualified(loads),
        column("s", &names.pipeline_name),
        dialect.placeholder(0),
        column("l", &names.status),
    )
}

impl StoredSchema {
    /// The same with its document unpacked.
    ///
    /// # Errors
    /// As [`unpack_document`].
    pub fn unpacked(mut self) -> Result<Self, String> {
        self.document = unpack_document(&self.document)?;
        Ok(self)
    }
}

impl StoredState {
    /// The same with its document unpacked.
    ///
    /// # Errors
    /// As [`unpack_document`].
    pub fn unpacked(mut self) -> Result<Self, String> {
        self.document = unpack_document(&self.document)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{DuckDb, Postgres};
    use crate::names::{DatasetNames, Target};

    fn all(dialect: &dyn SqlDialect) -> String {
        let (datasets, names) = (DatasetNames::new("ds"), SystemNames::default());
        let at = |table: &str| datasets.table(Target::Final, table);
        [
            find_row_sql(dialect, &at("_dlt_loads"), "load_id"),
            stored_schema_sql(dialect, &at("_dlt_version"), &names, true),
            stored_state_sql(
                dialect,
                &at("_dlt_pipeline_state"),
                &at("_dlt_loads"),
                &names,
            ),
        ]
        .join("\n")
    }

    #[test]
    fn system_tables_are_read_in_the_order_of_the_fields() {
        insta::assert_snapshot!(all(&DuckDb), @r#"
        SELECT 1 FROM "ds"."_dlt_loads" WHERE "load_id" = ? LIMIT 1
        SELECT "schema_name", "version", "engine_version", "version_hash", epoch_us("inserted_at"), "schema" FROM "ds"."_dlt_version" WHERE "schema_name" = ? ORDER BY "inserted_at" DESC, "version" DESC LIMIT 1
        SELECT s."version", s."engine_version", s."pipeline_name", s."state", epoch_us(s."created_at"), s."_dlt_load_id" FROM "ds"."_dlt_pipeline_state" AS s JOIN "ds"."_dlt_loads" AS l ON l."load_id" = s."_dlt_load_id" WHERE s."pipeline_name" = ? AND l."status" = 0 ORDER BY l."load_id" DESC LIMIT 1
        "#);
        insta::assert_snapshot!(all(&Postgres), @r#"
        SELECT 1 FROM "ds"."_dlt_loads" WHERE "load_id" = $1 LIMIT 1
        SELECT "schema_name", "version", "engine_version", "version_hash", CAST(EXTRACT(EPOCH FROM "inserted_at") * 1000000 AS BIGINT), "schema" FROM "ds"."_dlt_version" WHERE "schema_name" = $1 ORDER BY "inserted_at" DESC, "version" DESC LIMIT 1
        SELECT s."version", s."engine_version", s."pipeline_name", s."state", CAST(EXTRACT(EPOCH FROM s."created_at") * 1000000 AS BIGINT), s."_dlt_load_id" FROM "ds"."_dlt_pipeline_state" AS s JOIN "ds"."_dlt_loads" AS l ON l."load_id" = s."_dlt_load_id" WHERE s."pipeline_name" = $1 AND l."status" = 0 ORDER BY l."load_id" DESC LIMIT 1
        "#);
    }
}
