//! Configurations from elsewhere: a Python dictionary, a `curl` command, an OpenAPI document.
//!
//! Each reader gives a document in the form of a pipeline file, secrets taken out of it, and notes on what a person has
//! to finish. Nothing is sent or run.

mod curl;
mod openapi;
mod python;

pub use curl::from_curl;
pub use openapi::from_openapi;
pub use python::from_python;

use serde_json::Value;
use tipple_config::Secret;

/// A configuration from elsewhere.
#[derive(Debug, Clone)]
pub struct Imported {
    /// In the form of a pipeline file (spec/rest-api.md §20.2).
    pub document: Value,
    /// What is left to do, one line each.
    pub notes: Vec<String>,
    /// Secrets that were found in it: dotted path in the settings, value.
    pub secrets: Vec<(String, Secret<String>)>,
}

/// A text from elsewhere that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImportError {
    /// What is wrong, and where.
    pub message: String,
    /// How to go on.
    pub help: String,
}

impl ImportError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        ImportError {
            message: message.into(),
            help: help.into(),
        }
    }
}
