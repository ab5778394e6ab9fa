//! Plans, SQL and paths against what dlt writes.

#![allow(clippy::unwrap_used)]

mod golden;
mod histories;
mod merge;
mod migration;
mod replace;
mod support;
mod verify;
