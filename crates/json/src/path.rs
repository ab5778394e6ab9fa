//! Paths into JSON: `id`, `page.next`, `$.data[*]`, `items[0].'odd name'`.
//!
//! Cursors, selectors and paginators need one or two values of a page long before the page is normalized. A path is
//! therefore looked up in the text itself: what lies beside it is stepped over (and checked) but never built. The
//! language is the part of jsonpath that dlt's users need: names, quoted names, indexes, and the wildcard for all
//! children. Recursive descent, slices, unions and filters are refused by name.

use std::fmt;
use std::str::FromStr;

use crate::error::JsonError;
use crate::scan::{Kind, Scanner};
use crate::string::RawText;
use crate::value::Value;

/// One step from a value to some of its children.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The element of a list; negative numbers count from its end.
    Index(i64),
    /// All elements of a list or all members of an object.
    Every,
}

/// A compiled path. The path without steps (`$`) is the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path: {reason} at character {at}")]
pub struct PathError {
    /// The text.
    pub path: String,
    /// What is wrong.
    pub reason: &'static str,
    /// Where, counted from 1.
    pub at: usize,
}

impl FromStr for JsonPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut reader = PathReader { text, at: 0 };
        match reader.steps() {
            Ok(steps) => Ok(JsonPath {
                text: text.to_owned(),
                steps,
            }),
            Err(reason) => Err(PathError {
                path: text.to_owned(),
                reason,
                at: text[..reader.at].chars().count() + 1,
            }),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonPath {
    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The name, when the path is one plain name without `$`.
    pub fn simple_name(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Step::Key(name)] if !self.text.trim_start().starts_with('$') => Some(name),
            _ => None,
        }
    }

    /// Text of the first value at this path. All of `text` is checked, and of a repeated key the last value counts.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn find_first<'a>(&self, text: &'a str) -> Result<Option<&'a str>, JsonError> {
        Ok(self.find_all(text)?.first().copied())
    }

    /// Texts of all values at this path, in order.
    ///
    /// # Errors
    /// Those of the scanner.
    pub fn find_all<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, JsonError> {
        let mut scanner = Scanner::new(text);
        scanner.skip_blanks();
        let mut found = Vec::new();
        scanner.walk(&self.steps, &mut found)?;
        Ok(found)
    }

    /// The first value at this path below `value`.
    pub fn find_first_in<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.find_all_in(value).first().copied()
    }

    /// All values at this path below `value`, in order.
    pub fn find_all_in<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.steps.iter().fold(vec![value], |values, step| {
            values
                .into_iter()
                .flat_map(|value| children(value, step))
                .collect()
        })
    }
}

fn children<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (value, step) {
        (Value::Object(_), Step::Key(key)) => value.get(key).into_iter().collect(),
        (Value::Object(members), Step::Every) => members.iter().map(|(_, value)| value).collect(),
        (Value::List(elements), Step::Every) => elements.iter().collect(),
        (Value::List(elements), Step::Index(index)) => {
            position(*index, elements.len()).map_or(vec![], |i| vec![&elements[i]])
        }
        _ => vec![],
    }
}

/// Place of `index` in a list of `length` elements.
fn position(index: i64, length: usize) -> Option<usize> {
    let from_start = if index < 0 {
        index + i64::try_from(length).ok()?
    } else {
        index
    };
    usize::try_from(from_start).ok().filter(|&i| i < length)
}

impl<'a> Scanner<'a> {
    /// Steps over one value and adds what lies at `steps` in it to `found`.
    fn walk(&mut self, steps: &[Step], found: &mut Vec<&'a str>) -> Result<(), JsonError> {
        let Some((step, below)) = steps.split_first() else {
            found.push(self.skip_value()?);
            return Ok(());
        };
        match (self.kind()?, step) {
            (Kind::Object, Step::Key(_) | Step::Every) => self.walk_object(step, below, found),
            (Kind::List, Step::Every) => self.walk_list(|_| true, below, found),
            (Kind::List, Step::Index(index @ 0..)) => self.walk_list(|i| i == *index, below, found),
            (Kind::List, Step::Index(index)) => self.walk_from_end(*index, below, found),
            _ => self.skip_value().map(|_| ()),
        }
    }

