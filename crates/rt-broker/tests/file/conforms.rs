//! The conformance suite, with each durability.

use rt_broker::conformance::{self, Subject};
use rt_broker::{Bounds, BoxFuture, Durability, Engine, FileEngine, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Stores {
    durability: Durability,
    folder: tempfile::TempDir,
    made: AtomicU64,
    clock: Arc<AtomicU64>,
}

impl Subject for Stores {
    fn engine(&self, bounds: Bounds) -> BoxFuture<'_, Arc<dyn Engine>> {
        let path = self.folder.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        let clock = self.clock.clone();
        let engine = FileEngine::builder(path).bounds(bounds).durability(self.durability);
        let engine = engine
            .clock(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)))
            .open()
            .unwrap();
        Box::pin(std::future::ready(Arc::new(engine) as Arc<dyn Engine>))
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        self.clock.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }
}

async fn conforms(durability: Durability) {
    let clock = Arc::new(AtomicU64::new(1_795_230_332_805));
    let folder = tempfile::tempdir().unwrap();
    conformance::run(&Stores { durability, folder, made: AtomicU64::new(0), clock }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_every_publication_synced() {
    conforms(Durability::Always).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_group_commit() {
    conforms(Durability::Group { bytes: 1 << 16, period: Duration::from_millis(20) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_syncs() {
    conforms(Durability::None).await;
}
