//! Events of the bots long poll: typed by their type's name, and kept as they came.

mod comments;
mod community;
mod kind;
mod message;
mod objects;
mod types;
mod wall;

pub use comments::*;
pub use community::*;
pub use kind::EventKind;
pub use message::*;
pub use types::EventType;
pub use wall::*;

use crate::json::Object;
use crate::{Json, MalformedParts};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One event, typed, and the object that it came as.
///
/// Decoding never fails: a type that is not known keeps its name and its object, and an object that
/// does not say what it is about is [`EventKind::Malformed`]. Any other part that cannot be read is
/// absent, and among the [`malformed_parts`](Event::malformed_parts). Numbers may come as strings and texts as numbers,
/// `null` is as good as absent, and what is not known is left alone: it is in [`raw`](Self::raw).
///
/// Serialised, it is an object of the type's name, the kind's fields, `group_id`, `recovered` (never:
/// communities have no history to read) as a user's events have it, and `raw`. (The event's own
/// `event_id` and `v` are in `raw` only: a `message_event` has another `event_id`.)
///
/// ```
/// use vk_longpoll::RawValue;
/// use vk_longpoll::bots::{Event, EventKind};
///
/// let update = r#"{"type":"message_new","event_id":"c68d","v":"5.199","object":{"message":
///     {"id":1,"date":1464950873,"from_id":42,"peer_id":42,"text":"hello"}},"group_id":7}"#;
/// let event = Event::decode(&RawValue::from_string(update.to_owned())?);
/// assert_eq!((event.group_id, event.peer_id()), (Some(7), Some(42)));
/// let EventKind::MessageNew(new) = &event.kind else { panic!() };
/// assert_eq!(new.message.text.as_deref(), Some("hello"));
///
/// let json = serde_json::to_string(&event)?;
/// assert!(json.starts_with(r#"{"kind":"message_new","message":{"id":1,"#));
/// assert!(json.ends_with(&format!(r#","group_id":7,"recovered":false,"raw":{update}}}"#)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The community.
    pub group_id: Option<i64>,
    /// The event's own id.
    pub event_id: Option<String>,
    /// The version of the API that the object is of.
    pub v: Option<String>,
    raw: Box<RawValue>,
    malformed: MalformedParts,
}

impl Event {
    /// What an update says, whatever it is.
    #[must_use]
    pub fn decode(update: &RawValue) -> Self {
        let raw = update.to_owned();
        let Some(object) = Object::split(update.get()) else {
            let kind = EventKind::Malformed(Malformed {
                reason: MalformedReason::NotAnObject,
                event_type: None,
            });
            let malformed = MalformedParts::default();
            return Self { kind, group_id: None, event_id: None, v: None, raw, malformed };
        };
        let kind = EventKind::decode(&object);
        let (group_id, event_id, v) =
            (object.find("group_id"), object.find("event_id"), object.find("v"));
        if let Some(parts) = kind.malformed_parts() {
            object.note_within("object", parts);
        }
        Self { kind, group_id, event_id, v, raw, malformed: object.take_malformed() }
    }

    /// The update, byte for byte as it came.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// What of the update could not be read, and is absent from the typed event.
    #[must_use]
    pub fn malformed_parts(&self) -> &MalformedParts {
        &self.malformed
    }

    /// The conversation that the event belongs to: those of one conversation have an order. Of what
    /// is about a user rather than a conversation (joins, subscriptions) it is the user.
    #[must_use]
    pub fn peer_id(&self) -> Option<i64> {
        self.kind.peer_id()
    }
}

/// The same update.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.raw.get() == other.raw.get()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            kind: &'a str,
            #[serde(flatten)]
            fields: &'a EventKind,
            #[serde(skip_serializing_if = "Option::is_none")]
            group_id: Option<i64>,
            recovered: bool,
            raw: &'a RawValue,
        }
        let (kind, fields) = (self.kind.name(), &self.kind);
        Flat { kind, fields, group_id: self.group_id, recovered: false, raw: &self.raw }
            .serialize(serializer)
    }
}

/// An event whose object this crate does not type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Other {
    /// Its type.
    #[serde(skip)]
    pub event_type: EventType,
    /// Its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Json>,
}

/// An update that is not what its type says; or no update at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Malformed {
    /// What is wrong with it.
    pub reason: MalformedReason,
    /// Its type, where it has one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<EventType>,
}

/// What is wrong with an update.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedReason {
    /// It is not an object.
    NotAnObject,
    /// It has no type.
    NoType,
    /// It has no object, or something else in its place.
    NoObject,
    /// The value at this path is missing: `object.message.peer_id`.
    Missing(Cow<'static, str>),
    /// The value at this path is of another type than it should be.
    Wrong(Cow<'static, str>),
}

impl fmt::Display for MalformedReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => formatter.write_str("not an object"),
            Self::NoType => formatter.write_str("it has no type"),
            Self::NoObject => formatter.write_str("it has no object"),
            Self::Missing(name) => write!(formatter, "{name} is missing"),
            Self::Wrong(name) => write!(formatter, "{name} is of the wrong type"),
        }
    }
}

/// Its words.
impl Serialize for MalformedReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
