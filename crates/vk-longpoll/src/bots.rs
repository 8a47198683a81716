//! Bots Long Poll: what a community's bot sees.

mod answer;
mod event;

pub use answer::{Answer, Failed, Updates};
pub use event::*;
