//! The role of an engine that carries messages between nodes.

use crate::boxed_future::BoxFuture;
use crate::error::Error;
use crate::node::NodeId;
use bytes::Bytes;
use std::sync::Arc;

/// A function that is called with each control message from another node.
pub type ControlHandler = Arc<dyn Fn(Bytes) + Send + Sync>;

/// Carries control messages between the nodes that share an engine: at most once, and those of one
/// node in the order in which it sent them.
pub trait Control: Send + Sync {
    /// Sends a message to every node but `from`.
    ///
    /// # Errors
    /// When the message could not be handed over.
    fn send<'a>(&'a self, from: NodeId, message: Bytes) -> BoxFuture<'a, Result<(), Error>>;

    /// Calls `handler` with the messages of other nodes until the caller drops its clone of it.
    ///
    /// # Errors
    /// When the engine is out of reach.
    fn receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>>;
}
