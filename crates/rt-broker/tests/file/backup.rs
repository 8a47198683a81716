//! Copies of a store in use, and what golongpoll has left.

use super::{LARGE, held, open, publish};
use rt_broker::{Broker, Durability, FileEngine};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        let copied = open(&copy, Durability::Always);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_ends_a_backup_and_frees_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let builder = || FileEngine::builder(&path).bounds(LARGE).durability(Durability::None);
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
