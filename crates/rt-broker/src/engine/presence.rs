//! The role of an engine that knows which clients are connected.

use crate::boxed_future::BoxFuture;
use crate::error::Error;
use crate::node::NodeId;
use crate::timestamp::Timestamp;
use std::time::Duration;

/// Records which clients are connected to a topic, on all nodes.
///
/// An entry belongs to a client, a topic and a node. It expires unless it is refreshed, so that the
/// clients of a node that has died disappear.
pub trait Presence: Send + Sync {
    /// Adds or refreshes an entry, which expires after `ttl`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes a node's entry for a client.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Returns all entries of a topic that have not expired, in any order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>>;
}

/// A client that is connected to a topic through a node.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PresenceEntry {
    /// The client's id.
    pub client: Box<str>,
    /// The node that it is connected to.
    pub node: NodeId,
    /// The time at which its oldest connection to that node began.
    pub since: Timestamp,
    /// The number of its connections to that node.
    pub connections: u32,
}

impl PresenceEntry {
    /// Creates an entry for a client with one connection.
    #[must_use]
    pub fn new(client: impl Into<Box<str>>, node: NodeId, since: Timestamp) -> Self {
        Self { client: client.into(), node, since, connections: 1 }
    }
}
