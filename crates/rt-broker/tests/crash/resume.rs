//! Subscribers that come back with positions of earlier lives.

use super::life::{Simulation, TOPICS, done, held};
use super::model::Resumed;
use rt_broker::{Broker, Delivery, FileEngine, History, Start};
use std::sync::Arc;
use tokio::runtime::Builder;

/// Positions of each topic with which somebody comes back.
const POSITIONS: usize = 4;

impl Simulation {
    /// Comes back with some positions that were given out in this life or an earlier one, once to
    /// read a page and once to subscribe.
    pub fn check_resuming(&mut self, engine: FileEngine) -> FileEngine {
        self.note_time(&engine);
        let engine = Arc::new(engine);
        for topic in TOPICS {
            let positions = self.topics[topic].positions(&mut self.random, POSITIONS);
            for from in positions {
                let start = Start::After(from);
                let page = done(&engine, engine.read(topic, start.clone(), usize::MAX));
                let page = page.expect("nothing fails");
                let read = Resumed { gap: page.lost, entries: page.entries };
                let held = held(&engine, topic).expect("nothing fails");
                self.topics[topic].check_resume(from, &read, &held);
                if !topic.starts_with("queue") {
                    let subscribed = subscribe(&engine, topic, start);
                    self.topics[topic].check_resume(from, &subscribed, &held);
                    let entries = |resumed: &Resumed| resumed.entries.len();
                    assert_eq!(entries(&read), entries(&subscribed), "after {from} of {topic}");
                }
            }
        }
        Arc::into_inner(engine).expect("its brokers are gone")
    }
}

fn subscribe(engine: &Arc<FileEngine>, topic: &str, start: Start) -> Resumed {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let _guard = runtime.enter();
    let broker = Broker::builder_shared(engine.clone()).build();
    let mut subscription = broker.subscribe(topic, start).expect("a subscription");
    // It asked to be fed from the log, and now it is.
    engine.turn();
    let mut resumed = Resumed { gap: false, entries: Vec::new() };
    for delivery in subscription.try_all().expect("nothing fails") {
        match delivery {
            Delivery::Gap(_) => resumed.gap = true,
            Delivery::Batch(batch) => resumed.entries.extend(batch.entries().iter().cloned()),
        }
    }
    resumed
}
