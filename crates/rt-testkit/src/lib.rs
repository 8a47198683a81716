//! Test servers and processes for the real-time HTTP crates; unpublished.
//!
//! Everything here ends with its handle: a server's `Drop` shuts it down and surfaces the panics
//! of its threads.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

#[cfg(feature = "interop")]
pub mod browser;
#[cfg(feature = "interop")]
pub mod centrifugo;
pub mod http;
pub mod legacy_centrifugo;
#[cfg(feature = "interop")]
pub mod process;
#[cfg(feature = "interop")]
pub mod proxy;
pub mod server;
pub mod vk;
