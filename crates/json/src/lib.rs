//! Byte-level JSON: scanner, exact numbers, lazy paths, ISO times, canonical text, SHAKE-128 lanes.
//!
//! This is the only crate that looks at the bytes of JSON text. It does no I/O and knows no schema. General JSON
//! libraries build values that would be thrown away at once; here values go from text to where they are needed.
//! Start with [`scan`] for the text, [`value`] for the tree.

pub mod value;

pub use value::{Timestamp, Value};
