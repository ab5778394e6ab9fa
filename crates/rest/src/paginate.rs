//! From one answer to the next request: every paginator and its guards (spec/rest-api.md §10).
//!
//! A [`Pager`] holds the state of one sequence of pages. It reads what it needs from the text of an answer, writes the
//! next request into the [`Call`], and stops by the rules of dlt, in dlt's order. A sequence that repeats itself ends in
//! an error instead of never. Finding a paginator out is the task of [`detect`].

pub(crate) mod detect;
mod link;

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tipple_json::{JsonPath, Value, parse_value, python_repr};

use crate::error::Failure;
use crate::http::{Answer, Call, Content};
use crate::model::{
    CursorRule, OffsetRule, PageNumberRule, PageRule, Paginator, RangeBounds, Target,
};

/// Equal answers one after another after which counting pages is taken for endless, when nothing else bounds it.
const EQUAL_ANSWERS_MAX: u32 = 2;

/// One page as a paginator sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) answer: &'a Answer,
    /// The body as JSON text; `null` for an empty one.
    pub(crate) body: &'a str,
    /// Texts of what is at [`Pager::paths`], in their order.
    pub(crate) values: &'a [Option<Cow<'a, str>>],
    /// The page has no rows.
    pub(crate) is_empty: bool,
}

impl Seen<'_> {
    /// The value at path `index` of the rule.
    fn value(&self, index: usize) -> Result<Option<Value>, Failure> {
        let raw = self.values.get(index).and_then(Option::as_ref);
        let parsed = raw.map(|raw| parse_value(raw.as_bytes())).transpose();
        parsed.map_err(|error| Failure::Paginator {
            reason: error.to_string(),
            help: "the answer is not valid JSON".to_owned(),
        })
    }
}

/// State of one sequence of pages.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    rule: PageRule,
    page_count_max: Option<u64>,
    /// Number that the next request asks for: a page or an offset.
    number: i64,
    /// Bound that the last answer has told.
    total: Option<i64>,
    page_count: u64,
    guard: Guard,
}

/// Notices that a sequence repeats itself.
#[derive(Debug, Clone, Default)]
struct Guard {
    /// Requests of this sequence.
    sent: HashSet<u64>,
    body: Option<u64>,
    equal_count: u32,
    /// The rule was guessed: two equal answers are enough.
    is_guess: bool,
}

impl Pager {
    /// A new sequence.
    pub(crate) fn new(paginator: &Paginator) -> Self {
        let number = match &paginator.rule {
            PageRule::PageNumber(rule) => rule.page,
            PageRule::Offset(rule) => rule.offset,
            _ => 0,
        };
        Pager {
            rule: paginator.rule.clone(),
            page_count_max: paginator.maximum_pages,
            number,
            total: None,
            page_count: 0,
            guard: Guard::default(),
        }
    }

    /// A sequence whose first request was sent before its rule was found out.
    pub(crate) fn detected(rule: PageRule) -> Self {
        let mut pager = Pager::new(&Paginator::from(rule));
        pager.guard.is_guess = true;
        pager
    }

