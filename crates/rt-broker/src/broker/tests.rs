use super::*;
use crate::bounds::Bounds;
use crate::position::{Epoch, Offset};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};

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

#[test]
fn a_log_that_failed_to_open_does_not_remove_its_successor() {
    let broker = Broker::in_memory();
    let failed = Log::new("t".into(), broker.node(), Bounds::new());
    let _subscription = broker.subscribe("t", Start::Live).unwrap();
    broker.forget(&failed);
    assert_eq!(broker.open_topics(), 1);
    broker.forget(&broker.log("t", Timestamp::now()).unwrap());
    assert_eq!(broker.open_topics(), 0);
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
