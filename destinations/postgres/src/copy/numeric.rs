//! The binary form of `numeric`: digits to the base 10,000 around the decimal point.
//!
//! Layout: count of digits, weight of the first one (0: the last four digits before the point), sign, count of decimal
//! digits after the point; each two bytes, then two bytes per digit. Decimals arrive as 128-bit units of their last digit
//! or, when 38 digits are too few, as text. Nothing here rounds: the server does, by the precision of the column.

const BASE: u128 = 10_000;
/// 128 bits have 39 decimal digits: ten groups before the point and ten after it, one of each cut.
const GROUPS_MAX: usize = 24;
const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// Digits before or after the point of a number that is written out; Postgres itself ends at 131,072 and 16,383.
const DIGITS_MAX: i64 = 16_000;

/// Writes `units` of 10^-`scale` with its length in front.
pub(super) fn write_decimal(units: i128, scale: u8, out: &mut Vec<u8>) {
    if scale > 38 {
        // No 128-bit number has a digit before the point then; text knows the way.
        let text = spelled(units, scale);
        let _ = write_text_decimal(&text, out);
        return;
    }
    write_units(units, scale, out);
}

fn spelled(units: i128, scale: u8) -> String {
    format!("{units}E-{scale}")
}

/// As [`write_decimal`] for a scale up to 38.
pub(super) fn write_units(units: i128, scale: u8, out: &mut Vec<u8>) {
    let mut groups = [0_u16; GROUPS_MAX];
    let (count, weight) = match u64::try_from(units.unsigned_abs()) {
        Ok(small) if scale < 19 => small_groups(small, scale, &mut groups),
        _ => wide_groups(units.unsigned_abs(), scale, &mut groups),
    };
    let sign = if units < 0 { NEGATIVE } else { POSITIVE };
    write_groups(&groups[..count], weight, sign, u16::from(scale), out);
}

/// Fills `groups` from the back and moves them to the front; gives their number and the weight of the first.
macro_rules! group_function {
    ($name:ident, $int:ty) => {
        fn $name(value: $int, scale: u8, groups: &mut [u16; GROUPS_MAX]) -> (usize, i16) {
            let base = BASE as $int;
            let unit = <$int>::from(10_u8).pow(u32::from(scale));
            let (mut whole, mut fraction) = (value / unit, value % unit);
            let mut at = GROUPS_MAX;
            // The last group is filled up with zeros on its right.
            let cut = u32::from(scale) % 4;
            if cut != 0 {
                let divisor = <$int>::from(10_u8).pow(cut);
                at -= 1;
                groups[at] = (fraction % divisor) as u16 * 10_u16.pow(4 - cut);
                fraction /= divisor;
            }
            for _ in 0..scale / 4 {
                at -= 1;
                groups[at] = (fraction % base) as u16;
                fraction /= base;
            }
            let mut weight = -1;
            while whole > 0 {
                at -= 1;
                groups[at] = (whole % base) as u16;
                whole /= base;
                weight += 1;
            }
            groups.copy_within(at.., 0);
            (GROUPS_MAX - at, weight)
        }
    };
}

group_function!(small_groups, u64);
group_function!(wide_groups, u128);

