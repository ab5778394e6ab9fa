//! The built-in document is whole, its options do what they say, and mistakes are told.

use std::path::{Path, PathBuf};

use tipple_config::{Environment, PlacesRequest, RunSettings, Settings};
use tipple_rest::document::{Surroundings, read};
use tipple_rest::fill::{CursorValues, Values};
use tipple_rest::model::BoolText;
use tipple_source::SourceError;
use tipple_source::document::{Document, Syntax};

use super::*;

const VARIABLES: [(&str, &str); 2] = [
    ("SOURCES__API_VIDEO_SOURCE__API_KEY", "canary-video-4711"),
    (
        "SOURCES__API_VIDEO_SOURCE__ADMIN_API_KEY",
        "canary-admin-4711",
    ),
];

fn with<T>(text: &str, read: impl FnOnce(&Document, &Surroundings<'_>) -> T) -> T {
    let request = PlacesRequest {
        project_dir: Some(PathBuf::from("/nowhere")),
        profile: None,
    };
    let settings =
        Settings::load(&request, Environment::of(Path::new("/nowhere"), VARIABLES)).unwrap();
    let run = RunSettings::read(&settings, "videos", None).unwrap();
    let around = Surroundings {
        settings: &settings,
        runtime: &run.runtime,
        source: "api_video_source",
        pipeline: "videos",
        folder: Path::new(""),
    };
    read(
        &Document::parse(text, "videos.yaml", Syntax::Yaml).unwrap(),
        &around,
    )
}

fn built(text: &str) -> Result<RestConfig, SourceError> {
    with(text, |document, around| {
        API_VIDEO.read(document, &[], around)
    })
}

/// One line for each resource: what it asks for and how its rows go on.
fn shown(config: &RestConfig) -> String {
    let mut text = String::new();
    for resource in &config.resources {
        let marks = match (&resource.parent, resource.is_selected) {
            (_, false) => " (feeds others)".to_owned(),
            (Some(link), _) => format!(" (of {})", link.name),
            _ => String::new(),
        };
        let steps: Vec<&str> = resource
            .steps
            .steps()
            .iter()
            .map(|step| step.action.name())
            .collect();
        let Origin::Endpoint(endpoint) = &resource.origin else {
            text.push_str(&format!("{}{marks}\n", resource.spec.name));
            continue;
        };
        let parent = vec![
            tipple_json_text("ID");
            resource.parent.as_ref().map_or(0, |link| link.fields.len())
        ];
        let filled = endpoint
            .fill(&Values {
                parent: &parent,
                cursor: &CursorValues::default(),
                bools: BoolText::Python,
            })
            .unwrap();
        text.push_str(&format!(
            "{}{marks}: {}/{filled} {steps:?}\n",
            resource.spec.name, endpoint.base_url
        ));
    }
    text
}

fn tipple_json_text(text: &str) -> tipple_json::Value {
    tipple_json::Value::Text(text.to_owned())
}

#[test]
fn all_resources_are_whole() {
    let names = API_VIDEO.resources().unwrap();
    let text = format!("source: api_video\nresources: [{}]", names.join(", "));
    let config = built(&text).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    insta::assert_snapshot!("all", shown(&config));
}

#[test]
fn the_usual_resources_come_without_being_named() {
    let config = built("source: api_video").unwrap();
    let names: Vec<&str> = config
        .resources
        .iter()
        .map(|r| r.spec.name.as_str())
        .collect();
    assert_eq!(names, ["videos", "summaries"]);
    assert_eq!(config.secrets.len(), 1);
}

#[test]
fn a_child_brings_its_parent_along_without_its_table() {
    let config = built("source: api_video\nresources: [summary_source, caption]").unwrap();
    let shown: Vec<(&str, bool)> = config
        .resources
        .iter()
        .map(|r| (r.spec.name.as_str(), r.is_selected))
        .collect();
    assert_eq!(
        shown,
        [
            ("summaries", false),
            ("videos", false),
            ("summary_source", true),
            ("captions", false),
            ("caption", true)
        ]
    );
}

#[test]
fn options_and_own_hints_change_it() {
    let config = built(
        r#"
source: api_video
options: { environment: sandbox, page_size: 25, keep_secrets: true, from: "2025-01-01", metrics: [ { metric: view, aggregation: total } ] }
resources:
  - { name: videos, write_disposition: append, endpoint: { params: { title: x } } }
  - live_streams
  - metrics
"#,
    )
    .unwrap();
    insta::assert_snapshot!("options", shown(&config));
    let videos = config
        .resources
        .iter()
        .find(|r| r.spec.name == "videos")
        .unwrap();
    assert_eq!(
        videos.spec.disposition(),
        tipple_source::Disposition::Append
    );
    assert!(videos.spec.incremental.is_some());
}

#[test]
fn mistakes_are_told() {
    let text = r#"
source: api_video
client: { base_url: x }
options: { enviroment: sandbox, page_size: 5, metrics: [ { metric: play } ], keep_secrets: "yes", environment: test }
resources: [vidoes, 7]
"#;
    insta::assert_snapshot!("mistakes", built(text).unwrap_err());
}

#[test]
fn the_published_form_of_projects_is_explained() {
    let text = r#"
client: { base_url: "https://ws.api.video", auth: { type: http_basic, api_key: canary-own-4711 } }
resources: [ { name: projects_api_keys, endpoint: { path: /projects/api-keys, data_selector: data } } ]
"#;
    let config = with(text, |document, around| read(document, &[], around)).unwrap();
    insta::assert_snapshot!("advice", advise("own", &config).join("\n"));
}
