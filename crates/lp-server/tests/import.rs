//! The import of what golongpoll's file persistor has written.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used)] // In helpers, too.

use lp_server::{LongPoll, import_golongpoll};
use rt_broker::{
    Bounds, Broker, Delivery, Engine, ExternalId, FileEngine, Message, Start, Subscription,
    Timestamp,
};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod common;

const LARGE: Bounds = Bounds::new().count(100_000).bytes(64 << 20);

fn open(path: &Path) -> Broker {
    Broker::builder(FileEngine::builder(path).bounds(LARGE).open().unwrap()).build()
}

async fn publish(broker: &Broker, topic: &str, text: &'static str) {
    broker.publish(topic, Message::text(text)).await.unwrap();
}

/// All that is held, as a reader receives it.
async fn held(broker: &Broker, topic: &str) -> Vec<String> {
    let page = broker.engine().history().read(topic, Start::Earliest, usize::MAX).await.unwrap();
    page.entries.iter().map(|entry| entry.publication().data().unwrap().to_owned()).collect()
}

/// The data of the next `count` publications; panics at a gap.
async fn take(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match subscription.next().await.unwrap().unwrap() {
            Delivery::Gap(gap) => panic!("a gap where nothing was lost: {gap:?}"),
            Delivery::Batch(batch) => taken
                .extend(batch.entries().iter().map(|e| e.publication().data().unwrap().to_owned())),
        }
    }
    taken
}

fn line(time: i64, category: &str, data: &str, id: u32) -> String {
    format!(
        "\n{{\"timestamp\":{time},\"category\":\"{category}\",\"data\":{data},\
         \"id\":\"7d444840-9dc0-4b11-8000-{id:012}\"}}"
    )
}

#[tokio::test]
async fn an_import_keeps_what_it_can_and_tells_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let long = format!("\"{}\"", "x".repeat(200_000));
    let file = [
        line(3_000, "a", "{\"n\": 3.0}", 3),
        line(1_000, "a", "\"first\"", 1),
        line(2_000, "b", "[1,\"\\u003c\"]", 7),
        line(1_000, "a", "null", 2),
        line(4_000, "a", &long, 4),
        "\n\n  \n{\"timestamp\":1".to_owned(),
        "\nnot json at all".to_owned(),
        line(-5, "a", "1", 5),
        line(i64::MAX, "a", "1", 6),
        line(1, "", "1", 8),
        line(1, &"c".repeat(1025), "1", 9),
        "\n{\"timestamp\":1,\"category\":\"a\",\"id\":\"7d444840-9dc0-4b11-8000-000000000009\"}"
            .into(),
        "\n{\"timestamp\":1,\"category\":\"a\",\"data\":1,\"id\":\"7\"}".into(),
        // The fields in their order, without their names.
        "\n[1,\"a\",1,\"7d444840-9dc0-4b11-8000-000000000010\"]".into(),
        line(3_000, "a", "\"there twice\"", 3),
    ]
    .concat();
    let engine = Arc::new(FileEngine::builder(&path).bounds(LARGE).open().unwrap());
    let report = import_golongpoll(&engine, Cursor::new(file.clone())).await.unwrap();
    assert_eq!((report.imported, report.repeated, report.skipped), (5, 1, 9));
    let lines: Vec<_> = report.skipped_lines.iter().map(|line| line.line).collect();
    assert_eq!(lines, [9, 10, 11, 12, 13, 14, 15, 16, 17], "{report:?}");
    assert!(report.skipped_lines[4].reason.contains("category"));

    let broker = Broker::builder_shared(engine.clone()).build();
    let expected = ["\"first\"", "null", "{\"n\": 3.0}", &long];
    assert_eq!(held(&broker, "a").await, expected);
    let again = import_golongpoll(&engine, Cursor::new(file)).await.unwrap();
    assert_eq!((again.imported, again.repeated), (0, 6), "it may be repeated");
    publish(&broker, "a", "later").await;
    drop((broker, engine));

    // They keep their times and UUIDs, and clients go on from those, also after a reopening.
    let broker = open(&path);
    let history = broker.engine().history();
    let since = Start::Time(Timestamp::from_millis(999));
    let page = history.read("a", since, 9).await.unwrap();
    let times: Vec<_> =
        page.entries.iter().map(|entry| entry.publication().time().as_millis()).collect();
    assert_eq!(times[..4], [1_000, 1_000, 3_000, 4_000]);
    assert!(page.entries.iter().take(4).all(|entry| entry.publication().is_json()));
    let second = "7d444840-9dc0-4b11-8000-000000000002";
    let uuid: uuid::Uuid = second.parse().unwrap();
    let id = ExternalId::new(uuid.as_bytes()).unwrap();
    assert_eq!(page.entries[1].publication().external_id(), Some(&id));
    let mut subscription = broker.subscribe("a", Start::ExternalId(id)).unwrap();
    assert_eq!(take(&mut subscription, 3).await[0], "{\"n\": 3.0}");

    let polls = LongPoll::builder(broker).build();
    let query = format!("timeout=5&category=a&since_time=1000&last_id={second}");
    let events = common::poll(&polls, &query).await.events();
    assert_eq!(events[0]["data"], serde_json::json!({ "n": 3.0 }));
    assert_eq!(events[0]["id"], "7d444840-9dc0-4b11-8000-000000000003");
}

