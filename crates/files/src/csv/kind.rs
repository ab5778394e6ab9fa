//! What the values of a CSV column are, without losing any of them.
//!
//! A value counts as a number only when the number says all that the text said: no leading zeros or signs, no more
//! digits than the type holds, no bare exponents (`1e5` may be a code). Anything else makes the whole column text, from
//! which hints and the detection of dates still make what they like.

/// Digits that a double carries in any case.
const DOUBLE_DIGITS: usize = 15;

/// Whole numbers up to this are exact as doubles.
const EXACT_DOUBLE_MAX: u64 = 1 << 53;

/// What all values of a column have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: as it stands.
    Text,
    /// `true` or `false`, in any case.
    Bool,
    /// Numbers that JSON can hold as they stand.
    Number,
}

impl Kind {
    /// Appends `value` as JSON. An empty value is null; one that is not of the kind is text.
    pub fn write(self, value: &str, out: &mut String) {
        if value.is_empty() {
            out.push_str("null");
            return;
        }
        let form = Form::of(value.as_bytes());
        match (self, form) {
            (Kind::Bool, Form::Bool) => {
                out.push_str(if value.len() == 4 { "true" } else { "false" });
            }
            (Kind::Number, Form::Whole | Form::WholeExact) => out.push_str(value),
            (Kind::Number, Form::Fraction) => write_fraction(value, out),
            _ => tipple_json::text::write_string(value, out),
        }
    }
}

/// JSON wants a digit before the point.
fn write_fraction(value: &str, out: &mut String) {
    match value.strip_prefix('-').unwrap_or(value).starts_with('.') {
        true => out.push_str(&value.replacen('.', "0.", 1)),
        false => out.push_str(value),
    }
}

/// Form of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bool,
    /// Integer that a double holds exactly.
    WholeExact,
    /// Other 64-bit integer.
    Whole,
    Fraction,
    Other,
}

impl Form {
    fn of(value: &[u8]) -> Form {
        match value.first() {
            Some(b'0'..=b'9' | b'-' | b'.') => number_form(value),
            Some(b't' | b'T' | b'f' | b'F') if is_bool(value) => Form::Bool,
            _ => Form::Other,
        }
    }
}

fn is_bool(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"true") || value.eq_ignore_ascii_case(b"false")
}

fn number_form(value: &[u8]) -> Form {
    let unsigned = value.strip_prefix(b"-").unwrap_or(value);
    let whole_length = unsigned
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (whole, rest) = unsigned.split_at(whole_length);
    if whole.len() > 1 && whole[0] == b'0' {
        return Form::Other;
    }
    match rest.split_first() {
        None => whole_form(value, whole),
        Some((b'.', fraction)) if is_fraction(value, whole, fraction) => Form::Fraction,
        _ => Form::Other,
    }
}

fn whole_form(value: &[u8], whole: &[u8]) -> Form {
    let text = std::str::from_utf8(value).unwrap_or_default();
    // `-0` would lose its sign.
    if whole.is_empty() || value == b"-0" {
        return Form::Other;
    }
    match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() <= EXACT_DOUBLE_MAX => Form::WholeExact,
        Ok(_) => Form::Whole,
        Err(_) => Form::Other,
    }
}

/// Whether `whole.fraction` is a number that a double holds; the fraction may end with an exponent.
fn is_fraction(value: &[u8], whole: &[u8], fraction: &[u8]) -> bool {
    let digit_count = fraction
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, exponent) = fraction.split_at(digit_count);
    let significant = whole
        .iter()
        .chain(digits)
        .skip_while(|byte| **byte == b'0')
        .count();
    let is_exponent = exponent.is_empty() || is_exponent(exponent);
    if digits.is_empty() || significant > DOUBLE_DIGITS || !is_exponent {
        return false;
    }
    let read = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    read.is_some_and(|number| number.is_finite() && (number != 0.0 || significant == 0))
}

