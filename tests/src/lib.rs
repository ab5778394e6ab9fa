//! Tests across crates and of the whole program; everything is in `it`.