#[tokio::test]
async fn an_import_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FileEngine::builder(folder.path().join("store")).open().unwrap();
    let file = fs::File::open(folder.path()).unwrap();
    assert!(import_golongpoll(&engine, file).await.unwrap_err().is_unavailable(), "a folder");
}

/// The bounds leave a part of the file: what they dropped is not new when it comes again.
#[tokio::test]
async fn an_import_may_be_repeated_whatever_the_bounds_have_left_of_it() {
    let lines = |through: u32| (1..=through).map(|n| line(n.into(), "a", &n.to_string(), n));
    let numbers = |from: u32, through: u32| (from..=through).map(|n| n.to_string());
    for bounds in [Bounds::new().count(250), Bounds::new().count(0), LARGE.age(Duration::ZERO)] {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let builder = FileEngine::builder(folder.path().join("store"));
            let clock = builder.clock(|| Timestamp::from_millis(1_000_000));
            Arc::new(clock.bounds(bounds).open().unwrap())
        };
        let engine = open();
        let import = async |engine: &FileEngine, through: u32| {
            let file = Cursor::new(lines(through).collect::<String>());
            let report = import_golongpoll(engine, file).await.unwrap();
            (report.imported, report.repeated)
        };
        assert_eq!(import(&engine, 300).await, (300, 0));
        drop(engine);
        let engine = open();
        let broker = Broker::builder_shared(engine.clone()).build();
        let before = held(&broker, "a").await;
        let mut live = broker.subscribe("a", Start::Live).unwrap();
        assert_eq!(import(&engine, 300).await, (0, 300));
        assert!(live.try_next().unwrap().is_none(), "nothing is new");
        assert_eq!(held(&broker, "a").await, before);
        // The file has grown since.
        assert_eq!(import(&engine, 310).await, (10, 300));
        if bounds == Bounds::new().count(250) {
            assert!(before.into_iter().eq(numbers(51, 300)));
            assert!(held(&broker, "a").await.into_iter().eq(numbers(61, 310)));
            assert!(take(&mut live, 10).await.into_iter().eq(numbers(301, 310)));
        }
    }
}

#[tokio::test]
async fn an_event_from_the_future_does_not_hold_up_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_795_230_332_805));
    let open = || {
        let (clock, path) = (clock.clone(), folder.path().join("store"));
        let engine = FileEngine::builder(path)
            .clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        Arc::new(engine.bounds(LARGE).open().unwrap())
    };
    let start = clock.load(Ordering::Relaxed);
    let hour = 3_600_000;
    let file = line((start + hour) as i64, "a", "1", 1) + &line(5, "a", "0", 2);
    let engine = open();
    let report = import_golongpoll(&engine, Cursor::new(file)).await.unwrap();
    assert_eq!((report.imported, report.ahead), (2, 1));
    let page = engine.history().read("a", Start::Earliest, 9).await.unwrap();
    assert_eq!(page.entries[1].publication().time().as_millis(), start);
    engine.close().await.unwrap();
    let engine = open();
    clock.fetch_add(1_000, Ordering::Relaxed);
    assert_eq!(engine.history().now().as_millis(), start + 1_000);

    // A clock that was set back is waited for, and time goes on meanwhile.
    engine.close().await.unwrap();
    clock.fetch_sub(hour, Ordering::Relaxed);
    let engine = open();
    let before = engine.history().now().as_millis();
    assert!(before > start);
    clock.fetch_add(hour, Ordering::Relaxed);
    assert!(engine.history().now().as_millis() >= before + hour / 2);
    clock.fetch_add(hour + 10_000, Ordering::Relaxed);
    assert_eq!(
        engine.history().now().as_millis(),
        clock.load(Ordering::Relaxed),
        "it has caught up"
    );
}
