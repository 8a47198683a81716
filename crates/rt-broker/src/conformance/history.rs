//! Checks of order, positions and bounds.

use super::subject::Subject;
use super::support::{broker, data, next, nothing_more, publish, take};
use crate::bounds::Bounds;
use crate::delivery::{Delivery, Gap, GapReason};
use crate::external_id::ExternalId;
use crate::message::Message;
use crate::position::{Epoch, Offset, Position};
use crate::start::Start;
use crate::subscription::Subscription;
use crate::timestamp::Timestamp;
use std::time::Duration;

const LARGE: Bounds = Bounds::new().count(100_000).bytes(64 << 20);

async fn gap(subscription: &mut Subscription) -> Gap {
    match next(subscription).await {
        Delivery::Gap(gap) => gap,
        Delivery::Batch(batch) => panic!("no gap before {batch:?}"),
    }
}

pub(super) async fn order_under_many_publishers(subject: &dyn Subject) {
    const EACH: usize = 200;
    let broker = broker(subject, LARGE).await;
    let mut follower = broker.subscribe("t", Start::Live).expect("subscribed");
    let publishers = (0..16).map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                publish(&broker, "t", format!("{publisher} {n}")).await;
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let mut expected = [0; 16];
    let (mut offset, mut time, mut count) = (Offset::ZERO, Timestamp::ZERO, 0);
    while count < 16 * EACH {
        let Delivery::Batch(batch) = next(&mut follower).await else {
            panic!("a gap in an unbroken topic")
        };
        for entry in batch.entries() {
            let publication = entry.publication();
            assert!(publication.position().offset() > offset, "offsets must grow");
            assert!(publication.time() >= time, "times must not go back");
            (offset, time) = (publication.position().offset(), publication.time());
            let data = data(publication);
            let (publisher, n) = data.split_once(' ').expect("two numbers");
            let seen = &mut expected[publisher.parse::<usize>().expect("a number")];
            assert_eq!(n.parse::<usize>().expect("a number"), *seen, "one publisher's own order");
            *seen += 1;
            count += 1;
        }
    }
    for publisher in publishers {
        publisher.await.expect("no panic");
    }
    nothing_more(&mut follower);
}

pub(super) async fn no_hole_and_no_repeat_between_history_and_live(subject: &dyn Subject) {
    const ALL: usize = 2_000;
    let broker = broker(subject, LARGE).await;
    let publisher = tokio::spawn({
        let broker = broker.clone();
        async move {
            for n in 0..ALL {
                publish(&broker, "t", n.to_string()).await;
                tokio::task::yield_now().await;
            }
        }
    });
    // Each joins somewhere on the way, leaves and comes back at its position, many times.
    let followers = (1..8usize).map(|stretch| {
        let broker = broker.clone();
        tokio::spawn(async move {
            let mut start = Start::Earliest;
            let mut seen = 0;
            while seen < ALL {
                let mut subscription = broker.subscribe("t", start).expect("subscribed");
                for _ in 0..stretch {
                    if seen == ALL {
                        break;
                    }
                    let Delivery::Batch(batch) = next(&mut subscription).await else {
                        panic!("a gap where all is held")
                    };
                    for entry in batch.entries() {
                        assert_eq!(data(entry.publication()), seen.to_string());
                        seen += 1;
                    }
                }
                let position = Start::After(subscription.position().expect("open"));
                start = match stretch % 2 {
                    0 => position,
                    _ => Start::AnyOf([position, Start::Earliest].into()),
                };
                tokio::task::yield_now().await;
            }
        })
    });
    let followers: Vec<_> = followers.collect();
    publisher.await.expect("no panic");
    for follower in followers {
        follower.await.expect("no hole and no repeat");
    }
}

