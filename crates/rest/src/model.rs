//! The resolved configuration of a REST source: what is read from a document, checked, merged with its defaults and
//! ordered, so that nothing in it is optional that a request needs.
//!
//! Everything here is plain data (spec/rest-api.md §§2-16); reading it is the task of [`crate::document`], acting on it
//! that of the engine. Secrets are [`Secret`]s or parts of [`Template`]s, which do not show their literal text.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tipple_config::Secret;
use tipple_source::ResourceSpec;

use crate::convert::Convert;
use crate::jq::Jq;
use crate::steps::Steps;
use crate::template::{Template, Tree};
use tipple_json::JsonPath;

/// A whole REST source.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// Resources in the order in which they are listed by dlt (spec §19.2): roots first, then round by round.
    pub resources: Vec<RestResource>,
    /// How requests are sent.
    pub http: HttpPolicy,
    /// Every secret value of the configuration, for the redactor.
    pub secrets: Vec<Secret<String>>,
    /// What the user should know before anything is requested.
    pub warnings: Vec<String>,
}

/// One resource.
#[derive(Debug, Clone)]
pub struct RestResource {
    /// Name and hints.
    pub spec: ResourceSpec,
    /// Where its rows come from.
    pub origin: Origin,
    /// The resource whose rows make its requests.
    pub parent: Option<ParentLink>,
    /// What is done to its rows before the incremental filter.
    pub steps: Steps,
    /// False: extracted only if a selected child needs it; its own table is not written.
    pub is_selected: bool,
    /// Rows may come in any order, requests run side by side (spec §19.4).
    pub is_parallel: bool,
}

/// Where the rows of a resource come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// From answers to requests.
    Endpoint(Box<Endpoint>),
    /// From the configuration itself, to seed children (spec §20.5).
    Seed(Seed),
}

/// Rows that stand in the configuration.
#[derive(Debug, Clone)]
pub enum Seed {
    /// JSON texts, separated by line ends.
    Rows(bytes::Bytes),
    /// A file (`.jsonl`, `.json`, `.csv`, `.yaml`), absolute or relative to the folder of the configuration.
    File(PathBuf),
}

/// How a child is fed by its parent.
#[derive(Debug, Clone)]
pub struct ParentLink {
    /// Index of the parent in [`RestConfig::resources`].
    pub resource: usize,
    /// Its name.
    pub name: String,
    /// Fields of a parent row that requests use; a [`Template`] refers to them by index.
    pub fields: Vec<ParentField>,
    /// Fields that are copied into each child row.
    pub include: Vec<IncludeField>,
    /// What to do with a parent row that lacks one of `fields`.
    pub on_missing: OnMissing,
    /// Each parent row, told apart by `fields`, has a cursor of its own (spec §13.4).
    pub has_own_cursors: bool,
}

/// One field of a parent row.
#[derive(Debug, Clone, PartialEq)]
pub struct ParentField {
    /// As written, for messages.
    pub text: String,
    /// Where it is in the row; its first match counts.
    pub path: JsonPath,
}

/// One field that is copied from the parent row.
#[derive(Debug, Clone, PartialEq)]
pub struct IncludeField {
    /// Key in the child row: `_<parent>_<field>`.
    pub key: String,
    /// As written, for messages.
    pub text: String,
    /// Where it is in the parent row.
    pub path: JsonPath,
}

/// What to do with a parent row that lacks a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissing {
    /// Stop with an error.
    #[default]
    Error,
    /// Pass over the row.
    Skip,
}

/// One request template and how its answers are read.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Prefix of relative paths; empty: paths are whole URLs.
    pub base_url: String,
    /// Path below it, or a whole URL.
    pub path: Template,
    /// Method.
    pub method: Method,
    /// Query parameters in order. Those of an incremental cursor are templates like all others.
    pub params: Vec<Param>,
    /// Headers of client and endpoint, merged without regard to case.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Option<RequestBody>,
    /// Who signs the requests, in order; empty for nobody. Equal lists share tokens.
    pub auth: Arc<[Auth]>,
    /// Paginator in force; found out from the first answer when absent.
    pub paginator: Option<Paginator>,
    /// Where the rows are in an answer.
    pub selector: Selector,
    /// What to do with certain answers.
    pub actions: Vec<ResponseAction>,
    /// Applied to the values of the cursor before they go into templates.
    pub convert: Option<Convert>,
}

/// Method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// GET
    #[default]
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
}

impl Method {
    /// The word of HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One query parameter or form field.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name.
    pub name: Template,
    /// Value. A list repeats the name, null leaves the parameter out.
    pub value: ParamValue,
}

/// Value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// A scalar or a list of scalars.
    Plain(Tree),
    /// Any value, sent as compact JSON text (`$json`).
    Json(Tree),
}

/// One header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Name as written.
    pub name: Template,
    /// Value.
    pub value: Template,
}

