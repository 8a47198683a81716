//! Delete after retrieval: confirmed by the next cursor, visible again after the lease.

mod common;

use common::{Answer, Follower, poll, publish, request};
use lp_server::LongPoll;
use rt_broker::{Bounds, Broker, MemoryEngine, Start, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, advance};

const LEASE: Duration = Duration::from_secs(30);

/// A server whose engine's clock is tokio's.
fn queue() -> LongPoll {
    let began = Instant::now();
    let clock = move || Timestamp::from_millis(1_000_000).after(began.elapsed());
    let bounds = Bounds::new().delete_after_retrieval(LEASE);
    let engine = MemoryEngine::builder().bounds(bounds).clock(clock).build();
    LongPoll::builder(Broker::builder(engine).build()).build()
}

#[tokio::test(start_paused = true)]
async fn what_a_follower_confirms_is_gone_and_nothing_comes_twice() {
    let polls = queue();
    let mut follower = Follower::new("a", 1, true);
    for n in 0..3 {
        publish(&polls, "a", n).await;
    }
    assert_eq!(follower.poll(&polls, 1).await, [0, 1, 2]);
    publish(&polls, "a", 3).await;
    assert_eq!(follower.poll(&polls, 1).await, [3]);
    assert!(follower.poll(&polls, 1).await.is_empty(), "which confirms the last");
    advance(LEASE).await;
    let page = polls.broker().engine().history().read("a", Start::Earliest, 9).await.unwrap();
    assert!(page.entries.is_empty());
    assert!(Follower::new("a", 1, true).poll(&polls, 1).await.is_empty());
}

