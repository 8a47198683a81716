use super::*;
use crate::position::{Epoch, Offset};

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
