//! Scalars from text into columns, and whole JSON values.
//!
//! The common pairs of value and column are handled here without building anything. All others are made into a value and
//! go through the same coercion as in the reference. Start with [`Walker::scalar`].

use std::borrow::Cow;

use tipple_json::{Kind, Number, RawText, Value, iso, python_repr, rewrite_compact};
use tipple_schema::DataType;

use super::memory::{Memory, Slate};
use super::plan::{Action, Plan};
use super::walk::{OpenRow, Surprise, Walker};
use crate::builders::Datum;
use crate::coerce::{Misfit, coerce, kind_of};

/// First byte of the private-use characters that mark typed values (see `marks`); rare in other text.
const MARK_BYTE: u8 = 0xEF;
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
            _ => {
                let value = self.scanner.boolean()?;
                match self.column_type(slot)? {
                    DataType::Bool => self.set(row, slot, &Datum::Bool(value)),
                    DataType::Text => {
                        let text = if value { "True" } else { "False" };
                        self.set(row, slot, &Datum::Text(text.into()))
                    }
                    to => self.other(row, slot, to, &Value::Bool(value)),
                }
            }
        }
    }

    #[inline]
    fn column_type(&self, slot: u32) -> Result<DataType, Surprise> {
        match self.plan.slots[slot as usize].action {
            Action::Fit(data_type) => Ok(data_type),
            _ => Err(Surprise),
        }
    }

    #[inline]
    fn set(&mut self, row: &OpenRow, slot: u32, datum: &Datum<'_>) -> Result<(), Surprise> {
        put(self.slate, self.plan, row, slot, datum)
    }

    /// A null leaves the column alone, unless it must have a value or has one already.
    #[inline]
    fn null(&mut self, row: &OpenRow, slot: u32) -> Result<(), Surprise> {
        let takes_null = self.plan.slots[slot as usize].takes_null;
        if takes_null && !self.slate.is_set(slot, row.at.table, row.at.row) {
            return Ok(());
        }
        Err(Surprise)
    }

    #[inline]
    fn number(&mut self, row: &OpenRow, slot: u32) -> Result<(), Surprise> {
        let start = self.scanner.at();
        let number = self.scanner.number()?;
        match (self.column_type(slot)?, number) {
            (DataType::Bigint, Number::Int(value)) => self.set(row, slot, &Datum::Bigint(value)),
            (DataType::Double, Number::Float(value)) => self.set(row, slot, &Datum::Double(value)),
            (DataType::Double, Number::Int(value)) => {
                self.set(row, slot, &Datum::Double(value as f64))
            }
            (DataType::Text, Number::Int(value)) => {
                let text = match value {
                    // Also written `-0`.
                    0 => "0",
                    _ => &self.scanner.text()[start..self.scanner.at()],
                };
                self.set(row, slot, &Datum::Text(text.into()))
            }
            (DataType::Text, Number::Float(value)) => {
                self.set(row, slot, &Datum::Text(python_repr(value).into()))
            }
            (DataType::Bigint, Number::Float(value)) if is_whole(value) => {
                self.set(row, slot, &Datum::Bigint(value as i64))
            }
            (to, number) => self.other(row, slot, to, &Value::from(number)),
        }
    }

    #[inline]
    fn text(&mut self, row: &OpenRow, slot: u32, text: RawText<'_>) -> Result<(), Surprise> {
        let to = self.column_type(slot)?;
        if text.has_escapes() || text.raw().as_bytes().first() == Some(&MARK_BYTE) {
            return self.unusual_text(row, slot, to, text);
        }
        self.plain_text(row, slot, to, text.raw())
    }

    #[inline]
    fn plain_text(
        &mut self,
        row: &OpenRow,
        slot: u32,
        to: DataType,
        text: &str,
    ) -> Result<(), Surprise> {
        match to {
            DataType::Text => self.set(row, slot, &Datum::Text(Cow::Borrowed(text))),
            DataType::Timestamp => match iso::as_timestamp(text) {
                Some(at) => {
                    let micros = self.plan.zone.instant(at);
                    self.set(row, slot, &Datum::Timestamp(micros))
                }
                None => self.other_text(row, slot, to, text),
            },
            DataType::Bigint if is_short_integer(text) => match text.parse() {
                Ok(value) => self.set(row, slot, &Datum::Bigint(value)),
                Err(_) => self.other_text(row, slot, to, text),
            },
            _ => self.other_text(row, slot, to, text),
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
            Ok(None) => Ok(()),
            Err(Misfit::Refused) => self.variant(row, slot, value),
            Err(Misfit::Oversized(_)) => Err(Surprise),
        }
    }

    /// A value that does not fit its column goes to the variant column that is known for its kind.
    fn variant(&mut self, row: &OpenRow, slot: u32, value: &Value) -> Result<(), Surprise> {
        let plan = self.plan;
        let kind = kind_of(value).ok_or(Surprise)?;
        let variants = &plan.slots[slot as usize].variants;
        let (_, variant) = variants.iter().find(|(known, _)| *known == kind).ok_or(Surprise)?;
        let Action::Fit(to) = plan.slots[*variant as usize].action else {
            return Err(Surprise);
        };
        match coerce(to, value, &plan.zone) {
            Ok(Some(datum)) => {
                self.memory.variants.push(*variant);
                self.set(row, *variant, &datum)
            }
            _ => Err(Surprise),
        }
    }

    /// An object or list that stays one value of a json column.
    #[cold]
    #[inline(never)]
    pub(super) fn whole(
        &mut self,
        row: &OpenRow,
        slot: u32,
        depth: usize,
    ) -> Result<(), Surprise> {
        let raw = self.scanner.skip_nested_value(depth)?;
        // Marks inside are taken off by the reference.
        if memchr::memchr(MARK_BYTE, raw.as_bytes()).is_some() || has_escaped_mark(raw) {
            return Err(Surprise);
        }
        let Memory { text, .. } = self.memory;
        text.clear();
        rewrite_compact(raw, text)?;
        put(self.slate, self.plan, row, slot, &Datum::Text(Cow::Borrowed(text)))
    }
}

#[inline]
fn put(
    slate: &mut Slate,
    plan: &Plan,
    row: &OpenRow,
    slot: u32,
    datum: &Datum<'_>,
) -> Result<(), Surprise> {
    if slate.set(plan, slot, row.at.table, row.at.row, datum) { Ok(()) } else { Err(Surprise) }
}

/// True for a float that is an integer of 64 bits.
fn is_whole(value: f64) -> bool {
    // The bounds are exact as doubles; the upper one is the first that does not fit.
    value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
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
