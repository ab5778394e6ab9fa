//! The declarative REST source: client, paginators, authentication, retries and the graph of resources.
//!
//! A configuration document becomes a [`model::RestConfig`] ([`document`]); the engine turns that into requests and
//! pages.

pub mod builtin;
pub mod convert;
pub mod document;
pub mod fill;
pub mod import;
pub mod jq;
pub mod json_schema;
pub mod model;
pub mod steps;
pub mod template;

mod auth;
mod checkpoint;
mod cursors;
mod engine;
mod error;
mod generator;
mod http;
mod limiter;
mod page;
mod paginate;
mod progress;
mod request;
mod retry;
mod schedule;
mod seed;
mod sequence;

pub use engine::RestSource;
