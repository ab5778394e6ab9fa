//! What each step does, and the words of its failure.

use super::*;

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

fn paths(texts: &[&str]) -> Vec<FieldPath> {
    texts.iter().map(|text| path(text)).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[track_caller]
fn check(action: StepAction, rows: &str, expected: &str) {
    let step = Step {
        action,
        on_error: OnError::Raise,
    };
    let stepped = Steps::new(vec![step]).apply(rows).unwrap();
    assert_eq!(stepped.text.trim_end(), expected);
    assert_eq!(stepped.row_count, expected.lines().count());
}

#[test]
fn fields_are_chosen_dropped_and_renamed() {
    let row = r#"{"a":1,"b":{"c":2,"d":3},"e":[{"f":1,"g":2}]}"#;
    check(
        StepAction::Select(paths(&["b.c", "a", "e[*].g"])),
        row,
        r#"{"a":1,"b":{"c":2},"e":[{"g":2}]}"#,
    );
    check(
        StepAction::Drop(paths(&["b.d", "e[*].f", "zz"])),
        row,
        r#"{"a":1,"b":{"c":2},"e":[{"g":2}]}"#,
    );
    check(
        StepAction::Rename(vec![(path("a"), "id".into()), (path("b.c"), "x".into())]),
        row,
        r#"{"id":1,"b":{"x":2,"d":3},"e":[{"f":1,"g":2}]}"#,
    );
    check(
        StepAction::Rename(vec![(path("a"), "b".into())]),
        r#"{"b":0,"a":1}"#,
        r#"{"b":1}"#,
    );
}

#[test]
fn fields_are_set_masked_and_hashed() {
    let row = r#"{"email":"a@b.c","none":null,"l":[{"k":"s"},{"k":"t"}]}"#;
    check(
        StepAction::Set(vec![(path("source"), text("eu"))]),
        "{}",
        r#"{"source":"eu"}"#,
    );
    check(
        StepAction::Mask(paths(&["email", "none", "l[*].k"])),
        row,
        r#"{"email":"***","none":null,"l":[{"k":"***"},{"k":"***"}]}"#,
    );
    let hash = HashStep {
        fields: paths(&["email"]),
        algorithm: HashAlgorithm::Sha256,
        salt: String::new().into(),
    };
    check(
        StepAction::Hash(hash),
        r#"{"email":"abc"}"#,
        r#"{"email":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#,
    );
}

#[test]
fn lists_are_exploded_and_objects_flattened() {
    let explode = |target: &str| StepAction::Explode {
        field: path("tags"),
        target: target.into(),
    };
    check(
        explode("tag"),
        r#"{"id":1,"tags":["a","b"],"z":0} {"id":2,"tags":[]} {"id":3}"#,
        "{\"id\":1,\"tag\":\"a\",\"z\":0}\n{\"id\":1,\"tag\":\"b\",\"z\":0}",
    );
    check(
        StepAction::Flatten(paths(&["m"])),
        r#"{"id":1,"m":{"id":9,"x":2},"z":3}"#,
        r#"{"id":1,"x":2,"z":3}"#,
    );
}

#[test]
fn rows_are_kept_by_condition() {
    let condition: Condition = "status == 'ok' & id > 5".parse().unwrap();
    check(
        StepAction::Where(condition),
        r#"{"id":6,"status":"ok"} {"id":5,"status":"ok"} {"id":7}"#,
        r#"{"id":6,"status":"ok"}"#,
    );
}

#[test]
fn values_change_their_type() {
    let cast = |kind| StepAction::Cast(vec![(path("v"), kind)]);
    check(
        cast(CastType::Bigint),
        r#"{"v":"1578116799000"} {"v":2.0} {"v":null} {}"#,
        "{\"v\":1578116799000}\n{\"v\":2}\n{\"v\":null}\n{}",
    );
    check(
        cast(CastType::Double),
        r#"{"v":"3.3"} {"v":1}"#,
        "{\"v\":3.3}\n{\"v\":1.0}",
    );
    check(
        cast(CastType::Text),
        r#"{"v":true} {"v":[1]}"#,
        "{\"v\":\"True\"}\n{\"v\":\"[1]\"}",
    );
    check(
        cast(CastType::Bool),
        r#"{"v":"no"} {"v":1}"#,
        "{\"v\":false}\n{\"v\":true}",
    );
    check(
        cast(CastType::Timestamp),
        r#"{"v":1578116799000}"#,
        r#"{"v":"2020-01-04T05:46:39+00:00"}"#,
    );
    check(
        StepAction::ParseJson(paths(&["v"])),
        r#"{"v":"{\"a\":[1]}"}"#,
        r#"{"v":{"a":[1]}}"#,
    );
}

#[cfg(feature = "expr-jq")]
#[test]
fn programs_filter_map_and_multiply_rows() {
    let jq = |text: &str| Jq::compile(text).unwrap();
    check(
        StepAction::Filter(jq(".id > 1")),
        r#"{"id":1} {"id":2}"#,
        r#"{"id":2}"#,
    );
    check(
        StepAction::Map(jq("del(.x)")),
        r#"{"id":1,"x":2}"#,
        r#"{"id":1}"#,
    );
    check(StepAction::YieldMap(jq(".t[]")), r#"{"t":[1,2]}"#, "1\n2");
}

#[test]
fn a_failure_names_step_and_row_unless_it_is_passed_over() {
    let step = |on_error| {
        Steps::new(vec![Step {
            action: StepAction::Cast(vec![(path("v"), CastType::Bigint)]),
            on_error,
        }])
    };
    let rows = r#"{"v":1} {"v":"n/a"}"#;
    insta::assert_snapshot!(step(OnError::Raise).apply(rows).unwrap_err(), @r"step 1 (`cast`) failed on row 2 of the page: `n/a` is no bigint");
    assert_eq!(step(OnError::Drop).apply(rows).unwrap().text, "{\"v\":1}\n");
    assert_eq!(
        step(OnError::Null).apply(rows).unwrap().text,
        "{\"v\":1}\n{\"v\":null}\n"
    );
}
