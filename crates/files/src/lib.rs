//! tipple: files.
