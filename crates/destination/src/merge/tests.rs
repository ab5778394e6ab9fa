//! Merges as they are planned for each strategy.
