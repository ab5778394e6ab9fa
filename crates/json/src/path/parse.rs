//! Reads paths: tokens, then operators by precedence.
//!
//! The precedences are those of `jsonpath-ng`: `..` is loosest, then `.`, then `|`; a bracket applies to everything to
//! its left.

use super::{Comparison, Logic, Operand, PathError, Query};

/// Nested parentheses and filters.
const DEPTH_MAX: usize = 32;

/// Reads a whole path.
pub(super) fn query(text: &str) -> Result<Query, PathError> {
    let mut reader = Reader::new(text)?;
    let query = reader.query()?;
    reader.end()?;
    Ok(query)
}

/// Reads a condition, without its `?`.
pub(super) fn condition(text: &str) -> Result<Logic, PathError> {
    let mut reader = Reader::new(text)?;
    let logic = reader.any()?;
    reader.end()?;
    Ok(logic)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name; quoted or not.
    Name(String, bool),
    Int(i64),
    Float(f64),
    /// `` `len` ``
    Operator(String),
    Compare(Comparison),
    /// `/` or `\`, with a comma before it perhaps: true is descending.
    Direction(bool),
    DoubleDot,
    And,
    Or,
    Sign(char),
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, PathError> {
        let tokens = Lexer { text, at: 0 }.tokens()?;
        Ok(Reader {
            text,
            tokens,
            at: 0,
            depth: 0,
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    fn eat(&mut self, wanted: &Token) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.at += usize::from(is_next);
        is_next
    }

    fn eat_sign(&mut self, sign: char) -> bool {
        self.eat(&Token::Sign(sign))
    }

    fn expect(&mut self, sign: char) -> Result<(), PathError> {
        match self.eat_sign(sign) {
            true => Ok(()),
            false => Err(self.wrong(format!("`{sign}` is expected"))),
        }
    }

    /// An error at the next token.
    fn wrong(&self, reason: impl Into<String>) -> PathError {
        let at = self
            .tokens
            .get(self.at)
            .map_or(self.text.len(), |(at, _)| *at);
        error(self.text, at, reason)
    }

    fn end(&self) -> Result<(), PathError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("`.` or `[` is expected")),
        }
    }

    fn enter(&mut self) -> Result<(), PathError> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(self.wrong("it is nested too deeply")),
            false => Ok(()),
        }
    }

    /// Operands joined by `..`, `.` and `|`, with brackets behind them.
    fn query(&mut self) -> Result<Query, PathError> {
        self.enter()?;
        let mut stack = Stack::default();
        stack.operands.push(self.operand()?);
        loop {
            match self.peek() {
                Some(Token::DoubleDot) => {
                    self.at += 1;
                    let operand = self.operand()?;
                    stack.push(Join::Descendants, operand);
                }
                Some(Token::Sign('.')) => {
                    self.at += 1;
                    let operand = self.operand()?;
                    stack.push(Join::Child, operand);
                }
                Some(Token::Sign('|')) => {
                    self.at += 1;
                    let operand = self.operand()?;
                    stack.push(Join::Union, operand);
                }
                Some(Token::Sign('[')) => {
                    let left = stack.finish();
                    let right = self.bracket(true)?;
                    stack.operands.push(child(left, right));
                }
                _ => break,
            }
        }
        self.depth -= 1;
        Ok(stack.finish())
    }

    fn operand(&mut self) -> Result<Query, PathError> {
        match self.peek() {
            Some(Token::Sign('[')) => self.bracket(false),
            Some(Token::Sign('$')) => {
                self.at += 1;
                Ok(Query::Root)
            }
            Some(Token::Sign('@')) => {
                self.at += 1;
                Ok(Query::This)
            }
            Some(Token::Sign('*')) => {
                self.at += 1;
                Ok(Query::Every)
            }
            Some(Token::Sign('(')) => {
                self.at += 1;
                let query = self.query()?;
                self.expect(')')?;
                Ok(query)
            }
            Some(Token::Int(number)) => {
                let name = number.to_string();
                self.at += 1;
                Ok(Query::Fields(vec![name]))
            }
            Some(Token::Operator(_)) => self.operator(),
            Some(Token::Name(..)) => self.names().map(Query::Fields),
            None if self.tokens.is_empty() => Err(self.wrong("it is empty")),
            _ => Err(self.wrong("a name is expected")),
        }
    }

    fn operator(&mut self) -> Result<Query, PathError> {
        let Some(Token::Operator(name)) = self.peek() else {
            return Err(self.wrong("a name is expected"));
        };
        let query = match name.as_str() {
            "this" => Query::This,
            "len" => Query::Len,
            "keys" => Query::Keys,
            "sorted" => Query::Sorted,
            other => return Err(self.wrong(format!("the operator `{other}` is not known"))),
        };
        self.at += 1;
        Ok(query)
    }

    fn names(&mut self) -> Result<Vec<String>, PathError> {
        let mut names = Vec::new();
        loop {
            let Some(Token::Name(name, _)) = self.peek() else {
                return Err(self.wrong("a name is expected"));
            };
            names.push(name.clone());
            self.at += 1;
            if !self.eat_sign(',') {
                return Ok(names);
            }
        }
    }

    /// What stands in brackets. A filter or a sort order needs something before it.
    fn bracket(&mut self, has_left: bool) -> Result<Query, PathError> {
        self.expect('[')?;
        let query = match self.peek() {
            Some(Token::Name(..)) => Query::Fields(self.names()?),
            Some(Token::Sign('*')) => {
                self.at += 1;
                Query::Every
            }
            Some(Token::Sign('?')) if has_left || self.follows_double_dot() => {
                self.at += 1;
                Query::Filter(Box::new(self.any()?))
            }
            Some(Token::Direction(_)) if has_left => self.sort()?,
            Some(Token::Int(_) | Token::Sign(':')) => self.indexes()?,
            _ => return Err(self.wrong("an index, `*` or a quoted name is expected")),
        };
        self.expect(']')?;
        Ok(query)
    }

    /// True when the bracket that was just opened stands behind `..`.
    fn follows_double_dot(&self) -> bool {
        self.at >= 2 && self.tokens[self.at - 2].1 == Token::DoubleDot
    }

    fn sort(&mut self) -> Result<Query, PathError> {
        let mut orders = Vec::new();
        while let Some(Token::Direction(is_descending)) = self.peek() {
            let is_descending = *is_descending;
            self.at += 1;
            orders.push((self.query()?, is_descending));
        }
        Ok(Query::Sort(orders))
    }

    fn indexes(&mut self) -> Result<Query, PathError> {
        let first = self.int();
        if self.eat_sign(':') {
            let end = self.int();
            let step = match self.eat_sign(':') {
                true => self.int(),
                false => None,
            };
            return Ok(Query::Slice(first, end, step));
        }
        let mut indexes: Vec<i64> = first.into_iter().collect();
        while self.eat_sign(',') {
            match self.int() {
                Some(index) => indexes.push(index),
                None => return Err(self.wrong("an index is expected")),
            }
        }
        Ok(Query::Index(indexes))
    }

    fn int(&mut self) -> Option<i64> {
        let Some(Token::Int(number)) = self.peek() else {
            return None;
        };
        let number = *number;
        self.at += 1;
        Some(number)
    }

    fn any(&mut self) -> Result<Logic, PathError> {
        self.enter()?;
        let mut terms = vec![self.all()?];
        while self.eat(&Token::Or) {
            terms.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(terms, Logic::Any))
    }

    fn all(&mut self) -> Result<Logic, PathError> {
        let mut terms = vec![self.term()?];
        while self.eat(&Token::And) || self.eat_sign('&') {
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Logic::All))
    }

    fn term(&mut self) -> Result<Logic, PathError> {
        if self.eat_sign('!') {
            return self.query().map(Logic::Lacks);
        }
        if self.peek() == Some(&Token::Sign('(')) {
            // A parenthesis holds conditions or begins a path.
            let start = self.at;
            self.at += 1;
            match self.any() {
                Ok(logic) if self.eat_sign(')') && !self.goes_on_as_path() => return Ok(logic),
                Err(error) if self.at > start + 1 => return Err(error),
                _ => self.at = start,
            }
        }
        let left = self.query()?;
        let Some(Token::Compare(comparison)) = self.peek() else {
            return Ok(Logic::Exists(left));
        };
        let comparison = *comparison;
        self.at += 1;
        let right = self.value(comparison)?;
        Ok(Logic::Compare(left, comparison, right))
    }

    fn goes_on_as_path(&self) -> bool {
        matches!(
            self.peek(),
            Some(Token::Compare(_) | Token::Sign('.' | '['))
        )
    }

    /// The right side of a comparison.
    fn value(&mut self, comparison: Comparison) -> Result<Operand, PathError> {
        if matches!(self.peek(), Some(Token::Sign('@' | '$'))) {
            if comparison == Comparison::Matches {
                return Err(self.wrong("`=~` needs a quoted pattern"));
            }
            return self.query().map(Operand::Query);
        }
        let operand = match (self.peek(), comparison) {
            (Some(Token::Name(pattern, _)), Comparison::Matches) => {
                match regex::Regex::new(pattern) {
                    Ok(pattern) => Operand::Pattern(pattern),
                    Err(error) => return Err(self.wrong(format!("the pattern is none: {error}"))),
                }
            }
            (Some(Token::Name(word, false)), _) if word == "null" => Operand::Null,
            (Some(Token::Name(word, false)), _) if word == "true" || word == "false" => {
                Operand::Bool(word == "true")
            }
            (Some(Token::Name(text, _)), _) => Operand::Text(text.clone()),
            (Some(Token::Int(number)), _) => Operand::Number(*number as f64),
            (Some(Token::Float(number)), _) => Operand::Number(*number),
            _ => {
                return Err(self.wrong(
                    "a value is expected: a number, a quoted text, `true`, `false` or `null`",
                ));
            }
        };
        self.next();
        Ok(operand)
    }
}

