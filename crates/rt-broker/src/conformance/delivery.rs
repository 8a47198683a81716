//! Who is given what, and who is told.

use super::{Subject, broker, nothing_more, publish, take, text};
use crate::{Bounds, Broker, Delivery, GapReason, LIVE_WINDOW, Message, Start, Subscription};
use std::sync::Arc;
use std::time::Duration;

fn subscribe(broker: &Broker, start: Start, client: &str) -> Subscription {
    broker.subscribe_as("t", start, Some(Arc::from(client))).expect("subscribed")
}

async fn send(broker: &Broker, message: Message) -> usize {
    broker.publish("t", message).await.expect("published").reached()
}

fn gap_free(subscription: &Subscription) -> crate::Position {
    subscription.position().expect("open")
}

pub(super) async fn a_key_publishes_once(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let keyed = |data: &str| text(data).with_idempotency_key("key").expect("a good key");
    let first = broker.publish("t", keyed("1")).await.expect("published");
    let again = broker.publish("t", keyed("2")).await.expect("published");
    assert!(!first.is_duplicate() && again.is_duplicate());
    assert_eq!(first.position(), again.position());
    let elsewhere = broker.publish("other", keyed("3")).await.expect("published");
    assert!(!elsewhere.is_duplicate(), "a key is a topic's");
    let mut all = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut all, 1).await, ["1"]);
    nothing_more(&mut all);
}

pub(super) async fn a_target_is_the_only_one_to_get_it(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let mut live = ["ann", "bob"].map(|client| subscribe(&broker, Start::Live, client));
    let mut nameless = broker.subscribe("t", Start::Live).expect("subscribed");
    assert_eq!(send(&broker, text("for ann").to_client("ann").expect("a short id")).await, 1);
    assert_eq!(send(&broker, text("from bob").except_client("bob").expect("a short id")).await, 2);
    assert_eq!(send(&broker, text("for all")).await, 3);
    let expected: [&[&str]; 2] = [&["for ann", "from bob", "for all"], &["for all"]];
    for (subscription, expected) in live.iter_mut().zip(expected) {
        assert_eq!(take(subscription, expected.len()).await, expected);
        nothing_more(subscription);
    }
    assert_eq!(take(&mut nameless, 2).await, ["from bob", "for all"]);
    for (client, expected) in ["ann", "bob"].iter().zip(expected) {
        let mut replay = subscribe(&broker, Start::Earliest, client);
        assert_eq!(take(&mut replay, expected.len()).await, expected, "{client}'s replay");
        nothing_more(&mut replay);
    }
}

pub(super) async fn what_is_live_only_is_never_replayed(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let mut live = broker.subscribe("t", Start::Live).expect("subscribed");
    publish(&broker, "t", "1").await;
    send(&broker, Message::comment("a word")).await;
    publish(&broker, "t", "2").await;
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut late, 2).await, ["1", "2"]);
    assert_eq!(take(&mut live, 3).await, ["1", "", "2"]);
    nothing_more(&mut late);
}

pub(super) async fn without_history_the_connected_get_all(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::off()).await;
    publish(&broker, "t", "before").await;
    let mut live = broker.subscribe("t", Start::Earliest).expect("subscribed");
    let first = publish(&broker, "t", "1").await.position();
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    publish(&broker, "t", "2").await;
    assert_eq!(take(&mut live, 2).await, ["1", "2"]);
    assert_eq!(take(&mut late, 1).await, ["2"]);
    // Who was away has missed it, and is told; who missed nothing is not.
    let mut back = broker.subscribe("t", Start::After(first)).expect("subscribed");
    let told = back.try_next().expect("readable");
    assert!(matches!(told, Some(Delivery::Gap(gap)) if gap.reason() == GapReason::Evicted));
    let mut same = broker.subscribe("t", Start::After(gap_free(&late))).expect("subscribed");
    nothing_more(&mut same);
    drop((back, same));
    // Who falls out of the live window is told.
    let window = LIVE_WINDOW.count;
    for n in 0..=window {
        publish(&broker, "t", n.to_string()).await;
    }
    let told = live.next().await.expect("delivered");
    assert!(matches!(told, Delivery::Gap(gap) if gap.reason() == GapReason::Slow));
    assert_eq!(take(&mut live, window).await.last(), Some(&window.to_string()));
}

pub(super) async fn reached_counts_at_the_append(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    assert_eq!(send(&broker, text("nobody")).await, 0);
    let mut subscriptions = Vec::new();
    for n in 1..4 {
        subscriptions.push(broker.subscribe("t", Start::Live).expect("subscribed"));
        assert_eq!(send(&broker, text("x")).await, n);
    }
    drop(subscriptions);
    assert_eq!(send(&broker, text("nobody")).await, 0);
}

pub(super) async fn one_who_reads_slowly_is_told(subject: &dyn Subject) {
    let engine = subject.engine(Bounds::new()).await;
    let broker = Broker::builder_shared(engine).max_lag(50).build();
    let mut slow = broker.subscribe("t", Start::Live).expect("subscribed");
    let mut quick = broker.subscribe("t", Start::Live).expect("subscribed");
    for n in 0..20 {
        publish(&broker, "t", format!("{n:010}")).await;
        assert_eq!(take(&mut quick, 1).await, [format!("{n:010}")]);
    }
    let told = slow.next().await.expect("delivered");
    assert!(matches!(told, Delivery::Gap(gap) if gap.reason() == GapReason::Slow));
    let rest = take(&mut slow, 5).await;
    assert_eq!(rest.first().map(String::as_str), Some("0000000015"));
    // What was missed before connecting is no lag.
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut late, 20).await.len(), 20);
}

pub(super) async fn nothing_is_stamped_at_or_below_a_watermark(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let subscription = broker.subscribe("t", Start::Live).expect("subscribed");
    for round in 0..200 {
        let mark = subscription.watermark();
        let next = publish(&broker, "t", "x").await.time();
        assert!(next > mark, "{next} was stamped after {mark} was given");
        if round % 50 == 0 {
            subject.advance(Duration::from_millis(3)).await;
        }
    }
}

/// While others publish: what is stamped at or below a mark is in the log by the next look.
pub(super) async fn what_a_mark_covers_is_seen_at_once(subject: &dyn Subject) {
    const EACH: usize = 150;
    let broker = broker(subject, Bounds::new().count(10_000)).await;
    let mut follower = broker.subscribe("t", Start::Live).expect("subscribed");
    publish(&broker, "t", "open").await;
    take(&mut follower, 1).await;
    let publishers = (0..4).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                publish(&broker, "t", "x").await;
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let (mut seen, mut mark) = (0, 0);
    while seen < 4 * EACH {
        let before = follower.watermark();
        if let Some(Delivery::Batch(batch)) = follower.try_next().expect("readable") {
            for entry in batch.entries() {
                let time = entry.publication().time();
                assert!(time > mark, "stamped {time} and seen only after {mark} was given");
                seen += 1;
            }
        }
        mark = before;
        tokio::task::yield_now().await;
    }
    for publisher in publishers {
        publisher.await.expect("published");
    }
}
