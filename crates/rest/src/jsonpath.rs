//! JSONPath in dlt's dialect (spec/rest-api.md §9.4).

/// A compiled path.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    text: String,
}
