//! Types, literals, identifiers and paths as dlt 1.31 writes them (fixtures/golden).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tipple_destination::dialect::{
    BigQuery, Databricks, DuckDb, Literal, Postgres, Redshift, Snowflake,
};
use tipple_destination::{Layout, LayoutError, LayoutValues, SqlDialect, table_prefix};
use tipple_schema::{Column, DataType};

fn lines(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../fixtures/golden/{name}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn dialect(line: &Value) -> &'static dyn SqlDialect {
    match line["destination"].as_str().unwrap() {
        "duckdb" => &DuckDb,
        "postgres" => &Postgres,
        "redshift" => &Redshift,
        "bigquery" => &BigQuery,
        "snowflake" => &Snowflake,
        "databricks" => &Databricks,
        other => panic!("no dialect for {other}"),
    }
}

/// Compares one line after the other and tells all that differ.
fn check(name: &str, count: usize, actual: impl Fn(&Value) -> Result<String, String>) {
    let lines = lines(name);
    assert_eq!(lines.len(), count);
    let differs = |line: &&Value| match (actual(line), line["out"].as_str()) {
        (Ok(actual), Some(expected)) => actual != expected,
        (Err(class), None) => line["error"] != class.as_str(),
        _ => true,
    };
    let wrong: Vec<String> = lines
        .iter()
        .filter(differs)
        .map(|line| format!("{line}\n    actual: {:?}", actual(line)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn column_types_are_those_of_dlt() {
    check("sqltypes", 192, |line| {
        let spec = &line["column"];
        let data_type: DataType = spec["data_type"].as_str().unwrap().parse().unwrap();
        let mut column = Column::new("c", data_type);
        column.precision = spec["precision"].as_i64();
        column.scale = spec["scale"].as_i64();
        column.timezone = spec["timezone"].as_bool();
        dialect(line)
            .column_type(&column)
            .map_err(|_| "TerminalValueError".to_owned())
    });
}

#[test]
fn literals_and_identifiers_are_those_of_dlt() {
    check("literals", 145, |line| {
        let dialect = dialect(line);
        Ok(match line["identifier"].as_str() {
            Some(identifier) => dialect.quote(identifier),
            None => dialect.literal(&literal(&line["value"])),
        })
    });
}

fn literal(value: &Value) -> Literal {
    match value {
        Value::Null => Literal::Null,
        Value::Bool(value) => Literal::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Literal::Int(number.into()),
            None => Literal::Double(number.as_f64().unwrap()),
        },
        Value::String(text) => Literal::Text(text.clone()),
        Value::Array(_) => Literal::Json(value.to_string()),
        Value::Object(fields) => {
            let (key, inner) = fields.iter().next().unwrap();
            let text = inner.as_str().map(str::to_owned);
            match (key.as_str(), text) {
                ("$decimal", Some(text)) => Literal::Decimal(text),
                ("$date" | "$datetime" | "$time", Some(text)) => Literal::Moment(text),
                ("$bytes", Some(text)) => Literal::Binary(STANDARD.decode(text).unwrap()),
                _ => Literal::Json(value.to_string()),
            }
        }
    }
}

#[test]
fn paths_of_files_are_those_of_dlt() {
    // 2024-03-05T06:07:08.123Z
    let now = 1_709_618_828_123_000;
    let values = LayoutValues {
        schema_name: "my_schema",
        load_id: "1700000000.123456",
        package_created_at: now,
        now,
    };
    let extra = [("team".to_owned(), "ops".to_owned())];
    let class = |error: LayoutError| match error {
        LayoutError::NoTablePrefix { .. } => "CantExtractTablePrefix".to_owned(),
        _ => "InvalidFilesystemLayout".to_owned(),
    };
    check("layouts", 36, |line| {
        let layout = line["layout"].as_str().unwrap();
        let Some(file) = line["file"].as_str() else {
            return table_prefix(layout).map_err(class);
        };
        Layout::parse(layout, &extra)
            .and_then(|layout| layout.path(file, &values))
            .map_err(class)
    });
}

#[test]
fn every_part_of_a_time_can_be_a_part_of_a_path() {
    let layout = Layout::parse(
        "{table_name}/{YYYY} {YY} {Y} {MMMM} {MMM} {MM} {M} {DD} {D} {HH} {H} {mm} {m} {ss} {s} \
         {SSSS} {SSS} {SS} {S} {dddd} {ddd} {dd} {d} {Q} {timestamp} {load_package_timestamp_ms}",
        &[],
    )
    .unwrap();
    let values = LayoutValues {
        schema_name: "s",
        load_id: "1",
        package_created_at: 1_500,
        // 2023-12-31T04:05:06.078900Z, a Sunday
        now: 1_703_995_506_078_900,
    };
    insta::assert_snapshot!(layout.path("t.f.0.parquet", &values).unwrap(), @"t/2023 23 2023 december dec 12 12 31 31 04 4 05 5 06 6 0789 078 07 0 sunday sun su 0 4 1703995506 1.parquet");
}

#[test]
fn unknown_placeholders_are_all_named() {
    let error = Layout::parse("{table_name}/{bogus}/{tabel}.{ext}", &[]).unwrap_err();
    let text = error.to_string();
    let (start, _) = text.split_once("; known").unwrap();
    assert_eq!(
        start,
        "layout `{table_name}/{bogus}/{tabel}.{ext}` has unknown placeholders `{bogus}`, `{tabel}`"
    );
}

#[test]
fn a_name_that_is_no_job_file_is_refused() {
    let layout = Layout::parse(tipple_destination::DEFAULT_LAYOUT, &[]).unwrap();
    let values = LayoutValues {
        schema_name: "s",
        load_id: "1",
        package_created_at: 0,
        now: 0,
    };
    for name in ["t.jsonl", "t.f.x.jsonl", "t.f.0.jsonl.zip", ""] {
        assert!(layout.path(name, &values).is_err(), "{name}");
    }
}
