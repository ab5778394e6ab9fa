//! Columns that take another type in place instead of getting a variant column.
//!
//! The normalizer always makes variants, as dlt does. Where the user has asked for `on_type_change: widen`, the variants
//! of this run are taken out of the schema again and their column gets a type that holds all values without loss. The
//! job files stay as they are; [`Fold`] brings the columns together when they are read. A column that had variants
//! before keeps them, since rows that are stored cannot be brought together. Start with [`widen`].

mod fold;

use std::collections::HashSet;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use indexmap::IndexMap;
use serde_json::{Value, json};
use tipple_destination::{DestinationError, SqlDialect, TableRef, Target};
use tipple_normalize::Normalized;
use tipple_schema::evolution::variant_of;
use tipple_schema::{Column, DataType, Schema, Table};
use tipple_source::{ResourceSpec, SourceSpec, TypeChange};

pub(crate) use self::fold::Fold;
use crate::error::Cause;
use crate::pipeline::Pipeline;

/// Key of the package state: table → variant column → column that takes its values.
pub(crate) const FOLDED: &str = "tipple_folded_columns";

/// Whole numbers up to this are exact in a double.
const EXACT_MAX: i64 = 1 << 53;

/// Says what to do with values of another type, for all resources: widening is a hint of the table, refusing a contract.
pub(crate) fn apply_type_changes(source: &SourceSpec, specs: &mut [ResourceSpec]) {
    for spec in specs {
        let change = spec.hints.on_type_change.or(source.on_type_change);
        spec.hints.on_type_change = change;
        if change == Some(TypeChange::Refuse) {
            let own = spec.hints.schema_contract.take();
            let contract = own.or_else(|| source.schema_contract.clone());
            spec.hints.schema_contract = Some(frozen_types(contract));
        }
    }
}

/// The contract with frozen data types.
fn frozen_types(contract: Option<Value>) -> Value {
    let mut contract = match contract {
        Some(Value::Object(contract)) => contract,
        Some(Value::String(word)) => ["tables", "columns"]
            .map(|entity| (entity.to_owned(), json!(word)))
            .into_iter()
            .collect(),
        _ => serde_json::Map::new(),
    };
    contract.insert("data_type".to_owned(), json!("freeze"));
    Value::Object(contract)
}

/// What is stored at the destination, as far as widening must know it.
pub(crate) trait Stored {
    /// True when the destination can give a stored column another type in place.
    fn can_widen(&self, old: &Column, new: &Column) -> bool;

    /// True when a stored whole number would lose digits in a double.
    ///
    /// # Errors
    /// The destination cannot be asked.
    fn has_large_numbers(&self, table: &str, column: &str) -> Result<bool, Cause>;
}

impl Stored for Pipeline {
    fn can_widen(&self, old: &Column, new: &Column) -> bool {
        let dialect: &dyn SqlDialect = self.destination().dialect();
        let at = TableRef {
            catalog: None,
            dataset: String::new(),
            table: String::new(),
        };
        let found = dialect.column_type(old);
        found.is_ok_and(|found| dialect.widen_column(&at, new, &found).is_some())
    }