    /// What the rule wants to know of a body, so that it is found in the walk that finds the rows.
    pub(crate) fn paths(&self) -> Vec<&JsonPath> {
        match &self.rule {
            PageRule::JsonLink { next_url_path } => vec![next_url_path],
            PageRule::Cursor(rule) => [Some(&rule.cursor_path), rule.has_more_path.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
            PageRule::PageNumber(PageNumberRule { bounds, .. })
            | PageRule::Offset(OffsetRule { bounds, .. }) => {
                [bounds.total_path.as_ref(), bounds.has_more_path.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Writes what the first request needs.
    pub(crate) fn prepare(&self, call: &mut Call) {
        match &self.rule {
            PageRule::PageNumber(rule) => write(call, &rule.target, &Value::Int(self.number)),
            PageRule::Offset(rule) => write_offset(call, rule, self.number),
            _ => {}
        }
    }

    /// Takes in an answer and writes the next request; false at the end.
    ///
    /// # Errors
    /// [`Failure::Paginator`] when the answer lacks what the rule needs, [`Failure::Endless`] when it repeats itself.
    pub(crate) fn advance(&mut self, seen: Seen<'_>, call: &mut Call) -> Result<bool, Failure> {
        self.guard.note(call, seen.answer);
        self.page_count += 1;
        let goes_on = self.next(seen, call)?;
        let is_enough = self
            .page_count_max
            .is_some_and(|max| self.page_count >= max);
        if !goes_on || is_enough {
            return Ok(false);
        }
        self.check(call)?;
        Ok(true)
    }

    fn next(&mut self, seen: Seen<'_>, call: &mut Call) -> Result<bool, Failure> {
        match self.rule.clone() {
            PageRule::SinglePage => Ok(false),
            PageRule::JsonLink { .. } => {
                let next = seen.value(0)?;
                let link = next.as_ref().and_then(Value::as_text);
                follow(call, link.filter(|link| !link.is_empty()))
            }
            PageRule::HeaderLink { rel } => {
                let links = seen.answer.headers.get_all("link").iter();
                let joined: Vec<&str> = links.filter_map(|value| value.to_str().ok()).collect();
                follow(call, link::find(&joined.join(", "), &rel))
            }
            PageRule::HeaderCursor { header, param } => {
                let cursor = seen
                    .answer
                    .header(&header)
                    .filter(|cursor| !cursor.is_empty());
                if let Some(cursor) = cursor {
                    call.set_param(&param, cursor.to_owned());
                }
                Ok(cursor.is_some())
            }
            PageRule::Cursor(rule) => next_cursor(&rule, seen, call),
            PageRule::PageNumber(rule) => {
                let goes_on = self.next_number(&rule.bounds, 1, rule.base_page, seen)?;
                write(call, &rule.target, &Value::Int(self.number));
                Ok(goes_on)
            }
            PageRule::Offset(rule) => {
                let goes_on = self.next_number(&rule.bounds, rule.limit, 0, seen)?;
                write_offset(call, &rule, self.number);
                Ok(goes_on)
            }
        }
    }

    /// The rules of counting, in dlt's order (§10.7).
    fn next_number(
        &mut self,
        bounds: &RangeBounds,
        step: i64,
        base: i64,
        seen: Seen<'_>,
    ) -> Result<bool, Failure> {
        if bounds.stop_after_empty_page && seen.is_empty {
            return Ok(false);
        }
        self.total = match &bounds.total_path {
            Some(path) => Some(total(path, seen)?.saturating_add(base)),
            None => None,
        };
        self.number = self.number.saturating_add(step);
        if !self.is_within(bounds, self.number) {
            return Ok(false);
        }
        match &bounds.has_more_path {
            Some(path) => {
                let index = usize::from(bounds.total_path.is_some());
                has_more(path, index, seen, bounds.has_more_may_lack)
            }
            None => Ok(true),
        }
    }

    fn is_within(&self, bounds: &RangeBounds, number: i64) -> bool {
        self.total.is_none_or(|total| number < total)
            && bounds.maximum.is_none_or(|max| number < max)
    }

    /// The request that comes `distance` pages after the next one, when a known total says that there will be one.
    pub(crate) fn ahead(&self, next: &Call, distance: u64) -> Option<Call> {
        self.total?;
        let (bounds, step) = match &self.rule {
            PageRule::PageNumber(rule) => (&rule.bounds, 1),
            PageRule::Offset(rule) => (&rule.bounds, rule.limit),
            _ => return None,
        };
        let pages = self.page_count.saturating_add(distance);
        if self.page_count_max.is_some_and(|max| pages >= max) {
            return None;
        }
        let number = i64::try_from(distance).ok()?.checked_mul(step)?;
        let number = self.number.checked_add(number)?;
        if !self.is_within(bounds, number) {
            return None;
        }
        let mut call = next.clone();
        match &self.rule {
            PageRule::PageNumber(rule) => write(&mut call, &rule.target, &Value::Int(number)),
            PageRule::Offset(rule) => write_offset(&mut call, rule, number),
            _ => return None,
        }
        Some(call)
    }

    /// The first request asks for a page 0.
    pub(crate) fn starts_at_page_zero(&self) -> bool {
        matches!(&self.rule, PageRule::PageNumber(rule) if rule.page == 0)
    }

    /// Pages of the sequence in all, once an answer has told a total.
    pub(crate) fn pages_expected(&self) -> Option<u64> {
        let (bounds, step) = match &self.rule {
            PageRule::PageNumber(rule) => (&rule.bounds, 1),
            PageRule::Offset(rule) => (&rule.bounds, rule.limit.max(1)),
            _ => return None,
        };
        let total = self.total?;
        let end = bounds.maximum.map_or(total, |max| total.min(max));
        let left = u64::try_from(end.saturating_sub(self.number)).unwrap_or(0);
        let pages = self.page_count + left.div_ceil(step.unsigned_abs());
        Some(self.page_count_max.map_or(pages, |max| pages.min(max)))
    }

    fn check(&self, next: &Call) -> Result<(), Failure> {
        if self.guard.sent.contains(&next.fingerprint()) {
            return Err(Failure::Endless {
                reason: format!("the next request was sent before: {}", next.shown()),
                proposal: self.proposal().to_owned(),
            });
        }
        let is_bounded = self.total.is_some() && !self.guard.is_guess;
        let allowed = if self.guard.is_guess {
            1
        } else {
            EQUAL_ANSWERS_MAX
        };
        let counts = matches!(self.rule, PageRule::PageNumber(_) | PageRule::Offset(_));
        if counts && !is_bounded && self.guard.equal_count >= allowed {
            return Err(Failure::Endless {
                reason: format!("{} answers in a row were equal", self.guard.equal_count + 1),
                proposal: self.proposal().to_owned(),
            });
        }
        Ok(())
    }

    fn proposal(&self) -> &'static str {
        match &self.rule {
            PageRule::PageNumber(_) => {
                "the API seems to pass over the parameter: check `page_param` and `base_page`, or bound it with `maximum_page`"
            }
            PageRule::Offset(_) => {
                "the API seems to pass over the parameter: check `offset_param` and `limit_param`, or bound it with `maximum_offset`"
            }
            PageRule::Cursor(_) if self.guard.is_guess => {
                "the paginator was guessed; write it down: `paginator: {type: page_number, base_page: 1, total_path: …}`, \
                 `{type: json_link, next_url_path: …}` or `single_page`"
            }
            _ => {
                "check the path of the cursor or link; `has_more_path` or `maximum_pages` can end the sequence"
            }
        }
    }
}

impl Guard {
    fn note(&mut self, sent: &Call, answer: &Answer) {
        self.sent.insert(sent.fingerprint());
        let mut hasher = DefaultHasher::new();
        answer.body.hash(&mut hasher);
        let body = hasher.finish();
        self.equal_count = match self.body == Some(body) {
            true => self.equal_count + 1,
            false => 0,
        };
        self.body = Some(body);
    }
}

/// The next URL; parameters of the configuration are dropped, the link carries them (§10.2).
fn follow(call: &mut Call, link: Option<&str>) -> Result<bool, Failure> {
    let Some(link) = link else { return Ok(false) };
    call.url = call.url.join(link).map_err(|error| Failure::Paginator {
        reason: format!("the next link `{link}` is no URL: {error}"),
        help: "check `next_url_path`: it must lead to a URL; for a cursor use `type: cursor`"
            .to_owned(),
    })?;
    call.params.clear();
    Ok(true)
}

fn next_cursor(rule: &CursorRule, seen: Seen<'_>, call: &mut Call) -> Result<bool, Failure> {
    let Some(cursor) = seen.value(0)?.filter(is_true) else {
        return Ok(false);
    };
    if matches!(cursor, Value::Object(_) | Value::List(_)) {
        return Err(Failure::Paginator {
            reason: format!("`{}` is not a single value", rule.cursor_path.text()),
            help: "let `cursor_path` lead to the cursor itself".to_owned(),
        });
    }
    write(call, &rule.target, &cursor);
    if rule.stop_after_empty_page && seen.is_empty {
        return Ok(false);
    }
    match &rule.has_more_path {
        Some(path) => has_more(path, 1, seen, false),
        None => Ok(true),
    }
}

/// Python's truth of a value.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => false,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        _ => true,
    }
}

fn total(path: &JsonPath, seen: Seen<'_>) -> Result<i64, Failure> {
    let found = seen.value(0)?;
    let number = match &found {
        Some(Value::Int(number)) => Some(*number),
        Some(Value::Text(text)) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        let what = match found {
            None | Some(Value::Null) => format!("there is no total at `{}`", path.text()),
            Some(_) => format!("the total at `{}` is no whole number", path.text()),
        };
        Failure::Paginator {
            reason: format!("{what}; the answer has {}", keys_of(seen.body)),
            help: "correct `total_path`, or write `total_path: null` and let an empty page end the sequence".to_owned(),
        }
    })
}

fn has_more(
    path: &JsonPath,
    index: usize,
    seen: Seen<'_>,
    may_lack: bool,
) -> Result<bool, Failure> {
    let found = seen.value(index)?;
    let read = match &found {
        Some(Value::Bool(flag)) => Some(*flag),
        Some(Value::Text(word)) => match word.trim().to_lowercase().as_str() {
            "yes" | "true" | "t" | "y" | "1" => Some(true),
            "no" | "false" | "f" | "n" | "0" => Some(false),
            _ => None,
        },
        None | Some(Value::Null) if may_lack => Some(true),
        _ => None,
    };
    read.ok_or_else(|| Failure::Paginator {
        reason: match found {
            None => format!(
                "there is nothing at `{}`; the answer has {}",
                path.text(),
                keys_of(seen.body)
            ),
            Some(_) => format!("what is at `{}` is neither true nor false", path.text()),
        },
        help: "let `has_more_path` lead to true or false".to_owned(),
    })
}

/// Top-level keys of an answer, for messages; values could be secrets.
pub(crate) fn keys_of(body: &str) -> String {
    keys_of_value(&parse_value(body.as_bytes()).unwrap_or(Value::Null))
}

/// The same for a body that was read already.
pub(crate) fn keys_of_value(body: &Value) -> String {
    match body {
        Value::Object(members) if !members.is_empty() => {
            let keys = members.iter().map(|(key, _)| format!("`{key}`"));
            format!("the keys {}", keys.collect::<Vec<_>>().join(", "))
        }
        Value::List(_) => "no keys: it is a list".to_owned(),
        _ => "no keys".to_owned(),
    }
}

fn write_offset(call: &mut Call, rule: &OffsetRule, offset: i64) {
    write(call, &rule.offset_target, &Value::Int(offset));
    write(call, &rule.limit_target, &Value::Int(rule.limit));
}

/// Puts a value where the rule wants it.
fn write(call: &mut Call, target: &Target, value: &Value) {
    match target {
        Target::Param(name) => call.set_param(name, text_of(value)),
        Target::Body(path) => {
            if !matches!(call.content, Content::Json(_)) {
                call.content = Content::Json(Value::Object(Vec::new()));
            }
            if let Content::Json(body) = &mut call.content {
                set_member(body, path, value.clone());
            }
        }
    }
}

fn set_member(body: &mut Value, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *body = value;
        return;
    };
    if !matches!(body, Value::Object(_)) {
        *body = Value::Object(Vec::new());
    }
    let Value::Object(members) = body else { return };
    let at = match members.iter().position(|(known, _)| known == key) {
        Some(at) => at,
        None => {
            members.push((key.clone(), Value::Null));
            members.len() - 1
        }
    };
    set_member(&mut members[at].1, rest, value);
}

/// A value as Python prints it into a query (§7).
fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Wei(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => python_repr(*number),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        _ => "None".to_owned(),
    }
}

#[cfg(test)]
mod tests;
