//! The declarative REST source: client, paginators, authentication, retries and the graph of resources.
//!
//! A configuration document becomes a [`model::RestConfig`] ([`document`]); the engine turns that into requests and
//! pages.

pub mod convert;
pub mod fill;
pub mod jq;
pub mod jsonpath;
pub mod model;
pub mod steps;
pub mod template;

mod auth;
mod error;
mod http;
mod limiter;
mod paginate;
mod progress;
mod retry;
mod schedule;