    fn has_large_numbers(&self, table: &str, column: &str) -> Result<bool, Cause> {
        let dialect = self.destination().dialect();
        let name = dialect.quote(column);
        let sql = format!(
            "SELECT 1 FROM {} WHERE {name} > {EXACT_MAX} OR {name} < -{EXACT_MAX} LIMIT 1",
            dialect.qualified(&self.datasets().table(Target::Final, table))
        );
        let found = self.block_on(async {
            let mut client = self
                .destination()
                .connect_read_only(self.datasets())
                .await?;
            client.query(&sql).await
        });
        match found {
            Ok(batches) => Ok(batches.iter().any(|batch| batch.num_rows() > 0)),
            Err(DestinationError::Undefined { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Columns of this run that hold whole numbers which a double cannot, as table and column.
#[derive(Debug, Default)]
pub(crate) struct LargeNumbers(HashSet<(String, String)>);

impl LargeNumbers {
    /// Looks at the whole numbers of a batch.
    pub fn look(&mut self, table: &str, batch: &RecordBatch) {
        for (field, values) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let Some(values) = values.as_primitive_opt::<Int64Type>() else {
                continue;
            };
            let is_large = |value: i64| value.unsigned_abs() > EXACT_MAX.unsigned_abs();
            // The places of nulls may hold anything.
            if values.values().iter().any(|value| is_large(*value))
                && values.iter().flatten().any(is_large)
            {
                self.0.insert((table.to_owned(), field.name().clone()));
            }
        }
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.0.contains(&(table.to_owned(), column.to_owned()))
    }
}

/// A column that took another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Widened {
    pub table: String,
    pub column: String,
    /// Columns that the normalizer made for values that did not fit.
    pub variants: Vec<String>,
    pub from: DataType,
    pub to: DataType,
}

impl Widened {
    /// What the user is told.
    pub fn note(&self) -> String {
        format!(
            "column `{}` of table `{}` is widened from {} to {}",
            self.column, self.table, self.from, self.to
        )
    }
}

/// The entry of the package state for [`FOLDED`].
pub(crate) fn folded_entry(widened: &[Widened]) -> Value {
    let mut tables = serde_json::Map::new();
    for widened in widened {
        let table = tables
            .entry(widened.table.clone())
            .or_insert_with(|| json!({}));
        for variant in &widened.variants {
            table[variant] = json!(widened.column);
        }
    }
    Value::Object(tables)
}

/// Takes the variants of this run out of the schema where their columns may widen and can; gives what was widened.
///
/// # Errors
/// The destination cannot be asked about its values.
pub(crate) fn widen(
    normalized: &mut Normalized,
    before: &Schema,
    large: &LargeNumbers,
    stored: &dyn Stored,
) -> Result<Vec<Widened>, Cause> {
    let schema = &normalized.schema;
    let mut all = Vec::new();
    for table in schema.tables.values() {
        let root = tipple_destination::root_of(schema, &table.name);
        let hint = schema
            .tables
            .get(root)
            .and_then(|root| root.text_hint(tipple_destination::ON_TYPE_CHANGE));
        if hint == Some("widen") {
            all.extend(candidates(table, before.tables.get(&table.name)));
        }
    }
    let mut widened = Vec::with_capacity(all.len());
    for candidate in all {
        if is_possible(&candidate, normalized, before, large, stored)? {
            apply(normalized, &candidate);
            widened.push(candidate);
        }
    }
    Ok(widened)
}

/// Columns with variants of this run only, for which there is a type that holds all values.
fn candidates(table: &Table, before: Option<&Table>) -> Vec<Widened> {
    let mut variants: IndexMap<&str, Vec<&Column>> = IndexMap::new();
    for column in table
        .complete_columns()
        .filter(|column| column.has("variant"))
    {
        if let Some(of) = variant_of(table, &column.name) {
            variants.entry(of).or_default().push(column);
        }
    }
    let was_there = |name: &str| {
        let known = before.and_then(|before| before.columns.get(name));
        known.is_some_and(Column::is_complete)
    };
    let found = variants.into_iter().filter_map(|(name, variants)| {
        let from = table.columns.get(name)?.data_type?;
        if variants.iter().any(|variant| was_there(&variant.name)) {
            return None;
        }
        let mut types = variants.iter().map(|variant| variant.data_type);
        let to = types.try_fold(from, |joined, next| join(joined, next?))?;
        Some(Widened {
            table: table.name.clone(),
            column: name.to_owned(),
            variants: variants
                .iter()
                .map(|variant| variant.name.clone())
                .collect(),
            from,
            to,
        })
    });
    found.collect()
}

/// The type that holds all values of both without loss, whole numbers in doubles taken for exact.
fn join(one: DataType, other: DataType) -> Option<DataType> {
    use DataType::{Bigint, Date, Decimal, Double, Text, Timestamp};
    match (one, other) {
        (one, other) if one == other => Some(one),
        (Bigint, Double) | (Double, Bigint) => Some(Double),
        (Bigint, Decimal) | (Decimal, Bigint) => Some(Decimal),
        (Date, Timestamp) | (Timestamp, Date) => Some(Timestamp),
        (Bigint | Double | Decimal | Date, Text) | (Text, Bigint | Double | Decimal | Date) => {
            Some(Text)
        }
        _ => None,
    }
}

fn is_possible(
    candidate: &Widened,
    normalized: &Normalized,
    before: &Schema,
    large: &LargeNumbers,
    stored: &dyn Stored,
) -> Result<bool, Cause> {
    let (table, column) = (candidate.table.as_str(), candidate.column.as_str());
    let becomes_double = candidate.from == DataType::Bigint && candidate.to == DataType::Double;
    if becomes_double && large.has(table, column) {
        return Ok(false);
    }
    let old = before
        .tables
        .get(table)
        .and_then(|table| table.columns.get(column));
    let Some(old) = old.filter(|old| old.is_complete()) else {
        return Ok(true);
    };
    let new = normalized
        .schema
        .tables
        .get(table)
        .and_then(|table| table.columns.get(column));
    if new.is_none_or(|new| !stored.can_widen(old, &retyped(new, candidate.to))) {
        return Ok(false);
    }
    Ok(!becomes_double || !stored.has_large_numbers(table, column)?)
}

/// The column with another type; digits and zone belong to the old one.
fn retyped(column: &Column, to: DataType) -> Column {
    Column {
        data_type: Some(to),
        precision: None,
        scale: None,
        timezone: None,
        ..column.clone()
    }
}

fn apply(normalized: &mut Normalized, widened: &Widened) {
    for cause in &mut normalized.causes {
        if cause.table == widened.table && widened.variants.contains(&cause.column) {
            cause.column.clone_from(&widened.column);
        }
    }
    let Some(table) = normalized.schema.tables.get_mut(&widened.table) else {
        return;
    };
    for variant in &widened.variants {
        table.columns.shift_remove(variant);
    }
    let Some(column) = table.columns.get_mut(&widened.column) else {
        return;
    };
    *column = retyped(column, widened.to);
    if let Some(update) = normalized.updates.get_mut(&widened.table) {
        for variant in &widened.variants {
            update.columns.shift_remove(variant);
        }
        update.columns.insert(column.name.clone(), column.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_join_where_nothing_is_lost() {
        use DataType::{Bigint, Binary, Bool, Date, Decimal, Double, Json, Text, Timestamp, Wei};
        for (one, other, joined) in [
            (Bigint, Double, Some(Double)),
            (Bigint, Decimal, Some(Decimal)),
            (Bigint, Text, Some(Text)),
            (Date, Timestamp, Some(Timestamp)),
            (Date, Text, Some(Text)),
            (Double, Decimal, None),
            (Bool, Text, None),
            (Bool, Bigint, None),
            (Json, Text, None),
            (Binary, Text, None),
            (Timestamp, Text, None),
            (Wei, Bigint, None),
        ] {
            assert_eq!(join(one, other), joined, "{one} and {other}");
            assert_eq!(join(other, one), joined, "{other} and {one}");
        }
    }

    #[test]
    fn refusing_freezes_types_and_keeps_the_rest_of_a_contract() {
        let frozen = |contract| frozen_types(contract);
        assert_eq!(frozen(None), json!({"data_type": "freeze"}));
        assert_eq!(
            frozen(Some(json!("discard_row"))),
            json!({"tables": "discard_row", "columns": "discard_row", "data_type": "freeze"})
        );
        assert_eq!(
            frozen(Some(json!({"tables": "freeze", "data_type": "evolve"}))),
            json!({"tables": "freeze", "data_type": "freeze"})
        );
    }
}
