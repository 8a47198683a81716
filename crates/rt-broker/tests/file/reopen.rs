//! What is there again after the store is opened anew, and what must not be.

use super::support::Store;
use super::{LARGE, held, open, publish, take};
use rt_broker::{Broker, ClaimRequest, Delivery, FileEngine, GapReason, Message, Timestamp};
use rt_broker::{Durability, Start};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_store_goes_on_where_it_was() {
    for closed in [true, false] {
        let mut store = Store::new();
        let broker = store.open(LARGE);
        let message = Message::json("{\"a\":1}").with_event("e");
        let message = message.with_id("own").to_client("ann");
        broker.publish("t", message).await.unwrap();
        for n in 0..100 {
            publish(&broker, "t", n.to_string()).await;
        }
        let last = publish(&broker, "t", "last").await;
        let page = broker.engine().history().read("t", Start::Earliest, 9).await.unwrap();
        let subscribed = broker.subscribe("empty", Start::Live).unwrap();
        publish(&broker, "other", "answered once the empty one is open").await;
        let empty = subscribed.position().unwrap();
        drop(subscribed);
        store.ended(broker, closed);

        let broker = store.open(LARGE);
        let again = broker.engine().history().read("t", Start::Earliest, 9).await.unwrap();
        for (old, new) in page.entries.iter().zip(&again.entries) {
            assert_eq!(old.publication(), new.publication());
        }
        assert_eq!(held(&broker, "t").await.len(), 102);
        let mut back = broker.subscribe("t", Start::After(last.position())).unwrap();
        let mut first = broker.subscribe("empty", Start::After(empty)).unwrap();
        let next = publish(&broker, "t", "next").await;
        assert_eq!(next.position().epoch(), last.position().epoch());
        assert_eq!(next.position().offset(), last.position().offset().next());
        assert!(next.time() >= last.time());
        assert_eq!(take(&mut back, 1).await, ["next"]);
        publish(&broker, "empty", "1").await;
        assert_eq!(take(&mut first, 1).await, ["1"], "a topic without publications goes on too");
    }
}

#[tokio::test]
async fn what_is_gone_stays_gone() {
    for closed in [true, false] {
        let mut store = Store::new();
        let bounds = |topic: &str| match topic {
            "counted" => LARGE.count(3),
            "aged" => LARGE.age(Duration::from_secs(10)),
            "claimed" => LARGE.delete_after_retrieval(LEASE),
            _ => LARGE,
        };
        let engine = store.builder(LARGE).bounds_of(bounds).open().unwrap();
        let broker = Broker::builder(engine).build();
        let mut removed = None;
        for n in 0..10 {
            for topic in ["counted", "aged", "claimed", "removed"] {
                removed = Some(publish(&broker, topic, n.to_string()).await);
            }
        }
        let removed = removed.unwrap().position();
        let request = |limit| ClaimRequest::new(Start::Earliest).limit(limit);
        let claim = broker.claim("claimed", request(4)).await.unwrap();
        let confirmed = claim.entries.last().unwrap().publication().position();
        broker.confirm("claimed", confirmed).await.unwrap();
        let second = broker.claim("claimed", request(2)).await.unwrap();
        assert_eq!(second.entries.len(), 2, "these are leased only");
        broker.engine().history().remove("removed").await.unwrap();
        store.advance(Duration::from_secs(11));
        publish(&broker, "aged", "new").await;
        store.ended(broker, closed);

        // Wider bounds bring nothing back.
        let broker = store.open(LARGE);
        assert_eq!(held(&broker, "counted").await, ["7", "8", "9"]);
        assert_eq!(held(&broker, "aged").await, ["new"]);
        assert_eq!(held(&broker, "claimed").await, ["4", "5", "6", "7", "8", "9"]);
        assert_eq!(held(&broker, "removed").await, [""; 0]);
        let mut back = broker.subscribe("removed", Start::After(removed)).unwrap();
        let Delivery::Gap(gap) = super::next(&mut back).await else { panic!("it is told") };
        assert_eq!(gap.reason(), GapReason::Epoch);
        let page = broker
            .engine()
            .history()
            .read("counted", Start::Time(Timestamp::from_millis(1)), 9)
            .await
            .unwrap();
        assert!(page.lost, "what is gone is known to have been there");
    }
}

