//! What is read, and what is said about mistakes.

use std::path::PathBuf;
use std::time::Duration;

use tipple_config::{Environment, PlacesRequest, RunSettings};
use tipple_source::document::Syntax;

use super::*;
use crate::fill::{CursorValues, Values};
use crate::model::*;
use tipple_json::JsonPath;

const VARIABLES: [(&str, &str); 5] = [
    ("SOURCES__SHOP__API_KEY", "canary-key-4711"),
    ("SOURCES__REST_API__CREDENTIALS__TOKEN", "canary-token-4711"),
    ("SOURCES__SHOP__CREDENTIALS__CLIENT_ID", "canary-id-4711"),
    ("MY_KEY", "canary-env-4711"),
    ("LIMITS__PAGE", "7"),
];

fn settings() -> Settings {
    let request = PlacesRequest {
        project_dir: Some(PathBuf::from("/nowhere")),
        profile: None,
    };
    Settings::load(&request, Environment::of(Path::new("/nowhere"), VARIABLES)).unwrap()
}

fn read_as(text: &str, syntax: Syntax) -> Result<RestConfig, SourceError> {
    let settings = settings();
    let run = RunSettings::read(&settings, "shop", None).unwrap();
    let around = Surroundings {
        settings: &settings,
        runtime: &run.runtime,
        source: "shop",
        pipeline: "shop",
        folder: Path::new("/etc/pipelines"),
    };
    read(&Document::parse(text, "shop.yaml", syntax)?, &[], &around)
}

#[track_caller]
fn config(text: &str) -> RestConfig {
    read_as(text, Syntax::Yaml).unwrap_or_else(|error| panic!("{error}"))
}

fn mistakes(text: &str) -> String {
    let error = match read_as(text, Syntax::Yaml) {
        Ok(config) => return format!("no mistake; warnings: {:#?}", config.warnings),
        Err(error) => error,
    };
    let SourceError::Spec { problems, .. } = &error else {
        return error.to_string();
    };
    let mut shown = String::new();
    for problem in problems {
        shown.push_str(&format!("{problem}\n"));
        if let Some(help) = &problem.help {
            shown.push_str(&format!("    help: {help}\n"));
        }
    }
    assert!(!shown.contains("canary"), "{shown}");
    shown
}

/// What the reader says about a key that it does not know.
pub(crate) fn known_keys(text: &str) -> String {
    mistakes(text)
}

/// A document with one resource whose members are `resource`, indented by four.
fn one(resource: &str) -> String {
    let indented: String = resource
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "client: {{ base_url: https://api.example.com/v1 }}\nresources:\n  - name: users\n  - name: kids\n{indented}"
    )
}

fn endpoint<'a>(config: &'a RestConfig, name: &str) -> &'a Endpoint {
    let resource = config
        .resources
        .iter()
        .find(|r| r.spec.name == name)
        .unwrap();
    match &resource.origin {
        Origin::Endpoint(endpoint) => endpoint,
        Origin::Seed(_) => panic!("{name} has no endpoint"),
    }
}

/// A request as text, with these values of the parent's fields.
fn filled(
    config: &RestConfig,
    name: &str,
    parent: &[tipple_json::Value],
    start: Option<&str>,
) -> String {
    let cursor = CursorValues::new(
        start.map(|s| tipple_json::Value::Text(s.into())),
        None,
        None,
        endpoint(config, name).convert.as_ref(),
    )
    .unwrap();
    let values = Values {
        parent,
        cursor: &cursor,
        bools: config.http.bool_params,
    };
    match endpoint(config, name).fill(&values) {
        Ok(filled) => {
            let headers: Vec<String> = filled
                .headers
                .iter()
                .map(|(n, v)| format!(" {n}: {v}"))
                .collect();
            let body = match &filled.body {
                None => String::new(),
                Some(crate::fill::FilledBody::Json(value)) => {
                    let mut text = String::from(" ");
                    tipple_json::write_compact(value, &mut text);
                    text
                }
                Some(other) => format!(" {other:?}"),
            };
            format!("{filled}{}{body}", headers.concat())
        }
        Err(error) => format!("{error}\n    help: {}", error.help()),
    }
}

