//! Copies of a store in use, and what golongpoll has left.

use super::{LARGE, held, open, publish};
use rt_broker::{Bounds, Broker, Engine, FileEngine, Start, Sync};
use std::fs;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_publishing_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let engine = Arc::new(FileEngine::builder(&path).bounds(LARGE).open().unwrap());
    let broker = Broker::builder_shared(engine.clone()).build();
    let end = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..4)
        .map(|publisher| {
            let (broker, end) = (broker.clone(), end.clone());
            tokio::spawn(async move {
                let topic = format!("t{publisher}");
                for n in 0.. {
                    if end.load(Ordering::Relaxed) {
                        return n;
                    }
                    publish(&broker, &topic, n.to_string()).await;
                }
                0
            })
        })
        .collect();
    let last = publish(&broker, "marked", "before the backup").await;
    for round in 0..3 {
        let before = held(&broker, "t0").await.len();
        let copy = folder.path().join(format!("backup {round}"));
        engine.backup(&copy).await.unwrap();
        assert!(engine.backup(&copy).await.is_err(), "nothing is overwritten");
        let after = held(&broker, "t0").await.len();
        let copied = open(&copy, Sync::Always);
        for topic in ["t0", "t1", "t2", "t3"] {
            let held = held(&copied, topic).await;
            assert!(held.iter().enumerate().all(|(n, text)| *text == n.to_string()), "no hole");
            if topic == "t0" {
                assert!((before..=after).contains(&held.len()));
            }
        }
        assert_eq!(held(&copied, "marked").await, ["before the backup"]);
        // It may be older than what clients have seen.
        let next = publish(&copied, "marked", "in the copy").await;
        assert_ne!(next.position().epoch(), last.position().epoch());
    }
    end.store(true, Ordering::Relaxed);
    for (n, publisher) in publishers.into_iter().enumerate() {
        let published = publisher.await.unwrap();
        assert_eq!(held(&broker, &format!("t{n}")).await.len(), published);
    }
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
    let report = engine.import_golongpoll(Cursor::new(file.clone())).await.unwrap();
    assert_eq!((report.imported, report.repeated, report.skipped), (5, 1, 9));
    let lines: Vec<_> = report.skipped_lines.iter().map(|line| line.line).collect();
    assert_eq!(lines, [9, 10, 11, 12, 13, 14, 15, 16, 17], "{report:?}");
    assert!(report.skipped_lines[4].reason.contains("category"));

    let broker = Broker::builder_shared(engine.clone()).build();
    let expected = ["\"first\"", "null", "{\"n\": 3.0}", &long];
    assert_eq!(held(&broker, "a").await, expected);
    let again = engine.import_golongpoll(Cursor::new(file)).await.unwrap();
    assert_eq!((again.imported, again.repeated), (0, 6), "it may be repeated");
    publish(&broker, "a", "later").await;
    drop((broker, engine));

    // They keep their times and UUIDs, and clients go on from those, also after a reopening.
    let broker = open(&path, Sync::Always);
    let page = broker.engine().read("a", Start::Time(999), 9).await.unwrap();
    let times: Vec<_> = page.entries.iter().map(|entry| entry.publication().time()).collect();
    assert_eq!(times[..4], [1_000, 1_000, 3_000, 4_000]);
    assert!(page.entries.iter().take(4).all(|entry| entry.publication().is_json()));
    let uuid = page.entries[1].publication().uuid();
    assert_eq!(uuid.to_string(), "7d444840-9dc0-4b11-8000-000000000002");
    let seen = Start::Seen { uuid, time: 1_000 };
    let page = broker.engine().read("a", seen.clone(), 9).await.unwrap();
    assert_eq!(page.entries[0].publication().data(), Some("{\"n\": 3.0}"));
    let mut subscription = broker.subscribe("a", seen).unwrap();
    assert_eq!(super::take(&mut subscription, 3).await[0], "{\"n\": 3.0}");
}

