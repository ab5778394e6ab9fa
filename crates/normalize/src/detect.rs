//! Types that are seen in values rather than told by their kind (spec/normalize.md §5.1).
//!
//! A schema lists its detections in order; the first that recognises the value of a new column gives the type. Start with
//! [`Detections::detect`].

use tipple_json::{Value, iso};
use tipple_schema::DataType;

/// Five years of 365 days, in seconds: how far from now a number still looks like a time.
const TIMESTAMP_RANGE_SECONDS: f64 = 5.0 * 31_536_000.0;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detection {
    IsoTimestamp,
    IsoDate,
    Timestamp,
    LargeInteger,
    /// Needs bytes that print as hexadecimal text, which reach us as ordinary bytes: never matches.
    HexbytesToText,
    WeiToDouble,
}

/// The rules of a schema, in order.
#[derive(Debug, Clone, Default)]
pub struct Detections {
    rules: Vec<Detection>,
    /// Seconds since 1970 when the process started.
    now: f64,
}

impl Detections {
    /// The rules named in a schema's settings; unknown names are passed over. `now` is the start of the process in
    /// seconds since 1970.
    pub fn new(names: &[String], now: f64) -> Self {
        let rule = |name: &String| match name.as_str() {
            "iso_timestamp" => Some(Detection::IsoTimestamp),
            "iso_date" => Some(Detection::IsoDate),
            "timestamp" => Some(Detection::Timestamp),
            "large_integer" => Some(Detection::LargeInteger),
            "hexbytes_to_text" => Some(Detection::HexbytesToText),
            "wei_to_double" => Some(Detection::WeiToDouble),
            _ => None,
        };
        Detections {
            rules: names.iter().filter_map(rule).collect(),
            now,
        }
    }

    /// Type that the first matching rule gives to `value`.
    pub fn detect(&self, value: &Value) -> Option<DataType> {
        self.rules.iter().find_map(|rule| self.apply(*rule, value))
    }

    fn apply(&self, rule: Detection, value: &Value) -> Option<DataType> {
        match (rule, value) {
            (Detection::IsoTimestamp, Value::Text(text)) => {
                iso::is_timestamp(text).then_some(DataType::Timestamp)
            }
            (Detection::IsoDate, Value::Text(text)) => iso::is_date(text).then_some(DataType::Date),
            (Detection::Timestamp, Value::Int(seconds)) => self.near_now(*seconds as f64),
            (Detection::Timestamp, Value::UInt(seconds)) => self.near_now(*seconds as f64),
            (Detection::Timestamp, Value::Float(seconds)) => self.near_now(*seconds),
            // Integers of the text beyond 64 bits are refused before they come here.
            (Detection::LargeInteger, Value::UInt(_)) => Some(DataType::Wei),
            (Detection::WeiToDouble, Value::Wei(_)) => Some(DataType::Double),
            _ => None,
        }
    }

    fn near_now(&self, seconds: f64) -> Option<DataType> {
        ((seconds - self.now).abs() <= TIMESTAMP_RANGE_SECONDS).then_some(DataType::Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detections(names: &[&str]) -> Detections {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Detections::new(&names, 1_700_000_000.0)
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = detections(&["iso_date", "iso_timestamp", "timestamp", "large_integer"]);
        let detect = |value: Value| rules.detect(&value);
        assert_eq!(
            detect(Value::Text("2024-01-01".into())),
            Some(DataType::Date)
        );
        assert_eq!(
            detect(Value::Text("2024-01-01T00:00:00Z".into())),
            Some(DataType::Timestamp)
        );
        assert_eq!(detect(Value::Text("x".into())), None);
        assert_eq!(
            detect(Value::Int(1_700_000_000 + 157_680_000)),
            Some(DataType::Timestamp)
        );
        assert_eq!(detect(Value::Int(1_700_000_000 + 157_680_001)), None);
        assert_eq!(detect(Value::Float(1.6e9)), Some(DataType::Timestamp));
        assert_eq!(detect(Value::Bool(true)), None);
        assert_eq!(detect(Value::UInt(u64::MAX)), Some(DataType::Wei));
    }

    #[test]
    fn without_rules_nothing_is_detected() {
        assert_eq!(
            detections(&[]).detect(&Value::Text("2024-01-01T00:00:00Z".into())),
            None
        );
    }
}
