//! From the body of an answer to rows, as bytes (spec/rest-api.md §§8.4, 9).
//!
//! The rows of a page go on as a slice of the body: nothing is parsed into values here but what a paginator asks for. One
//! walk finds the rows and the paginator's values, another counts the rows.

use std::borrow::Cow;

use bytes::Bytes;
use tipple_json::{JsonError, JsonErrorKind, JsonPath, Scanner, Value, parse_value, text_of};

use crate::error::{EXCERPT_BYTES_MAX, Failure, excerpt};
use crate::http::Answer;

/// Last keys that make a list the rows, in dlt's order of precedence (§9.2).
const USUAL_KEYS: [&str; 11] = [
    "data", "items", "results", "entries", "records", "rows", "entities", "payload", "content",
    "objects", "values",
];

/// Levels of keys down to which lists are looked for.
const LIST_DEPTH_MAX: usize = 3;

/// How a body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// One JSON value.
    Json(Bytes),
    /// JSON values one after another (`application/x-ndjson`).
    Lines(Bytes),
    /// Nothing: status 204, or an empty body.
    Empty,
}

/// Rows of one page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// JSON values separated by blanks or commas.
    pub(crate) text: Bytes,
    pub(crate) count: u64,
    /// The selector found something.
    pub(crate) is_matched: bool,
    /// What it found was a list.
    pub(crate) is_list: bool,
}

impl Rows {
    /// A page without rows.
    pub(crate) fn none() -> Self {
        Rows {
            text: Bytes::new(),
            count: 0,
            is_matched: false,
            is_list: false,
        }
    }

    /// There is a place for rows, though there may be none in it; a null is no place.
    pub(crate) fn has_place(&self) -> bool {
        self.is_matched && (self.is_list || self.count > 0)
    }
}

/// Values of a member `status` that mean a failure.
const FAILURE_WORDS: [&str; 4] = ["error", "fail", "failed", "failure"];

/// What an answer that says success says about an error, if it does: a status of its own, a member `error`, or a word
/// for failure beside a message.
pub(crate) fn error_in(body: &Value) -> Option<String> {
    let members = body.as_object()?;
    let said = ["message", "error_description", "error", "detail"]
        .iter()
        .find_map(|key| body.get(key)?.as_text());
    let status = members.iter().find_map(|(key, value)| {
        let is_status =
            ["status", "status_code", "statuscode", "code"].contains(&key.to_lowercase().as_str());
        let number = match value {
            Value::Int(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| is_status && (400..=599).contains(number))?;
        Some(format!("its `{key}` is {number}"))
    });
    let error = members.iter().find(|(key, value)| {
        let is_empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Text(text) => text.is_empty(),
            Value::List(list) => list.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        (key == "error" || key == "errors") && !is_empty
    });
    let failure = members.iter().find(|(key, value)| {
        let is_word = |word: &str| FAILURE_WORDS.contains(&word.to_lowercase().as_str());
        match value {
            Value::Text(word) => key == "status" && is_word(word),
            Value::Bool(is_good) => (key == "success" || key == "ok") && !is_good,
            _ => false,
        }
    });
    let failure = failure.filter(|_| said.is_some());
    let found = status
        .or_else(|| error.map(|(key, _)| format!("it has `{key}`")))
        .or_else(|| failure.map(|(key, _)| format!("its `{key}` is that of a failure")))?;
    Some(match said {
        Some(said) => format!("{found}: {}", excerpt(said.as_bytes(), EXCERPT_BYTES_MAX)),
        None => found,
    })
}

/// Texts of what a paginator asks for, in the order of its paths.
pub(crate) type Values<'a> = Vec<Option<Cow<'a, str>>>;

/// The text of an answer.
pub(crate) fn text(answer: &Answer) -> Text {
    let body = answer
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .map_or_else(|| answer.body.clone(), |rest| answer.body.slice_ref(rest));
    if answer.status == 204 || body.iter().all(u8::is_ascii_whitespace) {
        return Text::Empty;
    }
    let kind = answer
        .header("content-type")
        .unwrap_or_default()
        .to_lowercase();
    let body = match kind.contains("iso-8859-1") || kind.contains("latin1") {
        true => Bytes::from(
            body.iter()
                .map(|byte| char::from(*byte))
                .collect::<String>(),
        ),
        false => body,
    };
    match kind.contains("ndjson") || kind.contains("jsonl") {
        true => Text::Lines(body),
        false => Text::Json(body),
    }
}

/// Rows and the paginator's values of a JSON body.
///
/// # Errors
/// Those of the scanner: the body is not JSON.
pub(crate) fn read<'a>(
    body: &'a Bytes,
    selector: &JsonPath,
    paths: &[&JsonPath],
) -> Result<(Rows, Values<'a>), JsonError> {
    let text = text_of(body)?;
    let Some(_) = selector.keys() else {
        let rows = rows_of_matches(&selector.find_all(text)?)?;
        return Ok((rows, JsonPath::find_each(paths, text)?));
    };
    let whole = JsonPath::root();
    let all: Vec<&JsonPath> = [&whole, selector]
        .into_iter()
        .chain(paths.iter().copied())
        .collect();
    let mut values = JsonPath::find_each(&all, text)?;
    check_end(text, values.remove(0).as_deref())?;
    let rows = match values.remove(0) {
        None => Rows::none(),
        Some(Cow::Borrowed(raw)) => rows_of(body.slice_ref(raw.as_bytes()), raw)?,
        Some(Cow::Owned(raw)) => rows_of(Bytes::from(raw.clone()), &raw)?,
    };
    Ok((rows, values))
}

