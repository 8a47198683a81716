//! The memory engine as the oracle: after any steps, with reopenings between them, both hold the
//! same.

use super::held;
use proptest::prelude::*;
use rt_broker::{
    Bounds, Broker, ClaimRequest, Durability, FileEngine, MemoryEngine, Message, Position, Start,
    Timestamp,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time goes on in steps of 100 ms, and no age or lease ends near one: two engines may stamp some
/// milliseconds apart, where a topic that is made again has to stand above older marks.
const STEP: u64 = 100;
const TOPICS: usize = 3;
const BOUNDS: [Bounds; TOPICS] = [
    Bounds::new().count(5),
    Bounds::new().bytes(60).age(Duration::from_millis(5_050)),
    Bounds::new().count(20).delete_after_retrieval(Duration::from_millis(4_050)),
];

#[derive(Clone, Debug)]
enum Step {
    Publish { topic: usize, size: usize },
    Comment { topic: usize },
    Advance { by: u64 },
    Remove { topic: usize },
    Claim { limit: usize },
    Confirm,
    Sweep,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..TOPICS, 0..30_usize).prop_map(|(topic, size)| Step::Publish { topic, size }),
        1 => (0..TOPICS).prop_map(|topic| Step::Comment { topic }),
        3 => (0..30_u64).prop_map(|by| Step::Advance { by }),
        1 => (0..TOPICS).prop_map(|topic| Step::Remove { topic }),
        2 => (1..5_usize).prop_map(|limit| Step::Claim { limit }),
        2 => Just(Step::Confirm),
        1 => Just(Step::Sweep),
        1 => Just(Step::Reopen),
    ]
}

fn name(topic: usize) -> String {
    format!("t{topic}")
}

fn bounds(name: &str) -> Bounds {
    BOUNDS[name[1..].parse::<usize>().expect("a number")]
}

async fn compare(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_795_230_332_805));
    let now = || {
        let clock = clock.clone();
        move || Timestamp::from_millis(clock.load(Ordering::Relaxed))
    };
    let open = || {
        let engine = FileEngine::builder(folder.path().join("store")).durability(Durability::None);
        let engine = engine.bounds_of(bounds).clock(now()).open().unwrap();
        Broker::builder(engine).build()
    };
    let memory = MemoryEngine::builder().bounds_of(bounds).clock(now()).build();
    let memory = Broker::builder(memory).build();
    let mut file = open();
    let mut confirm: Option<[Position; 2]> = None;
    for (n, step) in steps.iter().enumerate() {
        match *step {
            Step::Publish { topic, size } => {
                let message = Message::text(format!("{n}{}", "x".repeat(size)));
                for broker in [&memory, &file] {
                    broker.publish(&name(topic), message.clone()).await.unwrap();
                }
            }
            Step::Comment { topic } => {
                for broker in [&memory, &file] {
                    broker.publish(&name(topic), Message::comment_only("c")).await.unwrap();
                }
            }
            Step::Advance { by } => drop(clock.fetch_add(by * STEP, Ordering::Relaxed)),
            Step::Remove { topic } => {
                for broker in [&memory, &file] {
                    broker.engine().history().remove(&name(topic)).await.unwrap();
                }
            }
            Step::Claim { limit } => {
                let mut last = Vec::new();
                let mut texts = Vec::new();
                for broker in [&memory, &file] {
                    let claim = broker
                        .engine()
                        .history()
                        .claim("t2", ClaimRequest::new(Start::Earliest).limit(limit).bytes(50));
                    let entries = claim.await.unwrap().entries;
                    last.extend(entries.last().map(|entry| entry.publication().position()));
                    let text =
                        |e: &Arc<rt_broker::Entry>| e.publication().data().map(str::to_owned);
                    texts.push(entries.iter().map(text).collect::<Vec<_>>());
                }
                assert_eq!(texts[0], texts[1], "step {n}");
                confirm = last.try_into().ok().or(confirm);
            }
            Step::Confirm => {
                if let Some(positions) = confirm.take() {
                    for (broker, position) in [&memory, &file].into_iter().zip(positions) {
                        broker.engine().history().confirm("t2", position).await.unwrap();
                    }
                }
            }
            Step::Sweep => [&memory, &file].into_iter().for_each(Broker::sweep),
            Step::Reopen => {
                drop(file);
                // Leases end with the engine: in memory with their time.
                clock.fetch_add(41 * STEP, Ordering::Relaxed);
                confirm = None;
                file = open();
            }
        }
        for topic in 0..TOPICS {
            let name = name(topic);
            assert_eq!(
                held(&memory, &name).await,
                held(&file, &name).await,
                "{name} after step {n}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn it_holds_what_memory_holds(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(steps));
    }
}
