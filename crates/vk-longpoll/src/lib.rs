//! VK's long poll, of users and of bots: every event typed, and a loop that keeps its place and
//! never dies.

mod answer;
pub mod bots;
mod decode_error;
mod json;
mod scan;
pub mod user;

pub use decode_error::DecodeError;
pub use json::Json;
#[doc(no_inline)]
pub use serde_json::value::RawValue;
