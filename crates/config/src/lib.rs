//! tipple: config.
