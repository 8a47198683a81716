//! Control messages between the brokers of one process.

use crate::boxed_future::BoxFuture;
use crate::engine::control::{Control, ControlHandler};
use crate::error::Error;
use crate::node::NodeId;
use bytes::Bytes;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Delivers control messages to the other brokers of this process.
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
        let (receivers, dropped) = {
            let mut receivers = self.lock();
            let dropped = take_dropped(&mut receivers);
            (receivers.clone(), dropped)
        };
        drop(dropped);
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
        let dropped = take_dropped(&mut receivers);
        receivers.push(Receiver { node, handler: handler.clone() });
        drop(receivers);
        drop(dropped);
        Box::pin(ready(Ok(())))
    }
}

/// Takes the handlers out that their callers have dropped, so that only the clone in this list is left.
/// They are dropped once no lock is held, since that may run a caller's code. While a `send` holds
/// clones to call them, a dropped handler stays until the next call.
fn take_dropped(receivers: &mut Vec<Receiver>) -> Vec<Receiver> {
    receivers.extract_if(.., |receiver| Arc::strong_count(&receiver.handler) == 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_dropped_handler_receives_nothing() {
        let control = LocalControl::default();
        let (sent, received) = mpsc::channel();
        let handler: ControlHandler = Arc::new(move |message| drop(sent.send(message)));
        control.receive(NodeId::random(), &handler).await.unwrap();
        control.send(NodeId::random(), Bytes::from_static(b"1")).await.unwrap();
        assert_eq!(received.try_recv().as_deref(), Ok(&b"1"[..]));
        drop(handler);
        control.send(NodeId::random(), Bytes::from_static(b"2")).await.unwrap();
        // Nobody holds the handler any more, so its end of the channel is gone.
        assert_eq!(received.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
