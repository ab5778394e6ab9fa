//! Upgrades of schema documents that an older engine stored.
//!
//! One function per step, applied in turn, on the raw document: the model knows only the newest form
//! (spec/schema.md §2). Start with [`migrate`].

use serde_json::{Map, Value, json};

use crate::defaults::{loads_table, version_table};
use crate::document::damaged;
use crate::properties::object_at;
use crate::{ENGINE_VERSION, Naming, SchemaError};

type Document = Map<String, Value>;

/// Brings a document to [`ENGINE_VERSION`].
///
/// # Errors
/// [`SchemaError::EngineTooNew`]; [`SchemaError::Damaged`] without a usable `engine_version`.
pub(crate) fn migrate(mut document: Document) -> Result<Document, SchemaError> {
    let name = document
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let engine = document.get("engine_version").and_then(Value::as_i64);
    let engine = engine.ok_or_else(|| damaged(&name, "it has no `engine_version`"))?;
    if engine > ENGINE_VERSION {
        return Err(SchemaError::EngineTooNew {
            schema: name,
            found: engine,
            known: ENGINE_VERSION,
        });
    }
    if engine < 1 {
        return Err(damaged(&name, "its `engine_version` is less than 1"));
    }
    for from in engine..ENGINE_VERSION {
        step(&mut document, from)?;
    }
    document.insert("engine_version".to_owned(), ENGINE_VERSION.into());
    remove_null_marks(&mut document);
    Ok(document)
}

fn step(document: &mut Document, from: i64) -> Result<(), SchemaError> {
    match from {
        1 => {
            document.insert("includes".to_owned(), json!([]));
            document.insert("excludes".to_owned(), json!([]));
        }
        2 => from_engine_2(document),
        3 => {
            document.entry("version_hash").or_insert_with(|| "".into());
        }
        4 => {
            set_table(document, version_table().to_properties());
            set_table(document, loads_table().to_properties());
        }
        5 => set_table(document, loads_table().to_properties()),
        6 => {
            object_at(document, "settings").shift_remove("schema_sealed");
            for_each_table(document, |table| {
                table.shift_remove("table_sealed");
            });
        }
        7 => {
            document.insert("previous_hashes".to_owned(), json!([]));
        }
        8 => for_each_table(document, from_engine_8),
        9 => from_engine_9(document)?,
        _ => {
            let normalizers = object_at(document, "normalizers");
            normalizers.insert("use_break_path_on_normalize".to_owned(), false.into());
        }
    }
    Ok(())
}

fn set_table(document: &mut Document, table: Document) {
    if let Some(name) = table.get("name").and_then(Value::as_str).map(str::to_owned) {
        object_at(document, "tables").insert(name, Value::Object(table));
    }
}

fn for_each_table(document: &mut Document, mut change: impl FnMut(&mut Document)) {
    let tables = object_at(document, "tables")
        .values_mut()
        .filter_map(Value::as_object_mut);
    tables.for_each(&mut change);
}

/// Settings and tables got their present places.
fn from_engine_2(document: &mut Document) {
    document.insert(
        "normalizers".to_owned(),
        json!({
            "names": "snake_case",
            "json": {
                "module": crate::document::RELATIONAL_NORMALIZER,
                "config": {"propagation": {"root": {"_dlt_id": "_dlt_root_id"}}},
            },
        }),
    );
    let hints = take_object(document, "hints").into_iter();
    let hints: Document = hints
        .map(|(hint, list)| (hint, as_patterns(list)))
        .collect();
    let types = take_object(document, "preferred_types").into_iter();
    let types: Document = types
        .map(|(pattern, word)| (format!("re:{pattern}"), word))
        .collect();
    document.insert(
        "settings".to_owned(),
        json!({"default_hints": hints, "preferred_types": types}),
    );

    let columns_of = take_object(document, "tables");
    let tables: Document = columns_of
        .iter()
        .map(|(name, columns)| (name.clone(), repackaged(name, columns, &columns_of)))
        .collect();
    document.insert("tables".to_owned(), Value::Object(tables));
    move_filters(document, "excludes");
    move_filters(document, "includes");
}

