//! The file engine: the conformance suite, and what only it does.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used)]

mod backup;
mod conforms;
mod damaged;
mod edits;
#[cfg(unix)]
mod fails;
#[cfg(unix)]
mod kill;
mod logged;
mod oracle;
mod refused;
mod reopen;
mod support;
#[cfg(target_os = "linux")]
mod synced;
mod torn;

use rt_broker::{Bounds, Broker, Delivery, Durability, FileEngine, Message, Start, Subscription};
use std::path::Path;
use std::time::Duration;

const LARGE: Bounds = Bounds::new().count(100_000).bytes(64 << 20);

fn open(path: &Path, durability: Durability) -> Broker {
    Broker::builder(FileEngine::builder(path).bounds(LARGE).durability(durability).open().unwrap())
        .build()
}

async fn publish(broker: &Broker, topic: &str, text: impl Into<String>) -> rt_broker::Receipt {
    broker.publish(topic, Message::text(text.into())).await.unwrap()
}

/// All that is held, as subscribers are given it.
async fn held(broker: &Broker, topic: &str) -> Vec<String> {
    let page = broker.engine().history().read(topic, Start::Earliest, usize::MAX).await.unwrap();
    page.entries.iter().map(|entry| entry.publication().data().unwrap().to_owned()).collect()
}

async fn next(subscription: &mut Subscription) -> Delivery {
    let next = tokio::time::timeout(Duration::from_secs(20), subscription.next());
    next.await.expect("in time").expect("a subscription that is open").unwrap()
}

/// The data of the next `count` publications; panics at a gap.
async fn take(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match next(subscription).await {
            Delivery::Gap(gap) => panic!("a gap where nothing was lost: {gap:?}"),
            Delivery::Batch(batch) => taken
                .extend(batch.entries().iter().map(|e| e.publication().data().unwrap().to_owned())),
        }
    }
    taken
}
