//! User Long Poll: what a user's or a community's account sees.

mod answer;
mod attachments;
mod event;
mod extra;
mod fields;
mod flags;
mod handlers;
mod history;
mod long_poll;
mod mode;
mod peer;
mod platform;
mod text;

pub use answer::{Answer, Updates};
pub use attachments::{Attachment, Attachments};
pub use event::*;
pub use extra::{Extra, SourceAct};
pub use flags::{MessageFlags, PeerFlags};
pub use handlers::Handlers;
pub use long_poll::{LongPoll, LongPollBuilder, Session, User};
pub use mode::Mode;
pub use peer::PeerKind;
pub use platform::{ChatChange, Platform};
pub use text::text_decoded;
