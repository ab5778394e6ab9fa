//! Exact comparison of numbers of different kinds.
//!
//! Python compares integers, floats and decimals by their exact values; going through a float would make neighbours
//! equal and let rows slip through or be loaded twice.

use std::cmp::Ordering;

use super::value::CursorValue;

/// How two numbers stand to one another; `None` when one of them is no number.
pub(super) fn compare_numbers(a: &CursorValue, b: &CursorValue) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return Some(a.cmp(&b));
    }
    match (a, b) {
        (CursorValue::Float(a), CursorValue::Float(b)) => a.partial_cmp(b),
        (CursorValue::Float(a), b) => Some(compare_with_float(b, *a)?.reverse()),
        (a, CursorValue::Float(b)) => compare_with_float(a, *b),
        _ => Some(Digits::of(a)?.cmp(&Digits::of(b)?)),
    }
}

fn integer(value: &CursorValue) -> Option<i128> {
    match value {
        CursorValue::Bool(value) => Some(i128::from(*value)),
        CursorValue::Int(value) => Some(i128::from(*value)),
        CursorValue::UInt(value) => Some(i128::from(*value)),
        _ => None,
    }
}

fn compare_with_float(value: &CursorValue, float: f64) -> Option<Ordering> {
    match integer(value) {
        Some(whole) => compare_integer_with_float(whole, float),
        // Every double has an exact decimal form; `{}` writes it without an exponent and in full for whole numbers,
        // the 1074 digits below the point cover the rest.
        None => Some(Digits::of(value)?.cmp(&Digits::parse(&format!("{float:.1074}"))?)),
    }
}

fn compare_integer_with_float(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // 64-bit integers lie well inside; a float beyond is greater or smaller than all of them.
    if float.abs() >= 1e30 {
        return Some(if float > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let floor = float.floor();
    let order = whole.cmp(&(floor as i128));
    Some(if order == Ordering::Equal && float > floor {
        Ordering::Less
    } else {
        order
    })
}

/// A decimal number as sign, digits without leading or trailing zeros, and the place of its point.
struct Digits {
    is_negative: bool,
    digits: Vec<u8>,
    /// Value is `0.digits × 10^point`.
    point: i64,
}

impl Digits {
    fn of(value: &CursorValue) -> Option<Digits> {
        match value {
            CursorValue::Decimal(text) => Digits::parse(text),
            _ => Digits::parse(&integer(value)?.to_string()),
        }
    }

    fn parse(text: &str) -> Option<Digits> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 {
            return None;
        }
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if !all.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let zeros = all.iter().take_while(|digit| **digit == b'0').count();
        let point = whole.len() as i64 + exponent - zeros as i64;
        let end = all
            .iter()
            .rposition(|digit| *digit != b'0')
            .map_or(zeros, |last| last + 1);
        let digits = all[zeros..end].to_vec();
        let is_zero = digits.is_empty();
        Some(Digits {
            is_negative: is_negative && !is_zero,
            point: if is_zero { i64::MIN } else { point },
            digits,
        })
    }

    fn cmp(&self, other: &Digits) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_size(other),
            (true, true) => other.cmp_size(self),
        }
    }

    fn cmp_size(&self, other: &Digits) -> Ordering {
        self.point
            .cmp(&other.point)
            .then_with(|| self.digits.cmp(&other.digits))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> CursorValue<'_> {
        CursorValue::Decimal(Cow::Borrowed(text))
    }

    #[track_caller]
    fn check(a: CursorValue, order: Ordering, b: CursorValue) {
        assert_eq!(compare_numbers(&a, &b), Some(order), "{a} {b}");
        assert_eq!(compare_numbers(&b, &a), Some(order.reverse()), "{b} {a}");
    }

    #[test]
    fn neighbours_that_a_float_cannot_tell_apart_differ() {
        use CursorValue::*;
        check(
            Int(9007199254740993),
            Ordering::Greater,
            Float(9007199254740992.0),
        );
        check(Int(i64::MAX), Ordering::Less, UInt(1 << 63));
        check(Int(3), Ordering::Equal, Float(3.0));
        check(Int(-3), Ordering::Greater, Float(-3.5));
        check(Bool(true), Ordering::Equal, Int(1));
        check(Float(1e300), Ordering::Greater, Int(i64::MAX));
    }

    #[test]
    fn decimals_compare_by_value() {
        check(decimal("1.50"), Ordering::Equal, decimal("15E-1"));
        check(decimal("-0"), Ordering::Equal, CursorValue::Int(0));
        check(decimal("0.1"), Ordering::Less, CursorValue::Float(0.1));
        check(decimal("-2"), Ordering::Less, decimal("-1.99"));
        check(
            decimal("100"),
            Ordering::Greater,
            decimal("99.9999999999999999999999"),
        );
        assert_eq!(compare_numbers(&decimal("x"), &CursorValue::Int(1)), None);
    }

    proptest! {
        #[test]
        fn integers_and_decimals_agree(a: i64, b: i64) {
            let (x, y) = (a.to_string(), b.to_string());
            prop_assert_eq!(compare_numbers(&decimal(&x), &decimal(&y)), Some(a.cmp(&b)));
            prop_assert_eq!(compare_numbers(&CursorValue::Int(a), &decimal(&y)), Some(a.cmp(&b)));
        }

        #[test]
        fn floats_and_their_decimals_agree(a in -1e6..1e6f64, b in -1e6..1e6f64) {
            let x = format!("{a:.1074}");
            prop_assert_eq!(compare_numbers(&decimal(&x), &CursorValue::Float(b)), a.partial_cmp(&b));
        }
    }
}
