//! Names of root tables that depend on the item: `event_{type}`.
//!
//! dlt takes a function of the item there; a file has fields in braces (spec/rest-api.md §3). Items of one page go to
//! several tables then, each with its items in their order. Start with [`TableTemplate::pieces`].

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use indexmap::IndexMap;
use tipple_json::{JsonPath, PathError, Scanner, parse_value, plain_text, text_of};

use crate::error::SourceError;
use crate::page::Place;
use crate::runs::Runs;

/// Characters of an item that a message quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// Name of a root table with fields of the item in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TableTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    /// The first value at this path.
    Field(JsonPath),
}

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its other half.
    #[error("a `{0}` stands alone; double it where a brace is meant")]
    Alone(char),
    /// What stands in the braces is no path.
    #[error("{0}")]
    Path(#[from] PathError),
}

/// Items of a page that go to the same table.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Name of the table as the template gives it, before normalization.
    pub table: String,
    /// The items.
    pub text: Bytes,
    /// Where they were found.
    pub place: Place,
    /// How many.
    pub item_count: u64,
}

impl FromStr for TableTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = if rest[at..].starts_with('{') {
                '{'
            } else {
                '}'
            };
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push(brace);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == '{');
            let end = end.ok_or(TemplateError::Alone(brace))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Field(rest[..end].parse()?));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        let text = text.to_owned();
        Ok(TableTemplate { text, parts })
    }
}

impl fmt::Display for TableTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TableTemplate {
    /// The name, when it does not depend on the item after all.
    pub fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [Part::Text(name)] => Some(name),
            _ => None,
        }
    }

    /// The items of `chunk`, a sequence of JSON values, by table: tables in the order in which they appear, the items of
    /// each in their order. `resource` is named in errors.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] for text that is not JSON; `source.table_name` for an item that lacks a field of the
    /// name, or has a list, an object or null there.
    pub fn pieces(
        &self,
        resource: &str,
        chunk: &Bytes,
        place: &Place,
    ) -> Result<Vec<Piece>, SourceError> {
        let broken =
            |error: tipple_json::JsonError| SourceError::malformed_json(chunk, place, &error);
        let text = text_of(chunk).map_err(broken)?;
        let mut scanner = Scanner::new(text);
        let mut tables: IndexMap<String, Runs> = IndexMap::new();
        let mut name = String::new();
        for number in 0.. {
            scanner.skip_separators();
            if scanner.peek().is_none() {
                break;
            }
            let start = scanner.at();
            let item = scanner.skip_value().map_err(broken)?;
            name.clear();
            self.write_name(item, &mut name)
                .map_err(|why| self.refused(resource, item, &place.moved_to(chunk, start), &why))?;
            let span = (start, scanner.at());
            match tables.get_mut(name.as_str()) {
                Some(items) => items.add(number, span),
                None => tables.entry(name.clone()).or_default().add(number, span),
            }
        }
        let pieces = tables.into_iter();
        Ok(pieces
            .map(|(table, items)| piece(table, &items, chunk, place))
            .collect())
    }

    fn write_name(&self, item: &str, name: &mut String) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field(path) => name.push_str(&field(path, item)?),
            }
        }
        Ok(())
    }

    fn refused(&self, resource: &str, item: &str, place: &Place, why: &str) -> SourceError {
        let mut shown: String = item.chars().take(QUOTED_CHARS_MAX).collect();
        if shown.len() < item.len() {
            shown.push('…');
        }
        SourceError::Other {
            code: "source.table_name",
            message: format!(
                "resource `{resource}`: an item has no table, because `table_name: {}` wants {why}\n  at {place}: {shown}",
                self.text
            ),
            help: vec![
                "name a field that every item has, or send items without it elsewhere: one resource with a plain \
                 `table_name` for them"
                    .to_owned(),
            ],
            cause: None,
        }
    }
}

/// The field as part of a name, or what is wrong with it.
fn field(path: &JsonPath, item: &str) -> Result<String, String> {
    let found = path.find_first(item).ok().flatten();
    let Some(found) = found else {
        return Err(format!("`{path}`, which it lacks"));
    };
    let value = parse_value(found.as_bytes()).ok();
    let is_null = found.as_ref() == "null";
    let text = value.as_ref().filter(|_| !is_null).and_then(plain_text);
    text.filter(|text| !text.is_empty()).ok_or_else(|| {
        let what = match found.as_bytes().first() {
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            Some(b'"') => "empty",
            _ => "null",
        };
        format!("`{path}`, which is {what}")
    })
}