/// Body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestBody {
    /// JSON; paginators may write into it.
    Json(Tree),
    /// Form fields.
    Form(Vec<Param>),
    /// Text as it is.
    Text(Template),
}

/// Where the rows of an answer are.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Selector {
    /// Found out from the first answer of a sequence (spec §9.2).
    #[default]
    Automatic,
    /// At this path.
    Path(JsonPath),
}

/// Who signs requests (spec §12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer {
        /// The token.
        token: Secret<String>,
    },
    /// A key in a header, the query or a cookie.
    ApiKey {
        /// Name of the header, parameter or cookie.
        name: String,
        /// The key.
        key: Secret<String>,
        /// Where it goes.
        location: KeyLocation,
    },
    /// User name and password.
    Basic {
        /// User name; may be the key itself.
        username: Secret<String>,
        /// Password; may be empty.
        password: Secret<String>,
    },
    /// OAuth 2 client credentials.
    ClientCredentials(Box<ClientCredentials>),
    /// OAuth 2 with a signed JWT.
    JwtBearer(Box<JwtBearer>),
    /// A signature over the bytes of the body.
    Hmac(Hmac),
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyLocation {
    /// A header.
    #[default]
    Header,
    /// The query string, last.
    Query,
    /// A cookie.
    Cookie,
}

/// OAuth 2 client credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCredentials {
    /// Token to use until the first 401.
    pub access_token: Option<Secret<String>>,
    /// Where tokens are fetched.
    pub access_token_url: String,
    /// Client.
    pub client_id: Secret<String>,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// Form fields merged over the usual ones.
    pub request_data: Vec<(String, Secret<String>)>,
    /// Life of a token when the answer names none.
    pub default_expiration: Duration,
}

/// OAuth 2 with a signed JWT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JwtBearer {
    /// Issuer and subject.
    pub client_id: Secret<String>,
    /// RSA key in PEM.
    pub private_key: Secret<String>,
    /// Its passphrase.
    pub private_key_passphrase: Option<Secret<String>>,
    /// Where tokens are fetched; the audience.
    pub auth_endpoint: String,
    /// Scopes, separated by blanks.
    pub scopes: Option<String>,
    /// Headers of the token request.
    pub headers: Vec<(String, Secret<String>)>,
    /// Life of a token when the answer names none.
    pub default_expiration: Duration,
}

/// A signature over the exact bytes of the body (sources document §1.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hmac {
    /// Hash.
    pub algorithm: HmacAlgorithm,
    /// Key.
    pub secret_key: Secret<String>,
    /// Header that takes the signature.
    pub header: String,
    /// How the signature is written.
    pub encoding: HmacEncoding,
}

/// Hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HmacAlgorithm {
    /// SHA-1
    #[default]
    Sha1,
    /// SHA-256
    Sha256,
}

/// Text form of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HmacEncoding {
    /// Standard base64 with padding.
    #[default]
    Base64,
    /// Lower case digits.
    Hex,
}

/// How further pages are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Paginator {
    /// The rule.
    pub rule: PageRule,
    /// Pages of one sequence after which it ends.
    pub maximum_pages: Option<u64>,
}

impl From<PageRule> for Paginator {
    fn from(rule: PageRule) -> Self {
        Paginator {
            rule,
            maximum_pages: None,
        }
    }
}

/// Rules of pagination (spec §10).
#[derive(Debug, Clone, PartialEq)]
pub enum PageRule {
    /// One request.
    SinglePage,
    /// The next URL is in the body.
    JsonLink {
        /// Where.
        next_url_path: JsonPath,
    },
    /// The next URL is in the `Link` header.
    HeaderLink {
        /// Relation of the link.
        rel: String,
    },
    /// A cursor is in a header.
    HeaderCursor {
        /// Name of the header.
        header: String,
        /// Parameter that takes it.
        param: String,
    },
    /// A cursor is in the body.
    Cursor(CursorRule),
    /// Pages are counted.
    PageNumber(PageNumberRule),
    /// Items are counted.
    Offset(OffsetRule),
}

/// A cursor in the body.
#[derive(Debug, Clone, PartialEq)]
pub struct CursorRule {
    /// Where.
    pub cursor_path: JsonPath,
    /// What takes it.
    pub target: Target,
    /// An empty page ends the sequence.
    pub stop_after_empty_page: bool,
    /// Where the answer says that there is more.
    pub has_more_path: Option<JsonPath>,
}

/// Pages are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct PageNumberRule {
    /// Number of the API's first page.
    pub base_page: i64,
    /// Page of the first request.
    pub page: i64,
    /// What takes the number.
    pub target: Target,
    /// Bounds.
    pub bounds: RangeBounds,
}

