//! What `csv` promises, one test a promise.

use serde_json::{Value, json};

use super::*;
use crate::testing::{Dribble, items_of, texts_of};

fn reader(text: &[u8], spec: &FileSpec, chunk_bytes: usize) -> Result<CsvChunks, SourceError> {
    let mut survey = Survey::default();
    survey.add(Input::of(Dribble::new(text, 7)), spec)?;
    let chunks = CsvChunks::new(Input::of(Dribble::new(text, 7)), spec, &survey)?;
    Ok(CsvChunks {
        chunk_bytes,
        ..chunks
    })
}

#[track_caller]
fn check(text: &str, spec: &FileSpec, expected: Value) {
    for chunk_bytes in [1, 1000] {
        let items = items_of(&mut reader(text.as_bytes(), spec, chunk_bytes).unwrap());
        assert_eq!(Value::from(items), expected, "{text}");
    }
}

fn error_of(text: &[u8], spec: &FileSpec) -> String {
    let mut chunks = match reader(text, spec, 1) {
        Ok(chunks) => chunks,
        Err(error) => return format!("{}: {error}", error.code()),
    };
    loop {
        if let Err(error) = chunks.next_chunk() {
            return format!("{}: {error}", error.code());
        }
    }
}

#[test]
fn records_become_objects_with_typed_values() {
    let text = "\u{feff}id,name,zip,price\r\n1,\"a, \"\"b\"\"\nc\",01234,1.5\r\n\r\n2,,5,3\r\n";
    check(
        text,
        &FileSpec::default(),
        json!([{"id": 1, "name": "a, \"b\"\nc", "zip": "01234", "price": 1.5},
            {"id": 2, "name": null, "zip": "5", "price": 3}]),
    );
}

#[test]
fn the_delimiter_is_guessed_or_given() {
    check(
        "a;b\n1,5;2\n",
        &FileSpec::default(),
        json!([{"a": "1,5", "b": 2}]),
    );
    check(
        "a\tb\n1\t2",
        &FileSpec::default(),
        json!([{"a": 1, "b": 2}]),
    );
    let given = FileSpec {
        delimiter: Some(b','),
        ..FileSpec::default()
    };
    check("a;b,c\n1,2\n", &given, json!([{"a;b": 1, "c": 2}]));
}

#[test]
fn names_may_be_given_missing_or_repeated() {
    let none = FileSpec {
        has_header: Some(false),
        ..FileSpec::default()
    };
    check(
        "1,2\n3,4\n",
        &none,
        json!([{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}]),
    );
    let given = FileSpec {
        column_names: vec!["x".into(), "y".into()],
        ..FileSpec::default()
    };
    check("1,2\n", &given, json!([{"x": 1, "y": 2}]));
    let replaced = FileSpec {
        has_header: Some(true),
        ..given
    };
    check("a,b\n1,2\n", &replaced, json!([{"x": 1, "y": 2}]));
    check(
        "a,,a\n1,2,3\n",
        &FileSpec::default(),
        json!([{"a": 1, "column_2": 2, "a_2": 3}]),
    );
}

#[test]
fn all_text_leaves_everything_as_it_is() {
    let spec = FileSpec {
        is_all_text: true,
        ..FileSpec::default()
    };
    check("a\n1\n", &spec, json!([{"a": "1"}]));
}

#[test]
fn a_file_without_records_is_still_a_page() {
    for text in ["", "a,b\n"] {
        let found = texts_of(&mut reader(text.as_bytes(), &FileSpec::default(), 9).unwrap());
        assert_eq!(found, [(String::new(), 0, 0)]);
    }
}

#[test]
fn mistakes_name_the_line() {
    let two = FileSpec {
        column_names: vec!["x".into(), "y".into()],
        ..FileSpec::default()
    };
    let found = [
        error_of(b"a,b\n1,2\n3\n", &FileSpec::default()),
        error_of(
            b"a\n1\n\xE9\n",
            &FileSpec {
                is_all_text: true,
                ..FileSpec::default()
            },
        ),
        error_of(b"\xFF\xFEa\0", &FileSpec::default()),
        error_of(b"1,2,3\n", &two),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn what_can_be_read_once_is_sampled_and_read_from_its_start() {
    let padding = "x".repeat(10_000);
    let mut text = String::from("a,p\n");
    while text.len() < SAMPLE_BYTES + 100 {
        text.push_str(&format!("1,{padding}\n"));
    }
    text.push_str("x,\n");
    let mut survey = Survey::default();
    let input = Input::of(Dribble::new(text.as_bytes(), 1 << 16));
    let spec = FileSpec::default();
    let input = survey.add_sample(input, &spec).unwrap();
    let items = items_of(&mut CsvChunks::new(input, &spec, &survey).unwrap());
    assert_eq!(items.len() + 1, text.lines().count());
    let first = json!({"a": 1, "p": padding});
    let last = json!({"a": "x", "p": null});
    assert_eq!((items.first(), items.last()), (Some(&first), Some(&last)));
}
