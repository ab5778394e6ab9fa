//! tipple: json.
