//! What several nodes over one engine see of each other.

use super::{Subject, publish, take};
use crate::{Bounds, Broker, ControlHandler, PresenceEntry, Start};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TTL: Duration = Duration::from_millis(400);

async fn two_nodes(subject: &dyn Subject) -> [Broker; 2] {
    let engine = subject.engine(Bounds::new()).await;
    [0, 1].map(|_| Broker::builder_shared(engine.clone()).build())
}

pub(super) async fn presence_ends_unless_it_is_refreshed(subject: &dyn Subject) {
    let [a, b] = two_nodes(subject).await;
    let engine = a.engine();
    let entry = |broker: &Broker, client: &str| PresenceEntry::new(client, broker.node(), 7);
    let set = |broker, client| engine.presence_set("t", entry(broker, client), TTL);
    for (node, client) in [(&a, "ann"), (&b, "ann"), (&a, "bob"), (&b, "cid")] {
        set(node, client).await.expect("set");
    }
    let present = || async {
        let present = engine.presence("t").await.expect("readable");
        let mut clients: Vec<_> = present.into_iter().map(|entry| entry.client).collect();
        clients.sort_unstable();
        clients.join(" ")
    };
    assert_eq!(present().await, "ann ann bob cid");
    engine.presence_remove("t", a.node(), "ann").await.expect("removed");
    assert_eq!(present().await, "ann bob cid", "the other node's entry stays");
    subject.advance(TTL / 2).await;
    set(&a, "bob").await.expect("set");
    subject.advance(TTL * 3 / 4).await;
    assert_eq!(present().await, "bob", "only who was refreshed is still there");
    engine.sweep();
    assert_eq!(present().await, "bob");
}

pub(super) async fn a_publication_reaches_the_other_node(subject: &dyn Subject) {
    let [a, b] = two_nodes(subject).await;
    let mut there = b.subscribe("t", Start::Live).expect("subscribed");
    let mut here = a.subscribe("t", Start::Live).expect("subscribed");
    let receipt = publish(&a, "t", "x").await;
    assert_eq!(receipt.reached(), 1, "reached counts this node's");
    assert_eq!(take(&mut there, 1).await, ["x"]);
    assert_eq!(take(&mut here, 1).await, ["x"]);
}

pub(super) async fn control_messages_reach_the_other_nodes_only(subject: &dyn Subject) {
    let [a, b] = two_nodes(subject).await;
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let own: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let keep = own.clone();
    let at_a: ControlHandler = Arc::new(move |message| keep.lock().expect("whole").push(message));
    let at_b: ControlHandler = Arc::new(move |message| drop(sent.send(message)));
    a.engine().control_receive(a.node(), &at_a).await.expect("receiving");
    b.engine().control_receive(b.node(), &at_b).await.expect("receiving");
    for n in ["1", "2"] {
        a.engine().control_send(a.node(), Bytes::from(n)).await.expect("sent");
    }
    assert_eq!(received.recv().await.as_deref(), Some(&b"1"[..]));
    assert_eq!(received.recv().await.as_deref(), Some(&b"2"[..]));
    assert!(own.lock().expect("whole").is_empty(), "not to the sender");
}
