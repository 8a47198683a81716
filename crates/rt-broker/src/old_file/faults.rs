//! A disk whose sync fails after what was written reached the file.

use super::store::Store;
use super::topics::{Limits, Topics};
use super::{FileEngine, Sync};
use crate::{Bounds, Broker, Message, Receipt, Start};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Faults {
    /// How many of the next changes and syncs are said to have failed though they were written.
    failing: AtomicUsize,
    /// They are not even written.
    refusing: AtomicBool,
    /// Changes that the disk has not been asked to keep.
    unsynced: AtomicUsize,
}

impl Faults {
    pub(super) fn refuses(&self) -> bool {
        self.failing.load(Ordering::Relaxed) > 0 && self.refusing.load(Ordering::Relaxed)
    }

    pub(super) fn of(
        &self,
        done: Result<(), fjall::Error>,
        store: &Store,
    ) -> Result<(), fjall::Error> {
        self.unsynced.store(store.unsynced(), Ordering::Relaxed);
        let fail = |left: usize| left.checked_sub(1);
        match self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fail) {
            Ok(_) => Err(fjall::Error::Poisoned),
            Err(_) => done,
        }
    }
}

const NEVER: Sync = Sync::Group { bytes: usize::MAX, period: Duration::from_secs(3600) };

fn open(path: &Path, sync: Sync, bounds: Bounds) -> (Arc<FileEngine>, Broker) {
    let engine = FileEngine::builder(path).bounds(bounds).sync(sync).max_topics(2).open().unwrap();
    let engine = Arc::new(engine);
    (engine.clone(), Broker::builder_shared(engine).build())
}

async fn publish(broker: &Broker, topic: &str, text: &str) -> Result<Receipt, crate::Error> {
    broker.publish(topic, Message::text(text.to_owned()).unwrap()).await
}

/// Publishes, tried again until the store is mended.
async fn publish_again(broker: &Broker, topic: &str, text: &str) -> Receipt {
    loop {
        match publish(broker, topic, text).await {
            Ok(receipt) => return receipt,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn fail(engine: &FileEngine, times: usize) {
    engine.shared.faults.failing.store(times, Ordering::Relaxed);
}

async fn held(broker: &Broker, topic: &str) -> Vec<String> {
    let page = broker.engine().read(topic, Start::Earliest, usize::MAX).await.unwrap();
    page.entries.iter().map(|entry| entry.publication().data().unwrap().to_owned()).collect()
}

/// What the engine counts is what the store holds.
fn counted(engine: &FileEngine, name: &str) -> (usize, usize) {
    let topics = engine.shared.topics();
    let at = topics.by_name[name].at;
    assert_eq!(topics.bytes, topics.by_name.values().map(|topic| topic.at.bytes).sum::<usize>());
    (at.count, at.bytes)
}

#[tokio::test]
async fn what_a_failed_change_deleted_is_a_gap_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, broker) = open(folder.path(), Sync::Always, Bounds::new().count(3));
    let first = publish(&broker, "t", "1").await.unwrap();
    for n in ["2", "3"] {
        publish(&broker, "t", n).await.unwrap();
    }
    fail(&engine, 1);
    publish(&broker, "t", "lost").await.unwrap_err();
    // The deletion of the first one has happened.
    let next = publish_again(&broker, "t", "4").await;
    assert_eq!(next.position().epoch(), first.position().epoch());
    assert_eq!(held(&broker, "t").await, ["2", "3", "4"]);
    assert_eq!(counted(&engine, "t"), (3, 3));
    let page = broker.engine().read("t", Start::After(first.position()), 9).await.unwrap();
    assert!(!page.lost, "the first is the one that it follows");
    let before = crate::Position::new(first.position().epoch(), 0);
    for start in [Start::After(before), Start::Time(first.time() - 1)] {
        assert!(broker.engine().read("t", start, 9).await.unwrap().lost);
    }
    drop((engine, broker));
    let (engine, broker) = open(folder.path(), Sync::Always, Bounds::new().count(3));
    assert_eq!(held(&broker, "t").await, ["2", "3", "4"]);
    assert_eq!(counted(&engine, "t"), (3, 3));
}

#[tokio::test]
async fn where_something_may_be_lost_what_the_store_has_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, broker) = open(folder.path(), NEVER, Bounds::new().count(3));
    let first = publish(&broker, "t", "1").await.unwrap();
    for n in ["2", "3"] {
        publish(&broker, "t", n).await.unwrap();
    }
    publish(&broker, "other", "x").await.unwrap();
    publish(&broker, "t", "4").await.unwrap();
    fail(&engine, 1);
    engine.flush().await.unwrap_err();
    let next = publish_again(&broker, "t", "5").await;
    assert_ne!(next.position().epoch(), first.position().epoch());
    assert_eq!(held(&broker, "t").await, ["3", "4", "5"]);
    assert_eq!((counted(&engine, "t"), counted(&engine, "other")), ((3, 3), (1, 1)));
    fail(&engine, 1);
    publish(&broker, "t", "lost").await.unwrap_err();
    let last = publish_again(&broker, "t", "6").await;
    assert_ne!(last.position().epoch(), next.position().epoch(), "5 was not synced");
    assert_eq!(held(&broker, "t").await, ["4", "5", "6"]);
    drop((engine, broker));
    let (engine, broker) = open(folder.path(), NEVER, Bounds::new().count(3));
    assert_eq!(held(&broker, "t").await, ["4", "5", "6"]);
    assert_eq!((counted(&engine, "t"), counted(&engine, "other")), ((3, 3), (1, 1)));
}

