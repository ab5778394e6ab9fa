//! tipple: testkit.
