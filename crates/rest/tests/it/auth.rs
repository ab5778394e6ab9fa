//! Who signs requests, tokens that are fetched and renewed (spec/rest-api.md §12).

use crate::lab::Lab;

fn text(lab: &Lab, auth: &str, path: &str, endpoint: &str) -> String {
    format!(
        "client: {{base_url: \"{}/g\", auth: {auth}}}\nresources:\n  - {{name: rows, endpoint: {{path: \"{path}\", \
         paginator: {{type: page_number, base_page: 1}}{endpoint}}}}}\n",
        lab.mock.url()
    )
}

#[test]
fn every_kind_of_credential_is_accepted_by_the_server_that_wants_it() {
    for (auth, path) in [
        ("{type: bearer, token: \"${env.CANARY}\"}", "bearer"),
        (
            "{type: api_key, name: X-Api-Key, api_key: \"${env.CANARY}\"}",
            "api-key-header",
        ),
        (
            "{type: api_key, name: api_key, api_key: \"${env.CANARY}\", location: cookie}",
            "api-key-cookie",
        ),
        (
            "{type: http_basic, username: \"${env.CANARY}\", password: canary-secret-4711}",
            "basic",
        ),
    ] {
        let lab = Lab::new();
        assert_eq!(
            lab.read(&text(&lab, auth, path, "")).count("rows"),
            6,
            "{path}"
        );
    }
}

const OAUTH: &str = "{type: oauth2_client_credentials, access_token_url: \"URL/g/oauth/tokenQUERY\", client_id: mock-client, client_secret: canary-secret-4711}";

fn oauth(lab: &Lab, query: &str) -> String {
    OAUTH.replace("URL", lab.mock.url()).replace("QUERY", query)
}

fn token_requests(lab: &Lab) -> usize {
    let requests = lab.mock.requests();
    requests
        .iter()
        .filter(|entry| entry.path.ends_with("/token"))
        .count()
}

#[test]
fn a_token_is_fetched_once_for_all_resources() {
    let lab = Lab::new();
    let more = "  - {name: more, endpoint: {path: oauth/data, paginator: {type: page_number, base_page: 1}}}\n";
    let reading = lab.read(&(text(&lab, &oauth(&lab, ""), "oauth/data", "") + more));
    assert_eq!((reading.count("rows"), reading.count("more")), (6, 6));
    assert_eq!(token_requests(&lab), 1);
}

#[test]
fn a_token_that_ends_early_is_renewed_once() {
    let rule = r#"{"match": "GET /g/oauth/data", "when": {"page": 2, "first": 1}, "do": {"revoke_token": true}}"#;
    let lab = Lab::new().faults(rule);
    assert_eq!(
        lab.read(&text(&lab, &oauth(&lab, ""), "oauth/data", ""))
            .count("rows"),
        6
    );
    assert_eq!(token_requests(&lab), 2);
}

#[test]
fn a_given_token_is_used_until_it_is_refused() {
    let lab = Lab::new();
    let auth = oauth(&lab, "").replace("client_id:", "access_token: canary-stale-4711, client_id:");
    assert_eq!(
        lab.read(&text(&lab, &auth, "oauth/data", "")).count("rows"),
        6
    );
    assert_eq!(token_requests(&lab), 1);
    assert_eq!(lab.mock.requests()[0].status, 401);
}

#[test]
fn token_errors_say_what_oauth_says_and_nothing_else() {
    let lab = Lab::new();
    let wrong = oauth(&lab, "").replace("canary-secret-4711", "canary-wrong-4711");
    insta::assert_snapshot!(
        "refused",
        lab.read(&text(&lab, &wrong, "oauth/data", ""))
            .shown_error(&lab)
    );
    let lacking = oauth(&lab, "?omit=access_token");
    insta::assert_snapshot!(
        "lacking",
        lab.read(&text(&lab, &lacking, "oauth/data", ""))
            .shown_error(&lab)
    );
}

#[test]
fn a_wrong_key_is_one_request_and_a_clear_error() {
    let lab = Lab::new();
    let reading = lab.read(&text(
        &lab,
        "{type: bearer, token: canary-other-4711}",
        "bearer",
        "",
    ));
    assert_eq!(lab.mock.requests().len(), 1);
    insta::assert_snapshot!(reading.shown_error(&lab));
}

#[test]
fn credentials_stay_with_their_host() {
    let lab = Lab::new();
    for (auth, leaked) in [
        ("{type: bearer, token: \"${env.CANARY}\"}", "authorization"),
        (
            "{type: api_key, name: X-Key, api_key: \"${env.CANARY}\"}",
            "x-key",
        ),
    ] {
        lab.mock.reset();
        let endpoint = ", data_selector: $, headers: {X-Own: stays}";
        let text = text(&lab, auth, "redirect-other-host", endpoint)
            .replace("{type: page_number, base_page: 1}", "single_page");
        assert_eq!(lab.read(&text).count("rows"), 1);
        let requests = lab.mock.requests();
        assert!(requests[0].headers.contains_key(leaked));
        assert!(!requests[1].headers.contains_key(leaked), "{leaked}");
        assert_eq!(requests[1].headers["x-own"], "stays");
    }
}
