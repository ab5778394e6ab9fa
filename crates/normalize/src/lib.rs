//! tipple: normalize.
