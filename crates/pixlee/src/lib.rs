//! Pixlee as a built-in source: a configuration, its options, and advice on configurations that users write themselves.
//!
//! What is special about the API (spec/sources-pixlee-api-video.md §1): the key is a query parameter, `next` is a boolean
//! that may lack, an error may come with status 200 and tell itself in `status`, answers are cached for two minutes by
//! their whole URL. Start with [`PIXLEE`].

use serde_json::{Value, json};
use tipple_rest::builtin::{BuiltIn, OptionKind, OptionSpec, Options, SecretNeed};
use tipple_rest::model::{
    Action, Auth, ContentMatch, KeyLocation, Origin, PageRule, ResponseAction, RestConfig, Selector,
};
use tipple_source::fields::Problems;

/// The source.
pub const PIXLEE: BuiltIn = BuiltIn {
    names: &["pixlee", "pixlee_source"],
    title: "Pixlee (Emplifi UGC): albums and their photos, media, tags, categories, statistics",
    document: include_str!("source.yaml"),
    defaults: &[
        "albums",
        "album_photos",
        "media",
        "tags",
        "categories",
        "statistics",
    ],
    secrets: &[SecretNeed {
        path: "sources.pixlee_source.api_key",
        title: "Pixlee API key",
        resources: &[],
    }],
    options: &[
        OptionSpec {
            name: "base_url",
            help: "address of the API, for the older host or a test",
            kind: OptionKind::Text,
        },
        OptionSpec {
            name: "per_page",
            help: "items of a page; the server cuts larger values to 200",
            kind: OptionKind::Number(1, 200),
        },
        OptionSpec {
            name: "cache_bust",
            help: "pass by the cache of two minutes with a `unique_id` of the time",
            kind: OptionKind::Bool,
        },
    ],
    adapt,
    finish,
};

fn adapt(document: &mut Value, options: &Options<'_>, _: &mut Problems) {
    if let Some(base_url) = options.text("base_url") {
        document["client"]["base_url"] = base_url.into();
    }
    let params = &mut document["resource_defaults"]["endpoint"]["params"];
    if let Some(per_page) = options.value("per_page") {
        params["per_page"] = per_page.clone();
    }
    if options.is_set("cache_bust") {
        params["unique_id"] = json!(milliseconds());
    }
}

/// Milliseconds since 1970: one number for a whole run, which is all that the cache looks at.
fn milliseconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// What a document cannot say: an answer may lack `next`, and one with status 200 may be an error.
fn finish(config: &mut RestConfig) {
    for resource in &mut config.resources {
        let Origin::Endpoint(endpoint) = &mut resource.origin else {
            continue;
        };
        if let Some(paginator) = &mut endpoint.paginator
            && let PageRule::PageNumber(rule) = &mut paginator.rule
        {
            rule.bounds.has_more_may_lack = true;
        }
        endpoint.actions.extend(disguised_error());
    }
}

/// An answer with status 200 that is an error by its own `status`: a flat object, so that rows are never searched.
fn disguised_error() -> Option<ResponseAction> {
    let pattern =
        r#"\A\s*\{(?:[^\[{]|\[\s*\])*"status"\s*:\s*"?[45]\d\d"?(?:[^\[{]|\[\s*\])*\}\s*\z"#;
    Some(ResponseAction {
        statuses: std::iter::once(200..=299).collect(),
        content: Some(ContentMatch::regex(pattern)?),
        action: Action::Raise,
    })
}

/// Names the causes why a configuration that a user wrote for this API will not work (the published example does not).
pub fn advise(source: &str, config: &RestConfig) -> Vec<String> {
    let mut advice = Vec::new();
    for resource in &config.resources {
        let Origin::Endpoint(endpoint) = &resource.origin else {
            continue;
        };
        let is_meant = endpoint.base_url.contains("pixlee") || source.contains("pixlee");
        if !is_meant {
            continue;
        }
        let name = &resource.spec.name;
        for auth in endpoint.auth.iter() {
            if let Auth::ApiKey {
                location,
                name: key,
                ..
            } = auth
                && (*location != KeyLocation::Query || key != "api_key")
            {
                push(&mut advice, "Pixlee takes its key as the query parameter `api_key` and answers 401 to a header: write `auth: { type: api_key, name: api_key, location: query, api_key: … }`".to_owned());
            }
        }
        if matches!(&endpoint.selector, Selector::Path(path) if path.text() == "items") {
            push(
                &mut advice,
                format!(
                    "Pixlee has its rows under `data`, not `items`: `{name}` will be empty; write `data_selector: data`"
                ),
            );
        }
        if endpoint.paginator.is_none() {
            push(&mut advice, "Pixlee says with a boolean `next` whether there are more pages; say so: `paginator: { type: page_number, base_page: 1, total_path: null, has_more_path: next }`".to_owned());
        }
        for param in &endpoint.params {
            let is_sort = param.name.as_literal() == Some("sort");
            let text = format!("{:?}", param.value);
            if is_sort && (text.contains("random") || text.contains("dynamic")) {
                push(
                    &mut advice,
                    format!(
                        "`{name}` is sorted anew for every page: rows will repeat and go missing; sort by recency"
                    ),
                );
            }
        }
    }
    advice
}

fn push(advice: &mut Vec<String>, text: String) {
    if !advice.contains(&text) {
        advice.push(text);
    }
}

#[cfg(test)]
mod tests;
