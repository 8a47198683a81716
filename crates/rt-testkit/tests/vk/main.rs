//! The stand-in for VK, asked with bare sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod bots;
mod calls;
mod client;
mod ending;
mod execute;
mod faults;
mod history;
mod polls;
mod rows;
mod script;
mod sending;
mod tls;
