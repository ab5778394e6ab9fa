//! tipple: pipeline.
