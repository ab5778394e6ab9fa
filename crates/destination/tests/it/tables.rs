//! Tables and schemas in few words; destination crates include this file in their tests.

use serde_json::json;
use tipple_schema::{Column, DataType, Schema, Table};

/// A table with columns as `name type! hint key=value`, one a line; `!` means not nullable.
pub fn table(name: &str, parent: Option<&str>, disposition: &str, columns: &str) -> Table {
    let mut table = Table::new(name);
    table.parent = parent.map(str::to_owned);
    if parent.is_none() {
        table
            .hints
            .insert("write_disposition".into(), json!(disposition));
    }
    table
        .hints
        .insert("x-normalizer".into(), json!({"seen-data": true}));
    for line in columns
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let column = column(line);
        table.columns.insert(column.name.clone(), column);
    }
    table
}

/// A column as `name type! hint key=value`; the type `?` makes an incomplete one.
pub fn column(line: &str) -> Column {
    let mut words = line.split_whitespace();
    let (name, kind) = (words.next().unwrap(), words.next().unwrap());
    let mut column = match kind.trim_end_matches('!') {
        "?" => Column::incomplete(name),
        kind => Column::new(name, kind.parse::<DataType>().unwrap()),
    };
    column.nullable = Some(!kind.ends_with('!'));
    for hint in words {
        match hint.split_once('=') {
            Some(("precision", value)) => column.precision = Some(value.parse().unwrap()),
            Some(("scale", value)) => column.scale = Some(value.parse().unwrap()),
            Some(("timezone", value)) => column.timezone = Some(value == "true"),
            Some((hint, value)) => drop(column.hints.insert(hint.into(), json!(value))),
            None => drop(column.hints.insert(hint.into(), json!(true))),
        }
    }
    column
}

/// A schema with system tables and `tables`.
pub fn schema(tables: impl IntoIterator<Item = Table>) -> Schema {
    let mut schema = Schema {
        name: "shop".into(),
        version: 2,
        engine_version: 11,
        ..Schema::default()
    };
    let system = [
        table(
            "_dlt_version",
            None,
            "skip",
            "version bigint!\nengine_version bigint!\ninserted_at timestamp!\nschema_name text!\n\
             version_hash text!\nschema text!",
        ),
        table(
            "_dlt_loads",
            None,
            "skip",
            "load_id text!\nschema_name text\nstatus bigint!\ninserted_at timestamp!\n\
             schema_version_hash text",
        ),
    ];
    for table in system.into_iter().chain(tables) {
        schema.tables.insert(table.name.clone(), table);
    }
    schema
}
