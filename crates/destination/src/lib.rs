//! tipple: destination.
