//! Exact decimal numbers as Python's `decimal.Decimal` reads, prints and compares them.
//!
//! dlt keeps decimals as Python objects until a writer prints them, so spelling (`1.50`, `1E+3`) is part of the result
//! wherever a decimal meets a text column. A fixed-width decimal type cannot hold that; digits and an exponent can.
//! Start with [`Decimal::parse`].

use std::fmt;

/// Digits of the largest integer that Python's `%` accepts under its default context (28 digits).
const INTEGER_DIGITS_MAX: i64 = 28;

/// A decimal number, or one of the two non-numbers that Python's decimals know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decimal {
    /// Sign, digits without leading zeros (`0` for zero) and power of ten.
    Finite {
        /// True for a leading minus, also of zero.
        is_negative: bool,
        /// At least one ASCII digit.
        digits: String,
        /// Power of ten of the last digit.
        exponent: i64,
    },
    /// Positive or negative infinity.
    Infinity {
        /// True for `-Infinity`.
        is_negative: bool,
    },
    /// Not a number, as Python prints it (`NaN`, `sNaN`).
    NotANumber(String),
}

impl Decimal {
    /// Reads a number as Python's `Decimal(text)` does; `None` when Python refuses it.
    ///
    /// Surrounding blanks must have been removed by the caller.
    pub fn parse(text: &str) -> Option<Decimal> {
        let text = text.replace('_', "");
        let (is_negative, body) = split_sign(&text);
        match body.bytes().next()? {
            b'0'..=b'9' | b'.' => parse_finite(is_negative, body),
            _ => parse_special(is_negative, body),
        }
    }

    /// The decimal of an integer.
    pub fn from_integer(value: i128) -> Decimal {
        Decimal::Finite {
            is_negative: value < 0,
            digits: value.unsigned_abs().to_string(),
            exponent: 0,
        }
    }

    /// True for zero of either sign.
    pub fn is_zero(&self) -> bool {
        matches!(self, Decimal::Finite { digits, .. } if digits == "0")
    }

    /// Digits of the whole number that this is, with a sign; `None` when there is a fraction, when it is not finite or
    /// when it has more than 28 digits before the point (Python's `value % 1` refuses those).
    pub fn to_integer(&self) -> Option<String> {
        let Decimal::Finite {
            is_negative,
            digits,
            exponent,
        } = self
        else {
            return None;
        };
        if self.is_zero() {
            return Some("0".to_owned());
        }
        if digits.len() as i64 + exponent > INTEGER_DIGITS_MAX {
            return None;
        }
        let whole = shift_digits(digits, *exponent)?;
        Some(if *is_negative {
            format!("-{whole}")
        } else {
            whole
        })
    }

    /// Nearest float.
    pub fn to_f64(&self) -> f64 {
        match self {
            Decimal::Infinity { is_negative: true } => f64::NEG_INFINITY,
            Decimal::Infinity { is_negative: false } => f64::INFINITY,
            Decimal::NotANumber(_) => f64::NAN,
            Decimal::Finite { .. } => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The number in units of 10^-`scale`; `None` when it is not finite, has more fraction digits than `scale`, or needs
    /// more than `precision` digits.
    pub fn to_scaled(&self, precision: u8, scale: i8) -> Option<i128> {
        let Decimal::Finite {
            is_negative,
            digits,
            exponent,
        } = self
        else {
            return None;
        };
        if self.is_zero() {
            return Some(0);
        }
        let shift = exponent.checked_add(i64::from(scale))?;
        if digits.len() as i64 + shift > i64::from(precision) {
            return None;
        }
        let units: i128 = shift_digits(digits, shift)?.parse().ok()?;
        Some(if *is_negative { -units } else { units })
    }

    /// True when the absolute value is greater than the whole number written as `limit`.
    pub fn exceeds(&self, limit: &str) -> bool {
        let Decimal::Finite {
            digits, exponent, ..
        } = self
        else {
            return matches!(self, Decimal::Infinity { .. });
        };
        if self.is_zero() {
            return false;
        }
        let integer_len = digits.len() as i64 + exponent;
        if integer_len != limit.len() as i64 {
            return integer_len > limit.len() as i64;
        }
        // Equal length before the point: compare digit by digit, a longer fraction makes it greater.
        let padded = format!("{digits:0<width$}", width = limit.len());
        padded.as_bytes() > limit.as_bytes()
            && padded.trim_end_matches('0') != limit.trim_end_matches('0')
    }
}

/// Digits times 10^`shift` as a whole number; `None` when non-zero digits would be cut off.
fn shift_digits(digits: &str, shift: i64) -> Option<String> {
    let count = usize::try_from(shift.unsigned_abs()).ok()?;
    if shift >= 0 {
        return Some(format!("{digits}{}", "0".repeat(count)));
    }
    let keep = digits.len().saturating_sub(count);
    let (whole, fraction) = digits.split_at(keep);
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    Some(if whole.is_empty() {
        "0".to_owned()
    } else {
        whole.to_owned()
    })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn parse_finite(is_negative: bool, body: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], parse_exponent(&body[at + 1..])?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = whole
        .bytes()
        .chain(fraction.bytes())
        .all(|b| b.is_ascii_digit());
    if !all_digits || whole.len() + fraction.len() == 0 {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    Some(Decimal::Finite {
        is_negative,
        digits: if significant.is_empty() {
            "0".to_owned()
        } else {
            significant.to_owned()
        },
        exponent: exponent.checked_sub(fraction.len() as i64)?,
    })
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = digits.parse().ok()?;
    // Python's decimals end at 10^±999999999999999999.
    (value <= 999_999_999_999_999_999).then_some(if is_negative { -value } else { value })
}

fn parse_special(is_negative: bool, body: &str) -> Option<Decimal> {
    let word = body.to_ascii_lowercase();
    if word == "inf" || word == "infinity" {
        return Some(Decimal::Infinity { is_negative });
    }
    let (name, payload) = match word.strip_prefix("snan") {
        Some(payload) => ("sNaN", payload),
        None => ("NaN", word.strip_prefix("nan")?),
    };
    let sign = if is_negative { "-" } else { "" };
    payload
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| Decimal::NotANumber(format!("{sign}{name}{}", payload.trim_start_matches('0'))))
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decimal::NotANumber(text) => f.write_str(text),
            Decimal::Infinity { is_negative: true } => f.write_str("-Infinity"),
            Decimal::Infinity { is_negative: false } => f.write_str("Infinity"),
            Decimal::Finite {
                is_negative,
                digits,
                exponent,
            } => {
                if *is_negative {
                    f.write_str("-")?;
                }
                write_finite(f, digits, *exponent)
            }
        }
    }
}

