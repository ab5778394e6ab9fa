//! Evaluates general paths over raw text.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Logic, Operand, Query, is_key};
use crate::error::JsonError;
use crate::parse::parse_value;
use crate::scan::{Kind, Scanner};
use crate::text::write_string;
use crate::value::Value;

type Found<'a> = Vec<Cow<'a, str>>;

/// Children of a container as slices.
enum Children<'a> {
    List(Vec<&'a str>),
    Object(Vec<(Cow<'a, str>, &'a str)>),
    /// A scalar has none.
    None,
}

impl<'a> Children<'a> {
    fn of(text: &'a str) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text);
        scanner.skip_blanks();
        match scanner.kind()? {
            Kind::List => elements(&mut scanner).map(Children::List),
            Kind::Object => members(&mut scanner).map(Children::Object),
            _ => Ok(Children::None),
        }
    }

    fn values(self) -> Vec<&'a str> {
        match self {
            Children::List(elements) => elements,
            Children::Object(members) => members.into_iter().map(|(_, value)| value).collect(),
            Children::None => Vec::new(),
        }
    }
}

fn elements<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<&'a str>, JsonError> {
    let mut elements = Vec::new();
    let mut has_more = scanner.opens(b']');
    while has_more {
        elements.push(scanner.skip_value()?);
        has_more = scanner.has_more(b']')?;
    }
    Ok(elements)
}

/// Members in order; a repeated key keeps its first place and takes its last value.
fn members<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<(Cow<'a, str>, &'a str)>, JsonError> {
    let mut members: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
    let mut has_more = scanner.opens(b'}');
    while has_more {
        let key = scanner.key()?.unescape();
        let value = scanner.skip_value()?;
        match members.iter_mut().find(|(known, _)| *known == key) {
            Some(member) => member.1 = value,
            None => members.push((key, value)),
        }
        has_more = scanner.has_more(b'}')?;
    }
    Ok(members)
}

/// Runs `select` on a value that is a slice of the text or was made; what is found in a made one is copied.
fn inside<'a>(
    value: &Cow<'a, str>,
    select: impl for<'b> Fn(&'b str) -> Result<Found<'b>, JsonError>,
) -> Result<Found<'a>, JsonError> {
    match value {
        Cow::Borrowed(text) => select(text),
        Cow::Owned(text) => {
            let found = select(text)?;
            Ok(found
                .into_iter()
                .map(|one| Cow::Owned(one.into_owned()))
                .collect())
        }
    }
}

impl Query {
    /// All values of the path in `text`; `$` is `root`.
    pub(super) fn find<'a>(&self, text: &'a str, root: &'a str) -> Result<Found<'a>, JsonError> {
        match self {
            Query::Root => Ok(vec![Cow::Borrowed(root.trim())]),
            Query::This => Ok(vec![Cow::Borrowed(text.trim())]),
            Query::Fields(names) => fields(text, names),
            Query::Every => Ok(borrowed(Children::of(text)?.values())),
            Query::Index(indexes) => index(text, indexes),
            Query::Slice(start, end, step) => slice(text, *start, *end, step.unwrap_or(1)),
            Query::Child(left, right) => {
                let mut found = Vec::new();
                for value in left.find(text, root)? {
                    found.extend(inside_rooted(&value, root, right)?);
                }
                Ok(found)
            }
            Query::Descendants(left, right) => descendants(left, right, text, root),
            Query::Union(left, right) => {
                let mut found = left.find(text, root)?;
                found.extend(right.find(text, root)?);
                Ok(found)
            }
            Query::Filter(logic) => filter(text, root, logic),
            Query::Sort(orders) => sort(text, orders),
            Query::Len => Ok(length(text)?
                .map(|length| Cow::Owned(length.to_string()))
                .into_iter()
                .collect()),
            Query::Keys => keys(text),
            Query::Sorted => sorted(text),
        }
    }
}

/// `query` inside of `value`. A made value is its own root: what it was made from is not below it.
fn inside_rooted<'a>(
    value: &Cow<'a, str>,
    root: &'a str,
    query: &Query,
) -> Result<Found<'a>, JsonError> {
    match value {
        Cow::Borrowed(text) => query.find(text, root),
        Cow::Owned(_) => inside(value, |text| query.find(text, text)),
    }
}

