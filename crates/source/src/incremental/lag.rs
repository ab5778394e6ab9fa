//! Moves the start of the range back (spec/load.md §6.3).
//!
//! Numbers move by their own unit, moments by seconds, dates by days; the declared start value decides between the last
//! two before the value itself does, as in dlt. The moved value keeps the kind and the form of the original.

use std::cmp::Ordering;

use tipple_json::Timestamp;

use super::dates::Form;
use super::error::CursorError;
use super::value::CursorValue;
use super::{DAY, SECOND};
use crate::spec::LastValue;

/// `value` moved back by `lag`, but not before `initial`.
pub(super) fn lagged(
    lag: f64,
    initial: Option<&CursorValue>,
    value: &CursorValue,
    function: LastValue,
) -> Result<CursorValue<'static>, CursorError> {
    let moved = moved(lag, unit_of(initial), value, function)?;
    let Some(initial) = initial else {
        return Ok(moved);
    };
    let order = initial
        .compare(&moved)
        .ok_or_else(|| CursorError::incomparable("start value", initial, &moved))?;
    let is_newer = match function {
        LastValue::Max => order != Ordering::Less,
        LastValue::Min => order != Ordering::Greater,
    };
    Ok(if is_newer {
        initial.clone().into_owned()
    } else {
        moved
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Days,
}

/// What the declared start value says about the unit.
fn unit_of(initial: Option<&CursorValue>) -> Option<Unit> {
    match initial? {
        CursorValue::Timestamp(_) => Some(Unit::Seconds),
        CursorValue::Date(_) => Some(Unit::Days),
        CursorValue::Text(text) => {
            let form = Form::of(text)?;
            Some(if form.is_date() {
                Unit::Days
            } else {
                Unit::Seconds
            })
        }
        _ => None,
    }
}

fn moved(
    lag: f64,
    unit: Option<Unit>,
    value: &CursorValue,
    function: LastValue,
) -> Result<CursorValue<'static>, CursorError> {
    let signed = if function == LastValue::Max {
        -lag
    } else {
        lag
    };
    let refused = || CursorError::Lag {
        value: super::error::shown(&value.to_string()),
        kind: value.kind(),
    };
    match value {
        CursorValue::Int(number) => moved_integer(*number, signed).ok_or_else(refused),
        CursorValue::Float(number) => Ok(CursorValue::Float(number + signed)),
        CursorValue::Date(days) if unit != Some(Unit::Seconds) => {
            Ok(CursorValue::Date(days + whole_days(signed) as i32))
        }
        CursorValue::Date(days) => {
            let midnight = Timestamp::naive(i64::from(*days) * DAY);
            Ok(CursorValue::Timestamp(moved_by_seconds(midnight, signed)))
        }
        CursorValue::Timestamp(moment) if unit == Some(Unit::Days) => Ok(CursorValue::Timestamp(
            moved_by_days(*moment, signed, function),
        )),
        CursorValue::Timestamp(moment) => {
            Ok(CursorValue::Timestamp(moved_by_seconds(*moment, signed)))
        }
        CursorValue::Text(text) => {
            let form = Form::of(text).ok_or_else(refused)?;
            let moment = form.read(text).ok_or_else(refused)?;
            let moved = moved_text(form, moment, unit, signed, function);
            Ok(CursorValue::Text(form.write(&moved).into()))
        }
        _ => Err(refused()),
    }
}

fn moved_integer(number: i64, signed: f64) -> Option<CursorValue<'static>> {
    if signed.fract() == 0.0 && signed.abs() < 9e15 {
        return number.checked_add(signed as i64).map(CursorValue::Int);
    }
    Some(CursorValue::Int((number as f64 + signed).trunc() as i64))
}

fn moved_text(
    form: Form,
    moment: Timestamp,
    unit: Option<Unit>,
    signed: f64,
    function: LastValue,
) -> Timestamp {
    let own = if form.is_date() {
        Unit::Days
    } else {
        Unit::Seconds
    };
    match (unit.unwrap_or(own), form.is_date()) {
        (Unit::Seconds, _) => moved_by_seconds(moment, signed),
        (Unit::Days, true) => Timestamp::naive(moment.micros + whole_days(signed) * DAY),
        (Unit::Days, false) => moved_by_days(moment, signed, function),
    }
}

/// Python's `timedelta(days=…)` added to a date uses whole days, rounded down.
fn whole_days(signed: f64) -> i64 {
    signed.floor() as i64
}

fn moved_by_seconds(moment: Timestamp, signed: f64) -> Timestamp {
    let micros = (signed * SECOND as f64).round_ties_even() as i64;
    Timestamp {
        micros: moment.micros + micros,
        ..moment
    }
}

/// The first moment (or with `min` the last one) of the day in UTC that lies so many days away.
fn moved_by_days(moment: Timestamp, signed: f64, function: LastValue) -> Timestamp {
    let day = moment.micros.div_euclid(DAY) + whole_days(signed);
    let edge = if function == LastValue::Max {
        0
    } else {
        DAY - 1
    };
    Timestamp {
        micros: day * DAY + edge,
        ..moment
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    #[test]
    fn lags_are_those_of_the_golden_file() {
        let golden = include_str!("../../../../fixtures/cursor/lag.jsonl");
        let mut checked = 0;
        for line in golden.lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            let initial = CursorValue::from_json(&case["initial"]);
            let value = CursorValue::from_json(&case["value"]).unwrap();
            let function = if case["func"] == "max" {
                LastValue::Max
            } else {
                LastValue::Min
            };
            let moved = lagged(
                case["lag"].as_f64().unwrap(),
                initial.as_ref(),
                &value,
                function,
            );
            match case.get("out") {
                Some(out) => assert_eq!(&moved.unwrap().to_json(), out, "{line}"),
                None => assert!(moved.is_err(), "{line} gave {moved:?}"),
            }
            checked += 1;
        }
        assert!(checked > 300);
    }
}
