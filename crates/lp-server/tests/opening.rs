//! A store that is slow: who polls while it opens a category must not be moved on past what it has
//! not seen, and who polls while it writes must not wait for that.

mod common;

use common::{poll, publish};
use lp_server::LongPoll;
use rt_broker::{
    Bounds, BoxFuture, Broker, ControlHandler, Engine, Error, Health, Log, MemoryEngine, Message,
    NodeId, Page, PresenceEntry, Promises, Receipt, Start,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The engine in memory, opening logs and storing publications only when it is let to.
struct Slow {
    engine: MemoryEngine,
    may_open: Semaphore,
    may_publish: Semaphore,
}

impl Engine for Slow {
    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.may_open.acquire().await.expect("never closed").forget();
            self.engine.tail(topic, log).await
        })
    }

    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            self.may_publish.acquire().await.expect("never closed").forget();
            self.engine.publish(topic, message).await
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        self.engine.read(topic, start, limit)
    }

    fn now(&self) -> u64 {
        self.engine.now()
    }

    fn watermark(&self, topic: &str) -> u64 {
        self.engine.watermark(topic)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        self.engine.bounds(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.engine.topics()
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.remove(topic)
    }

    fn presence_set<'a>(
        &'a self,
        topic: &'a str,
        entry: PresenceEntry,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.presence_set(topic, entry, ttl)
    }

    fn presence_remove<'a>(
        &'a self,
        topic: &'a str,
        node: NodeId,
        client: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.presence_remove(topic, node, client)
    }

    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<PresenceEntry>, Error>> {
        self.engine.presence(topic)
    }

    fn control_send<'a>(
        &'a self,
        from: NodeId,
        message: bytes::Bytes,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.control_send(from, message)
    }

    fn control_receive<'a>(
        &'a self,
        node: NodeId,
        handler: &'a ControlHandler,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.engine.control_receive(node, handler)
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        self.engine.health()
    }

    fn promises(&self) -> Promises {
        self.engine.promises()
    }

    fn sweep(&self) {
        self.engine.sweep();
    }
}

fn slow() -> (LongPoll, Arc<Slow>) {
    let engine = MemoryEngine::builder().clock(|| 9_000).build();
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
