//! Bots Long Poll: what a community's bot sees.

mod answer;
mod event;
mod fetch;
mod handlers;
mod long_poll;

pub use answer::{Answer, Updates};
pub use event::*;
pub use handlers::Handlers;
pub use long_poll::{Bots, LongPoll, LongPollBuilder};
