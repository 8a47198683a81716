//! Checks of control messages.

use super::subject::Subject;
use super::support::two_nodes;
use crate::engine::control::ControlHandler;
use bytes::Bytes;
use std::sync::{Arc, Mutex};

pub(super) async fn control_messages_reach_the_other_nodes_only(subject: &dyn Subject) {
    let [a, b] = two_nodes(subject).await;
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let own: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let keep = own.clone();
    let at_a: ControlHandler = Arc::new(move |message| keep.lock().expect("whole").push(message));
    let at_b: ControlHandler = Arc::new(move |message| drop(sent.send(message)));
    a.engine().control().receive(a.node(), &at_a).await.expect("receiving");
    b.engine().control().receive(b.node(), &at_b).await.expect("receiving");
    for n in ["1", "2"] {
        a.engine().control().send(a.node(), Bytes::from(n)).await.expect("sent");
    }
    assert_eq!(received.recv().await.as_deref(), Some(&b"1"[..]));
    assert_eq!(received.recv().await.as_deref(), Some(&b"2"[..]));
    assert!(own.lock().expect("whole").is_empty(), "not to the sender");
}