fn take_object(document: &mut Document, key: &str) -> Document {
    match document.shift_remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn as_patterns(list: Value) -> Value {
    let patterns = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    patterns
        .map(|pattern| Value::from(format!("re:{pattern}")))
        .collect()
}

/// A table made of its columns; the longest other table whose name is a path to it is its parent.
fn repackaged(name: &str, columns: &Value, tables: &Document) -> Value {
    let mut path = name;
    while let Some(end) = path.rfind("__").filter(|end| *end > 0) {
        path = &path[..end];
        if tables.contains_key(path) {
            return json!({"name": name, "columns": columns, "parent": path});
        }
    }
    json!({"name": name, "columns": columns, "write_disposition": "append", "resource": name})
}

/// Moves filters of the schema to the root tables that begin their paths.
fn move_filters(document: &mut Document, group: &str) {
    let filters = document.shift_remove(group).unwrap_or_default();
    for filter in filters
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let path = filter.strip_prefix('^').unwrap_or(filter);
        let Some((root, path)) = path.split_once("__") else {
            continue;
        };
        let tables = object_at(document, "tables");
        if !tables.contains_key(root) {
            tables.insert(root.to_owned(), repackaged(root, &json!({}), &Map::new()));
        }
        let group = object_at(object_at(tables, root), "filters").entry(group);
        if let Value::Array(filters) = group.or_insert_with(|| json!([])) {
            filters.push(format!("re:^{path}").into());
        }
    }
}

/// Tables with row ids have seen data.
fn from_engine_8(table: &mut Document) {
    let columns = table.get("columns").and_then(Value::as_object);
    if columns.is_some_and(|columns| columns.contains_key("_dlt_id")) {
        object_at(table, "x-normalizer").insert("seen-data".to_owned(), true.into());
    }
}

/// `complex` became `json`, foreign keys became parent keys.
fn from_engine_9(document: &mut Document) -> Result<(), SchemaError> {
    let (row_id, parent_id) = system_columns(document)?;
    for_each_table(document, |table| {
        change_columns(object_at(table, "columns"), &row_id, &parent_id)
    });

    let settings = object_at(document, "settings");
    if let Some(types) = settings
        .get_mut("preferred_types")
        .and_then(Value::as_object_mut)
    {
        types
            .values_mut()
            .filter(|word| *word == "complex")
            .for_each(|word| *word = "json".into());
    }
    let hints = settings
        .get_mut("default_hints")
        .and_then(Value::as_object_mut);
    if let Some(hints) = hints.filter(|hints| !hints.is_empty()) {
        hints.shift_remove("foreign_key");
        hints.insert("row_key".to_owned(), json!([row_id]));
        hints.insert("parent_key".to_owned(), json!([parent_id]));
    }
    let normalizer = object_at(document, "normalizers").get_mut("json");
    let config = normalizer
        .and_then(|json| json.get_mut("config"))
        .and_then(Value::as_object_mut);
    if let Some(config) = config {
        config.shift_remove("generate_dlt_id");
    }
    Ok(())
}

fn system_columns(document: &Document) -> Result<(String, String), SchemaError> {
    let schema = document
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let names = document
        .get("normalizers")
        .and_then(|normalizers| normalizers.get("names"));
    let refused = |cause| SchemaError::Naming {
        schema: schema.to_owned(),
        cause,
    };
    let naming = Naming::from_name(names.and_then(Value::as_str).unwrap_or("snake_case"), None)
        .map_err(refused)?;
    let name = |name: &str| naming.identifier(name).map_err(refused);
    Ok((name("_dlt_id")?, name("_dlt_parent_id")?))
}

fn change_columns(columns: &mut Document, row_id: &str, parent_id: &str) {
    let flag = |column: &Document, hint: &str| column.get(hint).cloned().unwrap_or(false.into());
    for (name, column) in columns.iter_mut() {
        let Some(column) = column.as_object_mut() else {
            continue;
        };
        if column
            .get("data_type")
            .is_some_and(|data_type| data_type == "complex")
        {
            column.insert("data_type".to_owned(), "json".into());
        }
        if name == row_id {
            column.insert("row_key".to_owned(), flag(column, "unique"));
        }
        if name == parent_id {
            column.insert("parent_key".to_owned(), flag(column, "foreign_key"));
        }
        column.shift_remove("foreign_key");
    }
}

/// Drops a mark of columns that were only ever null, and such columns if nothing else is known of them.
fn remove_null_marks(document: &mut Document) {
    let mark = |column: &Value| {
        let marks = column.get("x-normalizer")?;
        marks
            .get("seen-null-first")
            .and_then(Value::as_bool)
            .filter(|is_set| *is_set)
    };
    for_each_table(document, |table| {
        let columns = object_at(table, "columns");
        columns.retain(|_, column| mark(column).is_none() || column.get("data_type").is_some());
        for column in columns.values_mut().filter(|column| mark(column).is_some()) {
            let Some(column) = column.as_object_mut() else {
                continue;
            };
            let marks = object_at(column, "x-normalizer");
            marks.shift_remove("seen-null-first");
            if marks.is_empty() {
                column.shift_remove("x-normalizer");
            }
        }
    });
}
