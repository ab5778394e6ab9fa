//! One column of the batch that is being made, typed once when the column gets its type.
//!
//! Values are appended at row positions. Rows that had nothing for the column are filled with nulls in one go when the
//! column is next touched, so a row costs only the columns it has; and a column can be cut back to a row mark, which is
//! how the fast path takes back a row with a surprise. Arrow's own builders can do neither. Start with
//! [`ColumnBuilder::push`].

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, DecimalType};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use tipple_schema::DataType;

use crate::decimal::Decimal;

/// Largest number of digits that the exact form of a decimal column holds.
const DECIMAL_DIGITS_MAX: u8 = 38;

/// A value that fits its column.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum<'v> {
    /// For bool columns.
    Bool(bool),
    /// For bigint columns.
    Bigint(i64),
    /// For bigint columns: an integer outside of 64 bits, signed decimal digits.
    WideInteger(String),
    /// For double columns.
    Double(f64),
    /// For text and json columns.
    Text(Cow<'v, str>),
    /// For binary columns.
    Binary(Cow<'v, [u8]>),
    /// For timestamp columns: microseconds since 1970-01-01, of UTC or of the wall clock.
    Timestamp(i64),
    /// For date columns: days since 1970-01-01.
    Date(i32),
    /// For time columns: microseconds since midnight.
    Time(i64),
    /// For decimal and wei columns.
    Decimal(Decimal),
    /// For decimal and wei columns whose exact form holds it: units of the column's last digit.
    Units(i128),
}

impl Datum<'_> {
    /// The same value without references.
    pub fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Binary(bytes) => Datum::Binary(Cow::Owned(bytes.into_owned())),
            Datum::Bool(value) => Datum::Bool(value),
            Datum::Bigint(value) => Datum::Bigint(value),
            Datum::WideInteger(digits) => Datum::WideInteger(digits),
            Datum::Double(value) => Datum::Double(value),
            Datum::Timestamp(micros) => Datum::Timestamp(micros),
            Datum::Date(days) => Datum::Date(days),
            Datum::Time(micros) => Datum::Time(micros),
            Datum::Decimal(value) => Datum::Decimal(value),
            Datum::Units(units) => Datum::Units(units),
        }
    }
}

/// What a builder has to know of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType {
    /// Type in the schema.
    pub data_type: DataType,
    /// Digits and fraction digits of a decimal or wei column.
    pub decimal: (u8, i8),
    /// True for a timestamp column that holds instants; false for one of naive values.
    pub is_aware: bool,
}

impl ColumnType {
    /// A type without anything special to it.
    pub fn plain(data_type: DataType) -> Self {
        ColumnType {
            data_type,
            decimal: (DECIMAL_DIGITS_MAX, 9),
            is_aware: true,
        }
    }

    /// Bytes that a row takes in the column, text itself not counted.
    pub fn width(self) -> usize {
        match self.data_type {
            DataType::Text | DataType::Json | DataType::Binary | DataType::Date => 4,
            DataType::Bool => 1,
            DataType::Decimal | DataType::Wei => 16,
            DataType::Double | DataType::Timestamp | DataType::Bigint | DataType::Time => 8,
        }
    }
}

/// Text or bytes of a column, one after the other.
#[derive(Debug, Default)]
struct Strings {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Strings {
    #[inline]
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as i32);
    }

    fn resize(&mut self, len: usize) {
        self.ends.resize(len, self.bytes.len() as i32);
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes
            .truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), bytes)
    }
}

/// Which rows have a value, one bit each.
#[derive(Debug)]
struct Validity {
    words: Vec<u64>,
}

impl Validity {
    /// `rows` rows that all have one.
    fn full(rows: usize) -> Self {
        let mut validity = Validity {
            words: vec![u64::MAX; rows.div_ceil(64)],
        };
        validity.truncate(rows);
        validity
    }

    #[inline]
    fn set(&mut self, row: usize) {
        let word = row / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
    }

    fn is_set(&self, row: usize) -> bool {
        self.words
            .get(row / 64)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    fn truncate(&mut self, rows: usize) {
        self.words.truncate(rows.div_ceil(64));
        if !rows.is_multiple_of(64)
            && let Some(last) = self.words.get_mut(rows / 64)
        {
            *last &= (1 << (rows % 64)) - 1;
        }
    }

    fn finish(mut self, rows: usize) -> NullBuffer {
        self.words.resize(rows.div_ceil(64), 0);
        NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(self.words), 0, rows))
    }
}

