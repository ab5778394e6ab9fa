//! `client.http` (spec/rest-api.md §20.4), over the settings of `runtime`.

use std::time::Duration;

use tipple_config::Secret;
use tipple_source::fields::Fields;

use super::Reader;
use crate::model::{BoolText, Detect, HttpPolicy};

const BOOLS: [(&str, BoolText); 2] = [("python", BoolText::Python), ("json", BoolText::Json)];
const DETECTS: [(&str, Detect); 2] = [
    ("corrected", Detect::Corrected),
    ("dlt-1.31", Detect::Dlt131),
];

impl Reader<'_> {
    /// The policy of the settings, without those of the document.
    fn http_defaults(&self) -> HttpPolicy {
        let runtime = self.around.runtime;
        HttpPolicy {
            timeout: runtime.request_timeout,
            connect_timeout: runtime.request_timeout,
            max_attempts: runtime.request_attempts_max.max(1),
            backoff: runtime.request_backoff,
            max_retry_delay: runtime.request_delay_max,
            show_error_body: runtime.http_show_error_body,
            error_body_max: runtime.http_error_body_max,
            ..HttpPolicy::default()
        }
    }

    pub(super) fn http(&mut self, client: &mut Fields<'_>) -> HttpPolicy {
        let defaults = self.http_defaults();
        let path = client.path_of("http");
        let Some(value) = client.value("http") else {
            return defaults;
        };
        let Some(mut fields) = Fields::of(value, &path, &mut self.problems) else {
            return defaults;
        };
        let fields = &mut fields;
        let timeout = self.seconds(fields, "timeout");
        let policy = HttpPolicy {
            connect_timeout: self
                .seconds(fields, "connect_timeout")
                .or(timeout)
                .unwrap_or(defaults.connect_timeout),
            timeout: timeout.unwrap_or(defaults.timeout),
            max_attempts: self
                .positive(fields, "max_attempts")
                .map_or(defaults.max_attempts, |n| {
                    u32::try_from(n).unwrap_or(u32::MAX)
                }),
            backoff: self
                .seconds(fields, "backoff_factor")
                .unwrap_or(defaults.backoff),
            max_retry_delay: self
                .seconds(fields, "max_retry_delay")
                .unwrap_or(defaults.max_retry_delay),
            max_total_wait: self
                .seconds(fields, "max_total_wait")
                .unwrap_or(defaults.max_total_wait),
            retry_statuses: self.retry_statuses(fields),
            max_rps: self.rate(fields),
            max_concurrency: self
                .positive(fields, "max_concurrency")
                .map_or(defaults.max_concurrency, |n| {
                    usize::try_from(n).unwrap_or(usize::MAX)
                }),
            max_body_bytes: self.positive(fields, "max_body_mib").map_or(
                defaults.max_body_bytes,
                |n| {
                    usize::try_from(n)
                        .unwrap_or(usize::MAX)
                        .saturating_mul(1 << 20)
                },
            ),
            user_agent: fields.text("user_agent", &mut self.problems),
            proxy: self.proxy(fields),
            ca_file: fields
                .text("ca_file", &mut self.problems)
                .map(|file| self.around.folder.join(file)),
            follow_redirects: fields
                .bool("follow_redirects", &mut self.problems)
                .unwrap_or(true),
            bool_params: fields
                .word("bool_params", &BOOLS, &mut self.problems)
                .unwrap_or_default(),
            strict_selector: fields
                .bool("strict_selector", &mut self.problems)
                .unwrap_or(false),
            detect: fields
                .word("detect", &DETECTS, &mut self.problems)
                .unwrap_or_default(),
            ..defaults
        };
        let fields = Fields::of(value, &path, &mut self.problems).map(|mut rest| {
            rest.leave(&KEYS);
            rest
        });
        if let Some(fields) = fields {
            fields.finish(&mut self.problems);
        }
        policy
    }

    fn seconds<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str) -> Option<Duration> {
        let number = fields.number(key, &mut self.problems)?;
        let duration = Duration::try_from_secs_f64(number).ok();
        if duration.is_none() {
            self.problems
                .add(fields.path_of(key), "must be a number of seconds from 0");
        }
        duration
    }

    fn positive<'f>(&mut self, fields: &mut Fields<'f>, key: &'f str) -> Option<u64> {
        let number = fields.count(key, &mut self.problems)?;
        if number == 0 {
            self.problems.add(fields.path_of(key), "must be 1 or more");
        }
        Some(number.max(1))
    }

    fn rate(&mut self, fields: &mut Fields<'_>) -> Option<f64> {
        let rate = fields.number("max_rps", &mut self.problems)?;
        if rate <= 0.0 {
            let help = "leave the key out for no limit; `0.5` is one request in two seconds";
            self.problems
                .add_with_help(fields.path_of("max_rps"), "must be more than 0", help);
            return None;
        }
        Some(rate)
    }

    fn retry_statuses(&mut self, fields: &mut Fields<'_>) -> Vec<u16> {
        let path = fields.path_of("retry_statuses");
        let list = fields.list("retry_statuses", &mut self.problems);
        let mut statuses = Vec::new();
        for (index, value) in list.into_iter().flatten().enumerate() {
            match value.as_u64().and_then(|status| u16::try_from(status).ok()) {
                Some(status @ 400..=599) => statuses.push(status),
                _ => self.problems.add(
                    format!("{path}[{index}]"),
                    "must be a status from 400 to 599",
                ),
            }
        }
        statuses
    }

    fn proxy(&mut self, fields: &mut Fields<'_>) -> Option<Secret<String>> {
        let path = fields.path_of("proxy");
        let proxy = self.secret(fields, "proxy")?;
        if url::Url::parse(proxy.expose()).is_err() {
            let help = "write `http://host:port`, with `user:password@` before the host if needed";
            self.problems
                .add_with_help(path, "it is no address of a proxy", help);
        }
        Some(proxy)
    }
}

/// Keys of `client.http`.
pub(crate) const KEYS: [&str; 17] = [
    "timeout",
    "connect_timeout",
    "max_attempts",
    "backoff_factor",
    "max_retry_delay",
    "max_total_wait",
    "retry_statuses",
    "max_rps",
    "max_concurrency",
    "max_body_mib",
    "user_agent",
    "proxy",
    "ca_file",
    "follow_redirects",
    "bool_params",
    "strict_selector",
    "detect",
];
