//! `tipple run` of REST configurations against the mock server: what is requested, what is loaded, what is said, and
//! that no secret gets out.

use std::path::Path;

use serde_json::Value;
use tipple_mockapi::{Faults, MockApi, Mutation, Options};

use crate::program::{DATASET, Ended, Place, fixtures};

/// Key of the server; it stands in `secrets.toml` and nowhere else.
const CANARY: &str = "canary-4711-api-key";

/// A server, and a project that loads it.
struct Shop {
    api: MockApi,
    place: Place,
}

impl Shop {
    fn new() -> Self {
        let options = Options {
            key: CANARY.to_owned(),
            ..Options::default()
        };
        let place = Place::new();
        std::fs::create_dir(place.path(".dlt")).unwrap();
        place.write(".dlt/secrets.toml", format!("[shop]\nkey = \"{CANARY}\"\n"));
        Shop {
            api: MockApi::start(options).unwrap(),
            place,
        }
    }

    fn faults(self, rules: &str) -> Self {
        let rules = Faults::parse(&format!("{{\"rules\":[{rules}]}}"));
        self.api.set_faults(rules.unwrap());
        self
    }

    /// Runs a configuration of the generic area. Whatever happens, the key is nowhere.
    fn run(&self, resources: &str) -> Ended {
        let text = format!(
            "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {}/g\n  \
             auth: {{ type: api_key, name: X-Api-Key, api_key: \"${{secrets.shop.key}}\" }}\n  \
             http: {{ backoff_factor: 0.01 }}\nresources:\n{resources}\n",
            self.api.url()
        );
        self.run_text(&text)
    }

    fn run_text(&self, text: &str) -> Ended {
        let file = self.place.write("shop.yaml", text);
        let destination = format!("duckdb:{}", self.place.database().display());
        let arguments = ["run", file.to_str().unwrap(), "--destination", &destination];
        let output = self.place.tipple(&arguments).output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            assert!(!contains(text, CANARY), "{}", String::from_utf8_lossy(text));
        }
        self.search(&self.place.path("."), CANARY);
        self.place.ended(output)
    }

    /// No file but `secrets.toml` has this secret.
    fn search(&self, folder: &Path, secret: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.search(&path, secret);
            } else if !path.ends_with("secrets.toml") {
                let content = std::fs::read(&path).unwrap();
                assert!(!contains(&content, secret), "{}", path.display());
            }
        }
    }

    fn queries(&self) -> String {
        let entries = self.api.requests();
        let queries = entries.iter().map(|entry| match entry.body.as_str() {
            "" => entry.query.clone(),
            body => format!("{} {body}", entry.query).trim().to_owned(),
        });
        queries.collect::<Vec<_>>().join(" | ")
    }

    fn rows(&self, table: &str) -> u64 {
        let dump = self.place.dump();
        assert!(!dump.to_string().contains(CANARY));
        dump["tables"][table]["rows"].as_array().map_or(0, Vec::len) as u64
    }

    fn column_names(&self, table: &str) -> Vec<String> {
        let dump = self.place.dump();
        let columns = dump["tables"][table]["columns"].as_array().unwrap();
        let names = columns
            .iter()
            .map(|column| column["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    fn mutate(&self, text: &str) {
        let mutation: Mutation = serde_json::from_str(text).unwrap();
        self.api.mutate(&mutation).unwrap();
    }
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|part| part == word.as_bytes())
}