/// Several documents in one body are no JSON.
fn check_end(text: &str, whole: Option<&str>) -> Result<(), JsonError> {
    let begin = text.len() - text.trim_ascii_start().len();
    let end = begin + whole.map_or(0, str::len);
    match text[end..].trim_ascii().is_empty() {
        true => Ok(()),
        false => Err(JsonError {
            kind: JsonErrorKind::TrailingText,
            at: end,
        }),
    }
}

/// Rows of a sequence of JSON values.
///
/// # Errors
/// Those of the scanner.
pub(crate) fn read_lines(body: &Bytes) -> Result<Rows, JsonError> {
    let count = count_values(text_of(body)?)?;
    Ok(Rows {
        text: body.clone(),
        count,
        is_matched: true,
        is_list: true,
    })
}

/// What the one value at the selector gives: the elements of a list, nothing for null, else itself.
fn rows_of(bytes: Bytes, raw: &str) -> Result<Rows, JsonError> {
    let (text, is_list) = match raw.as_bytes().first() {
        Some(b'[') => (bytes.slice(1..bytes.len() - 1), true),
        Some(b'n') => (Bytes::new(), false),
        _ => (bytes, false),
    };
    let count = match is_list {
        true => count_values(text_of(&text)?)?,
        false => u64::from(!text.is_empty()),
    };
    Ok(Rows {
        text,
        count,
        is_matched: true,
        is_list,
    })
}

