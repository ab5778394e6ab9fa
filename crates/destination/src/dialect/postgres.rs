//! SQL of Postgres.

use serde_json::Value;
use tipple_schema::{Column, DataType};

use super::literal::{self, Literal, TextRules};
use super::{SqlDialect, UnsupportedType, data_type, decimal_size, unsupported, with_length};
use crate::capabilities::{
    AddColumns, Capabilities, CaseFolding, FileFormat, MergeStrategy, ReplaceStrategy,
};
use crate::statement::StatementKind;

/// SQL of Postgres.
#[derive(Debug, Clone, Copy)]
pub struct Postgres;

/// Column of PostGIS, filled from WKT or hexadecimal WKB; dlt's `postgres_adapter` sets the hint.
const GEOMETRY_HINT: &str = "x-postgres-geometry";
/// Reference system of such a column.
const SRID_HINT: &str = "x-postgres-srid";
/// WGS 84, as in dlt.
const SRID_DEFAULT: i64 = 4326;

const CAPABILITIES: Capabilities = Capabilities {
    file_formats: &[
        FileFormat::Arrow,
        FileFormat::InsertValues,
        FileFormat::Csv,
        FileFormat::Parquet,
    ],
    identifier_len_max: 63,
    column_identifier_len_max: 63,
    columns_max: Some(1600),
    case_folding: CaseFolding::Lower,
    wei_precision: (156, 78),
    ddl_in_transaction: true,
    widens_columns: true,
    transactions: true,
    add_columns: AddColumns::ManyClauses,
    truncate: true,
    temporary_tables: true,
    merge_strategies: &[
        MergeStrategy::DeleteInsert,
        MergeStrategy::Upsert,
        MergeStrategy::Scd2,
        MergeStrategy::InsertOnly,
        MergeStrategy::Cdc,
    ],
    replace_strategies: &[
        ReplaceStrategy::TruncateAndInsert,
        ReplaceStrategy::InsertFromStaging,
        ReplaceStrategy::StagingOptimized,
    ],
    create_indexes: true,
    ..Capabilities::POOREST
};

const TEXT: TextRules = TextRules {
    prefix: "E",
    quote: "''",
    escape_controls: false,
    keep_nul: false,
};

impl SqlDialect for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn quote(&self, identifier: &str) -> String {
        literal::double_quoted(identifier)
    }

    fn literal(&self, value: &Literal) -> String {
        let binary = |bytes: &[u8]| format!("'\\x{}'", literal::hex_text(bytes));
        literal::common(
            value,
            |text| TEXT.text(text),
            |json| TEXT.text(json),
            binary,
        )
    }

    fn column_type(&self, column: &Column) -> Result<String, UnsupportedType> {
        if column.has(GEOMETRY_HINT) {
            return Ok(geometry_type(column));
        }
        Ok(match data_type(column) {
            DataType::Text => with_length("varchar", column.precision),
            DataType::Double => "double precision".to_owned(),
            DataType::Bool => "boolean".to_owned(),
            DataType::Timestamp => timestamp_type(self, column)?,
            DataType::Bigint => integer_type(self, column)?.to_owned(),
            DataType::Binary => "bytea".to_owned(),
            DataType::Json => "jsonb".to_owned(),
            DataType::Decimal => numeric(decimal_size(column, CAPABILITIES.decimal_precision)),
            DataType::Wei => numeric(decimal_size(column, CAPABILITIES.wei_precision)),
            DataType::Date => "date".to_owned(),
            DataType::Time => time_type(column),
        })
    }

    /// The catalogue writes the names of the standard.
    fn catalog_type(&self, sql_type: &str) -> String {
        let text = sql_type.to_ascii_lowercase().replace(" (", "(");
        match text.strip_prefix("varchar") {
            Some(rest) => format!("character varying{rest}"),
            None => text,
        }
    }

    fn placeholder(&self, index: usize) -> String {
        format!("${}", index + 1)
    }

    fn impact(&self, kind: StatementKind) -> Option<&'static str> {
        match kind {
            StatementKind::AddColumn => Some(
                "locks the table against reads and writes until the migration commits; rows are not rewritten",
            ),
            StatementKind::ChangeType => Some(
                "locks the table against everything and rewrites it, unless only a length grows",
            ),
            StatementKind::RenameColumn => {
                Some("locks the table against everything until the migration commits")
            }
            StatementKind::DropColumn => Some(
                "locks the table against everything until the migration commits; the values are gone then",
            ),
            StatementKind::DropTable => {
                Some("locks the table against everything; the rows are gone when it commits")
            }
            _ => None,
        }
    }

    /// Rows of a table that nothing was deleted from lie in the order in which they came.
    fn row_position(&self) -> Option<&'static str> {
        Some("ctid")
    }

    fn hint_clause(&self, hint: &str) -> Option<&'static str> {
        (hint == "unique").then_some("UNIQUE")
    }
}

fn geometry_type(column: &Column) -> String {
    let srid = column.hints.get(SRID_HINT).and_then(Value::as_i64);
    format!("geometry(Geometry, {})", srid.unwrap_or(SRID_DEFAULT))
}

pub(super) fn numeric((precision, scale): (i64, i64)) -> String {
    format!("numeric({precision},{scale})")
}

/// Integer types by bits; shared with Redshift.
pub(super) fn integer_type(
    dialect: &dyn SqlDialect,
    column: &Column,
) -> Result<&'static str, UnsupportedType> {
    match column.precision {
        None | Some(33..=64) => Ok("bigint"),
        Some(..=16) => Ok("smallint"),
        Some(17..=32) => Ok("integer"),
        Some(_) => Err(unsupported(dialect, column, "at most 64 bits")),
    }
}

fn timestamp_type(dialect: &Postgres, column: &Column) -> Result<String, UnsupportedType> {
    let zone = match column.timezone.unwrap_or(true) {
        true => "with time zone",
        false => "without time zone",
    };
    match column.precision {
        None => Ok(format!("timestamp {zone}")),
        Some(precision @ ..=6) => Ok(format!("timestamp ({precision}) {zone}")),
        Some(_) => Err(unsupported(dialect, column, "at most 6 fraction digits")),
    }
}

fn time_type(column: &Column) -> String {
    match column.precision {
        None => "time without time zone".to_owned(),
        Some(precision) => format!("time ({precision}) without time zone"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_geometry_hint_is_a_column_of_postgis() {
        let column_type = |hints: Value| {
            let column = Column::from_properties("loc", hints.as_object().unwrap());
            Postgres.column_type(&column).unwrap()
        };
        let plain = json!({"data_type": "text", "x-postgres-geometry": true});
        assert_eq!(column_type(plain), "geometry(Geometry, 4326)");
        let other =
            json!({"data_type": "text", "x-postgres-geometry": true, "x-postgres-srid": 3857});
        assert_eq!(column_type(other), "geometry(Geometry, 3857)");
    }
}
