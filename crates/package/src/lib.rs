//! tipple: package.
