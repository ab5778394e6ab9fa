//! The built-in document is whole, its options do what they say, and the published example is explained.

use std::path::{Path, PathBuf};

use tipple_config::{Environment, PlacesRequest, RunSettings, Settings};
use tipple_rest::document::{Surroundings, read};
use tipple_rest::fill::{CursorValues, Values};
use tipple_rest::model::BoolText;
use tipple_source::SourceError;
use tipple_source::document::{Document, Syntax};

use super::*;

fn with<T>(text: &str, read: impl FnOnce(&Document, &Surroundings<'_>) -> T) -> T {
    let request = PlacesRequest {
        project_dir: Some(PathBuf::from("/nowhere")),
        profile: None,
    };
    let variables = [("SOURCES__PIXLEE_SOURCE__API_KEY", "canary-pixlee-4711")];
    let settings =
        Settings::load(&request, Environment::of(Path::new("/nowhere"), variables)).unwrap();
    let run = RunSettings::read(&settings, "pixlee", None).unwrap();
    let around = Surroundings {
        settings: &settings,
        runtime: &run.runtime,
        source: "pixlee_source",
        pipeline: "pixlee",
        folder: Path::new(""),
    };
    read(
        &Document::parse(text, "pixlee.yaml", Syntax::Yaml).unwrap(),
        &around,
    )
}

fn built(text: &str) -> Result<RestConfig, SourceError> {
    with(text, |document, around| PIXLEE.read(document, &[], around))
}

fn requests(config: &RestConfig) -> String {
    let mut text = String::new();
    for resource in &config.resources {
        let Origin::Endpoint(endpoint) = &resource.origin else {
            continue;
        };
        let filled = endpoint
            .fill(&Values {
                parent: &[tipple_json::Value::Int(7)],
                cursor: &CursorValues::default(),
                bools: BoolText::Python,
            })
            .unwrap();
        text.push_str(&format!(
            "{}: {}/{filled}\n",
            resource.spec.name, endpoint.base_url
        ));
    }
    text
}

#[test]
fn all_resources_are_whole() {
    let config = built("source: pixlee").unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    insta::assert_snapshot!("all", requests(&config));
}

#[test]
fn options_change_it() {
    let config = built("source: pixlee\noptions: { base_url: \"http://127.0.0.1:1/api/v2\", per_page: 5, cache_bust: true }\nresources: [albums]").unwrap();
    let requests = requests(&config);
    assert!(
        requests.starts_with("albums: http://127.0.0.1:1/api/v2/albums?per_page=5&unique_id=1"),
        "{requests}"
    );
}

#[test]
fn an_error_with_status_200_is_one() {
    let Some(ContentMatch::Regex(pattern)) = disguised_error().unwrap().content else {
        panic!("no pattern");
    };
    for body in [
        include_str!("../../../fixtures/pixlee/error.200_with_status_500.json"),
        include_str!("../../../fixtures/pixlee/error.401.json"),
        r#"{"error": "Internal error.", "status": "500"}"#,
    ] {
        assert!(pattern.is_match(body), "{body}");
    }
    for body in [
        include_str!("../../../fixtures/pixlee/albums.page1.json"),
        r#"{"data":[{"status":"500"}],"status":200}"#,
        r#"{"status":200,"data":[]}"#,
    ] {
        assert!(!pattern.is_match(body), "{body}");
    }
}

#[test]
fn the_published_example_is_explained() {
    let text = r#"
client: { base_url: "https://distillery.pixlee.co/api/v2", auth: { type: api_key, api_key: canary-own-4711 } }
resources: [ { name: media, endpoint: { path: media, data_selector: items, params: { sort: { $json: { random: true } } } } } ]
"#;
    let config = with(text, |document, around| read(document, &[], around)).unwrap();
    let advice = advise("own", &config);
    assert!(!advice.concat().contains("canary"));
    insta::assert_snapshot!("advice", advice.join("\n"));
}
