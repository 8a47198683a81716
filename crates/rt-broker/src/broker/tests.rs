use super::*;
use crate::bounds::Bounds;
use crate::boxed_future::BoxFuture;
use crate::engine::control::Control;
use crate::engine::history::Page;
use crate::engine::presence::Presence;
use crate::engine::{Capabilities, Health};
use crate::position::{Epoch, Offset};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use std::future::ready;

#[tokio::test]
async fn a_subscription_ends_after_an_error() {
    let broker = Broker::in_memory();
    let mut subscription = broker.subscribe("t", Start::Live).unwrap();
    broker.publish("t", Message::text("1")).await.unwrap();
    assert!(subscription.next().await.unwrap().is_ok());
    let log = broker.log("t", Timestamp::now()).unwrap();
    drop(log.fail(&Error::unavailable("it cannot be read", "a disk")));
    assert!(subscription.next().await.unwrap().unwrap_err().is_unavailable());
    assert!(subscription.next().await.is_none());
    // The next subscriber gets another log.
    let mut again = broker.subscribe("t", Start::Earliest).unwrap();
    assert!(again.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_cancelled_subscription_keeps_its_position_when_the_log_is_closed() {
    let broker = Broker::in_memory();
    let mut subscription = broker.subscribe("t", Start::Live).unwrap();
    let position = broker.publish("t", Message::text("1")).await.unwrap().position();
    assert!(subscription.next().await.unwrap().is_ok());
    subscription.canceller().cancel();
    assert!(broker.log("t", Timestamp::now()).unwrap().close_unless_used());
    assert_eq!(subscription.position(), Some(position));
    assert!(subscription.try_next().unwrap().is_none());
}

/// As with a remote engine, whose log receives the publication later.
#[test]
fn a_receipt_that_does_not_say_counts_the_subscribers() {
    let broker = Broker::in_memory();
    let position = Position::new(Epoch::random(), Offset::new(1));
    let receipt = Receipt::new(position, Timestamp::now());
    let _subscriptions = [0, 1].map(|_| broker.subscribe("t", Start::Live).unwrap());
    assert_eq!(broker.count_unless_known(receipt, "t").reached(), 2);
    assert_eq!(broker.count_unless_known(receipt.with_reached(1), "t").reached(), 1);
    assert_eq!(broker.count_unless_known(receipt.as_duplicate(), "t").reached(), 0);
    assert_eq!(broker.count_unless_known(receipt, "other").reached(), 0);
}

/// An engine that fails to open the first log, after another caller has replaced it.
struct ContendedEngine {
    memory: MemoryEngine,
    /// Subscribes while the first log is being opened.
    contender: Mutex<Option<Broker>>,
    successor: Mutex<Option<Subscription>>,
}

impl Engine for ContendedEngine {
    fn history(&self) -> &dyn History {
        self
    }

    fn presence(&self) -> &dyn Presence {
        self.memory.presence()
    }

    fn control(&self) -> &dyn Control {
        self.memory.control()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        self.memory.health()
    }

    fn sweep(&self) {}
}

impl History for ContendedEngine {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        message: Message,
        from: NodeId,
    ) -> BoxFuture<'a, Result<Receipt, Error>> {
        self.memory.history().publish(topic, message, from)
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        self.memory.history().read(topic, start, limit)
    }

    fn tail<'a>(&'a self, topic: &'a str, log: Arc<Log>) -> BoxFuture<'a, Result<(), Error>> {
        let Some(contender) = self.contender.lock().unwrap().take() else {
            return self.memory.history().tail(topic, log);
        };
        assert!(log.close_unless_used());
        *self.successor.lock().unwrap() = contender.subscribe(topic, Start::Live).ok();
        Box::pin(ready(Err(Error::unavailable("it cannot be read", "a disk"))))
    }

    fn claim<'a>(
        &'a self,
        topic: &'a str,
        request: ClaimRequest,
    ) -> BoxFuture<'a, Result<Claim, Error>> {
        self.memory.history().claim(topic, request)
    }

    fn confirm<'a>(
        &'a self,
        topic: &'a str,
        position: Position,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.memory.history().confirm(topic, position)
    }

    fn remove<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.memory.history().remove(topic)
    }

    fn now(&self) -> Timestamp {
        self.memory.history().now()
    }

    fn watermark(&self, topic: &str) -> Timestamp {
        self.memory.history().watermark(topic)
    }

    fn bounds(&self, topic: &str) -> Bounds {
        self.memory.history().bounds(topic)
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.memory.history().topics()
    }
}

#[test]
fn a_log_that_failed_to_open_does_not_remove_its_successor() {
    let engine = Arc::new(ContendedEngine {
        memory: MemoryEngine::default(),
        contender: Mutex::default(),
        successor: Mutex::default(),
    });
    let broker = Broker::builder_shared(engine.clone()).build();
    *engine.contender.lock().unwrap() = Some(broker.clone());
    assert!(broker.subscribe("t", Start::Live).unwrap_err().is_unavailable());
    assert_eq!(broker.open_topics(), 1);
    assert!(engine.successor.lock().unwrap().take().is_some());
}

/// A recorder of the counter of publications alone.
#[derive(Default)]
struct Publications(Arc<AtomicU64>);

struct Add(Arc<AtomicU64>);

impl CounterFn for Add {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, _: u64) {}
}

impl metrics::Recorder for Publications {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "rt_broker_publications_total" => Counter::from_arc(Arc::new(Add(self.0.clone()))),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_duplicate_is_not_counted_as_a_publication() {
    let recorder = Publications::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let broker = Broker::in_memory();
    metrics::with_local_recorder(&recorder, || {
        for duplicate in [false, true] {
            let message = Message::text("x").with_idempotency_key("k");
            let receipt = runtime.block_on(broker.publish("t", message)).unwrap();
            assert_eq!(receipt.is_duplicate(), duplicate);
        }
    });
    assert_eq!(recorder.0.load(Ordering::Relaxed), 1);
}