/// Values of a column; the variant is chosen by the column's type and changes only to spelled-out numbers.
#[derive(Debug)]
enum Values {
    Bool(Vec<bool>),
    Bigint(Vec<i64>),
    Double(Vec<f64>),
    Text(Strings),
    Binary(Strings),
    Timestamp(Vec<i64>),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Decimal(Vec<i128>),
    /// Bigints of which one did not fit 64 bits, or decimals of which one did not fit the column: the digits as text.
    Spelled(Strings),
}

/// One column in the making.
#[derive(Debug)]
pub struct ColumnBuilder {
    column_type: ColumnType,
    values: Values,
    /// Made at the first null.
    validity: Option<Validity>,
    len: usize,
    /// Rows of the last batch, for which room is made when the column is touched again.
    row_hint: usize,
}

impl ColumnBuilder {
    /// An empty column.
    pub fn new(column_type: ColumnType) -> Self {
        let values = empty_values(column_type);
        ColumnBuilder {
            column_type,
            values,
            validity: None,
            len: 0,
            row_hint: 0,
        }
    }

    /// Type that the column was made with.
    pub fn column_type(&self) -> ColumnType {
        self.column_type
    }

    /// Rows up to the last one that was touched.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when no row was touched since the last batch.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets `row` to `datum`; a value that `row` has already is replaced. Returns the bytes that were added beside the
    /// fixed width.
    ///
    /// A datum of another kind than the column's leaves the row null: coercion gives the right kind.
    pub fn push(&mut self, row: usize, datum: &Datum<'_>) -> usize {
        self.move_to(row);
        match self.append(datum) {
            Some(added) => {
                self.set(row);
                added
            }
            None => {
                self.fill_to(row + 1);
                0
            }
        }
    }

    /// Sets `row` of a bigint, timestamp or time column; of another column it becomes null.
    #[inline]
    pub fn push_i64(&mut self, row: usize, value: i64) {
        self.move_to(row);
        match &mut self.values {
            Values::Bigint(values) | Values::Timestamp(values) | Values::Time(values) => {
                values.push(value);
            }
            _ => {
                self.push(row, &Datum::Bigint(value));
                return;
            }
        }
        self.set(row);
    }

    /// Sets `row` of a double column; of another column it becomes null.
    #[inline]
    pub fn push_f64(&mut self, row: usize, value: f64) {
        self.move_to(row);
        let Values::Double(values) = &mut self.values else {
            return self.fill_to(row + 1);
        };
        values.push(value);
        self.set(row);
    }

    /// Sets `row` of a bool column; of another column it becomes null.
    #[inline]
    pub fn push_bool(&mut self, row: usize, value: bool) {
        self.move_to(row);
        let Values::Bool(values) = &mut self.values else {
            return self.fill_to(row + 1);
        };
        values.push(value);
        self.set(row);
    }

    /// Sets `row` of a text or json column; of another column it becomes null.
    #[inline]
    pub fn push_text(&mut self, row: usize, value: &str) {
        self.move_to(row);
        let Values::Text(strings) = &mut self.values else {
            return self.fill_to(row + 1);
        };
        strings.push(value.as_bytes());
        self.set(row);
    }