#[tokio::test]
async fn an_import_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FileEngine::builder(folder.path().join("store")).open().unwrap();
    let file = fs::File::open(folder.path()).unwrap();
    assert!(engine.import_golongpoll(file).await.unwrap_err().is_unavailable(), "a folder");
}

/// The bounds leave a part of the file: what they dropped is not new when it comes again.
#[tokio::test]
async fn an_import_may_be_repeated_whatever_the_bounds_have_left_of_it() {
    let lines = |through: u32| (1..=through).map(|n| line(n.into(), "a", &n.to_string(), n));
    let numbers = |from: u32, through: u32| (from..=through).map(|n| n.to_string());
    for bounds in [Bounds::new().count(250), Bounds::new().count(0), LARGE.age(Duration::ZERO)] {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let clock = FileEngine::builder(folder.path().join("store")).clock(|| 1_000_000);
            Arc::new(clock.bounds(bounds).open().unwrap())
        };
        let engine = open();
        let import = async |engine: &FileEngine, through: u32| {
            let file = Cursor::new(lines(through).collect::<String>());
            let report = engine.import_golongpoll(file).await.unwrap();
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
            assert!(super::take(&mut live, 10).await.into_iter().eq(numbers(301, 310)));
        }
    }
}

#[tokio::test]
async fn an_event_from_the_future_does_not_hold_up_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_795_230_332_805));
    let open = || {
        let (clock, path) = (clock.clone(), folder.path().join("store"));
        let engine = FileEngine::builder(path).clock(move || clock.load(Ordering::Relaxed));
        Arc::new(engine.bounds(LARGE).open().unwrap())
    };
    let start = clock.load(Ordering::Relaxed);
    let hour = 3_600_000;
    let file = line((start + hour) as i64, "a", "1", 1) + &line(5, "a", "0", 2);
    let engine = open();
    let report = engine.import_golongpoll(Cursor::new(file)).await.unwrap();
    assert_eq!((report.imported, report.ahead), (2, 1));
    let page = engine.read("a", Start::Earliest, 9).await.unwrap();
    assert_eq!(page.entries[1].publication().time(), start);
    engine.close().await.unwrap();
    let engine = open();
    clock.fetch_add(1_000, Ordering::Relaxed);
    assert_eq!(engine.now(), start + 1_000);

    // A clock that was set back is waited for, and time goes on meanwhile.
    engine.close().await.unwrap();
    clock.fetch_sub(hour, Ordering::Relaxed);
    let engine = open();
    let before = engine.now();
    assert!(before > start);
    clock.fetch_add(hour, Ordering::Relaxed);
    assert!(engine.now() >= before + hour / 2);
    clock.fetch_add(hour + 10_000, Ordering::Relaxed);
    assert_eq!(engine.now(), clock.load(Ordering::Relaxed), "it has caught up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_ends_a_backup_and_frees_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let builder = || FileEngine::builder(&path).bounds(LARGE).sync(Sync::None);
    let engine = Arc::new(builder().open().unwrap());
    let broker = Broker::builder_shared(engine.clone()).build();
    for _ in 0..60 {
        publish(&broker, "t", "x".repeat(1 << 19)).await;
    }
    let copy = folder.path().join("copy");
    let (copied, of) = (copy.clone(), engine.clone());
    let backup = tokio::spawn(async move { of.backup(copied).await });
    // It is under way once its folder is there.
    while !copy.exists() {
        tokio::task::yield_now().await;
    }
    engine.close().await.unwrap();
    // Nothing of it holds the store: it opens at once.
    drop(builder().open().unwrap());
    match backup.await.unwrap() {
        Ok(()) => assert!(copy.join("RT-BROKER").exists()),
        Err(error) => {
            assert!(error.is_unavailable());
            assert!(!copy.exists(), "half a copy is in nobody's way");
        }
    }
}