/// Two topics in memory, over an empty store.
fn two_topics(folder: &Path) -> (Topics, Store) {
    let store = Store::open(folder).unwrap();
    let mut topics = Topics::new(Limits { topics: 2, bytes: 1_000 });
    topics.begin();
    for name in ["a", "b"] {
        add(&mut topics, name, &store);
    }
    topics.commit();
    (topics, store)
}

fn add(topics: &mut Topics, name: &str, store: &Store) -> Receipt {
    topics.publish(name, Message::text("x").unwrap(), 10, Bounds::new, store).unwrap().0
}

#[test]
fn a_topic_that_was_dropped_and_made_again_in_vain_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut topics, store) = two_topics(folder.path());
    let ids = |topics: &Topics| ["a", "b"].map(|name| topics.by_name.get(name).map(|t| t.id));
    let before = (ids(&topics), topics.bytes);
    for last in [&["a", "b"][..], &["a"], &["c"], &[]] {
        topics.begin();
        // The first two of them drop those that are there, the next drop what these have made.
        for name in ["c", "d"].iter().chain(last) {
            add(&mut topics, name, &store);
        }
        topics.roll_back();
        assert_eq!((ids(&topics), topics.bytes), before, "{last:?}");
        assert_eq!(topics.by_name.len(), 2, "{last:?}");
    }
}

#[test]
fn marks_given_while_a_change_is_written_hold_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (mut topics, store) = two_topics(folder.path());
    topics.begin();
    assert!(topics.restart("a"));
    assert!(topics.close_and_remove("b"));
    topics.topic("new", 10, Bounds::new).unwrap();
    let names = ["a", "b", "new"];
    let marks = names.map(|name| topics.watermark(name, 50));
    topics.roll_back();
    topics.begin();
    for (name, mark) in names.into_iter().zip(marks) {
        assert!(add(&mut topics, name, &store).time() > mark, "{name}");
    }
}

#[tokio::test]
async fn a_confirmation_that_failed_is_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds::new().delete_after_retrieval(Duration::from_secs(3600));
    let (engine, broker) = open(folder.path(), Sync::Always, bounds);
    for n in ["1", "2", "3"] {
        publish(&broker, "t", n).await.unwrap();
    }
    let claim = broker.engine().claim("t", Start::Earliest, 2, 999).await.unwrap();
    let last = claim.entries[1].publication().position();
    engine.shared.faults.refusing.store(true, Ordering::Relaxed);
    fail(&engine, 1);
    broker.engine().confirm("t", last).await.unwrap_err();
    publish_again(&broker, "t", "4").await;
    let other = broker.engine().claim("t", Start::Earliest, 1, 999).await.unwrap();
    assert_eq!(other.entries[0].publication().data(), Some("3"), "the first two are leased");
    broker.engine().confirm("t", last).await.unwrap();
    assert_eq!(held(&broker, "t").await, ["3", "4"]);
    assert_eq!(counted(&engine, "t"), (2, 2));
}

/// That a sync is a sync is seen from outside by the test `synced`, where it can look.
#[tokio::test]
async fn what_is_acknowledged_was_synced_as_was_asked() {
    let unsynced = |engine: &FileEngine| engine.shared.faults.unsynced.load(Ordering::Relaxed);
    let folder = tempfile::tempdir().unwrap();
    let (engine, broker) = open(&folder.path().join("always"), Sync::Always, Bounds::new());
    for n in 0..10 {
        publish(&broker, "t", "x").await.unwrap();
        assert_eq!(unsynced(&engine), 0, "{n}");
    }
    broker.engine().remove("t").await.unwrap();
    assert_eq!(unsynced(&engine), 0);
    let (engine, broker) = open(&folder.path().join("group"), NEVER, Bounds::new());
    publish(&broker, "t", "x").await.unwrap();
    assert_eq!(unsynced(&engine), 1);
    engine.flush().await.unwrap();
    assert_eq!(unsynced(&engine), 0);
    let once_synced = Sync::Group { bytes: 1, period: Duration::from_secs(3600) };
    let (engine, broker) = open(&folder.path().join("bytes"), once_synced, Bounds::new());
    publish(&broker, "t", "x").await.unwrap();
    // The group is synced before the next job.
    broker.engine().read("t", Start::Earliest, 1).await.unwrap();
    assert_eq!(unsynced(&engine), 0);
}

#[tokio::test]
async fn a_log_of_a_known_topic_is_opened_without_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FileEngine::builder(folder.path()).sync(NEVER).clock(|| 1_000_000);
    let engine = Arc::new(engine.open().unwrap());
    let broker = Broker::builder_shared(engine.clone()).build();
    let written = || engine.shared.faults.unsynced.load(Ordering::Relaxed);
    for topic in ["a", "b"] {
        publish(&broker, topic, "x").await.unwrap();
    }
    assert_eq!(written(), 2);
    let _logs = ["a", "b"].map(|topic| broker.subscribe(topic, Start::Earliest).unwrap());
    held(&broker, "a").await;
    assert_eq!(written(), 2);
    let _log = broker.subscribe("new", Start::Earliest).unwrap();
    held(&broker, "a").await;
    assert_eq!(written(), 3, "its epoch has to be known");
}
