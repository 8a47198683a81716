//! What was published, and its encoded forms.

use crate::message::as_text;
use crate::{Message, Position};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use uuid::Uuid;

/// A message with its place: what every engine stores and every subscriber gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    position: Position,
    time: u64,
    uuid: Option<Box<Uuid>>,
    message: Message,
}

impl Publication {
    /// Gives a message its place. For engines.
    #[must_use]
    pub fn new(message: Message, position: Position, time: u64) -> Self {
        Self { position, time, uuid: None, message }
    }

    /// Keeps a UUID that came with an import, in place of the one that carries the position.
    #[must_use]
    pub fn with_imported_uuid(mut self, uuid: Uuid) -> Self {
        self.uuid = Some(Box::new(uuid));
        self
    }

    /// Where it stands in its topic.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Milliseconds since the Unix epoch in the engine's clock; never going back in a topic.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The UUID that long pollers know it by.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid.as_deref().copied().unwrap_or_else(|| self.position.to_uuid())
    }

    pub(crate) fn is_imported(&self) -> bool {
        self.uuid.is_some()
    }

    /// What event streams know it by: the message's own id, else the position.
    #[must_use]
    pub fn event_id(&self) -> String {
        self.id().map_or_else(|| self.position.to_string(), str::to_owned)
    }

    /// The message's own id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.message.id.as_deref()
    }

    /// The event type; none means `message`.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.message.event.as_deref()
    }

    /// The payload as text (a JSON text where it [is JSON](Self::is_json)).
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        as_text(self.message.data.as_ref())
    }

    /// Whether the payload is a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.message.json
    }

    /// The reconnection time for event streams.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.message.retry
    }

    /// The comment for event streams.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.message.comment.as_deref()
    }

    /// The one client it is for.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.message.target.as_deref()
    }

    /// Whether this client (or a subscriber without an id) is to be given it.
    #[must_use]
    pub fn is_for(&self, client: Option<&str>) -> bool {
        (self.message.target.is_none() || self.target() == client)
            && (self.message.except.is_none() || self.message.except.as_deref() != client)
    }

    pub(crate) fn is_for_some_only(&self) -> bool {
        self.message.target.is_some() || self.message.except.is_some()
    }

    /// Its bytes as bounds count them: payload, type, id, comment and the clients it names.
    #[must_use]
    pub fn size(&self) -> usize {
        self.message.size()
    }
}

/// The wire forms that are cached beside a publication, made on first need and then shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As an event stream carries it.
    EventStream,
    /// As a long poll's answer carries it.
    LongPoll,
}

const FORMS: usize = 2;

type Encoded = [OnceLock<Bytes>; FORMS];

/// A publication with its cached forms, shared by all who are given it.
#[derive(Debug)]
pub struct Entry {
    publication: Publication,
    live_only: bool,
    encoded: Encoded,
}

impl Entry {
    /// For engines. An entry that is live only is given to who is connected and never replayed:
    /// a message without data, or any in a topic without history.
    #[must_use]
    pub fn new(publication: Publication, live_only: bool) -> Arc<Self> {
        Arc::new(Self { publication, live_only, encoded: Encoded::default() })
    }

    /// What was published.
    #[must_use]
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// Whether it is never replayed.
    #[must_use]
    pub fn is_live_only(&self) -> bool {
        self.live_only
    }

    /// The entry in a wire form, encoded by the first who asks. Every caller's `encode` must give
    /// the same bytes for one form.
    pub fn encoded(&self, form: Form, encode: impl FnOnce(&Publication) -> Bytes) -> &Bytes {
        self.encoded[form as usize].get_or_init(|| encode(&self.publication))
    }
}

/// Consecutive entries for one subscriber, as a rule shared with others at the same position.
#[derive(Debug)]
pub struct Batch {
    pub(crate) after: u64,
    pub(crate) through: Position,
    pub(crate) shared: bool,
    entries: Box<[Arc<Entry>]>,
    encoded: Encoded,
}

impl Batch {
    pub(crate) fn new(
        after: u64,
        through: Position,
        shared: bool,
        entries: Box<[Arc<Entry>]>,
    ) -> Arc<Self> {
        Arc::new(Self { after, through, shared, entries, encoded: Encoded::default() })
    }

    /// The entries, oldest first; never empty.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The position after this batch.
    #[must_use]
    pub fn through(&self) -> Position {
        self.through
    }

    /// All its entries in a wire form, one after the other: joined by the first who asks, shared
    /// by the rest. A batch of one entry is that entry's own bytes.
    pub fn encoded(&self, form: Form, encode: impl Fn(&Publication) -> Bytes) -> &Bytes {
        if let [only] = &*self.entries {
            return only.encoded(form, encode);
        }
        self.joined(form, |entries| {
            let parts = || entries.iter().map(|entry| entry.encoded(form, &encode));
            let mut joined = Vec::with_capacity(parts().map(Bytes::len).sum());
            parts().for_each(|part| joined.extend_from_slice(part));
            joined.into()
        })
    }

    /// The whole batch in a wire form of the caller's making: made by the first who asks, shared by
    /// the rest. Every caller's `join` must give the same bytes for one form; a form is either
    /// [`encoded`](Self::encoded) everywhere or joined everywhere.
    pub fn joined(&self, form: Form, join: impl FnOnce(&[Arc<Entry>]) -> Bytes) -> &Bytes {
        self.encoded[form as usize].get_or_init(|| join(&self.entries))
    }
}