#[tokio::test]
async fn a_key_publishes_once_over_lives() {
    for closed in [true, false] {
        let mut store = Store::new();
        let keyed = |key: &str| Message::text("x").with_idempotency_key(key);
        let broker = store.open(LARGE);
        let first = broker.publish("t", keyed("k")).await.unwrap();
        store.ended(broker, closed);
        let broker = store.open(LARGE);
        let again = broker.publish("t", keyed("k")).await.unwrap();
        assert!(again.is_duplicate());
        assert_eq!((again.position(), again.time()), (first.position(), first.time()));
        // What it says stays what it said, whatever has become of its topic.
        broker.engine().history().remove("t").await.unwrap();
        let other = publish(&broker, "t", "other").await;
        assert_ne!(other.position().epoch(), first.position().epoch());
        store.ended(broker, closed);
        let broker = store.open(LARGE);
        let again = broker.publish("t", keyed("k")).await.unwrap();
        assert_eq!((again.position(), again.time()), (first.position(), first.time()));
        store.advance(Duration::from_secs(301));
        broker.sweep();
        assert!(!broker.publish("t", keyed("k")).await.unwrap().is_duplicate());
        store.ended(broker, closed);
        let broker = store.open(LARGE);
        assert!(broker.publish("t", keyed("k")).await.unwrap().is_duplicate());
        assert_eq!(held(&broker, "t").await.len(), 2);
    }
}

