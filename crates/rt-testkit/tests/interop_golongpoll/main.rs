//! lp-client with golongpoll's own server, golongpoll's own client with ours, and both servers with
//! the same raw requests.
//!
//! `GOLONGPOLL` names the folder with its programs, `EXAMPLES` that of ours.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.
#![allow(unreachable_pub)] // Modules of one program.

mod both;
mod killed;
mod ours;
mod peers;
mod publications;
mod requests;
mod table;
mod theirs;
mod tools;
mod wire;
