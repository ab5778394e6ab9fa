//! Answers of queries as record batches.
//!
//! Values come in the binary form of their types. A type that has no counterpart in Arrow (arrays, ranges, enums,
//! geometry) is asked for again as text. Start with [`query`].

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Decimal128Type;
use arrow_array::{Array as _, ArrayRef, Decimal128Array, RecordBatch, RecordBatchOptions};
use arrow_cast::parse::parse_decimal;
use arrow_schema::{Field, Schema};
use futures_util::TryStreamExt as _;
use tipple_destination::{SqlDialect as _, dialect};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column, Row, Statement};

use crate::copy::decimal_text;
use crate::failure::Failure;

/// Rows of a batch.
const BATCH_ROWS: usize = 65_536;
/// Microseconds from 1970-01-01 to 2000-01-01, where Postgres begins to count.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The same in days.
const EPOCH_DAYS: i32 = 10_957;
/// Digits of a decimal that 128 bits hold.
const DECIMAL_DIGITS: u8 = 38;

/// Runs one query; at least one batch, so that columns are known of an empty answer too.
///
/// # Errors
/// What the server refuses.
pub(crate) async fn query(client: &Client, sql: &str) -> Result<Vec<RecordBatch>, Failure> {
    let statement = prepare(client, sql).await?;
    let no_params: [&str; 0] = [];
    let mut rows = pin!(client.query_raw(&statement, no_params).await?);
    let (mut batches, mut answer) = (Vec::new(), Answer::new(statement.columns()));
    while let Some(row) = rows.try_next().await? {
        answer.push(&row)?;
        if answer.row_count == BATCH_ROWS {
            let next = Answer::new(statement.columns());
            batches.push(std::mem::replace(&mut answer, next).finish()?);
        }
    }
    if answer.row_count > 0 || batches.is_empty() {
        batches.push(answer.finish()?);
    }
    Ok(batches)
}

/// The statement, with columns of unknown types turned into text.
async fn prepare(client: &Client, sql: &str) -> Result<Statement, Failure> {
    let statement = client.prepare(sql).await?;
    let columns = statement.columns();
    if columns.iter().all(|column| is_known(column.type_())) {
        return Ok(statement);
    }
    // Numbered names, because those of an answer may come twice.
    let aliases: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
    let selected = columns.iter().zip(&aliases).map(|(column, alias)| {
        let cast = if is_known(column.type_()) {
            ""
        } else {
            "::text"
        };
        format!(
            "{alias}{cast} AS {}",
            dialect::Postgres.quote(column.name())
        )
    });
    let sql = format!(
        "SELECT {} FROM ({sql}) AS answer ({})",
        selected.collect::<Vec<_>>().join(", "),
        aliases.join(", ")
    );
    Ok(client.prepare(&sql).await?)
}

fn is_known(kind: &Type) -> bool {
    is_text(kind)
        || [
            Type::BOOL,
            Type::INT2,
            Type::INT4,
            Type::INT8,
            Type::OID,
            Type::FLOAT4,
            Type::FLOAT8,
            Type::NUMERIC,
            Type::JSONB,
            Type::BYTEA,
            Type::TIMESTAMP,
            Type::TIMESTAMPTZ,
            Type::DATE,
            Type::TIME,
        ]
        .contains(kind)
}

fn is_text(kind: &Type) -> bool {
    [
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::NAME,
        Type::JSON,
        Type::UNKNOWN,
    ]
    .contains(kind)
}

/// The bytes of a value, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Rows on their way into a batch.
struct Answer {
    columns: Vec<(String, Values)>,
    row_count: usize,
}

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Jsonb(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Instant(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    /// Texts, because every value has a scale of its own.
    Numeric(Vec<Option<String>>),
}

impl Answer {
    fn new(columns: &[Column]) -> Self {
        let values = |column: &Column| (column.name().to_owned(), Values::new(column.type_()));
        Answer {
            columns: columns.iter().map(values).collect(),
            row_count: 0,
        }
    }

    fn push(&mut self, row: &Row) -> Result<(), Failure> {
        for (index, (name, values)) in self.columns.iter_mut().enumerate() {
            let raw: Option<Raw<'_>> = row.try_get(index)?;
            values.push(raw.map(|raw| raw.0)).ok_or_else(|| {
                Failure::Value(format!("a value of column `{name}` cannot be understood"))
            })?;
        }
        self.row_count += 1;
        Ok(())
    }

    fn finish(self) -> Result<RecordBatch, Failure> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, values) in self.columns {
            let array = values.finish();
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.row_count));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| Failure::Value(error.to_string()))
    }
}

