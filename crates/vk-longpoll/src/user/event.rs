//! Events of the user long poll: a row is typed by its code, and kept as it came.

mod conversation;
mod folders;
mod history;
mod kind;
mod message;
mod other;
mod presence;
mod reactions;
mod row;
mod rows;

pub use conversation::*;
pub use folders::*;
pub use kind::EventKind;
pub use message::*;
pub use other::*;
pub use presence::*;
pub use reactions::{MembersChanged, Reaction, ReactionsChanged, UnreadReactionsChanged};

use crate::MalformedParts;
use serde::Serialize;
use serde_json::value::RawValue;
use std::cell::RefCell;

/// One event, typed, and the row that it came as.
///
/// Decoding never fails: a row whose code is not known is [`EventKind::Unknown`], and one that does
/// not say what it is about is [`EventKind::Malformed`]. Any other part that cannot be read is absent,
/// and among the [`malformed_parts`](Event::malformed_parts). Numbers may come as strings and texts as numbers,
/// `null` is as good as absent, and values beyond the known ones are left alone.
///
/// Serialised, it is an object of the kind's name, the kind's fields, `recovered`, and `raw`:
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::user::{Event, EventKind};
///
/// let row = r#"[4,5,3,2000000001,1464950873,"Hello, &lt;you&gt;",{"from":"7"}]"#;
/// let event = Event::decode(&RawValue::from_string(row.to_owned())?);
/// assert_eq!(event.peer_id(), Some(2_000_000_001));
/// let EventKind::NewMessage(message) = &event.kind else { panic!() };
/// assert!(message.flags.is_outbox());
/// assert_eq!(message.text_decoded().unwrap(), "Hello, <you>");
///
/// assert_eq!(serde_json::to_string(&event)?, concat!(
///     r#"{"kind":"new_message","message_id":5,"flags":3,"peer_id":2000000001,"#,
///     r#""timestamp":1464950873,"text":"Hello, &lt;you&gt;","extra":{"from":"7"},"#,
///     r#""recovered":false,"#,
///     r#""raw":[4,5,3,2000000001,1464950873,"Hello, &lt;you&gt;",{"from":"7"}]}"#,
/// ));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// Whether it was missed when it happened, and read from the history later.
    pub recovered: bool,
    raw: Box<RawValue>,
    #[serde(skip)]
    malformed: MalformedParts,
}

impl Event {
    /// What a row says, whatever it is.
    #[must_use]
    pub fn decode(row: &RawValue) -> Self {
        let malformed = RefCell::default();
        Self {
            kind: EventKind::decode(row.get(), &malformed),
            recovered: false,
            raw: row.to_owned(),
            malformed: malformed.into_inner(),
        }
    }

    /// The row, byte for byte as it came; of a message that was read from the history, the row that a
    /// poll would have brought.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// What of the row could not be read, and is absent from the typed event.
    #[must_use]
    pub fn malformed_parts(&self) -> &MalformedParts {
        &self.malformed
    }

    /// The code that the row begins with, unless that is no number.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        self.kind.code()
    }

    /// The conversation that the event belongs to: those of one conversation have an order. Of what
    /// is about a user rather than a conversation (online, offline, a call) it is the user.
    #[must_use]
    pub fn peer_id(&self) -> Option<i64> {
        self.kind.peer_id()
    }

    /// The message that it is about.
    #[must_use]
    pub fn message_id(&self) -> Option<i64> {
        self.kind.message_id()
    }

    /// Says that the event was read from the history.
    pub fn mark_recovered(&mut self) {
        self.recovered = true;
    }
}

/// The same row, and read from the same place.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        let is_same = |one: &Self, two: &Self| one.raw.get() == two.raw.get();
        self.recovered == other.recovered && self.kind == other.kind && is_same(self, other)
    }
}