    /// Cuts the column back to the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        if self.len <= rows {
            return;
        }
        self.len = rows;
        if let Some(validity) = &mut self.validity {
            validity.truncate(rows);
        }
        match &mut self.values {
            Values::Text(strings) | Values::Binary(strings) | Values::Spelled(strings) => {
                strings.truncate(rows);
            }
            _ => self.resize_values(rows),
        }
    }

    /// The column as an array of `rows` rows; the builder is empty afterwards.
    ///
    /// A column that was spelled out begins as numbers again: the form of a batch follows from its rows alone.
    pub fn finish(&mut self, rows: usize) -> ArrayRef {
        self.truncate(rows);
        self.fill_to(rows);
        self.len = 0;
        self.row_hint = rows;
        let nulls = self.validity.take().map(|validity| validity.finish(rows));
        let mut values = std::mem::replace(&mut self.values, empty_values(self.column_type));
        finish_values(&mut values, self.column_type, nulls)
    }

    /// True when `row` holds a value.
    pub fn is_set(&self, row: usize) -> bool {
        row < self.len
            && self
                .validity
                .as_ref()
                .is_none_or(|validity| validity.is_set(row))
    }

    /// The text at `row` of a text or json column.
    pub fn text_at(&self, row: usize) -> Option<&str> {
        let Values::Text(strings) = &self.values else {
            return None;
        };
        if !self.is_set(row) {
            return None;
        }
        let start = row
            .checked_sub(1)
            .map_or(0, |before| strings.ends[before] as usize);
        std::str::from_utf8(&strings.bytes[start..strings.ends[row] as usize]).ok()
    }

    /// The number at `row` of a bigint column.
    pub fn bigint_at(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Bigint(values) if self.is_set(row) => values.get(row).copied(),
            _ => None,
        }
    }

    /// Makes `row` the next row, whatever the column has.
    #[inline]
    fn move_to(&mut self, row: usize) {
        if self.len != row || row == 0 {
            self.jump_to(row);
        }
    }

    #[inline(never)]
    fn jump_to(&mut self, row: usize) {
        if row == 0 && self.len == 0 {
            return self.reserve();
        }
        self.truncate(row);
        self.fill_to(row);
    }

    /// Marks the value that was appended for `row`.
    #[inline]
    fn set(&mut self, row: usize) {
        self.len = row + 1;
        if let Some(validity) = &mut self.validity {
            validity.set(row);
        }
    }

    /// Adds nulls up to `rows` rows.
    fn fill_to(&mut self, rows: usize) {
        if self.len >= rows {
            return;
        }
        let len = self.len;
        self.validity.get_or_insert_with(|| Validity::full(len));
        self.len = rows;
        self.resize_values(rows);
    }

    fn resize_values(&mut self, rows: usize) {
        match &mut self.values {
            Values::Bool(values) => values.resize(rows, false),
            Values::Bigint(values) | Values::Timestamp(values) | Values::Time(values) => {
                values.resize(rows, 0);
            }
            Values::Double(values) => values.resize(rows, 0.0),
            Values::Date(values) => values.resize(rows, 0),
            Values::Decimal(values) => values.resize(rows, 0),
            Values::Text(strings) | Values::Binary(strings) | Values::Spelled(strings) => {
                strings.resize(rows);
            }
        }
    }

    /// Makes room for as many rows as the last batch had.
    fn reserve(&mut self) {
        let rows = self.row_hint;
        match &mut self.values {
            Values::Bool(values) => values.reserve(rows),
            Values::Bigint(values) | Values::Timestamp(values) | Values::Time(values) => {
                values.reserve(rows);
            }
            Values::Double(values) => values.reserve(rows),
            Values::Date(values) => values.reserve(rows),
            Values::Decimal(values) => values.reserve(rows),
            Values::Text(strings) | Values::Binary(strings) | Values::Spelled(strings) => {
                strings.ends.reserve(rows);
            }
        }
    }

    /// Appends the value alone; `None` when it is of another kind.
    fn append(&mut self, datum: &Datum<'_>) -> Option<usize> {
        match (&mut self.values, datum) {
            (Values::Bool(values), Datum::Bool(value)) => values.push(*value),
            (Values::Bigint(values), Datum::Bigint(value))
            | (Values::Timestamp(values), Datum::Timestamp(value))
            | (Values::Time(values), Datum::Time(value)) => values.push(*value),
            (Values::Double(values), Datum::Double(value)) => values.push(*value),
            (Values::Date(values), Datum::Date(value)) => values.push(*value),
            (Values::Text(strings), Datum::Text(text)) => {
                strings.push(text.as_bytes());
                return Some(text.len());
            }
            (Values::Binary(strings), Datum::Binary(bytes)) => {
                strings.push(bytes);
                return Some(bytes.len());
            }
            (Values::Decimal(values), Datum::Units(units)) => values.push(*units),
            (Values::Decimal(values), Datum::Decimal(value)) => {
                let (precision, scale) = self.column_type.decimal;
                match value.to_scaled(precision, scale) {
                    Some(units) => values.push(units),
                    None => return Some(self.spell_out(&value.to_string())),
                }
            }
            (Values::Bigint(_), Datum::WideInteger(digits)) => {
                return Some(self.spell_out(digits));
            }
            (Values::Spelled(strings), datum) => {
                return spell(strings, datum, self.column_type.decimal);
            }
            _ => return None,
        }
        Some(0)
    }

    /// Turns the numbers so far into text and appends `digits`; returns the bytes of text that the column now has more.
    fn spell_out(&mut self, digits: &str) -> usize {
        let mut strings = Strings::default();
        let scale = self.column_type.decimal.1;
        match &self.values {
            Values::Bigint(values) => {
                values
                    .iter()
                    .for_each(|value| strings.push(value.to_string().as_bytes()));
            }
            Values::Decimal(values) => values.iter().for_each(|units| {
                strings.push(plain(*units, scale).as_bytes());
            }),
            _ => {}
        }
        strings.push(digits.as_bytes());
        let bytes = strings.bytes.len();
        self.values = Values::Spelled(strings);
        bytes
    }
}