fn rows_of_matches(matches: &[Cow<'_, str>]) -> Result<Rows, JsonError> {
    match matches {
        [] => Ok(Rows::none()),
        [one] => rows_of(Bytes::from(one.to_string()), one),
        many => Ok(Rows {
            text: Bytes::from(many.join(",")),
            count: many.len() as u64,
            is_matched: true,
            is_list: true,
        }),
    }
}

fn count_values(text: &str) -> Result<u64, JsonError> {
    let mut count = 0;
    each_value(text, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Calls `take` with the text of every value of a sequence.
///
/// # Errors
/// Those of the scanner and of `take`.
pub(crate) fn each_value<E: From<JsonError>>(
    text: &str,
    mut take: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut scanner = Scanner::new(text);
    loop {
        scanner.skip_separators();
        if scanner.peek().is_none() {
            return Ok(());
        }
        take(scanner.skip_value()?)?;
    }
}

/// The rows with `members` (`"key":value,…`) added to each; nothing when one is no object.
pub(crate) fn with_members(rows: &Bytes, members: &str) -> Option<Bytes> {
    let mut out = String::with_capacity(rows.len() * 2);
    let text = text_of(rows).ok()?;
    let added: Result<(), Option<JsonError>> = each_value(text, |row| {
        let inside = row.strip_suffix('}').filter(|row| row.starts_with('{'));
        let inside = inside.ok_or(None)?;
        out.push_str(inside);
        // An equal name in the row is overwritten: of two equal keys the last one counts, at the place of the first.
        if inside[1..].bytes().any(|byte| !byte.is_ascii_whitespace()) {
            out.push(',');
        }
        out.push_str(members);
        out.push_str("}\n");
        Ok(())
    });
    added.is_ok().then(|| Bytes::from(out))
}

/// Where the rows are, found out from the first answer (§9.2).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) path: JsonPath,
    /// A list was taken though the object around it looks like the row.
    pub(crate) is_doubtful: bool,
}

/// Finds the rows of the first answer.
pub(crate) fn find(body: &Value) -> Found {
    let root = || Found {
        path: JsonPath::root(),
        is_doubtful: false,
    };
    if body.as_object().is_none() {
        return root();
    }
    let mut lists = Vec::new();
    collect_lists(body, &mut Vec::new(), &mut lists);
    let is_usual = |keys: &Vec<String>| {
        keys.last()
            .is_some_and(|key| USUAL_KEYS.contains(&key.as_str()))
    };
    let chosen = lists
        .iter()
        .find(|(keys, _)| is_usual(keys))
        .or_else(|| lists.first());
    let Some((keys, list)) = chosen else {
        return root();
    };
    let has_objects = list.iter().any(|row| row.as_object().is_some());
    let around = keys[..keys.len() - 1]
        .iter()
        .try_fold(body, |value, key| value.get(key));
    let has_scalars = around.and_then(Value::as_object).is_some_and(|members| {
        members
            .iter()
            .any(|(_, value)| !matches!(value, Value::List(_) | Value::Object(_) | Value::Null))
    });
    Found {
        path: JsonPath::of_keys(keys),
        is_doubtful: !has_objects && has_scalars && !list.is_empty(),
    }
}

fn collect_lists<'a>(
    value: &'a Value,
    path: &mut Vec<String>,
    lists: &mut Vec<(Vec<String>, &'a [Value])>,
) {
    let Some(members) = value.as_object() else {
        return;
    };
    if path.len() == LIST_DEPTH_MAX {
        return;
    }
    for (key, value) in members {
        path.push(key.clone());
        match value {
            Value::List(list) => lists.push((path.clone(), list)),
            value => collect_lists(value, path, lists),
        }
        path.pop();
    }
}

/// The error for a body that is not JSON.
pub(crate) fn not_json(answer: &Answer, error: &JsonError) -> Failure {
    let content_type = answer.header("content-type").unwrap_or("none").to_owned();
    let is_html = content_type.contains("html") || answer.body.trim_ascii_start().starts_with(b"<");
    let reason = match is_html {
        true => "it is a page for people (HTML)".to_owned(),
        false => format!("{} at byte {}", error.kind, error.at),
    };
    Failure::NotJson {
        status: answer.status,
        content_type,
        reason,
        excerpt: excerpt(&answer.body, EXCERPT_BYTES_MAX),
    }
}

/// The body as a tree, for what happens once per sequence.
pub(crate) fn tree(body: &[u8]) -> Result<Value, JsonError> {
    parse_value(body)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn rows(body: &str, selector: &str) -> String {
        let body = Bytes::from(body.to_owned());
        let (rows, _) = read(&body, &selector.parse().unwrap(), &[]).unwrap();
        format!("{}: {}", rows.count, String::from_utf8_lossy(&rows.text))
    }

    #[test]
    fn what_a_selector_finds_becomes_rows() {
        let body = r#"{"data":[{"a":1},{"a":2}],"one":{"b":1},"no":null,"x":[1]}"#;
        for selector in ["data", "$.data", "data[*]"] {
            assert_eq!(rows(body, selector), r#"2: {"a":1},{"a":2}"#, "{selector}");
        }
        assert_eq!(rows(body, "data[0]"), r#"1: {"a":1}"#);
        assert_eq!(rows(body, "one"), r#"1: {"b":1}"#);
        assert_eq!(rows(body, "no"), "0: ");
        assert_eq!(rows(body, "missing"), "0: ");
        assert_eq!(rows("[1,[2]]", "$"), "2: 1,[2]");
        assert_eq!(rows("7", "$"), "1: 7");
    }

    #[test]
    fn several_documents_are_no_json() {
        for body in ["{} {}", "[1]\n[2]", "{", "", "NaN"] {
            let body = Bytes::from_static(body.as_bytes());
            assert!(read(&body, &JsonPath::root(), &[]).is_err(), "{body:?}");
        }
        assert!(read(&Bytes::from_static(b" [1] \n"), &JsonPath::root(), &[]).is_ok());
    }

    #[test]
    fn rows_are_a_slice_of_the_body() {
        let body = Bytes::from_static(b"{\"data\":[1, 2]}");
        let (rows, _) = read(&body, &"data".parse().unwrap(), &[]).unwrap();
        assert_eq!(rows.text.as_ptr(), body[9..].as_ptr());
    }

    #[test]
    fn answers_that_say_success_and_mean_failure_are_known() {
        let error = |body: &str| error_in(&parse_value(body.as_bytes()).unwrap());
        let all = [
            r#"{"status":"error","message":"quota exceeded"}"#,
            r#"{"success":false,"message":"no"}"#,
            r#"{"status":404}"#,
            r#"{"errors":["x"]}"#,
        ];
        let all = all.map(|body| error(body).unwrap());
        insta::assert_snapshot!(all.join("\n"), @r"
        its `status` is that of a failure: quota exceeded
        its `success` is that of a failure: no
        its `status` is 404
        it has `errors`
        ");
        for body in [
            r#"{"status":"failed"}"#,
            r#"{"ok":true,"message":"x"}"#,
            "[]",
            r#"{"error":null}"#,
        ] {
            assert_eq!(error(body), None, "{body}");
        }
    }

    fn found(body: &str) -> String {
        let found = find(&parse_value(body.as_bytes()).unwrap());
        let doubt = if found.is_doubtful { " ?" } else { "" };
        format!("{}{doubt}", found.path.text())
    }

    #[test]
    fn rows_are_found_as_dlt_finds_them() {
        assert_eq!(found("[1]"), "$");
        assert_eq!(found(r#"{"a":1}"#), "$");
        assert_eq!(
            found(r#"{"tags":[{}],"meta":{"items":[{}]}}"#),
            "meta.items"
        );
        assert_eq!(found(r#"{"Data":[{}],"other":[{}]}"#), "Data");
        assert_eq!(found(r#"{"a":{"b":{"c":{"data":[{}]}}}}"#), "$");
        assert_eq!(found(r#"{"id":1,"tags":["x"]}"#), "tags ?");
        assert_eq!(found(r#"{"odd key":{"rows":[{}]}}"#), "'odd key'.rows");
    }

    #[test]
    fn members_of_the_parent_are_added_to_every_row() {
        let rows = Bytes::from_static(b"{\"a\":1}, { } {\"b\":{}}");
        let added = with_members(&rows, "\"_p_id\":7").unwrap();
        assert_eq!(
            added,
            "{\"a\":1,\"_p_id\":7}\n{ \"_p_id\":7}\n{\"b\":{},\"_p_id\":7}\n"
        );
        assert_eq!(with_members(&Bytes::from_static(b"1"), "\"a\":1"), None);
    }

    fn answer(status: u16, kind: &'static str, body: &'static [u8]) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            reqwest::header::HeaderValue::from_static(kind),
        );
        Answer {
            status,
            headers,
            url: "https://h/".parse().unwrap(),
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn bodies_are_read_as_dlt_reads_them() {
        let json = |text: &'static str| Text::Json(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            text(&answer(200, "text/plain", b"\xef\xbb\xbf[1]")),
            json("[1]")
        );
        assert_eq!(
            text(&answer(
                200,
                "application/json; charset=ISO-8859-1",
                b"\"\xe4\""
            )),
            json("\"ä\"")
        );
        assert_eq!(text(&answer(204, "application/json", b"")), Text::Empty);
        assert_eq!(text(&answer(200, "application/json", b" \n")), Text::Empty);
        let lines = Text::Lines(Bytes::from_static(b"1\n2"));
        assert_eq!(text(&answer(200, "application/x-ndjson", b"1\n2")), lines);
    }
}
