//! Steps that the checks share.

use super::subject::Subject;
use crate::bounds::Bounds;
use crate::broker::Broker;
use crate::delivery::Delivery;
use crate::engine::history::Receipt;
use crate::message::Message;
use crate::publication::Publication;
use crate::subscription::Subscription;

pub(super) async fn broker(subject: &dyn Subject, bounds: Bounds) -> Broker {
    Broker::builder_shared(subject.engine(bounds).await).build()
}

pub(super) async fn two_nodes(subject: &dyn Subject) -> [Broker; 2] {
    let engine = subject.engine(Bounds::new()).await;
    [0, 1].map(|_| Broker::builder_shared(engine.clone()).build())
}

pub(super) async fn publish(broker: &Broker, topic: &str, data: impl Into<String>) -> Receipt {
    broker.publish(topic, Message::text(data.into())).await.expect("published")
}

pub(super) async fn next(subscription: &mut Subscription) -> Delivery {
    subscription.next().await.expect("the stream goes on").expect("delivered")
}

/// Returns the data of the next `count` publications; panics at a gap.
pub(super) async fn take(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match next(subscription).await {
            Delivery::Gap(gap) => panic!("a gap where nothing was lost: {gap:?}"),
            Delivery::Batch(batch) => {
                taken.extend(batch.entries().iter().map(|entry| data(entry.publication())));
            }
        }
    }
    assert_eq!(taken.len(), count, "more came than was published");
    taken
}

pub(super) fn data(publication: &Publication) -> String {
    publication.data().unwrap_or_default().to_owned()
}

/// Asserts that there are no more deliveries.
pub(super) fn nothing_more(subscription: &mut Subscription) {
    let next = subscription.try_next().expect("readable");
    assert!(next.is_none(), "something came that should not: {next:?}");
}
