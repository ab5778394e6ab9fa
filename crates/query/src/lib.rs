//! The guard on SQL that comes from outside: one statement, a query only, over the tables of one dataset.
//!
//! People, dashboards and agents may type SQL. What they type is parsed, every node of the tree is compared with what is
//! known to be harmless, and the text that is handed on is written anew from the tree, so that what runs is what was
//! checked. This is the courtesy (an early, clear answer); the wall is the destination's read-only mode without access
//! to files. Start with [`Guard::check`].

mod functions;
mod guard;
mod refusal;
mod scope;
mod tree;

#[cfg(test)]
mod tests;

pub use guard::{Checked, Guard};
pub use refusal::Refusal;