fn write_groups(mut groups: &[u16], mut weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) {
    while let [0, rest @ ..] = groups {
        groups = rest;
        weight -= 1;
    }
    while let [rest @ .., 0] = groups {
        groups = rest;
    }
    if groups.is_empty() {
        weight = 0;
    }
    let sign = if groups.is_empty() && sign == NEGATIVE {
        POSITIVE
    } else {
        sign
    };
    let length = 8 + 2 * groups.len() as i32;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&(groups.len() as u16).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
    for group in groups {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

/// Writes a number as Python spells decimals (`-1.50`, `1E+3`, `NaN`, `Infinity`); nothing is written for other text or a
/// number beyond what Postgres takes.
pub(super) fn write_text_decimal(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (is_negative, body) = match text.trim().strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.trim().trim_start_matches('+')),
    };
    let special = match body.to_ascii_lowercase().as_str() {
        "nan" | "snan" => Some(NOT_A_NUMBER),
        "infinity" | "inf" if is_negative => Some(NEGATIVE_INFINITY),
        "infinity" | "inf" => Some(INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        write_groups_of_special(sign, out);
        return Some(());
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let point = (whole.len() as i64).checked_add(exponent)?;
    let after = (digits.len() as i64).checked_sub(point)?.max(0);
    if point.abs() > DIGITS_MAX || after > DIGITS_MAX {
        return None;
    }
    let (groups, weight) = grouped(&digits, point);
    let sign = if is_negative { NEGATIVE } else { POSITIVE };
    write_groups(&groups, weight, sign, after as u16, out);
    Some(())
}

fn write_groups_of_special(sign: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&8_i32.to_be_bytes());
    for word in [0, 0, sign, 0_u16] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Groups of four of `digits` whose decimal point stands before the digit number `point`; the point may be outside.
fn grouped(digits: &[u8], point: i64) -> (Vec<u16>, i16) {
    let weight = (point + 3).div_euclid(4) - 1;
    // Position of the first digit of the first group, counted as `digits` is.
    let first = point - (weight + 1) * 4;
    let end = digits.len() as i64;
    let count = (end - first + 3).div_euclid(4).max(0);
    let digit = |at: i64| match usize::try_from(at).ok().and_then(|at| digits.get(at)) {
        Some(digit) => u16::from(digit - b'0'),
        None => 0,
    };
    let group = |number: i64| (0..4).fold(0, |sum, i| sum * 10 + digit(first + number * 4 + i));
    ((0..count).map(group).collect(), weight as i16)
}

/// The decimal text of a binary `numeric`; nothing for bytes that are none.
pub(crate) fn decimal_text(bytes: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let (count, weight) = (usize::from(word(0)?), i64::from(word(2)? as i16));
    let (sign, scale) = (word(4)?, usize::from(word(6)?));
    match sign {
        NOT_A_NUMBER => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let group = |position: i64| {
        let index = usize::try_from(weight - position)
            .ok()
            .filter(|index| *index < count);
        index.map_or(Some(0), |index| word(8 + 2 * index))
    };
    let mut text = String::new();
    for position in (0..=weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(position)?));
    }
    let whole = text.trim_start_matches('0');
    let mut text = if whole.is_empty() { "0" } else { whole }.to_owned();
    let mut fraction = String::new();
    for position in 1..=scale.div_ceil(4) as i64 {
        fraction.push_str(&format!("{:04}", group(-position)?));
    }
    fraction.truncate(scale);
    if scale > 0 {
        text = format!("{text}.{fraction}");
    }
    if sign == NEGATIVE {
        text.insert(0, '-');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of the number after it went through the binary form.
    fn units(units: i128, scale: u8) -> String {
        let mut out = Vec::new();
        write_decimal(units, scale, &mut out);
        assert_eq!(out.len(), 4 + usize::from(out[3]));
        decimal_text(&out[4..]).unwrap()
    }

    fn spelled_out(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write_text_decimal(text, &mut out)?;
        decimal_text(&out[4..])
    }

    #[test]
    fn units_keep_every_digit() {
        assert_eq!(units(0, 0), "0");
        assert_eq!(units(0, 9), "0.000000000");
        assert_eq!(units(1, 0), "1");
        assert_eq!(units(-1_500_000_000, 9), "-1.500000000");
        assert_eq!(units(10_000, 4), "1.0000");
        assert_eq!(units(12_345_678, 5), "123.45678");
        assert_eq!(units(7, 9), "0.000000007");
        assert_eq!(units(100_000_000, 0), "100000000");
        assert_eq!(units(i128::MAX, 0), i128::MAX.to_string());
        assert_eq!(
            units(i128::MIN, 38),
            "-1.70141183460469231731687303715884105728"
        );
        assert_eq!(units(1, 38), format!("0.{}1", "0".repeat(37)));
        assert_eq!(units(25, 40), format!("0.{}25", "0".repeat(38)));
    }

    #[test]
    fn text_keeps_every_digit() {
        for (text, expected) in [
            ("1180591620717411303424", "1180591620717411303424"),
            ("-0.10", "-0.10"),
            ("1E+3", "1000"),
            ("1.5e-7", "0.00000015"),
            ("123456.789", "123456.789"),
            ("0", "0"),
            ("-0", "0"),
            (" 7 ", "7"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            assert_eq!(spelled_out(text).as_deref(), Some(expected), "{text}");
        }
        let long = "9".repeat(76);
        assert_eq!(spelled_out(&long), Some(long));
    }

    #[test]
    fn what_is_no_number_writes_nothing() {
        for text in ["", "-", "1.2.3", "x", "1e", "1e99999", "0x10", "1E-99999"] {
            let mut out = Vec::new();
            assert_eq!(write_text_decimal(text, &mut out), None, "{text}");
            assert!(out.is_empty());
        }
    }
}
