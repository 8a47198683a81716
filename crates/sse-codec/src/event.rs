//! Events, lent and owned, and the other things that a stream carries.

use alloc::string::String;
use core::{fmt, time::Duration};

/// The event type of an event that names none.
pub(crate) const DEFAULT_TYPE: &str = "message";

/// An event whose text lives in the fed chunk or in the decoder.
///
/// Lent until the next call on its [`Feed`](crate::Feed); [`to_owned`](Self::to_owned) keeps it.
#[derive(Clone, Copy)]
pub struct EventRef<'a> {
    pub(crate) data: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
}

impl<'a> EventRef<'a> {
    /// The event type; `message` if the event names none.
    pub fn event(&self) -> &'a str {
        if self.kind.is_empty() { DEFAULT_TYPE } else { self.kind }
    }

    /// The data: its lines joined by LF.
    pub fn data(&self) -> &'a str {
        self.data
    }

    /// The last event id in effect at this event; empty if there is none.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// Copies the event, with one allocation.
    pub fn to_owned(&self) -> Event {
        let Self { data, kind, id } = *self;
        let mut text = String::with_capacity(data.len() + kind.len() + id.len());
        text.push_str(data);
        Event::assemble(text, kind, id)
    }
}

// The length of a text within an event. The bound on events keeps it below 4 GiB.
#[inline]
fn len(text: &str) -> u32 {
    u32::try_from(text.len()).expect("an event of less than 4 GiB")
}

/// Equal if type, data and id are: it does not matter whether the type was named.
impl PartialEq for EventRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.event(), self.data, self.id) == (other.event(), other.data, other.id)
    }
}

impl Eq for EventRef<'_> {}

impl fmt::Debug for EventRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "EventRef", self.event(), self.data(), self.id())
    }
}

/// An event that owns its text: one allocation, whatever it carries.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Event {
    /// Data, type and id, one after the other: 32 bytes for the struct and a single allocation,
    /// where a string for each would take 72 bytes and up to three.
    text: String,
    data_len: u32,
    kind_len: u32,
}

impl Event {
    /// An event of type `message` with this data and no id.
    ///
    /// # Panics
    /// If the data is 4 GiB or longer.
    pub fn new(data: impl Into<String>) -> Self {
        Self::assemble(data.into(), "", "")
    }

    /// The same event with another type; an empty one means `message`.
    ///
    /// # Panics
    /// If the type is 4 GiB or longer.
    #[must_use]
    pub fn with_event(self, event: &str) -> Self {
        let id = String::from(self.id());
        Self::assemble(self.into_data(), event, &id)
    }

    /// The same event with another last event id.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        let kind = String::from(self.kind());
        Self::assemble(self.into_data(), &kind, id)
    }

    /// The event type; `message` if the event names none.
    pub fn event(&self) -> &str {
        let kind = self.kind();
        if kind.is_empty() { DEFAULT_TYPE } else { kind }
    }

    /// The data: its lines joined by LF.
    pub fn data(&self) -> &str {
        &self.text[..self.data_len as usize]
    }

    /// The last event id in effect at this event; empty if there is none.
    pub fn id(&self) -> &str {
        &self.text[self.data_len as usize + self.kind_len as usize..]
    }

    /// The data alone, without a copy.
    pub fn into_data(self) -> String {
        let mut text = self.text;
        text.truncate(self.data_len as usize);
        text
    }

    /// The event, lent.
    pub fn as_ref(&self) -> EventRef<'_> {
        EventRef { data: self.data(), kind: self.kind(), id: self.id() }
    }

    fn kind(&self) -> &str {
        &self.text[self.data_len as usize..][..self.kind_len as usize]
    }

    /// An event with nothing but data.
    #[inline(always)]
    pub(crate) fn from_data(text: String) -> Self {
        Self { data_len: len(&text), kind_len: 0, text }
    }

    /// Appends type and id to the data. A type that says no more than the default is left out, so
    /// that equal events are equal.
    pub(crate) fn assemble(mut text: String, kind: &str, id: &str) -> Self {
        let kind = if kind == DEFAULT_TYPE { "" } else { kind };
        let (data_len, kind_len) = (len(&text), len(kind));
        text.push_str(kind);
        text.push_str(id);
        Self { text, data_len, kind_len }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Event", self.event(), self.data(), self.id())
    }
}

fn debug(f: &mut fmt::Formatter<'_>, name: &str, event: &str, data: &str, id: &str) -> fmt::Result {
    f.debug_struct(name).field("event", &event).field("data", &data).field("id", &id).finish()
}

/// What a stream carries, lent by [`Feed::next`](crate::Feed::next).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event.
    Event(EventRef<'a>),
    /// A comment line, without its colon; given as its line ends.
    Comment(&'a str),
    /// The server's wish how long to wait before a reconnect; given as its line ends.
    Retry(Duration),
    /// An event or comment is larger than the bound and is skipped; decoding goes on after it.
    #[non_exhaustive]
    TooLarge {
        /// The bound on an event in bytes.
        limit: usize,
    },
}

impl Item<'_> {
    /// Copies the item.
    pub fn to_owned(&self) -> Decoded {
        match *self {
            Item::Event(event) => Decoded::Event(event.to_owned()),
            Item::Comment(text) => Decoded::Comment(text.into()),
            Item::Retry(wait) => Decoded::Retry(wait),
            Item::TooLarge { limit } => Decoded::TooLarge { limit },
        }
    }
}

/// What a stream carries, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decoded {
    /// An event.
    Event(Event),
    /// A comment line, without its colon.
    Comment(String),
    /// The server's wish how long to wait before a reconnect.
    Retry(Duration),
    /// An event or comment is larger than the bound and was skipped.
    #[non_exhaustive]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
}
