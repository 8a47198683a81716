//! Stores that were damaged by a disk, a partial restore or a person. The rest is held, and each loss is
//! reported: in the health, and as a gap to subscribers that come back.

use super::support::Store;
use super::{LARGE, held, next, publish, take};
use rt_broker::{Broker, Delivery, GapReason, Health, Position, Start};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const TOPICS: [&str; 2] = ["a", "b"];

/// A store before it is damaged, and the last position that was given out in each topic.
struct Damaged {
    store: Store,
    last: Vec<(&'static str, Position)>,
}

impl Damaged {
    /// Publishes ten numbers to each topic in each of `lives`, which are killed: each life has a segment
    /// of its own.
    async fn new(lives: usize, closed: bool) -> Self {
        let mut store = Store::new();
        let mut last = Vec::new();
        for life in 0..lives {
            let broker = store.open(LARGE);
            last = publish_ten(&broker, life * 10).await;
            store.ended(broker, closed && life + 1 == lives);
        }
        Self { store, last }
    }

    fn segment(&self, number: usize) -> PathBuf {
        self.store.path().join(format!("journal/{number:010}.log"))
    }

    /// Opens the store, which holds these numbers of each topic and says what it has lost, and opens it
    /// once more.
    async fn is_reported(&mut self, numbers: impl Iterator<Item = usize>, says: &str) {
        let texts: Vec<_> = numbers.map(|number| number.to_string()).collect();
        let broker = self.store.open(LARGE);
        let Health::Degraded(why) = broker.engine().health().await else {
            panic!("a loss is no secret")
        };
        assert!(why.contains(says), "{why}");
        let mut epochs = Vec::new();
        for (topic, last) in &self.last {
            assert_eq!(held(&broker, topic).await, texts, "of {topic}");
            let mut back = broker.subscribe(topic, Start::After(*last)).unwrap();
            // One topic may have to be made again.
            let after = publish(&broker, topic, "after").await.position();
            let Delivery::Gap(gap) = next(&mut back).await else { panic!("a hole in {topic}") };
            assert_eq!(gap.reason(), GapReason::Epoch);
            let given = take(&mut back, texts.len() + 1).await;
            assert_eq!((&given[..texts.len()], &*given[texts.len()]), (&*texts, "after"));
            assert_ne!(after.epoch(), last.epoch());
            epochs.push(after.epoch());
        }
        // It was taken care of: positions that were given out since are good, whatever the end.
        let mut broker = broker;
        for closed in [false, true] {
            self.store.ended(broker, closed);
            broker = self.store.open(LARGE);
            assert_eq!(broker.engine().health().await, Health::Ok);
            for ((topic, _), epoch) in self.last.iter().zip(&epochs) {
                let again = publish(&broker, topic, "again").await.position();
                assert_eq!(again.epoch(), *epoch, "the same damage ended an epoch again");
            }
        }
    }
}

async fn publish_ten(broker: &Broker, first: usize) -> Vec<(&'static str, Position)> {
    let mut last = Vec::new();
    for n in first..first + 10 {
        last.clear();
        for topic in TOPICS {
            last.push((topic, publish(broker, topic, n.to_string()).await.position()));
        }
    }
    last
}

#[tokio::test]
async fn a_missing_oldest_segment_is_reported_and_the_others_are_held() {
    for closed in [true, false] {
        let mut damaged = Damaged::new(3, closed).await;
        fs::remove_file(damaged.segment(1)).unwrap();
        damaged
            .is_reported(
                10..30,
                "lost publications: 20, and others that no record counts, in topics: 2",
            )
            .await;
    }
}

#[tokio::test]
async fn a_missing_segment_in_the_middle_is_reported_and_the_others_are_held() {
    for closed in [true, false] {
        let mut damaged = Damaged::new(3, closed).await;
        fs::remove_file(damaged.segment(2)).unwrap();
        damaged
            .is_reported(
                (0..10).chain(20..30),
                "lost publications: 20, and others that no record counts, in topics: 2",
            )
            .await;
    }
}

#[tokio::test]
async fn a_missing_newest_segment_is_reported_and_the_others_are_held() {
    for closed in [true, false] {
        let mut damaged = Damaged::new(3, closed).await;
        fs::remove_file(damaged.segment(3)).unwrap();
        damaged.is_reported(0..20, "and others that no record counts").await;
    }
}

/// A partial restore: the journal is older than the rest, and ends where a commit ended then.
#[tokio::test]
async fn a_journal_that_ends_early_at_a_commits_end_is_reported() {
    for closed in [true, false] {
        for with_progress in [true, false] {
            let mut store = Store::new();
            let broker = store.open(LARGE);
            publish_ten(&broker, 0).await;
            let older = fs::read(store.path().join("journal/0000000001.log")).unwrap();
            let last = publish_ten(&broker, 10).await;
            store.ended(broker, closed);
            let mut damaged = Damaged { store, last };
            fs::write(damaged.segment(1), older).unwrap();
            if !with_progress {
                fs::remove_file(damaged.store.path().join("progress")).unwrap();
            }
            damaged.is_reported(0..10, "and others that no record counts").await;
        }
    }
}

#[tokio::test]
async fn without_its_progress_everything_is_held_and_a_loss_is_assumed() {
    for closed in [true, false] {
        let mut damaged = Damaged::new(3, closed).await;
        fs::remove_file(damaged.store.path().join("progress")).unwrap();
        damaged.is_reported(0..30, "damaged places of the journal: 1").await;
    }
}

#[tokio::test]
async fn a_damaged_header_costs_nothing_while_another_file_names_the_segment() {
    for closed in [true, false] {
        for segment in 1..=3 {
            let damaged = Damaged::new(3, closed).await;
            let mut bytes = fs::read(damaged.segment(segment)).unwrap();
            bytes[..4096].fill(0xa5);
            fs::write(damaged.segment(segment), bytes).unwrap();
            let broker = damaged.store.open(LARGE);
            for (topic, last) in &damaged.last {
                assert_eq!(held(&broker, topic).await.len(), 30, "segment {segment}");
                let mut back = broker.subscribe(topic, Start::After(*last)).unwrap();
                publish(&broker, topic, "next").await;
                assert_eq!(take(&mut back, 1).await, ["next"]);
            }
            assert!(matches!(broker.engine().health().await, Health::Degraded(_)));
        }
    }
}

#[tokio::test]
async fn a_header_that_nothing_stands_in_for_costs_its_segment() {
    for closed in [true, false] {
        let mut damaged = Damaged::new(3, closed).await;
        let mut bytes = fs::read(damaged.segment(3)).unwrap();
        bytes[..4096].fill(0xa5);
        fs::write(damaged.segment(3), bytes).unwrap();
        fs::remove_file(damaged.store.path().join("progress")).unwrap();
        damaged.is_reported(0..20, "and others that no record counts").await;
        let aside = fs::read_dir(damaged.store.path().join("cut-off")).unwrap().count();
        assert!(aside > 0, "the segment is kept");
    }
}

#[tokio::test]
async fn a_bit_that_flips_in_an_open_store_costs_one_publication() {
    for closed in [true, false] {
        let mut store = Store::new();
        let engine = Arc::new(store.builder(LARGE).open().unwrap());
        let broker = Broker::builder_shared(engine.clone()).build();
        let mut live = broker.subscribe("t", Start::Live).unwrap();
        for n in 0..10 {
            publish(&broker, "t", format!("payload {n}")).await;
        }
        let segment = store.path().join("journal/0000000001.log");
        let mut bytes = fs::read(&segment).unwrap();
        let place = bytes.windows(9).position(|bytes| bytes == b"payload 4").unwrap();
        bytes[place] ^= 1;
        fs::write(&segment, bytes).unwrap();

        assert_eq!(take(&mut live, 10).await.len(), 10, "a live subscriber has it in memory");
        // Another broker has to read it.
        let other = Broker::builder_shared(engine.clone()).build();
        let mut late = other.subscribe("t", Start::Earliest).unwrap();
        assert_eq!(take(&mut late, 4).await.last().unwrap(), "payload 3");
        let Delivery::Gap(gap) = next(&mut late).await else { panic!("a hole") };
        assert_eq!(gap.reason(), GapReason::Lost);
        assert_eq!(take(&mut late, 5).await.last().unwrap(), "payload 9");
        let Health::Degraded(why) = broker.engine().health().await else { panic!("a secret") };
        assert!(why.contains("-5") && why.contains("\"t\""), "{why}");
        let last = publish(&broker, "t", "next").await.position();
        for subscription in [&mut live, &mut late] {
            assert_eq!(take(subscription, 1).await, ["next"]);
        }
        drop((live, late, other, engine));
        store.ended(broker, closed);
        let mut damaged = Damaged { store, last: vec![("t", last)] };
        let broker = damaged.store.open(LARGE);
        let Health::Degraded(why) = broker.engine().health().await else { panic!("a secret") };
        // It was counted when it was found.
        assert!(why.contains("lost publications: 0, in topics: 1"), "{why}");
        assert_eq!(held(&broker, "t").await.len(), 10);
        let next = publish(&broker, "t", "a new epoch").await.position();
        assert_ne!(next.epoch(), last.epoch());
        damaged.store.ended(broker, closed);
        let broker = damaged.store.open(LARGE);
        assert_eq!(broker.engine().health().await, Health::Ok);
        assert_eq!(publish(&broker, "t", "the same").await.position().epoch(), next.epoch());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_a_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let open = || super::open(&new.join("store"), rt_broker::Durability::Always);
    publish(&open(), "t", "payload").await;
    // A copy is kept of what cannot be used.
    let segment = new.join("store/journal/0000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    let place = bytes.windows(7).position(|bytes| bytes == b"payload").unwrap();
    bytes[place] ^= 1;
    fs::write(&segment, bytes).unwrap();
    drop(open());
    let engine = rt_broker::FileEngine::builder(new.join("store")).open().unwrap();
    engine.backup(new.join("backup")).await.unwrap();
    let mut folders = vec![new];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{path:?}");
                files += 1;
            }
        }
    }
    assert!(files > 10, "{files} files were looked at");
}
