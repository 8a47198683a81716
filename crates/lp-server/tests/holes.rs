//! golongpoll's holes, each closed: the race at the deadline, the order under many publishers, what
//! a shutdown loses and leaves hanging.

mod common;

use common::{Follower, poll, post, publish};
use lp_server::LongPoll;
use rt_broker::{Bounds, Broker, MemoryEngine, Message, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::future::Future as _;
use std::time::{Duration, Instant};

fn with_history(count: usize) -> LongPoll {
    let bounds = Bounds::new().count(count).bytes(256 << 20);
    let engine = MemoryEngine::builder().bounds(bounds).build();
    LongPoll::builder(Broker::builder(engine).build()).build()
}

/// Hole 1. Ten thousand events, each aimed at between 1 ms before and 3.5 ms after the deadline of
/// the poll that should see it, or the one after.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_lost_around_a_time_out() {
    const EVENTS: u32 = 10_000;
    let polls = with_history(250);
    let begin = Instant::now() + Duration::from_millis(50);
    let begins = move |n: u32| begin + Duration::from_micros(400) * n;
    let followers = (0..EVENTS).map(|n| {
        let polls = polls.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(begins(n).into()).await;
            let now = polls.broker().engine().history().now().as_millis() as i64;
            // Both clients' rules: one moves on to the time of the time-out, one does not.
            let mut follower = Follower::new(format!("c{n}"), now - 1, n % 2 == 0);
            let (mut seen, mut polled) = (Vec::new(), 0);
            while seen.is_empty() && polled < 5 {
                seen = follower.poll(&polls, 1).await;
                polled += 1;
            }
            // Of both rules: none comes twice.
            let again = match n % 8 {
                0 | 1 => follower.poll(&polls, 1).await,
                _ => Vec::new(),
            };
            (seen, again, polled)
        })
    });
    let followers: Vec<_> = followers.collect();
    // On a thread that spins, since a timer's millisecond is as wide as what is aimed at.
    let publisher = std::thread::spawn({
        let (broker, runtime) = (polls.broker().clone(), tokio::runtime::Handle::current());
        move || {
            for n in 0..EVENTS {
                let offset = Duration::from_micros(u64::from(n) * 7919 % 4_500);
                let at = begins(n) + Duration::from_millis(999) + offset;
                while Instant::now() < at {
                    std::thread::yield_now();
                }
                let message = Message::json(n.to_string());
                runtime.block_on(broker.publish(&format!("c{n}"), message)).expect("published");
            }
        }
    });
    let mut after_time_out = 0;
    for (n, follower) in followers.into_iter().enumerate() {
        let (seen, again, polled) = follower.await.expect("polled");
        assert_eq!(seen, [json!(n)], "event {n} after {polled} polls");
        assert!(again.is_empty(), "event {n} came twice");
        after_time_out += usize::from(polled > 1);
    }
    publisher.join().expect("published all");
    // Otherwise the deadline was not aimed at.
    assert!((500..9_500).contains(&after_time_out), "{after_time_out} came after a time-out");
}

