//! What is read, and what is said about mistakes.
