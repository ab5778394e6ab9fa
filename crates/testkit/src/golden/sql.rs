//! Golden SQL: column types, literals and quoted names of all dialects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tipple_destination::SqlDialect;
use tipple_destination::dialect::{self, Literal};
use tipple_schema::Column;

use super::{expect, text};
use crate::typed::typed_parts;

fn dialect(line: &Value) -> Result<&'static dyn SqlDialect, String> {
    let all: [&'static dyn SqlDialect; 6] = [
        &dialect::DuckDb,
        &dialect::Postgres,
        &dialect::Redshift,
        &dialect::BigQuery,
        &dialect::Snowflake,
        &dialect::Databricks,
    ];
    let name = text(line, "destination");
    let found = all.into_iter().find(|dialect| dialect.name() == name);
    found.ok_or_else(|| format!("there is no dialect `{name}`"))
}

/// `sqltypes`: type of a column in DDL.
pub(super) fn types(line: &Value) -> Result<(), String> {
    let properties = line["column"].as_object().ok_or("`column` is no object")?;
    let column = Column::from_properties("c", properties);
    expect(
        line,
        dialect(line)?
            .column_type(&column)
            .ok()
            .map(|name| json!(name)),
    )
}

/// `literals`: values and names inside a statement.
pub(super) fn literals(line: &Value) -> Result<(), String> {
    let dialect = dialect(line)?;
    let given = match line.get("identifier").and_then(Value::as_str) {
        Some(name) => dialect.quote(name),
        None => dialect.literal(&literal(&line["value"])?),
    };
    expect(line, Some(json!(given)))
}

fn literal(value: &Value) -> Result<Literal, String> {
    if let Some((kind, text)) = typed_parts(value) {
        return Ok(match kind {
            "decimal" => Literal::Decimal(text.to_owned()),
            "bytes" => Literal::Binary(STANDARD.decode(text).map_err(|error| error.to_string())?),
            "float" => Literal::Double(text.parse().map_err(|_| "no float".to_owned())?),
            "uuid" => Literal::Text(text.to_owned()),
            _ => Literal::Moment(text.to_owned()),
        });
    }
    Ok(match value {
        Value::Null => Literal::Null,
        Value::Bool(flag) => Literal::Bool(*flag),
        Value::Number(number) => match number.as_i128() {
            Some(integer) => Literal::Int(integer),
            None => Literal::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Literal::Text(text.clone()),
        document => Literal::Json(document.to_string()),
    })
}
