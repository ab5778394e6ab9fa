//! Programs in the language of jq (spec/rest-api.md §21.4).

use std::sync::Arc;

/// A compiled program.
#[derive(Debug, Clone)]
pub struct Jq {
    text: Arc<str>,
}

impl Jq {
    /// The program as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}