    fn walk_object(
        &mut self,
        step: &Step,
        below: &[Step],
        found: &mut Vec<&'a str>,
    ) -> Result<(), JsonError> {
        let before = found.len();
        let mut has_member = self.opens(b'}');
        while has_member {
            let key = self.key()?;
            match step {
                Step::Key(name) if is_key(key, name) => {
                    found.truncate(before);
                    self.walk(below, found)?;
                }
                Step::Every => self.walk(below, found)?,
                _ => drop(self.skip_value()?),
            }
            has_member = self.has_more(b'}')?;
        }
        Ok(())
    }

    fn walk_list(
        &mut self,
        is_wanted: impl Fn(i64) -> bool,
        below: &[Step],
        found: &mut Vec<&'a str>,
    ) -> Result<(), JsonError> {
        let mut index = 0;
        let mut has_element = self.opens(b']');
        while has_element {
            if is_wanted(index) {
                self.walk(below, found)?;
            } else {
                self.skip_value()?;
            }
            index += 1;
            has_element = self.has_more(b']')?;
        }
        Ok(())
    }

    fn walk_from_end(
        &mut self,
        index: i64,
        below: &[Step],
        found: &mut Vec<&'a str>,
    ) -> Result<(), JsonError> {
        let mut elements = Vec::new();
        self.walk_list(|_| true, &[], &mut elements)?;
        if let Some(i) = position(index, elements.len()) {
            Scanner::new(elements[i]).walk(below, found)?;
        }
        Ok(())
    }
}

fn is_key(key: RawText<'_>, name: &str) -> bool {
    if key.has_escapes() {
        key.unescape() == name
    } else {
        key.raw() == name
    }
}

/// Reads a path; `at` stands at the fault after an error.
struct PathReader<'a> {
    text: &'a str,
    at: usize,
}

impl PathReader<'_> {
    fn steps(&mut self) -> Result<Vec<Step>, &'static str> {
        let mut steps = Vec::new();
        self.skip_blanks();
        let mut needs_dot = self.eat('$');
        if self.peek().is_none() && !needs_dot {
            return Err("it is empty");
        }
        while self.peek().is_some() {
            if self.peek() == Some('[') {
                steps.push(self.bracket()?);
            } else {
                if needs_dot && !self.eat('.') {
                    return Err("`.` or `[` is expected");
                }
                if self.peek() == Some('.') {
                    return Err("`..` (recursive descent) is not supported");
                }
                if self.peek() != Some('[') {
                    steps.push(self.name()?);
                }
            }
            needs_dot = true;
            self.skip_blanks();
        }
        Ok(steps)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        while self.eat(' ') || self.eat('\t') {}
    }

    fn name(&mut self) -> Result<Step, &'static str> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Step::Every)
            }
            Some(quote @ ('\'' | '"')) => self.quoted(quote).map(Step::Key),
            _ => self.plain_name().map(Step::Key),
        }
    }

    fn plain_name(&mut self) -> Result<String, &'static str> {
        let rest = &self.text[self.at..];
        let end = rest.find(ends_name).unwrap_or(rest.len());
        if end == 0 {
            return Err("a name is expected");
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        self.at += 1;
        let mut name = String::new();
        while let Some(character) = self.peek() {
            self.at += character.len_utf8();
            match character {
                '\\' => {
                    let escaped = self.peek().ok_or("the quote is not closed")?;
                    self.at += escaped.len_utf8();
                    name.push(escaped);
                }
                _ if character == quote => return Ok(name),
                _ => name.push(character),
            }
        }
        Err("the quote is not closed")
    }

    fn bracket(&mut self) -> Result<Step, &'static str> {
        self.at += 1;
        self.skip_blanks();
        let step = match self.peek() {
            Some('*' | '\'' | '"') => self.name()?,
            Some('?') => return Err("filters are not supported"),
            _ => self.index()?,
        };
        self.skip_blanks();
        if matches!(self.peek(), Some(':' | ',')) {
            return Err("slices and unions are not supported");
        }
        if !self.eat(']') {
            return Err("`]` is expected");
        }
        Ok(step)
    }

    fn index(&mut self) -> Result<Step, &'static str> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .unwrap_or(rest.len());
        let index = rest[..end]
            .parse()
            .map_err(|_| "an index, `*` or a quoted name is expected")?;
        self.at += end;
        Ok(Step::Index(index))
    }
}

