//! What tests and developer commands share: the canonical dump of a dataset, its comparison, and the judges built on them.
//!
//! Compatibility with dlt is judged from outside: a run's result is read back from the database ([`dump`]), and compared
//! ([`compare`]) with what dlt left there. Oracle cases are performed by [`case`], golden vectors by [`golden`]. This crate
//! is for development only and is never published.

pub mod case;
pub mod compare;
pub mod dump;
pub mod golden;
pub mod server;
mod text;
mod typed;
