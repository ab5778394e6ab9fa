//! Tests across crates and of the whole program.
//!
//! One binary, so that everything links once. The program under test is the one that `cargo xtask test` has built;
//! `program` starts it in a folder of its own.

mod bad_input;
mod invariance;
mod judges;
mod killed;
mod program;