/// Hole 12: the client's connection is gone before the answer gets there.
#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_comes_again_once_its_lease_has_ended() {
    let polls = queue();
    publish(&polls, "a", 1).await;
    let query = "timeout=100&category=a&since_time=1";
    assert_eq!(poll(&polls, query).await.data(), [1], "and nobody reads it");
    let began = Instant::now();
    let again = poll(&polls, query).await;
    assert_eq!(again.data(), [1]);
    let waited = began.elapsed();
    assert!(waited >= LEASE && waited < LEASE + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_share_what_is_there_whatever_cursor_they_had() {
    let polls = queue();
    let strict = async |rest: String| {
        poll(&polls, &format!("form=strict&timeout=1&category=a&limit=2{rest}")).await
    };
    for n in 0..4 {
        publish(&polls, "a", n).await;
    }
    let one = strict(String::new()).await;
    let two = strict(String::new()).await;
    assert_eq!((one.data(), two.data()), (vec![0.into(), 1.into()], vec![2.into(), 3.into()]));
    // The second confirms; the first has died, and its events go to the second.
    assert_eq!(strict(format!("&cursor={}", two.cursor())).await.status, 204);
    advance(LEASE).await;
    let rest = strict(format!("&cursor={}", two.cursor())).await;
    assert_eq!(rest.data(), [0, 1]);
    assert_eq!(strict(format!("&cursor={}", rest.cursor())).await.status, 204);
    advance(LEASE).await;
    assert_eq!(strict(String::new()).await.status, 204);
}

/// A cursor of one who was given nothing confirms nothing of another's.
#[tokio::test(start_paused = true)]
async fn an_empty_answer_confirms_nothing() {
    let polls = queue();
    let strict =
        async |rest: &str| poll(&polls, &format!("form=strict&timeout=1&category=a{rest}")).await;
    publish(&polls, "a", 1).await;
    assert_eq!(strict("").await.data(), [1], "and its poller dies");
    let other = strict("").await;
    assert_eq!(other.status, 204);
    let cursor = format!("&cursor={}", other.cursor());
    assert_eq!(strict(&cursor).await.status, 204);
    advance(LEASE).await;
    assert_eq!(strict(&cursor).await.data(), [1]);
}

/// The lease is longer than the polls: the time-out's timestamp must not move the client past what
/// will come back.
#[tokio::test(start_paused = true)]
async fn a_client_does_not_move_on_past_what_somebody_holds() {
    let polls = queue();
    let mut follower = Follower::new("a", 1, true);
    publish(&polls, "a", 1).await;
    poll(&polls, &follower.query(1)).await; // Whose answer is lost on the way.
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.extend(follower.poll(&polls, 1).await);
    }
    assert_eq!(seen, [1]);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_did_not_fit_are_told_as_a_gap() {
    let bounds = Bounds::new().count(2).delete_after_retrieval(LEASE);
    let engine = MemoryEngine::builder().bounds(bounds).build();
    let polls = LongPoll::builder(Broker::builder(engine).build()).build();
    let begin = poll(&polls, "form=strict&timeout=1&category=a").await;
    for n in 0..5 {
        publish(&polls, "a", n).await;
    }
    let query = format!("form=strict&limit=1&category=a&cursor={}", begin.cursor());
    let answer = poll(&polls, &query).await;
    assert_eq!(answer.data(), [3]);
    assert_eq!(answer.json()["more"], true);
    assert_eq!(answer.json()["gaps"][0]["reason"], "evicted");
    let query = format!("form=strict&limit=1&category=a&cursor={}", answer.cursor());
    let rest = poll(&polls, &query).await;
    assert_eq!((rest.data(), rest.json()["gaps"].is_null()), (vec![4.into()], true));
    // Told once, also where there is nothing beside it; and not to one who came later.
    let told = poll(&polls, &query.replace(answer.cursor(), begin.cursor())).await;
    assert_eq!(
        (told.data().len(), told.json()["gaps"][0]["reason"].as_str()),
        (0, Some("evicted"))
    );
    let late = poll(&polls, "form=strict&timeout=1&category=a").await;
    for cursor in [told.cursor(), late.cursor()] {
        let query = format!("form=strict&timeout=1&category=a&cursor={cursor}");
        assert_eq!(poll(&polls, &query).await.status, 204);
    }
}

#[tokio::test]
async fn a_waiting_poll_is_woken_and_one_gets_it() {
    let polls = queue();
    let waiting = [0, 1, 2].map(|_| {
        let polls = polls.clone();
        tokio::spawn(async move { poll(&polls, "timeout=1&category=a").await.data() })
    });
    while polls.waiting() < 3 {
        tokio::task::yield_now().await;
    }
    publish(&polls, "a", 7).await;
    let mut given = 0;
    for answer in waiting {
        given += answer.await.unwrap().len();
    }
    assert_eq!(given, 1);
}

#[tokio::test]
async fn such_a_category_has_no_subscribers() {
    let polls = queue();
    assert!(polls.broker().subscribe("a", Start::Live).unwrap_err().is_invalid());
    let other = request("GET", "/events?form=strict&category=a&category=b", &[], ());
    let answer = Answer::of(polls.subscribe(&other.into_parts().0).await);
    assert_eq!(answer.status, 400, "one category a poll");
}

/// Ten thousand jobs, eight workers that now and then die with what they were given.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_dying_workers_every_job_is_given_and_confirmed() {
    const JOBS: u64 = 10_000;
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let ticking = clock.clone();
    let bounds = Bounds::new().count(JOBS as usize).bytes(64 << 20);
    let engine = MemoryEngine::builder()
        .bounds(bounds.delete_after_retrieval(LEASE))
        .clock(move || Timestamp::from_millis(ticking.load(Ordering::Relaxed)));
    let polls = LongPoll::builder(Broker::builder(engine.build()).build()).build();
    for n in 0..JOBS {
        publish(&polls, "jobs", n).await;
    }
    let workers = (0..8).map(|worker| {
        let (polls, clock) = (polls.clone(), clock.clone());
        tokio::spawn(async move {
            let (mut done, mut cursor, mut round) = (Vec::new(), String::new(), 0_u64);
            loop {
                let query = format!("form=strict&timeout=1&limit=50&category=jobs&cursor={cursor}");
                let answer = poll(&polls, &query).await;
                let jobs = answer.data();
                round += 1;
                if (round + worker) % 7 == 0 && !jobs.is_empty() {
                    // It died: nothing is confirmed, and after the lease others have it.
                    cursor.clear();
                    clock.fetch_add(LEASE.as_millis() as u64, Ordering::Relaxed);
                    continue;
                }
                if jobs.is_empty() {
                    return done;
                }
                done.extend(jobs.into_iter().map(|job| job.as_u64().unwrap()));
                cursor = answer.cursor().to_owned();
            }
        })
    });
    let mut done = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        done.extend(worker.await.unwrap());
    }
    done.sort_unstable();
    done.dedup();
    assert_eq!(done.len() as u64, JOBS);
}
