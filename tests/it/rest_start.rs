//! From nothing to a first load: `tipple init`, `check`, `convert-config`, `schema pipeline-file`, against the mock server.

use tipple_mockapi::{MockApi, Options};

use crate::program::Place;

/// Key of the server; it stands in `secrets.toml` and nowhere else.
const CANARY: &str = "canary-4711-start";

fn server() -> MockApi {
    let options = Options {
        key: CANARY.to_owned(),
        admin_key: CANARY.to_owned(),
        ..Options::default()
    };
    MockApi::start(options).unwrap()
}

/// What a command writes to both streams, without what varies.
fn told(place: &Place, api: Option<&MockApi>, words: &[&str]) -> String {
    let output = place.tipple(words).output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !stderr.is_empty() {
        text.push_str(&format!("-- stderr\n{stderr}"));
    }
    if output.status.code() != Some(0) {
        text.push_str(&format!("-- exit code {:?}\n", output.status.code()));
    }
    let folder = place.path("").canonicalize().unwrap();
    let text = text.replace(&*folder.to_string_lossy(), "[folder]");
    assert!(!text.contains("canary"), "{text}");
    match api {
        Some(api) => text.replace(api.url(), "[mock]"),
        None => text,
    }
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(name)).unwrap()
}

/// Fills in the placeholders of `init`.
fn fill_secrets(place: &Place) {
    let secrets = read(place, ".dlt/secrets.toml");
    let filled: String = secrets
        .lines()
        .map(|line| match line.split_once(" = \"<paste") {
            Some((key, _)) => format!("{key} = \"{CANARY}\"\n"),
            None => format!("{line}\n"),
        })
        .collect();
    place.write(".dlt/secrets.toml", filled);
}

#[test]
fn every_known_source_is_set_up_and_answers() {
    let api = server();
    for (source, base) in [
        ("api_video", api.url().to_owned()),
        ("pixlee", format!("{}/api/v2", api.url())),
    ] {
        let place = Place::new();
        let file = format!("{source}_pipeline.yaml");
        let created = told(&place, None, &["init", source, "duckdb"]);
        insta::assert_snapshot!(
            format!("init_{source}"),
            format!(
                "{created}{}{}{}",
                read(&place, &file),
                read(&place, ".dlt/secrets.toml"),
                read(&place, ".gitignore")
            )
        );
        // The placeholder is told before anything is sent.
        let unfilled = told(&place, None, &["check", &file]);
        assert!(
            unfilled.contains("placeholder") && unfilled.contains("exit code Some(3)"),
            "{unfilled}"
        );
        fill_secrets(&place);
        let text =
            read(&place, &file).replace("# options:\n", &format!("options:\n  base_url: {base}\n"));
        place.write(&file, text);
        let checked = told(&place, Some(&api), &["check", &file]);
        insta::assert_snapshot!(format!("check_{source}"), checked);
    }
}

#[test]
fn all_resources_of_api_video_load() {
    let api = server();
    let place = Place::new();
    told(&place, None, &["init", "api_video", "duckdb"]);
    fill_secrets(&place);
    let secrets = format!(
        "{}admin_api_key = \"{CANARY}\"\n",
        read(&place, ".dlt/secrets.toml")
    );
    place.write(".dlt/secrets.toml", secrets);
    let url = api.url();
    let options = format!("options:\n  base_url: {url}\n  admin_base_url: {url}/admin\n");
    let text = read(&place, "api_video_pipeline.yaml")
        .replace("# options:\n", &options)
        .replace("  # - ", "  - ");
    place.write("api_video_pipeline.yaml", text);
    let destination = format!("duckdb:{}", place.database().display());
    let output = place
        .tipple(&[
            "run",
            "api_video_pipeline.yaml",
            "--destination",
            &destination,
        ])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let sql = "select distinct stream_key from live_streams union all \
        select distinct token from upload_tokens union all \
        select distinct signature_secret from webhooks union all \
        select distinct value from projects_api_keys";
    let words = [
        "query",
        "api_video_pipeline",
        sql,
        "--destination",
        &destination,
        "-o",
        "csv",
    ];
    let masked = place.tipple(&words).output().unwrap();
    let masked = String::from_utf8_lossy(&masked.stdout).into_owned();
    assert_eq!(masked, "stream_key\n***\n***\n***\n***\n");
}

#[test]
fn a_second_source_touches_nothing_of_the_first() {
    let place = Place::new();
    told(&place, None, &["init", "pixlee", "duckdb"]);
    fill_secrets(&place);
    let told_second = told(&place, None, &["init", "rest_api", "duckdb"]);
    insta::assert_snapshot!(
        "init_second",
        format!("{told_second}{}", read(&place, "rest_api_pipeline.yaml"))
    );
    assert!(read(&place, ".dlt/secrets.toml").contains(CANARY));
    let again = told(&place, None, &["init", "pixlee", "duckdb"]);
    insta::assert_snapshot!("init_again", again);
}

