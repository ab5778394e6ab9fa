//! Numbers of JSON text, exact.
//!
//! Integers of 64 bits stay integers and never pass through a double; a number with a fraction or an exponent is the
//! nearest double. Larger integers are an error of their own, because silently rounding a key is the worst that a
//! loader can do.

use crate::error::{JsonError, JsonErrorKind};

/// A number as JSON text gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Integer of the signed 64-bit range.
    Int(i64),
    /// Integer above `i64::MAX`.
    UInt(u64),
    /// Number with fraction or exponent, finite.
    Float(f64),
}

/// Digits of which every combination fits into a `u64`.
const SAFE_DIGITS_MAX: usize = 19;

/// Powers of ten that are exact doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads the number that begins at `start`; returns it with the offset of its end.
///
/// # Errors
/// `BadNumber`, `IntegerOutOfRange`, `FloatOutOfRange`, `NotFinite`, `UnexpectedEnd`.
#[inline]
pub(crate) fn read(text: &str, start: usize) -> Result<(Number, usize), JsonError> {
    let bytes = text.as_bytes();
    let is_negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(is_negative);
    let (mut mantissa, mut at) = digits(bytes, first, 0);
    if at == first || (bytes[first] == b'0' && at > first + 1) {
        return Err(bad_number(bytes, first));
    }
    let whole_digits = at - first;
    if !matches!(bytes.get(at), Some(b'.' | b'e' | b'E')) {
        if whole_digits < SAFE_DIGITS_MAX {
            let value = mantissa as i64;
            let value = if is_negative { -value } else { value };
            return Ok((Number::Int(value), at));
        }
        return long_integer(&text[start..at], start).map(|number| (number, at));
    }
    let mut fraction_digits = 0;
    if bytes[at] == b'.' {
        let fraction = at + 1;
        (mantissa, at) = digits(bytes, fraction, mantissa);
        fraction_digits = at - fraction;
        if fraction_digits == 0 {
            return Err(bad_number(bytes, at));
        }
    }
    let has_exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    let is_exact = whole_digits + fraction_digits <= SAFE_DIGITS_MAX
        && mantissa < 1 << 53
        && fraction_digits < POWERS.len();
    if is_exact && !has_exponent {
        let value = mantissa as f64 / POWERS[fraction_digits];
        let value = if is_negative { -value } else { value };
        return Ok((Number::Float(value), at));
    }
    if has_exponent {
        at = exponent_end(bytes, at + 1)?;
    }
    float(&text[start..at], start).map(|number| (number, at))
}

/// Adds the digits from `at` on to `mantissa` (wrapping) and returns it with the offset of the first other byte.
#[inline]
fn digits(bytes: &[u8], mut at: usize, mut mantissa: u64) -> (u64, usize) {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            break;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (mantissa, at)
}

fn exponent_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let first = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let (_, end) = digits(bytes, first, 0);
    if end == first {
        return Err(bad_number(bytes, end));
    }
    Ok(end)
}

#[cold]
fn long_integer(text: &str, start: usize) -> Result<Number, JsonError> {
    if let Ok(value) = text.parse::<i64>() {
        return Ok(Number::Int(value));
    }
    text.parse::<u64>()
        .map(Number::UInt)
        .map_err(|_| JsonError {
            kind: JsonErrorKind::IntegerOutOfRange,
            at: start,
        })
}

fn float(text: &str, start: usize) -> Result<Number, JsonError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Number::Float(value)),
        _ => Err(JsonError {
            kind: JsonErrorKind::FloatOutOfRange,
            at: start,
        }),
    }
}

#[cold]
fn bad_number(bytes: &[u8], at: usize) -> JsonError {
    let kind = match bytes.get(at) {
        None => JsonErrorKind::UnexpectedEnd,
        Some(b'I') => JsonErrorKind::NotFinite,
        Some(_) => JsonErrorKind::BadNumber,
    };
    JsonError { kind, at }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Result<Number, JsonErrorKind> {
        match read(text, 0) {
            Ok((number, end)) => {
                assert_eq!(end, text.len(), "{text}");
                Ok(number)
            }
            Err(error) => Err(error.kind),
        }
    }

    #[test]
    fn integers_of_64_bits_are_exact() {
        for (text, expected) in [
            ("0", Number::Int(0)),
            ("-0", Number::Int(0)),
            ("9223372036854775807", Number::Int(i64::MAX)),
            ("-9223372036854775808", Number::Int(i64::MIN)),
            ("9223372036854775808", Number::UInt(1 << 63)),
            ("18446744073709551615", Number::UInt(u64::MAX)),
        ] {
            assert_eq!(number(text), Ok(expected));
        }
    }

    #[test]
    fn numbers_out_of_range_are_errors_of_their_own() {
        use JsonErrorKind::*;
        for (text, kind) in [
            ("18446744073709551616", IntegerOutOfRange),
            ("-9223372036854775809", IntegerOutOfRange),
            ("1e400", FloatOutOfRange),
            ("-1e999999999999", FloatOutOfRange),
            ("01", BadNumber),
            ("-01", BadNumber),
            ("-x", BadNumber),
            ("1.x", BadNumber),
            ("1e+x", BadNumber),
            ("1.", UnexpectedEnd),
            ("-", UnexpectedEnd),
        ] {
            assert_eq!(number(text), Err(kind), "{text}");
        }
    }

    #[test]
    fn a_negative_zero_with_a_point_keeps_its_sign() {
        let Ok(Number::Float(zero)) = number("-0.0") else {
            panic!("a float is expected")
        };
        assert!(zero.is_sign_negative());
    }

    proptest! {
        #[test]
        fn floats_are_read_as_the_standard_library_reads_them(text in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
            let expected: f64 = text.parse().unwrap();
            match number(&text) {
                Ok(Number::Float(value)) => prop_assert_eq!(value.to_bits(), expected.to_bits()),
                Ok(Number::Int(value)) => prop_assert_eq!(Ok(value), text.parse()),
                Ok(Number::UInt(value)) => prop_assert_eq!(Ok(value), text.parse()),
                Err(JsonErrorKind::IntegerOutOfRange) => prop_assert!(expected.abs() >= 9.2e18),
                Err(kind) => {
                    prop_assert_eq!(kind, JsonErrorKind::FloatOutOfRange);
                    prop_assert!(expected.is_infinite());
                }
            }
        }
    }
}
