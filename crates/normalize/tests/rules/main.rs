//! The rules of spec/normalize.md, paragraph by paragraph: items in, tables as text out.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod arrow;
mod contracts;
mod flatten;
mod loads;
mod support;
mod system;
mod types;
