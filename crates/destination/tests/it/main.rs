//! Plans, SQL and paths against what dlt writes.

mod golden;
mod merge;
mod migration;
mod replace;
mod support;
mod verify;
