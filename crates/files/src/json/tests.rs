//! What `json` promises, one test a promise.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Dribble, items_of, texts_of};

fn reader(text: &str, selector: &str, chunk_bytes: usize, step: usize) -> Box<dyn Chunks> {
    let input = Input::of(Dribble::new(text.as_bytes(), step));
    let path: JsonPath = selector.parse().unwrap();
    match path.list_keys() {
        Some(keys) => Box::new(JsonChunks {
            chunk_bytes,
            ..JsonChunks::new(input, keys)
        }),
        None => Box::new(WholeChunks::new(input, path)),
    }
}

fn error_of(text: &str, selector: &str) -> String {
    let mut chunks = reader(text, selector, 16, 3);
    loop {
        match chunks.next_chunk() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error in {text}"),
            Err(error) => return format!("{}: {error}", error.code()),
        }
    }
}

#[track_caller]
fn check(text: &str, selector: &str, expected: Value) {
    for (chunk_bytes, step) in [(1, 1), (7, 3), (1 << 20, 100)] {
        let items = items_of(reader(text, selector, chunk_bytes, step).as_mut());
        assert_eq!(Value::from(items), expected, "{text} {chunk_bytes}");
    }
}

#[test]
fn a_list_gives_its_elements_and_other_values_give_themselves() {
    check(
        " [ {\"a\":\"]\\\"\"}, [1], 2 ,null,\"x\" ] ",
        "$",
        json!([{"a": "]\""}, [1], 2, null, "x"]),
    );
    check(
        "{\"a\":1}\n{\"a\":2} 3 4",
        "$",
        json!([{"a": 1}, {"a": 2}, 3, 4]),
    );
    check("[1][2]", "$", json!([1, 2]));
    check("\u{feff}[1,2]", "$", json!([1, 2]));
    check("", "$", json!([]));
    check("[]", "$", json!([]));
    check("{}", "$", json!([{}]));
}

#[test]
fn a_selector_leads_to_the_list() {
    let text = r#"{"meta":{"data":[7],"s":"}{"},"n":-1.5e3,"da\u0074a":{"x":[1],"rows":[{"a":1},{"a":[2]}],"y":{}},"z":[]}"#;
    check(text, "data.rows", json!([{"a": 1}, {"a": [2]}]));
    check(text, "$.data.rows[*]", json!([{"a": 1}, {"a": [2]}]));
    check(text, "meta.data", json!([7]));
    check(text, "z", json!([]));
    check(text, "data.rows[*].a", json!([1, [2]]));
    check(text, "data.rows[1].a", json!([2]));
    check("{\"d\":[1]} {\"d\":[2,3]}", "d", json!([1, 2, 3]));
}

#[test]
fn an_empty_file_is_still_a_page() {
    assert_eq!(
        texts_of(reader(" ", "$", 9, 9).as_mut()),
        [(String::new(), 1, 0)]
    );
}

#[test]
fn chunks_know_their_place() {
    let text = "[\n{\"a\":1},\n\n{\"a\":2}\n,{\"a\":3}]";
    let found = texts_of(reader(text, "$", 4, 4).as_mut());
    for (chunk, line, offset) in &found {
        let before = &text[..*offset as usize];
        assert_eq!(before.matches('\n').count() as u64 + 1, *line);
        assert!(
            text[*offset as usize..].starts_with(chunk.as_str()),
            "{found:?}"
        );
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let found = [
        error_of("[1,\n2 3]", "$"),
        error_of("[{\"a\":1},]", "$"),
        error_of("[{\"a\":1}", "$"),
        error_of("{\"a\":1}\n{\"a\":", "$"),
        error_of("{\"a\":{\"b\":1,\"c\":2}}", "a.d"),
        error_of("{\"a\":{\"b\":1,\"c\":2}}", "a.b"),
        error_of("[1]", "a.b"),
        error_of("{\"a\":[1]", "a"),
        error_of("{\"a\":[1]}]", "a"),
        error_of("{a:[1]}", "a"),
        error_of("{\"x\":1 \"a\":[1]}", "a"),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

/// `[{"i":0},{"i":0},…]`, made while it is read.
struct EndlessList {
    left: usize,
    is_started: bool,
}

impl std::io::Read for EndlessList {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        const ITEM: &[u8] = b",{\"i\":0}";
        let Some(space) = buffer.first_chunk_mut::<8>() else {
            return Ok(0);
        };
        space.copy_from_slice(ITEM);
        if self.left == 0 {
            buffer[0] = b']';
            return Ok(usize::from(std::mem::replace(&mut self.is_started, false)));
        }
        if !std::mem::replace(&mut self.is_started, true) {
            buffer[0] = b'[';
        }
        self.left -= 1;
        Ok(ITEM.len())
    }
}

#[test]
fn a_list_of_two_million_items_is_never_held_whole() {
    let input = Input::of(EndlessList {
        left: 2_000_000,
        is_started: false,
    });
    let mut chunks = JsonChunks::new(input, Vec::new());
    let mut item_count = 0;
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        let Content::Json(text) = chunk.content else {
            panic!("not JSON")
        };
        assert!(text.len() <= 2 * CHUNK_BYTES, "{}", text.len());
        assert!(
            chunks.buffer.capacity() <= 4 * CHUNK_BYTES,
            "{}",
            chunks.buffer.capacity()
        );
        item_count += memchr::memchr_iter(b'{', &text).count();
    }
    assert_eq!(item_count, 2_000_000);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[\"\\\\{}\\[\\],:a ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a\"\\\\]{0,2}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn any_cut_of_the_bytes_gives_the_same_items(
        items in prop::collection::vec(any_json(), 0..8),
        before in any_json(),
        after in any_json(),
        is_pretty: bool,
        chunk_bytes in 1usize..80,
        step in 1usize..20,
    ) {
        let render = |value: &Value| match is_pretty {
            true => serde_json::to_string_pretty(value).unwrap(),
            false => value.to_string(),
        };
        let list = Value::from(items.clone());
        let found = items_of(reader(&render(&list), "$", chunk_bytes, step).as_mut());
        prop_assert_eq!(&found, &items);
        let document = json!({"before": before, "in": {"b": before, "rows": list}, "z": after});
        let found = items_of(reader(&render(&document), "in.rows", chunk_bytes, step).as_mut());
        prop_assert_eq!(&found, &items);
    }
}
