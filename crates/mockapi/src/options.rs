//! How a server is set up.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What data the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// A few generated rows of everything; every optional field is there in some rows.
    #[default]
    Small,
    /// The files of a folder, byte for byte.
    Fixtures,
    /// As small, with [`Options::rows`] videos and as many photos in the first album.
    Load,
}

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What data the server has.
    pub scenario: Scenario,
    /// Videos, and photos of the first album, of the scenario `load`.
    pub rows: u64,
    /// Seed of all generated ids.
    pub seed: u64,
    /// API key of Pixlee, api.video and the generic area.
    pub key: String,
    /// API key of the admin API of api.video.
    pub admin_key: String,
    /// Secret that signs requests to Pixlee, and client secret of OAuth.
    pub secret: String,
    /// Folder with `pixlee` and `api-video`, for the scenario `fixtures`.
    pub fixtures: PathBuf,
    /// Requests that api.video and Pixlee answer in one window; no limit when it is not set.
    pub rate_limit: Option<u32>,
    /// Length of the rate window in seconds.
    pub window_s: u64,
    /// Lifetime of access tokens in seconds.
    pub token_ttl_s: u64,
    /// Milliseconds before every answer.
    pub latency_ms: u64,
    /// Whether Pixlee writes numbers of its envelope as numbers on every page.
    pub strict_types: bool,
    /// Whether Pixlee answers identical URLs from a cache for 120 s.
    pub cdn: bool,
    /// Public key (DER, `SubjectPublicKeyInfo` or PKCS #1) that assertions at `/g/oauth/jwt` must be signed for.
    pub jwt_public_key: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            scenario: Scenario::Small,
            rows: 1_000_000,
            seed: 1,
            key: "mock-key".to_owned(),
            admin_key: "mock-admin-key".to_owned(),
            secret: "mock-secret".to_owned(),
            fixtures: PathBuf::from("fixtures"),
            rate_limit: None,
            window_s: 60,
            token_ttl_s: 3600,
            latency_ms: 0,
            strict_types: false,
            cdn: false,
            jwt_public_key: None,
        }
    }
}

impl Options {
    /// The scenario `load` with so many rows.
    pub fn load(rows: u64) -> Self {
        Options {
            scenario: Scenario::Load,
            rows,
            ..Options::default()
        }
    }

    /// The scenario `fixtures` with the files of a folder; its key is `fixture-key`.
    pub fn fixtures(folder: impl Into<PathBuf>) -> Self {
        Options {
            scenario: Scenario::Fixtures,
            fixtures: folder.into(),
            key: "fixture-key".to_owned(),
            ..Options::default()
        }
    }
}