#[tokio::test]
async fn nothing_is_stamped_at_or_below_a_mark_of_an_earlier_life() {
    for closed in [true, false] {
        let mut store = Store::new();
        let mut marks = Timestamp::ZERO;
        for life in 0..5 {
            let broker = store.open(LARGE);
            let engine = broker.engine().clone();
            let engine = engine.history();
            let first = publish(&broker, "t", life.to_string()).await;
            assert!(first.time() > marks, "the clock was set back");
            for _ in 0..20 {
                store.advance(Duration::from_millis(100));
                let mark = engine.watermark("t").max(engine.watermark("nobody's"));
                marks = marks.max(mark);
                let time = publish(&broker, "t", "x").await.time();
                assert!(time > mark);
                marks = marks.max(time);
            }
            let mark = engine.watermark("nobody's");
            assert!(publish(&broker, "nobody's", "x").await.time() > mark);
            marks = marks.max(engine.watermark("nobody's"));
            store.ended(broker, closed);
            store.clock.fetch_sub(3_600_000, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_copy_made_by_hand_after_a_new_start_begins_new_epochs() {
    let mut store = Store::new();
    let broker =
        Broker::builder(store.builder(LARGE).durability(Durability::None).open().unwrap()).build();
    let old = publish(&broker, "t", "1").await.position();
    store.killed(broker);
    let life = store.path().join("open");
    fs::write(&life, fs::read_to_string(&life).unwrap().replace('-', "0")).unwrap();
    let broker = store.open(LARGE);
    assert_ne!(publish(&broker, "t", "2").await.position().epoch(), old.epoch());
    assert_eq!(held(&broker, "t").await, ["1", "2"]);
}

/// A snapshot of the file system that is older than what was acknowledged, restored as the README says.
#[tokio::test]
async fn a_restored_snapshot_that_is_said_to_be_a_copy_begins_new_epochs() {
    for closed in [true, false] {
        let mut store = Store::new();
        let broker = store.open(LARGE);
        let old = publish(&broker, "t", "1").await.position();
        store.ended(broker, closed);
        fs::write(store.path().join("open"), "copy\n").unwrap();
        let broker = store.open(LARGE);
        assert_ne!(publish(&broker, "t", "2").await.position().epoch(), old.epoch());
        assert_eq!(held(&broker, "t").await, ["1", "2"]);
    }
}

#[tokio::test]
async fn at_the_cap_the_least_recently_used_topic_goes_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let engine = FileEngine::builder(&path).max_topics(3).open().unwrap();
    let broker = Broker::builder(engine).build();
    for topic in ["a", "b", "c"] {
        publish(&broker, topic, topic).await;
    }
    let _used = broker.subscribe("a", Start::Live).unwrap();
    publish(&broker, "c", "again").await;
    publish(&broker, "d", "d").await;
    assert_eq!(broker.topics().iter().map(|t| &**t).collect::<Vec<_>>(), ["a", "c", "d"]);
    let _others = ["c", "d"].map(|topic| broker.subscribe(topic, Start::Live).unwrap());
    // They are open once what is asked after them is answered.
    held(&broker, "c").await;
    let message = Message::text("x");
    assert!(broker.publish("e", message).await.unwrap_err().is_full());
    drop((_used, _others, broker));
    let broker = open(&path, Durability::Always);
    assert_eq!(held(&broker, "b").await, [""; 0]);
    publish(&broker, "b", "new").await;
    assert_eq!(held(&broker, "b").await, ["new"]);
}

#[tokio::test]
async fn all_history_together_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let builder = || FileEngine::builder(&path).max_bytes(1_000).durability(Durability::None);
    let engine = Arc::new(builder().open().unwrap());
    let broker = Broker::builder_shared(engine.clone()).build();
    for n in 0..100 {
        publish(&broker, &format!("t{}", n / 5), "x".repeat(100)).await;
        assert!(engine.bytes() <= 1_000, "{} bytes", engine.bytes());
    }
    assert!(engine.bytes() >= 900);
    let topics = broker.topics();
    let _used: Vec<_> = topics.iter().map(|t| broker.subscribe(t, Start::Live).unwrap()).collect();
    for _ in 0..20 {
        publish(&broker, "t19", "x".repeat(100)).await;
    }
    assert!(engine.bytes() <= 1_000, "a topic that grows gives up its own oldest");
    let bytes = engine.bytes();
    drop((_used, broker, engine));
    assert_eq!(builder().open().unwrap().bytes(), bytes);
}

#[tokio::test]
async fn what_is_empty_and_unused_is_freed() {
    let store = Store::new();
    let broker = store.open(LARGE.age(Duration::from_secs(10)));
    for n in 0..1_000 {
        publish(&broker, &format!("t{n}"), "x").await;
    }
    let used = broker.subscribe("t7", Start::Live).unwrap();
    for _ in 0..4 {
        store.advance(Duration::from_secs(61));
        broker.sweep();
        held(&broker, "t7").await;
    }
    assert_eq!(broker.topics().len(), 1);
    drop(used);
    for _ in 0..4 {
        store.advance(Duration::from_secs(61));
        broker.sweep();
        broker.engine().history().read("no such topic", Start::Earliest, 1).await.unwrap();
    }
    assert_eq!((broker.topics().len(), broker.open_topics()), (0, 0));
}

/// Topics that are dropped and made again within one change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_names_at_the_cap_leaves_whole_topics() {
    let store = Store::new();
    let open = || {
        let engine =
            store.builder(LARGE).max_topics(2).durability(Durability::None).open().unwrap();
        Broker::builder(engine).build()
    };
    for _ in 0..3 {
        let broker = open();
        let publishers = (0..600).map(|n| {
            let broker = broker.clone();
            let topic = format!("t{}", n / 7 % 5);
            tokio::spawn(async move { publish(&broker, &topic, format!("{topic} {n}")).await })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.unwrap();
        }
        let check = async |broker: &Broker| {
            assert!(broker.topics().len() <= 2);
            for topic in broker.topics() {
                let held = held(broker, &topic).await;
                assert!(!held.is_empty() && held.iter().all(|text| text.starts_with(&*topic)));
            }
        };
        check(&broker).await;
        drop(broker);
        check(&open()).await;
    }
}

/// A group is larger than what a log remembers of its last publications.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_of_a_large_group_is_told_how_many_it_reached() {
    let store = Store::new();
    let broker = store.open(LARGE);
    let _subscriptions = [0; 3].map(|_| broker.subscribe("t", Start::Live).unwrap());
    held(&broker, "t").await;
    let publishers = (0..2_000).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move { publish(&broker, "t", "x").await.reached() })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        assert_eq!(publisher.await.unwrap(), 3);
    }
}

/// History that does not fit what the engine remembers of it is looked up on the disk.
#[tokio::test]
async fn long_histories_keep_to_their_bounds() {
    let store = Store::new();
    let broker = store.open(LARGE.count(3_000));
    for n in 0..5_000 {
        publish(&broker, "t", n.to_string()).await;
    }
    assert_eq!(held(&broker, "t").await.len(), 3_000);
    drop(broker);
    let broker = store.open(LARGE.count(1_000).bytes(3_000));
    publish(&broker, "t", "last").await;
    let held = held(&broker, "t").await;
    assert_eq!((held.len(), &*held[0], &*held[749]), (750, "4251", "last"));
}
