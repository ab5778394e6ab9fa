//! Which types of a destination hold all values of which others, judged by their names in the catalogue.
//!
//! Only what a destination can change in place matters here; what a new type means for the schema is decided where the
//! schema is (`on_type_change: widen`). Start with [`widens`].

/// A type of a catalogue, as far as its values matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Whole numbers of at most so many decimal digits.
    Whole(i64),
    Double,
    /// Digits before and after the point.
    Decimal(i64, i64),
    /// At most so many characters; any number when absent.
    Text(Option<i64>),
    Date,
    Timestamp,
}

/// Names of types and what they hold, without their arguments.
const NAMES: [(&str, Family); 18] = [
    ("tinyint", Family::Whole(3)),
    ("smallint", Family::Whole(5)),
    ("integer", Family::Whole(10)),
    ("int", Family::Whole(10)),
    ("bigint", Family::Whole(19)),
    ("hugeint", Family::Whole(39)),
    ("double", Family::Double),
    ("double precision", Family::Double),
    ("decimal", Family::Decimal(0, 0)),
    ("numeric", Family::Decimal(0, 0)),
    ("varchar", Family::Text(None)),
    ("character varying", Family::Text(None)),
    ("text", Family::Text(None)),
    ("date", Family::Date),
    ("timestamp", Family::Timestamp),
    ("timestamp with time zone", Family::Timestamp),
    ("timestamp without time zone", Family::Timestamp),
    ("timestamptz", Family::Timestamp),
];

/// True when every value of the type `from` is a value of the type `to`, whole numbers in doubles taken for exact; false
/// for the same type. Both are in the words of [`super::SqlDialect::catalog_type`].
pub(super) fn widens(from: &str, to: &str) -> bool {
    let (Some(old), Some(new)) = (family(from), family(to)) else {
        return false;
    };
    if old == new {
        return false;
    }
    match (old, new) {
        (Family::Whole(old), Family::Whole(new)) => new > old,
        (Family::Whole(_), Family::Double) | (Family::Date, Family::Timestamp) => true,
        (Family::Whole(digits), Family::Decimal(before, _)) => before >= digits,
        (Family::Decimal(before, after), Family::Decimal(new_before, new_after)) => {
            new_before >= before && new_after >= after
        }
        (Family::Text(Some(old)), Family::Text(new)) => new.is_none_or(|new| new > old),
        (
            Family::Whole(_) | Family::Double | Family::Decimal(..) | Family::Date,
            Family::Text(None),
        ) => true,
        _ => false,
    }
}

fn family(sql_type: &str) -> Option<Family> {
    let (name, arguments) = match sql_type.split_once('(') {
        None => (sql_type.trim(), Vec::new()),
        Some((name, rest)) => (name.trim(), numbers(rest.split_once(')')?.0)?),
    };
    let (_, family) = NAMES.iter().find(|(known, _)| *known == name)?;
    match (*family, arguments.as_slice()) {
        (Family::Decimal(..), [precision, scale]) => {
            Some(Family::Decimal(precision - scale, *scale))
        }
        (Family::Decimal(..), _) => None,
        (Family::Text(_), [length]) => Some(Family::Text(Some(*length))),
        (family, _) => Some(family),
    }
}

fn numbers(text: &str) -> Option<Vec<i64>> {
    let parts = text.split(',');
    parts.map(|part| part.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_hold_more_are_wider() {
        for (from, to) in [
            ("integer", "bigint"),
            ("bigint", "double"),
            ("bigint", "double precision"),
            ("bigint", "decimal(38,9)"),
            ("bigint", "varchar"),
            ("double", "varchar"),
            ("decimal(10,2)", "decimal(12,2)"),
            ("numeric(10,2)", "numeric(38,9)"),
            ("varchar(10)", "varchar(20)"),
            ("character varying(10)", "character varying"),
            ("date", "timestamp with time zone"),
            ("date", "varchar"),
        ] {
            assert!(widens(from, to), "{from} to {to}");
            assert!(!widens(to, from), "{to} to {from}");
        }
    }

    #[test]
    fn types_that_lose_something_or_are_unknown_are_not() {
        for (from, to) in [
            ("bigint", "bigint"),
            ("bigint", "decimal(18,9)"),
            ("double", "decimal(38,9)"),
            ("decimal(10,2)", "decimal(10,4)"),
            ("varchar(20)", "varchar(20)"),
            ("boolean", "varchar"),
            ("json", "varchar"),
            ("timestamp", "varchar"),
            ("bigint", "varchar(10)"),
        ] {
            assert!(!widens(from, to), "{from} to {to}");
        }
    }
}