/// All fraction digits of the column, zeros included, as the number itself would be shown.
fn plain(units: i128, scale: i8) -> String {
    Decimal128Type::format_decimal(units, DECIMAL_DIGITS_MAX, scale)
}

fn spell(strings: &mut Strings, datum: &Datum<'_>, decimal: (u8, i8)) -> Option<usize> {
    let (precision, scale) = decimal;
    let text = match datum {
        Datum::Bigint(value) => value.to_string(),
        Datum::WideInteger(digits) => digits.clone(),
        // Like the numbers that were there before the column was spelled out.
        Datum::Decimal(value) => match value.to_scaled(precision, scale) {
            Some(units) if is_exact(decimal) => plain(units, scale),
            _ => value.to_string(),
        },
        Datum::Units(units) => plain(*units, scale),
        _ => return None,
    };
    strings.push(text.as_bytes());
    Some(text.len())
}

/// True when 128 bits hold all decimals of so many digits and fraction digits.
pub(crate) fn is_exact((precision, scale): (u8, i8)) -> bool {
    (1..=DECIMAL_DIGITS_MAX).contains(&precision) && i16::from(scale) <= i16::from(precision)
}

fn empty_values(column_type: ColumnType) -> Values {
    match column_type.data_type {
        DataType::Bool => Values::Bool(Vec::new()),
        DataType::Bigint => Values::Bigint(Vec::new()),
        DataType::Double => Values::Double(Vec::new()),
        DataType::Text | DataType::Json => Values::Text(Strings::default()),
        DataType::Binary => Values::Binary(Strings::default()),
        DataType::Timestamp => Values::Timestamp(Vec::new()),
        DataType::Date => Values::Date(Vec::new()),
        DataType::Time => Values::Time(Vec::new()),
        DataType::Decimal | DataType::Wei => {
            // What Arrow's 128 bits cannot hold is spelled out from the start.
            let has_numbers = is_exact(column_type.decimal);
            if has_numbers {
                Values::Decimal(Vec::new())
            } else {
                Values::Spelled(Strings::default())
            }
        }
    }
}

fn finish_values(
    values: &mut Values,
    column_type: ColumnType,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    match values {
        Values::Bool(values) => Arc::new(BooleanArray::new(std::mem::take(values).into(), nulls)),
        Values::Bigint(values) => Arc::new(Int64Array::new(take(values), nulls)),
        Values::Double(values) => Arc::new(Float64Array::new(take(values), nulls)),
        Values::Time(values) => Arc::new(Time64MicrosecondArray::new(take(values), nulls)),
        Values::Date(values) => Arc::new(Date32Array::new(take(values), nulls)),
        Values::Timestamp(values) => {
            let array = TimestampMicrosecondArray::new(take(values), nulls);
            Arc::new(if column_type.is_aware {
                array.with_timezone("UTC")
            } else {
                array
            })
        }
        Values::Text(strings) => finish_text(strings, nulls),
        Values::Binary(strings) => {
            let (offsets, bytes) = strings.finish();
            Arc::new(BinaryArray::new(offsets, bytes, nulls))
        }
        Values::Decimal(values) => finish_decimals(values, column_type, nulls),
        Values::Spelled(strings) => finish_spelled(strings, column_type, nulls),
    }
}

fn take<T: arrow_buffer::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    ScalarBuffer::from(std::mem::take(values))
}

fn finish_text(strings: &mut Strings, nulls: Option<NullBuffer>) -> ArrayRef {
    let (offsets, bytes) = strings.finish();
    Arc::new(StringArray::new(offsets, bytes, nulls))
}

fn finish_decimals(
    values: &mut Vec<i128>,
    column_type: ColumnType,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let (precision, scale) = column_type.decimal;
    let array = Decimal128Array::new(take(values), nulls);
    // `empty_values` has kept out what Arrow refuses here.
    Arc::new(
        array
            .clone()
            .with_precision_and_scale(precision, scale)
            .unwrap_or(array),
    )
}