fn text(text: &str) -> tipple_json::Value {
    tipple_json::Value::Text(text.to_owned())
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let config = config(
        r#"
source: api_video
client:
  base_url: https://ws.api.video
  auth: { type: http_basic, username: "${secrets.sources.shop.api_key}", password: "" }
  paginator:
    type: page_number
    base_page: 1
    page_param: currentPage
    total_path: pagination.pagesTotal
resource_defaults:
  primary_key: videoId
  write_disposition: merge
  endpoint:
    data_selector: data
    params: { pageSize: 100 }
resources:
  - name: videos
    endpoint:
      path: videos
      params: { sortBy: updatedAt, sortOrder: asc }
  - name: video_status
    primary_key: _videos_videoId
    include_from_parent: [videoId]
    endpoint: "videos/{resources.videos.videoId}/status"
  - name: summaries
    primary_key: summaryId
    endpoint: summaries
"#,
    );
    let names: Vec<&str> = config
        .resources
        .iter()
        .map(|r| r.spec.name.as_str())
        .collect();
    assert_eq!(names, ["videos", "summaries", "video_status"]);
    assert_eq!(
        filled(&config, "videos", &[], None),
        "videos?pageSize=100&sortBy=updatedAt&sortOrder=asc"
    );
    let status = &config.resources[2];
    let link = status.parent.as_ref().unwrap();
    assert_eq!((link.resource, link.name.as_str()), (0, "videos"));
    assert_eq!(link.include[0].key, "_videos_videoId");
    assert_eq!(
        filled(&config, "video_status", &[text("vi 1")], None),
        "videos/vi 1/status?pageSize=100"
    );
    assert_eq!(
        endpoint(&config, "videos").auth[0],
        Auth::Basic {
            username: "canary-key-4711".to_owned().into(),
            password: String::new().into()
        }
    );
    let Some(PageRule::PageNumber(rule)) = endpoint(&config, "videos")
        .paginator
        .as_ref()
        .map(|p| &p.rule)
    else {
        panic!("no paginator");
    };
    assert_eq!(
        (rule.base_page, rule.page, &rule.target),
        (1, 1, &Target::Param("currentPage".into()))
    );
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn toml_and_json_are_read_like_yaml() {
    let toml = r#"
[client]
base_url = "https://api.example.com"
paginator = "header_link"
[resource_defaults.endpoint]
paginator = { type = "offset", limit = 10, total_path = "@null" }
[[resources]]
name = "a"
endpoint = { paginator = "@null", data_selector = "x", incremental = { cursor_path = "at", initial_value = 2024-01-02T00:00:00Z }, params = { since = "{incremental.start_value}" } }
[[resources]]
name = "b"
"#;
    let config = read_as(toml, Syntax::Toml).unwrap();
    let rule = |name: &str| {
        endpoint(&config, name)
            .paginator
            .as_ref()
            .map(|p| p.rule.clone())
    };
    assert!(matches!(rule("a"), Some(PageRule::HeaderLink { .. })));
    let Some(PageRule::Offset(offset)) = rule("b") else {
        panic!("no offset")
    };
    assert_eq!((offset.limit, offset.bounds.total_path), (10, None));
    let initial = config.resources[0]
        .spec
        .incremental
        .as_ref()
        .unwrap()
        .initial_value
        .clone()
        .unwrap();
    assert_eq!(
        tipple_json::plain_text(&tipple_source::typed_value(&initial)).as_deref(),
        Some("2024-01-02 00:00:00+00:00")
    );
    let json = r#"{"client":{"base_url":""},"resources":["https://a.b/c"]}"#;
    let config = read_as(json, Syntax::Json).unwrap();
    assert_eq!(filled(&config, "https://a.b/c", &[], None), "https://a.b/c");
}

#[test]
fn defaults_are_merged_one_level_deep() {
    let config = config(
        r#"
client: { base_url: "https://a.b", headers: { X-A: "1", X-B: "2" } }
resource_defaults:
  primary_key: id
  columns: { a: { data_type: text, nullable: false }, b: { data_type: text } }
  endpoint: { params: { x: 1, y: 2 }, json: { q: { deep: 1 }, r: 1 }, method: post, headers: { X-C: "3" }, data_selector: items }
resources:
  - name: plain
  - name: own
    primary_key: null
    columns: [ { name: a, data_type: bigint } ]
    endpoint: { params: { y: null, z: [1, 2] }, json: { q: { other: 2 } }, headers: { x-a: "9" }, data_selector: null }
"#,
    );
    assert_eq!(
        filled(&config, "plain", &[], None),
        "plain?x=1&y=2 X-A: 1 X-B: 2 X-C: 3 {\"q\":{\"deep\":1},\"r\":1}"
    );
    assert_eq!(
        filled(&config, "own", &[], None),
        "own?x=1&z=1&z=2 X-B: 2 x-a: 9 {\"q\":{\"other\":2},\"r\":1}"
    );
    assert_eq!(endpoint(&config, "own").method, Method::Post);
    assert_eq!(endpoint(&config, "own").selector, Selector::Automatic);
    let own = &config.resources[1].spec.hints;
    assert_eq!(own.primary_key, None);
    assert_eq!(own.columns["a"]["data_type"], "bigint");
    assert_eq!(own.columns["a"]["nullable"], false);
    assert!(own.columns.contains_key("b"));
}

#[test]
fn placeholders_are_filled_as_dlt_fills_them() {
    let config = config(&one(r#"
endpoint:
  path: users/{resources.users.id}/kids
  method: POST
  params: { pid: "{resources.users.id}", f: "{resources.users.flag}", mix: "a-{resources.users.id}-b", off: true, on: null, filters: { $json: { has_product: true, u: "{resources.users.id}" } } }
  headers: { X-User: "{resources.users.id}" }
  json: { ids: ["{resources.users.id}"], f: "{resources.users.flag}", s: "x{resources.users.id}", n: "{resources.users.none}", o: "{resources.users.obj}", "k{resources.users.id}": 1 }
"#));
    let fields: Vec<String> = config.resources[1]
        .parent
        .as_ref()
        .unwrap()
        .fields
        .iter()
        .map(|f| f.text.clone())
        .collect();
    let values = |field: &String| match field.as_str() {
        "id" => tipple_json::Value::Int(10),
        "flag" => tipple_json::Value::Bool(true),
        "obj" => tipple_json::Value::Object(vec![("uid".into(), text("u"))]),
        _ => tipple_json::Value::Null,
    };
    let parent: Vec<tipple_json::Value> = fields.iter().map(values).collect();
    insta::assert_snapshot!(filled(&config, "kids", &parent, None), @r#"users/10/kids?pid=10&f=True&mix=a-10-b&off=True&filters={"has_product":true,"u":10} X-User: 10 {"ids":[10],"f":true,"s":"x10","n":null,"o":{"uid":"u"},"k10":1}"#);
}

#[test]
fn both_forms_of_dependence_and_static_parameters_are_read() {
    let config = config(
        r#"
client: { base_url: "https://a.b", http: { bool_params: json } }
resources:
  - name: comments
    endpoint: { path: "{org}/posts/{post_id}/comments", params: { org: acme, deep: true, post_id: { type: resolve, resource: posts, field: meta.id } } }
  - posts
  - name: seg
    endpoint: "posts/{resources.posts.id:segment}"
  - name: braces
    endpoint: { path: "a/{{x}}", params: { q: "{{\"a\":1}}" } }
"#,
    );
    assert_eq!(
        filled(&config, "comments", &[text("p/1")], None),
        "acme/posts/p/1/comments?deep=true"
    );
    assert_eq!(
        filled(&config, "seg", &[text("n 0/x?y")], None),
        "posts/n%200%2Fx%3Fy"
    );
    assert_eq!(filled(&config, "braces", &[], None), "a/{x}?q={\"a\":1}");
    let seg = endpoint(&config, "seg");
    assert_eq!(seg.selector, Selector::Path(JsonPath::root()));
    assert_eq!(seg.paginator, Some(PageRule::SinglePage.into()));
    let names: Vec<&str> = config
        .resources
        .iter()
        .map(|r| r.spec.name.as_str())
        .collect();
    assert_eq!(names, ["posts", "braces", "comments", "seg"]);
}

#[test]
fn nulls_leave_parameters_out_and_are_refused_in_paths() {
    let config = config(&one(
        "endpoint: { path: \"k/{resources.users.a}\", headers: { H: \"{resources.users.b}\" }, params: { p: \"{resources.users.b}\", q: \"x{resources.users.b}\", o: \"{resources.users.o}\" } }",
    ));
    let null = tipple_json::Value::Null;
    let list = tipple_json::Value::List(vec![text("s"), text("t")]);
    assert_eq!(
        filled(&config, "kids", &[text("1"), null.clone(), list], None),
        "k/1?q=xNone&o=s&o=t H: None"
    );
    let object = tipple_json::Value::Object(vec![]);
    let all = [
        filled(
            &config,
            "kids",
            &[null.clone(), null.clone(), null.clone()],
            None,
        ),
        filled(&config, "kids", &[text("1"), null, object], None),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    `{resources.users.a}` is null in this row of the parent, and a path cannot hold it
        help: drop such rows with a step of the parent (`processing_steps: [{where: …}]`), or ignore 404 in `response_actions`
    `{resources.users.o}` is an object, which cannot be used in a text
        help: in `json` a placeholder alone keeps lists and objects; elsewhere name a field inside of it
    ");
}

#[test]
fn cursors_go_into_parameters_in_all_forms() {
    let yaml = |form: &str| one(&format!("endpoint: {form}"));
    for form in [
        "{ params: { since: \"{incremental.start_value}\" }, incremental: { cursor_path: at, initial_value: \"2024\" } }",
        "{ params: { since: { type: incremental, cursor_path: at, initial_value: \"2024\" } } }",
        "{ incremental: { cursor_path: at, initial_value: \"2024\", start_param: since, end_param: until } }",
    ] {
        let config = config(&yaml(form));
        assert_eq!(
            filled(&config, "kids", &[], Some("2024-01-02")),
            "kids?since=2024-01-02",
            "{form}"
        );
        // A cursor without a value leaves its parameter out.
        assert_eq!(filled(&config, "kids", &[], None), "kids", "{form}");
        assert_eq!(
            config.resources[1]
                .spec
                .incremental
                .as_ref()
                .unwrap()
                .cursor_path,
            "at"
        );
    }
    let converted = config(&yaml(
        "{ params: { since: \"{incremental.start_value}\", y: \"{incremental.start_value:%s}\", c: \"{incremental.cursor_path}\" }, json: { s: \"{incremental.start_value}\", e: \"{incremental.end_value}\" }, method: POST, incremental: { cursor_path: at, convert: epoch_s } }",
    ));
    assert_eq!(
        filled(&converted, "kids", &[], Some("2024-01-02")),
        "kids?since=1704153600&y=1704153600&c=at {\"s\":1704153600}"
    );
    let long = config(&yaml(
        "{ path: \"k/{incremental.start_value}\", incremental: { cursor_path: at } }",
    ));
    insta::assert_snapshot!(filled(&long, "kids", &[], None), @r"
    `{incremental.start_value}` has no value yet, and a path cannot do without it
        help: give the cursor an `initial_value`
    ");
}

#[test]
fn values_come_from_settings_and_are_hidden() {
    let config = config(
        r#"
client:
  base_url: https://api.example.com
  headers: { X-Api-Key: "${env.MY_KEY}" }
  auth: bearer
resources:
  - name: a
    endpoint: { params: { per_page: "${config.limits.page}", subscription-key: canary-plain-4711 } }
  - name: b
    endpoint: { auth: null }
"#,
    );
    assert_eq!(
        endpoint(&config, "a").auth[0],
        Auth::Bearer {
            token: "canary-token-4711".to_owned().into()
        }
    );
    assert!(endpoint(&config, "b").auth.is_empty());
    for secret in ["canary-env-4711", "canary-token-4711", "canary-plain-4711"] {
        assert!(
            config.secrets.iter().any(|known| known.expose() == secret),
            "{secret}"
        );
        assert_eq!(tipple_config::redact(&format!("<{secret}>")), "<***>");
    }
    assert!(filled(&config, "a", &[], None).starts_with("a?per_page=7&"));
}

#[test]
fn every_kind_of_signature_is_read() {
    let pem = include_str!("../../../../fixtures/keys/jwt_test_key.pem");
    let config = config(
        &r#"
client:
  base_url: https://api.example.com
  auth:
    - { type: api_key, name: key, api_key: canary-a-4711, location: param }
    - { type: hmac, algorithm: sha256, secret_key: canary-h-4711, encoding: hex }
resources:
  - { name: cookie, endpoint: { auth: { type: api_key, api_key: canary-c-4711, location: cookie } } }
  - { name: basic, endpoint: { auth: { type: http_basic, api_key: canary-b-4711 } } }
  - { name: oauth, endpoint: { auth: { type: oauth2_client_credentials, access_token_url: "https://a.b/t", client_secret: canary-s-4711, access_token_request_data: { scope: x } } } }
  - { name: jwt, endpoint: { auth: { type: oauth2_jwt_bearer, client_id: i, private_key: "KEY", auth_endpoint: "https://a.b/t", scopes: [a, b] } } }
  - list
"#
        .replace("KEY", &pem.replace('\n', "\\n")),
    );
    insta::assert_snapshot!(
        ["list", "cookie", "basic", "oauth", "jwt"].map(|name| format!("{name}: {:?}", endpoint(&config, name).auth)).join("\n"),
        @r#"
    list: [ApiKey { name: "key", key: ***, location: Query }, Hmac(Hmac { algorithm: Sha256, secret_key: ***, header: "Signature", encoding: Hex })]
    cookie: [ApiKey { name: "Authorization", key: ***, location: Cookie }]
    basic: [Basic { username: ***, password: *** }]
    oauth: [ClientCredentials(ClientCredentials { access_token: None, access_token_url: "https://a.b/t", client_id: ***, client_secret: ***, request_data: [("scope", ***)], default_expiration: 3600s })]
    jwt: [JwtBearer(JwtBearer { client_id: ***, private_key: ***, private_key_passphrase: None, auth_endpoint: "https://a.b/t", scopes: Some("a b"), headers: [], default_expiration: 3600s })]
    "#
    );
}

#[test]
fn requests_have_their_policy() {
    let config = config(
        r#"
client:
  base_url: https://api.example.com
  http: { timeout: 5, max_attempts: 3, backoff_factor: 0.5, max_rps: 10, max_concurrency: 8, max_body_mib: 512, retry_statuses: [408, 425], ca_file: ca.pem, bool_params: json, strict_selector: true, detect: dlt-1.31 }
resources: [a]
"#,
    );
    let expected = HttpPolicy {
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        max_attempts: 3,
        backoff: Duration::from_millis(500),
        max_rps: Some(10.0),
        max_concurrency: 8,
        max_body_bytes: 512 << 20,
        retry_statuses: vec![408, 425],
        ca_file: Some(PathBuf::from("/etc/pipelines/ca.pem")),
        bool_params: BoolText::Json,
        strict_selector: true,
        detect: Detect::Dlt131,
        ..HttpPolicy::default()
    };
    assert_eq!(config.http, expected);
}

#[test]
fn paginators_know_their_precedence() {
    let yaml = |client: &str, endpoint: &str| {
        format!(
            "client: {{ base_url: \"https://a.b\", paginator: {client} }}\nresources:\n  - parents\n  - name: kids\n    endpoint: {endpoint}\n"
        )
    };
    let shown = |client: &str, form: &str| {
        let config = config(&yaml(client, form));
        let rule = endpoint(&config, "kids")
            .paginator
            .as_ref()
            .map(|p| format!("{:?}", p.rule));
        format!(
            "{} {:?}",
            rule.unwrap_or_else(|| "detected".to_owned()),
            config.warnings
        )
    };
    let all = [
        shown("header_link", "kids"),
        shown("header_link", "{ paginator: auto }"),
        shown("header_link", "{ paginator: detect }"),
        shown("header_link", "{ paginator: single_page }"),
        shown("header_link", "\"kids/{resources.parents.id}\""),
        shown(
            "header_link",
            "{ path: \"kids/{resources.parents.id}\", paginator: cursor }",
        ),
        shown("null", "{ paginator: json_response }"),
        shown(
            "null",
            "{ paginator: { type: header_cursor, cursor_key: X-Next } }",
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    HeaderLink { rel: "next" } []
    HeaderLink { rel: "next" } ["`resources[1].endpoint.paginator`: `auto` means \"not set\", so the paginator of the client is used; write `detect` to find one out"]
    detected []
    SinglePage []
    SinglePage []
    Cursor(CursorRule { cursor_path: JsonPath { text: "cursors.next", kind: Keys(["cursors", "next"]) }, target: Param("cursor"), stop_after_empty_page: false, has_more_path: None }) []
    JsonLink { next_url_path: JsonPath { text: "next", kind: Keys(["next"]) } } ["`json_response` is the old name of the paginator `json_link`"]
    HeaderCursor { header: "X-Next", param: "cursor" } []
    "#);
}

#[test]
fn seeds_take_the_place_of_python_resources() {
    let config = config(
        r#"
client: { base_url: "https://a.b" }
resources:
  - { name: repositories, selected: false, rows: [ { name: a }, { name: b } ] }
  - { name: more, rows_from: repos.csv, write_disposition: replace }
  - { name: issues, endpoint: "repos/{resources.repositories.name}/issues" }
"#,
    );
    let Origin::Seed(Seed::Rows(rows)) = &config.resources[0].origin else {
        panic!("no rows")
    };
    assert_eq!(rows, "{\"name\":\"a\"}\n{\"name\":\"b\"}\n");
    assert!(!config.resources[0].is_selected);
    let Origin::Seed(Seed::File(file)) = &config.resources[1].origin else {
        panic!("no file")
    };
    assert_eq!(file, Path::new("/etc/pipelines/repos.csv"));
}

#[test]
fn answers_have_their_actions() {
    let config = config(&one(r#"
endpoint:
  response_actions:
    - { status_code: "404", action: ignore }
    - { status_code: ["500-599", 408], content: "busy", action: retry }
    - { content_regex: "limit$", action: skip_page }
    - { status_code: 403, action: shout }
    - { status_code: 200, action: { jq: ".x" } }
"#));
    insta::assert_snapshot!(format!("{:#?}\n{:?}", endpoint(&config, "kids").actions, config.warnings), @r#"
    [
        ResponseAction {
            statuses: [
                404..=404,
            ],
            content: None,
            action: Ignore,
        },
        ResponseAction {
            statuses: [
                500..=599,
                408..=408,
            ],
            content: Some(
                Text(
                    "busy",
                ),
            ),
            action: Retry,
        },
        ResponseAction {
            statuses: [],
            content: Some(
                Regex(
                    Regex(
                        "limit$",
                    ),
                ),
            ),
            action: SkipPage,
        },
        ResponseAction {
            statuses: [
                403..=403,
            ],
            content: None,
            action: Nothing,
        },
        ResponseAction {
            statuses: [
                200..=200,
            ],
            content: None,
            action: Replace(
                Jq(
                    ".x",
                ),
            ),
        },
    ]
    ["`resources[1].endpoint.response_actions[3].action`: the action `shout` is not known and does nothing"]
    "#);
}

#[test]
fn steps_are_read_in_their_order() {
    let config = config(&one(r#"
processing_steps:
  - { yield_map: { jq: ".[]" }, filter: { jq: ".a" } }
  - { where: "status == 'ok'" }
  - { cast: { updated_at: bigint }, on_error: null }
  - { hash: { fields: [email], salt: canary-salt-4711 } }
  - { explode: tags, as: tag }
  - { mask: "restreams[*].streamKey" }
"#));
    let names: Vec<&str> = config.resources[1]
        .steps
        .steps()
        .iter()
        .map(|step| step.action.name())
        .collect();
    assert_eq!(
        names,
        [
            "filter",
            "yield_map",
            "where",
            "cast",
            "hash",
            "explode",
            "mask"
        ]
    );
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn mistakes_of_the_whole_document_are_all_told() {
    insta::assert_snapshot!(
        "document",
        mistakes(
            r#"
client:
  bse_url: https://a.b
  auth: { type: api_kye, api_key: canary-x-4711 }
  paginator: offset
  http: { timeout: -1, max_rps: 0, retrys: 3, retry_statuses: [200] }
  session: x
resource_defaults:
  name: x
  write_disposition: apend
  endpoint: { parms: { a: 1 } }
resources:
  - endpoint: a
  - 7
  - name: a
  - name: a
    pth: x
  - { name: b, rows: [], rows_from: x }
  - { name: c, rows: [], endpoint: x }
"#,
        )
    );
}

#[test]
fn missing_parts_are_told() {
    let all = [
        mistakes("x: 1"),
        mistakes("client: { base_url: null }\nresources: {}"),
        mistakes("client: { base_url: api.example.com }\nresources: [a]"),
        mistakes("client: { base_url: \"https://a.b\" }\nresources: []"),
    ];
    insta::assert_snapshot!("missing", all.join("---\n"));
}

#[test]
fn mistakes_of_endpoints_are_told() {
    let all = [
        "endpoint: { method: DELETE, json: [1], data: x }",
        "endpoint: { params: [1] }",
        "endpoint: { params: { a: { type: resolv } , b: { x: 1 } } }",
        "endpoint: { data_selector: \"a[\", paginator: { type: json_link, next_url_pth: x, next_url_path: \"]\" } }",
        "endpoint: { paginator: { base_page: 1 } }",
        "endpoint: { paginator: { type: page_numbr } }",
        "endpoint: { paginator: { type: page_number, base_page: \"0\", page_param: p, page_body_path: q } }",
        "endpoint: { paginator: { type: page_number, total_path: null, stop_after_empty_page: false } }",
        "endpoint: { paginator: { type: cursor, cursor_param: a, cursor_body_path: b } }",
        "endpoint: { paginator: { type: page_number, page_param: \"\" } }",
        "endpoint: { response_actions: [ { status_code: 4040, action: ignore }, { status_code: 404 }, { content_regex: \"(\", action: ignore } ] }",
        "endpoint: { headers: { X: [1] } }",
        "endpoint: { path: {resources.users.id} }",
        "endpoint: {resources.users.id}",
        "endpoint: { pth: x }",
        "endpoint: { auth: { type: api_key, location: body } }",
        "endpoint: { auth: { type: oauth2_client_credentials } }",
        "endpoint: { auth: { type: http_basic, api_key: canary-z-4711, username: x } }",
    ];
    let all = all.map(|form| format!("{form}\n{}", mistakes(&one(form))));
    insta::assert_snapshot!("endpoints", all.join("\n"));
}

#[test]
fn mistakes_of_the_graph_are_told() {
    let yaml = |resources: &str| {
        format!("client: {{ base_url: \"https://a.b\" }}\nresources:\n{resources}")
    };
    let all = [
        one("endpoint: \"u/{resources.user.id}\""),
        one(
            "endpoint: { path: \"u/{resources.users.id}\", params: { x: \"{resources.kids.id}\" } }",
        ),
        one("endpoint: \"u/{resources.users}\""),
        one("endpoint: \"u/{id}\""),
        one("endpoint: \"u/{user.id}\""),
        one("endpoint: { params: { q: '{\"a\": 1}' } }"),
        one("endpoint: { params: { q: \"{x}\", r: \"{incremental.start_value}\" } }"),
        one(
            "endpoint: { params: { r: \"{incremental.strt_value} {incremental.start_value.year} {incremental.start_value:>3}\" }, incremental: { cursor_path: a } }",
        ),
        one("endpoint: { path: x, params: { id: { type: resolve, resource: users } } }"),
        one("endpoint: { path: x, params: { id: { type: resolve, resource: users, field: id } } }"),
        one("include_from_parent: [id]"),
        one(
            "endpoint: { params: { a: { type: incremental, cursor_path: a }, b: { type: incremental, cursor_path: b } } }",
        ),
        one("endpoint: { params: { a: { type: incremental, cursor_path: a, end_value: 1 } } }"),
        one("endpoint: { incremental: { cursor_path: a, end_value: 1 } }"),
        one("endpoint: { incremental: { cursr_path: a, convert: epoch } }"),
        one("endpoint: { incremental: { cursor_path: a, per_parent: true } }"),
        one("incremental: { cursor_path: a }"),
        one("table_name: \"event_{type\""),
        yaml(
            "  - { name: a, endpoint: \"x/{resources.c.id}/y\" }\n  - { name: b, endpoint: \"x/{resources.a.id}/y\" }\n  - { name: c, endpoint: \"x/{resources.b.id}/y\" }\n  - { name: d, endpoint: \"x/{resources.d.id}/y\" }\n",
        ),
    ];
    let all = all.map(|form| {
        format!(
            "{}{}",
            form.lines()
                .skip(2)
                .map(|l| format!("{l}\n"))
                .collect::<String>(),
            mistakes(&form)
        )
    });
    insta::assert_snapshot!("graph", all.join("\n"));
}

#[test]
fn what_a_converter_has_left_is_refused_once() {
    let all = [
        "processing_steps: [{ filter: \"<TODO only_open>\" }]",
        "endpoint: { params: { a: \"<TODO 60 * 60>\" }, response_actions: [\"<TODO handler>\"] }",
    ];
    let all = all.map(|form| mistakes(&one(form)));
    insta::assert_snapshot!(all.join("\n"), @r"
    line 5: `resources[1].processing_steps[0].filter`: this is left to be written by hand
        help: see the notes at the top of the file

    line 5: `resources[1].endpoint.params.a`: this is left to be written by hand
        help: see the notes at the top of the file
    line 5: `resources[1].endpoint.response_actions[0]`: this is left to be written by hand
        help: see the notes at the top of the file
    ");
}

#[test]
fn mistakes_of_steps_are_told() {
    let all = [
        "processing_steps: { a: 1 }",
        "processing_steps: [ 7, {}, { dropp: [a] }, { drop: [a], mask: [b] } ]",
        "processing_steps: [ { filter: \"lambda x: x\" }, { map: { jq: \".a |\" } }, { map: {} } ]",
        "processing_steps: [ { where: \"a ==\" }, { drop: [\"a[0]\", 7] }, { cast: { a: number } }, { rename: { a: 1 } }, { hash: {} }, { cast: { a: text }, on_error: ignore } ]",
    ];
    let all = all.map(|form| format!("{form}\n{}", mistakes(&one(form))));
    insta::assert_snapshot!("steps", all.join("\n"));
}

#[test]
fn references_that_lead_nowhere_are_told() {
    insta::assert_snapshot!(
        "references",
        mistakes(
            r#"
client:
  base_url: "${config.sources.shop.base_url}"
  auth: { type: http_basic, username: "${secrets.sources.shop.other_key}", password: "${env.NO_SUCH}" }
  headers: { A: "Bearer ${secrets.sources.shop.api_key}", B: "${vault.x}", C: "costs ${5}" }
resources: [a]
"#,
        )
    );
}
