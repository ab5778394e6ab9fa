//! `paginator` of client and endpoint (spec/rest-api.md §10).

use serde_json::Value;
use tipple_source::fields::{Fields, join, kind_of};

use super::Reader;
use crate::model::{
    CursorRule, OffsetRule, PageNumberRule, PageRule, Paginator, RangeBounds, Target,
};
use tipple_json::JsonPath;

/// Words for `type`; the last two decide nothing by themselves.
pub(crate) const TYPES: [&str; 9] = [
    "json_link",
    "header_link",
    "header_cursor",
    "cursor",
    "offset",
    "page_number",
    "single_page",
    "auto",
    "detect",
];

/// Old name of `json_link`.
const OLD_JSON_LINK: &str = "json_response";

/// What a document says about `paginator`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum PaginatorWish {
    /// Nothing, or `auto`: something less specific counts.
    #[default]
    Absent,
    /// `detect`: found out from the first answer, whatever is less specific.
    Detect,
    Given(Box<Paginator>),
}

impl Reader<'_> {
    /// Reads the member `paginator`.
    pub(super) fn paginator_wish(&mut self, fields: &mut Fields<'_>) -> PaginatorWish {
        let path = fields.path_of("paginator");
        match fields.value("paginator") {
            None => PaginatorWish::Absent,
            Some(value) => self.paginator(value, &path),
        }
    }

    fn paginator(&mut self, value: &Value, path: &str) -> PaginatorWish {
        let empty = Value::Object(serde_json::Map::new());
        let (kind, value, type_path) = match value {
            Value::String(kind) => (kind.as_str(), &empty, path.to_owned()),
            Value::Object(map) => match map.get("type") {
                Some(Value::String(kind)) => (kind.as_str(), value, join(path, "type")),
                Some(other) if !other.is_null() => {
                    let message = format!("must be a text, not {}", kind_of(other));
                    self.problems.add(join(path, "type"), message);
                    return PaginatorWish::Absent;
                }
                _ => {
                    let help = "say which one: `type: page_number`";
                    self.problems
                        .add_with_help(path, "the paginator has no `type`", help);
                    return PaginatorWish::Absent;
                }
            },
            other => {
                let message = format!(
                    "must be the name of a type or an object, not {}",
                    kind_of(other)
                );
                self.problems.add(path, message);
                return PaginatorWish::Absent;
            }
        };
        self.paginator_of(kind, value, path, &type_path)
    }

    fn paginator_of(
        &mut self,
        kind: &str,
        value: &Value,
        path: &str,
        type_path: &str,
    ) -> PaginatorWish {
        let Some(mut fields) = Fields::of(value, path, &mut self.problems) else {
            return PaginatorWish::Absent;
        };
        fields.leave(&["type"]);
        let rule = match kind {
            "auto" | "detect" => {
                fields.finish(&mut self.problems);
                return match kind {
                    "auto" => PaginatorWish::Absent,
                    _ => PaginatorWish::Detect,
                };
            }
            "single_page" => Some(PageRule::SinglePage),
            "json_link" => self.json_link(&mut fields),
            OLD_JSON_LINK => {
                self.warn(format!(
                    "`{OLD_JSON_LINK}` is the old name of the paginator `json_link`"
                ));
                self.json_link(&mut fields)
            }
            "header_link" => Some(PageRule::HeaderLink {
                rel: self.word_or(&mut fields, "links_next_key", "next"),
            }),
            "header_cursor" => Some(PageRule::HeaderCursor {
                header: self.word_or(&mut fields, "cursor_key", "next"),
                param: self.word_or(&mut fields, "cursor_param", "cursor"),
            }),
            "cursor" => self.cursor_rule(&mut fields, path),
            "page_number" => self.page_number(&mut fields, value, path),
            "offset" => self.offset(&mut fields, value, path),
            other => {
                self.problems.add_unknown_word(type_path, other, &TYPES);
                return PaginatorWish::Absent;
            }
        };
        let maximum_pages = fields.count("maximum_pages", &mut self.problems);
        fields.finish(&mut self.problems);
        rule.map_or(PaginatorWish::Absent, |rule| {
            PaginatorWish::Given(Box::new(Paginator {
                rule,
                maximum_pages,
            }))
        })
    }

    fn word_or<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str, default: &str) -> String {
        let word = fields
            .text(key, &mut self.problems)
            .filter(|word| !word.is_empty());
        word.unwrap_or_else(|| default.to_owned())
    }

    /// A path, checked.
    pub(super) fn path<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str) -> Option<JsonPath> {
        let text = fields.text(key, &mut self.problems)?;
        match text.parse() {
            Ok(path) => Some(path),
            Err(error) => {
                let help = "quote names with odd characters: `a.'odd name'`, `['@odata.next']`";
                self.problems
                    .add_with_help(fields.path_of(key), format!("{error}"), help);
                None
            }
        }
    }

    fn path_or<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str, default: &[&str]) -> JsonPath {
        self.path(fields, key)
            .unwrap_or_else(|| JsonPath::of_keys(default))
    }

    fn json_link(&mut self, fields: &mut Fields<'_>) -> Option<PageRule> {
        Some(PageRule::JsonLink {
            next_url_path: self.path_or(fields, "next_url_path", &["next"]),
        })
    }

    fn cursor_rule(&mut self, fields: &mut Fields<'_>, path: &str) -> Option<PageRule> {
        let cursor_path = self.path_or(fields, "cursor_path", &["cursors", "next"]);
        let target = self.target(fields, path, ["cursor_param", "cursor_body_path"], "cursor")?;
        Some(PageRule::Cursor(CursorRule {
            cursor_path,
            target,
            stop_after_empty_page: fields
                .bool("stop_after_empty_page", &mut self.problems)
                .unwrap_or(false),
            has_more_path: self.path(fields, "has_more_path"),
        }))
    }

    fn page_number(
        &mut self,
        fields: &mut Fields<'_>,
        value: &Value,
        path: &str,
    ) -> Option<PageRule> {
        let base_page = self.int(fields, "base_page").unwrap_or(0);
        let page = self.int(fields, "page").unwrap_or(base_page);
        let target = self.target(fields, path, ["page_param", "page_body_path"], "page");
        let bounds = self.bounds(fields, value, path, "maximum_page");
        Some(PageRule::PageNumber(PageNumberRule {
            base_page,
            page,
            target: target?,
            bounds,
        }))
    }

    fn offset(&mut self, fields: &mut Fields<'_>, value: &Value, path: &str) -> Option<PageRule> {
        let limit = self.int(fields, "limit");
        if limit.is_none_or(|limit| limit <= 0) && !self.has_problem_at(&fields.path_of("limit")) {
            let help = "say how many items a page has: `{ type: offset, limit: 100 }`";
            self.problems.add_with_help(
                fields.path_of("limit"),
                "the paginator `offset` needs a `limit` above 0",
                help,
            );
        }
        let offset = self.int(fields, "offset").unwrap_or(0);
        let offset_target =
            self.target(fields, path, ["offset_param", "offset_body_path"], "offset");
        let limit_target = self.target(fields, path, ["limit_param", "limit_body_path"], "limit");
        let bounds = self.bounds(fields, value, path, "maximum_offset");
        Some(PageRule::Offset(OffsetRule {
            offset,
            limit: limit.unwrap_or(1),
            offset_target: offset_target?,
            limit_target: limit_target?,
            bounds,
        }))
    }

    fn has_problem_at(&self, path: &str) -> bool {
        self.problems.0.iter().any(|problem| problem.path == path)
    }

    fn int<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str) -> Option<i64> {
        let value = fields.value(key)?;
        let number = value.as_i64();
        if number.is_none() {
            let shown = match value {
                Value::String(text) => format!("the text `{text}`"),
                other => kind_of(other).to_owned(),
            };
            let help = "write the number without quotes";
            self.problems.add_with_help(
                fields.path_of(key),
                format!("must be a whole number, not {shown}"),
                help,
            );
        }
        number
    }

    /// A parameter or a place in the body; the parameter `default` when neither is given.
    fn target<'f>(
        &mut self,
        fields: &mut Fields<'f>,
        path: &str,
        [param_key, body_key]: [&'f str; 2],
        default: &str,
    ) -> Option<Target> {
        let param = fields.text(param_key, &mut self.problems);
        let body = fields.text(body_key, &mut self.problems);
        let is_param_empty = param.as_deref() == Some("");
        match (
            param.filter(|p| !p.is_empty()),
            body.filter(|b| !b.is_empty()),
        ) {
            (Some(_), Some(_)) => {
                let message = format!("`{param_key}` and `{body_key}` are both set");
                let help = format!(
                    "keep `{param_key}` for a query parameter, or `{body_key}` for a member of the JSON body"
                );
                self.problems.add_with_help(path, message, help);
                None
            }
            (Some(param), None) => Some(Target::Param(param)),
            (None, Some(body)) => Some(Target::Body(body.split('.').map(str::to_owned).collect())),
            (None, None) if is_param_empty => {
                let message = format!("neither `{param_key}` nor `{body_key}` has a name");
                self.problems.add_with_help(
                    path,
                    message,
                    format!("write `{param_key}: {default}`"),
                );
                None
            }
            (None, None) => Some(Target::Param(default.to_owned())),
        }
    }

    fn bounds<'f>(
        &mut self,
        fields: &mut Fields<'f>,
        value: &Value,
        path: &str,
        maximum_key: &'f str,
    ) -> RangeBounds {
        let is_explicit_null = value.get("total_path").is_some_and(Value::is_null);
        fields.leave(&["total_path"]);
        let total_path = match is_explicit_null {
            true => None,
            false => Some(self.path_or(fields, "total_path", &["total"])),
        };
        let bounds = RangeBounds {
            total_path,
            maximum: self.int(fields, maximum_key),
            stop_after_empty_page: fields
                .bool("stop_after_empty_page", &mut self.problems)
                .unwrap_or(true),
            has_more_path: self.path(fields, "has_more_path"),
            has_more_may_lack: false,
        };
        let is_endless = bounds.total_path.is_none()
            && bounds.maximum.is_none()
            && bounds.has_more_path.is_none()
            && !bounds.stop_after_empty_page;
        if is_endless {
            let message = "nothing ends the pages";
            let help = format!(
                "set `total_path`, `{maximum_key}` or `has_more_path`, or leave `stop_after_empty_page` on"
            );
            self.problems.add_with_help(path, message, help);
        }
        bounds
    }
}
