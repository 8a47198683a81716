//! Order, positions, bounds.

use super::{Subject, broker, data, nothing_more, publish, take, text};
use crate::{Bounds, Delivery, Epoch, GapReason, Position, Start, Subscription};
use std::time::Duration;

const LARGE: Bounds = Bounds::new().count(100_000).bytes(64 << 20);

async fn gap(subscription: &mut Subscription) -> crate::Gap {
    match subscription.next().await.expect("delivered") {
        Delivery::Gap(gap) => gap,
        Delivery::Batch(batch) => panic!("no gap was told before {batch:?}"),
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
    let mut next = [0; 16];
    let (mut offset, mut time, mut count) = (0, 0, 0);
    while count < 16 * EACH {
        let Delivery::Batch(batch) = follower.next().await.expect("delivered") else {
            panic!("a gap in an unbroken topic")
        };
        for entry in batch.entries() {
            let publication = entry.publication();
            assert!(publication.position().offset() > offset, "offsets must grow");
            assert!(publication.time() >= time, "times must not go back");
            (offset, time) = (publication.position().offset(), publication.time());
            let data = data(publication);
            let (publisher, n) = data.split_once(' ').expect("two numbers");
            let seen = &mut next[publisher.parse::<usize>().expect("a number")];
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
                    let Delivery::Batch(batch) = subscription.next().await.expect("delivered")
                    else {
                        panic!("a gap where all is held")
                    };
                    for entry in batch.entries() {
                        assert_eq!(data(entry.publication()), seen.to_string());
                        seen += 1;
                    }
                }
                let position = subscription.position().expect("open");
                start = match stretch % 2 {
                    0 => Start::After(position),
                    _ => Start::Id(position.to_string().into()),
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
    let cases = [
        (Start::After(first), GapReason::Evicted),
        (Start::Id(first.to_string().into()), GapReason::Evicted),
        (Start::After(Position::new(other, 1)), GapReason::Epoch),
        (Start::Id(Position::new(other, 1).to_string().into()), GapReason::Epoch),
        (Start::After(Position::new(first.epoch(), first.offset() + 1000)), GapReason::Unknown),
        (Start::Id("no such id".into()), GapReason::Unknown),
        (Start::Time(0), GapReason::Evicted),
    ];
    for (start, reason) in cases {
        let mut subscription = broker.subscribe("t", start.clone()).expect("subscribed");
        let gap = gap(&mut subscription).await;
        assert_eq!(gap.reason(), reason, "{start:?}");
        assert!(gap.from().is_some());
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
        let page = broker.engine().read("t", Start::Earliest, 100).await.expect("readable");
        let newest = page.entries.last().map(|entry| entry.publication().position());
        assert_eq!(newest, Some(last.position()));
        let mut subscription = broker.subscribe("t", Start::Earliest).expect("subscribed");
        let all = take(&mut subscription, page.entries.len()).await;
        assert_eq!(all.last().map(String::as_str), Some("the newest"));
        page.entries.len()
    };
    let promises = subject.engine(LARGE).await.promises();
    assert_eq!(held(LARGE).await, 21);
    if promises.bounds_count {
        assert_eq!(held(LARGE.count(7)).await, 7);
    }
    if promises.bounds_bytes {
        assert_eq!(held(LARGE.bytes(55)).await, 5);
    }
    if promises.bounds_age {
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
    // A short history makes no gap for who reads along.
    assert_eq!(take(&mut live, 2).await, ["small", "larger than the bound"]);
}

pub(super) async fn found_by_time_and_by_own_id(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    let mut times = Vec::new();
    for n in 0..5 {
        let message = text(n.to_string()).with_id(format!("own {n}")).expect("a good id");
        times.push(broker.publish("t", message).await.expect("published").time());
        subject.advance(Duration::from_millis(5)).await;
    }
    for (n, time) in times.iter().enumerate() {
        let rest: Vec<_> = (n + 1..5).map(|n| n.to_string()).collect();
        for start in [Start::Time(*time), Start::Id(format!("own {n}").into())] {
            let mut subscription = broker.subscribe("t", start).expect("subscribed");
            assert_eq!(take(&mut subscription, rest.len()).await, rest);
            nothing_more(&mut subscription);
        }
    }
    let mut all = broker.subscribe("t", Start::Time(times[0] - 1)).expect("subscribed");
    assert_eq!(take(&mut all, 5).await.len(), 5);
}

pub(super) async fn a_uuid_that_is_held_decides_else_the_time(subject: &dyn Subject) {
    let broker = broker(subject, Bounds::new()).await;
    let first = publish(&broker, "t", "1").await;
    let second = publish(&broker, "t", "2").await;
    subject.advance(Duration::from_millis(5)).await;
    publish(&broker, "t", "3").await;
    // Opens the log, so that below it is told at once whether there is something.
    let mut open = broker.subscribe("t", Start::Earliest).expect("subscribed");
    take(&mut open, 3).await;
    let seen = async |uuid, time| {
        let mut from = broker.subscribe("t", Start::Seen { uuid, time }).expect("subscribed");
        std::future::poll_fn(|cx| from.poll_open(cx)).await.expect("open");
        let mut given = String::new();
        for delivery in from.try_all().expect("readable") {
            match delivery {
                Delivery::Gap(gap) => given.push_str(gap.reason().as_str()),
                Delivery::Batch(batch) => {
                    given.extend(batch.entries().iter().map(|entry| data(entry.publication())));
                }
            }
        }
        given
    };
    assert_eq!(seen(first.position().to_uuid(), u64::MAX).await, "23");
    // One that is not held: all of that time and later. One of another life is told so.
    let other = Position::new(Epoch::random(), 1).to_uuid();
    let ahead = Position::new(first.position().epoch(), 999).to_uuid();
    for (uuid, told) in [(other, "epoch"), (ahead, ""), (uuid::Uuid::from_u128(7), "")] {
        let time = second.time();
        let same = if first.time() == time { "123" } else { "23" };
        assert_eq!(seen(uuid, time).await, format!("{told}{same}"));
        assert_eq!(seen(uuid, time + 1).await, format!("{told}3"));
    }
}

pub(super) async fn a_removed_topic_begins_a_new_epoch(subject: &dyn Subject) {
    let broker = broker(subject, LARGE).await;
    let old = publish(&broker, "t", "old").await.position();
    let mut open = broker.subscribe("t", Start::After(old)).expect("subscribed");
    nothing_more(&mut open);
    broker.engine().remove("t").await.expect("removed");
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
