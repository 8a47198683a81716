//! The memory engine: the conformance suite, and what only it does.

use futures_core::Stream;
use rt_broker::conformance::{self, DamagedEngine, Subject};
use rt_broker::{
    Bounds, BoxFuture, Broker, ClaimRequest, Delivery, Engine, GapReason, MemoryEngine, Message,
    Offset, Start, SubscribeOptions, Timestamp,
};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_795_230_332_805)))
    }
}

impl Clock {
    fn engine(&self) -> rt_broker::MemoryEngineBuilder {
        let clock = self.0.clone();
        MemoryEngine::builder().clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)))
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Subject for Clock {
    fn engine(&self, bounds: Bounds) -> BoxFuture<'_, Arc<dyn Engine>> {
        let engine: Arc<dyn Engine> = Arc::new(self.engine().bounds(bounds).build());
        Box::pin(std::future::ready(engine))
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        self.advance(by);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_engine_conforms() {
    conformance::run(&Clock::default()).await;
}

/// Engines of which publications can be damaged.
#[derive(Default)]
struct Fragile {
    clock: Clock,
    last: Mutex<Option<Arc<DamagedEngine>>>,
}

impl Subject for Fragile {
    fn engine(&self, bounds: Bounds) -> BoxFuture<'_, Arc<dyn Engine>> {
        let engine = self.clock.engine().bounds(bounds).build();
        let engine = Arc::new(DamagedEngine::new(engine));
        *self.last.lock().expect("whole") = Some(engine.clone());
        Box::pin(std::future::ready(engine as Arc<dyn Engine>))
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        self.clock.advance(by);
        Box::pin(std::future::ready(()))
    }

    fn damage<'a>(
        &'a self,
        topic: &'a str,
        offsets: RangeInclusive<Offset>,
    ) -> BoxFuture<'a, bool> {
        let engine = self.last.lock().expect("whole");
        engine.iter().for_each(|engine| engine.damage(topic, offsets.clone()));
        Box::pin(std::future::ready(true))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_engine_that_reports_what_it_lost_conforms() {
    conformance::run(&Fragile::default()).await;
}

#[tokio::test]
async fn at_the_cap_the_least_recently_used_topic_goes() {
    let broker = Broker::builder(MemoryEngine::builder().max_topics(3).build()).build();
    let publish = async |topic: &str| broker.publish(topic, Message::text("x")).await;
    for topic in ["a", "b", "c"] {
        publish(topic).await.unwrap();
    }
    let held = broker.subscribe("a", Start::Live).unwrap();
    publish("c").await.unwrap();
    publish("d").await.unwrap();
    assert_eq!(broker.topics().iter().map(|t| &**t).collect::<Vec<_>>(), ["a", "c", "d"]);
    let others = ["c", "d"].map(|topic| broker.subscribe(topic, Start::Live).unwrap());
    assert!(publish("e").await.unwrap_err().is_full());
    assert!(broker.subscribe("e", Start::Live).unwrap_err().is_full());
    drop((held, others));
    publish("e").await.unwrap();
    assert_eq!(broker.topics().len(), 3);
}

#[tokio::test]
async fn a_topic_that_was_dropped_under_an_idle_log_comes_back_whole() {
    let broker = Broker::builder(MemoryEngine::builder().max_topics(1).build()).build();
    let text = |text: &'static str| Message::text(text);
    let first = broker.publish("a", text("1")).await.unwrap().position();
    drop(broker.subscribe("a", Start::Live).unwrap());
    broker.publish("b", text("2")).await.unwrap();
    let mut again = broker.subscribe("a", Start::After(first)).unwrap();
    assert!(
        matches!(again.next().await.unwrap().unwrap(), Delivery::Gap(g) if g.reason() == GapReason::Epoch)
    );
    broker.publish("a", text("3")).await.unwrap();
    assert!(matches!(again.next().await.unwrap().unwrap(), Delivery::Batch(_)));
}