fn borrowed(values: Vec<&str>) -> Found<'_> {
    values.into_iter().map(Cow::Borrowed).collect()
}

fn fields<'a>(text: &'a str, names: &[String]) -> Result<Found<'a>, JsonError> {
    let mut scanner = Scanner::new(text);
    scanner.skip_blanks();
    if scanner.kind()? != Kind::Object {
        return Ok(Vec::new());
    }
    let mut found: Vec<Option<&str>> = vec![None; names.len()];
    let mut has_more = scanner.opens(b'}');
    while has_more {
        let key = scanner.key()?;
        let value = scanner.skip_value()?;
        for (slot, _) in found
            .iter_mut()
            .zip(names)
            .filter(|(_, name)| is_key(key, name))
        {
            *slot = Some(value);
        }
        has_more = scanner.has_more(b'}')?;
    }
    Ok(borrowed(found.into_iter().flatten().collect()))
}

fn index<'a>(text: &'a str, indexes: &[i64]) -> Result<Found<'a>, JsonError> {
    let Children::List(elements) = Children::of(text)? else {
        return Ok(Vec::new());
    };
    let at = |index: &i64| {
        let from_start = if *index < 0 {
            elements.len() as i64 + index
        } else {
            *index
        };
        usize::try_from(from_start)
            .ok()
            .and_then(|at| elements.get(at).copied())
    };
    Ok(borrowed(indexes.iter().filter_map(at).collect()))
}

/// Python's slices.
fn slice(
    text: &str,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> Result<Found<'_>, JsonError> {
    let Children::List(elements) = Children::of(text)? else {
        return Ok(Vec::new());
    };
    let length = elements.len() as i64;
    if step == 0 {
        return Ok(Vec::new());
    }
    let (low, high) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let clamp = |bound: Option<i64>, default: i64| match bound {
        None => default,
        Some(bound) if bound < 0 => (bound + length).clamp(low, high),
        Some(bound) => bound.clamp(low, high),
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (mut at, end) = (clamp(start, first), clamp(end, last));
    let mut found = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if let Some(element) = usize::try_from(at).ok().and_then(|at| elements.get(at)) {
            found.push(Cow::Borrowed(*element));
        }
        at = at.saturating_add(step);
    }
    Ok(found)
}

/// Depth first, a value before its children.
fn descendants<'a>(
    left: &Query,
    right: &Query,
    text: &'a str,
    root: &'a str,
) -> Result<Found<'a>, JsonError> {
    let mut found = Vec::new();
    let mut stack = left.find(text, root)?;
    stack.reverse();
    while let Some(value) = stack.pop() {
        found.extend(inside_rooted(&value, root, right)?);
        let mut children = inside(&value, |text| Ok(borrowed(Children::of(text)?.values())))?;
        children.reverse();
        stack.extend(children);
    }
    Ok(found)
}

fn filter<'a>(text: &'a str, root: &'a str, logic: &Logic) -> Result<Found<'a>, JsonError> {
    let candidates = match Children::of(text)? {
        children @ (Children::List(_) | Children::Object(_)) => children.values(),
        Children::None => Vec::new(),
    };
    let mut found = Vec::new();
    for candidate in candidates {
        if logic.holds(candidate, root)? {
            found.push(Cow::Borrowed(candidate));
        }
    }
    Ok(found)
}

impl Logic {
    pub(super) fn holds(&self, text: &str, root: &str) -> Result<bool, JsonError> {
        Ok(match self {
            Logic::All(terms) => {
                for term in terms {
                    if !term.holds(text, root)? {
                        return Ok(false);
                    }
                }
                true
            }
            Logic::Any(terms) => {
                for term in terms {
                    if term.holds(text, root)? {
                        return Ok(true);
                    }
                }
                false
            }
            Logic::Exists(query) => !query.find(text, root)?.is_empty(),
            Logic::Lacks(query) => query.find(text, root)?.is_empty(),
            Logic::Compare(query, comparison, operand) => {
                let found = query.find(text, root)?;
                operand.compares(&found, *comparison, text, root)?
            }
        })
    }
}