/// Hole 2. Sixteen publishers, one follower, a hundred thousand events: all seen, in each
/// publisher's order, none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_publishers_and_one_follower_agree_on_the_order() {
    const EACH: u64 = 6_250;
    let polls = with_history(100_000);
    let publishers = (0..16).map(|publisher| {
        let polls = polls.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                publish(&polls, "a", json!([publisher, n])).await;
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let mut follower = Follower::new("a", 0, true);
    let (mut next, mut seen) = (HashMap::<u64, u64>::new(), 0);
    while seen < 16 * EACH {
        let events = follower.poll(&polls, 20).await;
        assert!(!events.is_empty(), "only {seen} of {} were seen", 16 * EACH);
        for event in events {
            let of = next.entry(event[0].as_u64().expect("a publisher")).or_default();
            assert_eq!(event[1], *of, "publisher {}", event[0]);
            *of += 1;
            seen += 1;
        }
    }
    for publisher in publishers {
        publisher.await.expect("published");
    }
}

/// Times never go back along the positions, and an answer's last one is its greatest.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn times_grow_with_positions() {
    let polls = with_history(10_000);
    let publishers = (0..8).map(|_| {
        let polls = polls.clone();
        tokio::spawn(async move {
            for n in 0..500 {
                publish(&polls, "a", n).await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("published");
    }
    let events = poll(&polls, "timeout=1&category=a&since_time=0").await.events();
    let times: Vec<_> = events.iter().map(|event| event["timestamp"].as_u64()).collect();
    assert_eq!(times.len(), 4_000);
    assert!(times.is_sorted());
}

/// Holes 4 and 7: a shutdown answers the waiting polls, and what comes later; nothing hangs.
#[tokio::test]
async fn a_shutdown_answers_those_who_wait_and_those_who_come() {
    let polls = LongPoll::in_memory();
    publish(&polls, "a", 1).await;
    let waiting = ["timeout=99&category=b", "form=strict&timeout=99&category=b&category=c"];
    let waiting = waiting.map(|query| {
        let polls = polls.clone();
        tokio::spawn(async move { poll(&polls, query).await })
    });
    while polls.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    polls.shutdown();
    let [plain, strict] = waiting;
    let plain = plain.await.unwrap();
    assert_eq!(plain.json()["timeout"], "no events before timeout");
    assert_eq!(plain.header("connection"), Some("close"));
    let strict = strict.await.unwrap();
    assert_eq!((strict.status.as_u16(), strict.header("connection")), (204, Some("close")));

    // Later: what is held is still given, what is not is not waited for.
    let held = poll(&polls, "timeout=99&category=a&since_time=0").await;
    assert_eq!(held.data(), [1]);
    let began = Instant::now();
    let late = poll(&polls, "timeout=99&category=a").await;
    assert!(late.json()["timestamp"].is_u64() && began.elapsed() < Duration::from_secs(5));
    let refused = post(&polls, r#"{"category":"a","data":2}"#).await;
    assert_eq!((refused.status.as_u16(), refused.header("connection")), (503, Some("close")));
    polls.shutdown();
}

/// However much comes before a poll gets to look: what is held is given, without a gap.
#[tokio::test(start_paused = true)]
async fn a_burst_is_no_gap_for_one_who_waits() {
    let bounds = Bounds::new().count(1_000).bytes(64 << 20);
    let engine = MemoryEngine::builder().bounds(bounds).build();
    let polls = LongPoll::builder(Broker::builder(engine).max_lag(1_000).build()).build();
    let waiting = ["", "form=strict&"].map(|form| {
        let polls = polls.clone();
        tokio::spawn(async move { poll(&polls, &format!("{form}timeout=99&category=a")).await })
    });
    while polls.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    // On this thread alone, so that no poll runs in between.
    for n in 0..200 {
        let message = Message::json(format!("[{n},{:?}]", "x".repeat(100)));
        let mut publish = std::pin::pin!(polls.broker().publish("a", message));
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        assert!(publish.as_mut().poll(cx).is_ready());
    }
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert_eq!(answer.data().len(), 200);
        assert_eq!(answer.header("longpoll-gap"), None);
        assert!(!answer.text.contains("gaps"));
    }
}

/// A category that was dropped at the cap between two polls stamps above what a poll was told.
#[tokio::test(start_paused = true)]
async fn a_category_made_again_stamps_above_a_time_out() {
    let engine =
        MemoryEngine::builder().max_topics(1).clock(|| Timestamp::from_millis(5_000)).build();
    let polls = LongPoll::builder(Broker::builder(engine).build()).build();
    let mut follower = Follower::new("a", 1, true);
    assert!(follower.poll(&polls, 1).await.is_empty());
    publish(&polls, "b", "which drops a").await;
    publish(&polls, "a", 1).await;
    assert_eq!(follower.poll(&polls, 1).await, [1]);
}

#[tokio::test]
async fn a_category_that_began_anew_is_told_in_both_forms() {
    let polls = LongPoll::in_memory();
    publish(&polls, "a", 1).await;
    let mut follower = Follower::new("a", 1, true);
    follower.poll(&polls, 1).await;
    polls.broker().engine().history().remove("a").await.unwrap();
    publish(&polls, "a", 2).await;
    let answer = poll(&polls, &follower.query(1)).await;
    assert_eq!((answer.data(), answer.header("longpoll-gap")), (vec![2.into()], Some("epoch")));
}