/// Spelled bigints become unsigned when all of them fit, so that a destination with such a type can take them.
fn finish_spelled(
    strings: &mut Strings,
    column_type: ColumnType,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let array = {
        let (offsets, bytes) = strings.finish();
        StringArray::new(offsets, bytes, nulls)
    };
    if column_type.data_type != DataType::Bigint {
        return Arc::new(array);
    }
    let unsigned: Option<Vec<Option<u64>>> = array
        .iter()
        .map(|digits| digits.map(str::parse::<u64>).transpose().ok())
        .collect();
    match unsigned {
        Some(values) => Arc::new(UInt64Array::from(values)),
        None => Arc::new(array),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};

    use super::*;

    fn builder(data_type: DataType) -> ColumnBuilder {
        ColumnBuilder::new(ColumnType::plain(data_type))
    }

    fn bigints(builder: &mut ColumnBuilder, rows: usize) -> Vec<Option<i64>> {
        builder
            .finish(rows)
            .as_primitive::<Int64Type>()
            .iter()
            .collect()
    }

    #[test]
    fn a_late_column_is_filled_with_nulls_before_and_after() {
        let mut column = builder(DataType::Bigint);
        column.push(2, &Datum::Bigint(7));
        assert_eq!(bigints(&mut column, 4), [None, None, Some(7), None]);
        column.push(0, &Datum::Bigint(8));
        assert_eq!(bigints(&mut column, 1), [Some(8)]);
    }

    #[test]
    fn a_second_value_of_a_row_replaces_the_first() {
        let mut column = builder(DataType::Bigint);
        column.push(0, &Datum::Bigint(1));
        column.push(0, &Datum::Bigint(2));
        assert_eq!(bigints(&mut column, 1), [Some(2)]);
    }

    #[test]
    fn cutting_back_to_a_row_mark_forgets_the_rows_behind() {
        let mut column = builder(DataType::Text);
        column.push(0, &Datum::Text("a".into()));
        column.push(2, &Datum::Text("bcd".into()));
        column.truncate(1);
        column.push(1, &Datum::Text("e".into()));
        let array = column.finish(3);
        let texts: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("a"), Some("e"), None]);
    }

    #[test]
    fn a_column_without_nulls_has_no_validity_bits() {
        let mut column = builder(DataType::Bool);
        column.push(0, &Datum::Bool(true));
        column.push(1, &Datum::Bool(false));
        assert!(column.finish(2).nulls().is_none());
    }

    #[test]
    fn nulls_are_right_at_every_distance() {
        for gap in 0..200 {
            let mut column = builder(DataType::Bigint);
            column.push_i64(0, 1);
            column.push_i64(gap + 1, 2);
            column.push_i64(gap + 2, 3);
            column.push_f64(gap + 3, 0.5);
            column.truncate(gap + 2);
            column.push_i64(gap + 3, 4);
            let mut expected = vec![None; gap + 5];
            expected[0] = Some(1);
            expected[gap + 1] = Some(2);
            expected[gap + 3] = Some(4);
            assert_eq!(bigints(&mut column, gap + 5), expected);
        }
    }

    #[test]
    fn integers_beyond_64_bits_turn_the_column_unsigned() {
        let mut column = builder(DataType::Bigint);
        column.push(0, &Datum::Bigint(1));
        column.push(2, &Datum::WideInteger(u64::MAX.to_string()));
        let array = column.finish(3);
        let values: Vec<_> = array.as_primitive::<UInt64Type>().iter().collect();
        assert_eq!(values, [Some(1), None, Some(u64::MAX)]);
        column.push(0, &Datum::Bigint(-1));
        assert_eq!(bigints(&mut column, 1), [Some(-1)]);
    }

    #[test]
    fn decimals_are_exact_and_spelled_out_when_one_does_not_fit() {
        let decimal = |text: &str| Datum::Decimal(Decimal::parse(text).expect("a decimal"));
        let mut column = builder(DataType::Decimal);
        column.push(0, &decimal("1.50"));
        let array = column.finish(1);
        assert_eq!(
            array.as_primitive::<Decimal128Type>().value_as_string(0),
            "1.500000000"
        );
        column.push(0, &decimal("2.5"));
        column.push(1, &decimal("0.0000000001"));
        let array = column.finish(2);
        let texts: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("2.500000000"), Some("1E-10")]);
    }
}
