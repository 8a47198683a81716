//! Control messages between the brokers of one process.

use crate::boxed_future::BoxFuture;
use crate::engine::control::{Control, ControlHandler};
use crate::error::Error;
use crate::node::NodeId;
use bytes::Bytes;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hands control messages to the other brokers of this process.
#[derive(Default)]
pub(crate) struct LocalControl(Mutex<Vec<Receiver>>);

#[derive(Clone)]
struct Receiver {
    node: NodeId,
    handler: ControlHandler,
}

impl LocalControl {
    fn lock(&self) -> MutexGuard<'_, Vec<Receiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control for LocalControl {
    fn send<'a>(&'a self, from: NodeId, message: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        // A copy, so that no handler runs under the lock.
        let receivers = self.lock().clone();
        let others = receivers.iter().filter(|receiver| receiver.node != from);
        others.for_each(|receiver| (receiver.handler)(message.clone()));
        Box::pin(ready(Ok(())))
    }

    fn receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let mut receivers = self.lock();
        // If only our clone is left, the node that wanted it has gone.
        receivers.retain(|receiver| std::sync::Arc::strong_count(&receiver.handler) > 1);
        receivers.push(Receiver { node, handler: handler.clone() });
        Box::pin(ready(Ok(())))
    }
}
