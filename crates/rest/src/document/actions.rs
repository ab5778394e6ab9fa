//! `response_actions` (spec/rest-api.md §15).

use std::ops::RangeInclusive;

use serde_json::Value;
use tipple_source::fields::{Fields, join, kind_of, nearest, quoted_list};

use super::Reader;
use crate::jq::Jq;
use crate::model::{Action, ContentMatch, ResponseAction};

const ACTIONS: [&str; 4] = ["ignore", "raise", "retry", "skip_page"];

impl Reader<'_> {
    pub(super) fn actions(&mut self, fields: &mut Fields<'_>) -> Vec<ResponseAction> {
        let path = fields.path_of("response_actions");
        let list = fields.list("response_actions", &mut self.problems);
        let read = |(index, value)| self.action(value, &format!("{path}[{index}]"));
        list.into_iter()
            .flatten()
            .enumerate()
            .filter_map(read)
            .collect()
    }

    fn action(&mut self, value: &Value, path: &str) -> Option<ResponseAction> {
        let mut fields = Fields::of(value, path, &mut self.problems)?;
        let statuses = fields.value("status_code");
        let statuses = statuses.map(|value| self.statuses(value, &join(path, "status_code")));
        let content = self.content(&mut fields);
        let action = fields.value("action");
        fields.finish(&mut self.problems);
        let action = match action {
            Some(action) => self.what(action, &join(path, "action"))?,
            None => {
                let help = format!("write one of {}", quoted_list(&ACTIONS));
                self.problems
                    .add_with_help(path, "there is no `action`", help);
                return None;
            }
        };
        if statuses.is_none() && content.is_none() && !matches!(action, Action::Replace(_)) {
            // dlt passes over an action without a condition unless it is a function.
            self.warn(format!(
                "`{path}` has neither `status_code` nor `content`: it does nothing"
            ));
            return None;
        }
        Some(ResponseAction {
            statuses: statuses.unwrap_or_default(),
            content,
            action,
        })
    }

    /// A status, a text of one, a range `"500-599"`, or a list of these.
    fn statuses(&mut self, value: &Value, path: &str) -> Vec<RangeInclusive<u16>> {
        let mut statuses = Vec::new();
        let single = std::slice::from_ref(value);
        for one in value.as_array().map_or(single, Vec::as_slice) {
            match status_range(one) {
                Some(range) => statuses.push(range),
                None => {
                    let help = "write `404`, `[404, 410]` or `\"500-599\"`";
                    self.problems.add_with_help(path, "it is no status", help);
                }
            }
        }
        statuses
    }

    fn content(&mut self, fields: &mut Fields<'_>) -> Option<ContentMatch> {
        let text = fields.text("content", &mut self.problems);
        let Some(pattern) = fields.text("content_regex", &mut self.problems) else {
            return text.map(ContentMatch::Text);
        };
        let path = fields.path_of("content_regex");
        if text.is_some() {
            let message = "`content` and `content_regex` are both set";
            self.problems
                .add_with_help(path, message, "keep one of them");
            return None;
        }
        match regex::Regex::new(&pattern) {
            Ok(regex) => Some(ContentMatch::Regex(regex)),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                self.problems
                    .add(path, format!("it is no regular expression: {reason}"));
                None
            }
        }
        .or(text.map(ContentMatch::Text))
    }

    fn what(&mut self, value: &Value, path: &str) -> Option<Action> {
        match value {
            Value::String(word) => Some(match word.as_str() {
                "ignore" => Action::Ignore,
                "raise" => Action::Raise,
                "retry" => Action::Retry,
                "skip_page" => Action::SkipPage,
                unknown => {
                    let near =
                        nearest(unknown, &ACTIONS).map(|near| format!(" (did you mean `{near}`?)"));
                    self.warn(format!(
                        "`{path}`: the action `{unknown}` is not known and does nothing{}",
                        near.unwrap_or_default()
                    ));
                    Action::Nothing
                }
            }),
            Value::Object(_) => {
                let mut fields = Fields::of(value, path, &mut self.problems)?;
                let program = fields.text("jq", &mut self.problems);
                fields.finish(&mut self.problems);
                self.jq(program.as_deref(), path).map(Action::Replace)
            }
            other => {
                let message = format!("must be a word or `{{ jq: … }}`, not {}", kind_of(other));
                self.problems.add_with_help(
                    path,
                    message,
                    format!("write one of {}", quoted_list(&ACTIONS)),
                );
                None
            }
        }
    }

    /// A program, compiled; `path` is that of the object around it.
    pub(super) fn jq(&mut self, program: Option<&str>, path: &str) -> Option<Jq> {
        let Some(program) = program else {
            if !self
                .problems
                .0
                .iter()
                .any(|problem| problem.path.starts_with(path))
            {
                self.problems
                    .add_with_help(path, "there is no program", "write `{ jq: \"…\" }`");
            }
            return None;
        };
        match Jq::compile(program) {
            Ok(program) => Some(program),
            Err(error) => {
                self.problems.add(join(path, "jq"), error.to_string());
                None
            }
        }
    }
}

fn status_range(value: &Value) -> Option<RangeInclusive<u16>> {
    let status = |text: &str| {
        text.trim()
            .parse::<u16>()
            .ok()
            .filter(|s| (100..=599).contains(s))
    };
    match value {
        Value::Number(number) => status(&number.to_string()).map(|s| s..=s),
        Value::String(text) => match text.split_once('-') {
            Some((low, high)) => {
                let (low, high) = (status(low)?, status(high)?);
                (low <= high).then_some(low..=high)
            }
            None => status(text).map(|s| s..=s),
        },
        _ => None,
    }
}
