//! JSON with lines.

use serde_json::{Number as JsonNumber, Value};
use tipple_json::{JsonError, Kind, Number, Scanner};

use super::{DEPTH_MAX, LineIndex, Mistake, Node, Tree, repeated_key, too_deep};

pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let mut reader = Reader {
        scanner: Scanner::new(text),
        lines: LineIndex::of(text),
    };
    reader.scanner.skip_blanks();
    let node = reader.node(0)?;
    reader.scanner.skip_blanks();
    match reader.scanner.peek() {
        None => Ok(node),
        Some(_) => Err(Mistake::new(
            reader.scanner.at(),
            "there is more text after the JSON value",
        )),
    }
}

impl From<JsonError> for Mistake {
    fn from(error: JsonError) -> Self {
        Mistake::new(error.at, error.kind.to_string())
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    lines: LineIndex,
}

impl Reader<'_> {
    fn node(&mut self, depth: usize) -> Result<Node, Mistake> {
        let at = self.scanner.at();
        if depth > DEPTH_MAX {
            return Err(Mistake::new(at, too_deep()));
        }
        let tree = match self.scanner.kind()? {
            Kind::Null => self.scanner.null().map(|()| Tree::Scalar(Value::Null))?,
            Kind::Bool => Tree::Scalar(Value::Bool(self.scanner.boolean()?)),
            Kind::Text => Tree::Scalar(Value::from(self.scanner.string()?.unescape().as_ref())),
            Kind::Number => Tree::Scalar(number(self.scanner.number()?)),
            Kind::List => self.list(depth)?,
            Kind::Object => self.object(depth)?,
        };
        Ok(Node {
            line: self.lines.line(at),
            tree,
        })
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Mistake> {
        let mut elements = Vec::new();
        let mut has_more = self.scanner.opens(b']');
        while has_more {
            elements.push(self.node(depth + 1)?);
            has_more = self.scanner.has_more(b']')?;
        }
        Ok(Tree::List(elements))
    }

    fn object(&mut self, depth: usize) -> Result<Tree, Mistake> {
        let mut members: Vec<(String, usize, Node)> = Vec::new();
        let mut has_more = self.scanner.opens(b'}');
        while has_more {
            let at = self.scanner.at();
            let key = self.scanner.key()?.unescape().into_owned();
            if members.iter().any(|(known, ..)| *known == key) {
                return Err(Mistake::new(at, repeated_key(&key)));
            }
            members.push((key, self.lines.line(at), self.node(depth + 1)?));
            has_more = self.scanner.has_more(b'}')?;
        }
        Ok(Tree::Object(members))
    }
}

fn number(number: Number) -> Value {
    match number {
        Number::Int(value) => Value::from(value),
        Number::UInt(value) => Value::from(value),
        // A scanner gives finite numbers only.
        Number::Float(value) => JsonNumber::from_f64(value).map_or(Value::Null, Value::Number),
    }
}
