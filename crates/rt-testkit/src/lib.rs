//! Test servers and processes for the real-time HTTP crates; unpublished.
//!
//! Everything here ends with its handle: a server's `Drop` shuts it down and surfaces the panics
//! of its threads.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

pub mod server;