fn piece(table: String, items: &Runs, chunk: &Bytes, place: &Place) -> Piece {
    let place = match items.start() {
        Some(start) => place.moved_to(chunk, start),
        // Lines of the copy are not those of the origin.
        None => Place {
            line: 0,
            ..place.clone()
        },
    };
    Piece {
        table,
        text: items.bytes_of(chunk),
        place,
        item_count: items.count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(template: &str, items: &str) -> Result<Vec<Piece>, SourceError> {
        let template: TableTemplate = template.parse().unwrap();
        let place = Place::start_of("events.jsonl");
        template.pieces("events", &Bytes::from(items.to_owned()), &place)
    }

    fn shown(template: &str, items: &str) -> String {
        let pieces = pieces(template, items).unwrap().into_iter().map(|piece| {
            let text = String::from_utf8_lossy(&piece.text).replace('\n', " ");
            format!(
                "{} {}@{}: {}",
                piece.table,
                piece.item_count,
                piece.place.line,
                text.trim()
            )
        });
        pieces.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn items_go_to_the_table_of_their_field_in_order() {
        let items = "{\"t\":\"a\",\"n\":1}\n{\"t\":\"a\",\"n\":2}\n{\"t\":\"b c\",\"n\":3}\n{\"t\":\"a\",\"n\":4}";
        insta::assert_snapshot!(shown("event_{t}", items), @r#"
        event_a 3@0: {"t":"a","n":1} {"t":"a","n":2} {"t":"a","n":4}
        event_b c 1@3: {"t":"b c","n":3}
        "#);
    }

    #[test]
    fn fields_may_lie_deeper_and_are_written_as_python_writes_them() {
        let items = r#"{"a":{"b":7},"ok":true,"x":1.0},{"a":{"b":8},"ok":false,"x":1e20}"#;
        insta::assert_snapshot!(shown("{a.b}-{ok}-{x}-{{}}", items), @r#"
        7-True-1.0-{} 1@1: {"a":{"b":7},"ok":true,"x":1.0}
        8-False-1e+20-{} 1@1: {"a":{"b":8},"ok":false,"x":1e20}
        "#);
        assert!(pieces("event_{t}", " \n").unwrap().is_empty());
    }

    #[test]
    fn an_item_without_the_field_is_an_error_that_shows_it() {
        let all = ["{}", "7", r#"{"t":null}"#, r#"{"t":[1]}"#, r#"{"t":""}"#];
        let all = all.map(|item| {
            let items = format!("{{\"t\":\"a\"}}\n{item}");
            pieces("event_{t}", &items).unwrap_err().to_string()
        });
        insta::assert_snapshot!(all.join("\n"), @r#"
        resource `events`: an item has no table, because `table_name: event_{t}` wants `t`, which it lacks
          at events.jsonl:2: {}
        resource `events`: an item has no table, because `table_name: event_{t}` wants `t`, which it lacks
          at events.jsonl:2: 7
        resource `events`: an item has no table, because `table_name: event_{t}` wants `t`, which is null
          at events.jsonl:2: {"t":null}
        resource `events`: an item has no table, because `table_name: event_{t}` wants `t`, which is a list
          at events.jsonl:2: {"t":[1]}
        resource `events`: an item has no table, because `table_name: event_{t}` wants `t`, which is empty
          at events.jsonl:2: {"t":""}
        "#);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let all = ["a{b", "a}b", "a{}", "{a..}"];
        let all = all.map(|text| text.parse::<TableTemplate>().unwrap_err().to_string());
        insta::assert_snapshot!(all.join("\n"), @r"
        a `{` stands alone; double it where a brace is meant
        a `}` stands alone; double it where a brace is meant
        `` is not a path: it is empty at character 1
        `a..` is not a path: a name is expected at character 4
        ");
        let plain: TableTemplate = "a{{b}}".parse().unwrap();
        assert_eq!(plain.constant(), Some("a{b}"));
    }
}
