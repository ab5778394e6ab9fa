//! What every destination must do: one suite of named checks, the same for all.
//!
//! A destination takes the suite over with one call of [`conformance_suite!`], which makes one test of each check; a
//! [`Harness`] says how to reach the destination. Checks run whole pipelines, because promises are about what is in the
//! tables after a load; that is why the suite is a crate of its own and not a feature of `tipple-destination`, which the
//! pipeline depends on. What a destination cannot do is reported with its reason and never passes in silence. Tests only:
//! a failed expectation panics. The list of checks is in `checks`; start with [`Harness`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a broken expectation is a failed test"
)]

mod checks;
mod crash;
mod harness;
mod lab;
mod verdict;
mod wrap;

pub use checks::CHECKS;
pub use crash::child;
pub use harness::Harness;
pub use lab::{Lab, Setup};
pub use verdict::{Check, Need, Verdict, check, write_list};