#[test]
fn one_request_and_a_description_become_pipelines() {
    let api = server();
    let place = Place::new();
    let command = format!(
        "curl -H 'X-Api-Key: {CANARY}' '{}/g/offset?limit=2&rows=5' --compressed",
        api.url()
    );
    let created = told(
        &place,
        Some(&api),
        &["init", "--curl", &command, "shop", "duckdb"],
    );
    let file = read(&place, "shop_pipeline.yaml").replace(api.url(), "[mock]");
    assert!(!file.contains("canary"));
    insta::assert_snapshot!("init_curl", format!("{created}{file}"));
    assert!(read(&place, ".dlt/secrets.toml").contains(CANARY));
    insta::assert_snapshot!(
        "check_curl",
        told(&place, Some(&api), &["check", "shop_pipeline.yaml"])
    );
    place.write(
        "openapi.yaml",
        "openapi: 3.0.0\ninfo: { title: Video API }\nservers: [ { url: https://a.b } ]\npaths:\n  /videos:\n    get:\n      responses:\n        \"200\":\n          content:\n            application/json:\n              schema: { type: array, items: { type: object, properties: { id: { type: string } } } }\n",
    );
    let created = told(
        &place,
        None,
        &["init", "--openapi", "openapi.yaml", "duckdb"],
    );
    insta::assert_snapshot!(
        "init_openapi",
        format!("{created}{}", read(&place, "video_api_pipeline.yaml"))
    );
}

#[test]
fn lists_and_mistakes_of_init() {
    let place = Place::new();
    let all = [
        told(&place, None, &["init", "-l"]),
        told(&place, None, &["init", "--list-destinations"]),
        told(&place, None, &["init"]),
        told(&place, None, &["init", "api_video", "dukdb"]),
        told(&place, None, &["init", "api_vidoe", "duckdb"]),
        told(&place, None, &["init", "--curl", "wget x", "duckdb"]),
    ];
    insta::assert_snapshot!("init_mistakes", all.join("---\n"));
}

#[test]
fn a_wrong_key_and_a_wrong_name_are_told_by_check() {
    let api = server();
    let place = Place::new();
    let url = api.url();
    place.write(
        "a.yaml",
        format!("source: api_video\noptions: {{ base_url: {url} }}\n"),
    );
    let mut command = place.tipple(&["check", "a.yaml"]);
    command.env("SOURCES__API_VIDEO_SOURCE__API_KEY", "canary-wrong");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).replace(url, "[mock]");
    assert!(!stderr.contains("canary"), "{stderr}");
    assert_eq!(output.status.code(), Some(4));
    insta::assert_snapshot!("check_wrong_key", stderr);
    place.write("b.yaml", "source: api_vidoe\n");
    place.write(
        "c.yaml",
        "source: pixlee\nresources: [albms]\noptions: { per_page: 500 }\n",
    );
    let all = [
        told(&place, None, &["check", "b.yaml"]),
        told(&place, None, &["check", "c.yaml"]),
    ];
    insta::assert_snapshot!("check_mistakes", all.join("---\n"));
}

#[test]
fn files_and_settings_are_checked_too() {
    let api = server();
    let place = Place::new();
    place.write("orders.jsonl", "{\"id\":1}\n");
    place.write(
        "files.yaml",
        "files:\n  resources:\n    - { name: orders, path: orders.jsonl }\n",
    );
    place.write(
        "rows.yaml",
        "rows:\n  resources:\n    - { name: colours, rows: [ { id: 1 } ] }\n",
    );
    std::fs::create_dir(place.path(".dlt")).unwrap();
    place.write(
        ".dlt/config.toml",
        format!("[sources.rest_api.shop.client]\nbase_url = \"{}/g\"\n[[sources.rest_api.shop.resources]]\nname = \"parents\"\n[[sources.rest_api.shop.resources]]\nname = \"children\"\ninclude_from_parent = [\"id\"]\nendpoint = \"parents/{{resources.parents.id}}/children\"\n", api.url()),
    );
    place.write("settings.yaml", "source: shop\n");
    let all = [
        told(&place, None, &["check", "files.yaml"]),
        told(&place, None, &["check", "rows.yaml"]),
        told(
            &place,
            Some(&api),
            &["check", "settings.yaml", "parents", "children"],
        ),
    ];
    insta::assert_snapshot!("check_others", all.join("---\n"));
}

#[test]
fn a_python_dictionary_becomes_a_file_that_is_in_order() {
    let place = Place::new();
    place.write(
        "shop.py",
        "config = {'client': {'base_url': 'https://a.b', 'auth': BearerTokenAuth(dlt.secrets['shop.token'])},\n  'resources': ['posts', {'name': 'x', 'processing_steps': [{'map': lower}]}]}\n",
    );
    let converted = told(&place, None, &["convert-config", "shop.py"]);
    insta::assert_snapshot!("convert_config", converted);
}

#[test]
fn the_schema_of_pipeline_files_is_json() {
    let place = Place::new();
    let output = place.tipple(&["schema", "pipeline-file"]).output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "tipple pipeline file");
}