pub(super) async fn a_lost_position_is_a_gap(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new().count(2)).await;
    let first = publish(&broker, "t", "1").await.position();
    for n in 2..=4 {
        publish(&broker, "t", n.to_string()).await;
    }
    let other = Epoch::random();
    let ahead = Offset::new(first.offset().get() + 1000);
    let cases = [
        (Start::After(first), GapReason::Evicted),
        (Start::After(Position::new(other, Offset::new(1))), GapReason::Epoch),
        (Start::After(Position::new(first.epoch(), ahead)), GapReason::Unknown),
        (Start::LastId("no such id".into()), GapReason::Unknown),
        (Start::LastId(first.to_string().into()), GapReason::Unknown),
        (Start::ExternalId(ExternalId::new(b"no such id").expect("short")), GapReason::Unknown),
        (Start::Time(Timestamp::ZERO), GapReason::Evicted),
    ];
    for (start, reason) in cases {
        let mut subscription = broker.subscribe("t", start.clone()).expect("subscribed");
        let gap = gap(&mut subscription).await;
        assert_eq!(gap.reason(), reason, "{start:?}");
        assert!(!gap.from().is_empty());
        assert_eq!(take(&mut subscription, 2).await, ["3", "4"], "what is held follows");
        let mut again = broker.subscribe("t", Start::After(gap.resume())).expect("subscribed");
        assert_eq!(take(&mut again, 2).await, ["3", "4"], "and the gap's position is good");
    }
}

pub(super) async fn bounds_are_kept(subject: &dyn Subject) {
    let held = |bounds| async move {
        let broker = broker(subject, bounds).await;
        for n in 0..20 {
            publish(&broker, "t", format!("{n:010}")).await;
        }
        subject.advance(Duration::from_millis(200)).await;
        let last = publish(&broker, "t", "the newest").await;
        let page =
            broker.engine().history().read("t", Start::Earliest, 100).await.expect("readable");
        let newest = page.entries.last().map(|entry| entry.publication().position());
        assert_eq!(newest, Some(last.position()));
        let mut subscription = broker.subscribe("t", Start::Earliest).expect("subscribed");
        let all = take(&mut subscription, page.entries.len()).await;
        assert_eq!(all.last().map(String::as_str), Some("the newest"));
        page.entries.len()
    };
    let capabilities = subject.engine(LARGE).await.capabilities();
    assert_eq!(held(LARGE).await, 21);
    if capabilities.bounds_count {
        assert_eq!(held(LARGE.count(7)).await, 7);
    }
    if capabilities.bounds_bytes {
        assert_eq!(held(LARGE.bytes(55)).await, 5);
    }
    if capabilities.bounds_age {
        assert_eq!(held(LARGE.age(Duration::from_millis(150))).await, 1);
    }
}

pub(super) async fn the_newest_is_held_whatever_its_size(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new().bytes(10)).await;
    let mut live = broker.subscribe("t", Start::Live).expect("subscribed");
    publish(&broker, "t", "small").await;
    publish(&broker, "t", "larger than the bound").await;
    let mut late = broker.subscribe("t", Start::Earliest).expect("subscribed");
    assert_eq!(take(&mut late, 1).await, ["larger than the bound"]);
    // A short history makes no gap for a subscriber that keeps up.
    assert_eq!(take(&mut live, 2).await, ["small", "larger than the bound"]);
}

pub(super) async fn found_by_time_and_by_own_id(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    let mut times = Vec::new();
    for n in 0..5 {
        let message = Message::text(n.to_string()).with_id(format!("own {n}"));
        times.push(broker.publish("t", message).await.expect("published").time());
        subject.advance(Duration::from_millis(5)).await;
    }
    for (n, time) in times.iter().enumerate() {
        let rest: Vec<_> = (n + 1..5).map(|n| n.to_string()).collect();
        for start in [Start::Time(*time), Start::LastId(format!("own {n}").into())] {
            let mut subscription = broker.subscribe("t", start).expect("subscribed");
            assert_eq!(take(&mut subscription, rest.len()).await, rest);
            nothing_more(&mut subscription);
        }
    }
    let mut all = broker.subscribe("t", Start::Time(times[0].previous())).expect("subscribed");
    assert_eq!(take(&mut all, 5).await.len(), 5);
}

/// Returns a subscriber's deliveries: gaps by their reasons, publications by their data.
fn received(subscription: &mut Subscription) -> String {
    let deliveries = subscription.try_all().expect("readable");
    let parts = deliveries.iter().map(|delivery| match delivery {
        Delivery::Gap(gap) => gap.reason().as_str().to_owned(),
        Delivery::Batch(batch) => batch.entries().iter().map(|e| data(e.publication())).collect(),
    });
    parts.collect()
}

