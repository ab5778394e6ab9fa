//! One JSON value as a tree, and the typed values that JSON lacks.
//!
//! The tree serves the reference normaliser, cursors, paths and tests; the fast path never builds one. Integers are
//! exact, objects keep the order of the text with unique keys (the last value of a repeated key wins, at the place of
//! the first), as Python's dictionaries do. Values that JSON lacks (decimals, times, bytes) travel as marked text
//! (spec/normalize.md §7.4) and are turned into their own variants before coercion. Start with [`Value`].

/// One value of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// Integer of the signed 64-bit range.
    Int(i64),
    /// Integer above `i64::MAX`; never a smaller one.
    UInt(u64),
    /// Number with a fraction or an exponent; always finite when it was parsed from JSON.
    Float(f64),
    /// Text without escapes.
    Text(String),
    /// JSON array.
    List(Vec<Value>),
    /// JSON object: unique keys in source order.
    Object(Vec<(String, Value)>),
    /// Exact decimal, as it was written (`1.50`).
    Decimal(String),
    /// Point in time, with or without an offset.
    Timestamp(Timestamp),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Bytes.
    Binary(Vec<u8>),
    /// Decimal number of up to 256 bits, as it was written.
    Wei(String),
}

/// A date with a time of day, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01: of UTC when there is an offset, of the wall clock when there is none.
    pub micros: i64,
    /// Seconds east of UTC; `None` for a naive timestamp.
    pub offset_seconds: Option<i32>,
}

impl Timestamp {
    /// A point in time shown at UTC.
    pub fn utc(micros: i64) -> Self {
        Timestamp {
            micros,
            offset_seconds: Some(0),
        }
    }

    /// A wall clock time without an offset.
    pub fn naive(micros: i64) -> Self {
        Timestamp {
            micros,
            offset_seconds: None,
        }
    }

    /// True when the timestamp has an offset.
    pub fn is_aware(&self) -> bool {
        self.offset_seconds.is_some()
    }

    /// Microseconds of the wall clock at the timestamp's own offset.
    pub fn wall_micros(&self) -> i64 {
        self.micros + i64::from(self.offset_seconds.unwrap_or(0)) * 1_000_000
    }
}

impl Value {
    /// True for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_knows_its_wall_clock() {
        let at = Timestamp {
            micros: 0,
            offset_seconds: Some(7200),
        };
        assert_eq!(at.wall_micros(), 7_200_000_000);
        assert_eq!(Timestamp::naive(5).wall_micros(), 5);
        assert!(!Timestamp::naive(5).is_aware());
    }

    #[test]
    fn members_are_found_by_key() {
        let object = Value::Object(vec![("a".into(), Value::Int(1))]);
        assert_eq!(object.get("a"), Some(&Value::Int(1)));
        assert_eq!(object.get("b"), None);
        assert_eq!(Value::Null.get("a"), None);
    }
}
