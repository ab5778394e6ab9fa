//! Tests across crates and of the whole program.
//!
//! One binary, so that everything links once. The program under test is the one that `cargo xtask test` has built;
//! `program` starts it in a folder of its own.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests")]

mod bad_input;
mod cli;
mod invariance;
mod judges;
mod killed;
mod plan;
mod postgres;
mod program;
mod rest_fixtures;
mod rest_interrupt;
mod rest_program;
mod rest_start;