fn one_or(mut terms: Vec<Logic>, many: impl Fn(Vec<Logic>) -> Logic) -> Logic {
    match terms.len() {
        1 => terms.remove(0),
        _ => many(terms),
    }
}

fn child(left: Query, right: Query) -> Query {
    Query::Child(Box::new(left), Box::new(right))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Join {
    Descendants,
    Child,
    Union,
}

/// Operands and the operators between them; a looser operator closes the tighter ones before it.
#[derive(Default)]
struct Stack {
    operands: Vec<Query>,
    joins: Vec<Join>,
}

impl Stack {
    fn push(&mut self, join: Join, operand: Query) {
        while self.joins.last().is_some_and(|last| *last >= join) {
            self.reduce();
        }
        self.joins.push(join);
        self.operands.push(operand);
    }

    fn reduce(&mut self) {
        let (Some(join), Some(right), Some(left)) =
            (self.joins.pop(), self.operands.pop(), self.operands.pop())
        else {
            return;
        };
        let (left, right) = (Box::new(left), Box::new(right));
        self.operands.push(match join {
            Join::Descendants => Query::Descendants(left, right),
            Join::Child => Query::Child(left, right),
            Join::Union => Query::Union(left, right),
        });
    }

    fn finish(&mut self) -> Query {
        while !self.joins.is_empty() {
            self.reduce();
        }
        self.operands.pop().unwrap_or(Query::This)
    }
}

fn error(text: &str, at: usize, reason: impl Into<String>) -> PathError {
    PathError {
        path: text.to_owned(),
        reason: reason.into(),
        at: text[..at.min(text.len())].chars().count() + 1,
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Result<Vec<(usize, Token)>, PathError> {
        let mut tokens = Vec::new();
        loop {
            while self.eat(' ') || self.eat('\t') {}
            let start = self.at;
            let Some(character) = self.peek() else {
                return Ok(tokens);
            };
            tokens.push((start, self.token(character)?));
        }
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

    fn token(&mut self, character: char) -> Result<Token, PathError> {
        const WORDS: [(&str, Token); 12] = [
            ("..", Token::DoubleDot),
            ("&&", Token::And),
            ("||", Token::Or),
            ("=~", Token::Compare(Comparison::Matches)),
            ("==", Token::Compare(Comparison::Equal)),
            ("!=", Token::Compare(Comparison::NotEqual)),
            ("<=", Token::Compare(Comparison::LessOrEqual)),
            (">=", Token::Compare(Comparison::GreaterOrEqual)),
            ("=", Token::Compare(Comparison::Equal)),
            ("<", Token::Compare(Comparison::Less)),
            (">", Token::Compare(Comparison::Greater)),
            ("\\", Token::Direction(true)),
        ];
        let rest = &self.text[self.at..];
        if let Some((word, token)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(token.clone());
        }
        match character {
            '/' => {
                self.at += 1;
                Ok(Token::Direction(false))
            }
            ',' => Ok(self.comma()),
            '\'' | '"' => self.quoted(character).map(|name| Token::Name(name, true)),
            '`' => self.quoted('`').map(Token::Operator),
            '-' | '0'..='9' => self.number(),
            '@' if !self.text[self.at + 1..].starts_with(starts_name) => self.sign(character),
            '@' => Ok(self.name()),
            _ if starts_name(character) => Ok(self.name()),
            '$' | '*' | '.' | '[' | ']' | '(' | ')' | ':' | '|' | '&' | '?' | '!' => {
                self.sign(character)
            }
            other => Err(error(
                self.text,
                self.at,
                format!("`{other}` is not expected"),
            )),
        }
    }

    fn sign(&mut self, character: char) -> Result<Token, PathError> {
        self.at += character.len_utf8();
        Ok(Token::Sign(character))
    }

    /// A comma; one before a sort direction belongs to it.
    fn comma(&mut self) -> Token {
        self.at += 1;
        let rest = self.text[self.at..].trim_start();
        if rest.starts_with(['/', '\\']) {
            self.at = self.text.len() - rest.len() + 1;
            return Token::Direction(rest.starts_with('\\'));
        }
        Token::Sign(',')
    }

    fn name(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| !(starts_name(*c) || c.is_ascii_digit() || matches!(c, '@' | '-')))
            .map_or(rest.len(), |(at, _)| at);
        self.at += end;
        Token::Name(rest[..end].to_owned(), false)
    }

    fn number(&mut self) -> Result<Token, PathError> {
        let rest = &self.text[self.at..];
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let sign = usize::from(rest.starts_with('-'));
        let whole = sign + digits(&rest[sign..]);
        let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
        let token = if whole > sign && fraction > 0 {
            self.at += whole + 1 + fraction;
            rest[..whole + 1 + fraction].parse().ok().map(Token::Float)
        } else {
            self.at += whole;
            rest[..whole].parse().ok().map(Token::Int)
        };
        token.ok_or_else(|| error(self.text, self.at, "a number is expected"))
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        while let Some(character) = self.peek() {
            self.at += character.len_utf8();
            match character {
                '\\' => {
                    if let Some(escaped) = self.peek() {
                        self.at += escaped.len_utf8();
                        name.push(escaped);
                    }
                }
                _ if character == quote => return Ok(name),
                _ => name.push(character),
            }
        }
        Err(error(self.text, start, "the quote is not closed"))
    }
}

/// Characters of bare names; further letters than dlt's are let in.
fn starts_name(character: char) -> bool {
    character.is_alphabetic()
        || character == '_'
        || ('\u{1F600}'..='\u{1F64F}').contains(&character)
}