#[tokio::test]
async fn all_history_together_is_bounded() {
    let engine = Arc::new(MemoryEngine::builder().max_bytes(1000).build());
    let broker = Broker::builder_shared(engine.clone()).build();
    for n in 0..100 {
        let message = Message::text("x".repeat(100));
        broker.publish(&format!("t{}", n / 5), message).await.unwrap();
        assert!(engine.bytes() <= 1000, "{} bytes", engine.bytes());
    }
    assert!(engine.bytes() >= 900);
    let _used: Vec<_> =
        broker.topics().iter().map(|t| broker.subscribe(t, Start::Live).unwrap()).collect();
    for _ in 0..20 {
        broker.publish("t19", Message::text("x".repeat(100))).await.unwrap();
    }
    assert!(engine.bytes() <= 1000, "a topic that grows gives up its own oldest");
}

#[tokio::test]
async fn what_is_empty_and_unused_is_freed() {
    let clock = Clock::default();
    let bounds = Bounds::new().age(Duration::from_secs(10));
    let broker = Broker::builder(clock.engine().bounds(bounds).build()).build();
    for n in 0..1000 {
        let topic = format!("t{n}");
        broker.publish(&topic, Message::text("x")).await.unwrap();
        drop(broker.subscribe(&topic, Start::Live).unwrap());
    }
    assert_eq!((broker.topics().len(), broker.open_topics()), (1000, 1000));
    let used = broker.subscribe("t7", Start::Live).unwrap();
    clock.advance(Duration::from_secs(61));
    broker.sweep();
    assert_eq!(broker.topics().len(), 1);
    drop(used);
    clock.advance(Duration::from_secs(61));
    broker.sweep();
    assert_eq!((broker.topics().len(), broker.open_topics()), (0, 0));
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_window() {
    let clock = Clock::default();
    let broker = Broker::builder(clock.engine().build()).build();
    let keyed = || Message::text("x").with_idempotency_key("k");
    let first = broker.publish("t", keyed()).await.unwrap();
    clock.advance(Duration::from_secs(299));
    assert!(broker.publish("t", keyed()).await.unwrap().is_duplicate());
    clock.advance(Duration::from_secs(2));
    let later = broker.publish("t", keyed()).await.unwrap();
    assert!(!later.is_duplicate() && later.position() != first.position());
}

#[tokio::test]
async fn others_messages_to_one_client_are_no_gap_for_the_rest() {
    let broker = Broker::in_memory();
    let mut ann = broker.subscribe("t", SubscribeOptions::new(Start::Live).client("ann")).unwrap();
    for _ in 0..1000 {
        broker.publish("t", Message::text("x").to_client("bob")).await.unwrap();
    }
    broker.publish("t", Message::text("for all")).await.unwrap();
    let Delivery::Batch(batch) = ann.next().await.unwrap().unwrap() else {
        panic!("nothing was lost")
    };
    assert_eq!(batch.entries().len(), 1);
}

#[tokio::test]
async fn what_is_lost_under_subscribers_is_a_gap_for_each_that_had_not_read_it() {
    let engine = Arc::new(DamagedEngine::new(MemoryEngine::default()));
    let broker = Broker::builder_shared(engine.clone()).build();
    let [mut read, mut unread] = [0, 1].map(|_| broker.subscribe("t", Start::Live).unwrap());
    for data in ["1", "2", "3"] {
        broker.publish("t", Message::text(data)).await.unwrap();
    }
    let Delivery::Batch(batch) = read.next().await.unwrap().unwrap() else { panic!("a gap") };
    assert_eq!(batch.entries().len(), 3);
    // A reader that waits is not disturbed by what it has read.
    engine.damage("t", Offset::new(2)..=Offset::new(2));
    assert!(read.try_next().unwrap().is_none());
    let all = unread.try_all().unwrap();
    let [Delivery::Batch(first), Delivery::Gap(gap), Delivery::Batch(last)] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        [first, last].map(|batch| batch.entries()[0].publication().data().unwrap()),
        ["1", "3"]
    );
    assert_eq!(gap.reason(), GapReason::Lost);
    assert_eq!(gap.from(), first.through().to_string());
    assert_eq!(gap.resume().offset(), Offset::new(2));
    // What was lost before it came to be read: the next publication wakes its readers.
    let woken = tokio::spawn(async move { read.next().await.unwrap().unwrap() });
    tokio::task::yield_now().await;
    engine.damage("t", Offset::new(4)..=Offset::new(5));
    let Delivery::Gap(gap) = woken.await.unwrap() else { panic!("no gap") };
    assert_eq!((gap.reason(), gap.resume().offset()), (GapReason::Lost, Offset::new(5)));
}

