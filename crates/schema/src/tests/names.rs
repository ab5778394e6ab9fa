//! Naming conventions against names that dlt made, and what holds for all names.

use proptest::prelude::*;
use serde_json::Value;

use super::cases;
use crate::{Naming, NamingError, NamingKind, normalize_pattern};

fn apply(naming: &Naming, function: &str, name: &Value) -> Result<String, NamingError> {
    match function {
        "identifier" => naming.identifier(name.as_str().unwrap()),
        "path" => naming.path(name.as_str().unwrap()),
        "table" => naming.table_identifier(name.as_str().unwrap()),
        "table_path" => naming.table_path(name.as_str().unwrap()),
        "fragments" => {
            let parts = name.as_array().unwrap().iter();
            naming.fragments(&parts.map(|part| part.as_str().unwrap()).collect::<Vec<_>>())
        }
        other => panic!("no function {other}"),
    }
}

#[test]
fn names_are_those_of_dlt() {
    let cases = cases("golden/naming.jsonl");
    assert_eq!(cases.len(), 2010);
    for case in cases {
        let max_length = case["max_length"].as_u64().map(|length| length as usize);
        let naming = Naming::from_name(case["naming"].as_str().unwrap(), max_length).unwrap();
        let made = apply(&naming, case["fn"].as_str().unwrap(), &case["in"]);
        assert_eq!(made.ok().as_deref(), case["out"].as_str(), "{case}");
    }
}

#[test]
fn names_of_tables_and_of_s3_tables_are_those_of_dlt() {
    for case in cases("schema/names.jsonl") {
        let naming = Naming::from_name(case["naming"].as_str().unwrap(), None).unwrap();
        for function in ["identifier", "table", "path", "table_path"] {
            let made = apply(&naming, function, &case["in"]);
            assert_eq!(
                made.ok().as_deref(),
                case[function].as_str(),
                "{function} {case}"
            );
        }
    }
}

#[test]
fn a_convention_has_a_short_name_and_an_import_path() {
    for name in [
        "sql_ci_v1",
        "dlt.common.normalizers.naming.sql_ci_v1",
        "dlt.common.normalizers.naming.sql_ci_v1.NamingConvention",
    ] {
        assert_eq!(name.parse(), Ok(NamingKind::SqlCiV1));
    }
    let unknown = "my.package.naming".parse::<NamingKind>().unwrap_err();
    insta::assert_snapshot!(unknown, @"`my.package.naming` is not a naming convention that tipple knows (snake_case, direct, duck_case, sql_cs_v1, sql_ci_v1, s3_tables); conventions written in Python cannot be used");
}

#[test]
fn a_limit_below_the_length_of_a_tag_is_refused() {
    let refused = Naming::from_name("direct", Some(5));
    assert_eq!(refused, Err(NamingError::LengthTooSmall { max_length: 5 }));
    assert!(Naming::from_name("s3_tables", Some(256)).is_err());
    assert_eq!(
        Naming::from_name("direct", Some(0)).unwrap().max_length(),
        None
    );
}

#[test]
fn no_convention_changes_the_system_columns() {
    for kind in NamingKind::ALL {
        let naming = Naming::new(kind, None).unwrap();
        for name in [
            crate::ROW_ID,
            crate::ROOT_ID,
            crate::PARENT_ID,
            crate::LOAD_ID,
        ] {
            assert_eq!(naming.path(name).unwrap(), name);
        }
        let prefix = naming.table_identifier(crate::SYSTEM_PREFIX).unwrap();
        assert_eq!(naming.system_prefix(), prefix);
    }
}

#[test]
fn patterns_are_normalized_if_they_are_names() {
    let naming = Naming::from_name("snake_case", None).unwrap();
    for (pattern, normalized) in [
        ("UserID", "user_id"),
        ("re:^UserID$", "re:^user_id$"),
        ("re:^User.*ID$", "re:^User.*ID$"),
        ("re:UserID", "re:user_id"),
        ("^A$", "^a$"),
    ] {
        assert_eq!(normalize_pattern(pattern, &naming).unwrap(), normalized);
    }
}

fn naming() -> impl Strategy<Value = Naming> {
    let kind = prop::sample::select(&NamingKind::ALL[..]);
    (kind, prop::option::of(6_usize..80)).prop_map(|(kind, max)| Naming::new(kind, max).unwrap())
}

/// Names with the characters that the rules mention.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", r"[a-zA-Z0-9_+\-*@| ▶٣é]{0,80}", "[a-z_]{0,200}"]
}

proptest! {
    #[test]
    fn no_name_is_longer_than_the_limit(naming in naming(), name in name()) {
        if let (Some(max_length), Ok(made)) = (naming.max_length(), naming.path(&name)) {
            prop_assert!(made.chars().count() <= max_length);
        }
        if let (Some(max_length), Ok(made)) = (naming.max_length(), naming.identifier(&name)) {
            prop_assert!(made.chars().count() <= max_length);
        }
    }

    /// An identifier that is normalized stays as it is, as long as it is not shortened. Paths do not always: dlt makes
    /// `___A` of `__-__A` and `_A` of that. Of some names dlt leaves nothing (`__` under `sql_cs_v1`), which is no name.
    #[test]
    fn normalizing_twice_is_normalizing_once(
        kind in prop::sample::select(&NamingKind::ALL[..]),
        name in name(),
    ) {
        let naming = Naming::new(kind, None).unwrap();
        let Ok(once) = naming.identifier(&name) else {
            return Ok(());
        };
        if !once.is_empty() {
            prop_assert_eq!(naming.identifier(&once).unwrap(), once);
        }
    }
}