/// Python's rule: plain notation unless there is a positive power of ten or more than six zeros after the point.
fn write_finite(f: &mut fmt::Formatter<'_>, digits: &str, exponent: i64) -> fmt::Result {
    let len = digits.len() as i64;
    let leftmost = len + exponent;
    if exponent <= 0 && leftmost > -6 {
        if exponent == 0 {
            return f.write_str(digits);
        }
        if leftmost > 0 {
            let (whole, fraction) = digits.split_at(leftmost as usize);
            return write!(f, "{whole}.{fraction}");
        }
        return write!(f, "0.{}{digits}", "0".repeat((-leftmost) as usize));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    write!(f, "{first}{point}{rest}E{:+}", leftmost - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &str) -> Option<String> {
        Decimal::parse(input).map(|decimal| decimal.to_string())
    }

    #[test]
    fn numbers_print_as_python_prints_them() {
        for (input, expected) in [
            ("1.50", "1.50"),
            ("+5", "5"),
            ("-0", "-0"),
            ("007.10", "7.10"),
            ("1e3", "1E+3"),
            ("1.5e3", "1.5E+3"),
            ("100e-2", "1.00"),
            ("1e-6", "0.000001"),
            ("1e-7", "1E-7"),
            ("12e-8", "1.2E-7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1_000", "1000"),
            ("0.00", "0.00"),
            ("inf", "Infinity"),
            ("-Infinity", "-Infinity"),
            ("nan", "NaN"),
            ("sNaN012", "sNaN12"),
        ] {
            assert_eq!(text(input).as_deref(), Some(expected), "{input}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for input in [
            "", ".", "1e", "1.2.3", "abc", "1 2", "--1", "infx", "nanx", "1e1.5",
        ] {
            assert_eq!(text(input), None, "{input}");
        }
    }

    #[test]
    fn a_whole_decimal_is_an_integer() {
        let integer = |input: &str| Decimal::parse(input).and_then(|d| d.to_integer());
        assert_eq!(integer("1E+3").as_deref(), Some("1000"));
        assert_eq!(integer("-2.00").as_deref(), Some("-2"));
        assert_eq!(integer("0.000").as_deref(), Some("0"));
        assert_eq!(integer("1.5"), None);
        assert_eq!(integer("Infinity"), None);
        assert_eq!(integer("1e30"), None);
    }

    #[test]
    fn scaling_is_exact_or_refused() {
        let scaled = |input: &str, p, s| Decimal::parse(input).and_then(|d| d.to_scaled(p, s));
        assert_eq!(scaled("1.5", 38, 9), Some(1_500_000_000));
        assert_eq!(scaled("-1E+3", 38, 0), Some(-1000));
        assert_eq!(scaled("1.23", 38, 1), None);
        assert_eq!(scaled("1.20", 38, 1), Some(12));
        assert_eq!(scaled("123", 4, 2), None);
        assert_eq!(scaled("99.99", 4, 2), Some(9999));
        assert_eq!(scaled("NaN", 38, 9), None);
        assert_eq!(scaled("1e400", 38, 9), None);
    }

    #[test]
    fn the_wei_limit_compares_digits_and_fraction() {
        let exceeds = |input: &str| Decimal::parse(input).is_some_and(|d| d.exceeds("578"));
        assert!(!exceeds("578"));
        assert!(!exceeds("578.000"));
        assert!(exceeds("578.1"));
        assert!(exceeds("-579"));
        assert!(exceeds("1e3"));
        assert!(!exceeds("99"));
        assert!(exceeds("5.8e2"));
        assert!(!exceeds("5.7e2"));
        assert!(!exceeds("0e9"));
    }
}
