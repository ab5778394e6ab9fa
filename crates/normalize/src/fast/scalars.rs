//! Scalars from text into columns, and whole JSON values.
//!
//! The common pairs of value and column are handled here without building anything. All others are made into a value and
//! go through the same coercion as in the reference. Start with [`Walker::scalar`].

use tipple_json::{Kind, Number, RawText, Value, iso, python_repr, rewrite_compact};
use tipple_schema::DataType;

use super::memory::{Memory, Slate};
use super::plan::{Action, Plan};
use super::walk::{OpenRow, Surprise, Walker};
use crate::builders::{ColumnBuilder, Datum, is_exact};
use crate::coerce::{Misfit, coerce, kind_of};

/// First byte of the private-use characters that mark typed values (see `marks`); rare in other text.
const MARK_BYTE: u8 = 0xEF;
/// Plain numbers of so many characters are the shortest form of their double, but for zeros at the end.
const DOUBLE_DIGITS_MAX: usize = 15;
/// Integers of so many characters fit 64 bits.
const SHORT_INTEGER_MAX: usize = 18;

impl Walker<'_, '_> {
    /// Puts the scalar at which the scanner stands into the column of `slot`.
    #[inline]
    pub(super) fn scalar(&mut self, row: &OpenRow, slot: u32, kind: Kind) -> Result<(), Surprise> {
        match kind {
            Kind::Text => {
                let text = self.scanner.string()?;
                self.text(row, slot, text)
            }
            Kind::Number => self.number(row, slot),
            Kind::Null => {
                self.scanner.null()?;
                self.null(row, slot)
            }
            _ => self.boolean(row, slot),
        }
    }

    #[inline]
    fn column_type(&self, row: &OpenRow, slot: u32) -> Result<DataType, Surprise> {
        match self.plan.slot(row.table, slot).action {
            Action::Fit(data_type) => Ok(data_type),
            _ => Err(Surprise),
        }
    }

    /// The column of `slot` and the number of the row.
    #[inline]
    fn column(
        &mut self,
        row: &OpenRow,
        slot: u32,
    ) -> Result<(&mut ColumnBuilder, usize), Surprise> {
        let column = self
            .slate
            .column(self.plan, row.table, slot, row.at)
            .ok_or(Surprise)?;
        Ok((column, row.at.row as usize))
    }

    fn set(&mut self, row: &OpenRow, slot: u32, datum: &Datum<'_>) -> Result<(), Surprise> {
        let (column, at) = self.column(row, slot)?;
        let added = column.push(at, datum);
        self.slate.tables.table_mut(row.at.table).add_bytes(added);
        Ok(())
    }

    #[inline]
    fn set_text(&mut self, row: &OpenRow, slot: u32, text: &str) -> Result<(), Surprise> {
        put_text(self.slate, self.plan, row, slot, text)
    }

    /// A null leaves the column alone, unless it must have a value or has one already.
    #[inline]
    fn null(&mut self, row: &OpenRow, slot: u32) -> Result<(), Surprise> {
        let takes_null = self.plan.slot(row.table, slot).takes_null;
        if takes_null && !self.slate.is_set(row.table, slot, row.at) {
            return Ok(());
        }
        Err(Surprise)
    }

    #[inline]
    fn boolean(&mut self, row: &OpenRow, slot: u32) -> Result<(), Surprise> {
        let value = self.scanner.boolean()?;
        match self.column_type(row, slot)? {
            DataType::Bool => {
                let (column, at) = self.column(row, slot)?;
                column.push_bool(at, value);
                Ok(())
            }
            DataType::Text => self.set_text(row, slot, if value { "True" } else { "False" }),
            to => self.other(row, slot, to, &Value::Bool(value)),
        }
    }