/// One resource `items` with this endpoint loads so many rows with exactly these requests.
#[track_caller]
fn check(endpoint: &str, queries: &str, rows: u64) {
    let shop = Shop::new();
    let ended = shop.run(&format!("  - name: items\n    endpoint: {{ {endpoint} }}"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(shop.queries(), queries);
    assert_eq!(shop.rows("items"), rows);
}

#[test]
fn paginators_ask_for_what_dlt_asks_for() {
    check(
        "path: header-link, data_selector: $, paginator: header_link",
        " | page=2 | page=3",
        6,
    );
    check(
        "path: json-link-relative, data_selector: data, params: { limit: 2 }, paginator: json_link",
        "limit=2 | page=2 | page=3",
        6,
    );
    check(
        "path: json-link-hal, data_selector: data, paginator: { type: json_link, next_url_path: _links.next.href }",
        " | page=2 | page=3",
        6,
    );
    check(
        "path: cursor-next, data_selector: data, paginator: { type: cursor, cursor_path: next, cursor_param: cursor }",
        " | cursor=c1 | cursor=c2",
        6,
    );
    check(
        "path: cursor-body, data_selector: data, method: POST, json: { query: q }, paginator: { type: cursor, cursor_path: next, cursor_body_path: page.cursor }",
        r#"{"query":"q"} | {"query":"q","page":{"cursor":"c1"}} | {"query":"q","page":{"cursor":"c2"}}"#,
        6,
    );
    let page = "path: page, data_selector: data, paginator: { type: page_number, base_page: 1";
    check(&format!("{page} }}"), "page=1 | page=2 | page=3", 6);
    check(
        &format!("{page}, total_path: null, maximum_page: 3 }}"),
        "page=1 | page=2",
        4,
    );
    check(&format!("{page}, page: 2 }}"), "page=2 | page=3", 4);
    check(
        &format!("{page}, total_path: null }}"),
        "page=1 | page=2 | page=3 | page=4",
        6,
    );
}

#[test]
fn offsets_ask_for_what_dlt_asks_for() {
    let offset = |path: &str, more: &str| {
        format!(
            "path: {path}, params: {{ rows: 5 }}, paginator: {{ type: offset, limit: 2{more} }}"
        )
    };
    let query = |offset: u64| format!("rows=5&limit=2&offset={offset}");
    let queries = |offsets: &[u64]| {
        offsets
            .iter()
            .map(|at| query(*at))
            .collect::<Vec<_>>()
            .join(" | ")
    };
    for (path, more, offsets, rows) in [
        ("total-string", "", &[0, 2, 4][..], 5),
        ("total-missing", ", total_path: null", &[0, 2, 4, 6], 5),
        (
            "offset",
            ", total_path: null, maximum_offset: 4",
            &[0, 2],
            4,
        ),
        (
            "has-more-string",
            ", total_path: null, has_more_path: has_more",
            &[0, 2, 4],
            5,
        ),
    ] {
        let shop = Shop::new();
        let endpoint = offset(path, more);
        let ended = shop.run(&format!(
            "  - name: items\n    endpoint: {{ data_selector: data, {endpoint} }}"
        ));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let sorted = |text: &str| {
            let requests = text.split(" | ").map(|query| {
                let mut pairs: Vec<_> = query.split('&').collect();
                pairs.sort_unstable();
                pairs.join("&")
            });
            requests.collect::<Vec<_>>()
        };
        assert_eq!(sorted(&shop.queries()), sorted(&queries(offsets)), "{path}");
        assert_eq!(shop.rows("items"), rows, "{path}");
    }
}

const FAMILY: &str = "  - name: parents
    endpoint: { path: parents, data_selector: data, paginator: { type: page_number, base_page: 1 } }
  - name: kids
    include_from_parent: [id]
    endpoint: { path: 'parents/{resources.parents.id}/children', data_selector: data, paginator: single_page }
  - name: toys
    include_from_parent: [cid, _parents_id]
    endpoint:
      path: 'parents/1/children/{resources.kids.cid}/toys'
      data_selector: data
      paginator: single_page";

#[test]
fn grandchildren_carry_fields_of_both_parents() {
    let shop = Shop::new();
    let ended = shop.run(FAMILY);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // Two pages of parents, four parents with two children, eight children with two toys.
    assert_eq!(shop.api.stats().requests, 2 + 4 + 8);
    assert_eq!(
        (shop.rows("parents"), shop.rows("kids"), shop.rows("toys")),
        (4, 8, 16)
    );
    let columns = shop.column_names("toys");
    for column in ["_kids_cid", "_kids__parents_id"] {
        assert!(columns.contains(&column.to_owned()), "{columns:?}");
    }
}

const ITEMS: &str = "  - name: items
    endpoint: { path: page, data_selector: data, paginator: { type: page_number, base_page: 1 } }";

#[test]
fn servers_that_stumble_are_asked_again() {
    for (rule, requests) in [
        (r#"{"match":"*","when":{"first":2},"do":{"status":500}}"#, 5),
        (
            r#"{"match":"*","when":{"first":2},"do":{"truncate":0.5}}"#,
            5,
        ),
        (
            r#"{"match":"*","when":{"first":1},"do":{"truncate_chunked":true}}"#,
            4,
        ),
        (
            r#"{"match":"*","when":{"first":1},"do":{"close_before_answer":true}}"#,
            4,
        ),
        (r#"{"match":"*","when":{"first":1},"do":{"reset":true}}"#, 4),
        (
            r#"{"match":"*","when":{"page":3,"first":1},"do":{"bad_json":true}}"#,
            4,
        ),
    ] {
        let shop = Shop::new().faults(rule);
        let ended = shop.run(ITEMS);
        assert_eq!(ended.code, Some(0), "{rule}: {}", ended.stderr);
        assert_eq!(shop.api.stats().requests, requests, "{rule}");
        assert_eq!(shop.rows("items"), 6, "{rule}");
    }
}

#[test]
fn waits_are_those_that_the_server_asks_for() {
    for (action, least_ms) in [
        (r#"{"status":429,"retry_after":1}"#, 1000),
        (
            r#"{"status":429,"headers":{"X-RateLimit-Retry-After":2}}"#,
            2000,
        ),
    ] {
        let rule = format!(r#"{{"match":"*","when":{{"first":1}},"do":{action}}}"#);
        let shop = Shop::new().faults(&rule);
        let ended = shop.run(ITEMS);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let waits = shop.api.stats().retry_waits_ms;
        assert!(
            waits.len() == 1 && (least_ms - 5..least_ms + 900).contains(&waits[0]),
            "{waits:?}"
        );
    }
}

#[test]
fn a_server_that_stays_broken_ends_the_run_with_nothing_loaded() {
    let shop = Shop::new().faults(r#"{"match":"*","do":{"status":503}}"#);
    let ended = shop.run(ITEMS);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert_eq!(shop.api.stats().requests, 5);
    assert!(!shop.place.database().exists() || shop.rows("items") == 0);
}

#[test]
fn statuses_are_errors_or_ignored() {
    let with_action = |action: &str| {
        format!(
            "{}\n  - name: gone\n    endpoint: {{ path: status/404, paginator: single_page{action} }}",
            ITEMS
        )
    };
    let shop = Shop::new();
    let ended = shop.run(&with_action(""));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let shop = Shop::new();
    let ended = shop.run(&with_action(
        ", response_actions: [{ status_code: 404, action: ignore }]",
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((shop.rows("items"), shop.rows("gone")), (6, 0));
    let shop = Shop::new().faults(r#"{"match":"*","when":{"page":3},"do":{"status":404}}"#);
    let ended = shop.run(&ITEMS.replace(
        "path: page, data_selector: data,",
        "path: page, data_selector: data, response_actions: [{ status_code: 404, action: ignore }],",
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(shop.rows("items"), 4);
}

#[test]
fn a_wrong_key_is_one_request_and_no_secret_in_the_message() {
    let shop = Shop::new();
    let text = format!(
        "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {}\n  \
         auth: {{ type: api_key, name: key, api_key: \"${{secrets.shop.key}}\", location: query }}\n\
         resources:\n  - name: videos\n    endpoint: {{ path: videos, paginator: single_page }}\n",
        shop.api.url()
    );
    let ended = shop.run_text(&text);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert_eq!(shop.api.stats().requests, 1);
    assert!(ended.stderr.contains("401"), "{}", ended.stderr);
}

#[test]
fn the_second_run_asks_from_the_stored_value() {
    let resources = "  - name: events
    primary_key: id
    write_disposition: merge
    endpoint:
      path: events
      data_selector: data
      paginator: { type: page_number, base_page: 1 }
      params: { page_size: 50 }
      incremental: { cursor_path: updated_at, initial_value: '2025-01-01T00:00:00+00:00', start_param: since }";
    let shop = Shop::new();
    assert_eq!(shop.run(resources).code, Some(0));
    assert_eq!(shop.rows("events"), 20);
    assert_eq!(shop.run(resources).code, Some(0));
    shop.mutate(r#"{"resource":"events","from":4,"set":{"kind":"return"},"at":"2025-06-01T00:00:00+00:00"}"#);
    shop.mutate(r#"{"resource":"events","add":2}"#);
    assert_eq!(shop.run(resources).code, Some(0));
    assert_eq!(shop.rows("events"), 22);
    let since: Vec<String> = shop
        .api
        .requests()
        .iter()
        .map(|entry| {
            let mut pairs = entry.query.split('&');
            let since = pairs.find_map(|pair| pair.strip_prefix("since="));
            since
                .unwrap_or_default()
                .replace("%3A", ":")
                .replace("%2B", "+")
        })
        .collect();
    let last = "2025-01-01T00:19:19+00:00";
    assert_eq!(since, ["2025-01-01T00:00:00+00:00", last, last]);
}

#[test]
fn rows_go_to_the_tables_that_they_name() {
    let events = |name: &str| {
        format!(
            "  - name: events
    table_name: \"{name}\"
    write_disposition: replace
    primary_key: id
    max_table_nesting: 0
    endpoint:
      path: events
      data_selector: data
      params: {{ page_size: 7 }}
      paginator: {{ type: page_number, base_page: 1 }}"
        )
    };
    let shop = Shop::new();
    let ended = shop.run(&events("event {kind}"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let counts = ["event_view", "event_click", "event_buy"].map(|table| shop.rows(table));
    assert_eq!(counts, [7, 7, 6]);
    assert!(ended.stderr.contains("events"), "{}", ended.stderr);
    // As in dlt, a table of a replaced resource that gets no rows is emptied.
    shop.mutate(r#"{"resource":"events","from":0,"to":20,"set":{"kind":"view"}}"#);
    assert_eq!(shop.run(&events("event {kind}")).code, Some(0));
    let counts = ["event_view", "event_click", "event_buy"].map(|table| shop.rows(table));
    assert_eq!(counts, [20, 0, 0]);
    let ended = shop.run(&events("event_{sort}"));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("`sort`, which it lacks"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let shop = Shop::new();
    let text = "source: shop\nclient: { base_url: 'http://127.0.0.1:1/v1', http: { max_attempts: 1 } }\n\
         resources: [ { name: items, endpoint: { path: items, paginator: single_page } } ]\n";
    let ended = shop.run_text(text);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
}

#[test]
fn videos_of_a_big_account_are_all_there() {
    let options = Options {
        key: CANARY.to_owned(),
        ..Options::load(20_000)
    };
    let shop = Shop {
        api: MockApi::start(options).unwrap(),
        ..Shop::new()
    };
    let rules = r#"{"rules":[{"match":"GET /videos","when":{"rate":0.05},"do":{"status":503}}]}"#;
    shop.api.set_faults(Faults::parse(rules).unwrap());
    let text = format!(
        "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {}\n  \
         auth: {{ type: http_basic, username: \"${{secrets.shop.key}}\", password: '' }}\n  \
         paginator: {{ type: page_number, base_page: 1, page_param: currentPage, total_path: pagination.pagesTotal }}\n  \
         http: {{ backoff_factor: 0.01 }}\n\
         resources:\n  - name: videos\n    endpoint: {{ path: videos, data_selector: data, params: {{ pageSize: 100 }} }}\n",
        shop.api.url()
    );
    let ended = shop.run_text(&text);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = shop.api.expected("videos").unwrap();
    let dump: Value = shop.place.dump();
    let rows = |table: &str| dump["tables"][table]["rows"].as_array().unwrap().len() as u64;
    assert_eq!(rows("videos"), expected.rows);
    assert_eq!(rows("videos__tags"), expected.list_items["tags"]);
    assert_eq!(rows("videos__metadata"), expected.list_items["metadata"]);
    assert!(shop.api.stats().retries > 0);
}

#[test]
fn assertions_are_signed_for_the_key_that_the_server_knows() {
    let known = std::fs::read(fixtures("keys/jwt_test_key.pub.der")).unwrap();
    let mut other = known.clone();
    other[100] ^= 1;
    for (key, public_key, code) in [
        ("jwt_test_key", &known, 0),
        ("jwt_test_key.aes256", &known, 0),
        ("jwt_test_key", &other, 4),
    ] {
        let key = std::fs::read_to_string(fixtures(&format!("keys/{key}.pem"))).unwrap();
        let shop = Shop {
            api: MockApi::start(Options {
                key: CANARY.to_owned(),
                jwt_public_key: Some(public_key.clone()),
                ..Options::default()
            })
            .unwrap(),
            ..Shop::new()
        };
        shop.place.write(
            ".dlt/secrets.toml",
            format!(
                "[shop]\nkey = \"{CANARY}\"\npem = \"\"\"\n{key}\"\"\"\n\
                 [sources.shop.credentials]\nprivate_key_passphrase = \"canary-phrase\"\n"
            ),
        );
        let url = shop.api.url();
        let text = format!(
            "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {url}/g\n  \
             auth: {{ type: oauth2_jwt_bearer, client_id: mock-client, private_key: \"${{secrets.shop.pem}}\", \
             auth_endpoint: '{url}/g/oauth/jwt' }}\n\
             resources:\n  - name: data\n    endpoint: {{ path: oauth/data, data_selector: data, \
             paginator: {{ type: page_number, base_page: 1 }} }}\n"
        );
        let ended = shop.run_text(&text);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary-phrase"), "{}", ended.stderr);
        assert_eq!(shop.api.stats().rows > 0, code == 0);
    }
}

/// Everything that is secret about one way to sign: the settings, and where the server takes it.
const KINDS_OF_AUTH: [(&str, &str); 7] = [
    ("{ type: bearer, token: \"${secrets.shop.key}\" }", "bearer"),
    (
        "{ type: api_key, name: X-Api-Key, api_key: \"${secrets.shop.key}\" }",
        "api-key-header",
    ),
    (
        "{ type: api_key, name: api_key, api_key: \"${secrets.shop.key}\", location: cookie }",
        "api-key-cookie",
    ),
    (
        "{ type: api_key, name: subscription-key, api_key: \"${secrets.shop.key}\", location: query }",
        "page",
    ),
    (
        "{ type: http_basic, username: \"${secrets.shop.key}\", password: \"${secrets.shop.other}\" }",
        "basic",
    ),
    (
        "{ type: oauth2_client_credentials, access_token_url: URL/g/oauth/token, client_id: mock-client, client_secret: \"${secrets.shop.other}\" }",
        "oauth/data",
    ),
    (
        "{ type: hmac, secret_key: \"${secrets.shop.other}\" }",
        "hmac",
    ),
];

/// Tokens and signatures that the server has seen, besides the keys.
fn signatures(api: &MockApi) -> Vec<String> {
    let requests = api.requests();
    let headers = requests.iter().flat_map(|entry| {
        let names = ["authorization", "signature"];
        names.map(|name| entry.headers.get(name).cloned())
    });
    let words = headers.flatten();
    words
        .filter_map(|value| value.split(' ').next_back().map(str::to_owned))
        .collect()
}

#[test]
fn no_kind_of_credential_leaves_the_process() {
    const OTHER: &str = "canary-4711-other/secret+";
    for (auth, path) in KINDS_OF_AUTH {
        // A server that repeats what it was sent.
        let used = [("shop.key", CANARY), ("shop.other", OTHER)];
        let used: Vec<&str> = used
            .into_iter()
            .filter(|(name, _)| auth.contains(name))
            .map(|(_, secret)| secret)
            .collect();
        let body = serde_json::json!({"error": format!("you sent {}", used.join(" and "))});
        let broken =
            format!(r#"{{"match":"*","when":{{"page":2}},"do":{{"status":403,"body":{body}}}}}"#);
        for (fault, code) in [("", 0), (broken.as_str(), 4)] {
            let options = Options {
                key: CANARY.to_owned(),
                secret: OTHER.to_owned(),
                ..Options::default()
            };
            let shop = Shop {
                api: MockApi::start(options).unwrap(),
                ..Shop::new()
            };
            let shop = shop.faults(fault);
            let secrets = format!("[shop]\nkey = \"{CANARY}\"\nother = \"{OTHER}\"\n");
            shop.place.write(".dlt/secrets.toml", secrets);
            let show = "[runtime]\nhttp_show_error_body = true\n";
            shop.place.write(".dlt/config.toml", show);
            let url = shop.api.url();
            let method = if path == "hmac" {
                "method: POST, json: { a: 1 }, "
            } else {
                ""
            };
            let text = format!(
                "source: shop\ndataset: {DATASET}\nclient:\n  base_url: {url}/g\n  auth: {}\n\
                 resources:\n  - name: data\n    endpoint: {{ path: {path}, {method}data_selector: data, \
                 paginator: {{ type: page_number, base_page: 1 }} }}\n",
                auth.replace("URL", url)
            );
            let ended = shop.run_text(&text);
            assert_eq!(ended.code, Some(code), "{path}: {}", ended.stderr);
            let mut words = signatures(&shop.api);
            words.extend(used.iter().map(|word| (*word).to_owned()));
            for word in words {
                assert!(!ended.stderr.contains(&word), "{path}: {}", ended.stderr);
                shop.search(&shop.place.path("."), &word);
            }
            if code == 0 {
                assert_eq!(shop.rows("data"), 6, "{path}");
            } else {
                assert!(ended.stderr.contains("you sent"), "{}", ended.stderr);
            }
        }
    }
}
