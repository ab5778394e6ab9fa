//! The mock server over HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod api_video;
mod client;
mod faults;
mod generic;
mod pixlee;

use tipple_mockapi::{MockApi, Options};

/// A server with its default settings.
pub fn small() -> MockApi {
    MockApi::start(Options::default()).unwrap()
}

/// A server that answers from the fixtures of the project.
pub fn fixtures() -> MockApi {
    MockApi::start(Options::fixtures(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures"
    )))
    .unwrap()
}