impl Values {
    fn new(kind: &Type) -> Self {
        match *kind {
            Type::BOOL => Values::Bool(BooleanBuilder::new()),
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Values::Int(Int64Builder::new()),
            Type::FLOAT4 | Type::FLOAT8 => Values::Double(Float64Builder::new()),
            Type::NUMERIC => Values::Numeric(Vec::new()),
            Type::JSONB => Values::Jsonb(StringBuilder::new()),
            Type::BYTEA => Values::Bytes(BinaryBuilder::new()),
            Type::TIMESTAMP => Values::Timestamp(TimestampMicrosecondBuilder::new()),
            Type::TIMESTAMPTZ => {
                Values::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Type::DATE => Values::Date(Date32Builder::new()),
            Type::TIME => Values::Time(Time64MicrosecondBuilder::new()),
            _ => Values::Text(StringBuilder::new()),
        }
    }

    /// Adds a value; nothing for bytes that are none.
    fn push(&mut self, raw: Option<&[u8]>) -> Option<()> {
        /// The value of the bytes, or null.
        macro_rules! add {
            ($builder:expr, $read:expr) => {
                match raw {
                    Some(bytes) => $builder.append_value($read(bytes)?),
                    None => $builder.append_null(),
                }
            };
        }
        let text = |bytes| std::str::from_utf8(bytes).ok();
        match self {
            Values::Bool(values) => add!(values, |bytes: &[u8]| Some(bytes.first()? != &0)),
            Values::Int(values) => add!(values, whole),
            Values::Double(values) => add!(values, double),
            Values::Text(values) => add!(values, text),
            Values::Jsonb(values) => add!(values, jsonb),
            Values::Bytes(values) => add!(values, Some),
            Values::Timestamp(values) | Values::Instant(values) => {
                add!(values, |bytes| Some(
                    whole(bytes)?.saturating_add(EPOCH_MICROS)
                ));
            }
            Values::Date(values) => add!(values, |bytes: &[u8]| {
                Some(i32::from_be_bytes(bytes.try_into().ok()?).saturating_add(EPOCH_DAYS))
            }),
            Values::Time(values) => add!(values, whole),
            Values::Numeric(values) => values.push(match raw {
                Some(bytes) => Some(decimal_text(bytes)?),
                None => None,
            }),
        }
        Some(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Values::Bool(mut values) => Arc::new(values.finish()),
            Values::Int(mut values) => Arc::new(values.finish()),
            Values::Double(mut values) => Arc::new(values.finish()),
            Values::Text(mut values) | Values::Jsonb(mut values) => Arc::new(values.finish()),
            Values::Bytes(mut values) => Arc::new(values.finish()),
            Values::Timestamp(mut values) | Values::Instant(mut values) => {
                Arc::new(values.finish())
            }
            Values::Date(mut values) => Arc::new(values.finish()),
            Values::Time(mut values) => Arc::new(values.finish()),
            Values::Numeric(values) => numbers(values),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        _ => i64::from_be_bytes(bytes.try_into().ok()?),
    })
}

fn double(bytes: &[u8]) -> Option<f64> {
    Some(match bytes.len() {
        4 => f64::from(f32::from_be_bytes(bytes.try_into().ok()?)),
        _ => f64::from_be_bytes(bytes.try_into().ok()?),
    })
}

/// Text behind the version byte.
fn jsonb(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.get(1..)?).ok()
}

/// Decimals with as many fraction digits as the longest has; texts when 38 digits are too few for one of them.
fn numbers(mut texts: Vec<Option<String>>) -> ArrayRef {
    for text in texts.iter_mut().flatten() {
        // A `wei` has 78 fraction digits, all zero.
        if fraction_len(text) > usize::from(DECIMAL_DIGITS) {
            *text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        }
    }
    let scale = texts.iter().flatten().map(|text| fraction_len(text)).max();
    let scale = i8::try_from(scale.unwrap_or(0)).unwrap_or(i8::MAX);
    let parse = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse_decimal::<Decimal128Type>(text, DECIMAL_DIGITS, scale).map(Some),
    };
    let exact = || -> Result<Decimal128Array, arrow_schema::ArrowError> {
        let units = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        Decimal128Array::from(units).with_precision_and_scale(DECIMAL_DIGITS, scale)
    };
    match exact() {
        Ok(decimals) => Arc::new(decimals),
        Err(_) => Arc::new(arrow_array::StringArray::from(texts)),
    }
}

fn fraction_len(text: &str) -> usize {
    text.split_once('.')
        .map_or(0, |(_, fraction)| fraction.len())
}