impl Operand {
    fn compares(
        &self,
        found: &[Cow<'_, str>],
        comparison: Comparison,
        text: &str,
        root: &str,
    ) -> Result<bool, JsonError> {
        let values = |found: &[Cow<'_, str>]| -> Result<Vec<Value>, JsonError> {
            found
                .iter()
                .map(|text| parse_value(text.as_bytes()))
                .collect()
        };
        let left = values(found)?;
        let right = match self {
            Operand::Pattern(pattern) => {
                return Ok(left
                    .iter()
                    .any(|value| value.as_text().is_some_and(|t| pattern.is_match(t))));
            }
            Operand::Query(query) => values(&query.find(text, root)?)?,
            Operand::Null => vec![Value::Null],
            Operand::Bool(word) => vec![Value::Bool(*word)],
            Operand::Number(number) => vec![Value::Float(*number)],
            Operand::Text(text) => vec![Value::Text(text.clone())],
        };
        if left.is_empty() || right.is_empty() {
            let are_both = left.is_empty() && right.is_empty();
            return Ok(comparison.holds_for(are_both, None));
        }
        let holds = |a: &Value| {
            right
                .iter()
                .any(|b| comparison.holds_for(equal(a, b), order(a, b)))
        };
        Ok(left.iter().any(holds))
    }
}

impl Comparison {
    /// Values without an order are compared for equality only.
    fn holds_for(self, is_equal: bool, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => is_equal,
            Comparison::NotEqual => !is_equal,
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => is_equal || order == Some(Ordering::Less),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => is_equal || order == Some(Ordering::Greater),
            Comparison::Matches => false,
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

/// Elements sorted by several queries; one that does not find exactly one value in both decides nothing.
fn sort<'a>(text: &'a str, orders: &[(Query, bool)]) -> Result<Found<'a>, JsonError> {
    let Children::List(elements) = Children::of(text)? else {
        return Ok(vec![Cow::Borrowed(text.trim())]);
    };
    let mut keyed = Vec::new();
    for element in elements {
        let mut keys = Vec::new();
        for (query, _) in orders {
            let found = query.find(element, element)?;
            keys.push(match &found[..] {
                [one] => Some(parse_value(one.as_bytes())?),
                _ => None,
            });
        }
        keyed.push((keys, element));
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let compared = a
            .iter()
            .zip(b)
            .zip(orders)
            .map(|((a, b), (_, is_descending))| {
                let found = a.as_ref().zip(b.as_ref()).and_then(|(a, b)| order(a, b));
                let found = found.unwrap_or(Ordering::Equal);
                if *is_descending {
                    found.reverse()
                } else {
                    found
                }
            });
        compared.fold(Ordering::Equal, Ordering::then)
    });
    let sorted: Vec<&str> = keyed.into_iter().map(|(_, element)| element).collect();
    Ok(vec![Cow::Owned(format!("[{}]", sorted.join(",")))])
}

/// Number of elements, members or characters.
fn length(text: &str) -> Result<Option<usize>, JsonError> {
    Ok(match Children::of(text)? {
        Children::List(elements) => Some(elements.len()),
        Children::Object(members) => Some(members.len()),
        Children::None => {
            let value = parse_value(text.as_bytes())?;
            value.as_text().map(|text| text.chars().count())
        }
    })
}

fn keys(text: &str) -> Result<Found<'_>, JsonError> {
    let Children::Object(members) = Children::of(text)? else {
        return Ok(Vec::new());
    };
    let quoted = |key: &str| {
        let mut text = String::new();
        write_string(key, &mut text);
        text
    };
    Ok(members
        .iter()
        .map(|(key, _)| Cow::Owned(quoted(key)))
        .collect())
}

/// Elements or keys in their natural order.
fn sorted(text: &str) -> Result<Found<'_>, JsonError> {
    let texts: Vec<String> = match Children::of(text)? {
        Children::List(elements) => elements.into_iter().map(str::to_owned).collect(),
        Children::Object(_) => keys(text)?.into_iter().map(Cow::into_owned).collect(),
        Children::None => return Ok(vec![Cow::Borrowed(text.trim())]),
    };
    let mut keyed = Vec::new();
    for text in texts {
        keyed.push((parse_value(text.as_bytes())?, text));
    }
    keyed.sort_by(|(a, _), (b, _)| order(a, b).unwrap_or(Ordering::Equal));
    let sorted: Vec<String> = keyed.into_iter().map(|(_, text)| text).collect();
    Ok(vec![Cow::Owned(format!("[{}]", sorted.join(",")))])
}
