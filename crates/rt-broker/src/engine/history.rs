//! The role of an engine that stores and orders publications.

use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::claim::{Claim, ClaimRequest};
use crate::entry::Entry;
use crate::error::Error;
use crate::log::Log;
use crate::message::Message;
use crate::node::NodeId;
use crate::position::Position;
use crate::start::Start;
use crate::timestamp::Timestamp;
use std::sync::Arc;

/// Stores and orders the publications of all topics, and feeds each node's [`Log`]s.
///
/// - **Order.** The offsets of a topic's publications grow, and may skip; their times never go back.
///   A log receives the publications in that order.
/// - **No hole, no repeat.** [`tail`](Self::tail) opens a log with all that is held and then appends
///   everything later exactly once, even if publications arrive meanwhile.
/// - **No silence.** Publications that should be held and cannot be read are reported as
///   [lost](crate::Snapshot::lost), to open logs as well.
/// - **Epochs.** A topic that is made again, or an engine that has lost data, begins a new epoch and
///   [resets](Log::reset) the open logs.
/// - **Cost.** [`publish`](Self::publish) is called once per publication and [`tail`](Self::tail)
///   once per topic and node; nothing is called once per delivery. [`now`](Self::now) and
///   [`watermark`](Self::watermark) neither wait nor do I/O.
pub trait History: Send + Sync {
    /// Stamps, orders and stores a valid message for the broker `from`. Resolves when the message is
    /// stored as durably as the engine promises. A local engine has appended it to the open logs by
    /// then, and its receipt says how many subscribers of `from` the append reached.
    ///
    /// A message that [is live only](Message::is_live_only), or any message in a topic without
    /// history, reaches open logs and is not stored. A repeated idempotency key stores nothing and
    /// returns the first receipt, marked as a [duplicate](Receipt::is_duplicate).
    ///
    /// # Errors
    /// When the bound on topics is reached ([`is_full`](Error::is_full)), and when the message cannot
    /// be stored ([`is_unavailable`](Error::is_unavailable)). Subscribers receive nothing of a failed
    /// call.
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>>;

    /// Returns at most `limit` held publications that follow `start`, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>>;

    /// [Opens](Log::open) a log and [appends](Log::append) to it until it is dropped or closed.
    /// Creates the topic if there is none, so that its first subscriber has a position.
    ///
    /// # Errors
    /// When the bound on topics is reached ([`is_full`](Error::is_full)), and when the store cannot
    /// be read ([`is_unavailable`](Error::is_unavailable)).
    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>>;

    /// Leases publications of a topic that
    /// [deletes after retrieval](Bounds::delete_after_retrieval) to the caller: those that follow
    /// the request's start and that are not leased to another poller.
    ///
    /// # Errors
    /// When the store cannot be read ([`is_unavailable`](Error::is_unavailable)), and when the topic
    /// or the engine does not delete ([`is_invalid`](Error::is_invalid)).
    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>>;

    /// Deletes the publications of the claim whose last publication has this position. Does nothing
    /// if no such claim is known.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes a topic with its history. The next publication begins a new epoch.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Returns the time of the engine's clock.
    fn now(&self) -> Timestamp;

    /// Returns the topic's watermark: the largest time such that this node's log has every
    /// publication stamped at or before it, and no later publication will be stamped at or before it.
    fn watermark(&self, topic: &str) -> Timestamp;

    /// Returns the bounds on a topic's history.
    fn bounds(&self, topic: &str) -> Bounds;

    /// Returns the topics that the engine knows on this node, in any order.
    fn topics(&self) -> Vec<Arc<str>>;

    /// Returns whether the engine knows a topic on this node.
    fn knows(&self, topic: &str) -> bool {
        self.topics().iter().any(|known| **known == *topic)
    }
}

/// The result of a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    position: Position,
    time: Timestamp,
    duplicate: bool,
    reached: Option<usize>,
}

impl Receipt {
    /// Creates a receipt that does not say how many subscribers were reached. For engines.
    #[must_use]
    pub fn new(position: Position, time: Timestamp) -> Self {
        Self { position, time, duplicate: false, reached: None }
    }

    /// Sets how many subscribers of the publishing broker the publication reached. For engines that
    /// know; for others the broker counts the topic's subscribers.
    #[must_use]
    pub fn with_reached(self, subscribers: usize) -> Self {
        Self { reached: Some(subscribers), ..self }
    }

    /// Returns the same receipt for a repeated idempotency key, which reaches nobody. For engines.
    #[must_use]
    pub fn as_duplicate(self) -> Self {
        Self { duplicate: true, reached: Some(0), ..self }
    }

    pub(crate) fn or_reached(self, subscribers: impl FnOnce() -> usize) -> Self {
        match self.reached {
            Some(_) => self,
            None => self.with_reached(subscribers()),
        }
    }

    /// Returns the publication's position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the publication's time in the engine's clock.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns whether the idempotency key had been used, so that nothing was stored now.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// Returns the number of subscribers of this broker that the publication was for when it was
    /// appended.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.reached.unwrap_or_default()
    }
}

/// Held publications that were read from an engine.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The publications, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Whether publications between the start and the last entry are no longer held or could not be
    /// read.
    pub lost: bool,
}

impl Page {
    /// Creates a page. For engines.
    #[must_use]
    pub fn new(entries: Vec<Arc<Entry>>, lost: bool) -> Self {
        Self { entries, lost }
    }
}
