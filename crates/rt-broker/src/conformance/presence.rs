//! Checks of presence.

use super::subject::Subject;
use super::support::two_nodes;
use crate::broker::Broker;
use crate::engine::presence::PresenceEntry;
use crate::timestamp::Timestamp;
use std::time::Duration;

const TTL: Duration = Duration::from_millis(400);

pub(super) async fn presence_ends_unless_it_is_refreshed(subject: &dyn Subject) {
    let [a, b] = two_nodes(subject).await;
    let engine = a.engine();
    let presence = engine.presence();
    let since = Timestamp::from_millis(7);
    let entry = |broker: &Broker, client: &str| PresenceEntry::new(client, broker.node(), since);
    let set = |broker, client| presence.set("t", entry(broker, client), TTL);
    for (node, client) in [(&a, "ann"), (&b, "ann"), (&a, "bob"), (&b, "cid")] {
        set(node, client).await.expect("set");
    }
    let present = || async {
        let present = presence.list("t").await.expect("readable");
        let mut clients: Vec<_> = present.into_iter().map(|entry| entry.client).collect();
        clients.sort_unstable();
        clients.join(" ")
    };
    assert_eq!(present().await, "ann ann bob cid");
    presence.remove("t", a.node(), "ann").await.expect("removed");
    assert_eq!(present().await, "ann bob cid", "the other node's entry stays");
    subject.advance(TTL / 2).await;
    set(&a, "bob").await.expect("set");
    subject.advance(TTL * 3 / 4).await;
    assert_eq!(present().await, "bob", "only a refreshed entry is still there");
    engine.sweep();
    assert_eq!(present().await, "bob");
}
