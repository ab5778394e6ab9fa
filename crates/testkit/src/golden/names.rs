//! Golden names: identifiers of all naming conventions, paths of files.

use serde_json::{Value, json};
use tipple_destination::{Layout, LayoutValues, table_prefix};
use tipple_json::iso;
use tipple_schema::Naming;

use super::{expect, text, texts};

/// `naming`: identifiers, paths and fragments under a convention with a maximum length.
pub(super) fn naming(line: &Value) -> Result<(), String> {
    let max_length = line["max_length"]
        .as_u64()
        .and_then(|length| usize::try_from(length).ok());
    let naming = Naming::from_name(text(line, "naming"), max_length).map_err(|e| e.to_string())?;
    let given = match text(line, "fn") {
        "identifier" => naming.identifier(text(line, "in")),
        "path" => naming.path(text(line, "in")),
        "fragments" => naming.fragments(&texts(line, "in")),
        other => return Err(format!("there is no function `{other}`")),
    };
    expect(line, given.ok().map(|name| json!(name)))
}

/// `layouts`: path of a file in a bucket, and the prefix by which files of a table are found.
pub(super) fn layouts(line: &Value, inputs: &Value) -> Result<(), String> {
    let layout = text(line, "layout");
    if text(line, "fn") == "table_prefix" {
        return expect(line, table_prefix(layout).ok().map(|prefix| json!(prefix)));
    }
    let inputs = &inputs["layouts"];
    let extra: Vec<(String, String)> = inputs["extra_placeholders"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let values = LayoutValues {
        schema_name: text(inputs, "schema_name"),
        load_id: text(inputs, "load_id"),
        package_created_at: micros(text(inputs, "load_package_timestamp"))?,
        now: micros(text(inputs, "current_datetime"))?,
    };
    let path =
        Layout::parse(layout, &extra).and_then(|layout| layout.path(text(line, "file"), &values));
    expect(line, path.ok().map(|path| json!(path)))
}

fn micros(moment: &str) -> Result<i64, String> {
    let at = iso::as_timestamp(moment).ok_or_else(|| format!("`{moment}` is no timestamp"))?;
    Ok(at.micros)
}
