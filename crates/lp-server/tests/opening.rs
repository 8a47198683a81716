//! A store that is slow: who polls while it opens a category must not be moved on past what it has
//! not seen, and who polls while it writes must not wait for that.

mod common;

use common::{poll, publish};
use lp_server::LongPoll;
use rt_broker::{
    Bounds, BoxFuture, Broker, Capabilities, Claim, ClaimRequest, Control, Engine, Error, Health,
    History, Log, MemoryEngine, Message, NodeId, Page, Position, Presence, Receipt, Start,
    Timestamp,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The engine in memory, opening logs and storing publications only when it is let to.
struct Slow {
    engine: MemoryEngine,
    may_open: Semaphore,
    may_publish: Semaphore,
}

impl Engine for Slow {
    fn history(&self) -> &dyn History {
        self
    }

    fn presence(&self) -> &dyn Presence {
        self.engine.presence()
    }

    fn control(&self) -> &dyn Control {
        self.engine.control()
    }

    fn capabilities(&self) -> Capabilities {
        self.engine.capabilities()
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        self.engine.health()
    }

    fn sweep(&self) {
        self.engine.sweep();
    }
}

impl History for Slow {
    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.may_open.acquire().await.expect("never closed").forget();
            self.engine.history().tail(topic, log).await
        })
    }

    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            self.may_publish.acquire().await.expect("never closed").forget();
            self.engine.history().publish(topic, message, from).await
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        self.engine.history().read(topic, start, limit)
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        self.engine.history().claim(topic, request)
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.history().confirm(topic, position)
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.history().remove(topic)
    }

    fn now(&self) -> Timestamp {
        self.engine.history().now()
    }

    fn watermark(&self, topic: &str) -> Timestamp {
        self.engine.history().watermark(topic)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        self.engine.history().bounds(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.engine.history().topics()
    }
}

fn slow() -> (LongPoll, Arc<Slow>) {
    let engine = MemoryEngine::builder().clock(|| Timestamp::from_millis(9_000)).build();
    let (may_open, may_publish) = (Semaphore::new(0), Semaphore::new(9));
    let slow = Arc::new(Slow { engine, may_open, may_publish });
    let broker = Broker::builder_shared(slow.clone()).build();
    (LongPoll::builder(broker).build(), slow)
}

#[tokio::test(start_paused = true)]
async fn a_time_out_before_the_category_is_open_moves_nobody_on() {
    let (polls, slow) = slow();
    publish(&polls, "a", 1).await;
    let id = "01234567-89ab-4def-8123-456789abcdef";
    for (rest, since) in [
        ("&since_time=7", 7),
        ("&since_time=0", 0),
        (&*format!("&since_time=8&last_id={id}"), 8),
        ("", 9_000),
    ] {
        let answer = poll(&polls, &format!("timeout=1&category=a{rest}")).await;
        assert_eq!(answer.json()["timestamp"], since, "{answer:?}");
    }
    let strict = poll(&polls, "form=strict&timeout=1&category=a&category=b").await;
    assert_eq!((strict.status.as_u16(), strict.header("retry-after")), (503, Some("1")));
    slow.may_open.add_permits(2);
    let answer = poll(&polls, "timeout=1&category=a&since_time=7").await;
    assert_eq!(answer.data(), [1]);
}

/// What comes while it opens comes after a poll from now on, and is given to it.
#[tokio::test(start_paused = true)]
async fn what_comes_while_it_opens_is_not_missed() {
    let (polls, slow) = slow();
    publish(&polls, "a", "before").await;
    let waiting = ["", "form=strict&"].map(|form| {
        let polls = polls.clone();
        tokio::spawn(async move { poll(&polls, &format!("{form}timeout=9&category=a")).await })
    });
    while polls.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    publish(&polls, "a", "after").await;
    slow.may_open.add_permits(1);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().data(), ["after"]);
    }
}

/// Hole 9: a disk that takes its time stops those who publish, and nobody else.
#[tokio::test(start_paused = true)]
async fn a_slow_disk_does_not_stop_those_who_poll() {
    let (polls, slow) = slow();
    slow.may_open.add_permits(2);
    publish(&polls, "a", 1).await;
    slow.may_publish.forget_permits(9);
    let stuck = tokio::spawn({
        let polls = polls.clone();
        async move { publish(&polls, "a", 2).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(poll(&polls, "timeout=1&category=a&since_time=0").await.data(), [1]);
    let began = tokio::time::Instant::now();
    assert!(poll(&polls, "timeout=1&category=b").await.data().is_empty());
    assert_eq!(began.elapsed().as_secs(), 1);
    assert!(!stuck.is_finished());
    slow.may_publish.add_permits(1);
    stuck.await.unwrap();
    assert_eq!(poll(&polls, "timeout=1&category=a&since_time=0").await.data(), [1, 2]);
}