fn is_exponent(exponent: &[u8]) -> bool {
    let Some((b'e' | b'E', digits)) = exponent.split_first() else {
        return false;
    };
    let digits = digits
        .strip_prefix(b"+")
        .or(digits.strip_prefix(b"-"))
        .unwrap_or(digits);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// What the values of a column have shown so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    bools: bool,
    /// Integers beyond what a double holds exactly.
    large: bool,
    wholes: bool,
    fractions: bool,
    others: bool,
}

impl Evidence {
    /// Takes one more value into account; empty ones say nothing.
    pub fn add(&mut self, value: &[u8]) {
        if value.is_empty() || self.others {
            return;
        }
        match Form::of(value) {
            Form::Bool => self.bools = true,
            Form::WholeExact => self.wholes = true,
            Form::Whole => self.large = true,
            Form::Fraction => self.fractions = true,
            Form::Other => self.others = true,
        }
    }

    /// The kind that fits them all.
    pub fn kind(&self) -> Kind {
        let has_numbers = self.wholes || self.large || self.fractions;
        let is_mixed = (self.bools && has_numbers) || (self.large && self.fractions);
        match () {
            _ if self.others || is_mixed => Kind::Text,
            _ if self.bools => Kind::Bool,
            _ if has_numbers => Kind::Number,
            _ => Kind::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(values: &[&str]) -> String {
        let mut evidence = Evidence::default();
        values
            .iter()
            .for_each(|value| evidence.add(value.as_bytes()));
        let mut out = String::from("[");
        for value in values {
            evidence.kind().write(value, &mut out);
            out.push(',');
        }
        out.pop();
        out + "]"
    }

    #[test]
    fn a_column_is_a_number_only_when_nothing_is_lost() {
        for (values, expected) in [
            (&["1", "-20", ""][..], "[1,-20,null]"),
            (
                &["1", "2.50", ".5", "-.5", "1.5e-7"],
                "[1,2.50,0.5,-0.5,1.5e-7]",
            ),
            (&["007", "8"], r#"["007","8"]"#),
            (&["+49", "1"], r#"["+49","1"]"#),
            (&["1e5", "2"], r#"["1e5","2"]"#),
            (&["9223372036854775807", "1"], "[9223372036854775807,1]"),
            (
                &["9223372036854775808", "1"],
                r#"["9223372036854775808","1"]"#,
            ),
            (
                &["9007199254740993", "1.5"],
                r#"["9007199254740993","1.5"]"#,
            ),
            (&["0.1234567890123456789"], r#"["0.1234567890123456789"]"#),
            (&["true", "FALSE", ""], "[true,false,null]"),
            (&["true", "1"], r#"["true","1"]"#),
            (&["-0", " 1"], r#"["-0"," 1"]"#),
            (&["1.", "-", "."], r#"["1.","-","."]"#),
            (&["2024-01-02", "1"], r#"["2024-01-02","1"]"#),
            (&["", ""], "[null,null]"),
        ] {
            assert_eq!(column(values), expected);
        }
    }

    #[test]
    fn a_late_surprise_stays_what_it_is() {
        let mut out = String::new();
        Kind::Number.write("x\"y", &mut out);
        Kind::Bool.write("7", &mut out);
        assert_eq!(out, r#""x\"y""7""#);
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_they_were(value in "-?[0-9]{0,20}(\\.[0-9]{0,18})?(e-?[0-9]{1,2})?") {
            let text = column(&[&value]);
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            match &read[0] {
                serde_json::Value::String(same) => prop_assert_eq!(same, &value),
                serde_json::Value::Null => prop_assert_eq!(&value, ""),
                number if number.is_i64() => prop_assert_eq!(number.to_string(), value),
                number => {
                    // Digits that count are the same; only zeros at the ends may differ.
                    let again = number.as_f64().unwrap();
                    prop_assert_eq!(again, value.parse::<f64>().unwrap());
                    let digits = |text: &str| -> String {
                        let mantissa = text.split('e').next().unwrap_or_default();
                        mantissa.chars().filter(char::is_ascii_digit).collect::<String>().trim_matches('0').to_owned()
                    };
                    prop_assert_eq!(digits(&format!("{again:e}")), digits(&value));
                }
            }
        }
    }
}
