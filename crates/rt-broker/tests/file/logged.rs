//! Logs and metrics of recoveries, cuts, lowered bounds and refusals.

use super::support::Store;
use super::{LARGE, held, publish};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rt_broker::{Broker, Durability, Error, FileEngine, FileEngineBuilder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, io};

/// Lines of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counters by their names.
#[derive(Default)]
struct Counters(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut counters = self.0.lock().unwrap();
        Counter::from_arc(counters.entry(key.name().to_owned()).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// An opening, what it logged, and what it counted.
struct Opened {
    result: Result<FileEngine, Error>,
    log: String,
    counters: HashMap<String, u64>,
}

impl Opened {
    /// The line with this message.
    fn line(&self, message: &str) -> &str {
        let line = self.log.lines().find(|line| line.contains(message));
        line.unwrap_or_else(|| panic!("{message:?} is not in the log:\n{}", self.log))
    }

    fn count(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

/// Opens a store: on this thread, as recovery is.
fn open(builder: FileEngineBuilder) -> Opened {
    let (lines, counters) = (Lines::default(), Counters::default());
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let result = tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&counters, || builder.open())
    });
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let counters = counters.0.into_inner().unwrap();
    let counters = counters.into_iter().map(|(name, n)| (name, n.load(Ordering::Relaxed)));
    Opened { result, log, counters: counters.collect() }
}

/// A killed store with ten publications in each of two topics, in one segment.
async fn killed() -> Store {
    let mut store = Store::new();
    let broker = store.open(LARGE);
    for n in 0..10 {
        for topic in ["a", "b"] {
            publish(&broker, topic, format!("{topic} {n}")).await;
        }
    }
    store.killed(broker);
    store
}

fn edit(store: &Store, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = store.path().join("journal/0000000001.log");
    let mut bytes = fs::read(&path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_store_that_was_closed_is_opened_without_a_line() {
    let mut store = killed().await;
    store.ended(store.open(LARGE), true);
    let opened = open(store.builder(LARGE));
    assert_eq!((opened.log.as_str(), opened.result.is_ok()), ("", true));
}

#[tokio::test]
async fn a_damage_is_logged_with_its_file_and_place_and_what_it_costs() {
    let store = killed().await;
    edit(&store, |bytes| {
        let place = bytes.windows(3).position(|bytes| bytes == b"b 4").unwrap();
        bytes[place] ^= 1;
    });
    let opened = open(store.builder(LARGE));
    let damage = opened.line("journal is damaged");
    assert!(damage.contains("ERROR") && damage.contains("journal/0000000001.log"), "{damage}");
    assert!(damage.contains("byte=") && damage.contains("offset 5"), "{damage}");
    let kept = opened.line("a copy of what the journal cannot use is kept");
    assert!(kept.contains("cut-off/0000000001-"), "{kept}");
    let lost = opened.line("has lost publications");
    assert!(lost.contains("topics=1") && lost.contains("publications=1"), "{lost}");
    assert!(lost.contains(r#"named=["b"]"#), "{lost}");
    assert_eq!(opened.count("rt_broker_store_damages_total"), 1);
    assert_eq!(opened.count("rt_broker_lost_publications_total"), 1);
}

#[tokio::test]
async fn a_write_that_was_cut_off_is_logged_with_its_size() {
    let store = killed().await;
    // A part of a commit that the process was writing when it ended.
    edit(&store, |bytes| bytes.extend([7; 100]));
    let opened = open(store.builder(LARGE));
    let torn = opened.line("cut off before it was acknowledged");
    assert!(torn.contains("INFO") && torn.contains("journal/0000000001.log"), "{torn}");
    assert!(torn.contains("bytes=100"), "{torn}");
    assert!(opened.line("a copy of what").contains("cut-off/0000000001-"));
    assert_eq!(opened.count("rt_broker_store_torn_writes_total"), 1);
    assert_eq!(opened.count("rt_broker_lost_publications_total"), 0);
}

#[tokio::test]
async fn a_copy_is_logged_with_the_topics_that_begin_new_epochs() {
    let store = killed().await;
    fs::write(store.path().join("open"), "copy\n").unwrap();
    let opened = open(store.builder(LARGE));
    let line = opened.line("acknowledged publications may be missing");
    assert!(line.contains("WARN") && line.contains("topics=2"), "{line}");
    assert!(line.contains(store.path().to_str().unwrap()), "{line}");
}

#[tokio::test]
async fn a_refusal_is_logged_and_counted() {
    let store = killed().await;
    let marker = store.path().join("RT-BROKER");
    fs::write(&marker, "something else").unwrap();
    let opened = open(store.builder(LARGE));
    let line = opened.line("the store was not opened");
    assert!(line.contains("ERROR") && line.contains(store.path().to_str().unwrap()), "{line}");
    assert!(line.contains(&opened.result.as_ref().unwrap_err().to_string()), "{line}");
    assert_eq!(opened.counters["rt_broker_store_refusals_total"], 1);
}

#[tokio::test]
async fn lower_bounds_are_kept_to_at_the_opening_and_logged() {
    for bounds in ["topics", "bytes", "publications", "count"] {
        let store = killed().await;
        let builder = store.builder(LARGE).durability(Durability::None);
        let (builder, topics, publications) = match bounds {
            "topics" => (builder.max_topics(1), 1, 10),
            "bytes" => (builder.max_bytes(30), 1, 10),
            "publications" => (builder.max_publications(10), 1, 10),
            _ => (builder.bounds(LARGE.count(3)), 0, 14),
        };
        let opened = open(builder);
        let line = opened.line("bounds have dropped");
        assert!(line.contains("WARN"), "{line}");
        assert!(line.contains(&format!("topics={topics} publications={publications}")), "{line}");
        let dropped = opened.count("rt_broker_store_bounds_dropped_topics_total");
        assert_eq!(dropped, topics, "{bounds}");
        let dropped = opened.count("rt_broker_store_bounds_dropped_publications_total");
        assert_eq!(dropped, publications, "{bounds}");
        let broker = Broker::builder(opened.result.unwrap()).build();
        let left = held(&broker, "a").await.len() + held(&broker, "b").await.len();
        assert_eq!(left as u64, 20 - publications, "{bounds}");
    }
}
