//! The REST source against the mock server, through its public path: a configuration in, tagged pages out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod auth;
mod children;
mod errors;
mod incremental;
mod lab;
mod pages;
mod requests;
mod resume;
mod retries;
