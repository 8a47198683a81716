//! A message with its position in a topic.

use crate::external_id::ExternalId;
use crate::message::Message;
use crate::position::Position;
use crate::retention::Id;
use crate::timestamp::Timestamp;
use std::time::Duration;

/// A message with its position and time, as engines store it and subscribers receive it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    position: Position,
    time: Timestamp,
    external_id: Option<ExternalId>,
    message: Message,
}

impl Publication {
    /// Creates a publication of a valid message. For engines.
    #[must_use]
    pub fn new(message: Message, position: Position, time: Timestamp) -> Self {
        Self { position, time, external_id: None, message }
    }

    /// Sets the id that the publication had in the system that it was imported from. For engines.
    #[must_use]
    pub fn with_external_id(self, id: ExternalId) -> Self {
        Self { external_id: Some(id), ..self }
    }

    /// Returns its position in its topic.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns its time in the engine's clock, which never goes back in a topic.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns the id that it had in the system that it was imported from.
    #[must_use]
    pub fn external_id(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }

    /// Returns the message's own id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.message.id.as_deref()
    }

    /// Returns the ids that it can be found by.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id<'_>> {
        let external = self.external_id().map(|id| Id::External(id.as_bytes()));
        self.id().map(Id::Message).into_iter().chain(external)
    }

    /// Returns whether it has this id. An index knows ids by their hashes only.
    pub(crate) fn has_id(&self, id: Id<'_>) -> bool {
        self.ids().any(|own| own == id)
    }

    /// Returns the event type.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.message.event.as_deref()
    }

    /// Returns the data as text (a JSON text if it [is JSON](Self::is_json)).
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        // Messages are validated before they are published.
        self.message.data.as_ref().map(|data| std::str::from_utf8(data).unwrap_or_default())
    }

    /// Returns whether the data is a JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.message.is_json()
    }

    /// Returns the time after which clients that lose their connection should reconnect.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.message.retry
    }

    /// Returns the comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.message.comment.as_deref()
    }

    /// Returns the one client it is addressed to.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.message.target()
    }

    /// Returns whether this client receives it; `None` is a subscriber without an id.
    #[must_use]
    pub fn is_for(&self, client: Option<&str>) -> bool {
        (self.message.target.is_none() || self.target() == client)
            && (self.message.except.is_none() || self.message.except.as_deref() != client)
    }

    pub(crate) fn is_for_some_only(&self) -> bool {
        self.message.target.is_some() || self.message.except.is_some()
    }

    /// Returns the number of bytes that bounds count: data, event type, id, comment and the clients
    /// that it names.
    #[must_use]
    pub fn size(&self) -> usize {
        self.message.size()
    }
}
