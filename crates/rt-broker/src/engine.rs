//! The contract of an engine, which stores, orders and distributes publications.

pub(crate) mod control;
pub(crate) mod history;
pub(crate) mod presence;

use crate::boxed_future::BoxFuture;
use control::Control;
use history::History;
use presence::Presence;

/// Keeps the topics that one or several [`Broker`](crate::Broker)s publish and subscribe to.
///
/// An engine has three roles with a trait each: [`History`] stores and orders publications,
/// [`Presence`] knows which clients are connected, [`Control`] carries messages between nodes. The
/// contract of a role is in the comments of its trait and tested by the `conformance` suite. An
/// engine excludes the parts that it cannot keep in [`capabilities`](Self::capabilities).
///
/// ```
/// use rt_broker::{Engine, MemoryEngine};
///
/// let engine = MemoryEngine::default();
/// assert!(engine.history().topics().is_empty());
/// assert!(!engine.capabilities().durable);
/// ```
pub trait Engine: Send + Sync + 'static {
    /// Returns the role that stores and orders publications.
    fn history(&self) -> &dyn History;

    /// Returns the role that knows which clients are connected.
    fn presence(&self) -> &dyn Presence;

    /// Returns the role that carries messages between nodes.
    fn control(&self) -> &dyn Control;

    /// Returns the parts of the contract that this engine can keep.
    fn capabilities(&self) -> Capabilities;

    /// Returns whether the engine can serve now. Cheap enough for a health check.
    fn health(&self) -> BoxFuture<'_, Health>;

    /// Drops publications that are too old. A broker calls it about once a second while there is
    /// traffic.
    fn sweep(&self);
}

/// The health of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Health {
    /// It serves.
    Ok,
    /// It serves, but something is wrong, for this reason.
    Degraded(String),
    /// It cannot serve, for this reason.
    Down(String),
}

/// The parts of the contract that an engine can keep. Callers must not rely on a part that is
/// `false`, and the conformance suite skips its checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// The history survives the end of this process.
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

impl Capabilities {
    /// Returns the capabilities of an engine in memory: everything but durability and sharing.
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
