//! tipple: source.
