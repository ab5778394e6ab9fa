//! The command line of tipple.

fn main() {}
