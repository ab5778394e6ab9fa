//! Which names of common table expressions can be seen at a place in a statement.
//!
//! A name that a `WITH` introduces is no table of the dataset, so it must be known exactly where it holds: in the
//! expressions after it, in the main query, and in its own body only when the `WITH` is recursive. A guard that took the
//! names as valid everywhere would let `WITH "a.csv" AS (FROM "a.csv") …` read a file.

use sqlparser::ast::{Query, With};

/// One query on the way from the statement to the current node.
struct Frame {
    /// Name and body address of each common table expression, in order.
    expressions: Vec<(String, *const Query)>,
    is_recursive: bool,
    /// How many of the names can be seen now.
    visible: usize,
}

/// The queries around the current node, outermost first.
#[derive(Default)]
pub(crate) struct Scopes {
    frames: Vec<Frame>,
}

fn frame(with: Option<&With>) -> Frame {
    let expressions = with.map_or_else(Vec::new, |with| {
        with.cte_tables
            .iter()
            .map(|cte| {
                (
                    cte.alias.name.value.clone(),
                    std::ptr::from_ref::<Query>(&cte.query),
                )
            })
            .collect()
    });
    Frame {
        expressions,
        is_recursive: with.is_some_and(|with| with.recursive),
        visible: 0,
    }
}

impl Scopes {
    /// Goes into a query.
    pub(crate) fn enter(&mut self, query: &Query) {
        if let Some(parent) = self.frames.last_mut()
            && parent.is_recursive
            && parent.is_next(query)
        {
            parent.visible += 1;
        }
        self.frames.push(frame(query.with.as_ref()));
    }

    /// Leaves the query that was entered last.
    pub(crate) fn leave(&mut self, query: &Query) {
        self.frames.pop();
        if let Some(parent) = self.frames.last_mut()
            && !parent.is_recursive
            && parent.is_next(query)
        {
            parent.visible += 1;
        }
    }

    /// True when `name` is a common table expression here.
    pub(crate) fn sees(&self, name: &str) -> bool {
        self.frames.iter().any(|frame| {
            frame.expressions[..frame.visible]
                .iter()
                .any(|(seen, _)| seen.eq_ignore_ascii_case(name))
        })
    }
}

impl Frame {
    fn is_next(&self, query: &Query) -> bool {
        self.expressions
            .get(self.visible)
            .is_some_and(|(_, body)| std::ptr::eq(*body, query))
    }
}
