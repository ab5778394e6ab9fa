//! Tests across crates live in `it/`.