pub(super) async fn of_several_starts_the_first_that_is_held_decides(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let first = publish(&broker, "t", "1").await;
    let second = broker.publish("t", Message::text("2").with_id("own")).await.expect("published");
    subject.advance(Duration::from_millis(5)).await;
    publish(&broker, "t", "3").await;
    // Opens the log, so that a subscription delivers at once.
    let mut open = broker.subscribe("t", Start::Earliest).expect("subscribed");
    take(&mut open, 3).await;
    let from = async |starts: &[Start]| {
        let mut from = broker.subscribe("t", Start::AnyOf(starts.into())).expect("subscribed");
        std::future::poll_fn(|cx| from.poll_open(cx)).await.expect("open");
        received(&mut from)
    };
    let after = |position| Start::After(position);
    let own = || Start::LastId("own".into());
    assert_eq!(from(&[after(first.position()), Start::Time(Timestamp::MAX)]).await, "23");
    assert_eq!(from(&[own(), after(first.position())]).await, "3");
    // If none of them is held, the last one decides. A position of another epoch is reported.
    let other = Position::new(Epoch::random(), Offset::new(1));
    let ahead = Position::new(first.position().epoch(), Offset::new(999));
    let same = if first.time() == second.time() { "123" } else { "23" };
    for (start, gap) in [
        (after(other), "epoch"),
        (after(ahead), ""),
        (Start::LastId("no such id".into()), ""),
        (Start::ExternalId(ExternalId::new(&[7; 16]).expect("short")), ""),
    ] {
        let since = |time: Timestamp| [start.clone(), Start::Time(time)];
        assert_eq!(from(&since(second.time().previous())).await, format!("{gap}{same}"));
        assert_eq!(from(&since(second.time())).await, format!("{gap}3"));
    }
    assert_eq!(from(&[after(other), own(), Start::Earliest]).await, "epoch3");
    assert_eq!(from(&[own(), after(other)]).await, "3", "the first one decides");
    assert_eq!(from(&[after(ahead), after(other)]).await, "epoch123");
}

/// Runs only if the subject can import.
pub(super) async fn found_by_the_id_of_an_import(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    let id = |n: u8| ExternalId::new(&[n; 16]).expect("16 bytes");
    for n in 1..=3 {
        if !subject.import("t", Message::text(n.to_string()), id(n)).await {
            return;
        }
    }
    publish(&broker, "t", "4").await;
    for n in 1..=3 {
        let rest: Vec<_> = (n + 1..=4).map(|n| n.to_string()).collect();
        let start = Start::ExternalId(id(n));
        let page = broker.engine().history().read("t", start.clone(), 9).await.expect("readable");
        let read: Vec<_> = page.entries.iter().map(|entry| data(entry.publication())).collect();
        assert_eq!((read, page.lost), (rest.clone(), false));
        let mut subscription = broker.subscribe("t", start).expect("subscribed");
        assert_eq!(take(&mut subscription, rest.len()).await, rest);
    }
    let page = broker.engine().history().read("t", Start::Earliest, 9).await.expect("readable");
    let ids: Vec<_> = page.entries.iter().map(|e| e.publication().external_id()).collect();
    assert_eq!(ids, [Some(&id(1)), Some(&id(2)), Some(&id(3)), None]);
}

pub(super) async fn a_removed_topic_begins_a_new_epoch(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    let old = publish(&broker, "t", "old").await.position();
    let mut open = broker.subscribe("t", Start::After(old)).expect("subscribed");
    nothing_more(&mut open);
    broker.engine().history().remove("t").await.expect("removed");
    let new = publish(&broker, "t", "new").await.position();
    assert_ne!(old.epoch(), new.epoch());
    assert_eq!(gap(&mut open).await.reason(), GapReason::Epoch);
    assert_eq!(take(&mut open, 1).await, ["new"]);
    let mut late = broker.subscribe("t", Start::After(old)).expect("subscribed");
    assert_eq!(gap(&mut late).await.reason(), GapReason::Epoch);
    assert_eq!(take(&mut late, 1).await, ["new"]);
}

pub(super) async fn thousands_of_topics_stay_apart(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    for n in 0..3_000 {
        publish(&broker, &format!("topic {n}"), n.to_string()).await;
    }
    for n in (0..3_000).step_by(7) {
        let mut subscription =
            broker.subscribe(&format!("topic {n}"), Start::Earliest).expect("subscribed");
        assert_eq!(take(&mut subscription, 1).await, [n.to_string()]);
        nothing_more(&mut subscription);
    }
}
