//! The dialect: forms that dlt was seen to read, and properties.

use proptest::prelude::*;

use super::*;

const BODY: &str = r#"{"a":{"b":[{"x":1,"y":"q"},{"x":2,"y":"p"},{"x":3}],"c-d":7,"@odata.next":"n","b2":{"x":5}},
    "@odata.next":"root","k":{"next":null},"data":[1,2],"list":[[1,2],[3]],"rep":{"k":1},"rep":{"k":2},"true":9,
    "e":{"x":{"x":8}}, "\u006b2": 4, "links":[{"rel":"self","uri":"/1"},{"rel":"next","uri":"/2"}]}"#;

#[track_caller]
fn check(path: &str, expected: &[&str]) {
    let parsed: JsonPath = path.parse().unwrap();
    let found = parsed.find_all(BODY).unwrap();
    assert_eq!(found, expected, "{path}");
    assert_eq!(
        parsed.find_first(BODY).unwrap().as_deref(),
        expected.first().copied(),
        "{path}"
    );
    let each = JsonPath::find_each(&[&parsed, &JsonPath::of_keys(["k2"])], BODY).unwrap();
    assert_eq!(each[0].as_deref(), expected.first().copied(), "{path}");
    assert_eq!(each[1].as_deref(), Some("4"));
}

#[test]
fn names_lead_to_their_values() {
    check("a.c-d", &["7"]);
    check("$.a.c-d", &["7"]);
    check("a.\"c-d\"", &["7"]);
    check("a['c-d']", &["7"]);
    check("$.a[\"c-d\"]", &["7"]);
    check("a.'@odata.next'", &["\"n\""]);
    check("['@odata.next']", &["\"root\""]);
    check("k.next", &["null"]);
    check("k.prev", &[]);
    check("rep.k", &["2"]);
    check("k2", &["4"]);
    check("true", &["9"]);
    check("a.b.x", &[]);
    check("list.0", &[]);
}

#[test]
fn lists_are_cut_and_walked() {
    check("a.b[0].x", &["1"]);
    check("a.b.[0].x", &["1"]);
    check("a.b[-1]", &["{\"x\":3}"]);
    check("a.b[7]", &[]);
    check("data[0:1]", &["1"]);
    check("data[::-1]", &["2", "1"]);
    check("data[1,0]", &["2", "1"]);
    check("a.b[*].x", &["1", "2", "3"]);
    check("list[*][*]", &["1", "2", "3"]);
    check("a.b2.*", &["5"]);
    check("data[*]", &["1", "2"]);
    check("data[5:]", &[]);
}

#[test]
fn paths_go_deep_and_together() {
    check("e..x", &["{\"x\":8}", "8"]);
    check("k,data", &["{\"next\":null}", "[1,2]"]);
    check("k|data", &["{\"next\":null}", "[1,2]"]);
    check("$..y", &["\"q\"", "\"p\""]);
}

#[test]
fn filters_choose_elements() {
    check("a.b[?(@.x>1)].x", &["2", "3"]);
    check("a.b[?x>1].x", &["2", "3"]);
    check("a.b[?(@.y=='q')].x", &["1"]);
    check("a.b[?(@.y=='q' & @.x=1)].x", &["1"]);
    check("a.b[?(@.x>=2 & @.y)].x", &["2"]);
    check("a.b[?(@.y!='q')].x", &["2", "3"]);
    check("a.b[?(@.y =~ '^p')].x", &["2"]);
    check("a.b[?(@.x==1 || @.x==3)].x", &["1", "3"]);
    check("a.b[?(@.x<=\"1\")].x", &[]);
    check("links[?(@.rel=='next')].uri", &["\"/2\""]);
    check("$.links[?(@.rel==\"next\")].uri", &["\"/2\""]);
}

#[test]
fn values_are_counted_and_sorted() {
    check("a.b.`len`", &["3"]);
    check("k.`keys`", &["\"next\""]);
    check("data.`this`", &["[1,2]"]);
    check("data[\\`this`]", &["[2,1]"]);
    check("a.b[\\x][0].x", &["3"]);
    check("a.b[/x][0].x", &["1"]);
}

#[test]
fn the_root_is_the_whole_value() {
    for path in ["$", "`this`", "@"] {
        let path: JsonPath = path.parse().unwrap();
        assert_eq!(path.find_all(" [1] ").unwrap(), ["[1]"]);
    }
    let path: JsonPath = "*".parse().unwrap();
    assert_eq!(path.find_all("{\"a\":1,\"b\":2}").unwrap(), ["1", "2"]);
}