    #[inline]
    fn number(&mut self, row: &OpenRow, slot: u32) -> Result<(), Surprise> {
        let start = self.scanner.at();
        let number = self.scanner.number()?;
        match (self.column_type(row, slot)?, number) {
            (DataType::Bigint, Number::Int(value)) => {
                let (column, at) = self.column(row, slot)?;
                column.push_i64(at, value);
                Ok(())
            }
            (DataType::Double, Number::Float(value)) => {
                let (column, at) = self.column(row, slot)?;
                column.push_f64(at, value);
                Ok(())
            }
            (to, number) => {
                let raw = &self.scanner.text()[start..self.scanner.at()];
                self.other_number(row, slot, to, number, raw)
            }
        }
    }

    /// A number in a column of another kind.
    #[inline(never)]
    fn other_number(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        number: Number,
        raw: &str,
    ) -> Result<(), Surprise> {
        match (to, number) {
            (DataType::Double, Number::Int(value)) => {
                self.set(row, slot, &Datum::Double(value as f64))
            }
            // Also written `-0`.
            (DataType::Text, Number::Int(0)) => self.set_text(row, slot, "0"),
            (DataType::Text, Number::Int(_)) => self.set_text(row, slot, raw),
            (DataType::Text, Number::Float(value)) => self.set_text(row, slot, &python_repr(value)),
            (DataType::Bigint, Number::Float(value)) if is_whole(value) => {
                self.set(row, slot, &Datum::Bigint(value as i64))
            }
            (DataType::Decimal | DataType::Wei, _) => match self.units(row, slot, raw, &number) {
                Some(units) => self.set(row, slot, &Datum::Units(units)),
                None => self.other(row, slot, to, &Value::from(number)),
            },
            _ => self.other(row, slot, to, &Value::from(number)),
        }
    }

    /// A short plain number in the exact form of a decimal column.
    fn units(&self, row: &OpenRow, slot: u32, raw: &str, number: &Number) -> Option<i128> {
        // Digits beyond these may differ from those of the double that dlt has read.
        let is_exact = !matches!(number, Number::Float(_)) || raw.len() <= DOUBLE_DIGITS_MAX;
        let (precision, scale) = self.plan.slot(row.table, slot).column_type.decimal;
        if is_exact {
            scaled(raw, precision, scale)
        } else {
            None
        }
    }

    #[inline]
    fn text(&mut self, row: &OpenRow, slot: u32, text: RawText<'_>) -> Result<(), Surprise> {
        let to = self.column_type(row, slot)?;
        if text.has_escapes() || text.raw().as_bytes().first() == Some(&MARK_BYTE) {
            return self.unusual_text(row, slot, to, text);
        }
        if to == DataType::Text {
            return self.set_text(row, slot, text.raw());
        }
        self.plain_text(row, slot, to, text.raw())
    }

    fn plain_text(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        text: &str,
    ) -> Result<(), Surprise> {
        let datum = match to {
            DataType::Text => return self.set_text(row, slot, text),
            DataType::Timestamp => {
                iso::as_timestamp(text).map(|at| Datum::Timestamp(self.plan.zone.instant(at)))
            }
            DataType::Bigint if is_short_integer(text) => text.parse().ok().map(Datum::Bigint),
            DataType::Decimal => {
                let (precision, scale) = self.plan.slot(row.table, slot).column_type.decimal;
                scaled(text, precision, scale).map(Datum::Units)
            }
            _ => None,
        };
        match datum {
            Some(datum) => self.set(row, slot, &datum),
            None => self.other_text(row, slot, to, text),
        }
    }

    /// A text with escapes, or one that may be a marked value.
    #[cold]
    #[inline(never)]
    fn unusual_text(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        text: RawText<'_>,
    ) -> Result<(), Surprise> {
        let mut buffer = std::mem::take(&mut self.memory.text);
        buffer.clear();
        text.unescape_into(&mut buffer);
        let result = match crate::marks::decode(&buffer) {
            Some(Value::Text(_)) => Err(Surprise),
            Some(value) => self.other(row, slot, to, &value),
            None => self.plain_text(row, slot, to, &buffer),
        };
        // Texts that were taken meanwhile have left a buffer of their own.
        self.memory.text = buffer;
        result
    }

