//! Checks of deliveries: which subscribers receive which publications.

use super::subject::Subject;
use super::support::{broker, next, nothing_more, publish, take, two_nodes};
use crate::bounds::{Bounds, LIVE_WINDOW};
use crate::broker::Broker;
use crate::delivery::{Delivery, GapReason};
use crate::message::Message;
use crate::position::{Offset, Position};
use crate::start::Start;
use crate::subscribe_options::SubscribeOptions;
use crate::subscription::Subscription;
use crate::timestamp::Timestamp;
use std::time::Duration;

fn subscribe(broker: &Broker, start: Start, client: &str) -> Subscription {
    broker.subscribe("t", SubscribeOptions::new(start).client(client)).expect("subscribed")
}

async fn send(broker: &Broker, message: Message) -> usize {
    broker.publish("t", message).await.expect("published").reached()
}

fn gap_free(subscription: &Subscription) -> Position {
    subscription.position().expect("open")
}

pub(super) async fn a_key_publishes_once(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let keyed = |data: &'static str| Message::text(data).with_idempotency_key("key");
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
    assert_eq!(send(&broker, Message::text("for ann").to_client("ann")).await, 1);
    assert_eq!(send(&broker, Message::text("from bob").except_client("bob")).await, 2);
    assert_eq!(send(&broker, Message::text("for all")).await, 3);
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
    send(&broker, Message::comment_only("a word")).await;
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
    // A subscriber that was away and missed something receives a gap, and only such a one.
    let mut back = broker.subscribe("t", Start::After(first)).expect("subscribed");
    let told = back.try_next().expect("readable");
    assert!(matches!(told, Some(Delivery::Gap(gap)) if gap.reason() == GapReason::Evicted));
    let mut same = broker.subscribe("t", Start::After(gap_free(&late))).expect("subscribed");
    nothing_more(&mut same);
    drop((back, same));
    // A subscriber that falls out of the live window receives a gap.
    let window = LIVE_WINDOW.max_count();
    for n in 0..=window {
        publish(&broker, "t", n.to_string()).await;
    }
    let told = next(&mut live).await;
    assert!(matches!(told, Delivery::Gap(gap) if gap.reason() == GapReason::Slow));
    assert_eq!(take(&mut live, window).await.last(), Some(&window.to_string()));
}

pub(super) async fn reached_counts_at_the_append(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    assert_eq!(send(&broker, Message::text("nobody")).await, 0);
    let mut subscriptions = Vec::new();
    for n in 1..4 {
        subscriptions.push(broker.subscribe("t", Start::Live).expect("subscribed"));
        assert_eq!(send(&broker, Message::text("x")).await, n);
    }
    drop(subscriptions);
    assert_eq!(send(&broker, Message::text("nobody")).await, 0);
}

pub(super) async fn a_subscriber_that_reads_slowly_receives_a_gap(subject: &dyn Subject) {
    let engine = subject.engine(Bounds::new()).await;
    let broker = Broker::builder_shared(engine).max_lag(50).build();
    let mut slow = broker.subscribe("t", Start::Live).expect("subscribed");
    let mut quick = broker.subscribe("t", Start::Live).expect("subscribed");
    for n in 0..20 {
        publish(&broker, "t", format!("{n:010}")).await;
        assert_eq!(take(&mut quick, 1).await, [format!("{n:010}")]);
    }
    let told = next(&mut slow).await;
    assert!(matches!(told, Delivery::Gap(gap) if gap.reason() == GapReason::Slow));
    let rest = take(&mut slow, 5).await;
    assert_eq!(rest.first().map(String::as_str), Some("0000000015"));
    // Publications from before the subscription are no lag.
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut late, 20).await.len(), 20);
}

pub(super) async fn nothing_is_stamped_at_or_below_a_watermark(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let subscription = broker.subscribe("t", Start::Live).expect("subscribed");
    for round in 0..200 {
        let watermark = subscription.watermark();
        let next = publish(&broker, "t", "x").await.time();
        assert!(next > watermark, "{next} was stamped after {watermark} was given");
        if round % 50 == 0 {
            subject.advance(Duration::from_millis(3)).await;
        }
    }
}

/// While others publish, a subscriber that reads after it took a watermark receives every publication
/// stamped at or before it.
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
    let (mut seen, mut watermark) = (0, Timestamp::ZERO);
    while seen < 4 * EACH {
        let before = follower.watermark();
        if let Some(Delivery::Batch(batch)) = follower.try_next().expect("readable") {
            for entry in batch.entries() {
                let time = entry.publication().time();
                assert!(
                    time > watermark,
                    "stamped {time} and seen only after {watermark} was given"
                );
                seen += 1;
            }
        }
        watermark = before;
        tokio::task::yield_now().await;
    }
    for publisher in publishers {
        publisher.await.expect("published");
    }
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

/// Runs only if the subject can make publications unreadable.
pub(super) async fn what_cannot_be_read_is_a_gap_in_its_place(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let mut positions = Vec::new();
    for n in 1..=5 {
        positions.push(publish(&broker, "t", n.to_string()).await.position());
    }
    let [before, first, last] = [positions[0], positions[1], positions[2]];
    let offsets = first.offset()..=last.offset();
    if !subject.damage("t", offsets).await {
        return;
    }
    let page = broker.engine().history().read("t", Start::Earliest, 9).await.expect("readable");
    assert!(page.lost);
    assert_eq!(page.entries.len(), 3);
    let page = broker.engine().history().read("t", Start::After(last), 9).await.expect("readable");
    assert!(!page.lost, "nothing is missing after it");
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut late, 1).await, ["1"]);
    let Delivery::Gap(gap) = next(&mut late).await else { panic!("nothing was reported") };
    assert_eq!((gap.reason(), gap.resume()), (GapReason::Lost, last));
    let from: Position = gap.from().parse().expect("a position");
    assert!((before.offset()..first.offset()).contains(&from.offset()));
    assert_eq!(take(&mut late, 2).await, ["4", "5"]);
    // The topic is in use as before.
    let next = publish(&broker, "t", "6").await.position();
    assert_eq!(next.epoch(), before.epoch());
    assert!(next.offset() > Offset::new(5));
    assert_eq!(take(&mut late, 1).await, ["6"]);
    let mut resumed = broker.subscribe("t", Start::After(gap.resume())).expect("subscribed");
    assert_eq!(take(&mut resumed, 3).await, ["4", "5", "6"], "the gap is reported once");
}
