//! Golden values: ISO times and coercion between all data types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tipple_json::{Timestamp, Value, iso, parse_value, python_repr};
use tipple_normalize::Zone;
use tipple_normalize::builders::Datum;
use tipple_normalize::coerce::{Misfit, coerce as coerce_value, kind_of};
use tipple_schema::DataType;

use super::text;
use crate::typed::typed_parts;

/// `iso`: what detection says of a text, and its coercion into columns of time.
pub(super) fn iso(line: &Json) -> Result<(), String> {
    let input = text(line, "in");
    let detected = [
        (
            "iso_timestamp",
            iso::is_timestamp(input).then_some("timestamp"),
        ),
        ("iso_date", iso::is_date(input).then_some("date")),
    ];
    for (key, found) in detected {
        if line[key] != json!(found) {
            return Err(format!("{key}: we say {}", json!(found)));
        }
    }
    let value = Value::Text(input.into());
    let columns = [
        ("as_timestamp", DataType::Timestamp),
        ("as_date", DataType::Date),
        ("as_time", DataType::Time),
    ];
    for (key, to) in columns {
        check(to, &value, &line[key]).map_err(|problem| format!("{key}: {problem}"))?;
    }
    Ok(())
}

/// `coerce`: a value into a column of another type; a refusal means a variant column.
pub(super) fn coerce(line: &Json) -> Result<(), String> {
    let to: DataType = text(line, "to")
        .parse()
        .map_err(|_| "there is no such type".to_owned())?;
    let value = value_of(&line["from"])?;
    let kind = kind_of(&value).map(DataType::as_str);
    if kind != line["from_type"].as_str() {
        return Err(format!("the value is of type {kind:?}"));
    }
    check(to, &value, line)
}

fn check(to: DataType, value: &Value, expected: &Json) -> Result<(), String> {
    let given = match coerce_value(to, value, &Zone::UTC) {
        Ok(datum) => Some(datum.map_or(Json::Null, |datum| golden_form(to, datum))),
        // dlt looks at this limit in a later step.
        Err(Misfit::Oversized(text)) => Some(json!({"$decimal": text})),
        Err(Misfit::Refused) => None,
    };
    let same = match (&given, expected.get("out")) {
        (Some(given), Some(expected)) => comparable(given) == comparable(expected),
        (None, None) => true,
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("we give {}", json!(given)))
    }
}

fn value_of(golden: &Json) -> Result<Value, String> {
    let wrong = || format!("cannot read the value {golden}");
    let Some((kind, text)) = typed_parts(golden) else {
        return parse_value(golden.to_string().as_bytes()).map_err(|error| error.to_string());
    };
    Ok(match kind {
        "decimal" => Value::Decimal(text.into()),
        "datetime" => Value::Timestamp(iso::as_timestamp(text).ok_or_else(wrong)?),
        "date" => Value::Date(iso::as_date(text).ok_or_else(wrong)?),
        "time" => Value::Time(iso::as_time(text).ok_or_else(wrong)?),
        "bytes" => Value::Binary(STANDARD.decode(text).map_err(|_| wrong())?),
        "float" => Value::Float(text.parse().map_err(|_| wrong())?),
        _ => Value::Text(text.into()),
    })
}

fn golden_form(to: DataType, datum: Datum<'_>) -> Json {
    match datum {
        Datum::Text(text) if to == DataType::Json => {
            serde_json::from_str(&text).unwrap_or(json!({"$badjson": text}))
        }
        Datum::Text(text) => json!(text),
        Datum::Bool(value) => json!(value),
        Datum::Bigint(value) => json!(value),
        Datum::WideInteger(digits) => serde_json::from_str(&digits).unwrap_or(json!(digits)),
        Datum::Double(value) if value.is_finite() => json!(value),
        Datum::Double(value) => json!({"$float": python_repr(value)}),
        Datum::Binary(bytes) => json!({"$bytes": STANDARD.encode(bytes)}),
        Datum::Timestamp(micros) => {
            json!({"$datetime": iso::timestamp_text(Timestamp::utc(micros))})
        }
        Datum::Date(days) => json!({"$date": iso::date_text(days)}),
        Datum::Time(micros) => json!({"$time": iso::time_text(micros)}),
        Datum::Decimal(decimal) => json!({"$decimal": decimal.to_string()}),
        Datum::Units(units) => json!({"$decimal": units.to_string()}),
    }
}

/// A golden value without what columns do not keep: timestamps are instants, whatever their offset was.
fn comparable(golden: &Json) -> Json {
    match golden
        .get("$datetime")
        .and_then(Json::as_str)
        .and_then(iso::as_timestamp)
    {
        Some(at) => json!(at.micros),
        None => golden.clone(),
    }
}
