//! Events that a store has lost: a gap in both forms, and everything around them.

mod common;

use common::{Answer, Follower, poll, publish};
use lp_server::{Gone, LongPoll, LongPollBuilder};
use rt_broker::conformance::DamagedEngine;
use rt_broker::{Broker, FileEngine, MemoryEngine, Offset};
use serde_json::json;
use std::sync::Arc;

/// A category with the events 1 to 6, of which 2 and 3 are lost, and 5.
async fn damaged(set: impl FnOnce(LongPollBuilder) -> LongPollBuilder) -> LongPoll {
    let engine = Arc::new(DamagedEngine::new(MemoryEngine::default()));
    let broker = Broker::builder_shared(engine.clone()).build();
    let polls = set(LongPoll::builder(broker)).build();
    for n in 1..=6 {
        publish(&polls, "a", n).await;
    }
    for (first, last) in [(2, 3), (5, 5)] {
        engine.damage("a", Offset::new(first)..=Offset::new(last));
    }
    polls
}

#[tokio::test]
async fn golongpolls_form_says_it_in_a_header_and_gives_the_rest() {
    let polls = damaged(|polls| polls).await;
    let answer = poll(&polls, "timeout=1&category=a&since_time=0").await;
    assert_eq!(answer.data(), [1, 4, 6]);
    assert_eq!(answer.header("longpoll-gap"), Some("lost"));
    // A client that goes on from the last event has met it.
    let mut follower = Follower::new("a", 0, true);
    assert_eq!(follower.poll(&polls, 1).await, [1, 4, 6]);
    publish(&polls, "a", 7).await;
    let answer = poll(&polls, &follower.query(1)).await;
    assert_eq!((answer.data(), answer.header("longpoll-gap")), (vec![json!(7)], None));
}

/// The gaps of a response: reason, and the offsets around each.
fn gaps(answer: &Answer) -> Vec<String> {
    let gaps = answer.json()["gaps"].as_array().cloned().unwrap_or_default();
    let offset = |position: &serde_json::Value| {
        let position = position.as_str().expect("a position");
        position.split_once('-').expect("an epoch and an offset").1.to_owned()
    };
    let text = |gap: &serde_json::Value| {
        let reason = gap["reason"].as_str().expect("a reason");
        format!("{reason} {}-{}", offset(&gap["from"]), offset(&gap["resume"]))
    };
    gaps.iter().map(text).collect()
}

#[tokio::test]
async fn the_strict_form_has_each_gap_in_the_answer_that_passes_it() {
    for gone in [Gone::Gap, Gone::Status] {
        let polls = damaged(|polls| polls.gone(gone)).await;
        let all = poll(&polls, "form=strict&timeout=1&category=a&since_time=0").await;
        assert_eq!(all.data(), [1, 4, 6], "{all:?}");
        assert_eq!(gaps(&all), ["lost 1-3", "lost 4-5"]);
        // One event after the other: each gap is told once, with the event before it.
        let mut query = "form=strict&timeout=1&limit=1&category=a&since_time=0".to_owned();
        let mut told = Vec::new();
        for data in [1, 4, 6] {
            let answer = poll(&polls, &query).await;
            assert_eq!(answer.data(), [data], "{answer:?}");
            told.push(gaps(&answer));
            let cursor = answer.cursor();
            query = format!("form=strict&timeout=1&limit=1&category=a&cursor={cursor}");
        }
        assert_eq!(told.concat(), ["lost 1-3", "lost 4-5"], "{told:?}");
        assert_eq!(poll(&polls, &query).await.status, 204);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_told_what_is_lost_meanwhile() {
    let engine = Arc::new(DamagedEngine::new(MemoryEngine::default()));
    let polls = LongPoll::builder(Broker::builder_shared(engine.clone()).build()).build();
    let waiting = ["", "form=strict&"].map(|form| {
        let polls = polls.clone();
        tokio::spawn(async move { poll(&polls, &format!("{form}timeout=20&category=a")).await })
    });
    while polls.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    let began = tokio::time::Instant::now();
    engine.damage("a", Offset::new(1)..=Offset::new(2));
    let [plain, strict] = waiting;
    let strict = strict.await.unwrap();
    assert_eq!((strict.data().len(), gaps(&strict)), (0, vec!["lost 0-2".to_owned()]));
    assert_eq!(began.elapsed().as_secs(), 0, "a gap is a response");
    // golongpoll's form has no response without events but that of a time-out.
    let plain = plain.await.unwrap();
    assert!(plain.json()["timeout"].is_string());
    assert_eq!(plain.header("longpoll-gap"), Some("lost"));
}

/// A partial restore: the folder's journal is older than what clients have seen.
#[tokio::test]
async fn what_a_restored_journal_lacks_is_a_gap_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let engine = Arc::new(FileEngine::builder(folder.path().join("store")).open().unwrap());
        (LongPoll::builder(Broker::builder_shared(engine.clone()).build()).build(), engine)
    };
    let journal = folder.path().join("store/journal/0000000001.log");
    let (polls, engine) = open();
    for n in 1..=3 {
        publish(&polls, "a", n).await;
    }
    let older = std::fs::read(&journal).unwrap();
    for n in 4..=6 {
        publish(&polls, "a", n).await;
    }
    let mut follower = Follower::new("a", 0, true);
    assert_eq!(follower.poll(&polls, 1).await, [1, 2, 3, 4, 5, 6]);
    let strict = poll(&polls, "form=strict&timeout=1&category=a&since_time=0").await;
    let cursor = strict.cursor().to_owned();
    engine.close().await.unwrap();
    std::fs::write(&journal, older).unwrap();

    let (polls, _engine) = open();
    publish(&polls, "a", 7).await;
    let answer = poll(&polls, &follower.query(1)).await;
    assert_eq!(answer.data(), [7], "{answer:?}");
    assert_eq!(answer.header("longpoll-gap"), Some("epoch"));
    let answer = poll(&polls, &format!("form=strict&timeout=1&category=a&cursor={cursor}")).await;
    assert_eq!(answer.data(), [1, 2, 3, 7], "{answer:?}");
    assert_eq!(gaps(&answer), ["epoch 6-0"]);
}
