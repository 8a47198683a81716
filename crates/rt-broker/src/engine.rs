//! The contract of an engine: what stores, orders and spreads publications.

use crate::{Bounds, Claim, Entry, Error, Log, Message, Position, Start};
use bytes::Bytes;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A boxed future, so that the trait stays object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is called with each control message from another node.
pub type ControlHandler = Arc<dyn Fn(Bytes) + Send + Sync>;

/// Stores and orders the publications of all topics, and feeds each node's [`Log`]s.
///
/// The promises below are tested by the `conformance` suite. Where an engine is weaker it says so
/// in [`promises`](Self::promises), and callers must do what stands there.
///
/// - **Order.** The publications of a topic have growing offsets; their times never go back. A log
///   is given them in that order. Offsets may skip.
/// - **No hole, no repeat.** [`tail`](Self::tail) opens the log with all that is held and then
///   appends everything later exactly once, whatever is published meanwhile.
/// - **Epochs.** A topic that is made again, or an engine that has lost data, has a new epoch; logs
///   that are open are told with [`Log::reset`].
/// - **Cost.** [`publish`](Self::publish) is called once a publication, [`tail`](Self::tail) once a
///   topic and node, nothing once a delivery. [`now`](Self::now) and
///   [`watermark`](Self::watermark) are local: they neither wait nor do I/O.
pub trait Engine: Send + Sync + 'static {
    /// Stamps, orders and stores a message, and resolves when it is stored as durably as this
    /// engine was asked to. With a local engine the logs have it by then.
    ///
    /// A message that [is live only](Message::is_live_only), or any in a topic without history,
    /// reaches open logs and is not stored. A repeated idempotency key stores nothing and gives the
    /// first receipt, marked as a [duplicate](Receipt::is_duplicate).
    ///
    /// # Errors
    /// At a bound on topics ([`Error::is_full`]); where it cannot be stored
    /// ([`Error::is_unavailable`]): then nothing of it is delivered by this call.
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<Receipt, Error>>;

    /// At most `limit` held publications that follow `start`, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>>;

    /// Takes at most `limit` publications of about `bytes` together that follow `start` and that
    /// nobody else holds, out of a topic that
    /// [deletes after retrieval](Bounds::delete_after_retrieval): one at least where there is one.
    ///
    /// # Errors
    /// Where the store cannot be read; where the topic or the engine deletes nothing.
    fn claim<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
        bytes: usize,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        let _ = (topic, start, limit, bytes);
        Box::pin(std::future::ready(Err(Error::keeps_all())))
    }

    /// Deletes what was taken by the claim whose last publication stands at this position; of one
    /// that is not known (any more) nothing.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (topic, position);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Opens `log` ([`Log::open`]) and feeds it ([`Log::append`]) until it is dropped or closed.
    /// Makes the topic where there is none, so that its first subscriber has a position.
    ///
    /// # Errors
    /// At a bound on topics; where the store cannot be read.
    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>>;

    /// The engine's clock: milliseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// The largest time such that all that is stamped at or below it has been given to this node's
    /// log, and nothing later will be stamped at or below it. A poll that times out is given it.
    fn watermark(&self, topic: &str) -> u64;

    /// How much of this topic is held.
    fn bounds(&self, topic: &str) -> Bounds;

    /// The topics that this engine knows on this node, in any order.
    fn topics(&self) -> Vec<Arc<str>>;

    /// Whether this engine knows a topic on this node.
    fn knows(&self, topic: &str) -> bool {
        self.topics().iter().any(|known| **known == *topic)
    }

    /// Removes a topic with its history; the next publication begins a new epoch.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Adds or refreshes a presence entry, which vanishes after `ttl` unless it is set again.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn presence_set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Takes a node's entry for a client back.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn presence_remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Everyone present in a topic, on any node.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>>;

    /// Sends a control message to every other node: at most once, in a node's order.
    ///
    /// # Errors
    /// Where it could not be handed over.
    fn control_send<'a>(&'a self, from: NodeId, message: Bytes)
    -> BoxFuture<'a, Result<(), Error>>;

    /// Calls `handler` with what other nodes send, for as long as it is alive elsewhere.
    ///
    /// # Errors
    /// Where the engine is out of reach.
    fn control_receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether the engine can serve now; cheap enough for a health check.
    fn health(&self) -> BoxFuture<'_, Health>;

    /// What this engine promises and what it does not.
    fn promises(&self) -> Promises;

    /// Housekeeping: drops what is too old. Called about once a second while there is traffic.
    fn sweep(&self);
}

/// A running process among those that share an engine. Random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(u64);

impl NodeId {
    /// A fresh random id.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The answer to a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    position: Position,
    time: u64,
    duplicate: bool,
    pub(crate) reached: usize,
    /// How many subscribers it was for, where the engine knows better than a log that is asked
    /// later: many may have been appended to it by then.
    pub(crate) counted: Option<usize>,
}

impl Receipt {
    /// For engines.
    #[must_use]
    pub fn new(position: Position, time: u64) -> Self {
        Self { position, time, duplicate: false, reached: 0, counted: None }
    }

    /// The same receipt for a repeated idempotency key. For engines.
    #[must_use]
    pub fn as_duplicate(self) -> Self {
        Self { duplicate: true, reached: 0, counted: None, ..self }
    }

    /// Where the publication stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Its time, in milliseconds of the engine's clock.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Whether the idempotency key had been used, so that nothing was stored now.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// How many of this node's subscribers it was for at the append.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.reached
    }
}

/// Held publications read from an engine.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// Oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Whether something between the start and the first entry is no longer held.
    pub lost: bool,
}

impl Page {
    /// For engines.
    #[must_use]
    pub fn new(entries: Vec<Arc<Entry>>, lost: bool) -> Self {
        Self { entries, lost }
    }
}

/// A client that is connected to a topic through a node.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PresenceEntry {
    /// Its id.
    pub client: Box<str>,
    /// The node it is connected to.
    pub node: NodeId,
    /// When its oldest connection there began, in milliseconds since the Unix epoch.
    pub since: u64,
    /// How many connections it has there.
    pub connections: u32,
}

impl PresenceEntry {
    /// A client with one connection.
    #[must_use]
    pub fn new(client: impl Into<Box<str>>, node: NodeId, since: u64) -> Self {
        Self { client: client.into(), node, since, connections: 1 }
    }
}

/// Whether an engine can serve.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Health {
    /// It can.
    Ok,
    /// It serves, but something is wrong, as told.
    Degraded(String),
    /// It cannot, as told.
    Down(String),
}

/// What an engine promises. Where one is `false`, its callers must not rely on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Promises {
    /// History survives the end of this process.
    pub durable: bool,
    /// Several nodes may share the topics.
    pub shared: bool,
    /// Offsets follow each other without a skip.
    pub dense_offsets: bool,
    /// The bound on a topic's count is kept exactly.
    pub bounds_count: bool,
    /// The bound on a topic's bytes is kept exactly.
    pub bounds_bytes: bool,
    /// The bound on a topic's age is kept exactly.
    pub bounds_age: bool,
    /// Topics may delete after retrieval.
    pub claims: bool,
}

impl Promises {
    /// Everything but durability and sharing: what memory can do.
    #[must_use]
    pub fn local() -> Self {
        Self {
            durable: false,
            shared: false,
            dense_offsets: true,
            bounds_count: true,
            bounds_bytes: true,
            bounds_age: true,
            claims: true,
        }
    }
}
