//! TOML with lines. A bare date becomes a typed value; the text `"@null"` stands for null, which TOML lacks.

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::{DEPTH_MAX, LineIndex, Mistake, Node, Tree, too_deep};

/// Text that stands for null.
const NULL: &str = "@null";

pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Mistake::new(at, error.message().replace('\n', ", "))
    })?;
    let lines = LineIndex::of(text);
    Ok(Node {
        line: 1,
        tree: object(table.get_ref(), &lines, 0)?,
    })
}

fn object(table: &DeTable, lines: &LineIndex, depth: usize) -> Result<Tree, Mistake> {
    let mut members = Vec::with_capacity(table.len());
    for (key, value) in table {
        let line = lines.line(key.span().start);
        members.push((
            key.get_ref().to_string(),
            line,
            node(value, lines, depth + 1)?,
        ));
    }
    Ok(Tree::Object(members))
}

fn node(value: &Spanned<DeValue>, lines: &LineIndex, depth: usize) -> Result<Node, Mistake> {
    let at = value.span().start;
    if depth > DEPTH_MAX {
        return Err(Mistake::new(at, too_deep()));
    }
    let scalar = |value: Value| Ok(Tree::Scalar(value));
    let tree = match value.get_ref() {
        DeValue::String(text) if text == NULL => scalar(Value::Null),
        DeValue::String(text) => scalar(Value::from(text.as_ref())),
        DeValue::Boolean(value) => scalar(Value::from(*value)),
        DeValue::Datetime(moment) => scalar(Value::from(typed(moment))),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => scalar(Value::from(number)),
            Err(_) => Err(Mistake::new(
                at,
                format!("the integer {number} exceeds 64 bits"),
            )),
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => scalar(Value::Number(number)),
            None => Err(Mistake::new(
                at,
                format!("the number {number} is not finite"),
            )),
        },
        DeValue::Array(list) => {
            let elements = list.iter().map(|element| node(element, lines, depth + 1));
            elements.collect::<Result<_, _>>().map(Tree::List)
        }
        DeValue::Table(table) => object(table, lines, depth),
    };
    Ok(Node {
        line: lines.line(at),
        tree: tree?,
    })
}

/// A date or time as marked text, in the form that Python writes.
fn typed(moment: &Datetime) -> String {
    let mark = match (moment.date.is_some(), moment.time.is_some()) {
        (true, true) => '\u{F027}',
        (true, false) => '\u{F028}',
        _ => '\u{F02D}',
    };
    let text = moment.to_string();
    match text.strip_suffix(['Z', 'z']) {
        Some(start) => format!("{mark}{start}+00:00"),
        None => format!("{mark}{text}"),
    }
}