/// Items are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetRule {
    /// First offset.
    pub offset: i64,
    /// Step.
    pub limit: i64,
    /// What takes the offset.
    pub offset_target: Target,
    /// What takes the step.
    pub limit_target: Target,
    /// Bounds.
    pub bounds: RangeBounds,
}

/// When counting ends (spec §10.7).
#[derive(Debug, Clone, PartialEq)]
pub struct RangeBounds {
    /// Where the number of pages or items is.
    pub total_path: Option<JsonPath>,
    /// First number that is not requested any more.
    pub maximum: Option<i64>,
    /// An empty page ends the sequence.
    pub stop_after_empty_page: bool,
    /// Where the answer says that there is more.
    pub has_more_path: Option<JsonPath>,
    /// An answer without a `has_more_path` does not fail but leaves the end to the other bounds. No key of a file: the
    /// built-in sources use it.
    pub has_more_may_lack: bool,
}

/// What takes the value of a paginator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A query parameter.
    Param(String),
    /// A member of the JSON body; objects on the way are created.
    Body(Vec<String>),
}

/// What to do with certain answers (spec §15).
#[derive(Debug, Clone)]
pub struct ResponseAction {
    /// Statuses; every status when empty.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// What the raw body must hold.
    pub content: Option<ContentMatch>,
    /// What is done.
    pub action: Action,
}

/// What the raw body of an answer must hold.
#[derive(Debug, Clone)]
pub enum ContentMatch {
    /// This text, exactly.
    Text(String),
    /// Something that matches.
    Regex(regex::Regex),
}

impl ContentMatch {
    /// Something that matches this pattern; nothing for a pattern that is none.
    pub fn regex(pattern: &str) -> Option<Self> {
        regex::Regex::new(pattern).ok().map(ContentMatch::Regex)
    }
}

/// What is done with an answer.
#[derive(Debug, Clone)]
pub enum Action {
    /// The page is dropped and the sequence ends; rows of earlier pages stay.
    Ignore,
    /// The load fails now, without a further attempt.
    Raise,
    /// The request is repeated as if the server had failed.
    Retry,
    /// The page is dropped, the sequence goes on.
    SkipPage,
    /// The body is replaced by the output of a program.
    Replace(Jq),
    /// Nothing: the name is unknown (dlt passes over it).
    Nothing,
}

/// How requests are sent (spec §16, `client.http` §20.4).
#[derive(Debug, Clone, PartialEq)]
pub struct HttpPolicy {
    /// Longest wait for (more of) an answer.
    pub timeout: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Attempts in all.
    pub max_attempts: u32,
    /// First wait between attempts; doubled each time.
    pub backoff: Duration,
    /// Longest wait between attempts.
    pub max_retry_delay: Duration,
    /// Sum of the waits that servers ask for.
    pub max_total_wait: Duration,
    /// Statuses that are retried besides 429 and 500-599.
    pub retry_statuses: Vec<u16>,
    /// Requests a second.
    pub max_rps: Option<f64>,
    /// Requests at the same time.
    pub max_concurrency: usize,
    /// Bytes of one answer, decompressed: it is held in memory as a whole.
    pub max_body_bytes: usize,
    /// `User-Agent`; the program's own when absent.
    pub user_agent: Option<String>,
    /// Proxy, credentials included; the environment decides when absent.
    pub proxy: Option<Secret<String>>,
    /// Further certificates in PEM.
    pub ca_file: Option<PathBuf>,
    /// Follow redirects.
    pub follow_redirects: bool,
    /// How booleans are written in parameters.
    pub bool_params: BoolText,
    /// A selector without a match on the first page is an error.
    pub strict_selector: bool,
    /// How paginators are found out.
    pub detect: Detect,
    /// The body goes into messages.
    pub show_error_body: bool,
    /// Characters of it.
    pub error_body_max: usize,
}

impl Default for HttpPolicy {
    fn default() -> Self {
        HttpPolicy {
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(60),
            max_attempts: 5,
            backoff: Duration::from_secs(1),
            max_retry_delay: Duration::from_secs(300),
            max_total_wait: Duration::from_secs(900),
            retry_statuses: Vec::new(),
            max_rps: None,
            max_concurrency: 5,
            max_body_bytes: 256 << 20,
            user_agent: None,
            proxy: None,
            ca_file: None,
            follow_redirects: true,
            bool_params: BoolText::Python,
            strict_selector: false,
            detect: Detect::Corrected,
            show_error_body: false,
            error_body_max: 8192,
        }
    }
}

/// How booleans are written in parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoolText {
    /// `True`, `False`.
    #[default]
    Python,
    /// `true`, `false`.
    Json,
}

/// How paginators are found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detect {
    /// dlt's rules without their traps (spec §11).
    #[default]
    Corrected,
    /// Exactly dlt's rules.
    Dlt131,
}

/// Names of resources → index, for look-ups.
pub type ResourceIndex = IndexMap<String, usize>;