    #[cold]
    #[inline(never)]
    fn other_text(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        text: &str,
    ) -> Result<(), Surprise> {
        let mut buffer = std::mem::take(&mut self.memory.text);
        buffer.clear();
        buffer.push_str(text);
        let value = Value::Text(buffer);
        let result = self.other(row, slot, to, &value);
        if let Value::Text(buffer) = value {
            self.memory.text = buffer;
        }
        result
    }

    /// Any pair of value and column, by the rules of the reference.
    fn other(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        value: &Value,
    ) -> Result<(), Surprise> {
        match coerce(to, value, &self.plan.zone) {
            Ok(Some(datum)) => self.set(row, slot, &datum),
            Err(Misfit::Refused) => self.variant(row, slot, value),
            Ok(None) | Err(Misfit::Oversized(_)) => Err(Surprise),
        }
    }

    /// A value that does not fit its column goes to the variant column that is known for its kind.
    fn variant(&mut self, row: &OpenRow, slot: u32, value: &Value) -> Result<(), Surprise> {
        let plan = self.plan;
        let kind = kind_of(value).ok_or(Surprise)?;
        if plan.slot(row.table, slot).key_count > 1 {
            // Another key of the row may take the place of this value, and the variant would stay.
            return Err(Surprise);
        }
        let mut variants = plan.slot(row.table, slot).variants.iter();
        let (_, variant) = variants.find(|(known, _)| *known == kind).ok_or(Surprise)?;
        let to = self.column_type(row, *variant)?;
        match coerce(to, value, &plan.zone) {
            Ok(Some(datum)) => {
                self.memory.variants.push((row.table, *variant));
                self.set(row, *variant, &datum)
            }
            _ => Err(Surprise),
        }
    }

    /// An object or list that stays one value of a json column.
    #[cold]
    #[inline(never)]
    pub(super) fn whole(&mut self, row: &OpenRow, slot: u32, depth: usize) -> Result<(), Surprise> {
        let raw = self.scanner.skip_nested_value(depth)?;
        // Marks inside are taken off by the reference.
        if memchr::memchr(MARK_BYTE, raw.as_bytes()).is_some() || has_escaped_mark(raw) {
            return Err(Surprise);
        }
        let Memory { text, .. } = self.memory;
        text.clear();
        rewrite_compact(raw, text)?;
        put_text(self.slate, self.plan, row, slot, text)
    }
}

#[inline]
fn put_text(
    slate: &mut Slate,
    plan: &Plan,
    row: &OpenRow,
    slot: u32,
    text: &str,
) -> Result<(), Surprise> {
    let column = slate
        .column(plan, row.table, slot, row.at)
        .ok_or(Surprise)?;
    column.push_text(row.at.row as usize, text);
    slate.tables.table_mut(row.at.table).add_bytes(text.len());
    Ok(())
}

/// A plain number (digits, a minus, a point) in units of `10^-scale`, when it fits a decimal of `precision` digits
/// exactly.
fn scaled(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !is_exact((precision, scale)) {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let is_plain = !whole.is_empty()
        && whole.len() + scale <= usize::from(precision)
        && fraction.len() <= scale
        && digits.len() == whole.len() + fraction.len() + usize::from(!fraction.is_empty());
    if !is_plain {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', scale - fraction.len());
    let mut units: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()).chain(padding) {
        if !byte.is_ascii_digit() {
            return None;
        }
        units = units * 10 + i128::from(byte - b'0');
    }
    Some(if is_negative { -units } else { units })
}

/// True for a float that is an integer of 64 bits.
fn is_whole(value: f64) -> bool {
    // The bounds are exact as doubles; the upper one is the first that does not fit.
    value.fract() == 0.0
        && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
}

/// True for plain digits with at most a minus in front.
fn is_short_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && text.len() <= SHORT_INTEGER_MAX
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// True when `raw` may hold an escape of a private-use character.
fn has_escaped_mark(raw: &str) -> bool {
    memchr::memmem::find(raw.as_bytes(), b"\\u").is_some()
}