fn ends_name(character: char) -> bool {
    " \t.[]()$,:|&~*'\"`?".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::parse_value;

    const ITEM: &str = r#"{"id":1,"m":{"ts":"x","l":[{"a":1},{"b":2},{"a":3}]},"odd name":{"é":[10,20]},
        "rep":{"k":1},"\u006b":4,"rep":{"k":2}}"#;

    #[track_caller]
    fn check(path: &str, expected: &[&str]) {
        let path: JsonPath = path.parse().unwrap();
        assert_eq!(path.find_all(ITEM).unwrap(), expected, "{path}");
        assert_eq!(path.find_first(ITEM).unwrap(), expected.first().copied());
        let tree = parse_value(ITEM.as_bytes()).unwrap();
        let found: Vec<Value> = path.find_all_in(&tree).into_iter().cloned().collect();
        let expected: Vec<Value> = expected
            .iter()
            .map(|text| parse_value(text.as_bytes()).unwrap())
            .collect();
        assert_eq!(found, expected, "{path}");
        assert_eq!(path.find_first_in(&tree), expected.first());
    }

    #[test]
    fn paths_lead_to_their_values() {
        check("id", &["1"]);
        check("$.id", &["1"]);
        check("m.ts", &["\"x\""]);
        check("$['m'][\"ts\"]", &["\"x\""]);
        check("m.l[*].a", &["1", "3"]);
        check("m.l[0]", &["{\"a\":1}"]);
        check("m.l.[1].b", &["2"]);
        check("m.l[-1].a", &["3"]);
        check("m.l[7]", &[]);
        check("m.l[-4]", &[]);
        check("'odd name'.é[*]", &["10", "20"]);
        check("'odd name'.*[1]", &["20"]);
        check("k", &["4"]);
        check("id.x", &[]);
        check("m[0]", &[]);
        check("m.l.a", &[]);
    }

    #[test]
    fn the_last_value_of_a_repeated_key_counts() {
        check("rep.k", &["2"]);
    }

    #[test]
    fn the_root_is_the_value_itself() {
        let root: JsonPath = "$".parse().unwrap();
        assert_eq!(root.find_first(" [1] ").unwrap(), Some("[1]"));
    }

    #[test]
    fn only_a_plain_name_is_simple() {
        let simple = |path: &str| {
            path.parse::<JsonPath>()
                .unwrap()
                .simple_name()
                .map(str::to_owned)
        };
        assert_eq!(simple("id").as_deref(), Some("id"));
        assert_eq!(simple("\"na.me\"").as_deref(), Some("na.me"));
        assert_eq!(simple("$.id"), None);
        assert_eq!(simple("a.b"), None);
        assert_eq!(simple("*"), None);
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        let message = |path: &str| path.parse::<JsonPath>().unwrap_err().to_string();
        assert_eq!(message(""), "`` is not a path: it is empty at character 1");
        assert_eq!(
            message("a..b"),
            "`a..b` is not a path: `..` (recursive descent) is not supported at character 3"
        );
        assert_eq!(
            message("é.'x"),
            "`é.'x` is not a path: the quote is not closed at character 5"
        );
        assert!(message("a[1:2]").contains("slices"));
        assert!(message("a[?(@.b)]").contains("filters"));
        assert!(message("a.").contains("a name"));
        assert!(message("a[").contains("an index"));
    }

    #[test]
    fn broken_text_beside_the_path_is_an_error() {
        let path: JsonPath = "a".parse().unwrap();
        assert!(path.find_first(r#"{"a":1,"b":tru}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_path_reader_fail(text: String) {
            let _ = text.parse::<JsonPath>();
        }

        #[test]
        fn any_quoted_name_finds_its_member(name: String) {
            let mut item = String::from("{\"x\":0,");
            crate::text::write_string(&name, &mut item);
            item.push_str(":1}");
            let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
            let path: JsonPath = format!("'{quoted}'").parse().unwrap();
            prop_assert_eq!(path.find_first(&item).unwrap(), Some("1"));
        }
    }
}
