//! What is done to rows between their selection and the incremental filter (spec/rest-api.md §§14, 21).

/// Steps in their order.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    steps: Vec<()>,
}

impl Steps {
    /// True when rows stay as they are.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
