//! api.video as a built-in source: a configuration, its options, and advice on configurations that users write
//! themselves.
//!
//! What is special about the API (spec/sources-pixlee-api-video.md §2): the key is the user name, sandbox and production
//! are two hosts with a key each, projects live on a third host with another key and another form of answer, five fields
//! hold secrets and are masked unless `keep_secrets` says otherwise. Start with [`API_VIDEO`].

use serde_json::{Value, json};
use tipple_rest::builtin::{BuiltIn, OptionKind, OptionSpec, Options, SecretNeed};
use tipple_rest::model::{Origin, RestConfig};
use tipple_source::fields::Problems;

/// Host of the sandbox.
const SANDBOX: &str = "https://sandbox.api.video";

/// Host of projects, their keys and their usage.
const ADMIN: &str = "https://admin.api.video";

/// What stands for the admin host in the document.
const ADMIN_MARK: &str = "@admin/";

/// Resources of the admin host.
const ADMIN_RESOURCES: &[&str] = &[
    "projects",
    "projects_api_keys",
    "delivery_usage",
    "hosting_usage",
];

/// Resources of measurements, which take a time range.
const MEASURED: [&str; 3] = ["metrics", "buckets", "timeseries"];

/// The source.
pub const API_VIDEO: BuiltIn = BuiltIn {
    names: &["api_video", "api_video_source"],
    title: "api.video: videos, live streams, players, summaries, captions, analytics, projects",
    document: include_str!("source.yaml"),
    defaults: &["videos", "summaries"],
    secrets: &[
        SecretNeed {
            path: "sources.api_video_source.api_key",
            title: "api.video API key",
            resources: &[],
        },
        SecretNeed {
            path: "sources.api_video_source.admin_api_key",
            title: "api.video admin API key",
            resources: ADMIN_RESOURCES,
        },
    ],
    options: &[
        OptionSpec {
            name: "environment",
            help: "which of the two hosts; each has its own key",
            kind: OptionKind::Choice(&["production", "sandbox"]),
        },
        OptionSpec {
            name: "base_url",
            help: "another address of the API, for a test",
            kind: OptionKind::Text,
        },
        OptionSpec {
            name: "admin_base_url",
            help: "another address of the admin API, for a test",
            kind: OptionKind::Text,
        },
        OptionSpec {
            name: "page_size",
            help: "items of a page",
            kind: OptionKind::Number(10, 100),
        },
        OptionSpec {
            name: "keep_secrets",
            help: "load stream keys, upload tokens, webhook secrets and API keys as they are",
            kind: OptionKind::Bool,
        },
        OptionSpec {
            name: "metrics",
            help: "what `metrics` asks for",
            kind: OptionKind::Objects(&["metric", "aggregation"]),
        },
        OptionSpec {
            name: "buckets",
            help: "what `buckets` asks for",
            kind: OptionKind::Objects(&["metric", "breakdown"]),
        },
        OptionSpec {
            name: "timeseries",
            help: "what `timeseries` asks for",
            kind: OptionKind::Objects(&["metric"]),
        },
        OptionSpec {
            name: "from",
            help: "start of the time range of metrics, buckets and timeseries",
            kind: OptionKind::Text,
        },
        OptionSpec {
            name: "to",
            help: "end of it",
            kind: OptionKind::Text,
        },
    ],
    adapt,
    finish: |_| {},
};

fn adapt(document: &mut Value, options: &Options<'_>, problems: &mut Problems) {
    if options.text("environment") == Some("sandbox") {
        document["client"]["base_url"] = SANDBOX.into();
    }
    if let Some(base_url) = options.text("base_url") {
        if options.text("environment").is_some() {
            let message = "`environment` and `base_url` both choose the host";
            problems.add_with_help("options.base_url", message, "keep one of the two");
        }
        document["client"]["base_url"] = base_url.into();
    }
    if let Some(page_size) = options.value("page_size") {
        document["resource_defaults"]["endpoint"]["params"]["pageSize"] = page_size.clone();
    }
    let admin = options
        .text("admin_base_url")
        .unwrap_or(ADMIN)
        .trim_end_matches('/');
    for resource in document["resources"].as_array_mut().into_iter().flatten() {
        adapt_resource(resource, options, admin);
    }
}

fn adapt_resource(resource: &mut Value, options: &Options<'_>, admin: &str) {
    let name = resource["name"].as_str().unwrap_or_default().to_owned();
    let path = resource.pointer("/endpoint/path").and_then(Value::as_str);
    if let Some(rest) = path.and_then(|path| path.strip_prefix(ADMIN_MARK)) {
        resource["endpoint"]["path"] = format!("{admin}/{rest}").into();
    }
    if options.is_set("keep_secrets")
        && let Some(map) = resource.as_object_mut()
    {
        // Masking is the only step that the document has.
        map.remove("processing_steps");
    }
    if MEASURED.contains(&name.as_str()) {
        for key in ["from", "to"] {
            if let Some(value) = options.value(key) {
                if resource.pointer("/endpoint/params").is_none() {
                    resource["endpoint"]["params"] = json!({});
                }
                resource["endpoint"]["params"][key] = value.clone();
            }
        }
    }
    let lists = [
        ("metric_list", "metrics"),
        ("bucket_list", "buckets"),
        ("timeseries_list", "timeseries"),
    ];
    if let Some((_, option)) = lists.iter().find(|(list, _)| *list == name)
        && let Some(rows) = options.value(option)
    {
        resource["rows"] = rows.clone();
    }
}

/// Names the causes why a configuration that a user wrote for this API will not work (the published example does not).
pub fn advise(source: &str, config: &RestConfig) -> Vec<String> {
    let mut advice = Vec::new();
    for resource in &config.resources {
        let Origin::Endpoint(endpoint) = &resource.origin else {
            continue;
        };
        let is_meant = endpoint.base_url.contains("api.video") || source.contains("api_video");
        let path = endpoint
            .path
            .as_literal()
            .unwrap_or_default()
            .trim_matches('/');
        if is_meant && path == "projects/api-keys" {
            advice.push(format!(
                "`{}` will answer 404: keys of projects are at {ADMIN}, path `/projects/{{project_id}}/api-keys`, rows under `items`, with a key of its own; the resource `projects_api_keys` of the built-in source has it all (`source: api_video`)",
                resource.spec.name
            ));
        }
    }
    advice
}

#[cfg(test)]
mod tests;
