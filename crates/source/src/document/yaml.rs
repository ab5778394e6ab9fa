//! YAML 1.2 with lines: the core schema and nothing else.
//!
//! `no`, `on`, `1_000` and dates are texts; `012` is twelve. One document per file. Anchors may be used, within a limit, so
//! that a few lines cannot grow into gigabytes.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Number, Value};

use super::{DEPTH_MAX, Mistake, Node, Tree, repeated_key, too_deep};

/// Values that a document may have after its aliases are followed.
const NODES_MAX: usize = 1_000_000;

pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut builder = Builder {
        text,
        ..Builder::default()
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let at = byte_at(text, error.marker().index());
                return Err(Mistake::new(at, error.info()));
            }
        }
    }
    Ok(builder.root.unwrap_or(Node {
        line: 1,
        tree: Tree::Scalar(Value::Null),
    }))
}

/// Byte offset of the character number `index`.
fn byte_at(text: &str, index: usize) -> usize {
    text.char_indices()
        .nth(index)
        .map_or(text.len(), |(at, _)| at)
}

/// A container whose end has not come.
enum Open {
    List(Vec<Node>),
    /// Members so far, and the key that waits for its value.
    Object(Vec<(String, usize, Node)>, Option<(String, usize)>),
}

/// An open container with what belongs to it.
struct Frame {
    open: Open,
    line: usize,
    anchor: usize,
    /// Values in it so far, at every depth, itself included.
    size: usize,
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    stack: Vec<Frame>,
    /// Named values with their sizes.
    anchors: HashMap<usize, (Node, usize)>,
    document_count: usize,
    /// Values of the whole document.
    size: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event, span: Span) -> Result<(), Mistake> {
        let line = span.start.line();
        let added = match event {
            Event::DocumentStart(_) => {
                self.document_count += 1;
                match self.document_count {
                    1 => Ok(()),
                    _ => Err("there is more than one document in the file".to_owned()),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, tag.as_deref()).and_then(|value| {
                    self.add(
                        Node {
                            line,
                            tree: Tree::Scalar(value),
                        },
                        1,
                        anchor,
                        line,
                    )
                })
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => {
                self.open(Open::Object(Vec::new(), None), line, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        };
        added.map_err(|reason| Mistake::new(byte_at(self.text, span.start.index()), reason))
    }

    fn open(&mut self, open: Open, line: usize, anchor: usize) -> Result<(), String> {
        if self.stack.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        if self.is_at_key() {
            return Err("a key must be a text".to_owned());
        }
        self.stack.push(Frame {
            open,
            line,
            anchor,
            size: 1,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(Frame {
            open,
            line,
            anchor,
            size,
        }) = self.stack.pop()
        else {
            return Ok(());
        };
        let tree = match open {
            Open::List(elements) => Tree::List(elements),
            Open::Object(members, _) => Tree::Object(members),
        };
        self.add(Node { line, tree }, size, anchor, line)
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), String> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err("the alias stands inside of what it names".to_owned());
        };
        self.size += size;
        if self.size > NODES_MAX {
            return Err("the aliases of the document grow too large".to_owned());
        }
        let (node, size) = (
            Node {
                line,
                ..node.clone()
            },
            *size,
        );
        self.add(node, size, 0, line)
    }

    fn is_at_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                open: Open::Object(_, None),
                ..
            })
        )
    }

    /// Puts a finished value of so many values where it belongs.
    fn add(&mut self, node: Node, size: usize, anchor: usize, line: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.size += size;
        match &mut frame.open {
            Open::List(elements) => elements.push(node),
            Open::Object(members, waiting) => match waiting.take() {
                Some((key, line)) => members.push((key, line, node)),
                None => *waiting = Some((key_of(node, members)?, line)),
            },
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
        if style != ScalarStyle::Plain || self.is_at_key() {
            return Ok(Value::from(text));
        }
        match tag {
            None => plain(text),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(Value::from(text)),
            Some(tag) => Err(format!("the tag `{tag}` is not known here")),
        }
    }
}

fn key_of(node: Node, members: &[(String, usize, Node)]) -> Result<String, String> {
    let Tree::Scalar(Value::String(key)) = node.tree else {
        return Err("a key must be a text".to_owned());
    };
    if members.iter().any(|(known, ..)| *known == key) {
        return Err(repeated_key(&key));
    }
    Ok(key)
}

/// A plain scalar by the rules of the core schema.
fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_integer(text) => integer(text)?,
        _ if is_float(text) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("the number {text} is too large"))?)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | "-.inf" | "+.inf" | ".Inf" | "-.Inf" | ".INF"
        | "-.INF" => {
            return Err(format!("the number {text} is not finite"));
        }
        _ => Value::from(text),
    })
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_integer(text: &str) -> bool {
    let is_of = |digits: &str, radix: u32| {
        !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
    };
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => is_of(digits, 16),
        (_, Some(digits)) => is_of(digits, 8),
        _ => is_of(unsigned(text), 10),
    }
}

fn integer(text: &str) -> Result<Value, String> {
    let (digits, radix): (Cow<str>, u32) = match (text.strip_prefix("0x"), text.strip_prefix("0o"))
    {
        (Some(digits), _) => (digits.into(), 16),
        (_, Some(digits)) => (digits.into(), 8),
        _ => (text.into(), 10),
    };
    let signed = i64::from_str_radix(&digits, radix).map(Value::from);
    signed
        .or_else(|_| u64::from_str_radix(&digits, radix).map(Value::from))
        .map_err(|_| format!("the integer {text} exceeds 64 bits: put it into quotes"))
}

fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match unsigned(text).split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned(text), None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| !unsigned(text).is_empty() && are_digits(unsigned(text));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}