#[tokio::test]
async fn a_message_is_checked_when_it_is_published() {
    let broker = Broker::in_memory();
    let mut subscription = broker.subscribe("t", Start::Live).unwrap();
    for message in
        [Message::json("{"), Message::text("x").with_id("a\nb"), Message::text(&b"\xff"[..])]
    {
        assert!(broker.publish("t", message).await.unwrap_err().is_invalid());
    }
    assert!(subscription.try_next().unwrap().is_none());
}

#[tokio::test]
async fn names_of_topics_are_checked() {
    let broker = Broker::in_memory();
    for name in ["".to_owned(), "x".repeat(1025)] {
        assert!(broker.subscribe(&name, Start::Live).unwrap_err().is_invalid());
        let message = Message::text("x");
        assert!(broker.publish(&name, message).await.unwrap_err().is_invalid());
    }
}

/// Whatever call it is that drops what is too old: the count of all bytes follows.
#[tokio::test]
async fn what_expires_in_any_call_is_counted_out() {
    let clock = Clock::default();
    let bounds = Bounds::new().age(Duration::from_secs(1));
    for bounds in [bounds, bounds.delete_after_retrieval(Duration::from_secs(9))] {
        let engine = Arc::new(clock.engine().bounds(bounds).build());
        let broker = Broker::builder_shared(engine.clone()).build();
        for (topic, text) in [("a", "xxx"), ("b", "yy"), ("c", "z")] {
            broker.publish(topic, Message::text(text)).await.unwrap();
        }
        assert_eq!(engine.bytes(), 6);
        clock.advance(Duration::from_secs(2));
        engine.history().read("a", Start::Earliest, 9).await.unwrap();
        assert_eq!(engine.bytes(), 3);
        let request = ClaimRequest::new(Start::Earliest).limit(9).bytes(9);
        let claimed = engine.history().claim("b", request).await;
        let claims = bounds.deletes_after_retrieval();
        assert_eq!((claimed.is_ok(), engine.bytes()), (claims, if claims { 1 } else { 3 }));
        broker.sweep();
        assert_eq!(engine.bytes(), 0);
    }
}

#[tokio::test]
async fn a_cancelled_subscription_counts_no_more_and_keeps_its_position() {
    let broker = Broker::in_memory();
    let mut first = broker.subscribe("t", Start::Live).unwrap();
    let canceller = first.canceller();
    let publish = async |data: &'static str| {
        broker.publish("t", Message::text(data)).await.unwrap().reached()
    };
    assert_eq!(publish("seen").await, 1);
    assert!(matches!(first.try_next(), Ok(Some(_))));
    let position = first.position();
    canceller.cancel();
    canceller.cancel();
    assert_eq!(publish("not seen").await, 0);
    assert!(matches!(first.try_next(), Ok(None)));
    assert_eq!(first.position(), position);

    // A later subscription in the same place is another one.
    drop(first);
    let mut second = broker.subscribe("t", Start::Live).unwrap();
    canceller.cancel();
    assert_eq!(publish("again").await, 1);
    assert!(matches!(second.try_next(), Ok(Some(_))));
}

#[tokio::test]
async fn cancelling_wakes_whoever_waits() {
    let broker = Broker::in_memory();
    let mut subscription = broker.subscribe("t", Start::Live).unwrap();
    let canceller = subscription.canceller();
    let polls = std::cell::Cell::new(0);
    let wait = std::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        let next = std::pin::Pin::new(&mut subscription).poll_next(cx);
        if polls.get() == 2 {
            std::task::Poll::Ready(next.is_pending())
        } else {
            std::task::Poll::Pending
        }
    });
    let (still_pending, ()) = tokio::join!(wait, async { canceller.cancel() });
    assert!(still_pending);
}
