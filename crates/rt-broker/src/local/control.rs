//! Control messages between the brokers of one process.

use crate::{ControlHandler, NodeId};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// Who is called with what the others send.
#[derive(Default)]
pub(crate) struct Control(Mutex<Vec<(NodeId, ControlHandler)>>);

impl Control {
    pub(crate) fn send(&self, from: NodeId, message: &Bytes) {
        let handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        handlers
            .iter()
            .filter(|(node, _)| *node != from)
            .for_each(|(_, handler)| handler(message.clone()));
    }

    pub(crate) fn receive(&self, node: NodeId, handler: &ControlHandler) {
        let mut handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Only our clone is left: the node that wanted it has gone.
        handlers.retain(|(_, handler)| Arc::strong_count(handler) > 1);
        handlers.push((node, handler.clone()));
    }
}
