//! VK's long poll, of users and of bots: every event typed, and a loop that keeps its place and
//! never dies.

pub mod user;

#[doc(no_inline)]
pub use serde_json::value::RawValue;