#[test]
fn conditions_stand_alone() {
    let condition: Condition = "status == 'ok' & id > 5".parse().unwrap();
    assert!(condition.holds(r#"{"status":"ok","id":6}"#).unwrap());
    assert!(!condition.holds(r#"{"status":"ok","id":5}"#).unwrap());
    assert!(!condition.holds(r#"{"id":6}"#).unwrap());
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    let message = |path: &str| path.parse::<JsonPath>().unwrap_err().to_string();
    let all = [
        "",
        "a.",
        "a[",
        "a b",
        "é.'x",
        "a[?(@.b =~ '(')]",
        "a.`parent`",
        "a#b",
        "a[1:2",
        "[?(@.x)]",
    ]
    .map(message);
    insta::assert_snapshot!(all.join("\n"), @r"
    `` is not a path: it is empty at character 1
    `a.` is not a path: a name is expected at character 3
    `a[` is not a path: an index, `*` or a quoted name is expected at character 3
    `a b` is not a path: `.` or `[` is expected at character 3
    `é.'x` is not a path: the quote is not closed at character 3
    `a[?(@.b =~ '(')]` is not a path: the pattern is none: regex parse error:
        (
        ^
    error: unclosed group at character 12
    `a.`parent`` is not a path: the operator `parent` is not known at character 3
    `a#b` is not a path: `#` is not expected at character 2
    `a[1:2` is not a path: `]` is expected at character 6
    `[?(@.x)]` is not a path: an index, `*` or a quoted name is expected at character 2
    ");
}

#[test]
fn only_a_plain_name_is_simple() {
    let simple = |path: &str| {
        let path: JsonPath = path.parse().unwrap();
        path.simple_name().map(str::to_owned)
    };
    assert_eq!(simple("id").as_deref(), Some("id"));
    assert_eq!(simple("\"na.me\"").as_deref(), Some("na.me"));
    for path in ["$.id", "a.b", "*", "$", "a[0]", "a,b"] {
        assert_eq!(simple(path), None, "{path}");
    }
}

#[test]
fn a_way_down_to_a_list_is_known_as_such() {
    let keys = |path: &str| path.parse::<JsonPath>().unwrap().list_keys();
    let names = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
    assert_eq!(keys("$"), names(&[]));
    assert_eq!(keys("[*]"), names(&[]));
    assert_eq!(keys("$[*]"), names(&[]));
    assert_eq!(keys("a.'b c'[*]"), names(&["a", "b c"]));
    assert_eq!(keys("a[*].b"), None);
    assert_eq!(keys("a[0]"), None);
}

#[test]
fn broken_text_beside_the_path_is_an_error() {
    let path: JsonPath = "a".parse().unwrap();
    assert!(path.find_first(r#"{"a":1,"b":tru}"#).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(text: String) {
        let _ = text.parse::<JsonPath>();
        let _ = text.parse::<Condition>();
    }

    #[test]
    fn any_name_finds_its_member(name: String) {
        let mut item = String::from("{\"x\":0,");
        crate::text::write_string(&name, &mut item);
        item.push_str(":1}");
        let path = JsonPath::of_keys([&name]);
        let found = path.find_first(&item).unwrap();
        prop_assert_eq!(found.as_deref(), Some("1"));
        let read: JsonPath = path.text().parse().unwrap();
        let found = read.find_first(&item).unwrap();
        prop_assert_eq!(found.as_deref(), Some("1"));
    }

    #[test]
    fn slices_are_pythons(length in 0usize..6, start in -8i64..8, end in -8i64..8, step in -3i64..4) {
        let list: Vec<i64> = (0..length as i64).collect();
        let text = format!("{list:?}");
        let path: JsonPath = format!("$[{start}:{end}:{step}]").parse().unwrap();
        let found: Vec<i64> = path.find_all(&text).unwrap().iter().map(|t| t.parse().unwrap()).collect();
        let bound = |b: i64| if b < 0 { b + length as i64 } else { b };
        let mut expected: Vec<i64> = list.iter().copied().filter(|i| match step {
            0 => false,
            1.. => *i >= bound(start) && *i < bound(end) && (i - bound(start).max(0)) % step == 0,
            _ => *i <= bound(start) && *i > bound(end) && (bound(start).min(length as i64 - 1) - i) % -step == 0,
        }).collect();
        if step < 0 { expected.reverse(); }
        prop_assert_eq!(found, expected);
    }
}
